//! Collects posts from X into a data set folder: counted and priced first, read page by page into a journal on disk, compared
//! with the counts at the end.
//!
//! - `query`: search queries out of flags.
//! - `request`: what is asked for, cut into tasks.
//! - `journal`, `state`: what X has answered, on disk; and what follows from it for the next request.
//! - `asker`: waiting, retrying, stopping.
//! - `gather`: counts, reads and looks up, one request after the other.
//! - `finish`: from the journal to the folder, and what is missing in it.
//!
//! Nothing is asked twice: what an answer contained is on disk before the next request goes out. The data files depend on X's
//! answers alone, not on when or in how many runs they came.

mod accounts;
mod asker;
mod finish;
mod gather;
mod ids;
mod journal;
mod query;
mod request;
mod row;
mod settings;
mod state;

pub use self::accounts::{Attributes, read_accounts};
pub use self::asker::{AskError, Notice};
pub use self::finish::{About, MissingWindow, Report};
pub use self::gather::{Collection, Estimate, Limits, Progress, Surroundings};
pub use self::ids::{IdList, read_ids};
pub use self::query::{Filters, screen_name};
pub use self::request::{Request, Task, What, WindowSize};
pub use self::settings::{CollectKeys, CollectSettings, ReadPrices};
