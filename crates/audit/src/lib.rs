//! The transparency log's arithmetic and formats, without a database: the Merkle tree of RFC 6962, the bytes of its
//! leaves, and C2SP's signed notes, checkpoints and proofs.
//!
//! Everything here is public knowledge put into functions; nothing reads a file, a clock or a setting.

pub mod checkpoint;
pub mod entry;
pub mod growth;
pub mod merkle;
pub mod note;
pub mod proof;

pub use checkpoint::{Checkpoint, CheckpointError};
pub use entry::Entry;
pub use growth::{Growth, GrowthError};
pub use merkle::{Frontier, Hash, SUBTREE};
pub use note::{Note, NoteError, Signer, Verifier};
pub use proof::{Proof, ProofError};
