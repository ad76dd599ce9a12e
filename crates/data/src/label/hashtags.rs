//! Labels by hashtag, as VacunaBot's tweets were labelled: whoever writes `#YoMeVacuno` is for vaccination.
//!
//! The hashtag stays in the text, but every text pipeline removes it before a classifier reads the text.

use std::sync::LazyLock;

use anyhow::{Result, bail, ensure};
use regex::Regex;

use super::{Label, Verdict};

static HASHTAG: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"[#＃](\w+)").expect("a valid pattern"));

/// Which hashtags stand for which label; without the `#`, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HashtagRules {
    positive: Vec<String>,
    negative: Vec<String>,
}

impl HashtagRules {
    /// Builds the rules from hashtags with or without the `#`, in any case.
    ///
    /// # Errors
    /// If a side has no hashtags, or one is not a hashtag or is on both sides.
    pub fn new(positive: &[String], negative: &[String]) -> Result<Self> {
        let normalised = |tags: &[String]| -> Result<Vec<String>> {
            ensure!(!tags.is_empty(), "both labels need hashtags: give --positive TAG and --negative TAG");
            tags.iter().map(|tag| normalised(tag)).collect()
        };
        let rules = Self { positive: normalised(positive)?, negative: normalised(negative)? };
        if let Some(both) = rules.positive.iter().find(|tag| rules.negative.contains(tag)) {
            bail!("#{both} stands for both positive and negative");
        }
        Ok(rules)
    }

    /// Returns the label of a text, if it has hashtags of exactly one side.
    #[must_use]
    pub fn verdict(&self, text: &str) -> Verdict {
        let tags: Vec<String> = HASHTAG.captures_iter(text).map(|found| found[1].to_lowercase()).collect();
        let carries = |side: &[String]| tags.iter().any(|tag| side.contains(tag));
        match (carries(&self.negative), carries(&self.positive)) {
            (true, true) => Verdict::Ambiguous,
            (true, false) => Verdict::Label(Label::Negative),
            (false, true) => Verdict::Label(Label::Positive),
            (false, false) => Verdict::Unmarked,
        }
    }
}

fn normalised(tag: &str) -> Result<String> {
    let bare = tag.trim_start_matches(['#', '＃']);
    ensure!(
        !bare.is_empty() && bare.chars().all(|character| character.is_alphanumeric() || character == '_'),
        "{tag:?} is not a hashtag"
    );
    Ok(bare.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(tags: &[&str]) -> Vec<String> {
        tags.iter().map(|&tag| tag.to_owned()).collect()
    }

    #[test]
    fn the_hashtag_decides_in_any_case_and_whole() {
        let rules = HashtagRules::new(&owned(&["#YoMeVacuno"]), &owned(&["YoNoMeVacuno", "sinmiedo"])).unwrap();
        for (text, expected) in [
            ("Hoy #yomevacuno", Verdict::Label(Label::Positive)),
            ("(＃YOMEVACUNO)", Verdict::Label(Label::Positive)),
            ("#YoNoMeVacuno ni hoy", Verdict::Label(Label::Negative)),
            ("#SinMiedo", Verdict::Label(Label::Negative)),
            ("#YoMeVacuno #SinMiedo", Verdict::Ambiguous),
            ("#YoMeVacunoYa", Verdict::Unmarked),
            ("YoMeVacuno", Verdict::Unmarked),
        ] {
            assert_eq!(rules.verdict(text), expected, "{text}");
        }
    }

    #[test]
    fn rules_that_cannot_tell_are_refused() {
        for (positive, negative, expected) in [
            (vec!["a"], vec!["#A"], "#a stands for both positive and negative"),
            (vec![], vec!["a"], "both labels need hashtags"),
            (vec!["a b"], vec!["c"], "\"a b\" is not a hashtag"),
            (vec!["#"], vec!["c"], "\"#\" is not a hashtag"),
        ] {
            let error = HashtagRules::new(&owned(&positive), &owned(&negative)).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
