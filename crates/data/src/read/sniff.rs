//! Finds out what a file is: by its first bytes, and by its name only where those leave a choice.
//!
//! Structured contents are never taken for plain lines, whatever the file is called: `TWEETS.CSV` may hold JSON, `notes.txt` a table.

use std::path::Path;

use super::dialect;
use super::frames::Frames;
use super::input::Input;
use super::x::archive::contents_of;

/// What the first bytes of a file show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    Gzip,
    Xz,
    Zstd,
    Zip,
    Parquet,
    /// Nothing that a program packs: text.
    None,
}

impl Packing {
    /// Returns the name of the format.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Xz => "xz",
            Self::Zstd => "zstd",
            Self::Zip => "zip",
            Self::Parquet => "Parquet",
            Self::None => "text",
        }
    }
}

/// What a text is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Text {
    Empty,
    /// A JavaScript file of X's archive with objects of this kind.
    Archive(String),
    JsonLines,
    JsonValues,
    Table,
    Lines,
}

const SQLITE: &str =
    "a SQLite database: export the table to CSV, for example with `sqlite3 -csv -header FILE 'select * from tweets'`";
const OFFICE: &str = "an old Office file: save the sheet as CSV UTF-8";
const UNPACK: &str = "packed in a way that is not read here: unpack it first";
const ARROW: &str =
    "Arrow or Feather: write it as Parquet, for example with polars: pl.read_ipc(FILE).write_parquet(…)";
const PICKLE: &str =
    "a Python pickle, which can run programs: write it as Parquet, for example with pandas: to_parquet(…)";

/// First bytes of files that cannot be read, and what to do.
const REFUSED: [(&[u8], &str); 15] = [
    (b"BZh", "compressed with bzip2: unpack it first, with `bunzip2`"),
    (b"7z\xbc\xaf\x27\x1c", UNPACK),
    (b"Rar!", UNPACK),
    (b"\x04\x22\x4d\x18", UNPACK),
    (b"SQLite format 3\0", SQLITE),
    (b"\xd0\xcf\x11\xe0", OFFICE),
    (b"%PDF", "a PDF: get the data as CSV or JSON"),
    (b"ARROW1", ARROW),
    (b"FEA1", ARROW),
    (b"\x80\x04\x95", PICKLE),
    (b"\x80\x05\x95", PICKLE),
    (b"\x89HDF", "HDF5: write it as Parquet, for example with pandas: to_parquet(…)"),
    (b"\x93NUMPY", "a NumPy array: write it as CSV or Parquet"),
    (b"\x89PNG", "a picture"),
    (b"\x7fELF", "a program"),
];

/// Returns how a file is packed by its first bytes.
///
/// # Errors
/// If it is packed, or a kind of file, that cannot be read; the error says what to do.
pub(super) fn packing_of(start: &[u8]) -> Result<Packing, &'static str> {
    let signs: [(&[u8], Packing); 6] = [
        (b"\x1f\x8b", Packing::Gzip),
        (b"\xfd7zXZ\0", Packing::Xz),
        (b"\x28\xb5\x2f\xfd", Packing::Zstd),
        (b"PK\x03\x04", Packing::Zip),
        (b"PK\x05\x06", Packing::Zip),
        (b"PAR1", Packing::Parquet),
    ];
    if let Some((_, packing)) = signs.iter().find(|(sign, _)| start.starts_with(sign)) {
        return Ok(*packing);
    }
    if let Some((_, what)) = REFUSED.iter().find(|(sign, _)| start.starts_with(sign)) {
        return Err(what);
    }
    if start.get(257..262) == Some(b"ustar") {
        return Err("a tar archive: unpack it first, with `tar -x`");
    }
    let head = String::from_utf8_lossy(&start[..start.len().min(512)]).to_lowercase();
    let head = head.trim_start_matches('\u{feff}').trim_start();
    if head.starts_with("<!doctype html") || head.starts_with("<html") {
        return Err("a web page: was the file fetched without signing in, or with the address of its page?");
    }
    if head.starts_with("<?xml") {
        return Err("XML: get the data as CSV or JSON");
    }
    Ok(Packing::None)
}

