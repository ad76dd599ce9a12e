//! `pregonero db`: backs up, restores and checks the record.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde_json::json;

use super::output::{BAD, GOOD, styled};
use super::session::Session;
use crate::daemon::lock::InstanceLock;
use crate::daemon::whereabouts::Purpose;
use pregonero_store::{self, Finding, Restored};

/// The folder for backups, next to the database.
const FOLDER: &str = "backups";

/// What to do with the record.
#[derive(Debug, Subcommand)]
pub enum DbCommand {
    /// Copy the database while it is in use, and verify the copy; if interrupted, the previous backup stays intact
    Backup(BackupArguments),
    /// Replace the database with a backup; the previous database is kept next to it
    Restore(RestoreArguments),
    /// Check the database: pages, references, and the rules that the record must satisfy
    Check,
}

/// Where the backup goes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pregonero db backup                            into `backups` next to the database, named by the time
  pregonero db backup --keep 7                   the same, and keep only the seven newest
  pregonero db backup /mnt/usb --keep 30         into a folder that exists
  pregonero db backup /mnt/usb/pregonero.db      to this file; replaces an earlier backup, but no other file")]
pub struct BackupArguments {
    /// A file, or a folder that exists; without it, the folder `backups` next to the database
    #[arg(value_name = "FILE")]
    place: Option<PathBuf>,
    /// Keep this many of the dated backups in the folder, and remove older ones
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    keep: Option<u32>,
}

/// What to restore.
#[derive(Debug, Args)]
#[command(after_help = "\
Stop the daemon first. A backup does not contain what happened after it was made: posts that were waiting to be sent
then are cancelled, slots up to now are not served, and the account shows what went out since.")]
pub struct RestoreArguments {
    /// The backup to restore
    file: PathBuf,
}

/// Runs `db`.
///
/// # Errors
/// The errors of [`pregonero_store`]; `check` also fails if something is wrong.
pub async fn run(command: DbCommand, session: &Session) -> Result<()> {
    match command {
        DbCommand::Backup(arguments) => backup(arguments, session).await,
        DbCommand::Restore(arguments) => restore(&arguments, session).await,
        DbCommand::Check => check(session).await,
    }
}

async fn backup(arguments: BackupArguments, session: &Session) -> Result<()> {
    let path = session.ground(Purpose::Look).await?.store;
    let name = pregonero_store::dated_name(session.now());
    let (folder, target) = match arguments.place {
        Some(place) if place.is_dir() => (Some(place.clone()), place.join(name)),
        Some(file) => {
            refuse_a_folder_that_is_not_there(&file)?;
            (None, file)
        }
        None => {
            let folder = path.with_file_name(FOLDER);
            (Some(folder.clone()), folder.join(name))
        }
    };
    if folder.is_none() && arguments.keep.is_some() {
        bail!("--keep counts the dated backups in a folder: name a folder that exists, or leave it out");
    }
    let made = pregonero_store::backup(&path, &target).await?;
    let removed = match (folder, arguments.keep) {
        (Some(folder), Some(keep)) => pregonero_store::prune(&folder, usize::try_from(keep)?)?,
        _ => Vec::new(),
    };
    session.output.object(
        || {
            let mut lines = vec![format!("{}: {} bytes, verified", made.file.display(), made.bytes)];
            lines.extend(removed.iter().map(|file| format!("{}: removed", file.display())));
            lines.join("\n")
        },
        || json!({"file": made.file, "bytes": made.bytes, "schema": made.schema, "removed": removed}),
    )
}

/// Refuses what was meant as a folder: a disk that is not mounted, for example. The backup would be on the wrong disk.
fn refuse_a_folder_that_is_not_there(place: &Path) -> Result<()> {
    let shown = place.display();
    let is_folder_s_name = place.as_os_str().as_encoded_bytes().ends_with(b"/") || place.extension().is_none();
    if is_folder_s_name && !place.exists() {
        bail!(
            "{shown}: there is no such folder (is its disk mounted?); create it, or name a file with an ending, such as {}",
            place.join("pregonero.db").display()
        );
    }
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        bail!("{shown}: there is no folder {} (is its disk mounted?)", folder.display());
    }
    Ok(())
}

async fn restore(arguments: &RestoreArguments, session: &Session) -> Result<()> {
    let path = session.ground(Purpose::Act).await?.store;
    let _lock = InstanceLock::acquire(&path)?;
    let restored = pregonero_store::restore(&path, &arguments.file, session.now()).await?;
    let cancelled: Vec<String> = restored.cancelled.iter().map(ToString::to_string).collect();
    session.output.object(
        || {
            let mut lines = vec![format!("{}: restored from {}", path.display(), arguments.file.display())];
            lines.extend(restored.previous.iter().map(|file| format!("{}: the previous database", file.display())));
            if !cancelled.is_empty() {
                lines.push(format!("cancelled, because they may have gone out since: {}", cancelled.join(", ")));
            }
            lines.extend(restored.halts.iter().map(|halt| format!("still in force: {halt}")));
            for post in &restored.unsettled {
                let text = &post.text;
                lines.push(format!("it is unknown whether post {} of the previous database went out: {text}", post.id));
            }
            lines.push(
                "check the account before going live: it may have posts that are missing from this record".into(),
            );
            lines.join("\n")
        },
        || {
            let Restored { previous, cancelled, unsettled, halts } = &restored;
            json!({"file": path, "from": arguments.file, "previous": previous, "cancelled": cancelled,
                "unsettled": unsettled, "halts": halts})
        },
    )
}

async fn check(session: &Session) -> Result<()> {
    let path = session.ground(Purpose::Look).await?.store;
    let found = pregonero_store::check(&path).await?;
    session.output.rows(&["CHECK", "", "FOUND"], &found, |finding| {
        let sign = if finding.ok { styled(GOOD, "ok") } else { styled(BAD, "WRONG") };
        vec![finding.check.to_owned(), sign, finding.detail.clone()]
    })?;
    let wrong: Vec<&Finding> = found.iter().filter(|finding| !finding.ok).collect();
    if wrong.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = wrong.iter().map(|finding| finding.check).collect();
    bail!("{}: these checks failed: {}; restore a backup (`pregonero db restore`)", path.display(), names.join("; "))
}
