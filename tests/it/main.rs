//! Whole-program and whole-library tests.
//!
//! - [`hub`]: pulling models from a scripted model hub.

mod hub;