/// Returns whether a sample without a UTF-16 or UTF-32 encoding is bytes that are no text.
pub(super) fn is_binary(sample: &[u8]) -> bool {
    let odd = sample.iter().filter(|byte| matches!(byte, 0..=8 | 14..=26 | 28..=31)).count();
    sample.contains(&0) || odd * 20 > sample.len()
}

/// Returns what the name of a file says about it: its last ending that is not one of compression, in small letters.
pub(super) fn ending_of(name: &str) -> String {
    const PACKED: [&str; 6] = ["gz", "xz", "zst", "zstd", "zip", "bz2"];
    let mut path = Path::new(name);
    loop {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_lowercase();
        if !PACKED.contains(&ending.as_str()) {
            return ending;
        }
        path = Path::new(path.file_stem().unwrap_or_default());
    }
}

/// Returns what a text is. The sample is UTF-8 or Windows-1252; `whole` says that nothing comes after it.
pub(super) fn text_of(sample: &[u8], whole: bool, name: &str) -> Text {
    let start = sample.trim_ascii_start();
    if start.is_empty() && whole {
        return Text::Empty;
    }
    let head = String::from_utf8_lossy(&start[..start.len().min(256)]).into_owned();
    if let Some(contents) = contents_of(&head) {
        return Text::Archive(contents.to_owned());
    }
    let ending = ending_of(name);
    if let Some(json) = json_of(start, whole, &ending) {
        return json;
    }
    let is_table = matches!(ending.as_str(), "csv" | "tsv" | "tab" | "psv");
    if is_table || dialect::sniff(sample, whole, None, None).certain { Text::Table } else { Text::Lines }
}

/// Returns how the JSON of a sample is laid out, if it is JSON.
fn json_of(start: &[u8], whole: bool, ending: &str) -> Option<Text> {
    let named = matches!(ending, "json" | "jsonl" | "ndjson" | "jsonlines");
    match start.first()? {
        b'{' => {
            let line = start.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii();
            let on_one_line = serde_json::from_slice::<serde_json::Map<_, _>>(line).is_ok();
            let by_line = on_one_line && !is_lone(start, line, whole, ending);
            if by_line || matches!(ending, "jsonl" | "ndjson" | "jsonlines") && line != b"{" {
                return Some(Text::JsonLines);
            }
            let inside = start[1..].trim_ascii_start();
            let begins_object = inside.starts_with(b"}") || is_key(inside);
            (on_one_line || named || begins_object).then_some(Text::JsonValues)
        }
        b'[' => {
            let inside = start[1..].trim_ascii_start();
            let begins_objects = inside.starts_with(b"{")
                && (named
                    || is_key(inside[1..].trim_ascii_start())
                    || inside[1..].trim_ascii_start().starts_with(b"}"));
            let is_list =
                named || begins_objects || inside.starts_with(b"]") && whole && inside[1..].trim_ascii().is_empty();
            (is_list || begins_texts(start)).then_some(Text::JsonValues)
        }
        b'"' if named => Some(Text::JsonLines),
        _ => (named && !start.is_empty()).then_some(Text::JsonLines),
    }
}

/// Returns whether one object on one line is all of a file that is not called JSON lines.
fn is_lone(start: &[u8], line: &[u8], whole: bool, ending: &str) -> bool {
    ending == "json" && whole && start.trim_ascii().len() == line.len()
}

/// Returns whether a key of an object begins here: `"name":`.
fn is_key(start: &[u8]) -> bool {
    let Some(rest) = start.strip_prefix(b"\"") else { return false };
    let Some(end) = memchr::memchr(b'"', rest) else { return false };
    rest[end + 1..].trim_ascii_start().starts_with(b":")
}

