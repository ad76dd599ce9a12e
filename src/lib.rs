//! pregonero, the town crier: a Twitter (X) bot daemon in one binary.
//!
//! The modules stand in the order a tweet travels:
//!
//! - [`alerts`]: telling a person that the bot cannot do its work.
//! - [`app`]: everything a round works with, put together once.
//! - [`cli`]: one thin file a command: parse, build what it needs, one library call, print.
//! - [`characters`]: one form for the characters of a text.
//! - [`config`]: what `config.toml`, the environment and the flags say, checked; secrets.
//! - [`clock`]: the time, from outside, so that a test owns it.
//! - [`daemon`]: the loop, signals, systemd, the single-instance lock.
//! - [`doctor`]: every part that could stop the next post, looked at one by one.
//! - [`round`]: one round, from a due slot to its record, readable as a list.
//! - [`tweet`]: the values that the stages pass on: seed prompt, candidate, judged candidate.
//! - [`schedule`]: cron expressions in civil time, misfires, quiet hours.
//! - [`catalog`]: which models there are: built in, in a folder, pulled from a hub.
//! - `kernels`: arithmetic on plain slices that `generation`, `sentiment` and `training` share.
//! - [`generation`]: tokenizer, decoding, the engine and its thread, GPT-2.
//! - [`gates`]: one file a gate.
//! - [`sentiment`]: text cleaning, vocabulary, the recurrent networks.
//! - [`judging`]: every candidate before gates and classifier, the same for a round, `generate` and `inspect`.
//! - [`selection`]: the best-scored candidate that the gates let through.
//! - [`review`]: the queue of posts that wait for a person.
//! - [`publish`]: the one place that writes to the network: intent, call, outcome.
//! - [`twitter`]: OAuth, client, errors and limits, tweet text.
//! - [`store`]: SQLite, one file a table's queries.
//! - [`training`]: optimiser, loops and checkpoints for generator and classifier.
//! - [`evaluation`]: perplexity, classification metrics, reports.
//! - [`dataset`]: reading tables of tweets, cleaning, splits.
//! - [`files`]: files that are there as a whole or not at all.
//! - [`memory`]: how the allocator treats what is freed.
//!
//! Who may know whom: stages know the types they pass on, not each other; candle types appear only in
//! `generation`, `sentiment` and `training`; SQL only in `store`; HTTP to X only in `twitter`; `std::env` only in
//! `config`; `process::exit` nowhere but in `main`.

pub mod alerts;
pub mod app;
pub mod catalog;
pub mod characters;
pub mod cli;
pub mod clock;
pub mod config;
pub mod daemon;
pub mod dataset;
pub mod doctor;
pub mod evaluation;
pub mod files;
pub mod gates;
pub mod generation;
pub(crate) mod hashing;
pub mod judging;
pub(crate) mod kernels;
pub mod memory;
pub mod publish;
pub mod review;
pub mod round;
pub mod schedule;
pub mod selection;
pub mod sentiment;
pub mod store;
pub mod training;
pub mod tweet;
pub mod twitter;
