//! `pregonero review` on a terminal: shows each post that waits and asks what to do with it.

use std::collections::HashSet;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::words::{self, one_line};
use super::{approved, judge, stopped, terms};
use crate::cli::output::{BAD, HEADING, styled, visible};
use crate::cli::session::{Ground, Session};
use crate::review::{Checked, Decided, Desk, ReviewError, Reviewer, Waiting};
use jiff::tz::TimeZone;
use pregonero_store::Store;
use pregonero_system::clock::shown_in;

const QUESTION: &str = "[a]pprove, [e]dit, [p]ick another, [r]eject, [s]kip, [q]uit? ";

/// Whoever sits at the terminal.
trait Person {
    /// Asks and returns the answer without white space around it; `None` at the end of the input.
    fn ask(&mut self, question: &str) -> io::Result<Option<String>>;

    fn say(&mut self, words: &str);

    /// Lets the person change a text; `None` if they gave none.
    fn change(&mut self, text: &str) -> Result<Option<String>>;
}

/// Walks through the queue with the person at the terminal.
pub(super) async fn run(store: &Store, ground: &Ground, session: &Session, reviewer: &Reviewer) -> Result<()> {
    let zone = ground.zone();
    let source = judge(ground, session)?;
    let desk = || Desk::new(store, source.clone(), terms(ground), session.now());
    walk(&desk, &mut AtTerminal { session }, reviewer, &zone).await
}

/// Asks about each post that waits, until the queue or the input ends. Each decision is taken at the time it is made.
async fn walk<'a>(
    desk: &impl Fn() -> Desk<'a>,
    person: &mut impl Person,
    reviewer: &Reviewer,
    zone: &TimeZone,
) -> Result<()> {
    let mut seen = HashSet::new();
    loop {
        let waiting = desk().waiting().await?;
        let count = waiting.len();
        let Some(next) = waiting.into_iter().find(|one| !seen.contains(&one.post.id)) else {
            let end = if count == 0 { "no post waits for a person" } else { "that was the last one" };
            person.say(end);
            return Ok(());
        };
        let post = next.post.id;
        seen.insert(post);
        person.say(&heading(&next, count, zone));
        if !decide(desk, person, reviewer, zone, next).await? {
            return Ok(());
        }
    }
}

/// Asks about one post until it is decided on or skipped. Returns whether to go on with the next one.
async fn decide<'a>(
    desk: &impl Fn() -> Desk<'a>,
    person: &mut impl Person,
    reviewer: &Reviewer,
    zone: &TimeZone,
    mut waiting: Waiting,
) -> Result<bool> {
    let post = waiting.post.id;
    loop {
        let Some(answer) = person.ask(QUESTION)? else { return Ok(false) };
        // Somebody else may change the text while this person reads it.
        let seen = waiting.text_sha256.clone();
        let desk_for_seen = || desk().for_text(&seen);
        let done = match answer.to_lowercase().as_str() {
            "a" | "approve" => match examined(person, &waiting)? {
                Some(checked) => desk_for_seen().approve(post, reviewer, &checked).await.map(Some),
                None => Ok(None),
            },
            "e" | "edit" => {
                let body = desk().body(&waiting.post).to_owned();
                match person.change(&body) {
                    Ok(Some(text)) => desk_for_seen().edit(post, &text, reviewer, &Checked::default()).await.map(Some),
                    Ok(None) => Ok(None),
                    Err(error) => {
                        person.say(&styled(BAD, &format!("{error:#}")));
                        continue;
                    }
                }
            }
            "p" | "pick" => match picked(person, &waiting)? {
                Some(number) => desk_for_seen().pick(post, number, reviewer, &Checked::default()).await.map(Some),
                None => Ok(None),
            },
            "r" | "reject" => {
                let reason = person.ask("why (may be empty)? ")?.filter(|reason| !reason.trim().is_empty());
                desk().reject(post, reviewer, reason.as_deref()).await.map(Some)
            }
            "s" | "skip" => return Ok(true),
            "q" | "quit" => return Ok(false),
            _ => continue,
        };
        match done {
            Ok(None) => {}
            Ok(Some(decided)) if is_decided(&decided) => {
                person.say(&outcome(&decided));
                return Ok(true);
            }
            Ok(Some(_)) => {
                waiting = desk().look(post).await?;
                person.say(&look(&waiting, zone));
            }
            Err(error @ (ReviewError::NothingToDecide { .. } | ReviewError::Expired { .. })) => {
                person.say(&styled(BAD, &error.to_string()));
                return Ok(true);
            }
            Err(ReviewError::TextChanged { .. }) => {
                person.say(&styled(BAD, "somebody changed the text meanwhile; it now reads:"));
                waiting = desk().look(post).await?;
                person.say(&look(&waiting, zone));
            }
            Err(ReviewError::Store(error)) => return Err(error.into()),
            Err(error) => person.say(&styled(BAD, &visible(&format!("{error:#}")))),
        }
    }
}

