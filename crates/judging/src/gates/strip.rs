//! Policy `strip`: removes mentions and links from a text before it is scored, and tidies the rest.

use std::sync::LazyLock;

use regex::Regex;

use crate::gates::{EntityPolicy, GateSettings};
use pregonero_text::tweet_text;
use pregonero_text::tweet_text::without;

/// Removes the kinds of entities whose policy is `strip`.
#[derive(Debug)]
pub(super) struct Stripper {
    mentions: bool,
    urls: bool,
}

impl Stripper {
    pub(super) fn new(settings: &GateSettings) -> Self {
        Self { mentions: settings.mentions == EntityPolicy::Strip, urls: settings.urls == EntityPolicy::Strip }
    }

    pub(super) fn strip(&self, text: &str) -> String {
        let mut text = text.to_owned();
        // Tidying can join two halves into a new entity; each turn removes at least one, so this ends.
        while let Some(less) = self.once(&text) {
            text = less;
        }
        text
    }

    /// Returns the text without the entities it has now, or `None` if there are none.
    fn once(&self, text: &str) -> Option<String> {
        if !self.mentions && !self.urls {
            return None;
        }
        let tweet = tweet_text::parse(text);
        let mentions = if self.mentions { tweet.mentions.as_slice() } else { &[] };
        let urls = if self.urls { tweet.urls.as_slice() } else { &[] };
        if mentions.is_empty() && urls.is_empty() {
            return None;
        }
        Some(tidy(&without(&tweet.text, &[mentions, urls])))
    }
}

/// What is tidied, in this order: each pattern with its replacement.
static TIDYING: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    [
        // what mentions and links leave around them: "RT :", "(vía )", "(cc )"
        (r"^\s*RT\b\s*:?", ""),
        (r#"\(\s*(?:(?i:v[ií]a|cc|por)\s*)?\)|\[\s*\]|"\s*"|“\s*”|«\s*»"#, " "),
        (r"(?i)\s+(?:v[ií]a|cc)\s*[:.]?\s*$", ""),
        (r"[ \t\u{a0}]+", " "),
        (r" *\n[ \n]*", "\n"),
        (r"\s+([,.;:!?…)\]»”])", "$1"),
        (r"([(\[«“¿¡])\s+", "$1"),
        (r",(?:\s*,)+", ","),
        (r"[,;:]+([.!?…])", "$1"),
        (r"^[\s,.;:)\]»”/|\-–—]+", ""),
        (r"[\s,;:(\[«“¿¡/|\-–—]+$", ""),
    ]
    .map(|(pattern, replacement)| (Regex::new(pattern).expect("a pattern written here compiles"), replacement))
    .into()
});

fn tidy(text: &str) -> String {
    let mut text = text.to_owned();
    for (pattern, replacement) in TIDYING.iter() {
        text = pattern.replace_all(&text, *replacement).into_owned();
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BOTH: Stripper = Stripper { mentions: true, urls: true };

    #[test]
    fn what_entities_leave_behind_is_tidied() {
        let cases = [
            ("Hola @ana, qué tal.", "Hola, qué tal."),
            ("@ana @beto: buenos días", "buenos días"),
            ("RT @ana: buenos días", "buenos días"),
            ("Buenos días (vía @ana)", "Buenos días"),
            ("Buenos días vía @ana", "Buenos días"),
            ("Mira esto: https://example.com/x", "Mira esto"),
            ("Gracias, @ana, @beto, y todos.", "Gracias, y todos."),
            ("Lo dijo @ana !", "Lo dijo!"),
            ("Primero\n@ana\nsegundo", "Primero\nsegundo"),
            ("Está en ejemplo.co.", "Está en."),
            ("@ana https://example.com", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(BOTH.strip(text), expected, "{text}");
        }
    }

    #[test]
    fn a_text_without_entities_is_left_as_it_is() {
        for text in ["Hola ,  mundo :", " (vía nadie) ", ""] {
            assert_eq!(BOTH.strip(text), text);
        }
    }

    #[test]
    fn only_what_the_policy_strips_goes() {
        let text = "@ana mira https://example.com";
        assert_eq!(Stripper { mentions: true, urls: false }.strip(text), "mira https://example.com");
        assert_eq!(Stripper { mentions: false, urls: true }.strip(text), "@ana mira");
        assert_eq!(Stripper { mentions: false, urls: false }.strip(text), text);
    }

    proptest! {
        #[test]
        fn nothing_strippable_is_left(text in "([@＠#]?[a-cñ]{1,3}|https?://|[./:(),!¿ \\n]|\\.co|\\.com|RT|vía|🐱|\u{301}){0,24}") {
            let left = tweet_text::parse(&BOTH.strip(&text));
            prop_assert_eq!(left.mentions, vec![]);
            prop_assert_eq!(left.urls, vec![]);
        }

        #[test]
        fn any_text_can_be_stripped(text in any::<String>()) {
            let left = tweet_text::parse(&BOTH.strip(&text));
            prop_assert!(left.mentions.is_empty() && left.urls.is_empty());
        }
    }
}
