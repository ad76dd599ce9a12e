//! `dataset explore`: one self-contained HTML page about a data set.
//!
//! The numbers come from [`pregonero_data::explore`]; here models add sentiment ([`sentiment`]) and word vectors ([`vectors`]), and
//! [`write_page`] draws them. The page needs no script and no network, and its own policy forbids both.

mod charts;
mod content;
mod html;
mod language;
mod page;
mod sections;
pub mod sentiment;
pub mod vectors;

pub use self::content::PageContent;
pub use self::language::Language;
pub use self::page::{GENERATOR, check_page, page, write_page};

#[cfg(test)]
mod tests;
