//! Gate `mentions`: X does not allow bots to mention people who did not ask for it.

use super::{Gate, Reading, quote_all, reject};
use crate::gates::EntityPolicy;
use pregonero_tweet::GateVerdict;

pub(super) const NAME: &str = "mentions";

/// Rejects mentions that are left after stripping; used under the policies `reject` and `strip`.
#[derive(Debug)]
pub(super) struct Mentions;

impl Mentions {
    /// Returns the gate, or `None` if the policy is `allow`.
    pub(super) fn new(policy: EntityPolicy) -> Option<Self> {
        (policy != EntityPolicy::Allow).then_some(Self)
    }
}

impl Gate for Mentions {
    fn name(&self) -> &'static str {
        NAME
    }

    fn verdict(&self, reading: &Reading<'_>) -> GateVerdict {
        let found = &reading.tweet.mentions;
        if found.is_empty() { GateVerdict::pass(NAME) } else { reject(NAME, format!("mentions {}", quote_all(found))) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::verdict_of;
    use super::*;
    use pregonero_tweet::Verdict;

    #[test]
    fn a_text_without_any_passes() {
        for text in ["Hola a todas.", "Escríbeme a las 9 o no.", "@ solo"] {
            assert_eq!(verdict_of(&Mentions, text).verdict, Verdict::Pass, "{text}");
        }
    }

    #[test]
    fn any_is_rejected_and_quoted() {
        for (text, reason) in [
            ("Hola @ana.", "mentions “@ana”"),
            ("Gracias @ana, @beto, @caro y @dani.", "mentions “@ana”, “@beto”, “@caro”, 1 more"),
            ("mira ＠ana", "mentions “＠ana”"),
        ] {
            assert_eq!(verdict_of(&Mentions, text), reject(NAME, reason), "{text}");
        }
    }

    #[test]
    fn only_allow_switches_it_off() {
        assert!(Mentions::new(EntityPolicy::Allow).is_none());
        assert!(Mentions::new(EntityPolicy::Reject).is_some());
        assert!(Mentions::new(EntityPolicy::Strip).is_some());
    }
}
