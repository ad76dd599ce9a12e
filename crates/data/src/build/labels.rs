//! Gives each row its label, by the hashtags or emoji in it or by a column.

use std::sync::Arc;

use anyhow::{Context as _, Result};

use super::spec::{LabelBy, LabelSpec, Rest};
use crate::label::{HashtagRules, Verdict, by_emoji, by_emoji_in, without_emoji};
use crate::names;
use crate::row::Row;

/// How rows are labelled.
#[derive(Debug)]
pub struct Labels {
    pub column: Arc<str>,
    pub ambiguous: Rest,
    pub unmarked: Rest,
    from: Option<String>,
    /// Whether the text loses what gave the label.
    strip: bool,
    by: By,
    /// The labels, each with the marks that stand for it.
    names: Vec<(Arc<str>, Vec<String>)>,
}

#[derive(Debug)]
enum By {
    Hashtags(HashtagRules),
    Emoji,
    Column,
}

impl Labels {
    /// Prepares the labels of a spec.
    ///
    /// # Errors
    /// If a mark is no hashtag.
    pub fn new(spec: &LabelSpec) -> Result<Self> {
        let names: Vec<(Arc<str>, Vec<String>)> =
            spec.labels.iter().map(|(name, marks)| (Arc::from(name.as_str()), marks.clone())).collect();
        let by = match spec.by {
            LabelBy::Hashtags => {
                let marks: Vec<&[String]> = names.iter().map(|(_, marks)| marks.as_slice()).collect();
                By::Hashtags(HashtagRules::of(&marks, |label| names[label].0.to_string()).context("label.labels")?)
            }
            LabelBy::Emoji => By::Emoji,
            LabelBy::Column => By::Column,
        };
        Ok(Self {
            column: Arc::from(spec.column.as_str()),
            ambiguous: spec.ambiguous,
            unmarked: spec.unmarked,
            from: spec.from.clone(),
            strip: spec.strip.unwrap_or(spec.by == LabelBy::Emoji),
            by,
            names,
        })
    }

    /// Returns the label of a row with this text.
    #[must_use]
    pub fn verdict(&self, row: &Row, text: &str) -> Verdict<Arc<str>> {
        match &self.by {
            By::Hashtags(rules) => rules.verdict(text).map(|label| Arc::clone(&self.names[label].0)),
            By::Emoji => {
                let column = self.from.as_deref().map(|from| row.text(from).unwrap_or_default());
                let found = column.map_or_else(|| by_emoji_in(text), |emoji| by_emoji(&emoji));
                match found {
                    Verdict::Label(polarity) => self.named(&polarity.to_string()),
                    Verdict::Ambiguous => Verdict::Ambiguous,
                    Verdict::Unmarked => Verdict::Unmarked,
                }
            }
            By::Column => match self.from.as_deref().and_then(|from| row.text(from)) {
                Some(value) if !value.trim().is_empty() => self.named(value.trim()),
                _ => Verdict::Unmarked,
            },
        }
    }

    /// Returns the label that a value stands for: itself, unless the spec lists the values of each label.
    fn named(&self, value: &str) -> Verdict<Arc<str>> {
        if self.names.is_empty() {
            return Verdict::Label(Arc::from(value));
        }
        let label = self.names.iter().find(|(_, values)| values.iter().any(|known| known == value));
        label.map_or(Verdict::Ambiguous, |(name, _)| Verdict::Label(Arc::clone(name)))
    }

    /// Returns the text without what gave the label, if the spec asks for that.
    #[must_use]
    pub fn stripped(&self, text: &str) -> Option<String> {
        if !self.strip {
            return None;
        }
        match &self.by {
            By::Hashtags(rules) => Some(rules.without_marks(text)),
            By::Emoji if self.from.is_none() => Some(without_emoji(text)),
            By::Emoji | By::Column => None,
        }
    }

    /// Writes a row's label, and its text if that changes.
    pub fn set(&self, row: &mut Row, label: &str) {
        row.set(Arc::clone(&self.column), label);
        if let Some(text) = row.text(names::TEXT).and_then(|text| self.stripped(&text)) {
            row.set(names::TEXT, text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(spec: &str) -> Labels {
        Labels::new(&toml::from_str(spec).unwrap()).unwrap()
    }

    fn row(fields: &[(&str, &str)]) -> Row {
        let mut row = Row::default();
        fields.iter().for_each(|(name, value)| row.set(*name, *value));
        row
    }

    fn label(name: &str) -> Verdict<Arc<str>> {
        Verdict::Label(Arc::from(name))
    }

    #[test]
    fn hashtags_label_and_may_be_stripped() {
        let labels =
            labels("by = \"hashtags\"\nstrip = true\nlabels = { si = [\"#YoVoy\"], no = [\"NoVoy\", \"Quedate\"] }");
        for (text, expected) in [
            ("mañana #yovoy", label("si")),
            ("#Quedate en casa", label("no")),
            ("#YoVoy #NoVoy", Verdict::Ambiguous),
            ("nada", Verdict::Unmarked),
        ] {
            assert_eq!(labels.verdict(&Row::default(), text), expected, "{text}");
        }
        let mut row = row(&[("text", "mañana #yovoy a la plaza")]);
        labels.set(&mut row, "si");
        assert_eq!(
            (row.text("text").as_deref(), row.text("label").as_deref()),
            (Some("mañana a la plaza"), Some("si"))
        );
    }

    #[test]
    fn emoji_label_by_polarity_under_any_name() {
        let plain = labels("by = \"emoji\"");
        assert_eq!(plain.verdict(&Row::default(), "qué bueno 😍"), label("positive"));
        assert_eq!(plain.stripped("qué bueno 😍").as_deref(), Some("qué bueno"));
        let named = labels("by = \"emoji\"\nfrom = \"emoji\"\nlabels = { enojo = [\"negative\"] }");
        assert_eq!(named.verdict(&row(&[("emoji", "😡")]), "x"), label("enojo"));
        assert_eq!(named.verdict(&row(&[("emoji", "😍")]), "x"), Verdict::Ambiguous);
        assert_eq!(named.verdict(&row(&[]), "x 😡"), Verdict::Unmarked);
    }

    #[test]
    fn a_column_labels_by_its_own_values_or_by_listed_ones() {
        let own = labels("by = \"column\"\nfrom = \"tono\"\ncolumn = \"clase\"");
        assert_eq!(own.verdict(&row(&[("tono", " POSITIVO ")]), ""), label("POSITIVO"));
        assert_eq!(own.verdict(&row(&[("tono", " ")]), ""), Verdict::Unmarked);
        let listed = labels("by = \"column\"\nfrom = \"tono\"\nlabels = { a = [\"1\", \"2\"], b = [\"3\"] }");
        assert_eq!(listed.verdict(&row(&[("tono", "2")]), ""), label("a"));
        assert_eq!(listed.verdict(&row(&[("tono", "9")]), ""), Verdict::Ambiguous);
    }
}
