//! The places outside that checkpoints go to: a file, a webhook, a command.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pregonero_store::{Anchor, AnchorChannel};
use pregonero_system::environment::Environment;

use super::AuditSettings;
use crate::alerts::{ChannelError, Outgoing, passed_on, run_with_input};

/// How long a webhook may take.
const WEBHOOK_BOUND: Duration = Duration::from_secs(15);

/// How long the command may run.
const COMMAND_BOUND: Duration = Duration::from_secs(60);

/// The largest file of checkpoints that is read.
const LARGEST_FILE: u64 = 64 * 1024 * 1024;

/// The places outside.
pub struct Anchors {
    file: Option<PathBuf>,
    webhook: Option<Outgoing>,
    command: Vec<String>,
    environment: Vec<(&'static str, String)>,
}

impl fmt::Debug for Anchors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names().iter().map(|channel| channel.as_str())).finish()
    }
}

impl Anchors {
    /// Opens the places that the settings name.
    ///
    /// # Errors
    /// If HTTP cannot be set up.
    pub fn open(settings: &AuditSettings, environment: &Environment) -> Result<Self, ChannelError> {
        Ok(Self {
            file: settings.anchor_file.clone(),
            webhook: settings.anchor_webhook.clone().map(Outgoing::new).transpose()?,
            command: settings.anchor_command.clone(),
            environment: passed_on(environment),
        })
    }

    /// Returns the places that exist.
    #[must_use]
    pub fn names(&self) -> Vec<AnchorChannel> {
        let file = self.file.as_ref().map(|_| AnchorChannel::File);
        let webhook = self.webhook.as_ref().map(|_| AnchorChannel::Webhook);
        let command = (!self.command.is_empty()).then_some(AnchorChannel::Command);
        file.into_iter().chain(webhook).chain(command).collect()
    }

    /// Delivers one checkpoint; the error is a sentence for the log, without secrets.
    ///
    /// # Errors
    /// If the other side did not take it.
    pub async fn deliver(&self, anchor: &Anchor) -> Result<(), String> {
        let note = anchor.note.clone();
        match anchor.channel {
            AnchorChannel::File => {
                let Some(path) = self.file.clone() else { return Err("there is no longer a file".to_owned()) };
                let shown = path.display().to_string();
                tokio::task::spawn_blocking(move || append(&path, &note))
                    .await
                    .unwrap_or_else(|_| Err(io::Error::other("the task ended early")))
                    .map_err(|error| format!("{shown}: {error}"))
            }
            AnchorChannel::Webhook => match &self.webhook {
                Some(webhook) => webhook.post_text(note, WEBHOOK_BOUND).await,
                None => Err("there is no longer a webhook".to_owned()),
            },
            AnchorChannel::Command => {
                let size = anchor.size.to_string();
                let variables = [("PREGONERO_CHECKPOINT_SIZE", size.as_str())];
                run_with_input(&self.command, &self.environment, &variables, note.into_bytes(), COMMAND_BOUND).await
            }
        }
    }
}

/// Appends a note and an empty line, and waits until it is on disk. A note that the file holds already, because a crash
/// came between the two, is not appended again. A line that a crash left unfinished is ended first.
fn append(path: &Path, note: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o644).open(path)?;
    let mut text = String::new();
    (&mut file).take(LARGEST_FILE).read_to_string(&mut text)?;
    if text.contains(note) {
        return file.sync_all();
    }
    let gap = if text.is_empty() || text.ends_with("\n\n") { "" } else { "\n\n" };
    file.write_all(format!("{gap}{note}\n").as_bytes())?;
    file.sync_all()
}

/// Reads the notes in a file of checkpoints: one, or several with empty lines between them.
///
/// # Errors
/// If the file cannot be read.
pub fn notes_in(path: &Path) -> io::Result<Vec<String>> {
    let mut text = String::new();
    std::fs::File::open(path)?.take(LARGEST_FILE).read_to_string(&mut text)?;
    Ok(notes(&text))
}

/// A note is the lines up to and with the block of signatures, whose lines begin with a dash. A piece that a crash left
/// before an empty line is returned as it is.
fn notes(text: &str) -> Vec<String> {
    let (mut notes, mut note, mut is_signed) = (Vec::new(), String::new(), false);
    for line in text.lines() {
        let is_signature = line.starts_with("\u{2014} ");
        let is_piece = note.ends_with("\n\n") && !is_signature;
        if is_signed && !is_signature || is_piece {
            notes.push(std::mem::take(&mut note));
            is_signed = false;
        }
        is_signed |= is_signature;
        if !(note.is_empty() && line.is_empty()) {
            note.push_str(line);
            note.push('\n');
        }
    }
    if !note.is_empty() {
        notes.push(note);
    }
    notes
}

#[cfg(test)]
mod tests {
    use pregonero_audit::{Checkpoint, Signer};

    use super::*;

    #[test]
    fn a_file_of_checkpoints_is_appended_to_once_each_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("anchors");
        let signer = Signer::new("pregonero/prueba", [3; 32]).unwrap();
        let note = |size| Checkpoint { origin: "pregonero/prueba".to_owned(), size, root: [1; 32] }.sign(&signer);
        append(&path, &note(1)).unwrap();
        append(&path, &note(1)).unwrap();
        append(&path, &note(2)).unwrap();
        assert_eq!(notes_in(&path).unwrap(), [note(1), note(2)]);
        // A crash in the middle of a note leaves a piece of one, and the next is whole.
        std::fs::write(&path, format!("{}\npregonero/pru", note(1))).unwrap();
        append(&path, &note(3)).unwrap();
        let read = notes_in(&path).unwrap();
        assert_eq!(read, [note(1), "pregonero/pru\n\n".to_owned(), note(3)]);
        assert_eq!(notes(&note(9)), [note(9)], "a single note as a checkpoint file has it");
    }
}
