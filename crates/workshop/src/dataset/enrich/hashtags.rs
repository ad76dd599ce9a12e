//! Finds the hashtags of a tweet by X's own grammar, and removes them.

use pregonero_text::tweet_text;

/// Returns the hashtags without their sign, each once whatever its case, in the order of the text.
pub(super) fn of(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    if !text.contains(['#', '＃']) {
        return found;
    }
    for hashtag in tweet_text::parse(text).hashtags {
        let bare = hashtag.text.trim_start_matches(['#', '＃']).to_owned();
        if found.iter().all(|known| known.to_lowercase() != bare.to_lowercase()) {
            found.push(bare);
        }
    }
    found
}

/// Returns the text without the hashtags at its end and without the sign of the others, which are words of a sentence.
pub(super) fn stripped(text: &str) -> String {
    if !text.contains(['#', '＃']) {
        return text.to_owned();
    }
    let tweet = tweet_text::parse(text);
    let mut left = tweet.text;
    let mut end = left.trim_end().len();
    for hashtag in tweet.hashtags.iter().rev() {
        if hashtag.range.end == end {
            left.truncate(hashtag.range.start);
            end = left.trim_end().len();
            left.truncate(end);
        } else {
            let sign = left[hashtag.range.start..].chars().next().map_or(0, char::len_utf8);
            left.replace_range(hashtag.range.start..hashtag.range.start + sign, "");
            // Text after a hashtag means that the hashtags before it are not at the end.
            end = 0;
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashtags_are_found_once_and_by_the_grammar() {
        for (text, expected) in [
            ("Hoy #YoMeVacuno, ＃Mañana y #yomevacuno", &["YoMeVacuno", "Mañana"][..]),
            ("el #1 de la lista", &[]),
            ("nada", &[]),
        ] {
            assert_eq!(of(text), expected, "{text}");
        }
    }

    #[test]
    fn those_at_the_end_go_and_those_within_lose_their_sign() {
        for (text, expected) in [
            ("Hoy #YoMeVacuno con calma #Feria #Sol ", "Hoy YoMeVacuno con calma"),
            ("#Feria #Sol", ""),
            ("#Feria hoy", "Feria hoy"),
            ("Fin. #Sol.", "Fin. Sol."),
            ("sin nada", "sin nada"),
        ] {
            assert_eq!(stripped(text), expected, "{text}");
        }
    }
}
