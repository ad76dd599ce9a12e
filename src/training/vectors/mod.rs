//! Word vectors: read from files in the usual text forms, and written.

mod format;
mod word_vectors;

pub use self::format::{ReadCounts, VectorFormat, read_vectors, write_vectors};
pub use self::word_vectors::{WordVectors, cosine};