/// Returns whether a list begins here whose first element is a text or a list, with a comma or the list's end after it.
fn begins_texts(start: &[u8]) -> bool {
    let inside = start[1..].trim_ascii_start();
    if !inside.starts_with(b"\"") && !inside.starts_with(b"[") {
        return false;
    }
    let mut frames = Frames::values(Input::new(Box::new(std::io::Cursor::new(start.to_vec()))));
    let Ok(Some(first)) = frames.next_frame() else { return false };
    let after = start[start.len() - inside.len() + first.bytes.len()..].trim_ascii_start();
    let goes_on = after.starts_with(b",") || after.starts_with(b"]") && after[1..].trim_ascii().is_empty();
    goes_on && !first.cut && serde_json::from_slice::<serde_json::Value>(&first.bytes).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_known_by_its_contents_first() {
        for (name, content, expected) in [
            ("a.csv", "x\n1\n", Text::Table),
            ("a.CSV", "x", Text::Table),
            ("TWEETS.CSV", "{\"text\": \"hola\"}\n{\"text\": \"sol\"}\n", Text::JsonLines),
            ("a.csv", "[{\"text\": \"hola\"}]", Text::JsonValues),
            ("a.tsv.gz", "x", Text::Table),
            ("a.txt", "id\ttext\n1\thola\n", Text::Table),
            ("a.txt", "id,text\n1,hola\n", Text::Table),
            ("a.txt", "Hola, vecina\nAdiós, amigo\n", Text::Lines),
            ("a.txt", "Hola\n", Text::Lines),
            ("texts", "", Text::Empty),
            ("a.txt", "{así} empieza un texto\n", Text::Lines),
            ("a.txt", "{\"así\" empieza un texto\n", Text::Lines),
            ("a.txt", "[Nota] un texto\n", Text::Lines),
            ("a.txt", "[1] una nota\n", Text::Lines),
            ("a.txt", "[\"Nota\"] un texto\n", Text::Lines),
            ("a.txt", "[[Nota]]\n", Text::Lines),
            ("a.txt", "{\"text\": \"hola\"}\n", Text::JsonLines),
            ("a.txt", "{\n  \"text\": \"hola\"\n}\n", Text::JsonValues),
            ("a.txt", "[\n  {\"text\": \"hola\"}\n]\n", Text::JsonValues),
            ("a.txt", "[\"hola\", \"sol\"]", Text::JsonValues),
            ("a.json", "{\"data\": [{\"id\": \"1\", \"text\": \"a\"}]}", Text::JsonValues),
            ("a.json", "[]", Text::JsonValues),
            ("a.jsonl", "{\"a\": 1,\n{\"a\": 2}\n", Text::JsonLines),
            ("a.jsonl", "{\"a\": 1}\n", Text::JsonLines),
            ("x", "window.YTD.like.part0 = [\n", Text::Archive("like".to_owned())),
        ] {
            assert_eq!(text_of(content.as_bytes(), true, name), expected, "{name} {content:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_what_to_do() {
        for (start, expected) in [
            (&b"BZh9"[..], "bunzip2"),
            (b"SQLite format 3\0", "sqlite3 -csv"),
            (b"ARROW1\0\0", "pl.read_ipc"),
            (b"<!DOCTYPE html><html>", "a web page"),
            (b"\xef\xbb\xbf<html>", "a web page"),
        ] {
            assert!(packing_of(start).unwrap_err().contains(expected), "{start:?}");
        }
        assert_eq!(packing_of(b"PAR1"), Ok(Packing::Parquet));
        assert_eq!(packing_of("Hola".as_bytes()), Ok(Packing::None));
        assert!(is_binary(b"a\0b") && !is_binary("Hola\n\tsí".as_bytes()));
    }

    #[test]
    fn the_ending_of_compression_is_not_the_name_s() {
        for (name, expected) in
            [("a.csv.xz", "csv"), ("b.JSONL.gz", "jsonl"), ("c.gz", ""), ("d.tar.gz", "tar"), ("e", "")]
        {
            assert_eq!(ending_of(name), expected, "{name}");
        }
    }
}
