//! What `config.toml`, the environment and the flags say, checked; and the secrets.
//!
//! `raw` is what the file says and the one list of known keys, `layer` reads file, environment and flags into values that
//! know their origin, `load` lays them over one another (flag > environment > file > default), `check` turns the result
//! into [`Settings`], which is all that the rest of the program sees. Every fault is told at once, with file, line and key.
//! `place` says where relative paths lead.

mod check;
mod checked;
pub mod environment;
mod fault;
mod keys;
mod layer;
mod load;
pub mod place;
mod raw;
pub mod secrets;

pub(crate) use check::webhook_url;
pub use checked::*;
pub use fault::{ConfigError, Fault};
pub use load::{LoadRequest, Loaded, Override, SEARCHED, ShownSetting, StorePlace, load, store_place};
