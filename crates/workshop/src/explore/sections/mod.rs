//! The sections of the page. `figure` is the number of the figure of "Este político no existe" that a section corresponds to.

mod accounts;
mod groups;
mod method;
mod texts;
mod times;

use super::content::PageContent;

/// A part of the page with its own heading.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Section {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) figure: Option<u8>,
    pub(super) html: String,
}

impl Section {
    fn new(id: &str, title: impl Into<String>, figure: Option<u8>, html: String) -> Self {
        Self { id: id.to_owned(), title: title.into(), figure, html }
    }
}

/// Returns all sections for which there is something to show, in their order.
pub(super) fn all(content: &PageContent<'_>) -> Vec<Section> {
    let mut sections = vec![method::summary(content), texts::kinds(content)];
    if content.numbers.span.is_some() {
        sections.extend([times::hours(content), times::days(content)]);
    }
    if content.numbers.accounts.count > 0 {
        sections.extend(accounts::all(content));
    }
    for (place, grouping) in content.numbers.groupings.iter().enumerate() {
        sections.push(groups::sizes(content, place, grouping));
    }
    sections.push(texts::words(content));
    for (place, grouping) in content.numbers.groupings.iter().enumerate() {
        sections.extend(groups::words(content, place, grouping));
    }
    sections.extend(groups::sentiment(content));
    sections.extend(groups::vectors(content));
    sections.extend([texts::lengths(content), texts::repeated(content), method::method(content)]);
    sections
}
