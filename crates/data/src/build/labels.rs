//! Gives each row its label, by the hashtags or emoji in it or by a column.

use std::sync::Arc;

use anyhow::{Context as _, Result};

use super::spec::{LabelBy, LabelSpec, Rest};
use crate::label::{HashtagRules, Verdict, by_emoji, by_emoji_in, without_emoji};
use crate::names;
use crate::row::Row;

/// What a row's label is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    Label(Arc<str>),
    /// Marked for more than one label.
    Ambiguous,
    /// Not marked at all.
    Unmarked,
    /// Marked with something that the spec lists for no label.
    Unlisted,
}

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
    pub fn given(&self, row: &Row, text: &str) -> Given {
        match &self.by {
            By::Hashtags(rules) => {
                Given::of(rules.verdict(text), |label| Given::Label(Arc::clone(&self.names[label].0)))
            }
            By::Emoji => {
                let column = self.from.as_deref().map(|from| row.text(from).unwrap_or_default());
                let found = column.map_or_else(|| by_emoji_in(text), |emoji| by_emoji(&emoji));
                Given::of(found, |polarity| self.named(&polarity.to_string()))
            }
            By::Column => self.value(row).map_or(Given::Unmarked, |value| self.named(&value)),
        }
    }

    /// Returns the value that gives a row its label, where a column does.
    #[must_use]
    pub fn value(&self, row: &Row) -> Option<String> {
        let from = self.from.as_deref().filter(|_| matches!(self.by, By::Column))?;
        row.text(from).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// Returns the label that a value stands for: itself, unless the spec lists the values of each label.
    fn named(&self, value: &str) -> Given {
        if self.names.is_empty() {
            return Given::Label(Arc::from(value));
        }
        let label = self.names.iter().find(|(_, values)| values.iter().any(|known| known == value));
        label.map_or(Given::Unlisted, |(name, _)| Given::Label(Arc::clone(name)))
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

impl Given {
    fn of<L>(verdict: Verdict<L>, label: impl FnOnce(L) -> Self) -> Self {
        match verdict {
            Verdict::Label(found) => label(found),
            Verdict::Ambiguous => Self::Ambiguous,
            Verdict::Unmarked => Self::Unmarked,
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

    fn label(name: &str) -> Given {
        Given::Label(Arc::from(name))
    }

    #[test]
    fn hashtags_label_and_may_be_stripped() {
        let labels =
            labels("by = \"hashtags\"\nstrip = true\nlabels = { si = [\"#YoVoy\"], no = [\"NoVoy\", \"Quedate\"] }");
        for (text, expected) in [
            ("mañana #yovoy", label("si")),
            ("#Quedate en casa", label("no")),
            ("#YoVoy #NoVoy", Given::Ambiguous),
            ("nada", Given::Unmarked),
        ] {
            assert_eq!(labels.given(&Row::default(), text), expected, "{text}");
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
        assert_eq!(plain.given(&Row::default(), "qué bueno 😍"), label("positive"));
        assert_eq!(plain.stripped("qué bueno 😍").as_deref(), Some("qué bueno"));
        let named = labels("by = \"emoji\"\nfrom = \"emoji\"\nlabels = { enojo = [\"negative\"] }");
        assert_eq!(named.given(&row(&[("emoji", "😡")]), "x"), label("enojo"));
        assert_eq!(named.given(&row(&[("emoji", "😍")]), "x"), Given::Unlisted);
        assert_eq!(named.given(&row(&[]), "x 😡"), Given::Unmarked);
    }

    #[test]
    fn a_column_labels_by_its_own_values_or_by_listed_ones() {
        let own = labels("by = \"column\"\nfrom = \"tono\"\ncolumn = \"clase\"");
        assert_eq!(own.given(&row(&[("tono", " POSITIVO ")]), ""), label("POSITIVO"));
        assert_eq!(own.given(&row(&[("tono", " ")]), ""), Given::Unmarked);
        let listed = labels("by = \"column\"\nfrom = \"tono\"\nlabels = { a = [\"1\", \"2\"], b = [\"3\"] }");
        assert_eq!(listed.given(&row(&[("tono", "2")]), ""), label("a"));
        assert_eq!(listed.given(&row(&[("tono", "9")]), ""), Given::Unlisted);
    }
}
