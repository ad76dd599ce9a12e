//! Links, mentions and hashtags, which no pipeline lets through: hashtags gave the labels, mentions name people, links
//! are noise.
//!
//! More is taken than X itself links: a sign with an invisible character behind it, or glued to the word before it,
//! hides nothing from a reader, and so it must hide nothing here.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

static PATTERN: LazyLock<Regex> = LazyLock::new(|| {
    // Variation selectors, the keycap, joiners, direction marks and other characters of no width.
    const UNSEEN: &str =
        r"[\u{fe00}-\u{fe0f}\u{20e3}\u{200b}-\u{200f}\u{202a}-\u{202e}\u{2060}-\u{2064}\u{feff}\u{ad}]*";
    // twitter-text's characters of a hashtag: letters, marks, digits, and the points and joiners inside words; mentions
    // have fewer, and lose no more than they should by it.
    const TAG: &str = r"[\w\u{b7}\u{5be}\u{5f3}\u{5f4}\u{200c}\u{200d}\u{30a0}\u{30fb}\u{a67e}\u{301c}\u{ff5e}\u{309b}\u{309c}\u{3003}\u{f0b}\u{f0c}]";
    let pattern = [
        r"https?://\S*",
        r"\bwww\.\S+",
        // Addresses of mail before mentions, or half of one would stay.
        r"[\w.+-]+[@＠][\w-]+(?:\.[\w-]+)+",
        // A host with a path, whatever its domain; without one, only domains that are no Spanish words.
        r"(?:[\w-]+\.)+[a-z]{2,}/\S*",
        r"(?:[\w-]+\.)+(?:com|org|net|gov|gob|edu|info)(?:\.[a-z]{2})?\b",
        &format!(r"[@＠﹫#＃﹟]{UNSEEN}{TAG}+"),
    ]
    .join("|");
    Regex::new(&format!("(?i){pattern}")).expect("a valid pattern")
});

/// The text with a space for each link, mention and hashtag.
pub(super) fn remove(text: &str) -> Cow<'_, str> {
    PATTERN.replace_all(text, " ")
}
