//! What a page is made of.

use super::language::Language;
use pregonero_data::explore::numbers::Numbers;

/// What a page is made of.
#[derive(Debug)]
pub struct PageContent<'a> {
    pub language: Language,
    /// The name of the data set, or of its files.
    pub title: &'a str,
    pub numbers: &'a Numbers,
    /// Whether accounts are named.
    pub names_are_shown: bool,
    /// The command that made the page.
    pub command: &'a str,
    /// The size of the sample for sentiment and word vectors.
    pub sample: usize,
}
