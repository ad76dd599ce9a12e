//! Training data besides the labelled file, as given on the command line: weakly labelled rows, unlabelled rows, and the
//! teachers that label them.

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context as _, Result, bail, ensure};

use pregonero_models::catalog::ModelFiles;

/// Rows of a CSV file that get a label because a column has a certain value: `FILE:COLUMN=VALUE:LABEL[:WEIGHT]`.
#[derive(Debug, Clone, PartialEq)]
pub struct WeakSource {
    pub path: PathBuf,
    pub column: String,
    pub value: String,
    /// A label's name or number.
    pub label: String,
    /// The weight of a row in the loss; a labelled row has 1.
    pub weight: f32,
}

/// Rows of a CSV file that get the teachers' labels: `FILE[:TEXTCOLUMN][=WEIGHT]`.
#[derive(Debug, Clone, PartialEq)]
pub struct UnlabelledSource {
    pub path: PathBuf,
    /// The column with the text; if absent, the same as in the labelled file.
    pub column: Option<String>,
    /// The weight of a row in the loss; a labelled row has 1.
    pub weight: f32,
}

/// A classifier whose probabilities become targets.
#[derive(Debug, Clone)]
pub struct Teacher {
    /// The name given on the command line, for the card.
    pub name: String,
    pub files: ModelFiles,
}

/// The weight of a weakly labelled row if none is given.
const WEAK_WEIGHT: f32 = 0.5;

impl FromStr for WeakSource {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        const FORM: &str = "write FILE:COLUMN=VALUE:LABEL or FILE:COLUMN=VALUE:LABEL:WEIGHT";
        let (place, rest) = text.split_once('=').with_context(|| format!("{text:?}: no value named; {FORM}"))?;
        let (path, column) = place.rsplit_once(':').with_context(|| format!("{text:?}: no column named; {FORM}"))?;
        let parts: Vec<&str> = rest.split(':').collect();
        let (value, label, weight) = match parts[..] {
            [value, label] => (value, label, WEAK_WEIGHT),
            [value, label, weight] => (value, label, weight_of(text, weight)?),
            _ => bail!("{text:?}: no label named; {FORM}"),
        };
        ensure!([path, column, label].iter().all(|part| !part.is_empty()), "{text:?}: a part is empty; {FORM}");
        let [column, value, label] = [column, value, label].map(str::to_owned);
        Ok(Self { path: PathBuf::from(path), column, value, label, weight })
    }
}

impl FromStr for UnlabelledSource {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (place, weight) = match text.rsplit_once('=') {
            Some((place, weight)) => (place, weight_of(text, weight)?),
            None => (text, 1.0),
        };
        let (path, column) = match place.rsplit_once(':') {
            Some((path, column)) if !column.contains(['/', '.']) => (path, Some(column.to_owned())),
            _ => (place, None),
        };
        let named = !path.is_empty() && column.as_deref() != Some("");
        ensure!(named, "{text:?}: no file or no column named; write FILE, FILE:TEXTCOLUMN or FILE:TEXTCOLUMN=WEIGHT");
        Ok(Self { path: PathBuf::from(path), column, weight })
    }
}

/// Returns the weight that a source names; `text` is the whole source, for the error. The message is one sentence, because
/// the command line shows no cause of an argument's error.
fn weight_of(text: &str, weight: &str) -> Result<f32> {
    let value = weight.parse().ok().filter(|value: &f32| *value > 0.0 && *value <= 100.0);
    value.with_context(|| format!("{text:?}: the weight {weight:?} must be a number above 0 and at most 100"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weak_source_names_file_column_value_label_and_weight() {
        let source: WeakSource = "data/a.csv:hashtag_no=1:negative:0.3".parse().unwrap();
        let want = WeakSource {
            path: "data/a.csv".into(),
            column: "hashtag_no".into(),
            value: "1".into(),
            label: "negative".into(),
            weight: 0.3,
        };
        assert_eq!(source, want);
        assert_eq!("a.csv:b=:0".parse::<WeakSource>().unwrap().weight, WEAK_WEIGHT);
        for wrong in
            ["a.csv", "a.csv:b", "a.csv:b=1", "a.csv=1:0", ":b=1:0", "a.csv:b=1:", "a.csv:b=1:0:x", "a:b=1:0:0"]
        {
            let message = format!("{:#}", wrong.parse::<WeakSource>().unwrap_err());
            assert!(message.contains(wrong), "{message}");
        }
        let reason = "the weight \"2x\" must be a number above 0 and at most 100";
        assert!("a.csv:b=1:0:2x".parse::<WeakSource>().unwrap_err().to_string().ends_with(reason));
        assert!("a.csv=2x".parse::<UnlabelledSource>().unwrap_err().to_string().ends_with(reason));
    }

    #[test]
    fn an_unlabelled_source_names_file_column_and_weight() {
        let parse = |text: &str| text.parse::<UnlabelledSource>();
        let source = |path: &str, column: Option<&str>, weight| UnlabelledSource {
            path: path.into(),
            column: column.map(str::to_owned),
            weight,
        };
        assert_eq!(parse("a.csv").unwrap(), source("a.csv", None, 1.0));
        assert_eq!(parse("d/a.csv:tweet").unwrap(), source("d/a.csv", Some("tweet"), 1.0));
        assert_eq!(parse("a.csv:tweet=0.25").unwrap(), source("a.csv", Some("tweet"), 0.25));
        assert_eq!(parse("a.csv=2").unwrap(), source("a.csv", None, 2.0));
        for wrong in ["", "a.csv:", "a.csv=0", "a.csv=mucho", ":tweet"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
