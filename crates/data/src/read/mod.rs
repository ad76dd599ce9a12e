//! The one reader: rows of files of every kind, as a stream.
//!
//! A file is what its contents say, and its name counts only where they leave a choice: see `sniff`. Compressed files, zip files and X's archives are
//! unpacked on the way. Memory is bounded: a record has a longest length, and nothing is read ahead of the rows but a sample.
//! Everything that was found out about a file, and what was dropped of it, is in the [`ReadReport`].

mod ahead;
mod checks;
mod decode;
mod dialect;
mod frames;
mod input;
mod json;
mod lines;
mod open;
mod options;
mod pump;
mod report;
mod rounded;
mod rows;
mod scan;
mod skip;
mod sniff;
mod sources;
mod table;
mod unpack;
mod x;

pub use ahead::Ahead;
pub use options::ReadOptions;
pub use report::{FileReport, Finding, ReadReport, Skipped};
pub use rounded::{RoundedIds, is_rounded as is_rounded_id};
pub use rows::{Rows, open};
pub use table::LONGEST_RECORD;
pub use x::{is_of_x, row_of_post};

#[cfg(test)]
mod tests;
