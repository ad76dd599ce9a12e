//! Screen names, which people write with and without `@`, in any case, and as addresses: `https://x.com/ana`.

use pregonero_text::characters::tidy;

/// What the path of a profile's address cannot begin with: X has its own pages there.
const NO_NAMES: [&str; 8] = ["i", "home", "search", "explore", "hashtag", "intent", "share", "settings"];

/// Whom and what an address of X names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Address {
    /// A screen name in lower case, or an author's id.
    pub(crate) author: Option<String>,
    pub(crate) post: Option<String>,
}

/// Returns whom and what an address names: `https://x.com/NAME`, `https://x.com/NAME/status/ID`, `https://x.com/i/user/ID`,
/// also with the site's older name, without `https://`, with `www.` or `mobile.`. None if the text is no such address.
pub(crate) fn address(text: &str) -> Option<Address> {
    let text = text.trim();
    let after = |text: &'_ str, start: &str| {
        text.get(..start.len()).filter(|head| head.eq_ignore_ascii_case(start)).map(|_| start.len())
    };
    let mut rest = text;
    for start in ["https://", "http://", "www.", "mobile.", "m."] {
        rest = after(rest, start).map_or(rest, |end| &rest[end..]);
    }
    let end = after(rest, "x.com/").or_else(|| after(rest, "twitter.com/"))?;
    let path = rest[end..].split(['?', '#']).next().unwrap_or_default();
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let is_number = |text: &&&str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let post = parts.iter().position(|part| matches!(*part, "status" | "statuses")).and_then(|at| parts.get(at + 1));
    let post = post.filter(is_number).map(|id| (*id).to_owned());
    let author = match parts.as_slice() {
        ["i", "user", id, ..] => Some(id).filter(is_number).map(|id| (*id).to_owned()),
        [name, ..] if is_screen_name(name) && !NO_NAMES.contains(&comparable(name).as_str()) => Some(comparable(name)),
        _ => None,
    };
    (author.is_some() || post.is_some()).then_some(Address { author, post })
}

/// Returns whether a text can be a screen name, with or without `@`.
pub(crate) fn is_screen_name(text: &str) -> bool {
    let name = text.trim().trim_start_matches(AT);
    (1..=50).contains(&name.len()) && name_at(name).len() == name.len()
}

/// Returns a name or an id as it is compared: composed (NFC), without spaces around it, without `@`, in lower case.
pub(crate) fn comparable(name: &str) -> String {
    let name = name.trim().trim_start_matches(AT);
    if name.is_ascii() {
        return name.to_ascii_lowercase();
    }
    // In upper case first, which makes one of what has several lower cases: ς and σ.
    let caseless = tidy(name).trim().trim_start_matches(AT).to_uppercase().to_lowercase();
    tidy(&caseless).into_owned()
}

/// Returns the name of whom a text retweets: `RT @ana: …`, in any case and with any spaces.
pub(crate) fn retweeted(text: &str) -> Option<&str> {
    let text = text.trim_start();
    let (start, rest) = text.split_at_checked(2)?;
    let name = rest.trim_start().strip_prefix(AT)?;
    (start.eq_ignore_ascii_case("RT") && rest.starts_with(char::is_whitespace)).then(|| name_at(name))
}

/// Returns the names that a text mentions.
pub(crate) fn mentioned(text: &str) -> impl Iterator<Item = &str> {
    text.split(AT).skip(1).map(name_at)
}

/// The signs before a name: X takes the wide one too.
const AT: [char; 2] = ['@', '＠'];

/// Returns the name at the beginning of a text. X's own have no accents, but those of other places do.
fn name_at(text: &str) -> &str {
    let is_of_name = |character: char| {
        character.is_ascii_alphanumeric()
            || matches!(character, '_' | 'À'..='Ö' | 'Ø'..='ö' | 'ø'..='ɏ' | '\u{300}'..='\u{36f}')
    };
    let end = text.find(|character| !is_of_name(character)).unwrap_or(text.len());
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_an_author_a_post_or_both() {
        for (text, author, post) in [
            ("https://x.com/Ana_1", Some("ana_1"), None),
            ("https://x.com/@ana/", Some("ana"), None),
            (" HTTP://www.Twitter.com/ana?lang=es", Some("ana"), None),
            ("mobile.twitter.com/ana/with_replies", Some("ana"), None),
            ("https://x.com/ana/status/123?s=20", Some("ana"), Some("123")),
            ("https://twitter.com/ana/statuses/123/photo/1", Some("ana"), Some("123")),
            ("https://x.com/i/status/123", None, Some("123")),
            ("https://x.com/i/web/status/123", None, Some("123")),
            ("https://x.com/i/user/77", Some("77"), None),
        ] {
            let expected = Address { author: author.map(str::to_owned), post: post.map(str::to_owned) };
            assert_eq!(address(text), Some(expected), "{text}");
        }
        for text in
            ["ana", "@ana", "123", "https://example.com/ana", "https://x.com/", "https://x.com/i/lists/1", "x.com"]
        {
            assert_eq!(address(text), None, "{text}");
        }
        assert!(is_screen_name("@Ana_1") && !is_screen_name("ana maría") && !is_screen_name("@"));
    }

    #[test]
    fn one_name_however_it_is_written() {
        assert_eq!((comparable(" @Ana_1 ").as_str(), comparable("ana_1").as_str()), ("ana_1", "ana_1"));
        for (one, other) in
            [("Bego\u{f1}a", "@BEGON\u{303}A"), ("bego\u{200b}\u{f1}a", " ＠begon\u{303}a"), ("Οδυσσευς", "ΟΔΥΣΣΕΥΣ")]
        {
            assert_eq!(comparable(one), comparable(other), "{one} {other}");
        }
        for text in ["RT @Ana: hoy llueve", "RT  @Ana: hoy", " rt\u{a0}@Ana hoy", "RT ＠Ana: hoy"] {
            assert_eq!(retweeted(text), Some("Ana"), "{text}");
        }
        assert_eq!(retweeted("RT @Begon\u{303}a: hoy"), Some("Begon\u{303}a"));
        for text in ["gracias, RT @ana", "RT@ana", "ART @ana", "RT ana", "ñ", ""] {
            assert_eq!(retweeted(text), None, "{text}");
        }
        assert_eq!(mentioned("@ana y @luis_2, hola").collect::<Vec<_>>(), ["ana", "luis_2"]);
    }
}
