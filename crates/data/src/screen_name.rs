//! Screen names, which people write with and without `@` and in any case.

/// Returns a name or an id as it is compared: without spaces around it, without `@`, in lower case.
pub(crate) fn comparable(name: &str) -> String {
    name.trim().trim_start_matches('@').to_lowercase()
}

/// Returns the name of whom a text retweets: `RT @ana: …`.
pub(crate) fn retweeted(text: &str) -> Option<&str> {
    text.strip_prefix("RT @").map(name_at)
}

/// Returns the names that a text mentions.
pub(crate) fn mentioned(text: &str) -> impl Iterator<Item = &str> {
    text.split('@').skip(1).map(name_at)
}

/// Returns the screen name at the beginning of a text.
fn name_at(text: &str) -> &str {
    let end = text.find(|character: char| !character.is_ascii_alphanumeric() && character != '_').unwrap_or(text.len());
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_however_it_is_written() {
        assert_eq!((comparable(" @Ana_1 ").as_str(), comparable("ana_1").as_str()), ("ana_1", "ana_1"));
        assert_eq!(retweeted("RT @Ana: hoy llueve"), Some("Ana"));
        assert_eq!(retweeted("gracias, RT @ana"), None);
        assert_eq!(mentioned("@ana y @luis_2, hola").collect::<Vec<_>>(), ["ana", "luis_2"]);
    }
}
