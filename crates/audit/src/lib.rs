//! The transparency log's arithmetic and formats, without a database: the Merkle tree of RFC 6962 and the bytes of its
//! leaves.
//!
//! Everything here is public knowledge put into functions; nothing reads a file, a clock or a setting.

pub mod entry;
pub mod merkle;

pub use entry::Entry;
pub use merkle::{Frontier, Hash, SUBTREE};
