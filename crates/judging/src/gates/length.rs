//! Gate `length`: rejects what X would refuse because of its length or its characters.

use super::{Gate, Reading, reject};
use pregonero_text::tweet_text::MAX_WEIGHTED_LENGTH;
use pregonero_tweet::GateVerdict;

pub(super) const NAME: &str = "length";

/// Checks the text as it would be posted, disclosure included.
#[derive(Debug)]
pub(super) struct Length;

impl Gate for Length {
    fn name(&self) -> &'static str {
        NAME
    }

    fn verdict(&self, reading: &Reading<'_>) -> GateVerdict {
        let tweet = &reading.tweet;
        let length = tweet.weighted_length;
        if tweet.text.trim().is_empty() {
            reject(NAME, "the text is empty")
        } else if length > MAX_WEIGHTED_LENGTH {
            let over = length - MAX_WEIGHTED_LENGTH;
            reject(NAME, format!("weighted length {length} is {over} over X's {MAX_WEIGHTED_LENGTH}"))
        } else if !tweet.valid {
            reject(NAME, "it contains a character that X does not accept (U+FFFE, U+FFFF or U+FEFF)")
        } else {
            GateVerdict::pass(NAME)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::verdict_of;
    use super::*;
    use pregonero_tweet::Verdict::{Pass, Reject};

    #[test]
    fn a_post_has_1_to_280_and_no_forbidden_character() {
        let cases = [
            ("Hoy es un buen día.".to_owned(), Pass),
            ("ñ".repeat(280), Pass),
            ("ñ".repeat(281), Reject),
            ("漢".repeat(140), Pass),
            ("漢".repeat(141), Reject),
            (String::new(), Reject),
            (" \n ".to_owned(), Reject),
            ("hola\u{feff}".to_owned(), Reject),
        ];
        for (text, expected) in cases {
            assert_eq!(verdict_of(&Length, &text).verdict, expected, "{text:.20}");
        }
    }

    #[test]
    fn the_reason_says_by_how_much() {
        assert_eq!(verdict_of(&Length, &"a".repeat(291)).reason, "weighted length 291 is 11 over X's 280");
    }
}
