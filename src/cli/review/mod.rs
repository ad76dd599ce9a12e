//! `pregonero review`: decides on the posts that wait for a person, one after the other on a terminal, or by subcommands.

mod person;
mod walk;
mod words;

use std::io::{self, Read as _};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use clap::{Args, Subcommand};
use jiff::tz::TimeZone;
use serde_json::{Value, json};

pub use self::person::Decision;
use self::person::{Examination, Person};
pub use self::words::reviewed;
use self::words::{in_words, one_line, why};
use super::exit::WrongUsage;
use super::output::can_ask;
use super::session::{Ground, Session};
use crate::app;
use crate::daemon::whereabouts::Purpose;
use crate::publish::DEFAULT_STALE_AFTER;
use crate::review::{self, Decided, Desk, JudgeSource, KeepDisclosure, Requirement, ReviewMode, Terms};
use pregonero_store::{PostId, PostRecord, Store};
use pregonero_system::clock::shown_in;
use pregonero_tweet::{Disclosure, DisclosurePosition};

/// The most bytes of a text on standard input.
const LONGEST_INPUT: u64 = 1 << 16;

/// What to do with the queue.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Without a subcommand, on a terminal, it shows each post that waits and asks: approve, edit, pick another candidate, reject,
skip, quit. An edit opens $VISUAL or $EDITOR if one is set. An edited or picked text passes every gate again and then waits
for approval; an approval that the post had is void.

Examples:
  pregonero review
  pregonero review list
  pregonero review approve 12 --facts-checked --source https://www.ins.gov.co
  pregonero review edit 12 --text \"La enfermera explica la vacuna con paciencia.\"
  pregonero review pick 12 3
  pregonero review reject 13 --reason \"the figure is out of date\""
)]
pub struct ReviewArguments {
    #[command(subcommand)]
    command: Option<ReviewCommand>,
    #[command(flatten)]
    person: Person,
}

#[derive(Debug, Subcommand)]
enum ReviewCommand {
    /// List the posts that wait for a person, the oldest first
    List,
    /// Show one post: why it waits, what the gates say, the other candidates of its round, earlier decisions
    Show {
        /// The number that `review list` shows
        id: i64,
    },
    /// Approve a post; a running daemon sends it within seconds, outside quiet hours
    #[command(after_help = "\
A post that states something (gate `claims`) needs --facts-checked, unless review.require is \"approval\". An approval asks the
gate near_duplicate again about what was posted meanwhile.")]
    Approve {
        /// The number that `review list` shows
        id: i64,
        #[command(flatten)]
        person: Person,
        #[command(flatten)]
        examination: Examination,
    },
    /// Give a post another text; it passes every gate again and waits for approval
    Edit {
        /// The number that `review list` shows
        id: i64,
        /// The new text, without the disclosure, which is added again; - reads it from standard input; without it, an editor opens
        #[arg(long, value_name = "TEXT")]
        text: Option<String>,
        #[command(flatten)]
        person: Person,
        #[command(flatten)]
        examination: Examination,
    },
    /// Give a post the text of another candidate of its round; it passes every gate again and waits for approval
    Pick {
        /// The number that `review list` shows
        id: i64,
        /// The candidate's number, as `review show` lists it
        candidate: usize,
        #[command(flatten)]
        person: Person,
        #[command(flatten)]
        examination: Examination,
    },
    /// Stop a post: a waiting one is rejected, an approved one that is not being sent yet is cancelled
    Reject {
        /// The number that `review list` shows
        id: i64,
        /// The reason, for the record
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        #[command(flatten)]
        person: Person,
    },
}

impl ReviewCommand {
    /// Returns the SHA-256 of the text that the person saw, if they say so.
    fn seen(&self) -> Option<&str> {
        match self {
            Self::Approve { examination, .. } | Self::Edit { examination, .. } | Self::Pick { examination, .. } => {
                examination.seen()
            }
            Self::List | Self::Show { .. } | Self::Reject { .. } => None,
        }
    }
}

/// Runs `review`.
///
/// # Errors
/// If nothing was ever recorded, no post has the number, the post has no decision left to make, or a gate refuses it.
pub async fn run(arguments: ReviewArguments, session: &Session) -> Result<()> {
    let can_ask = can_ask() && !session.output.json;
    if arguments.command.is_none() && !can_ask {
        return Err(WrongUsage(
            "`review` without a subcommand asks on a terminal, and this is none: use `review list`, then `review show`, \
             `approve`, `edit`, `pick` or `reject`",
        )
        .into());
    }
    let purpose = match arguments.command {
        Some(ReviewCommand::List | ReviewCommand::Show { .. }) => Purpose::Look,
        _ => Purpose::Act,
    };
    let ground = session.ground(purpose).await?;
    let store = match purpose {
        Purpose::Look => Store::open_read_only(&ground.store).await?,
        Purpose::Act => Store::open_existing(&ground.store).await?,
    };
    let desk = Desk::new(&store, judge(&ground, session)?, terms(&ground), session.now());
    let desk = match arguments.command.as_ref().and_then(ReviewCommand::seen) {
        Some(seen) => desk.for_text(seen),
        None => desk,
    };
    let done = match arguments.command {
        None => walk::run(&store, &ground, session, &arguments.person.reviewer(session)?).await,
        Some(command) => act(command, &desk, &store, &ground, session).await,
    };
    store.close().await;
    done
}

