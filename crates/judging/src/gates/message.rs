//! Gate `message`: hashtags that say the opposite of what the bot should say.
//!
//! A classifier never reads hashtags, because its labels came from them. So each label's hashtags are stored with it,
//! and one of any label but `sentiment.target` is rejected. The operator's own lists take precedence: what is forbidden never
//! passes, what is allowed always does, and a list of allowed hashtags excludes all others. Case, accents and the width of the
//! sign do not count.

use std::collections::BTreeMap;

use super::{Gate, Reading, reject};
use pregonero_text::normal::fold;
use pregonero_tweet::GateVerdict;

pub(super) const NAME: &str = "message";

/// The hashtags that gave each label, and the wanted label.
#[derive(Debug, Clone, Default)]
pub struct LabelHashtags {
    /// By label, with or without the `#`.
    pub of_labels: BTreeMap<String, Vec<String>>,
    /// The label that texts should have; `None` if any will do.
    pub target: Option<String>,
}

#[derive(Debug)]
pub(super) struct Message {
    allowed: Vec<String>,
    forbidden: Vec<String>,
    /// Hashtags of labels other than the wanted one, each with its label.
    opposed: Vec<(String, String)>,
    target: String,
}

impl Message {
    pub(super) fn new(allowed: &[String], forbidden: &[String], labels: &LabelHashtags) -> Self {
        let names = |tags: &[String]| -> Vec<String> { tags.iter().map(|tag| name_of(tag)).collect() };
        let wanted = |label: &String| labels.target.as_ref().is_none_or(|target| target == label);
        let of_target: Vec<String> =
            labels.of_labels.iter().filter(|(label, _)| wanted(label)).flat_map(|(_, tags)| names(tags)).collect();
        let others = labels.of_labels.iter().filter(|(label, _)| !wanted(label));
        let opposed = others
            .flat_map(|(label, tags)| names(tags).into_iter().map(move |tag| (tag, label.clone())))
            .filter(|(tag, _)| !of_target.contains(tag))
            .collect();
        Self {
            allowed: names(allowed),
            forbidden: names(forbidden),
            opposed,
            target: labels.target.clone().unwrap_or_default(),
        }
    }

    /// Returns why a text may not contain the hashtag.
    fn objection(&self, hashtag: &str) -> Option<String> {
        let name = name_of(hashtag);
        if self.forbidden.contains(&name) {
            return Some(format!("{hashtag} is in gates.forbidden_hashtags"));
        }
        if self.allowed.contains(&name) {
            return None;
        }
        if let Some((_, label)) = self.opposed.iter().find(|(tag, _)| *tag == name) {
            return Some(format!("{hashtag} stands for {label}, but sentiment.target is {}", self.target));
        }
        (!self.allowed.is_empty()).then(|| format!("{hashtag} is not in gates.allowed_hashtags"))
    }
}

impl Gate for Message {
    fn name(&self) -> &'static str {
        NAME
    }

    fn verdict(&self, reading: &Reading<'_>) -> GateVerdict {
        let objection = reading.body.hashtags.iter().find_map(|hashtag| self.objection(&hashtag.text));
        objection.map_or_else(|| GateVerdict::pass(NAME), |reason| reject(NAME, reason))
    }
}

/// Returns a hashtag without its sign, in lower case and without accents.
fn name_of(hashtag: &str) -> String {
    fold(hashtag.trim().trim_start_matches(['#', '＃']))
}

#[cfg(test)]
mod tests {
    use super::super::tests::verdict_of;
    use super::*;
    use pregonero_tweet::Verdict::{self, Pass, Reject};

    fn owned(tags: &[&str]) -> Vec<String> {
        tags.iter().map(|&tag| tag.to_owned()).collect()
    }

    fn labels(target: Option<&str>) -> LabelHashtags {
        let of_labels = [("positive", ["YoMeVacuno"]), ("negative", ["YoNoMeVacuno"])];
        let of_labels = of_labels.map(|(label, tags)| (label.to_owned(), owned(&tags)));
        LabelHashtags { of_labels: of_labels.into(), target: target.map(str::to_owned) }
    }

    #[test]
    fn hashtags_of_another_label_are_rejected_whatever_their_spelling() {
        for (target, text, expected) in [
            (Some("positive"), "Hoy vamos. #YoMeVacuno", Pass),
            (Some("positive"), "Hoy vamos. #YoNoMeVacuno", Reject),
            (Some("positive"), "Hoy vamos. #yonomevacuno", Reject),
            (Some("positive"), "Hoy vamos. ＃YoNoMeVacunó", Reject),
            (Some("positive"), "#YONOMEVACUNO y ya #YoMeVacuno", Reject),
            (Some("positive"), "Hoy vamos. #YoNoMeVacunoYa #Sol", Pass),
            (Some("positive"), "Hoy vamos. YoNoMeVacuno", Pass),
            (Some("negative"), "Hoy vamos. #YoMeVacuno", Reject),
            (Some("negative"), "Hoy vamos. #YoNoMeVacuno", Pass),
            (None, "#YoMeVacuno #YoNoMeVacuno", Pass),
            (Some("positive"), "Hoy vamos.", Pass),
        ] {
            let gate = Message::new(&[], &[], &labels(target));
            assert_eq!(verdict_of(&gate, text).verdict, expected, "{target:?}: {text}");
        }
    }

    #[test]
    fn the_operators_lists_go_before() {
        let verdict = |allowed: &[&str], forbidden: &[&str], text: &str| -> (Verdict, String) {
            let gate = Message::new(&owned(allowed), &owned(forbidden), &labels(Some("positive")));
            let verdict = verdict_of(&gate, text);
            (verdict.verdict, verdict.reason)
        };
        for (allowed, forbidden, text, expected) in [
            (vec![], vec!["#Política"], "Va. #politica", Some("#politica is in gates.forbidden_hashtags")),
            (vec!["Salud"], vec![], "Va. #SALUD", None),
            (vec!["#salud"], vec![], "Va. #Sol", Some("#Sol is not in gates.allowed_hashtags")),
            (vec!["yonomevacuno"], vec![], "Va. #YoNoMeVacuno", None),
            (vec!["salud"], vec![], "Va. #YoMeVacuno", Some("#YoMeVacuno is not in gates.allowed_hashtags")),
            (
                vec![],
                vec![],
                "Va. #YoNoMeVacuno",
                Some("#YoNoMeVacuno stands for negative, but sentiment.target is positive"),
            ),
            (vec!["salud"], vec![], "Va sin hashtags.", None),
        ] {
            let expected = expected.map_or((Pass, String::new()), |reason| (Reject, reason.to_owned()));
            assert_eq!(verdict(&allowed, &forbidden, text), expected, "{text}");
        }
    }

    #[test]
    fn without_a_list_for_the_labels_every_hashtag_passes() {
        let gate = Message::new(&[], &[], &LabelHashtags::default());
        assert_eq!(verdict_of(&gate, "Va. #YoNoMeVacuno").verdict, Pass);
    }
}
