//! Where a classifier is written, and in which form.

use std::path::{Path, PathBuf};

use anyhow::Result;
use candle_core::DType;
use serde::{Deserialize, Serialize};

use pregonero_data::trained_on::TRAINED_ON;
use pregonero_models::catalog::WEIGHTS;
use pregonero_models::sentiment::{CONFIG_FILE, VOCABULARY_FILE};
use pregonero_system::files::{Existing, OurFolder, refuse_existing_folder};

/// How weights are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WeightFormat {
    /// Single precision, as trained.
    F32,
    /// Half the size; probabilities move by about 0.001.
    F16,
}

impl WeightFormat {
    pub(super) fn dtype(self) -> DType {
        match self {
            Self::F32 => DType::F32,
            Self::F16 => DType::F16,
        }
    }
}

/// The training log, one line of JSON per epoch, from which the training curves are drawn.
pub const LOG_FILE: &str = "training.jsonl";

/// What `train classifier` and `train critic` leave in their folder. Older versions wrote no [`TRAINED_ON`].
const CLASSIFIER: OurFolder = OurFolder {
    what: "a classifier that this program trained",
    marks: &[CONFIG_FILE, VOCABULARY_FILE, WEIGHTS, LOG_FILE],
    others: &["README.md", TRAINED_ON],
};

/// Returns what may happen to a folder that exists.
#[must_use]
pub fn existing(overwrite: bool) -> Existing {
    Existing::OurFolder { ours: &CLASSIFIER, overwrite }
}

/// Checks before the training what would fail after it.
///
/// # Errors
/// If the folder cannot be written, or contains anything but a classifier that may be replaced.
pub fn check_output(output: &Path, overwrite: bool) -> Result<()> {
    refuse_existing_folder(output, existing(overwrite))
}

/// Returns the path next to the output folder whose name has this ending too.
pub(super) fn beside(output: &Path, ending: &str) -> PathBuf {
    let mut name = output.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    output.with_file_name(name)
}
