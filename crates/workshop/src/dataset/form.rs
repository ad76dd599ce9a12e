//! Recognises the format of a file of texts: a table, JSON lines or plain lines. Other formats are refused, so that nothing is
//! mistaken for plain lines.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

/// The format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `.csv`, with a header.
    Table,
    /// `.jsonl`, one object per line.
    Objects,
    /// Any other text file: one text per line.
    Lines,
}

/// Extensions of files that contain texts in another format, and what to do with them.
const OTHERS: [(&[&str], &str); 5] = [
    (&["json", "js"], "JSON that is not one object per line: write it as .jsonl, for example with `jq -c '.[]'`"),
    (&["ndjson"], "JSON lines under another extension: rename it to .jsonl"),
    (&["tsv", "tab"], "a table with tabs: save it as .csv, with commas and quotes"),
    (&["gz", "xz", "bz2", "zst", "zip", "7z", "tar", "tgz"], "compressed: unpack it first"),
    (
        &[
            "parquet", "arrow", "feather", "xlsx", "xls", "ods", "sqlite", "db", "html", "xml", "pdf", "docx", "pkl",
            "npz",
        ],
        "not a file of texts: save it as .csv or .jsonl",
    ),
];

/// Returns the format of `path`, by its extension and its first bytes.
///
/// # Errors
/// If the file has another format, by its extension in any case or by how it begins, or cannot be read.
pub fn form_of(path: &Path) -> Result<Form> {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_lowercase();
    match ending.as_str() {
        "csv" => return Ok(Form::Table),
        "jsonl" => return Ok(Form::Objects),
        _ => {}
    }
    if let Some((_, what)) = OTHERS.iter().find(|(endings, _)| endings.contains(&ending.as_str())) {
        bail!("{}: cannot be read as texts: a .{ending} is {what}", path.display());
    }
    match other_beginning(&beginning(path)?) {
        Some(what) => bail!("{}: cannot be read as one text per line: it is {what}", path.display()),
        None => Ok(Form::Lines),
    }
}

/// Reads the first kilobytes of a file.
fn beginning(path: &Path) -> Result<Vec<u8>> {
    let mut start = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(4096).read_to_end(&mut start));
    read.with_context(|| format!("cannot read {}", path.display()))?;
    Ok(start)
}

/// Returns what a file that begins like this is, if it is not plain text.
fn other_beginning(start: &[u8]) -> Option<&'static str> {
    const SIGNS: [(&[u8], &str); 6] = [
        (b"\xff\xfe", "UTF-16: save it as UTF-8, for example with `iconv -f UTF-16 -t UTF-8`"),
        (b"\xfe\xff", "UTF-16: save it as UTF-8, for example with `iconv -f UTF-16 -t UTF-8`"),
        (b"\x1f\x8b", "compressed: unpack it first"),
        (b"\xfd7zXZ", "compressed: unpack it first"),
        (b"\x28\xb5\x2f\xfd", "compressed: unpack it first"),
        (b"PK\x03\x04", "compressed: unpack it first"),
    ];
    if let Some((_, what)) = SIGNS.iter().find(|(sign, _)| start.starts_with(sign)) {
        return Some(what);
    }
    let text = String::from_utf8_lossy(start);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let line = text.lines().next().unwrap_or_default().trim();
    if text.starts_with("window.YTD.") {
        return Some("X's archive of an account (tweets.js): extract its texts to .jsonl or .csv first");
    }
    let is_object = line.starts_with('{') && serde_json::from_str::<serde_json::Map<_, _>>(line).is_ok();
    let is_list = text.starts_with("[{") || (line == "[" && text[1..].trim_start().starts_with('{'));
    if is_object || is_list || line == "{" {
        return Some("JSON: rename it to .jsonl, with one object per line, and say which field contains the text");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_its_ending_and_its_beginning() {
        let folder = tempfile::tempdir().unwrap();
        for (name, content, expected) in [
            ("a.csv", "x", Ok(Form::Table)),
            ("a.CSV", "x", Ok(Form::Table)),
            ("a.jsonl", "x", Ok(Form::Objects)),
            ("a.txt", "Hola\n", Ok(Form::Lines)),
            ("texts", "", Ok(Form::Lines)),
            ("a.txt", "{así} empieza un texto\n", Ok(Form::Lines)),
            ("a.txt", "[Nota] un texto\n", Ok(Form::Lines)),
            ("a.json", "[]", Err("a .json is JSON that is not one object per line")),
            ("tweets.js", "x", Err("a .js is JSON")),
            ("a.ndjson", "{}", Err("rename it to .jsonl")),
            ("a.tsv", "x", Err("a .tsv is a table with tabs: save it as .csv")),
            ("a.TSV", "x", Err("a .tsv is a table with tabs")),
            ("a.csv.xz", "x", Err("compressed: unpack it first")),
            ("a.parquet", "x", Err("not a file of texts")),
            ("a.txt", "window.YTD.tweets.part0 = [\n", Err("X's archive of an account")),
            ("a.txt", "\u{feff}{\"text\": \"hola\"}\n", Err("JSON: rename it to .jsonl")),
            ("a.txt", "[\n  {\"text\": \"hola\"}\n]\n", Err("JSON: rename it to .jsonl")),
            ("a.txt", "{\n  \"text\": \"hola\"\n}\n", Err("JSON: rename it to .jsonl")),
        ] {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            match (form_of(&path), expected) {
                (Ok(form), Ok(expected)) => assert_eq!(form, expected, "{name} {content:?}"),
                (Err(error), Err(expected)) => {
                    let message = format!("{error:#}");
                    assert!(message.contains(expected) && message.contains(name), "{message:?}: {expected:?}");
                }
                (found, expected) => panic!("{name} {content:?}: {found:?}, expected {expected:?}"),
            }
        }
        std::fs::write(folder.path().join("b.txt"), b"\xff\xfeh\0").unwrap();
        assert!(form_of(&folder.path().join("b.txt")).unwrap_err().to_string().contains("it is UTF-16"));
    }
}
