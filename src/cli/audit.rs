//! `pregonero audit`: verifies the audit log, proves what is in it, exports it, and keeps its key.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use pregonero_audit::{Checkpoint, Note, Verifier};
use pregonero_store::{LedgerRecord, NOT_COVERED, PostId, Store, StoredCheckpoint};
use pregonero_system::clock::SystemClock;
use pregonero_system::files::{Existing, refuse_existing, write_whole};
use serde_json::json;

use super::output::{BAD, DOUBTFUL, GOOD, counted, styled};
use super::review::Decision;
use super::session::{Ground, Session};
use crate::audit::{self, Evidence, KeyPlace, Plan, Verdict, keeper};
use crate::daemon::whereabouts::Purpose;
use pregonero_text::characters::escaped_in_json;

/// How many records are read at once for an export.
const PAGE: u32 = 1000;

/// What to do with the audit log.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Check every record and every row, and compare the log with the checkpoints kept elsewhere
    Verify(VerifyArguments),
    /// Write a proof of what became of a post, which can be checked without this program
    Prove(ProveArguments),
    /// Write a proof that the log only grew since a checkpoint that somebody kept
    Consistency(ConsistencyArguments),
    /// Print every record as a line of JSON, each checkpoint after the records that it covers
    Export(ExportArguments),
    /// Sign the log now, and send the checkpoint to the places in `[audit]`
    Checkpoint,
    /// Print the key that verifies checkpoints; note it elsewhere
    Key(KeyArguments),
}

/// What to compare the log with.
#[derive(Debug, Args)]
#[command(after_help = "\
The file in audit.anchor_file is always read too. Whoever has this machine can rebuild the whole log: only a checkpoint or
a key that was kept elsewhere can show that.

Exit codes: 0 everything holds, 1 something does not, or a checkpoint cannot be compared because it was changed or is none.

Examples:
  pregonero audit verify
  pregonero audit verify --checkpoint /mnt/usb/checkpoints.txt
  pregonero audit verify --key \"pregonero/uisbot+1c3a…+AQ…\"")]
pub struct VerifyArguments {
    /// A file with one or more checkpoints that was kept elsewhere; may be given several times
    #[arg(long, value_name = "FILE")]
    checkpoint: Vec<PathBuf>,
    /// A verifier key that was noted elsewhere, as `audit key` prints it; may be given several times
    #[arg(long, value_name = "KEY")]
    key: Vec<String>,
}

/// What to prove.
#[derive(Debug, Args)]
#[command(after_help = "\
The proof is a C2SP tlog-proof. docs/audit.md says how it is checked, also without this program.

Examples:
  pregonero audit prove 42                       prints it
  pregonero audit prove 42 -o 42.tlog-proof      writes it; never replaces a file")]
pub struct ProveArguments {
    /// The number of the post or round
    #[arg(value_name = "POST")]
    post: i64,
    /// The file to write; without it, the proof is printed
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// From which checkpoint on to prove it.
#[derive(Debug, Args)]
#[command(after_help = "\
Whoever kept the earlier checkpoint can check the proof without this program and without the records:

