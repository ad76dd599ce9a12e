//! What a model's folder has for the gate `verbatim`, in words.

use pregonero_models::verbatim::{OWN_TEXTS, OwnTexts, VERBATIM_INDEX, VerbatimIndex};

/// Describes what a model's folder has for the `verbatim` gate, or returns `None` if it has nothing.
pub(super) fn compared(index: Option<&VerbatimIndex>, own_texts: Option<&OwnTexts>) -> Option<String> {
    let runs = index.map(|index| format!("{} runs of {} words ({VERBATIM_INDEX})", index.len(), index.window()));
    let own = own_texts.map(|own_texts| {
        let plural = if own_texts.len() == 1 { "" } else { "s" };
        format!("{} own text{plural} ({OWN_TEXTS})", own_texts.len())
    });
    let parts: Vec<String> = runs.into_iter().chain(own).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}
