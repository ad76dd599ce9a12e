//! Decides from a row alone whether it stays. The order of the checks is the order in which [`Reason`] lists them: a row that
//! has several reasons to be dropped is counted under the first.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use jiff::{SignedDuration, Timestamp};

use super::language::{is_one_of, language_of};
use super::reason::Reason;
use super::spec::{FilterSpec, Rule};
use super::words::Comparable;
use crate::names;
use crate::read::is_rounded_id;
use crate::row::{Row, Value};
use crate::screen_name::{address, comparable, is_screen_name, retweeted};

/// The filters of a spec, ready for use.
#[derive(Debug)]
pub struct Filters {
    spec: FilterSpec,
    left_out: LeftOut,
    /// What a person should know of the files of `leave_out`.
    pub notes: Vec<String>,
    /// The earliest moment that `older_than_days` leaves.
    oldest: Option<Timestamp>,
}

/// Whom and what a person asked to leave out, names in lower case without `@`.
#[derive(Debug, Default)]
struct LeftOut(HashSet<String>);

impl Filters {
    /// Prepares filters; `at` says where the spec's files are.
    ///
    /// # Errors
    /// If a file of `leave_out` cannot be read, or `as_of` is too early.
    pub fn new(spec: &FilterSpec, at: impl Fn(&Path) -> std::path::PathBuf) -> Result<Self> {
        let (mut left_out, mut notes) = (LeftOut::default(), Vec::new());
        for path in &spec.leave_out {
            notes.extend(left_out.read(&at(path))?);
        }
        let oldest = match (spec.as_of, spec.older_than_days) {
            (Some(as_of), Some(days)) => {
                let oldest = as_of.at().checked_sub(SignedDuration::from_hours(24 * i64::from(days)));
                Some(oldest.context("filter.older_than_days: too many days")?)
            }
            _ => None,
        };
        Ok(Self { spec: spec.clone(), left_out, notes, oldest })
    }

    /// Returns whether rows need a date.
    #[must_use]
    pub fn need_date(&self) -> bool {
        self.spec.since.is_some() || self.spec.until.is_some() || self.oldest.is_some()
    }

    /// Returns why a row is dropped before its text is read, if it is.
    #[must_use]
    pub fn of_row(&self, row: &Row, text: &str, at: Option<Timestamp>) -> Option<Reason> {
        if self.left_out.has(row, text) {
            return Some(Reason::LeftOut);
        }
        let kinds = [
            (self.spec.retweets, is_retweet as fn(&Row, &str) -> bool, Reason::Retweet, Reason::NoRetweet),
            (self.spec.quotes, is_quote, Reason::Quote, Reason::NoQuote),
            (self.spec.replies, is_reply, Reason::Reply, Reason::NoReply),
        ];
        kinds
            .into_iter()
            .find_map(|(rule, is, drop, other)| by_rule(rule, || is(row, text), drop, other))
            .or_else(|| self.of_date(at))
    }

    fn of_date(&self, at: Option<Timestamp>) -> Option<Reason> {
        let Some(at) = at else { return self.need_date().then_some(Reason::NoDate) };
        if self.spec.since.is_some_and(|since| at < since.at()) {
            return Some(Reason::Before);
        }
        if self.spec.until.is_some_and(|until| at >= until.at()) {
            return Some(Reason::After);
        }
        self.oldest.filter(|oldest| at < *oldest).map(|_| Reason::TooOld)
    }

    /// Returns why a row is dropped for what its text says, if it is.
    #[must_use]
    pub fn of_text(&self, row: &Row, text: &str, words: &Comparable) -> Option<Reason> {
        let spec = &self.spec;
        if words.words < spec.min_words.unwrap_or(0) {
            return Some(Reason::TooShort);
        }
        if words.words > spec.max_words.unwrap_or(usize::MAX) {
            return Some(Reason::TooLong);
        }
        let linked =
            || words.links > 0 || row.get(names::LINKS).and_then(Value::as_integer).is_some_and(|links| links > 0);
        by_rule(spec.links, linked, Reason::Link, Reason::NoLink)
            .or_else(|| by_rule(spec.mentions, || words.mentions > 0, Reason::Mention, Reason::NoMention))
            .or_else(|| spec.text_matches.as_ref().filter(|pattern| !pattern.is_in(text)).map(|_| Reason::NoMatch))
            .or_else(|| spec.text_excludes.as_ref().filter(|pattern| pattern.is_in(text)).map(|_| Reason::Excluded))
            .or_else(|| self.of_language(row, text))
    }

    fn of_language(&self, row: &Row, text: &str) -> Option<Reason> {
        if self.spec.languages.is_empty() {
            return None;
        }
        let language = language_of(row.text(names::LANG), text)?;
        (!is_one_of(&language, &self.spec.languages)).then_some(Reason::Language)
    }

    /// Returns why a row is dropped for the values of its columns, joined ones included, if it is.
    #[must_use]
    pub fn of_columns(&self, row: &Row) -> Option<Reason> {
        let has = |(column, values): (&String, &Vec<String>)| {
            row.text(column).is_some_and(|value| values.iter().any(|wanted| wanted == value.trim()))
        };
        let all = |list: &BTreeMap<String, Vec<String>>| list.iter().all(has);
        let any = |list: &BTreeMap<String, Vec<String>>| list.iter().any(has);
        (!all(&self.spec.only) || any(&self.spec.without)).then_some(Reason::Column)
    }
}

