//! The table of accounts of a collection: a column `screen_name`, and any other columns, which each post of the account gets.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};

use pregonero_data::folder::sha256_of_file;
use pregonero_data::names;
use pregonero_data::read::{self, ReadOptions};
use pregonero_data::row::Row;

use super::query::screen_name;

/// The column with the account's name.
const KEY: &str = "screen_name";

/// The columns that every collection has: an attribute cannot have one of these names.
const TAKEN: [&str; 20] = [
    names::ID,
    names::TEXT,
    names::AUTHOR,
    names::AUTHOR_ID,
    names::AUTHOR_NAME,
    names::CREATED_AT,
    names::LANG,
    names::RETWEET,
    names::QUOTE,
    names::REPLY,
    names::CONVERSATION_ID,
    names::IN_REPLY_TO_ID,
    names::HASHTAGS,
    names::LINKS,
    names::LIKES,
    names::REPOSTS,
    names::REPLIES,
    names::QUOTES,
    names::VIEWS,
    names::TRUNCATED,
];

/// Accounts with their attributes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes {
    /// The names in the order of the table, without `@`.
    pub names: Vec<String>,
    /// The names of the columns besides `screen_name`.
    pub columns: Vec<String>,
    /// The values of these columns by the name in lower case.
    values: BTreeMap<String, BTreeMap<String, String>>,
    /// The SHA-256 of the file.
    pub sha256: String,
}

impl Attributes {
    /// Adds the attributes of an account to a row; an empty one has no value.
    pub fn add_to(&self, row: &mut Row, name: &str) {
        let Some(values) = self.values.get(&name.to_lowercase()) else { return };
        for column in &self.columns {
            if let Some(value) = values.get(column).filter(|value| !value.is_empty()) {
                row.set(column.as_str(), value.as_str());
            }
        }
    }
}

/// Reads a table of accounts of any kind that the reader knows.
///
/// # Errors
/// If it has no column `screen_name`, a name that X does not have, an account twice, or a column that every post has.
pub fn read_accounts(path: &Path) -> Result<Attributes> {
    let mut found = Attributes { sha256: sha256_of_file(path)?.0, ..Attributes::default() };
    let mut rows = read::open(&[path.to_owned()], &ReadOptions::strict())?;
    while let Some(row) = rows.next().transpose()? {
        let place = || rows.report().place(row.place);
        let name = row.text(KEY).map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
        let name = name.with_context(|| {
            let names: Vec<&str> = row.iter().map(|(name, _)| name).collect();
            format!("{}: no `{KEY}`; the row has: {}", place(), names.join(", "))
        })?;
        let name = screen_name(&name).with_context(place)?.to_owned();
        let mut attributes = BTreeMap::new();
        for (column, value) in row.iter().filter(|(column, _)| *column != KEY) {
            if !found.columns.iter().any(|known| known == column) {
                found.columns.push(column.to_owned());
            }
            attributes.insert(column.to_owned(), value.as_text().trim().to_owned());
        }
        let before = found.values.insert(name.to_lowercase(), attributes);
        ensure!(before.is_none(), "{}: @{name} is in the table twice", place());
        found.names.push(name);
    }
    ensure!(!found.names.is_empty(), "{}: no accounts in it", path.display());
    if let Some(taken) = found.columns.iter().find(|column| TAKEN.contains(&column.as_str())) {
        bail!("{}: every post has a column `{taken}` of its own: rename the one in this table", path.display());
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Attributes> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("accounts.csv");
        std::fs::write(&path, text).unwrap();
        read_accounts(&path)
    }

    #[test]
    fn every_account_gets_the_other_columns_whatever_the_case_of_its_name() {
        for text in [
            "screen_name,party,coalition\n@Ana,Azul,Norte\neva,,Sur\n",
            "\u{feff}party;screen_name;coalition\r\nAzul;Ana;Norte\r\n;eva;Sur\r\n",
            "screen_name\tparty\tcoalition\nAna\tAzul\tNorte\neva\t\tSur\n",
        ] {
            let accounts = read(text).unwrap();
            assert_eq!(accounts.names, ["Ana", "eva"]);
            let of = |name: &str| {
                let mut row = Row::default();
                accounts.add_to(&mut row, name);
                row.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
            };
            assert_eq!(
                (of("ana"), of("EVA"), of("otra")),
                ("party=Azul coalition=Norte".into(), "coalition=Sur".into(), String::new())
            );
        }
    }

    #[test]
    fn a_table_that_cannot_be_joined_is_refused_with_its_line() {
        for (text, words) in [
            ("name,party\nana,Azul\n", "accounts.csv:2: no `screen_name`; the row has: name, party"),
            ("screen_name\nana\nAna\n", "accounts.csv:3: @Ana is in the table twice"),
            ("screen_name\nana garcía\n", "accounts.csv:2"),
            ("screen_name,lang\nana,es\n", "a column `lang` of its own"),
            ("screen_name,party\n", "no accounts in it"),
        ] {
            let message = format!("{:#}", read(text).unwrap_err());
            assert!(message.contains(words), "{message}");
        }
    }
}
