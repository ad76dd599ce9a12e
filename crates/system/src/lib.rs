//! What the operating system provides: files, time, memory, the environment. Knows no other crate of the project.
//!
//! - [`files`]: files and folders that are written completely or not at all.
//! - [`clock`]: the time, passed in from outside, so that a test controls it.
//! - [`environment`]: the only access to the process's variables and arguments.
//! - [`memory`]: how the allocator treats freed memory.
//! - [`errors`]: an error and its causes on one line.
//! - [`threads`]: how many threads the pools start.
//! - [`network`]: whether an address is this machine itself; the waits between attempts.

pub mod clock;
pub mod environment;
pub mod errors;
pub mod files;
pub mod memory;
pub mod network;
pub mod threads;
