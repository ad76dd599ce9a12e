//! `dataset build`: from files to a data set, as a spec says.
//!
//! The rows are read once and assessed one by one (`assess`); what stays goes to a file between the passes (`spool`), with a few
//! bytes a row in memory (`distinct`). Then the split is decided (`parts`) and measured (`leakage`), and the rows are written.
//! No clock and no order of threads goes into the data files: the same spec and the same files give the same bytes.

mod assess;
mod distinct;
mod engine;
mod enrich;
mod filter;
mod join;
mod labels;
mod language;
mod leakage;
mod manifest;
mod moment;
mod named;
mod parts;
mod pattern;
mod reason;
mod report;
mod sources;
mod spec;
mod spool;
#[cfg(test)]
mod tests;
mod words;

pub use self::engine::{Request, build};
pub use self::enrich::{Enricher, Filled};
pub use self::language::check_code as check_language;
pub use self::leakage::{Leakage, LeakageReport};
pub use self::report::{BuildReport, Dropped, JoinReport, PartReport, SourceReport};
pub use self::spec::{EnrichSpec, Spec, SpecFile};
pub use self::words::Comparable;
