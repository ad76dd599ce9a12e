//! Which members of a zip file are no data: the notes, licences, pictures and descriptions that people pack with it.
//!
//! What is passed over is named in the report. Outside of a zip file nothing is passed over: a person named the file.

use std::fmt;

use super::sniff::ending_of;

/// How the names of tables and other data end.
const DATA: [&str; 9] = ["csv", "tsv", "tab", "psv", "json", "jsonl", "ndjson", "jsonlines", "parquet"];

/// Files that describe data; the last are those of our own data sets.
const DESCRIPTIONS: [&str; 9] = [
    "datapackage.json",
    "dataset-metadata.json",
    "dataset_infos.json",
    "dataset_info.json",
    "dataset_description.json",
    "schema.json",
    "package.json",
    "manifest.json",
    "croissant.json",
];

/// What people call their notes, before the ending.
const NOTES: [&str; 15] = [
    "readme",
    "read_me",
    "read-me",
    "léeme",
    "leeme",
    "lee_me",
    "license",
    "licence",
    "licencia",
    "copying",
    "notice",
    "changelog",
    "authors",
    "citation",
    "datasheet",
];

/// The endings of files that have no rows.
const OTHERS: [&str; 36] = [
    "md", "markdown", "rst", "html", "htm", "css", "pdf", "doc", "docx", "odt", "rtf", "tex", "bib", "cff", "ppt",
    "pptx", "xml", "yml", "yaml", "toml", "ini", "py", "r", "rmd", "ipynb", "sh", "sql", "png", "jpg", "jpeg", "gif",
    "webp", "svg", "mp4", "mp3", "log",
];

/// Returns whether a name ends like that of a table or other data.
pub(super) fn is_data(name: &str) -> bool {
    DATA.contains(&ending_of(name).as_str())
}

/// Returns what a member is by its name, if that is no data.
pub(super) fn no_data(name: &str) -> Option<&'static str> {
    let file = name.rsplit('/').next().unwrap_or(name).to_lowercase();
    if DESCRIPTIONS.contains(&file.as_str()) {
        return Some("it describes the data");
    }
    if is_data(&file) {
        return None;
    }
    let stem = file.split('.').next().unwrap_or_default();
    let is_note = NOTES.contains(&stem) || OTHERS.contains(&ending_of(&file).as_str());
    is_note.then_some("not a table")
}

/// Why a member that was opened is passed over.
#[derive(Debug)]
pub(super) struct NoTable(pub(super) String);

impl fmt::Display for NoTable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for NoTable {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_and_descriptions_are_known_by_their_names() {
        for (name, expected) in [
            ("README", true),
            ("data/ReadMe.txt", true),
            ("LICENSE", true),
            ("codebook.pdf", true),
            ("plots/a.PNG", true),
            ("set/manifest.json", true),
            ("readme.csv", false),
            ("tweets.csv.gz", false),
            ("texts.txt", false),
            ("tweets", false),
        ] {
            assert_eq!(no_data(name).is_some(), expected, "{name}");
        }
    }
}
