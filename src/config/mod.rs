//! The configuration: what `config.toml`, the environment and the flags say, merged and checked.
//!
//! Each module or crate owns its section: the keys with their defaults, the settings, and the check that turns one into the
//! other. `settings` puts the sections together, `layer` reads file, environment and flags into values that know their origin,
//! and `load` merges them (flag > environment > file > default). All faults are reported at once, with file, line and key.

mod admin;
mod fault;
mod keys;
mod layer;
mod load;
mod rules;
mod sections;
mod seed_prompts;
mod settings;

pub use admin::AdminSettings;
pub use fault::ConfigError;
pub use load::{LoadRequest, Loaded, Override, SEARCHED, ShownSetting, StorePlace, load, store_place};
pub use sections::{AccountSettings, DaemonSettings, LogFormat, LogSettings, StoreSettings};
pub use settings::Settings;
