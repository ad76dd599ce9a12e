//! Gate `cashtags`: X refuses posts with more than one cashtag, and a model that names a stock cannot be trusted.
//!
//! So two or more are rejected, and a text with one is left for a person to review.

use super::{Gate, Reading, quote_all, reject};
use pregonero_tweet::{GateVerdict, Verdict};

pub(super) const NAME: &str = "cashtags";

#[derive(Debug)]
pub(super) struct Cashtags;

impl Gate for Cashtags {
    fn name(&self) -> &'static str {
        NAME
    }

    fn verdict(&self, reading: &Reading<'_>) -> GateVerdict {
        let found = &reading.tweet.cashtags;
        match found.len() {
            0 => GateVerdict::pass(NAME),
            1 => GateVerdict::new(NAME, Verdict::Review, format!("names a stock: {}", quote_all(found))),
            count => reject(NAME, format!("{count} cashtags, but X allows only one: {}", quote_all(found))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::verdict_of;
    use super::*;

    #[test]
    fn one_is_for_a_person_and_more_are_rejected() {
        let cases = [
            ("Sube el dólar.", Verdict::Pass),
            ("Cuesta $5 y nada más.", Verdict::Pass),
            ("Sube $ABC hoy.", Verdict::Review),
            ("Suben $ABC y $XYZ hoy.", Verdict::Reject),
        ];
        for (text, expected) in cases {
            assert_eq!(verdict_of(&Cashtags, text).verdict, expected, "{text}");
        }
    }
}