fn by_rule(rule: Rule, is: impl FnOnce() -> bool, drop: Reason, other: Reason) -> Option<Reason> {
    match rule {
        Rule::Keep => None,
        Rule::Drop => is().then_some(drop),
        Rule::Only => (!is()).then_some(other),
    }
}

fn is_retweet(row: &Row, text: &str) -> bool {
    is_true(row, names::RETWEET) || retweeted(text).is_some()
}

fn is_quote(row: &Row, _: &str) -> bool {
    is_true(row, names::QUOTE)
}

fn is_reply(row: &Row, text: &str) -> bool {
    is_true(row, names::REPLY) || is_true(row, names::IN_REPLY_TO_ID) || text.starts_with('@')
}

/// Returns whether a column says yes; a text such as that of the quoted tweet does too.
fn is_true(row: &Row, column: &str) -> bool {
    const NOTHING: [&str; 6] = ["", "nan", "null", "none", "no", "[]"];
    row.get(column).is_some_and(|value| {
        value.as_bool().unwrap_or_else(|| !NOTHING.contains(&value.as_text().trim().to_lowercase().as_str()))
    })
}

impl LeftOut {
    /// Adds the entries of a file; returns what a person should know about it. No entry is quoted: the note is kept.
    fn read(&mut self, path: &Path) -> Result<Option<String>> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("filter.leave_out: cannot read {}: it must be text in UTF-8", path.display()))?;
        let (mut read, mut unread) = (0, Vec::new());
        for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match entry(line) {
                Some(entry) => drop(self.0.insert(entry)),
                None => unread.push(number + 1),
            }
            read += 1;
        }
        let Some(first) = unread.first() else {
            return Ok((read == 0).then(|| format!("{}: the file of filter.leave_out names nobody", path.display())));
        };
        const HOW: &str = "each line must be a @name, an id in digits, or an address such as https://x.com/name";
        ensure!(unread.len() < read, "filter.leave_out: {}:{first}: no line can be read: {HOW}", path.display());
        let lines: Vec<String> = unread.iter().take(5).map(usize::to_string).collect();
        let more = if unread.len() > lines.len() { " …" } else { "" };
        Ok(Some(format!(
            "{}: {} of {read} lines of leave_out cannot be read, and leave nothing out (line {}{more}): {HOW}",
            path.display(),
            unread.len(),
            lines.join(", ")
        )))
    }

    /// Returns whether a row is on the list, or somebody on the list wrote it or is retweeted by it.
    fn has(&self, row: &Row, text: &str) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let listed = |name: &str| self.0.contains(&comparable(name));
        let columns = [names::ID, names::AUTHOR, names::AUTHOR_ID];
        columns.iter().any(|column| row.text(column).is_some_and(|value| listed(&value)))
            || retweeted(text).is_some_and(listed)
    }
}

