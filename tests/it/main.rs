//! The whole program from outside: one test binary, so that it is linked once. The modules that train or measure need the
//! feature `workshop`; the others run without it as well.
//!
//! - `support`: what the tests stand on.
//!   - `support::fake_x`: `FakeX`, a scripted X server on a free port that checks every OAuth signature itself.
//!   - `support::process`: how large a process is; one that may be killed at any moment.
//!   - `support::record`: the record of a bot beside the server it spoke to.
//!   - `support::test_bot`: `TestBot`, the binary in a folder of its own; finds any key that shows in what it wrote.
//!   - `support::tiny_model`: a GPT-2 of two layers that writes Spanish words, written by the test.
//!   - `support::small_disk`: a real disk of a few mebibytes, to be filled.
//! - `auth`: logging in, by PIN and by browser, and posting by what that wrote.
//! - `commands`: the binary itself: every command's output, exit code and faults.
//! - `classifiers`: training and measuring classifiers.
//! - `generators`: what `evaluate generator` and `generate --sweep` measure and write, and what they refuse.
//! - `control`: attributes, from the columns of a table through training and generation to the record.
//! - `rounds`: one round through the binary (`once`), from the seed prompt to the record, for every way it can end.
//! - `daemon`: the binary as a service (`run`): systemd, signals, reload, approvals, crashes, missed slots.
//! - `operations`: commands beside a daemon: which record they act on, a broken file, one account of the state, `init`.
//! - `store`: the record under stress: full and read-only disks, locks, backups that are killed, restores, older schemas.
//! - `doctor`: what `doctor`, `healthcheck` and `alerts` say of a bot that could post and of one that could not.
//! - `twitter`: each thing X can answer, through the real client against `FakeX`.
//! - `crash_matrix`: the binary killed at every step of a post's life, and what record and server then say.
//! - `training`: `train generator` killed, resumed, out of disk, and from every kind of base.
//! - `voice`: texts composed by a grammar, and the gates on what a bot may say of its side and of itself.
//! - `selection`: which candidate is chosen: a critic, from its training to the record; ranks; openings.
//! - `without_workshop`: what a build without the workshop leaves out, and that the rest is whole.
//! - `hub`: pulling models from a scripted model hub.
//! - `older_models`: folders as they were in 2020, with a pickle, from the hub to a round of the daemon.

#![expect(clippy::unwrap_used, reason = "clippy knows a test by its attribute; this binary's helpers are tests too")]

mod auth;
#[cfg(feature = "workshop")]
mod classifiers;
mod commands;
#[cfg(feature = "workshop")]
mod control;
mod crash_matrix;
mod daemon;
mod doctor;
#[cfg(feature = "workshop")]
mod generators;
mod hub;
mod older_models;
mod operations;
mod rounds;
#[cfg(feature = "workshop")]
mod selection;
mod store;
mod support;
#[cfg(feature = "workshop")]
mod training;
mod twitter;
#[cfg(feature = "workshop")]
mod voice;
#[cfg(not(feature = "workshop"))]
mod without_workshop;
