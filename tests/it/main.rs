//! Tests of the whole program from outside, in one binary, so that it is linked once. Modules that train or measure need the
//! feature `workshop`; the others also run without it.
//!
//! - `support`: helpers for the tests.
//!   - `support::fake_x`: `FakeX`, a scripted X server on a free port that checks every OAuth signature itself.
//!   - `support::fake_engine`: `FakeEngine`, a scripted completion server that behaves as each software documents.
//!   - `support::page`: the admin page as a client sees it: users, sessions, single headers.
//!   - `support::process`: measures a process's memory, and runs one that may be killed at any moment.
//!   - `support::record`: compares a bot's record with the server it talked to.
//!   - `support::test_bot`: `TestBot`, the binary in its own folder; finds any key that leaked into what it wrote.
//!   - `support::tiny_model`: a two-layer GPT-2 that writes Spanish words, created by the test.
//!   - `support::small_disk`: a real disk of a few mebibytes, for tests that fill it.
//! - `auth`: logging in, by PIN and by browser, and posting with the stored login.
//! - `audit`: the audit log: what is in it, who can check it, and what every kind of tampering looks like; replays.
//! - `commands`: every command's output, exit code and errors.
//! - `classifiers`: training and measuring classifiers.
//! - `generators`: what `evaluate generator` and `generate --sweep` measure, write and refuse.
//! - `importing`: files of any kind into a data set.
//! - `collect`: posts collected from X: price, faults, kills, what is missing; posts by their ids.
//! - `explore`: the page about a data set, its numbers, and what is refused.
//! - `datasets`: data sets built by a spec, killed, verified, described, purged.
//! - `control`: attributes, from the columns of a table through training and generation to the record.
//! - `review`: edits, picks and approvals from the command line and on a terminal, and hostile input.
//! - `outputs`: what no command replaces, the parts of a data set, and in which format a command writes.
//! - `rounds`: one round of the binary (`once`), from the seed prompt to the record, for every way it can end.
//! - `daemon`: the binary as a service (`run`): systemd, signals, reload, approvals, crashes, missed slots.
//! - `admin`: the admin page over HTTP: who may do what, sign-ins, foreign sites, hostile texts, metrics.
//! - `int8`: int8 weights, from `models quantize` to the record and back.
//! - `operations`: commands next to a running daemon: which record they use, a broken file, consistent reports, `init`.
//! - `history`: filters, exports, statistics, engagement, and how long candidates are kept.
//! - `store`: the record under stress: full and read-only disks, locks, killed backups, restores, older schemas.
//! - `engine`: a generator on a server, and what stands in while it is away.
//! - `doctor`: what `doctor`, `healthcheck` and `alerts` say about a bot that can post and about one that cannot.
//! - `twitter`: every answer that X can give, through the real client against `FakeX`.
//! - `crash_matrix`: the binary killed at every step of posting, and what the record and the server then contain.
//! - `training`: `train generator` killed, resumed, on a full disk, and from every kind of base.
//! - `voice`: texts composed with a grammar, and the gates on what a bot may say about its side and about itself.
//! - `selection`: how a candidate is chosen: a critic, from its training to the record; ranks; openings.
//! - `walk`: the documented walk from nothing to a tweet.
//! - `without_workshop`: what a build without the workshop lacks, and that the rest is complete.
//! - `hub`: pulling models from a scripted model hub.
//! - `older_models`: model folders as they were in 2020, with a pickle, from the hub to a round of the daemon.

#![expect(clippy::unwrap_used, reason = "clippy knows a test by its attribute; this binary's helpers are tests too")]

mod admin;
mod audit;
mod auth;
#[cfg(feature = "workshop")]
mod classifiers;
#[cfg(feature = "workshop")]
mod collect;
mod commands;
#[cfg(feature = "workshop")]
mod control;
mod crash_matrix;
mod daemon;
#[cfg(feature = "workshop")]
mod datasets;
mod doctor;
mod engine;
#[cfg(feature = "workshop")]
mod explore;
#[cfg(feature = "workshop")]
mod generators;
mod history;
mod hub;
#[cfg(feature = "workshop")]
mod importing;
#[cfg(feature = "workshop")]
mod int8;
mod older_models;
mod operations;
#[cfg(feature = "workshop")]
mod outputs;
mod review;
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
#[cfg(feature = "workshop")]
mod walk;
#[cfg(not(feature = "workshop"))]
mod without_workshop;
