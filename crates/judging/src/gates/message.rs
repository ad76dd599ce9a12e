//! Gate `message`: hashtags that say the opposite of what the bot should say.
//!
//! A classifier never reads hashtags, because its labels came from them. So each label's hashtags are stored with it,
//! and one of any label but `sentiment.target` is rejected. The operator's own lists take precedence: what is forbidden never
//! passes, what is allowed always does, and a list of allowed hashtags excludes all others.
//!
//! Case, accents, underscores, digits at the end, letters that look alike, the width of the sign and a blank after it do not
//! count. Where a label's hashtag is a wanted one with a `no` in it (`YoNoMeVacuno`), hashtags that negate the same word
//! (`NoALaVacuna`) count for that label too. A hashtag with letters of two alphabets is rejected: it hides what it says.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use super::banned_words::{latin, unleet};
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
    /// Patterns of hashtags that negate a wanted one, each with its label.
    negated: Vec<(Regex, String)>,
    /// Hashtags of the wanted label.
    wanted: Vec<String>,
    target: String,
}

/// A sign and the word after it, also where X sees no hashtag: after a blank.
static MARKED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[#＃﹟][^\S\n]*([\p{L}\p{N}\p{M}_]+)").expect("a pattern written here compiles"));

/// Words that may come between a negation and the word that it negates.
const GLUE: &str = "me|te|se|nos|os|las|la|los|el|a|mas|quiero|queremos|voy";

impl Message {
    pub(super) fn new(allowed: &[String], forbidden: &[String], labels: &LabelHashtags) -> Self {
        let names = |tags: &[String]| -> Vec<String> { tags.iter().map(|tag| name_of(tag)).collect() };
        let wanted = |label: &String| labels.target.as_ref().is_none_or(|target| target == label);
        let of_target: Vec<String> =
            labels.of_labels.iter().filter(|(label, _)| wanted(label)).flat_map(|(_, tags)| names(tags)).collect();
        let others = labels.of_labels.iter().filter(|(label, _)| !wanted(label));
        let opposed: Vec<(String, String)> = others
            .flat_map(|(label, tags)| names(tags).into_iter().map(move |tag| (tag, label.clone())))
            .filter(|(tag, _)| !of_target.contains(tag))
            .collect();
        let negated = opposed.iter().flat_map(|(tag, label)| {
            let patterns = of_target.iter().filter_map(move |wanted| negations_of(wanted, tag));
            patterns.map(move |pattern| (pattern, label.clone()))
        });
        Self {
            allowed: allowed.iter().map(|tag| spelled(tag)).collect(),
            forbidden: names(forbidden),
            negated: negated.collect(),
            opposed,
            wanted: of_target,
            target: labels.target.clone().unwrap_or_default(),
        }
    }

    /// Returns why a text may not contain the hashtag.
    fn objection(&self, hashtag: &str) -> Option<String> {
        let name = name_of(hashtag);
        if self.forbidden.contains(&name) {
            return Some(format!("{hashtag} is in gates.forbidden_hashtags"));
        }
        if self.allowed.contains(&spelled(hashtag)) {
            return None;
        }
        if mixes_alphabets(hashtag) {
            return Some(format!("{hashtag} mixes letters of two alphabets, so it is not what it looks like"));
        }
        self.label_of(&name)
            .map(|label| format!("{hashtag} stands for {label}, but sentiment.target is {}", self.target))
    }

    /// Returns the label other than the wanted one that a hashtag stands for, by its [`name_of`].
    fn label_of(&self, name: &str) -> Option<&str> {
        let known = self.opposed.iter().find(|(tag, _)| tag == name).map(|(_, label)| label.as_str());
        let negation =
            || self.negated.iter().find(|(pattern, _)| pattern.is_match(name)).map(|(_, label)| label.as_str());
        known.or_else(|| negation().filter(|_| !self.wanted.iter().any(|wanted| wanted == name)))
    }

    /// Returns why the operator's list excludes the hashtag.
    fn unlisted(&self, hashtag: &str) -> Option<String> {
        let listed = self.allowed.is_empty() || self.allowed.contains(&spelled(hashtag));
        (!listed).then(|| format!("{hashtag} is not in gates.allowed_hashtags"))
    }
}

impl Gate for Message {
    fn name(&self) -> &'static str {
        NAME
    }

    fn verdict(&self, reading: &Reading<'_>) -> GateVerdict {
        let hashtags = || reading.body.hashtags.iter().map(|hashtag| hashtag.text.as_str());
        let marked =
            MARKED.captures_iter(&reading.body.text).filter_map(|found| found.get(0)).map(|found| found.as_str());
        let objection = hashtags().chain(marked).find_map(|hashtag| self.objection(hashtag));
        let objection = objection.or_else(|| hashtags().find_map(|hashtag| self.unlisted(hashtag)));
        objection.map_or_else(|| GateVerdict::pass(NAME), |reason| reject(NAME, reason))
    }
}

