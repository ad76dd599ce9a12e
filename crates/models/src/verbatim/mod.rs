//! What a generator may not repeat of its training: runs of words of other people's texts, and its operator's own texts as
//! a whole. Training writes the files, the gate `verbatim` reads them, and the evaluation counts copies with them.

mod index;
mod own_texts;

use anyhow::{Context as _, Result};

use crate::catalog::ModelFiles;
pub use crate::catalog::{OWN_TEXTS, VERBATIM_INDEX};

pub use index::{DEFAULT_WINDOW, VerbatimIndex, VerbatimIndexError};
pub use own_texts::{Comparison, OwnText, OwnTexts, OwnTextsError};

/// Opens the index of what a generator was trained on, or returns `None` if it has none.
///
/// # Errors
/// If the file is no index or damaged.
pub fn index_of(generator: &ModelFiles) -> Result<Option<VerbatimIndex>> {
    if !generator.has(VERBATIM_INDEX) {
        return Ok(None);
    }
    let index = VerbatimIndex::read(&generator.read(VERBATIM_INDEX)?);
    index.map(Some).with_context(|| generator.display(VERBATIM_INDEX))
}

/// Opens the texts that a generator was trained on and that its operator wrote, or returns `None` if it has none.
///
/// # Errors
/// If the file is something else or damaged.
pub fn own_texts_of(generator: &ModelFiles) -> Result<Option<OwnTexts>> {
    match generator {
        _ if !generator.has(OWN_TEXTS) => Ok(None),
        // `ModelFiles::read` would load it into memory: it may be large, and each round reads it again as a stream.
        ModelFiles::Folder(folder) => OwnTexts::open(&folder.join(OWN_TEXTS)).map(Some),
        ModelFiles::Embedded(_) => {
            OwnTexts::in_memory(generator.read(OWN_TEXTS)?).map(Some).with_context(|| generator.display(OWN_TEXTS))
        }
    }
}
