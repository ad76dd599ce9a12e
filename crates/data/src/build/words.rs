//! The words of a text as a build counts and compares them: in lower case without accents, links and mentions left out.
//!
//! A link begins with `http://`, `https://` or `www.` and ends at a space; a hashtag counts as its word. This is the rule of
//! [`pregonero_text::normal`] for nearly all tweets, but takes a microsecond: a data set can have millions.

use pregonero_text::hashing::{hash, splitmix64};

/// A text as others are compared with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparable {
    /// How many words there are, repeats counted.
    pub words: usize,
    /// The same for texts with the same words in the same order.
    pub text: u64,
    /// The different words as ascending hashes.
    pub set: Vec<u32>,
    pub links: usize,
    pub mentions: usize,
}

/// A piece of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    Word(&'a str),
    Link,
    Mention,
}

impl Comparable {
    /// Reads a text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut read = Self::default();
        for piece in pieces(text) {
            match piece {
                Piece::Link => read.links += 1,
                Piece::Mention => read.mentions += 1,
                Piece::Word(word) => {
                    let hash = hash_of(word);
                    read.words += 1;
                    read.text = splitmix64(read.text ^ hash);
                    read.set.push(hash as u32);
                }
            }
        }
        if read.words == 0 {
            // Nothing but emoji, links or mentions: compared as it is.
            read.text = hash(1, &[text.trim()]);
        }
        read.set.sort_unstable();
        read.set.dedup();
        read
    }
}

/// Returns the words, links and mentions of a text, in order.
pub fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    let mut inside = false;
    std::iter::from_fn(move || {
        loop {
            let first = rest.chars().next()?;
            let (piece, length) = piece(rest, first, inside);
            inside = matches!(piece, Some(Piece::Word(_))) || (piece.is_none() && first == '_');
            rest = &rest[length..];
            if piece.is_some() {
                return piece;
            }
        }
    })
}

/// Returns the piece at the beginning of a text, if there is one, and how many bytes to go on; `inside` is whether a word ends right before.
fn piece(rest: &str, first: char, inside: bool) -> (Option<Piece<'_>>, usize) {
    if is_of_word(first) {
        if !inside && begins_link(rest) {
            return (Some(Piece::Link), rest.find(char::is_whitespace).unwrap_or(rest.len()));
        }
        let length = rest.find(|character| !is_of_word(character)).unwrap_or(rest.len());
        return (Some(Piece::Word(&rest[..length])), length);
    }
    if matches!(first, '@' | '＠') && !inside {
        let sign = first.len_utf8();
        let name = rest[sign..].bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        if name > 0 {
            return (Some(Piece::Mention), sign + name);
        }
    }
    (None, first.len_utf8())
}

fn is_of_word(character: char) -> bool {
    character.is_alphanumeric() || is_mark(character)
}

/// Returns whether a character is a mark that belongs to the letter before it.
fn is_mark(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36f}')
}

fn begins_link(text: &str) -> bool {
    let begins = |with: &str| text.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
    begins("http://") || begins("https://") || begins("www.")
}

/// Returns the hash of a word, the same whatever its case and accents.
fn hash_of(word: &str) -> u64 {
    if word.is_ascii() {
        let mut buffer = [0; 64];
        if let Some(lower) = buffer.get_mut(..word.len()) {
            lower.copy_from_slice(word.as_bytes());
            lower.make_ascii_lowercase();
            return hash(0, &[std::str::from_utf8(lower).unwrap_or_default()]);
        }
    }
    let folded: String =
        word.chars().filter(|character| !is_mark(*character)).flat_map(char::to_lowercase).map(bare).collect();
    hash(0, &[folded])
}

/// Returns a lower-case letter without its accent, as far as western European languages go.
fn bare(letter: char) -> char {
    match letter {
        'à'..='å' => 'a',
        'ç' => 'c',
        'è'..='ë' => 'e',
        'ì'..='ï' => 'i',
        'ñ' => 'n',
        'ò'..='ö' => 'o',
        'ù'..='ü' => 'u',
        'ý' | 'ÿ' => 'y',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn case_accents_punctuation_links_and_mentions_do_not_count() {
        let same = |one: &str, other: &str| Comparable::of(one).text == Comparable::of(other).text;
        assert!(same("¡La VACUNA llegó!", "la vacuna llego"));
        assert!(same("@ana mira https://example.com/x?y=1 ya", "mira, ya www.example.com"));
        assert!(same("man\u{303}ana", "mañana"));
        assert!(!same("la vacuna", "vacuna la"));
        assert!(same("🎉 https://t.co/a", " 🎉 https://t.co/a ") && !same("🎉", "🎈"));
        let read = Comparable::of("RT @ana: #YoSí voy, voy; correo a x@example.com https://t.co/a HTTP://t.co/b");
        assert_eq!((read.words, read.set.len(), read.links, read.mentions), (9, 8, 2, 1));
        assert_eq!(Comparable::of("").words, 0);
    }

    proptest! {
        #[test]
        fn whatever_the_text_it_is_read_to_its_end(text in "\\PC{0,60}") {
            let read = Comparable::of(&text);
            prop_assert!(read.set.len() <= read.words);
            prop_assert!(read.set.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }
}
