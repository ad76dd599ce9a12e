//! Proofs that the log holds a record, and the export of all records.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pregonero_audit::merkle::{consistency_proof, inclusion_proof, root};
use pregonero_audit::{Checkpoint, Growth, Note, Proof};
use pregonero_store::{LedgerRecord, PostId, RecordKind, Store, StoreError, StoredCheckpoint};
use serde_json::{Value, json};

/// Why nothing was proved.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    #[error("post {0}: no record of the audit log is about it")]
    NoRecord(PostId),
    #[error("the audit log has no checkpoint yet that covers record {0}")]
    NoCheckpoint(u64),
    #[error("the checkpoint over {size} records does not fit the log: run `pregonero audit verify`")]
    Broken { size: u64 },
    #[error("it covers no record, so nothing can contradict it")]
    Empty,
    #[error("it is a checkpoint of {found}, and this log is {wanted}")]
    OtherLog { found: String, wanted: String },
    #[error(
        "it covers {size} records, and the log's checkpoint over {has} is the latest: the log was cut off, or a backup was restored \
         (`pregonero audit verify`)"
    )]
    Shorter { size: u64, has: u64 },
    #[error(
        "the first {size} records of this log have another root ({root}): one of them was changed, inserted or removed \
         (`pregonero audit verify`)"
    )]
    Contradicted { size: u64, root: String },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Returns the proof that the log of the checkpoint `to` continues the one of `from`, which somebody kept.
///
/// # Errors
/// If it does not, or the record cannot be read.
pub async fn growth(store: &Store, from: &Checkpoint, to: &str) -> Result<Growth, ProveError> {
    let later = Note::parse(to).ok().and_then(|note| Checkpoint::of_note(&note).ok());
    let later = later.ok_or(ProveError::Broken { size: from.size })?;
    if later.origin != from.origin {
        return Err(ProveError::OtherLog { found: from.origin.clone(), wanted: later.origin });
    }
    if from.size == 0 {
        return Err(ProveError::Empty);
    }
    if later.size < from.size {
        return Err(ProveError::Shorter { size: from.size, has: later.size });
    }
    let leaves = store.log_leaves(later.size).await?;
    let broken = || ProveError::Broken { size: later.size };
    let size = usize::try_from(from.size).map_err(|_| broken())?;
    if leaves.len() as u64 != later.size || root(&leaves) != later.root {
        return Err(broken());
    }
    let found = root(&leaves[..size]);
    if found != from.root {
        return Err(ProveError::Contradicted { size: from.size, root: STANDARD.encode(found) });
    }
    let hashes = consistency_proof(&leaves, size).ok_or_else(broken)?;
    Ok(Growth { old: from.size, hashes, checkpoint: to.to_owned() })
}

/// Returns the record that says most about what became of a post: its outcome, or else the last one about it.
///
/// # Errors
/// [`ProveError::NoRecord`], or if the record cannot be read.
pub async fn telling_record(store: &Store, post: PostId) -> Result<LedgerRecord, ProveError> {
    let records = store.records_of(post).await?;
    let is_end = |record: &&LedgerRecord| matches!(record.kind, RecordKind::Outcome | RecordKind::Settled);
    let end = records.iter().rev().find(is_end).or(records.last());
    end.cloned().ok_or(ProveError::NoRecord(post))
}

/// Returns the proof that the log of `checkpoint` holds this record. What is needed to check the record's content is in
/// its extra data: the leaf's text, the body and its salt.
///
/// # Errors
/// If the checkpoint does not cover the record or does not fit the log, or the record cannot be read.
pub async fn prove(store: &Store, record: &LedgerRecord, checkpoint: &StoredCheckpoint) -> Result<Proof, ProveError> {
    if checkpoint.size <= record.index {
        return Err(ProveError::NoCheckpoint(record.index));
    }
    let leaves = store.log_leaves(checkpoint.size).await?;
    let broken = || ProveError::Broken { size: checkpoint.size };
    let index = usize::try_from(record.index).map_err(|_| broken())?;
    let hashes =
        inclusion_proof(&leaves, index).filter(|_| leaves.len() as u64 == checkpoint.size).ok_or_else(broken)?;
    let signed =
        Note::parse(&checkpoint.note).ok().and_then(|note| Checkpoint::of_note(&note).ok()).ok_or_else(broken)?;
    if pregonero_audit::merkle::root_of_inclusion(leaves[index], record.index, signed.size, &hashes)
        != Some(signed.root)
    {
        return Err(broken());
    }
    let content = record.content.as_ref();
    let extra = json!({
        "entry": record.entry,
        "salt": content.map(|(salt, _)| STANDARD.encode(salt)),
        "body": content.map(|(_, body)| body),
    });
    let extra = Some(extra.to_string().into_bytes());
    Ok(Proof { extra, index: record.index, hashes, checkpoint: checkpoint.note.clone() })
}

/// Returns a record as a line of the export.
#[must_use]
pub fn exported(record: &LedgerRecord) -> Value {
    let content = record.content.as_ref();
    json!({
        "index": record.index,
        "kind": record.kind,
        "at": record.at,
        "by": record.by,
        "subject": record.subject,
        "salt": content.map(|(salt, _)| STANDARD.encode(salt)),
        "body": content.map(|(_, body)| body),
        "entry": record.entry,
        "leaf": STANDARD.encode(&record.leaf),
    })
}
