//! Finds out how a table is written: delimiter, quotes, line ends; and whether a text is a table at all.

use super::scan::{Dialect, Field, Scan};
use crate::names::{TEXT, TEXT_ELSEWHERE};
use crate::row::Row;

/// The delimiters that are tried, the usual ones first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// How many records of the sample are looked at.
const RECORDS: usize = 500;

/// Other names that tables of tweets have.
const OTHER_NAMES: [&str; 26] = [
    "id",
    "tweet_id",
    "id_str",
    "status_id",
    "author",
    "autor",
    "username",
    "user",
    "screen_name",
    "user_id",
    "author_id",
    "date",
    "fecha",
    "created_at",
    "label",
    "etiqueta",
    "sentiment",
    "lang",
    "likes",
    "retweets",
    "hashtags",
    "emoji",
    "url",
    "name",
    "nombre",
    "datetime",
];

/// How a sample reads with one dialect.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Trial {
    dialect: Dialect,
    /// The fields of the first record.
    fields: usize,
    /// The share of the other records with as many fields.
    even: f64,
    records: usize,
    /// The line of the first text after a closing quote.
    stray: Option<u64>,
    named: bool,
}

/// What a sample is as a table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sniffed {
    pub(super) dialect: Dialect,
    /// The line of a quote that shows that quotes are characters of the texts.
    pub(super) stray: Option<u64>,
    /// Whether the sample is a table even if its name does not say so.
    pub(super) certain: bool,
    /// Whether all records have the same number of fields, more than one.
    pub(super) even: bool,
    pub(super) fields: usize,
}

/// Returns the byte that ends the lines of a sample, and what the line ends are in words.
pub(super) fn line_end(sample: &[u8]) -> (u8, &'static str) {
    let count = |byte: u8| memchr::memchr_iter(byte, sample).count();
    let (feeds, returns) = (count(b'\n'), count(b'\r'));
    let both = sample.windows(2).filter(|pair| pair == b"\r\n").count();
    match (feeds, returns) {
        (0, 0) => (b'\n', "one line"),
        (0, _) => (b'\r', "lines end in CR"),
        (_, 0) => (b'\n', "lines end in LF"),
        _ if both == feeds => (b'\n', "lines end in CR LF"),
        _ if both == 0 => (b'\n', "lines end in LF"),
        _ => (b'\n', "lines end in LF and CR LF"),
    }
}

/// Finds out the dialect of a sample; `whole` says that nothing comes after it. What is given is not found out.
pub(super) fn sniff(sample: &[u8], whole: bool, delimiter: Option<u8>, quotes: Option<bool>) -> Sniffed {
    let (line_end, _) = line_end(sample);
    let delimiters: Vec<u8> = delimiter.map_or_else(|| DELIMITERS.to_vec(), |given| vec![given]);
    let quoting: &[bool] = match quotes {
        None => &[true, false],
        Some(true) => &[true],
        Some(false) => &[false],
    };
    let mut best: Option<Trial> = None;
    for delimiter in delimiters {
        let trials = quoting.iter().map(|&quotes| try_dialect(Dialect { delimiter, quotes, line_end }, sample, whole));
        let trial = trials.reduce(|quoted, plain| {
            let is_plain = quoted.stray.is_some() && plain.even >= quoted.even;
            if is_plain { Trial { stray: quoted.stray, ..plain } } else { Trial { stray: None, ..quoted } }
        });
        best = match (best, trial) {
            (Some(one), Some(other)) => Some(if better(&other, &one) { other } else { one }),
            (one, other) => one.or(other),
        };
    }
    let best = best.unwrap_or_else(|| try_dialect(Dialect { delimiter: b',', quotes: true, line_end }, sample, whole));
    let even = best.fields > 1 && best.records > 0 && best.even >= 0.95;
    Sniffed { dialect: best.dialect, stray: best.stray, certain: even && best.named, even, fields: best.fields }
}

