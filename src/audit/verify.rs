//! Whether the audit log is whole: what the record says of itself, and whether checkpoints kept elsewhere agree.

use std::path::Path;

use pregonero_audit::{Checkpoint, Hash, Note, NoteError, Verifier};
use pregonero_store::{AnchorChannel, KeyMark, LogFault, LogReport, RestoreMark, Store, StoreError};
use serde::Serialize;

use super::anchors::notes_in;
use super::key::statement;

/// A checkpoint that somebody kept.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// Where it was kept, for the messages.
    pub place: String,
    /// The signed note.
    pub note: String,
}

impl Evidence {
    /// Reads the checkpoints in a file.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn in_file(path: &Path) -> std::io::Result<Vec<Self>> {
        let place = path.display().to_string();
        Ok(notes_in(path)?.into_iter().map(|note| Self { place: place.clone(), note }).collect())
    }

    /// Reads the checkpoints in `audit.anchor_file`. The words say why the log is not compared with that file, if it is not.
    #[must_use]
    pub fn in_anchor_file(file: &Path) -> (Vec<Self>, Option<String>) {
        match Self::in_file(file) {
            Ok(found) => {
                let is_compared = found.iter().any(Self::is_checkpoint);
                let why = "it has no checkpoint, so the log is not compared with it";
                (found, (!is_compared).then(|| why.to_owned()))
            }
            Err(error) => (Vec::new(), Some(format!("cannot read it: {error}"))),
        }
    }

    /// Returns whether it has the form of a checkpoint; another text says nothing about the log.
    #[must_use]
    pub fn is_checkpoint(&self) -> bool {
        open(&self.note).is_ok()
    }
}

/// The records that a place outside vouches for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Anchored {
    /// How many, from the first.
    pub records: u64,
    /// Where the checkpoint was kept.
    pub place: String,
}

/// What was delivered to places that this program cannot read back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Delivered {
    pub channel: &'static str,
    /// How many records the checkpoint covers.
    pub records: u64,
    pub at: String,
}

/// What a verification found.
#[derive(Debug, Clone, Serialize)]
pub struct Verdict {
    /// How many records there are.
    pub records: u64,
    /// The root over them, in base64.
    pub root: String,
    pub last_at: Option<String>,
    /// How many rows agree with their records, or were found not to.
    pub rows: u64,
    /// Rows and records whose content was forgotten, as later records say.
    pub forgotten: u64,
    /// How many checkpoints of the record itself fit.
    pub checkpoints: u64,
    /// What does not hold, in words; the first record first.
    pub faults: Vec<String>,
    /// Checkpoints from elsewhere that were changed after they were signed: the log was not compared with them.
    pub unusable: Vec<String>,
    /// What a person should know and what is no fault.
    pub notes: Vec<String>,
    /// What a checkpoint from elsewhere, given or read, vouches for.
    pub anchored: Option<Anchored>,
    /// What went elsewhere, as this machine alone says.
    pub delivered: Vec<Delivered>,
    pub restores: Vec<RestoreMark>,
    /// The keys that the log names.
    pub keys: Vec<String>,
}

impl Verdict {
    /// Returns whether the log holds.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.faults.is_empty()
    }
}

