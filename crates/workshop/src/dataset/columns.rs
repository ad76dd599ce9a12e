//! Opens a table by columns that flags name, and says which flag to use if a column is missing.

use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};

use super::table::Table;

/// A requested column and the flag that names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked<'a> {
    pub column: &'a str,
    /// Empty if the command line names the column in another way.
    pub flag: &'a str,
    /// What to add to the error message for data that has no such column.
    pub without: &'a str,
}

impl<'a> Asked<'a> {
    /// Returns a request for a column that must exist.
    #[must_use]
    pub fn new(column: &'a str, flag: &'a str) -> Self {
        Self { column, flag, without: "" }
    }
}

/// Opens a UTF-8 CSV file with a header for reading the requested columns.
///
/// # Errors
/// Same as [`Table::open`]; also if the file is empty or two columns have a requested name.
pub fn open_table(path: &Path, asked: &[Asked<'_>]) -> Result<Table> {
    let table = Table::open_whole(path)?;
    check(table.names(), asked).with_context(|| path.display().to_string())?;
    let columns: Vec<&str> = asked.iter().map(|asked| asked.column).collect();
    table.of(&columns)
}

fn check(names: &[String], asked: &[Asked<'_>]) -> Result<()> {
    ensure!(
        names.iter().any(|name| !name.is_empty()),
        "the file is empty: it needs a header with the names of the columns"
    );
    for Asked { column, flag, without } in asked {
        let found = names.iter().filter(|name| name == column).count();
        ensure!(found < 2, "{found} columns are called {column:?}: give each a different name");
        if found == 1 {
            continue;
        }
        if let [single] = names
            && single.contains(';')
        {
            bail!(
                "no column {column:?}: the fields are separated by semicolons; save the file with commas between them"
            );
        }
        if let [single] = names
            && single.contains('\t')
        {
            bail!(
                "no column {column:?}: the fields are separated by tabs; save the file with commas between them, and quotes"
            );
        }
        let name = if flag.is_empty() { String::new() } else { format!("; name it with {flag} NAME") };
        bail!("no column {column:?}; the file has {}{name}{without}", names.join(", "));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_does_not_fit_is_refused_with_what_to_do() {
        let author = Asked {
            without: ", or give --author-column \"\" if there is none",
            ..Asked::new("author", "--author-column")
        };
        let asked = [Asked::new("text", "--text-column"), author];
        for (header, expected) in [
            ("", "data.csv: the file is empty"),
            ("\n", "data.csv: the file is empty"),
            ("tweet,author\n", "no column \"text\"; the file has tweet, author; name it with --text-column NAME"),
            ("text,label\n", "name it with --author-column NAME, or give --author-column \"\" if there is none"),
            ("text;author\n", "no column \"text\": the fields are separated by semicolons"),
            ("text\tauthor\n", "no column \"text\": the fields are separated by tabs"),
            ("text,author,text\n", "2 columns are called \"text\""),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("data.csv");
            std::fs::write(&path, header).unwrap();
            let message = format!("{:#}", open_table(&path, &asked).unwrap_err());
            assert!(message.contains(expected), "{message:?} does not say {expected:?}");
        }
    }

    #[test]
    fn names_that_nobody_asks_for_may_stand_there_twice() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data.csv");
        std::fs::write(&path, "x,text,x\n1,hola,2\n").unwrap();
        let mut table = open_table(&path, &[Asked::new("text", "--text-column")]).unwrap();
        assert_eq!(table.next_row().unwrap().unwrap().fields, ["hola"]);
    }
}
