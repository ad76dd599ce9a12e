//! Why a build drops a row, in the order of its checks.

use super::spec::Spec;

/// Why a row is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    NoText,
    LeftOut,
    Retweet,
    NoRetweet,
    Quote,
    NoQuote,
    Reply,
    NoReply,
    NoDate,
    Before,
    After,
    TooOld,
    NoLabel,
    AmbiguousLabel,
    UnlistedLabel,
    TooShort,
    TooLong,
    Link,
    NoLink,
    Mention,
    NoMention,
    NoMatch,
    Excluded,
    Language,
    /// The table of this number has no line for the row.
    Unmatched(u16),
    Column,
    RepeatedId,
    Duplicate,
    NearDuplicate,
    TooManyOfAuthor,
}

impl Reason {
    /// Returns the reason in words, with the numbers of the spec.
    #[must_use]
    pub fn words(self, spec: &Spec) -> String {
        let filter = &spec.filter;
        let known = match self {
            Self::NoText => "no text",
            Self::LeftOut => "left out by leave_out",
            Self::Retweet => "retweet",
            Self::NoRetweet => "not a retweet",
            Self::Quote => "quote",
            Self::NoQuote => "not a quote",
            Self::Reply => "reply",
            Self::NoReply => "not a reply",
            Self::NoDate => "no date",
            Self::Before => "before since",
            Self::After => "not before until",
            Self::TooOld => return format!("older than {} days", filter.older_than_days.unwrap_or_default()),
            Self::NoLabel => "no label",
            Self::AmbiguousLabel => "ambiguous label",
            Self::UnlistedLabel => "label that label.labels does not list",
            Self::TooShort => return format!("fewer than {} words", filter.min_words.unwrap_or_default()),
            Self::TooLong => return format!("more than {} words", filter.max_words.unwrap_or_default()),
            Self::Link => "link",
            Self::NoLink => "no link",
            Self::Mention => "mention",
            Self::NoMention => "no mention",
            Self::NoMatch => "text_matches not found",
            Self::Excluded => "text_excludes found",
            Self::Language => "other language",
            Self::Unmatched(table) => {
                return format!("not in {}", spec.joins[usize::from(table)].path.display());
            }
            Self::Column => "values of only and without",
            Self::RepeatedId => "same id as an earlier row",
            Self::Duplicate => "duplicate",
            Self::NearDuplicate => "near-duplicate",
            Self::TooManyOfAuthor => {
                return format!("more than {} of the author", filter.max_per_author.unwrap_or_default());
            }
        };
        known.to_owned()
    }
}
