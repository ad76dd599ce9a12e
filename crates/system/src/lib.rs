//! What the operating system gives: files, time, memory, the environment. Knows no other crate of the project.
//!
//! - [`files`]: files and folders that are there as a whole or not at all.
//! - [`clock`]: the time, from outside, so that a test owns it.
//! - [`environment`]: the one door to the process's variables and arguments.
//! - [`memory`]: how the allocator treats freed memory.
//! - [`errors`]: an error and its causes on one line.
//! - [`network`]: whether an address is this machine itself; the waits between attempts.

pub mod clock;
pub mod environment;
pub mod errors;
pub mod files;
pub mod memory;
pub mod network;
