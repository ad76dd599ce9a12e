//! What `config.toml`, the environment and the flags say, checked; and the secrets.

mod checked;
pub mod environment;
pub mod secrets;

pub use checked::*;