async fn act(command: ReviewCommand, desk: &Desk<'_>, store: &Store, ground: &Ground, session: &Session) -> Result<()> {
    let output = session.output;
    let zone = ground.zone();
    match command {
        ReviewCommand::List => list(&review::list(store, session.now()).await?, &zone, session),
        ReviewCommand::Show { id } => {
            let post = PostId::new(id);
            let waiting = desk.look(post).await?;
            let erasures = store.erasures_of(post.round()).await?;
            let mut json = serde_json::to_value(&waiting)?;
            json["erased"] = serde_json::to_value(&erasures)?;
            output.object(|| in_words(&waiting, &zone, &erasures), || json)
        }
        ReviewCommand::Approve { id, person, examination } => {
            let reviewer = person.reviewer(session)?;
            let decided = desk.approve(PostId::new(id), &reviewer, &examination.checked()?).await?;
            output.object(|| approved(&decided), || approval_as_json(&decided))
        }
        ReviewCommand::Edit { id, text, person, examination } => {
            let reviewer = person.reviewer(session)?;
            let post = PostId::new(id);
            let text = match text.as_deref() {
                Some("-") => from_standard_input()?,
                Some(text) => text.to_owned(),
                None => {
                    let waiting = desk.look(post).await?;
                    walk::in_editor(desk.body(&waiting.post), session)?.ok_or_else(|| {
                        anyhow!("no text: give --text TEXT, or set $EDITOR and run this on a terminal")
                    })?
                }
            };
            let decided = desk.edit(post, &text, &reviewer, &examination.checked()?).await?;
            output.object(|| changed(&decided, &zone), || change_as_json(&decided))
        }
        ReviewCommand::Pick { id, candidate, person, examination } => {
            let reviewer = person.reviewer(session)?;
            let decided = desk.pick(PostId::new(id), candidate, &reviewer, &examination.checked()?).await?;
            output.object(|| changed(&decided, &zone), || change_as_json(&decided))
        }
        ReviewCommand::Reject { id, reason, person } => {
            let reviewer = person.reviewer(session)?;
            let decided = desk.reject(PostId::new(id), &reviewer, reason.as_deref()).await?;
            output.object(|| stopped(&decided), || stop_as_json(&decided))
        }
    }
}

fn list(held: &[PostRecord], zone: &TimeZone, session: &Session) -> Result<()> {
    if held.is_empty() {
        session.output.note("no post waits for a person");
        if !session.output.json {
            return Ok(());
        }
    }
    session.output.rows(&["ID", "EXPIRES", "WHY", "TEXT"], held, |post| {
        vec![post.id.to_string(), shown_in(post.expires_at, zone), why(post), one_line(&post.text)]
    })
}

/// Returns the terms of the queue: those of the configuration, or the defaults if it has faults. A decision must be possible
/// beside a daemon that still runs with what it loaded.
fn terms(ground: &Ground) -> Terms {
    ground.settings().map_or_else(
        || Terms {
            mode: ReviewMode::Flagged,
            expires_after: Duration::from_secs(48 * 3600),
            stale_after: DEFAULT_STALE_AFTER,
            live: false,
            account: String::new(),
            require: Requirement::FactCheck,
            keep_disclosure: KeepDisclosure::Always,
            disclosure: Disclosure::new("🤖 IA:", DisclosurePosition::Start),
            near_duplicate: 0.6,
            near_duplicate_days: 90,
        },
        Terms::from,
    )
}

/// Returns a source of the judge, which loads the models only when a new text needs them.
fn judge(ground: &Ground, session: &Session) -> Result<JudgeSource> {
    let settings = ground.settings().cloned();
    let hub = session.hub()?;
    Ok(Arc::new(move || {
        let settings = settings.as_ref().context(
            "the configuration has faults, so it is not known which gates apply: fix it (`pregonero config check`)",
        )?;
        let files = app::generator_files(settings, &hub)?;
        Ok(Arc::new(app::load_judge(settings, &hub, &files)?))
    }))
}

fn from_standard_input() -> Result<String> {
    let mut text = String::new();
    let read = io::stdin().lock().take(LONGEST_INPUT + 1).read_to_string(&mut text);
    let read = read.context("standard input: cannot be read as UTF-8")?;
    if read as u64 > LONGEST_INPUT {
        bail!("standard input: the text is longer than {LONGEST_INPUT} bytes");
    }
    Ok(text)
}

/// Says what an approval leads to.
fn approved(decided: &Decided) -> String {
    let (post, review) = (decided.post.id, &decided.review);
    let by = format!("post {post} is {} by {}", review.in_words(), review.reviewer);
    match decided.post.live {
        Some(false) => format!("{by}; it was made in a dry run, so a dry run records it and it is never sent"),
        _ => format!("{by}; a running daemon or the next `pregonero once` sends it"),
    }
}

fn changed(decided: &Decided, zone: &TimeZone) -> String {
    let post = &decided.post;
    format!(
        "post {} now reads: {}\n{}\nit waits for approval: `pregonero review approve {}`",
        post.id,
        one_line(&post.text),
        reviewed(&decided.review, zone),
        post.id
    )
}

fn stopped(decided: &Decided) -> String {
    format!("post {} is {} by {}", decided.post.id, decided.post.state, decided.review.reviewer)
}

fn approval_as_json(decided: &Decided) -> Value {
    let post = &decided.post;
    json!({"id": post.id, "state": post.state, "decided_by": post.decided_by, "live": post.live, "review": decided.review})
}

fn change_as_json(decided: &Decided) -> Value {
    let post = &decided.post;
    json!({
        "id": post.id,
        "state": post.state,
        "text": post.text,
        "candidate": post.candidate_position + 1,
        "gates": post.gates,
        "review": decided.review,
    })
}

fn stop_as_json(decided: &Decided) -> Value {
    let post = &decided.post;
    json!({
        "id": post.id,
        "state": post.state,
        "decided_by": post.decided_by,
        "reason": post.decision_reason,
        "review": decided.review,
    })
}