/// Asks what was checked; `None` if the post needs more than the person did.
fn examined(person: &mut impl Person, waiting: &Waiting) -> Result<Option<Checked>> {
    let answer = person.ask("did you check what it states? [y/N] ")?.unwrap_or_default();
    let facts = matches!(answer.to_lowercase().as_str(), "y" | "yes");
    if !facts && waiting.needs_fact_check {
        person.say(
            "it cannot be approved without that (review.require is \"fact_check\"): check it, or edit, pick or reject",
        );
        return Ok(None);
    }
    let sources = if facts { sources(person)? } else { Vec::new() };
    let note = person.ask("a note for the record (may be empty)? ")?.filter(|note| !note.is_empty());
    Ok(Some(Checked { facts, sources, note }))
}

/// Asks for sources, one after the other, until an answer is empty.
fn sources(person: &mut impl Person) -> Result<Vec<String>> {
    let mut sources = Vec::new();
    while let Some(source) = person.ask("against what (a link or a title; empty to go on)? ")? {
        if source.is_empty() {
            break;
        }
        sources.push(source);
    }
    Ok(sources)
}

/// Shows the other candidates and asks for one; `None` if there is none or no number is given.
fn picked(person: &mut impl Person, waiting: &Waiting) -> Result<Option<usize>> {
    if waiting.candidates.len() < 2 {
        person.say("its round has no other candidate");
        return Ok(None);
    }
    person.say(&words::candidates(waiting).join("\n"));
    let answer = person.ask("which number (empty for none)? ")?.unwrap_or_default();
    match answer.parse() {
        Ok(number) => Ok(Some(number)),
        Err(_) if answer.is_empty() => Ok(None),
        Err(_) => {
            person.say(&format!("expected a number, found {:?}", visible(&answer)));
            Ok(None)
        }
    }
}

fn is_decided(decided: &Decided) -> bool {
    decided.post.state != pregonero_store::PostState::Held
}

fn outcome(decided: &Decided) -> String {
    match decided.review.act {
        pregonero_store::ReviewAct::Approve => approved(decided),
        _ => stopped(decided),
    }
}

fn heading(waiting: &Waiting, count: usize, zone: &TimeZone) -> String {
    let plural = if count == 1 { "post waits" } else { "posts wait" };
    let title =
        format!("post {}, until {} ({count} {plural})", waiting.post.id, shown_in(waiting.post.expires_at, zone));
    format!("\n{}\n{}", styled(HEADING, &title), look(waiting, zone))
}

/// Shows a post as it will look, why it waits, and the other candidates.
fn look(waiting: &Waiting, zone: &TimeZone) -> String {
    let post = &waiting.post;
    let mut lines = vec![String::new()];
    lines.extend(visible(&post.text).lines().map(|line| format!("    {line}")));
    lines.push(String::new());
    lines.extend(words::reasons(waiting));
    let reviews = waiting.reviews.iter().map(|review| format!("review     {}", words::reviewed(review, zone)));
    lines.extend(reviews);
    lines.extend(words::candidates(waiting));
    lines.join("\n")
}

/// Opens a text in the editor that `VISUAL` or `EDITOR` names; `None` if neither is set or this is no terminal.
///
/// # Errors
/// If the editor fails, or leaves something that is no text.
pub(super) fn in_editor(text: &str, session: &Session) -> Result<Option<String>> {
    let editor = ["VISUAL", "EDITOR"].iter().find_map(|name| session.environment.get(name));
    let Some(editor) = editor.filter(|editor| !editor.trim().is_empty() && io::stdin().is_terminal()) else {
        return Ok(None);
    };
    let mut draft = tempfile::Builder::new().prefix("pregonero-").suffix(".txt").tempfile()?;
    writeln!(draft, "{text}")?;
    draft.flush()?;
    // The variable may hold a program with arguments, as git and crontab read it.
    let ended = Command::new("sh").arg("-c").arg(format!("{editor} \"$1\"")).arg("sh").arg(draft.path()).status();
    let ended = ended.with_context(|| format!("cannot run the editor {editor:?}"))?;
    ensure!(ended.success(), "the editor {editor:?} failed ({ended}); the text stays as it was");
    let edited = std::fs::read_to_string(draft.path()).context("the edited text cannot be read")?;
    Ok(Some(edited))
}

/// The real terminal: questions on standard error, answers from standard input.
struct AtTerminal<'a> {
    session: &'a Session,
}