/// Returns whom or what a line of `leave_out` names, as it is compared.
fn entry(line: &str) -> Option<String> {
    if line.contains('/') {
        return address(line).and_then(|found| found.post.or(found.author));
    }
    (is_screen_name(line) && !is_rounded_id(line)).then(|| comparable(line))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::moment::moment_of;

    fn filters(spec: &str) -> Filters {
        Filters::new(&toml::from_str(spec).unwrap(), Path::to_path_buf).unwrap()
    }

    fn row(fields: &[(&str, &str)]) -> Row {
        let mut row = Row::default();
        fields.iter().for_each(|(name, value)| row.set(*name, *value));
        row
    }

    fn verdict(spec: &str, fields: &[(&str, &str)]) -> Option<Reason> {
        let (filters, row) = (filters(spec), row(fields));
        let text = row.text("text").unwrap_or_default().into_owned();
        let at = row.text("created_at").and_then(|at| moment_of(&at));
        filters
            .of_row(&row, &text, at)
            .or_else(|| filters.of_text(&row, &text, &Comparable::of(&text)))
            .or_else(|| filters.of_columns(&row))
    }

    #[test]
    fn each_filter_drops_what_it_names_and_nothing_else() {
        for (spec, fields, expected) in [
            ("", vec![("text", "RT @ana: hola")], None),
            ("retweets = \"drop\"", vec![("text", "RT @ana: hola")], Some(Reason::Retweet)),
            ("retweets = \"drop\"", vec![("text", "hola"), ("retweet", "true")], Some(Reason::Retweet)),
            ("retweets = \"drop\"", vec![("text", "RT si te gusta"), ("retweet", "False")], None),
            ("retweets = \"only\"", vec![("text", "hola")], Some(Reason::NoRetweet)),
            ("quotes = \"drop\"", vec![("text", "hola"), ("quote", "lo que dijo otra")], Some(Reason::Quote)),
            ("quotes = \"drop\"", vec![("text", "hola"), ("quote", "NaN")], None),
            ("replies = \"drop\"", vec![("text", "@ana sí")], Some(Reason::Reply)),
            ("replies = \"drop\"", vec![("text", "sí"), ("in_reply_to_id", "77")], Some(Reason::Reply)),
            ("links = \"drop\"", vec![("text", "mira https://t.co/a")], Some(Reason::Link)),
            ("links = \"drop\"", vec![("text", "mira"), ("links", "1")], Some(Reason::Link)),
            ("links = \"only\"", vec![("text", "mira"), ("links", "0")], Some(Reason::NoLink)),
            ("mentions = \"drop\"", vec![("text", "gracias @ana")], Some(Reason::Mention)),
            ("mentions = \"drop\"", vec![("text", "correo x@example.com")], None),
            ("min_words = 5", vec![("text", "uno dos tres #cuatro https://t.co/a @ana")], Some(Reason::TooShort)),
            ("min_words = 5", vec![("text", "uno dos tres cuatro #cinco")], None),
            ("max_words = 2", vec![("text", "uno dos tres")], Some(Reason::TooLong)),
            ("text_matches = \"(?i)vacuna\"", vec![("text", "hoy no")], Some(Reason::NoMatch)),
            ("text_excludes = \"(?i)sorteo\"", vec![("text", "gran SORTEO")], Some(Reason::Excluded)),
            ("languages = [\"es\"]", vec![("text", "hola"), ("lang", "pt")], Some(Reason::Language)),
            ("languages = [\"es\"]", vec![("text", "hola")], None),
            ("only = { party = [\"verde\"] }", vec![("text", "hola"), ("party", "azul")], Some(Reason::Column)),
            ("only = { party = [\"verde\"] }", vec![("text", "hola")], Some(Reason::Column)),
            ("without = { party = [\"verde\"] }", vec![("text", "hola")], None),
            ("without = { party = [\"verde\"] }", vec![("text", "hola"), ("party", "verde")], Some(Reason::Column)),
        ] {
            assert_eq!(verdict(spec, &fields), expected, "{spec} {fields:?}");
        }
    }

    #[test]
    fn dates_count_from_since_and_end_before_until() {
        let spec = "since = 2021-03-01\nuntil = 2021-03-02\nas_of = 2021-03-01T06:00:00Z\nolder_than_days = 0";
        for (at, expected) in [
            ("2021-02-28T23:59:59Z", Some(Reason::Before)),
            ("2021-03-01T00:00:00Z", Some(Reason::TooOld)),
            ("2021-03-01T06:00:00Z", None),
            ("2021-03-02", Some(Reason::After)),
            ("ayer", Some(Reason::NoDate)),
        ] {
            assert_eq!(verdict(spec, &[("text", "hola"), ("created_at", at)]), expected, "{at}");
        }
        assert_eq!(verdict("", &[("text", "hola")]), None);
    }

    #[test]
    fn whoever_asked_to_be_left_out_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("forgotten.txt");
        std::fs::write(&path, "# asked by mail\n@Ana\n\n1234\n").unwrap();
        let spec = format!("leave_out = [{path:?}]");
        assert_eq!(verdict(&spec, &[("text", "hola"), ("author", "ana")]), Some(Reason::LeftOut));
        assert_eq!(verdict(&spec, &[("text", "hola"), ("id", "1234")]), Some(Reason::LeftOut));
        assert_eq!(verdict(&spec, &[("text", "RT @ANA: hola"), ("author", "eva")]), Some(Reason::LeftOut));
        assert_eq!(verdict(&spec, &[("text", "gracias @ana"), ("author", "eva")]), None);
        assert_eq!(verdict(&spec, &[("text", "hola"), ("author", "anabel")]), None);
    }

    #[test]
    fn lines_of_leave_out_that_say_nothing_are_counted_and_addresses_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("forgotten.txt");
        let spec: FilterSpec = toml::from_str(&format!("leave_out = [{path:?}]")).unwrap();
        let read = |content: &str| {
            std::fs::write(&path, content).unwrap();
            Filters::new(&spec, Path::to_path_buf)
        };
        let known = "\u{feff}https://x.com/Ana\nluis\nhttps://twitter.com/eva/status/12\n";
        let filters = read(known).unwrap();
        assert_eq!(filters.notes, Vec::<String>::new());
        let left_out = |fields| filters.of_row(&row(fields), "hola", None) == Some(Reason::LeftOut);
        assert!(left_out(&[("author", "ana")]) && left_out(&[("author", "LUIS")]) && left_out(&[("id", "12")]));
        let notes = read(&format!("{known}ana, por correo\nhttps://example.com/x\n1.37E+18\n")).unwrap().notes;
        assert!(
            notes[0].contains("3 of 6 lines of leave_out cannot be read, and leave nothing out (line 4, 5, 6)"),
            "{notes:?}"
        );
        assert!(!notes[0].contains("correo"), "{notes:?}");
        let error = read("# people\nana, por correo\n").unwrap_err().to_string();
        assert!(error.contains("forgotten.txt:2: no line can be read"), "{error}");
        assert!(read("# nobody yet\n").unwrap().notes[0].contains("names nobody"));
    }
}
