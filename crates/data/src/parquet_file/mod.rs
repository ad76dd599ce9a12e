//! Parquet files: read as a stream of rows, whatever program wrote them, and written with zstd in row groups.
//!
//! The `parquet` crate is used without arrow: columns are read and written in batches of plain values.

mod chunk;
mod leaf;
mod read;
mod value;
mod write;

pub use chunk::Chunk;
pub use read::ParquetRows;
pub use write::{Encoder, ParquetWriter};

#[cfg(test)]
mod tests;