/// Returns whether the sample reads better as `one` than as `other`.
fn better(one: &Trial, other: &Trial) -> bool {
    let worth = |trial: &Trial| {
        if trial.fields < 2 { -1.0 } else { trial.even + f64::from(u8::from(trial.named)) }
    };
    let (one_is, other_is) = (worth(one), worth(other));
    one_is > other_is + 1e-9 || ((one_is - other_is).abs() < 1e-9 && one.fields > other.fields)
}

fn try_dialect(dialect: Dialect, sample: &[u8], whole: bool) -> Trial {
    let mut trial = Trial { dialect, fields: 0, even: 1.0, records: 0, stray: None, named: false };
    let (mut rest, mut fields, mut even) = (sample, Vec::new(), 0_usize);
    while trial.records <= RECORDS && !rest.is_empty() {
        let end = match dialect.scan(rest, whole, &mut fields) {
            Scan::Record { end } => end,
            Scan::Unfinished if !whole && trial.fields > 0 => break,
            scan => {
                let Some(end) = memchr::memchr(dialect.line_end, rest).or(Some(rest.len())) else { break };
                if matches!(scan, Scan::Stray { .. }) || whole {
                    let before = &sample[..sample.len() - rest.len()];
                    let lines = memchr::memchr_iter(dialect.line_end, before).count() as u64;
                    trial.stray = trial.stray.or(Some(lines + 1));
                }
                dialect.split(&rest[..end], &mut fields);
                end
            }
        };
        if !rest[..end].iter().all(u8::is_ascii_whitespace) || fields.len() > 1 {
            if trial.fields == 0 {
                trial.fields = fields.len();
                trial.named = names(&rest[..end], &fields).is_some_and(|names| are_usual(&names, dialect.delimiter));
            } else {
                trial.records += 1;
                even += usize::from(fields.len() == trial.fields);
            }
        }
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    if trial.records > 0 {
        trial.even = even as f64 / trial.records as f64;
    }
    trial
}

/// Returns the fields of a header if they look like names of columns: short, with a letter, each once.
fn names(record: &[u8], fields: &[Field]) -> Option<Vec<String>> {
    let record = String::from_utf8_lossy(record);
    let mut names: Vec<String> = Vec::new();
    for field in fields {
        let name = record.get(field.start..field.end)?.trim_matches(['"', ' ', '\u{feff}']).to_lowercase();
        let letters = name.chars().any(char::is_alphabetic) || name.is_empty() && names.is_empty();
        let short = name.chars().count() <= 40 && name.split_whitespace().count() <= 4;
        if !letters || !short || name.starts_with(['@', '#']) || name.contains("http") || names.contains(&name) {
            return None;
        }
        names.push(name);
    }
    Some(names)
}

/// Returns whether a header names something that tables of tweets have; with tabs, names of any kind will do.
fn are_usual(names: &[String], delimiter: u8) -> bool {
    let known = |name: &String| is_text(name) || OTHER_NAMES.contains(&name.as_str());
    let plain = |name: &String| name.chars().all(|character| character.is_alphanumeric() || "_-.".contains(character));
    names.iter().any(known) || delimiter == b'\t' && names.iter().all(plain)
}

/// Returns the name of the column of texts that the first line of a file is, if it is one: `text`, `tweet`, `mensaje` …
pub(super) fn header_line(sample: &[u8]) -> Option<String> {
    let (line_end, _) = line_end(sample);
    let end = memchr::memchr(line_end, sample)?;
    let line = String::from_utf8_lossy(&sample[..end]);
    let name = line.trim().trim_matches(['"', '\u{feff}']);
    (is_text(name) && !sample[end + 1..].trim_ascii().is_empty()).then(|| name.to_owned())
}

/// Returns whether a text is a table of one column of texts, some of which are in quotes: plain lines have neither.
pub(super) fn is_quoted_column(sample: &[u8], whole: bool) -> bool {
    if header_line(sample).is_none() {
        return false;
    }
    let dialect = Dialect { delimiter: b',', quotes: true, line_end: line_end(sample).0 };
    let (mut rest, mut fields, mut quoted) = (sample, Vec::new(), false);
    while !rest.is_empty() {
        match dialect.scan(rest, whole, &mut fields) {
            Scan::Record { end } => {
                if fields.len() != 1 {
                    return false;
                }
                quoted |= fields[0].quoted;
                rest = rest.get(end + 1..).unwrap_or_default();
            }
            Scan::Unfinished if !whole => break,
            Scan::Unfinished | Scan::Stray { .. } => return false,
        }
    }
    quoted
}

/// Returns whether the first record of a table looks like a row instead of names.
pub(super) fn looks_like_a_row(names: &[String]) -> bool {
    let number = |name: &str| !name.is_empty() && name.parse::<f64>().is_ok();
    names.iter().any(|name| number(name) || name.chars().count() > 80 || name.contains("http") || name.starts_with('@'))
}

/// Returns whether a column has a name that texts have.
pub(super) fn is_text(name: &str) -> bool {
    let name = name.to_lowercase();
    name == TEXT || name == "status" || TEXT_ELSEWHERE.contains(&name.as_str())
}

/// Returns whether all values of a row are spaces.
pub(super) fn is_blank(row: &Row) -> bool {
    row.iter().all(|(_, value)| crate::row::is_blank(&value.as_text()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delimiter_is_found_by_even_records_and_names() {
        for (sample, delimiter, fields, certain) in [
            ("id,text\n1,\"hola; sí; ya\"\n2,sol\n", b',', 2, true),
            ("id;text\n1;hola, sí\n2;sol, mar, luna\n", b';', 2, true),
            ("text\tlabel\nhola, sí\t1\nsol\t0\n", b'\t', 2, true),
            ("x\ty\n1\t2\n", b'\t', 2, true),
            ("text|label\nhola|1\n", b'|', 2, true),
            ("text,label\nhola, sí, ya,1\nsol,0\nno, no,1\n", b',', 2, false),
            ("text\nhola\nsol\n", b',', 1, false),
            ("Hola, vecina\nAdiós, amigo\n", b',', 2, false),
        ] {
            let found = sniff(sample.as_bytes(), true, None, None);
            assert_eq!(
                (found.dialect.delimiter, found.fields, found.certain),
                (delimiter, fields, certain),
                "{sample:?}"
            );
        }
    }

    #[test]
    fn quotes_are_characters_where_a_text_follows_a_closing_one() {
        let found = sniff("text,label\nsol,1\n\"Hola\" dijo ella,1\n\"Ya\" dijo,0\n".as_bytes(), true, None, None);
        assert_eq!((found.dialect.quotes, found.stray), (false, Some(3)));
        let found = sniff("text,label\n\"Hola, ya\",1\n\"a \"\"b\"\"\",0\n".as_bytes(), true, None, None);
        assert_eq!((found.dialect.quotes, found.stray), (true, None));
        let one = "text,label\n\"Hola, ya\",1\n\"Ya\" dijo,0\n\"a, b\",0\n\"c, d\",0\n";
        assert!(sniff(one.as_bytes(), true, None, None).dialect.quotes, "one bad row does not make the others bad");
    }

    #[test]
    fn line_ends_are_told_apart() {
        for (sample, expected) in [
            ("a\nb\n", (b'\n', "lines end in LF")),
            ("a\r\nb\r\n", (b'\n', "lines end in CR LF")),
            ("a\rb\r", (b'\r', "lines end in CR")),
            ("a\r\nb\n", (b'\n', "lines end in LF and CR LF")),
            ("a", (b'\n', "one line")),
        ] {
            assert_eq!(line_end(sample.as_bytes()), expected);
        }
    }
}