/// Checks the whole log, every row that it covers, and every checkpoint: those of the record and the `evidence` from
/// elsewhere. `keys` are verifier keys that somebody noted elsewhere.
///
/// # Errors
/// If the record cannot be read; what does not hold is in the verdict.
pub async fn verify(store: &Store, evidence: &[Evidence], keys: &[Verifier]) -> Result<Verdict, StoreError> {
    let stored = store.checkpoints().await?;
    let mut notes = Vec::new();
    let mut read = Vec::new();
    for one in evidence {
        match open(&one.note) {
            Ok((checkpoint, note)) => read.push((one.place.as_str(), checkpoint, note)),
            Err(cause) => notes.push(format!("{}: a part of it is no checkpoint: {cause}", one.place)),
        }
    }
    let sizes = stored.iter().map(|one| one.size).chain(read.iter().map(|(_, one, _)| one.size)).collect();
    let report = store.check_log(&sizes).await?;
    let mut examination = Examination::new(&report, notes);
    examination.keys(keys);
    let (mut checkpoints, mut unusable) = (0, Vec::new());
    for one in &stored {
        let place = "a checkpoint of the record itself";
        let fits = match open(&one.note) {
            Ok((checkpoint, note))
                if checkpoint.size == one.size
                    && checkpoint.root == one.root
                    && changed_after_signing(&note, &examination.verifiers).is_none() =>
            {
                examination.compare(place, &checkpoint, &note, false)
            }
            _ => examination.fault(format!("{place}, over {} records, was changed", one.size)),
        };
        checkpoints += u64::from(fits);
    }
    let mut anchored: Option<Anchored> = None;
    for (place, checkpoint, note) in &read {
        if let Some(words) = changed_after_signing(note, &examination.verifiers) {
            unusable.push(format!("{place}: {words}"));
            continue;
        }
        if examination.compare(place, checkpoint, note, true)
            && anchored.as_ref().is_none_or(|best| best.records < checkpoint.size)
        {
            anchored = Some(Anchored { records: checkpoint.size, place: (*place).to_owned() });
        }
    }
    let Examination { mut faults, notes, .. } = examination;
    // The rows come last: that they no longer fit is often the effect of what was done to the log.
    faults.extend(report.faults.iter().filter(|one| one.is_about_a_row()).map(ToString::to_string));
    Ok(Verdict {
        records: report.head.size,
        root: report.head.root_base64(),
        last_at: report.last_at.clone(),
        rows: report.rows,
        forgotten: report.forgotten + report.unknowable,
        checkpoints,
        faults,
        unusable,
        notes,
        anchored,
        delivered: delivered(store).await?,
        restores: report.restores.clone(),
        keys: report.keys.iter().map(|mark| mark.key.clone()).collect(),
    })
}

/// Returns the latest checkpoint that went to each place which cannot be read back.
async fn delivered(store: &Store) -> Result<Vec<Delivered>, StoreError> {
    let mut latest: Vec<Delivered> = Vec::new();
    for anchor in store.anchors().await?.into_iter().rev() {
        let Some(at) = anchor.delivered_at.filter(|_| anchor.channel != AnchorChannel::File) else { continue };
        let channel = anchor.channel.as_str();
        if latest.iter().all(|one| one.channel != channel) {
            latest.push(Delivered { channel, records: anchor.size, at: at.to_string() });
        }
    }
    Ok(latest)
}

/// Says so if a note has a signature by one of these keys that does not fit its text: whoever changed the note did not have
/// the key, so it says nothing about the log.
#[must_use]
pub fn changed_after_signing(note: &Note, keys: &[Verifier]) -> Option<String> {
    if note.signed_by(keys).is_some() {
        return None;
    }
    let key = keys.iter().find(|key| matches!(note.verify(key), Err(NoteError::Forged(_))))?;
    Some(format!(
        "the signature by {key} does not verify: the checkpoint was changed after it was signed, so it says nothing about the \
         log; use the copy as it was kept"
    ))
}

fn open(note: &str) -> Result<(Checkpoint, Note), String> {
    let note = Note::parse(note).map_err(|error| error.to_string())?;
    let checkpoint = Checkpoint::of_note(&note).map_err(|error| error.to_string())?;
    Ok((checkpoint, note))
}

/// The comparison of one report with what others say.
struct Examination<'a> {
    report: &'a LogReport,
    verifiers: Vec<Verifier>,
    faults: Vec<String>,
    notes: Vec<String>,
    /// Whether records are missing in the middle: the tree cannot be followed beyond.
    has_gap: bool,
    /// The largest checkpoint so far that fits.
    fits_up_to: u64,
}

impl<'a> Examination<'a> {
    fn new(report: &'a LogReport, notes: Vec<String>) -> Self {
        Self {
            report,
            verifiers: report.keys.iter().filter_map(|mark| Verifier::parse(&mark.key).ok()).collect(),
            faults: report.faults.iter().filter(|one| !one.is_about_a_row()).map(ToString::to_string).collect(),
            notes,
            has_gap: report.faults.iter().any(|fault| matches!(fault, LogFault::Missing { .. })),
            fits_up_to: 0,
        }
    }