  python3 docs/check_audit.py consistency grown.txt --from kept.txt --key KEY

It says that the log of the later checkpoint has all records of the earlier one, unchanged and in the same places. The form is
that of C2SP's tlog-witness: the earlier size, the hashes of RFC 9162, and the later checkpoint.

Examples:
  pregonero audit consistency --from kept.txt                        up to now, printed
  pregonero audit consistency --from kept.txt -o grown.txt           written; never replaces a file
  pregonero audit consistency --from march.txt --to june.txt         between two checkpoints that were kept")]
pub struct ConsistencyArguments {
    /// A file with the checkpoint that was kept; of several in it, the one over the most records counts
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// A file with a later checkpoint; without it, the latest one, or a new one if the log has grown
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// The file to write; without it, the proof is printed
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Which records to print.
#[derive(Debug, Args)]
pub struct ExportArguments {
    /// The number of the first record
    #[arg(long, value_name = "N", default_value_t = 0)]
    from: u64,
    /// The file to write; without it, the lines are printed. Never replaces a file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Which key to print.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pregonero audit key              prints the verifier key
  pregonero audit key --new        replaces the key; the change is recorded, and signed with both")]
pub struct KeyArguments {
    /// Replace the key with a new one; the earlier one is kept next to it
    #[arg(long)]
    new: bool,
    #[command(flatten)]
    decision: Decision,
}

/// Runs `audit`.
///
/// # Errors
/// If the record or a file cannot be read or written; `verify` also fails if something does not hold.
pub async fn run(command: AuditCommand, session: &Session) -> Result<()> {
    match command {
        AuditCommand::Verify(arguments) => verify(&arguments, session).await,
        AuditCommand::Prove(arguments) => prove(&arguments, session).await,
        AuditCommand::Consistency(arguments) => consistency(&arguments, session).await,
        AuditCommand::Export(arguments) => export(&arguments, session).await,
        AuditCommand::Checkpoint => checkpoint(session).await,
        AuditCommand::Key(arguments) => key(&arguments, session).await,
    }
}

async fn verify(arguments: &VerifyArguments, session: &Session) -> Result<()> {
    let ground = session.ground(Purpose::Look).await?;
    let mut evidence = Vec::new();
    for file in &arguments.checkpoint {
        let found = Evidence::in_file(file).with_context(|| format!("{}: cannot read it", file.display()))?;
        if !found.iter().any(Evidence::is_checkpoint) {
            bail!("{}: expected one or more checkpoints (signed notes), found none", file.display());
        }
        evidence.extend(found);
    }
    let anchor_file = ground.settings().and_then(|settings| settings.audit.anchor_file.clone());
    if let Some(file) = &anchor_file {
        let (found, why_not) = Evidence::in_anchor_file(file);
        if let Some(why) = why_not {
            session.output.note(&format!("warning: audit.anchor_file {}: {why}", file.display()));
        }
        evidence.extend(found);
    }
    let keys = arguments.key.iter().map(|key| Verifier::parse(key).with_context(|| format!("--key {key}")));
    let keys: Vec<Verifier> = keys.collect::<Result<_>>()?;
    let store = Store::open_read_only(&ground.store).await?;
    let verdict = audit::verify(&store, &evidence, &keys).await?;
    store.close().await;
    session.output.object(|| in_words(&verdict), || json!(verdict))?;
    if let Some(fault) = verdict.faults.first() {
        bail!("{}: the audit log does not hold: {fault}", ground.store.display());
    }
    match verdict.unusable.into_iter().next() {
        Some(words) => Err(anyhow::Error::msg(words)),
        None => Ok(()),
    }
}

/// Says what holds, what does not, and who vouches for what.
fn in_words(verdict: &Verdict) -> String {
    let Verdict { records, root, rows, forgotten, checkpoints, faults, unusable, notes, anchored, .. } = verdict;
    let Verdict { delivered, keys, .. } = verdict;
    let last = verdict.last_at.as_ref().map_or_else(String::new, |at| format!(", the last of {at}"));
    let mut lines = vec![format!("{records} records{last}; root {root}")];
    if faults.is_empty() {
        lines.push(format!(
            "{}: every record, {}, and {} are as they were written",
            styled(GOOD, "whole"),
            counted(*checkpoints, "stored checkpoint", "stored checkpoints"),
            counted(*rows, "row", "rows")
        ));
    } else {
        lines.extend(faults.iter().map(|fault| format!("{}: {fault}", styled(BAD, "WRONG"))));
    }
    lines.extend(unusable.iter().map(|words| format!("{}: {words}", styled(BAD, "NOT COMPARED"))));
    if *forgotten > 0 {
        lines.push(format!("{forgotten} records or rows were forgotten on purpose, as later records say"));
    }
    lines.extend(notes.iter().map(|note| format!("{}: {note}", styled(DOUBTFUL, "note"))));
    let vouched = anchored.as_ref().map_or(0, |anchored| anchored.records);
    if let Some(anchored) = anchored {
        lines.push(format!("records 0 to {}: {} vouches for them", anchored.records.saturating_sub(1), anchored.place));
    }
    if *records > vouched {
        lines.push(format!("records {vouched} to {}: this machine alone vouches for them", records - 1));
    }
    lines.extend(delivered.iter().map(|one| {
        format!(
            "a checkpoint over {} records went to the {} at {}, as this machine says: compare with --checkpoint",
            one.records, one.channel, one.at
        )
    }));
    lines.extend(keys.last().map(|key| format!("key: {key}")));
    let tables: Vec<&str> = NOT_COVERED.iter().map(|(table, _)| *table).collect();
    lines.push(format!("not covered: {} (docs/audit.md says why)", tables.join(", ")));
    lines.join("\n")
}

/// Returns what signs and delivers, as the configuration says.
fn plan_of(ground: &Ground, session: &Session) -> Result<Plan> {
    let Some(settings) = ground.settings() else {
        bail!("the configuration has faults, and it says where checkpoints go: see `pregonero config check`");
    };
    Ok(Plan::new(&settings.audit, &settings.account.handle, &ground.store, &session.environment)?)
}

/// Refuses an output that exists, before a checkpoint is signed or the log is read.
fn check_output(output: Option<&Path>) -> Result<()> {
    output.map_or(Ok(()), |output| refuse_existing(output, Existing::Refuse))
}

async fn prove(arguments: &ProveArguments, session: &Session) -> Result<()> {
    check_output(arguments.output.as_deref())?;
    let ground = session.ground(Purpose::Act).await?;
    let store = Store::open_existing(&ground.store).await?;
    let record = audit::telling_record(&store, PostId::new(arguments.post)).await?;
    let checkpoint = covering(&store, &record, &ground, session).await?;
    let proof = audit::prove(&store, &record, &checkpoint).await?;
    store.close().await;
    let text = proof.text();
    let Some(path) = &arguments.output else {
        return session.output.object(
            || text.trim_end().to_owned(),
            || json!({"index": record.index, "kind": record.kind, "size": checkpoint.size, "proof": text}),
        );
    };
    write_whole(path, Existing::Refuse, |file| file.write_all(text.as_bytes()))?;
    session.output.object(
        || {
            let (kind, index, size) = (record.kind, record.index, checkpoint.size);
            let forgotten =
                if record.content.is_some() { "" } else { "; its content was forgotten, as a later record says" };
            format!("{}: record {index} ({kind}) is in the log of {size} records{forgotten}", path.display())
        },
        || json!({"file": path, "index": record.index, "kind": record.kind, "size": checkpoint.size}),
    )
}

/// Returns the latest checkpoint if it covers the record, or signs one that does.
async fn covering(
    store: &Store,
    record: &LedgerRecord,
    ground: &Ground,
    session: &Session,
) -> Result<StoredCheckpoint> {
    if let Some(last) = store.last_checkpoint().await?.filter(|last| last.size > record.index) {
        return Ok(last);
    }
    let plan = plan_of(ground, session)?;
    let signed = keeper::sign(store, &plan, &SystemClock).await?;
    signed.with_context(|| format!("record {} has no checkpoint, and none could be made", record.index))
}

async fn consistency(arguments: &ConsistencyArguments, session: &Session) -> Result<()> {
    check_output(arguments.output.as_deref())?;
    let (earlier, kept) = largest_in(&arguments.from)?;
    let later = arguments.to.as_deref().map(largest_in).transpose()?;
    let ground = session.ground(Purpose::Act).await?;
    let store = Store::open_existing(&ground.store).await?;
    let (new, to) = match later {
        Some((checkpoint, note)) => (checkpoint.size, note),
        None => {
            let last = latest(&store, &ground, session).await?;
            (last.size, last.note)
        }
    };
    let keys = store.checkpoint_keys().await?;
    require_signed(&arguments.from, &kept, &keys)?;
    if let Some(file) = &arguments.to {
        require_signed(file, &to, &keys)?;
    }
    let growth = audit::growth(&store, &earlier, &to).await;
    store.close().await;
    let growth = growth.with_context(|| arguments.from.display().to_string())?;
    let (text, old) = (growth.text(), growth.old);
    let Some(path) = &arguments.output else {
        return session.output.object(|| text.trim_end().to_owned(), || json!({"from": old, "to": new, "proof": text}));
    };
    write_whole(path, Existing::Refuse, |file| file.write_all(text.as_bytes()))?;
    session.output.object(
        || format!("{}: the log of {new} records continues the one of {old} records", path.display()),
        || json!({"file": path, "from": old, "to": new}),
    )
}

/// Checks that one of the log's keys signed a checkpoint that was kept. A file that was changed says nothing of the log.
fn require_signed(file: &Path, note: &str, keys: &[String]) -> Result<()> {
    let keys: Vec<Verifier> = keys.iter().filter_map(|key| Verifier::parse(key).ok()).collect();
    let note = Note::parse(note).with_context(|| file.display().to_string())?;
    if let Some(words) = audit::changed_after_signing(&note, &keys) {
        bail!("{}: {words}", file.display());
    }
    if note.signed_by(&keys).is_none() {
        bail!(
            "{}: the checkpoint is signed by no key that this log names: it is another log's, or the log was rebuilt with \
             another key (`pregonero audit verify`)",
            file.display()
        );
    }
    Ok(())
}

/// Returns the checkpoint over the most records in a file, with its note.
fn largest_in(file: &Path) -> Result<(Checkpoint, String)> {
    let found = Evidence::in_file(file).with_context(|| format!("{}: cannot read it", file.display()))?;
    let read = |one: Evidence| Some((Checkpoint::of_note(&Note::parse(&one.note).ok()?).ok()?, one.note));
    let largest = found.into_iter().filter_map(read).max_by_key(|(checkpoint, _)| checkpoint.size);
    largest.with_context(|| {
        format!(
            "{}: expected a checkpoint (a signed note, as `audit checkpoint` prints it), found none",
            file.display()
        )
    })
}

/// Returns the checkpoint over the whole log, signed now if it has grown since the last one.
async fn latest(store: &Store, ground: &Ground, session: &Session) -> Result<StoredCheckpoint> {
    let plan = plan_of(ground, session)?;
    keeper::sign(store, &plan, &SystemClock).await?;
    store.last_checkpoint().await?.context("there is no checkpoint")
}

async fn export(arguments: &ExportArguments, session: &Session) -> Result<()> {
    check_output(arguments.output.as_deref())?;
    let ground = session.ground(Purpose::Look).await?;
    let store = Store::open_read_only(&ground.store).await?;
    let ended = match &arguments.output {
        Some(path) => export_to(path, &store, arguments.from).await.and_then(|records| {
            session.output.object(
                || format!("{}: {records} records", path.display()),
                || json!({"file": path, "records": records}),
            )
        }),
        None => {
            write_lines(&store, arguments.from, |line| session.output.unchanged(&escaped_in_json(line))).await.map(drop)
        }
    };
    store.close().await;
    ended
}

async fn export_to(path: &Path, store: &Store, from: u64) -> Result<u64> {
    let mut lines = String::new();
    let records = write_lines(store, from, |line| {
        lines.push_str(line);
        lines.push('\n');
        Ok(())
    })
    .await?;
    write_whole(path, Existing::Refuse, |file| file.write_all(lines.as_bytes()))?;
    Ok(records)
}

/// Gives `write` each record from number `from` on, and each checkpoint after the last record that it covers. Returns
/// how many records there were.
async fn write_lines(store: &Store, from: u64, mut write: impl FnMut(&str) -> Result<()>) -> Result<u64> {
    let checkpoints = store.checkpoints().await?;
    let mut checkpoints = checkpoints.iter().filter(|one| one.size > from).peekable();
    let mut next = from;
    loop {
        let page = store.log_records(next, PAGE).await?;
        let Some(last) = page.last().map(|record| record.index) else { return Ok(next - from) };
        for record in &page {
            write(&audit::exported(record).to_string())?;
            while let Some(checkpoint) = checkpoints.next_if(|one| one.size == record.index + 1) {
                write(&json!({"size": checkpoint.size, "checkpoint": checkpoint.note}).to_string())?;
            }
        }
        next = last + 1;
    }
}

async fn checkpoint(session: &Session) -> Result<()> {
    let ground = session.ground(Purpose::Act).await?;
    let plan = plan_of(&ground, session)?;
    let store = Store::open_existing(&ground.store).await?;
    keeper::sign(&store, &plan, &SystemClock).await?;
    keeper::deliver_now(&store, &plan, &SystemClock).await?;
    let last = store.last_checkpoint().await?;
    let anchors = store.anchors().await?;
    store.close().await;
    let last = last.context("there is no checkpoint")?;
    let places = plan.places();
    let of_last: Vec<_> =
        anchors.iter().filter(|anchor| anchor.size == last.size && places.contains(&anchor.channel)).collect();
    session.output.object(
        || last.note.trim_end().to_owned(),
        || {
            let places = of_last
                .iter()
                .map(|one| json!({"channel": one.channel, "delivered_at": one.delivered_at, "error": one.error}));
            json!({"size": last.size, "checkpoint": last.note, "anchors": places.collect::<Vec<_>>()})
        },
    )?;
    match of_last.iter().find(|anchor| anchor.delivered_at.is_none()) {
        None => Ok(()),
        Some(anchor) => {
            let cause = anchor.error.as_deref().unwrap_or("it was not tried");
            bail!("the checkpoint did not reach the {}: {cause}; a running daemon tries again", anchor.channel)
        }
    }
}

async fn key(arguments: &KeyArguments, session: &Session) -> Result<()> {
    let ground = session.ground(Purpose::Act).await?;
    let Some(settings) = ground.settings() else {
        bail!("the configuration has faults, and it names the log: see `pregonero config check`");
    };
    let origin = settings.audit.origin_for(&settings.account.handle);
    let place = KeyPlace::beside(&ground.store, origin, &session.environment);
    if !arguments.new {
        let key = place.find_or_make()?.verifier().to_string();
        return session.output.object(|| key.clone(), || json!({"key": key, "file": place.file()}));
    }
    let by = arguments.decision.name(session)?;
    let store = Store::open_existing(&ground.store).await?;
    let rotation = place.begin_rotation()?;
    let record = rotation.record();
    let index = store.record_key(&record, &by, session.now()).await?;
    store.close().await;
    let kept = rotation.finish()?;
    session.output.object(
        || {
            let kept = kept.as_ref().map_or_else(String::new, |kept| format!("; the earlier one: {}", kept.display()));
            format!("{}\nrecorded as record {index}; note the new key in another place{kept}", record.key)
        },
        || json!({"key": record.key, "record": index, "earlier_file": kept}),
    )
}
