//! The commands of the workshop: make tables, train, measure.

mod columns;
pub(super) mod dataset;
pub(super) mod evaluate;
mod progress;
pub(super) mod quantize;
mod stop;
mod texts;
pub(super) mod train;
pub(super) mod verbatim;
