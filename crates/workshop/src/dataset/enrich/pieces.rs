//! Splits a tweet into words and what is between them, for the rules that find entities and phrases.

use std::sync::LazyLock;

use regex::Regex;

/// A piece of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    Word {
        text: &'a str,
        /// Whether a capital means nothing here because a sentence begins.
        begins: bool,
    },
    /// Punctuation, an emoji, a link, a mention, a hashtag.
    Break,
}

static PIECE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?<hidden>https?://\S+|www\.\S+|[@＠#＃]\w+|\b_(?:usr|url|emo)\b)",
        r"|(?<word>[\p{L}\p{N}][\p{L}\p{M}\p{N}]*(?:['’-][\p{L}\p{N}][\p{L}\p{M}\p{N}]*)*)",
        r"|(?<inner>[,;%&+/])|(?<mark>[^\s])|(?<line>\n)",
    ))
    .expect("a valid pattern")
});

/// Returns the pieces of a text in order.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut begins = true;
    let piece = |found: regex::Captures<'_>| {
        if let Some(word) = found.name("word") {
            let begun = std::mem::replace(&mut begins, false);
            return (Some(word.range()), begun);
        }
        // After a comma a sentence goes on; after any other sign, an emoji or a line's end one may begin. A mention or
        // a hashtag changes nothing.
        begins |= found.name("mark").is_some() || found.name("line").is_some();
        (None, false)
    };
    PIECE
        .captures_iter(text)
        .map(piece)
        .map(|(word, begins)| word.map_or(Piece::Break, |range| Piece::Word { text: &text[range], begins }))
        .collect()
}
