//! Gate `verbatim`: a model that repeats the texts it was trained on posts other people's words as its own, or the same
//! text of its operator again and again.
//!
//! Other people's texts are not shipped with the model, only hashes of their runs of words ([`VerbatimIndex`]). The operator's
//! own texts, if there are any, are ([`pregonero_models::verbatim::OwnTexts`]). A candidate may copy runs of words
//! from them; it is rejected if it is nearly the whole of one. All candidates of a round are compared with them at once
//! ([`super::Gates::near_own_texts`]), before the gates run.

use anyhow::{Result, bail};
use pregonero_models::verbatim::VerbatimIndex;
use pregonero_tweet::GateVerdict;

use super::{Gate, Reading, quote, reject};

pub(super) const NAME: &str = "verbatim";

/// Rejects a text with a run of more than `most` words from a training text, or one that is nearly a whole own text.
#[derive(Debug)]
pub(super) struct Verbatim {
    most: usize,
    /// One for each model that may have written the text.
    indices: Vec<VerbatimIndex>,
}

impl Verbatim {
    /// Returns a gate that looks for no runs if `most` is 0, or `None` if `compares_own_texts` is also false.
    pub(super) fn new(most: usize, indices: Vec<VerbatimIndex>, compares_own_texts: bool) -> Result<Option<Self>> {
        if most == 0 {
            return Ok(compares_own_texts.then_some(Self { most, indices: Vec::new() }));
        }
        if let Some(index) = indices.iter().find(|index| most + 1 < index.window()) {
            bail!(
                "gates.verbatim_tokens: {most} is too few: the model's index contains runs of {} words or more; \
                 set at least {}, or 0 to allow any run",
                index.window(),
                index.window() - 1
            );
        }
        Ok(Some(Self { most, indices }))
    }
}

impl Gate for Verbatim {
    fn name(&self) -> &'static str {
        NAME
    }

    fn verdict(&self, reading: &Reading<'_>) -> GateVerdict {
        let runs = self.indices.iter().filter_map(|index| index.longest(&reading.words));
        let run = runs.max_by_key(std::ops::Range::len);
        let run = run.filter(|run| run.len() > self.most).map(|run| {
            let quoted = quote(&reading.words[run.clone()].join(" "));
            format!("{} words in a row from a text that the model was trained on: {quoted}", run.len())
        });
        let own = reading.subject.own_text.map(|own| {
            let quoted = quote(&own.text);
            match own.similarity {
                1.0 => format!("the same as a text that the model was trained on: {quoted}"),
                less => {
                    // Rounded down: a text that differs must not show as 100 %.
                    let percent = (less * 100.0).floor();
                    format!("{percent} % like a whole text that the model was trained on: {quoted}")
                }
            }
        });
        let reasons: Vec<String> = run.into_iter().chain(own).collect();
        if reasons.is_empty() { GateVerdict::pass(NAME) } else { reject(NAME, reasons.join("; ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{verdict_of, verdict_on};
    use super::super::{Recent, Subject};
    use super::*;
    use pregonero_models::verbatim::{DEFAULT_WINDOW, OwnText};
    use pregonero_tweet::Verdict::{Pass, Reject};

    /// Seventeen words that the model was trained on.
    const TRAINED_ON: &str =
        "La feria del pueblo empezó con música, luces y un desfile de caballos que nadie esperaba ver.";

    fn index(window: usize) -> VerbatimIndex {
        VerbatimIndex::build([TRAINED_ON], window)
    }

    #[test]
    fn a_run_longer_than_allowed_is_rejected() {
        let words: Vec<String> = (0..30).map(|n| format!("palabra{n}")).collect();
        let index = VerbatimIndex::build([words.join(" ")], DEFAULT_WINDOW);
        let gate = Verbatim::new(12, vec![index], false).unwrap().unwrap();
        assert_eq!(verdict_of(&gate, &format!("Hoy {} y nada más", words[3..15].join(" "))).verdict, Pass);
        let verdict = verdict_of(&gate, &format!("Hoy {} y nada más", words[3..16].join(" ")));
        assert_eq!(verdict.verdict, Reject);
        assert!(
            verdict
                .reason
                .starts_with("13 words in a row from a text that the model was trained on: “palabra3 palabra4 ")
        );
    }

    #[test]
    fn without_an_index_everything_passes_and_zero_switches_it_off() {
        let gate = Verbatim::new(12, Vec::new(), false).unwrap().unwrap();
        assert_eq!(verdict_of(&gate, TRAINED_ON).verdict, Pass);
        assert!(Verbatim::new(0, vec![index(5)], false).unwrap().is_none());
    }

    #[test]
    fn a_text_that_is_nearly_a_whole_own_one_has_a_reason_of_its_own() {
        let own = |similarity| OwnText { text: "el puesto de salud es de todos".to_owned(), similarity };
        let text = TRAINED_ON;
        let verdict_with = |most, own_text: Option<&OwnText>| {
            let gate = Verbatim::new(most, vec![index(5)], true).unwrap().unwrap();
            let subject = Subject { text, body: text, candidate: None, prompt: "", own_text };
            verdict_on(&gate, subject, &Recent::default())
        };
        let verdict = verdict_with(0, Some(&own(0.8667)));
        let expected = "86 % like a whole text that the model was trained on: “el puesto de salud es de todos”";
        assert_eq!((verdict.verdict, verdict.reason.as_str()), (Reject, expected));
        assert_eq!(verdict_with(0, Some(&own(0.999))).reason.split(" like").next(), Some("99 %"));
        assert!(
            verdict_with(20, Some(&own(1.0))).reason.starts_with("the same as a text that the model was trained on: ")
        );
        assert_eq!(verdict_with(0, None).verdict, Pass, "a run of words is not looked for");
        let both = verdict_with(12, Some(&own(0.8667))).reason;
        assert!(both.starts_with("17 words in a row from a text ") && both.ends_with(expected), "{both}");
    }

    #[test]
    fn a_setting_below_what_the_index_can_see_is_an_error() {
        let message = Verbatim::new(6, vec![index(8)], false).unwrap_err().to_string();
        assert_eq!(
            message,
            "gates.verbatim_tokens: 6 is too few: the model's index contains runs of 8 words or more; \
             set at least 7, or 0 to allow any run"
        );
        assert!(Verbatim::new(7, vec![index(8)], false).is_ok());
    }
}
