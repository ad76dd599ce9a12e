//! Why a decision was not taken, in the page's two languages.

use super::failure::Failure;
use super::language::Language;
use super::spanish::in_spanish;
use crate::review::ReviewError;
use pregonero_system::clock::shown;

/// A refused decision as the page shows it.
#[derive(Debug, Clone)]
pub struct Refusal {
    pub words: String,
    /// Gate and reason, in English.
    pub gates: Vec<(String, String)>,
}

/// Returns what the reader is to know, or the failure if it is not about the decision.
pub fn refusal(error: ReviewError, language: Language) -> Result<Refusal, Failure> {
    let say = |spanish: &str, english: &str| language.say(spanish, english).to_owned();
    let mut gates = Vec::new();
    let words = match &error {
        ReviewError::Expired { at, .. } => {
            format!(
                "{} {}",
                say("Caducó y ya no se puede aprobar:", "It expired and can no longer be approved:"),
                shown(*at)
            )
        }
        ReviewError::NothingToDecide { state, by, at, .. } => {
            let before =
                say("Ya no hay nada que decidir; su estado es", "There is nothing to decide any more; its state is");
            let by =
                by.as_ref().map(|by| format!(" ({by}{})", at.map(|at| format!(", {}", shown(at))).unwrap_or_default()));
            format!("{before}: {}{}", language.state(state.as_str()), by.unwrap_or_default())
        }
        ReviewError::TextChanged { .. } => say(
            "El texto ha cambiado desde que lo viste. Míralo otra vez antes de decidir.",
            "The text has changed since you saw it. Look at it again before you decide.",
        ),
        ReviewError::Refused { verdicts, .. } => {
            gates.extend(verdicts.iter().map(|verdict| (verdict.gate.clone(), verdict.reason.clone())));
            say("Los filtros no lo dejan pasar:", "The gates do not let it pass:")
        }
        ReviewError::NeedsFactCheck { claim, .. } => {
            gates.push(("claims".to_owned(), claim.trim_start_matches("claims: ").to_owned()));
            say(
                "El texto afirma algo que se puede comprobar: compruébalo y marca que lo hiciste.",
                "The text states something that can be checked: check it, and mark that you did.",
            )
        }
        ReviewError::Unchanged { .. } => {
            say("El texto es el mismo; nada cambió.", "The text is the same; nothing was changed.")
        }
        ReviewError::NoSuchCandidate { .. } => say("Ese candidato no existe.", "There is no such candidate."),
        ReviewError::NobodyToAsk { .. } => say("La revisión está desactivada.", "Review is switched off."),
        ReviewError::BadInput { what, why } => {
            let said = format!("{what}: {why}");
            let spanish = in_spanish(&said);
            say(spanish.as_deref().unwrap_or(&said), &said)
        }
        ReviewError::DeadLink { why } => {
            let said = format!("this link {why}");
            let spanish = in_spanish(&said).unwrap_or_else(|| "este enlace ya no sirve".to_owned());
            format!("{}.", say(&spanish, &said))
        }
        ReviewError::NoPost { .. } => return Err(Failure::NotFound),
        ReviewError::Judging(cause) => {
            tracing::error!("a text could not be judged: {cause:#}");
            return Err(Failure::Internal);
        }
        ReviewError::Store(_) => return Err(Failure::from(error)),
    };
    Ok(Refusal { words, gates })
}
