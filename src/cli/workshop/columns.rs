//! The flags that name a labelled table's columns, the same for every command that reads one.

use clap::Args;

use pregonero_models::sentiment::Columns;

#[derive(Debug, Clone, Args)]
pub struct ColumnArguments {
    /// The column with the text
    #[arg(long, value_name = "NAME", default_value = "text")]
    text_column: String,
    /// The column with the label, its name or its number
    #[arg(long, value_name = "NAME", default_value = "label")]
    label_column: String,
    /// The column that tells authors apart, so that none stands in two parts of a split; "" where there is none
    #[arg(long, value_name = "NAME", default_value = "author")]
    author_column: String,
}

impl From<ColumnArguments> for Columns {
    fn from(arguments: ColumnArguments) -> Self {
        let author = Some(arguments.author_column).filter(|name| !name.is_empty());
        Self { text: arguments.text_column, label: arguments.label_column, author }
    }
}
