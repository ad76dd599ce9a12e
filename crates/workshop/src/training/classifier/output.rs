//! Where a classifier is written, and in which form.

use std::path::Path;

use anyhow::{Result, bail};
use candle_core::DType;
use serde::{Deserialize, Serialize};

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

/// Checks before the training what would fail after it.
pub fn check_output(output: &Path, overwrite: bool) -> Result<()> {
    if output.exists() && !overwrite {
        bail!("{}: exists already; choose another folder or pass --overwrite", output.display());
    }
    Ok(())
}