    /// Adds a fault; returns false.
    fn fault(&mut self, fault: String) -> bool {
        self.faults.push(fault);
        false
    }

    /// Checks that each key was introduced by the one before it, and that the log knows the keys noted elsewhere.
    fn keys(&mut self, noted: &[Verifier]) {
        let report = self.report;
        for verifier in noted {
            if !self.verifiers.contains(verifier) {
                self.fault(format!(
                    "the log does not name the key {verifier}: it was rebuilt with another key, or it is another bot's log"
                ));
            }
        }
        let first_noted = report.keys.iter().position(|mark| noted.iter().any(|one| one.to_string() == mark.key));
        for (place, mark) in report.keys.iter().enumerate() {
            let Some(earlier) = &mark.earlier else { continue };
            if is_signed_by_both(mark, earlier) {
                continue;
            }
            let words = format!(
                "record {}: the key for checkpoints was replaced, and the earlier key did not sign that",
                mark.index
            );
            if first_noted.is_some_and(|noted| noted < place) {
                self.fault(words);
            } else {
                self.notes.push(words);
            }
        }
    }

    /// Compares a checkpoint with the log; returns whether it fits. What a restore on record explains is no fault for
    /// one that was kept elsewhere.
    fn compare(&mut self, place: &str, checkpoint: &Checkpoint, note: &Note, is_outside: bool) -> bool {
        let Checkpoint { origin, size, root } = checkpoint;
        if note.signed_by(&self.verifiers).is_none() {
            let held = self.report.head.size;
            if *size > held {
                return self.fault(format!(
                    "{place}: the checkpoint of {origin} covers {size} records, but the log has only {held}, and it is signed \
                     by no key that the log names: the records from {held} on were cut off, or the log was rebuilt with another key"
                ));
            }
            return self.fault(format!(
                "{place}: the checkpoint of {origin} over {size} records is signed by no key that the log names: the log was \
                 rebuilt with another key, or the checkpoint is another log's"
            ));
        }
        match self.report.roots.get(size) {
            Some(found) if found == root => {
                self.fits_up_to = self.fits_up_to.max(*size);
                true
            }
            _ if is_outside && self.is_explained_by_a_restore(place, *size, root) => false,
            Some(_) => {
                // What fits was signed before, unless it is a checkpoint of the same size.
                let from = if self.fits_up_to < *size { self.fits_up_to } else { 0 };
                let to = size.saturating_sub(1);
                self.fault(format!(
                    "one of the records {from} to {to} was changed, inserted or removed: {place} has another root over \
                     {size} records"
                ))
            }
            None if self.has_gap => false,
            None => self.fault(format!(
                "the log was cut off: {place} covers {size} records, and there are {}",
                self.report.head.size
            )),
        }
    }

    /// Returns whether the checkpoint may be one of the log that a restore replaced, and notes that.
    fn is_explained_by_a_restore(&mut self, place: &str, size: u64, root: &Hash) -> bool {
        use base64::Engine as _;
        let root = base64::engine::general_purpose::STANDARD.encode(root);
        let explains = |mark: &&RestoreMark| {
            mark.index < size
                && mark.replaced_size.is_none_or(|replaced| {
                    size < replaced || size == replaced && mark.replaced_root.as_ref() == Some(&root)
                })
        };
        let Some(mark) = self.report.restores.iter().find(explains) else { return false };
        self.notes.push(format!(
            "{place}: its checkpoint over {size} records is of the log that a restore replaced on {}: records {} to {} of that \
             time are not here; the database that the restore put aside has them",
            mark.at,
            mark.index,
            size - 1
        ));
        true
    }
}

/// Returns whether the earlier and the new key signed that one follows the other.
fn is_signed_by_both(mark: &KeyMark, earlier: &str) -> bool {
    let Ok(note) = Note::parse(&mark.statement) else { return false };
    let signs = |key: &str| Verifier::parse(key).is_ok_and(|verifier| note.verify(&verifier).is_ok());
    note.text() == statement(&mark.key, Some(earlier)) && signs(&mark.key) && signs(earlier)
}
