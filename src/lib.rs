//! pregonero, the town crier: a Twitter (X) bot daemon in one binary.
//!
//! This crate is the bot and its command line. Its building blocks are separate crates under `crates/`: text, values, models,
//! judging, X, the record, and the workshop in which models are trained and measured (feature `workshop`).
//!
//! - [`config`]: what `config.toml`, the environment and the flags say, merged and checked.
//! - [`schedule`]: cron expressions in civil time, missed slots, quiet hours.
//! - [`app`]: everything a round works with, put together once.
//! - [`round`]: one round, from a due slot to its record, written as a list of steps.
//! - [`replay`]: writing a recorded candidate again, to compare.
//! - [`review`]: the queue of posts that wait for a person.
//! - [`publish`]: the only place that posts to X: intent, call, outcome.
//! - [`alerts`]: notifying a person that the bot cannot do its work.
//! - [`audit`]: the audit log's checkpoints, where they are kept outside, verification and proofs.
//! - [`daemon`]: the loop, signals, systemd, the single-instance lock.
//! - [`doctor`]: checks of everything that could stop the next post, one by one.
//! - [`collect`]: collecting posts from X into a data set: priced first, resumed after a kill, compared with X's counts.
//! - [`admin`]: the admin page, served by the daemon.
//! - [`cli`]: the command line, one thin file per command: parse, build what it needs, make one library call, print.

pub mod admin;
pub mod alerts;
pub mod app;
pub mod audit;
pub mod cli;
pub mod collect;
pub mod config;
pub mod daemon;
pub mod doctor;
pub mod publish;
pub mod replay;
pub mod review;
pub mod round;
pub mod schedule;
