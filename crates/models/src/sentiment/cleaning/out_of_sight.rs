//! Links, mentions and hashtags, which every pipeline removes: hashtags determined the labels, mentions name people,
//! links are noise.
//!
//! More is removed than X itself links: a sign followed by an invisible character, or attached to the word before it,
//! hides nothing from a reader, so it must hide nothing here.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

static PATTERN: LazyLock<Regex> = LazyLock::new(|| {
    // Variation selectors, the keycap, joiners, direction marks and other zero-width characters.
    const UNSEEN: &str =
        r"[\u{fe00}-\u{fe0f}\u{20e3}\u{200b}-\u{200f}\u{202a}-\u{202e}\u{2060}-\u{2064}\u{feff}\u{ad}]*";
    // twitter-text's hashtag characters: letters, marks, digits, and the points and joiners inside words; mentions
    // allow fewer, and this removes no more than it should of them.
    const TAG: &str = r"[\w\u{b7}\u{5be}\u{5f3}\u{5f4}\u{200c}\u{200d}\u{30a0}\u{30fb}\u{a67e}\u{301c}\u{ff5e}\u{309b}\u{309c}\u{3003}\u{f0b}\u{f0c}]";
    let pattern = [
        r"https?://\S*",
        r"\bwww\.\S+",
        // E-mail addresses come before mentions, or half of one would stay.
        r"[\w.+-]+[@＠][\w-]+(?:\.[\w-]+)+",
        // A host with a path, whatever its domain; without one, only domains that are not Spanish words.
        r"(?:[\w-]+\.)+[a-z]{2,}/\S*",
        r"(?:[\w-]+\.)+(?:com|org|net|gov|gob|edu|info)(?:\.[a-z]{2})?\b",
        &format!(r"[@＠﹫#＃﹟]{UNSEEN}{TAG}+"),
    ]
    .join("|");
    Regex::new(&format!("(?i){pattern}")).expect("a valid pattern")
});

/// Replaces each link, mention and hashtag by a space.
pub(super) fn remove(text: &str) -> Cow<'_, str> {
    PATTERN.replace_all(text, " ")
}
