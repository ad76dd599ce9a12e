//! How files are read.

/// What a caller may say about the files; without it, everything is found out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// The only columns that rows get; none means all. Others of a Parquet file are not even read.
    pub columns: Option<Vec<String>>,
    /// Whether a row that cannot be read is an error, and an empty one a row. Otherwise it is dropped and counted by its reason.
    pub strict: bool,
    /// Whether tables begin with rows instead of the names of columns; those are then `column1`, `column2` …
    pub no_header: bool,
    /// The character between the fields of a table.
    pub delimiter: Option<u8>,
    /// Whether a quotation mark begins a field in which the delimiter and line ends are text.
    pub quotes: Option<bool>,
    /// The encoding's name, as browsers know it: `latin1`, `windows-1252`, `utf-16le`, `shift_jis` …
    pub encoding: Option<String>,
    /// Whether rows of JSON that is not X's keep the object that they were read from.
    pub keep_json: bool,
}

impl ReadOptions {
    /// Returns options by which a row that cannot be read is an error.
    #[must_use]
    pub fn strict() -> Self {
        Self { strict: true, ..Self::default() }
    }

    /// Returns whether rows get a column.
    #[must_use]
    pub fn wants(&self, column: &str) -> bool {
        self.columns.as_ref().is_none_or(|wanted| wanted.iter().any(|wanted| wanted == column))
    }
}
