//! What `config.toml`, the environment and the flags say, checked.
//!
//! Each room owns its section: the keys with their defaults, the settings, and the check between them. `settings` puts
//! the sections together, `layer` reads file, environment and flags into values that know their origin, and `load` lays them
//! over one another (flag > environment > file > default). Every fault is reported at once, with file, line and key.

mod fault;
mod keys;
mod layer;
mod load;
mod rules;
mod sections;
mod seed_prompts;
mod settings;

pub use fault::ConfigError;
pub use load::{LoadRequest, Loaded, Override, SEARCHED, ShownSetting, StorePlace, load, store_place};
pub use sections::{AccountSettings, AdminSettings, DaemonSettings, LogFormat, LogSettings, StoreSettings};
pub use settings::Settings;
