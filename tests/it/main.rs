//! The whole program from outside: one test binary, so that it is linked once.
//!
//! - `support`: what the tests stand on.
//!   - `support::fake_x`: `FakeX`, a scripted X server on a free port that checks every OAuth signature itself.
//!   - `support::tiny_model`: a GPT-2 of two layers that writes Spanish words, written by the test.
//! - `commands`: the binary itself: every command's output, exit code and faults.
//! - `twitter`: each thing X can answer, through the real client against `FakeX`.
//! - `hub`: pulling models from a scripted model hub.

#![expect(clippy::unwrap_used, reason = "clippy knows a test by its attribute; this binary's helpers are tests too")]

mod commands;
mod hub;
mod support;
mod twitter;
