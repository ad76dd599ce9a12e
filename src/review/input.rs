//! What a person may put on record: composed, of a sane length, and without characters that nobody can see.
//!
//! A directional override in a name or a note makes the rest of a line read as something else, in a terminal and on a
//! page. Such characters are refused, not dropped: what is on record is what the person wrote.

use super::ReviewError;
use pregonero_store::LinkId;
use pregonero_text::characters::{hidden_in_words, tidy};

/// The longest name or role, note, and source, in characters.
const LONGEST_NAME: usize = 80;
const LONGEST_NAME_BY_LINK: usize = 60;
const LONGEST_REASON: usize = 500;
const LONGEST_NOTE: usize = 2000;
const LONGEST_SOURCE: usize = 500;

/// The most sources.
const MOST_SOURCES: usize = 20;

/// The longest text of a tweet that is looked at: far beyond what a gate lets through.
const LONGEST_TEXT: usize = 2000;

/// Who decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reviewer {
    pub name: String,
    /// What they are to the account: `editor`, `admin`.
    pub role: String,
}

/// What a person says to have checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// Whether what the text states was checked.
    pub facts: bool,
    /// Against what: texts or links.
    pub sources: Vec<String>,
    pub note: Option<String>,
}

/// Returns the reviewer as the record keeps them.
pub(super) fn reviewer(found: &Reviewer) -> Result<Reviewer, ReviewError> {
    let name = line("the reviewer's name", &found.name, LONGEST_NAME)?;
    if name.is_empty() {
        return Err(bad("the reviewer's name", "it is empty: say who decides (--by NAME)"));
    }
    Ok(Reviewer { name, role: line("the reviewer's role", &found.role, LONGEST_NAME)? })
}

/// Returns the name of whoever came by a link, which no user's name can be the same as.
pub(super) fn of_link(name: &str, link: LinkId) -> Result<String, ReviewError> {
    Ok(format!("{} (link {link})", line("the name", name, LONGEST_NAME_BY_LINK)?))
}

/// Returns the reason of a pause, in one line; `None` if it is empty.
///
/// # Errors
/// [`ReviewError::BadInput`] if it is too long, has several lines, or a character that cannot be seen.
pub fn reason(found: &str) -> Result<Option<String>, ReviewError> {
    let reason = line("the reason", found, LONGEST_REASON)?;
    Ok((!reason.is_empty()).then_some(reason))
}

/// Returns what was checked, as the record keeps it.
pub(super) fn checked(found: &Checked) -> Result<Checked, ReviewError> {
    if found.sources.len() > MOST_SOURCES {
        return Err(bad("the sources", format!("expected at most {MOST_SOURCES}, found {}", found.sources.len())));
    }
    let sources: Result<Vec<String>, _> =
        found.sources.iter().map(|source| line("a source", source, LONGEST_SOURCE)).collect();
    let sources = sources?.into_iter().filter(|source| !source.is_empty()).collect();
    let note = found.note.as_deref().map(note).transpose()?.flatten();
    Ok(Checked { facts: found.facts, sources, note })
}

/// Returns a note or a reason, which may have several lines; `None` if it is empty.
pub(super) fn note(found: &str) -> Result<Option<String>, ReviewError> {
    let note = passage("the note", found, LONGEST_NOTE)?;
    Ok((!note.is_empty()).then_some(note))
}

/// Returns why a person stops a post, which may take several lines.
pub(super) fn reason_to_stop(found: &str) -> Result<String, ReviewError> {
    note(found)?.ok_or_else(|| bad("the reason", "it is empty: say why the post is stopped"))
}

/// Returns the text of a tweet that a person wrote.
pub(super) fn text(found: &str) -> Result<String, ReviewError> {
    let text = passage("the text", found, LONGEST_TEXT)?;
    if text.is_empty() { Err(bad("the text", "it is empty: to stop the post, reject it")) } else { Ok(text) }
}

