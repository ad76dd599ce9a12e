//! The audit log's checkpoints: signed on a schedule, kept elsewhere, and compared with the log again; and its proofs.
//!
//! The records themselves are written by the store, in the transaction of each act. What is here needs a key, a clock or
//! a place outside. [`keeper`] signs and delivers, `anchors` are the places, `key` is what signs, [`verify`] compares,
//! `prove` makes proofs that need neither this program nor its database.

mod anchors;
pub mod keeper;
mod key;
mod prove;
mod settings;
mod verify;

#[cfg(test)]
mod tests;

pub use anchors::Anchors;
pub use keeper::{KeepError, Keeper, Plan};
pub use key::{KEY_NAME, KeyError, KeyPlace, Rotation};
pub use prove::{ProveError, exported, growth, prove, telling_record};
pub use settings::{AuditKeys, AuditSettings};
pub use verify::{Anchored, Delivered, Evidence, Verdict, changed_after_signing, verify};
