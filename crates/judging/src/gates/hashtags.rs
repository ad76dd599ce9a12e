//! Gate `hashtags`: rejects more than `max_hashtags`, wherever they are in the text; X treats many hashtags as spam.

use super::{Gate, Reading, quote_all, reject};
use pregonero_tweet::GateVerdict;

pub(super) const NAME: &str = "hashtags";

#[derive(Debug)]
pub(super) struct Hashtags {
    most: usize,
}

impl Hashtags {
    pub(super) fn new(most: usize) -> Self {
        Self { most }
    }
}

impl Gate for Hashtags {
    fn name(&self) -> &'static str {
        NAME
    }

    fn verdict(&self, reading: &Reading<'_>) -> GateVerdict {
        let found = &reading.tweet.hashtags;
        if found.len() <= self.most {
            return GateVerdict::pass(NAME);
        }
        reject(NAME, format!("{} hashtags, at most {} allowed: {}", found.len(), self.most, quote_all(found)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::verdict_of;
    use super::*;
    use pregonero_tweet::Verdict::{Pass, Reject};

    #[test]
    fn those_stacked_at_the_end_count_as_well() {
        let cases = [
            (3, "Hola, #Sol y #Mar. #Playa", Pass),
            (3, "Hola. #Sol #Mar #Playa #Arena", Reject),
            (2, "#Sol y #Mar con #Playa", Reject),
            (0, "Hola.", Pass),
            (0, "Hola #Sol", Reject),
            (0, "Somos el #1 de siempre.", Pass),
        ];
        for (most, text, expected) in cases {
            assert_eq!(verdict_of(&Hashtags::new(most), text).verdict, expected, "{most}: {text}");
        }
    }

    #[test]
    fn the_reason_counts_them() {
        let reason = verdict_of(&Hashtags::new(1), "#Sol #Mar").reason;
        assert_eq!(reason, "2 hashtags, at most 1 allowed: “#Sol”, “#Mar”");
    }
}