fn line(what: &'static str, found: &str, longest: usize) -> Result<String, ReviewError> {
    let text = passage(what, found, longest)?;
    if text.contains('\n') { Err(bad(what, "expected one line, found a line break")) } else { Ok(text) }
}

fn passage(what: &'static str, found: &str, longest: usize) -> Result<String, ReviewError> {
    let text = found.replace("\r\n", "\n");
    let text = text.trim();
    if let Some(why) = hidden_in_words(text) {
        return Err(bad(what, why));
    }
    let text = tidy(text).into_owned();
    let length = text.chars().count();
    if length > longest {
        return Err(bad(what, format!("expected at most {longest} characters, found {length}")));
    }
    Ok(text)
}

fn bad(what: &'static str, why: impl Into<String>) -> ReviewError {
    ReviewError::BadInput { what, why: why.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_refused_by_its_code_and_nothing_is_dropped_in_silence() {
        for (hostile, code) in [
            ("ana\u{202e}nimda", "U+202E"),
            ("a\u{200b}na", "U+200B"),
            ("ana\u{1b}[2J", "U+001B"),
            ("ana\u{2066}", "U+2066"),
            ("ana\0", "U+0000"),
        ] {
            let named = Reviewer { name: hostile.to_owned(), role: String::new() };
            let role = Reviewer { name: "ana".to_owned(), role: hostile.to_owned() };
            let source = Checked { facts: true, sources: vec![hostile.to_owned()], note: None };
            let noted = Checked { note: Some(hostile.to_owned()), ..Checked::default() };
            let errors = [
                reviewer(&named).unwrap_err(),
                reviewer(&role).unwrap_err(),
                checked(&source).unwrap_err(),
                checked(&noted).unwrap_err(),
                text(hostile).unwrap_err(),
                reason(hostile).unwrap_err(),
            ];
            for error in errors {
                let said = error.to_string();
                assert!(said.contains(code) && !said.contains(hostile), "{said:?}");
            }
        }
    }

    #[test]
    fn texts_of_people_stay_as_they_are_but_composed_and_trimmed() {
        assert_eq!(text(" Man\u{303}ana llueve. 👩\u{200d}👧\r\n").unwrap(), "Mañana llueve. 👩\u{200d}👧");
        let people = Reviewer { name: " Zoë Ñandú 𝔞 ".to_owned(), role: "<b>editora</b>".to_owned() };
        let kept = reviewer(&people).unwrap();
        assert_eq!((kept.name.as_str(), kept.role.as_str()), ("Zoë Ñandú 𝔞", "<b>editora</b>"), "markup is only text");
        assert_eq!((note("  \n ").unwrap(), reason(" ").unwrap()), (None, None));
        assert!(reason("uno\r\ndos").is_err(), "a reason has one line");
        assert_eq!(note("uno\ndos").unwrap().as_deref(), Some("uno\ndos"));
    }

    #[test]
    fn what_is_too_long_or_missing_is_refused_with_its_measure() {
        let said = |error: ReviewError| error.to_string();
        assert_eq!(said(text(" ").unwrap_err()), "the text: it is empty: to stop the post, reject it");
        assert_eq!(
            said(text(&"ñ".repeat(2001)).unwrap_err()),
            "the text: expected at most 2000 characters, found 2001"
        );
        let long = Reviewer { name: "a".repeat(81), role: String::new() };
        assert!(said(reviewer(&long).unwrap_err()).ends_with("at most 80 characters, found 81"));
        let two_lines = Reviewer { name: "ana\nberta".to_owned(), role: String::new() };
        assert!(said(reviewer(&two_lines).unwrap_err()).ends_with("expected one line, found a line break"));
        let nobody = Reviewer { name: "  ".to_owned(), role: String::new() };
        assert!(said(reviewer(&nobody).unwrap_err()).contains("--by NAME"));
        let many = Checked { sources: vec!["https://example.org".to_owned(); 21], ..Checked::default() };
        assert_eq!(said(checked(&many).unwrap_err()), "the sources: expected at most 20, found 21");
    }
}
