//! The flags that name the columns of a labelled table, the same for every command that reads one.

use std::convert::Infallible;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use pregonero_models::sentiment::Columns;

#[derive(Debug, Clone, Args)]
pub struct ColumnArguments {
    /// The column with the text
    #[arg(long, value_name = "NAME", default_value = "text")]
    text_column: String,
    /// The column with the label, given as its name or its number
    #[arg(long, value_name = "NAME", default_value = "label")]
    label_column: String,
    /// The column that identifies authors, so that no author is in two parts of a split; "" if there is none
    #[arg(long, value_name = "NAME", default_value = "author")]
    author_column: String,
}

impl ColumnArguments {
    /// Returns the columns of `table`, whose own name for the column of the text takes precedence.
    pub fn of(self, table: &TableSource) -> Columns {
        let author = Some(self.author_column).filter(|name| !name.is_empty());
        let text = table.column.clone().unwrap_or(self.text_column);
        Columns { text, label: self.label_column, author }
    }
}

/// A table: `FILE`, or `FILE:COLUMN` with the column of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSource {
    pub path: PathBuf,
    pub column: Option<String>,
}

impl FromStr for TableSource {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let whole = Self { path: PathBuf::from(text), column: None };
        let Some((path, column)) = text.rsplit_once(':') else { return Ok(whole) };
        // A file may have a colon in its name.
        let names_column = !path.is_empty() && !column.is_empty() && !column.contains('/') && !whole.path.exists();
        let divided = Self { path: PathBuf::from(path), column: Some(column.to_owned()) };
        Ok(if names_column { divided } else { whole })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_can_name_the_column_of_its_text_and_have_a_colon_in_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a:b");
        let source = |text: &str| text.parse::<TableSource>().unwrap();
        assert_eq!(source("a.csv"), TableSource { path: "a.csv".into(), column: None });
        assert_eq!(source("sets/a.csv:user.text").column.as_deref(), Some("user.text"));
        for whole in ["a:", ":b", "C:/a.csv"] {
            assert_eq!(source(whole), TableSource { path: whole.into(), column: None });
        }
        std::fs::write(&file, "").unwrap();
        assert_eq!(source(file.to_str().unwrap()), TableSource { path: file, column: None });
    }
}
