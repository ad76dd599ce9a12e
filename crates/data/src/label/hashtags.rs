//! Labels by hashtag, as VacunaBot's tweets were labelled: whoever writes `#YoMeVacuno` is for vaccination.
//!
//! The hashtag stays in the text, but every text pipeline removes it before a classifier reads the text.

use std::sync::LazyLock;

use anyhow::{Result, bail, ensure};
use regex::{Captures, Regex};

use super::Verdict;

static HASHTAG: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"[#＃](\w+)").expect("a valid pattern"));

/// Which hashtags stand for which label; without the `#`, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HashtagRules(Vec<Vec<String>>);

impl HashtagRules {
    /// Builds the rules of two sides from hashtags with or without the `#`, in any case. Label 0 is the negative one.
    ///
    /// # Errors
    /// If a side has no hashtags, or one is not a hashtag or is on both sides.
    pub fn new(positive: &[String], negative: &[String]) -> Result<Self> {
        for tags in [positive, negative] {
            ensure!(!tags.is_empty(), "both labels need hashtags: give --positive TAG and --negative TAG");
        }
        let names = |side: usize| ["negative", "positive"][side].to_owned();
        Self::of(&[negative, positive], names)
    }

    /// Builds the rules from the hashtags of each label; `name` says how a label is called in errors.
    ///
    /// # Errors
    /// If one is not a hashtag or stands for two labels.
    pub fn of(labels: &[&[String]], name: impl Fn(usize) -> String) -> Result<Self> {
        let normalised = |tags: &&[String]| -> Result<Vec<String>> { tags.iter().map(|tag| normalised(tag)).collect() };
        let rules = Self(labels.iter().map(normalised).collect::<Result<_>>()?);
        for (label, tags) in rules.0.iter().enumerate() {
            for (other, others) in rules.0.iter().enumerate().take(label) {
                if let Some(both) = tags.iter().find(|tag| others.contains(tag)) {
                    bail!("#{both} stands for both {} and {}", name(label), name(other));
                }
            }
        }
        Ok(rules)
    }

    /// Returns the number of a text's label, if it has hashtags of exactly one.
    #[must_use]
    pub fn verdict(&self, text: &str) -> Verdict<usize> {
        let tags: Vec<String> = HASHTAG.captures_iter(text).map(|found| found[1].to_lowercase()).collect();
        let mut carried = (0..self.0.len()).filter(|label| tags.iter().any(|tag| self.0[*label].contains(tag)));
        match (carried.next(), carried.next()) {
            (Some(label), None) => Verdict::Label(label),
            (Some(_), Some(_)) => Verdict::Ambiguous,
            (None, _) => Verdict::Unmarked,
        }
    }

    /// Returns a text without the hashtags that stand for a label, with tidy spaces.
    #[must_use]
    pub fn without_marks(&self, text: &str) -> String {
        let rest = HASHTAG.replace_all(text, |found: &Captures<'_>| {
            let tag = found[1].to_lowercase();
            if self.0.iter().any(|tags| tags.contains(&tag)) { " ".to_owned() } else { found[0].to_owned() }
        });
        rest.split_whitespace().collect::<Vec<_>>().join(" ")
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
            ("Hoy #yomevacuno", Verdict::Label(1)),
            ("(＃YOMEVACUNO)", Verdict::Label(1)),
            ("#YoNoMeVacuno ni hoy", Verdict::Label(0)),
            ("#SinMiedo", Verdict::Label(0)),
            ("#YoMeVacuno #SinMiedo", Verdict::Ambiguous),
            ("#YoMeVacunoYa", Verdict::Unmarked),
            ("YoMeVacuno", Verdict::Unmarked),
        ] {
            assert_eq!(rules.verdict(text), expected, "{text}");
        }
    }

    #[test]
    fn the_hashtags_that_gave_the_label_can_be_taken_out_and_others_stay() {
        let rules = HashtagRules::new(&owned(&["YoMeVacuno"]), &owned(&["sinmiedo"])).unwrap();
        assert_eq!(rules.without_marks("Hoy #YOMEVACUNO, #Cali y\n#YoMeVacunoYa"), "Hoy , #Cali y #YoMeVacunoYa");
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
