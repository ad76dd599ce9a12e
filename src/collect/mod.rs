//! Collects posts from X into a data set folder: counted and priced first, read page by page into a journal on disk, compared
//! with the counts at the end.
//!
//! - `query`: search queries out of flags.
//! - `request`: what is asked for, cut into tasks.
//! - `journal`, `state`: what X has answered, on disk; and what follows from it for the next request.
//! - `asker`: waiting, retrying, stopping.
//! - `gather`: counts, reads and looks up, one request after the other.
//! - `found`: the posts that the journal has, each once.
//! - `finish`: from the journal to the folder, and what is missing in it.
//!
//! The commands are part of the workshop; the section `[collect]` of the configuration is there in every build.
//!
//! Nothing is asked twice: what an answer contained is on disk before the next request goes out. The data files depend on X's
//! answers alone, not on when or in how many runs they came.

#[cfg(feature = "workshop")]
mod accounts;
#[cfg(feature = "workshop")]
mod asker;
#[cfg(feature = "workshop")]
mod finish;
#[cfg(feature = "workshop")]
mod found;
#[cfg(feature = "workshop")]
mod gather;
#[cfg(feature = "workshop")]
mod ids;
#[cfg(feature = "workshop")]
mod journal;
#[cfg(feature = "workshop")]
mod query;
#[cfg(feature = "workshop")]
mod request;
#[cfg(feature = "workshop")]
mod row;
mod settings;
#[cfg(feature = "workshop")]
mod state;

#[cfg(feature = "workshop")]
pub use self::accounts::{Attributes, read_accounts};
#[cfg(feature = "workshop")]
pub use self::asker::{AskError, Notice};
#[cfg(feature = "workshop")]
pub use self::finish::{About, MissingWindow, Report};
#[cfg(feature = "workshop")]
pub use self::gather::{Collection, Estimate, Limits, Progress, Surroundings};
#[cfg(feature = "workshop")]
pub use self::ids::{IdList, read_ids};
#[cfg(feature = "workshop")]
pub use self::query::{Filters, screen_name};
#[cfg(feature = "workshop")]
pub use self::request::{Request, Task, What, WindowSize};
pub use self::settings::{CollectKeys, CollectSettings, ReadPrices};