impl Person for AtTerminal<'_> {
    fn ask(&mut self, question: &str) -> io::Result<Option<String>> {
        let mut stderr = anstream::stderr();
        write!(stderr, "{question}").and_then(|()| stderr.flush())?;
        let mut line = String::new();
        if io::stdin().lock().read_line(&mut line)? == 0 {
            self.say("");
            return Ok(None);
        }
        Ok(Some(line.trim().to_owned()))
    }

    fn say(&mut self, words: &str) {
        // If standard error cannot be written, the next question fails and ends the walk.
        let _ = writeln!(anstream::stderr(), "{words}");
    }

    fn change(&mut self, text: &str) -> Result<Option<String>> {
        if let Some(edited) = in_editor(text, self.session)? {
            return Ok(Some(edited));
        }
        self.say(&format!("it reads: {}", one_line(text)));
        Ok(self.ask("new text, without the disclosure (empty to leave it)? ")?.filter(|text| !text.is_empty()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::review::testing;
    use crate::review::{Requirement, Terms};
    use pregonero_store::PostState;
    use pregonero_store::testing::{TestStore, at};

    /// A person who gives these answers in turn.
    struct Scripted {
        answers: Vec<&'static str>,
        heard: String,
    }

    impl Person for Scripted {
        fn ask(&mut self, question: &str) -> io::Result<Option<String>> {
            self.heard += question;
            Ok((!self.answers.is_empty()).then(|| self.answers.remove(0).to_owned()))
        }

        fn say(&mut self, words: &str) {
            self.heard += words;
            self.heard.push('\n');
        }

        fn change(&mut self, text: &str) -> Result<Option<String>> {
            self.ask(&visible(text)).map(|answer| answer.filter(|answer| !answer.is_empty())).map_err(Into::into)
        }
    }

    async fn walked(test: &TestStore, require: Requirement, answers: &[&'static str]) -> String {
        let now = at("2026-03-01T14:00:00Z");
        let terms = Terms { require, near_duplicate: 0.0, ..testing::terms() };
        let desk = || testing::desk(&test.store, terms.clone(), now);
        let mut person = Scripted { answers: answers.to_vec(), heard: String::new() };
        walk(&desk, &mut person, &testing::reviewer("ana"), &TimeZone::UTC).await.unwrap();
        assert_eq!(person.answers, [""; 0], "every answer was asked for\n{}", person.heard);
        person.heard
    }

    #[tokio::test]
    async fn each_post_is_shown_once_and_approved_rejected_or_skipped() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let mut posts = Vec::new();
        for text in ["uno dos tres", "cuatro cinco", "seis siete"] {
            posts.push(test.held(text, now).await);
        }
        let answers = ["?", "a", "y", "https://example.org", "", "a note", "s", "r", "dull"];
        let heard = walked(&test, Requirement::FactCheck, &answers).await;
        for expected in [
            "post 1, until 2026-03-03 14:00:00 UTC (3 posts wait)",
            "    uno dos tres",
            "gate       claims (review): it names a figure",
            "needs      the facts checked",
            "post 1 is approved, facts checked by ana",
            "post 3 is rejected by ana",
            "that was the last one",
        ] {
            assert!(heard.contains(expected), "{expected}\n{heard}");
        }
        let states = [PostState::Approved, PostState::Held, PostState::Rejected];
        for (post, state) in posts.iter().zip(states) {
            assert_eq!(test.state(*post).await, state);
        }
        let review = test.store.reviews(posts[0]).await.unwrap().remove(0);
        assert_eq!((review.sources, review.note.as_deref()), (vec!["https://example.org".to_owned()], Some("a note")));
    }

    #[tokio::test]
    async fn what_is_not_allowed_is_said_and_asked_again() {
        let test = TestStore::open().await;
        let post = test.held("uno\u{202e} dos", at("2026-03-01T14:00:00Z")).await;
        let answers = ["a", "n", "p", "e", "dos tres", "e", "", "q"];
        let heard = walked(&test, Requirement::FactCheck, &answers).await;
        for expected in [
            "uno\\u{202e} dos",
            "it cannot be approved without that",
            "its round has no other candidate",
            "this desk has no judge",
        ] {
            assert!(heard.contains(expected), "{expected}\n{heard}");
        }
        assert!(!heard.contains('\u{202e}'));
        assert_eq!(test.state(post).await, PostState::Held);
        let heard = walked(&test, Requirement::Approval, &["a", "n", ""]).await;
        assert!(heard.contains("post 1 is approved without fact check by ana"), "{heard}");
        assert!(walked(&test, Requirement::Approval, &[]).await.contains("no post waits for a person"));
    }
}
