//! Gate `urls`: a model invents links, and X charges more for a post with one.

use super::{Gate, Reading, quote_all, reject};
use crate::gates::EntityPolicy;
use pregonero_tweet::GateVerdict;

pub(super) const NAME: &str = "urls";

/// Rejects links that are left after stripping; used under the policies `reject` and `strip`.
#[derive(Debug)]
pub(super) struct Urls;

impl Urls {
    /// Returns the gate, or `None` if the policy is `allow`.
    pub(super) fn new(policy: EntityPolicy) -> Option<Self> {
        (policy != EntityPolicy::Allow).then_some(Self)
    }
}

impl Gate for Urls {
    fn name(&self) -> &'static str {
        NAME
    }

    fn verdict(&self, reading: &Reading<'_>) -> GateVerdict {
        let found = &reading.tweet.urls;
        if found.is_empty() { GateVerdict::pass(NAME) } else { reject(NAME, format!("links to {}", quote_all(found))) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::verdict_of;
    use super::*;
    use pregonero_tweet::Verdict;

    #[test]
    fn a_text_without_any_passes() {
        for text in ["Hola a todas.", "Fin.Empieza otra.", "A las 9.30 nos vemos."] {
            assert_eq!(verdict_of(&Urls, text).verdict, Verdict::Pass, "{text}");
        }
    }

    #[test]
    fn any_is_rejected_and_quoted() {
        for (text, reason) in [
            ("Mira https://example.com/a ya.", "links to “https://example.com/a”"),
            ("Está en ejemplo.co y ya.", "links to “ejemplo.co”"),
        ] {
            assert_eq!(verdict_of(&Urls, text), reject(NAME, reason), "{text}");
        }
    }

    #[test]
    fn only_allow_switches_it_off() {
        assert!(Urls::new(EntityPolicy::Allow).is_none());
        assert!(Urls::new(EntityPolicy::Reject).is_some());
        assert!(Urls::new(EntityPolicy::Strip).is_some());
    }
}
