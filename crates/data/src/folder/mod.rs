//! The folder of a data set: data files, and a manifest that says what they contain and where it comes from.
//!
//! A folder is written under a temporary name next to its place and renamed at the end, so that no half-written one exists.

mod columns;
mod hashing;
mod manifest;
mod open;
mod parquet_files;
mod spill;
mod write;

pub use crate::row::ColumnType;
pub use columns::ColumnCounts;
pub use hashing::sha256_of_file;
pub use manifest::{Column, DataFile, Format, MANIFEST, Manifest, Purge, Source, Spec, Split, check_words, digest_of};
pub use open::{Folder, FolderRows, digest_of_data};
pub use write::Writer;
pub(crate) use write::other_files;

#[cfg(test)]
mod tests;
