//! The flags that name the columns of a labelled table, the same for every command that reads one.

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

impl From<ColumnArguments> for Columns {
    fn from(arguments: ColumnArguments) -> Self {
        let author = Some(arguments.author_column).filter(|name| !name.is_empty());
        Self { text: arguments.text_column, label: arguments.label_column, author }
    }
}
