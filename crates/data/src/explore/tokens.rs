//! Splits a post into the words and hashtags that are counted, and notes whether it has links and mentions.
//!
//! It is quicker than X's own grammar (`text::tweet_text`), which a million posts would wait for, and close to it: a test
//! compares the hashtags of both. Words keep their accents, because people read them in lists.

/// A word or a hashtag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Word(&'a str),
    /// With its sign, which is always `#`.
    Hashtag(&'a str),
}

/// What else was in a post.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Traits {
    pub(super) link: bool,
    pub(super) mention: bool,
    pub(super) hashtag: bool,
}

/// Calls `each` for the words and hashtags of a text in lower case, in their order.
///
/// Not words: links, mentions, numbers, single letters, HTML's character names (`&amp;`) and placeholders (`_url`).
pub(super) fn tokens<'a>(lower: &'a str, mut each: impl FnMut(Token<'a>)) -> Traits {
    let mut traits = Traits::default();
    for chunk in lower.split_whitespace() {
        let (before, is_link) = cut_link(chunk);
        traits.link |= is_link;
        chunk_tokens(before, &mut traits, &mut each);
    }
    traits
}

/// Returns the part of a chunk before a link, and whether there was one.
fn cut_link(chunk: &str) -> (&str, bool) {
    let of_scheme = |at: &usize| chunk.as_bytes()[*at..].starts_with(b"://");
    if let Some(sign) = memchr::memchr_iter(b':', chunk.as_bytes()).find(of_scheme) {
        let scheme = chunk[..sign].rfind(|character: char| !character.is_ascii_alphabetic());
        return (&chunk[..scheme.map_or(0, |place| place + char_len(chunk, place))], true);
    }
    if chunk.starts_with("www.") || chunk.starts_with("t.co/") || chunk.starts_with("pic.twitter.com/") {
        return ("", true);
    }
    (chunk, false)
}

fn char_len(text: &str, place: usize) -> usize {
    text[place..].chars().next().map_or(1, char::len_utf8)
}

fn chunk_tokens<'a>(chunk: &'a str, traits: &mut Traits, each: &mut impl FnMut(Token<'a>)) {
    let mut rest = chunk;
    while let Some(start) = rest.find(|character: char| is_part(character) || is_sign(character)) {
        let after_word = rest[..start].is_empty() && rest.len() < chunk.len();
        let sign = rest[start..].chars().next().filter(|character| is_sign(*character));
        let body = start + sign.map_or(0, char::len_utf8);
        let end = body + run(&rest[body..], sign.is_none());
        let name = &rest[body..end];
        match sign {
            None => word(name, each),
            Some('&') => {}
            // A sign in the middle of a word begins nothing.
            Some(_) if after_word || name.is_empty() => {}
            Some('@' | '＠') => traits.mention = true,
            Some(sign) if name.chars().any(char::is_alphabetic) => {
                traits.hashtag = true;
                if sign == '#' {
                    each(Token::Hashtag(&rest[start..end]));
                }
            }
            Some(_) => {}
        }
        rest = &rest[end.max(body)..];
    }
}

fn is_sign(character: char) -> bool {
    matches!(character, '#' | '＃' | '@' | '＠' | '&')
}

fn is_part(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Returns the length of the run of letters, digits and `_` that a text begins with; in a word, an apostrophe between
/// letters belongs to it.
fn run(text: &str, is_word: bool) -> usize {
    let mut characters = text.char_indices().peekable();
    while let Some((place, character)) = characters.next() {
        let joins = is_word
            && matches!(character, '\'' | '’')
            && place > 0
            && characters.peek().is_some_and(|(_, next)| next.is_alphabetic());
        if !is_part(character) && !joins {
            return place;
        }
    }
    text.len()
}

fn word<'a>(word: &'a str, each: &mut impl FnMut(Token<'a>)) {
    let mut letters = word.chars();
    let is_word = !word.starts_with('_') && letters.any(char::is_alphabetic) && word.chars().nth(1).is_some();
    if is_word {
        each(Token::Word(word));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(text: &str) -> (Vec<String>, Traits) {
        let lower = text.to_lowercase();
        let mut found = Vec::new();
        let traits = tokens(&lower, |token| match token {
            Token::Word(word) | Token::Hashtag(word) => found.push(word.to_owned()),
        });
        (found, traits)
    }

    #[test]
    fn words_and_hashtags_are_counted_and_links_mentions_and_numbers_are_not() {
        for (text, expected) in [
            ("¡Hoy la Señal #Lluvia, llega!", &["hoy", "la", "señal", "#lluvia", "llega"][..]),
            ("@ana mira https://example.com/x_y?z=1 ya", &["mira", "ya"]),
            ("mira:https://t.co/a1 www.example.com pic.twitter.com/abc", &["mira"]),
            ("a 24 de julio del 2021 y B12", &["de", "julio", "del", "b12"]),
            ("sol &amp; sombra _url _usr", &["sol", "sombra"]),
            ("don't l’eau 'cita'", &["don't", "l’eau", "cita"]),
            ("correo ana@example.com", &["correo", "ana", "com"]),
            ("#1 #2021 # solo", &["solo"]),
            ("(#Feria)#Sol", &["#feria", "#sol"]),
            ("🎉🎉", &[]),
            ("", &[]),
        ] {
            assert_eq!(split(text).0, expected, "{text}");
        }
    }

    #[test]
    fn what_else_is_in_a_post_is_noted() {
        let traits = |text: &str| split(text).1;
        assert_eq!(traits("hola @ana"), Traits { mention: true, ..Traits::default() });
        assert_eq!(traits("ya http://a.example #Sol"), Traits { link: true, hashtag: true, ..Traits::default() });
        assert_eq!(traits("a@b 10 # @"), Traits::default());
    }

    proptest! {
        /// Only where a hashtag is glued to something else do the two differ, so the texts here have spaces.
        #[test]
        fn hashtags_are_those_of_x(words in proptest::collection::vec("[#@]?[a-zñé0-9_]{0,8}[.,!)]?", 0..9)) {
            let text = words.join(" ");
            let theirs: Vec<String> =
                pregonero_text::tweet_text::parse(&text).hashtags.into_iter().map(|entity| entity.text.to_lowercase()).collect();
            let ours: Vec<String> = split(&text).0.into_iter().filter(|token| token.starts_with('#')).collect();
            prop_assert_eq!(ours, theirs);
        }

        #[test]
        fn no_text_makes_it_fail(text in any::<String>()) {
            split(&text);
        }
    }
}