/// Returns a hashtag without its sign, in lower case and without accents.
fn spelled(hashtag: &str) -> String {
    fold(hashtag).trim_start_matches('#').trim().to_owned()
}

/// Returns what a hashtag says to a reader: as [`spelled`], without underscores and digits at the end, and with the letters that
/// others look like.
fn name_of(hashtag: &str) -> String {
    let in_latin: String = hashtag.chars().map(latin).collect();
    let spelled: String = spelled(&in_latin).chars().filter(|character| *character != '_').collect();
    let bare = spelled.trim_end_matches(char::is_numeric);
    unleet(if bare.is_empty() { &spelled } else { bare }, "i")
}

/// Returns whether a hashtag has Latin letters next to Greek, Cyrillic, Armenian or Cherokee ones.
fn mixes_alphabets(hashtag: &str) -> bool {
    let foreign = |c: char| {
        matches!(c, '\u{370}'..='\u{58f}' | '\u{13a0}'..='\u{13ff}' | '\u{1f00}'..='\u{1fff}') && c.is_alphabetic()
    };
    let name = spelled(hashtag);
    name.contains(foreign) && name.contains(|c: char| c.is_ascii_alphabetic())
}

/// Returns whether the wanted label's hashtags are for something whose word contains `subject`, and another label's against it: the
/// same with a `no` in it.
pub(super) fn is_for(subject: &str, labels: &LabelHashtags) -> bool {
    let Some(target) = &labels.target else {
        return false;
    };
    let tags = |wanted: bool| {
        let of = labels.of_labels.iter().filter(move |(label, _)| (*label == target) == wanted);
        of.flat_map(|(_, tags)| tags.iter().map(|tag| name_of(tag)))
    };
    tags(true)
        .filter(|wanted| wanted.contains(subject))
        .any(|wanted| tags(false).any(|other| negations_of(&wanted, &other).is_some()))
}

/// Returns a pattern of the hashtags that negate what `wanted` says, if `other` is `wanted` with a `no` in it: of `yomevacuno` and
/// `yonomevacuno` it fits `nomevacuno`, `noalavacuna` and `yonomevacunoya`. `None` if it is not, or the word is short.
fn negations_of(wanted: &str, other: &str) -> Option<Regex> {
    let no = other.match_indices("no").find(|(at, _)| format!("{}{}", &other[..*at], &other[at + 2..]) == wanted);
    let rest = &other[no?.0 + 2..];
    let glue = Regex::new(&format!("^(?:{GLUE})*")).expect("a pattern written here compiles");
    let longest = glue.find(rest).map_or(0, |found| found.end());
    let stem = rest[longest..].trim_end_matches(['a', 'e', 'o', 's']);
    let pattern = || {
        let stem = regex::escape(stem);
        format!(
            "^(?:yo|nosotros|nosotras)?(?:no|nunca|jamas|anti|fuera|basta(?:de)?)(?:{GLUE})*{stem}|^(?:{GLUE})*{stem}[a-z]{{0,2}}no$"
        )
    };
    (stem.chars().count() >= 4).then(|| Regex::new(&pattern()).expect("an escaped word compiles"))
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
            (Some("positive"), "Hoy vamos. #YoNoMeVacuno2021", Reject),
            (Some("positive"), "Hoy vamos. #Yo_No_Me_Vacuno", Reject),
            (Some("positive"), "Hoy vamos. #Y0N0MeVacuno", Reject),
            (Some("positive"), "Hoy vamos. #ΥoNoMeVacuno", Reject),
            (Some("positive"), "Hoy vamos. #YоNoMeVacuno", Reject),
            (Some("positive"), "Hoy vamos. # YoNoMeVacuno", Reject),
            (Some("positive"), "Hoy vamos. #YoNoMeVacunoYa #Sol", Reject),
            (Some("positive"), "Hoy vamos. #NoMeVacuno", Reject),
            (Some("positive"), "Hoy vamos. #NoALaVacuna", Reject),
            (Some("positive"), "Hoy vamos. #NoVacunas", Reject),
            (Some("positive"), "Hoy vamos. #VacunasNo", Reject),
            (Some("positive"), "Hoy vamos. #AntiVacunas", Reject),
            (Some("positive"), "Hoy vamos. #YoMeVacuno2021 #Yo_Me_Vacuno", Pass),
            (Some("positive"), "Hoy vamos. #NoEsperesVacúnate #Vacunación", Pass),
            (Some("positive"), "Somos el # 1 y el #1. #Ñandú #Vacunatón #Covid19", Pass),
            (Some("positive"), "Hoy vamos. #Αθήνα", Pass),
            (Some("negative"), "Hoy vamos. #NoALaVacuna", Pass),
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
            (vec![], vec!["Política"], "Va. #Poli_tica2022", Some("#Poli_tica2022 is in gates.forbidden_hashtags")),
            (vec!["salud"], vec![], "Va. #Salud_2022", Some("#Salud_2022 is not in gates.allowed_hashtags")),
            (vec!["NoALaVacuna"], vec![], "Va. #NoALaVacuna", None),
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
