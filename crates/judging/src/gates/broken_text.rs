//! Gate `broken_text`: texts that are unfit for people: empty, wrongly decoded, or with traces of the machinery.
//!
//! A generator leaks what it was fed: control tokens, the placeholders of its training data, fragments of JSON or HTML.

use std::sync::LazyLock;

use regex::Regex;
use unicode_normalization::char::is_combining_mark;

use super::{Gate, Reading, quote, reject};
use pregonero_text::tweet_text::without;
use pregonero_tweet::GateVerdict;

pub(super) const NAME: &str = "broken_text";

#[derive(Debug)]
pub(super) struct BrokenText;

impl Gate for BrokenText {
    fn name(&self) -> &'static str {
        NAME
    }

    fn verdict(&self, reading: &Reading<'_>) -> GateVerdict {
        // The disclosure is the operator's, and a pattern of a text's beginning must not be hidden by it.
        let text = reading.body.text.as_str();
        let fault = broken_characters(text).or_else(|| leftovers(text)).or_else(|| nothing_said(reading));
        fault.map_or_else(|| GateVerdict::pass(NAME), |reason| reject(NAME, reason))
    }
}

/// Returns what is wrong with a text and stays wrong whatever is added to it.
pub(super) fn lasting_fault(text: &str) -> Option<String> {
    broken_characters(text).or_else(|| leftovers(text))
}

/// Reports characters that no person types.
fn broken_characters(text: &str) -> Option<String> {
    let mut marks = 0;
    let mut previous = None;
    for character in text.chars() {
        if character == char::REPLACEMENT_CHARACTER {
            return Some("it contains U+FFFD, a character that could not be decoded".to_owned());
        }
        if is_invisible(character) {
            return Some(format!("it contains the invisible or control character U+{:04X}", u32::from(character)));
        }
        if is_accent(character) {
            marks += 1;
            if marks > 2 || !previous.is_some_and(|before: char| before.is_alphabetic() || is_accent(before)) {
                return Some(format!("it contains an accent without a letter, U+{:04X}", u32::from(character)));
            }
        } else {
            marks = 0;
        }
        previous = Some(character);
    }
    None
}

/// Returns true for control characters except the line feed, private-use characters, directional overrides, and
/// zero-width characters except the joiner of emoji.
fn is_invisible(character: char) -> bool {
    (character.is_control() && character != '\n')
        || matches!(character,
            '\u{e000}'..='\u{f8ff}' | '\u{f0000}'.. | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            | '\u{200b}' | '\u{2060}' | '\u{feff}' | '\u{ad}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}')
}

/// Returns true for combining marks that belong on a letter, not for those of emoji (variation selectors, keycap).
fn is_accent(character: char) -> bool {
    is_combining_mark(character) && !matches!(character, '\u{fe00}'..='\u{fe0f}' | '\u{20dd}'..='\u{20e4}')
}

/// Patterns of leftovers, and the words for them in a reason.
static LEFTOVERS: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    // What the bytes 80 to BF of a character become when read as Latin-1 or Windows-1252.
    let tail = "[\u{80}-\u{bf}€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]";
    [
        (format!("Ã{tail}|Â[\u{80}-\u{bf}]|â€|ðŸ|ï»¿|ï¿½"), "text decoded with the wrong character set"),
        (r"<\|[^|>]*\|?>?|\|>|</?(?:s|unk|pad|mask|eos|bos|sep|cls)>".to_owned(), "a control token"),
        (r"\[/?[A-ZÁÉÍÓÚÑ][A-ZÁÉÍÓÚÑ_]{2,}[^\]]{0,40}\]|[ĠĊ▁]".to_owned(), "a control token"),
        (
            r"(?:^|[^\w@#])(?:_(?:usr|url|emo|user|hashtag|num)\b|url\b|HTTPURL\b|@(?i:usuarios?|users?|username)\b)"
                .to_owned(),
            "a placeholder from the training data",
        ),
        (r"</?[A-Za-z][^<>]{0,80}>|&(?:[a-z]{2,8}|#\d{1,6});".to_owned(), "markup"),
        (r"\]\(|```|^\s*#{1,6}\s|\*\*\w".to_owned(), "markup"),
        (r#"[{\[]\s*"|"\s*:\s*["{\[\d]|"\s*[}\]]|\\[nrt"\\]|\\u[0-9a-fA-F]{4}"#.to_owned(), "a fragment of JSON"),
        (r"[{}]|\b(?:null|undefined|NaN)\b|(?i:\btraceback\b|\bexception:)".to_owned(), "a fragment of code"),
    ]
    .map(|(pattern, what)| (Regex::new(&pattern).expect("a pattern written here compiles"), what))
    .into()
});

fn leftovers(text: &str) -> Option<String> {
    LEFTOVERS.iter().find_map(|(pattern, what)| {
        let found = pattern.find(text)?;
        Some(format!("it contains {what}: {}", quote(found.as_str())))
    })
}

/// Reports a text without letters, with no words besides entities, or with nothing but the prompt.
fn nothing_said(reading: &Reading<'_>) -> Option<String> {
    let body = &reading.body;
    if body.text.trim().is_empty() {
        return Some("the text is empty".to_owned());
    }
    if !body.text.chars().any(char::is_alphabetic) {
        return Some("it contains no letters".to_owned());
    }
    let prose = without(&body.text, &[&body.urls, &body.mentions, &body.hashtags, &body.cashtags]);
    if !prose.chars().any(char::is_alphabetic) {
        return Some("it is nothing but hashtags, mentions or links".to_owned());
    }
    let prompt = reading.subject.prompt.trim();
    let only_prompt = reading.subject.candidate.is_some() && !prompt.is_empty() && body.text.trim() == prompt;
    only_prompt.then(|| "the model added nothing to the prompt".to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{candidate, verdict_of, verdict_on};
    use super::super::{Recent, Subject};
    use super::*;
    use pregonero_tweet::{Finish, Verdict};

    #[test]
    fn what_people_write_passes() {
        for text in [
            "¡Ya me vacuné! Gracias a todos. 💉🇨🇴 #YoMeVacuno",
            "1️⃣ Lávate las manos 2️⃣ Abrígate ❤️ 👨‍👩‍👧‍👦",
            "«Mañana será otro día», dijo mi abuela (la de siempre).",
            "man\u{303}ana y cafe\u{301}",
            "Línea una\nLínea dos",
            "El usuario no sabe qué es un servidor.",
            "Å, São Paulo y Ângela",
            "Fue <3 a primera vista: 2 < 3 y 3 > 2",
            "#1 en mi corazón",
            "Me dijo [risas] que no",
        ] {
            assert_eq!(verdict_of(&BrokenText, text), GateVerdict::pass(NAME), "{text}");
        }
    }

    #[test]
    fn each_kind_of_breakage_is_named() {
        let cases = [
            ("", "the text is empty"),
            ("   ", "the text is empty"),
            ("ma\u{fffd}ana", "it contains U+FFFD, a character that could not be decoded"),
            ("maÃ±ana", "it contains text decoded with the wrong character set: “Ã±”"),
            ("adiÃ³s", "it contains text decoded with the wrong character set: “Ã³”"),
            ("Â¡Hola!", "it contains text decoded with the wrong character set: “Â¡”"),
            ("Ã¡rbol", "it contains text decoded with the wrong character set: “Ã¡”"),
            ("hola\u{7}", "it contains the invisible or control character U+0007"),
            ("ho\u{200b}la", "it contains the invisible or control character U+200B"),
            ("hola \u{202e}aloh", "it contains the invisible or control character U+202E"),
            ("hola \u{301}", "it contains an accent without a letter, U+0301"),
            ("h\u{316}\u{317}\u{318}ola", "it contains an accent without a letter, U+0318"),
            ("Hola<|endoftext|>", "it contains a control token: “<|endoftext|>”"),
            ("Hola <|endof", "it contains a control token: “<|endof”"),
            ("[TWEET] Hola", "it contains a control token: “[TWEET]”"),
            ("[SENTIMIENTO] positivo", "it contains a control token: “[SENTIMIENTO]”"),
            ("ĠHola", "it contains a control token: “Ġ”"),
            ("Hola </s>", "it contains a control token: “</s>”"),
            ("Hola _usr cómo vas", "it contains a placeholder from the training data: “_usr”"),
            ("Hola, @usuario", "it contains a placeholder from the training data: “@usuario”"),
            ("mira url", "it contains a placeholder from the training data: “url”"),
            ("Hola <b>mundo</b>", "it contains markup: “<b>”"),
            ("tú &amp; yo", "it contains markup: “&amp;”"),
            ("[aquí](enlace)", "it contains markup: “](”"),
            (r#"{"text": "hola"}"#, "it contains a fragment of JSON: “{\"”"),
            (r"hola\nmundo", r"it contains a fragment of JSON: “\n”"),
            ("hola {nombre}", "it contains a fragment of code: “{”"),
            ("12345 !!!", "it contains no letters"),
            ("🤖🤖", "it contains no letters"),
            ("#Sol #Mar", "it is nothing but hashtags, mentions or links"),
        ];
        for (text, reason) in cases {
            assert_eq!(verdict_of(&BrokenText, text), reject(NAME, reason), "{text}");
        }
    }

    #[test]
    fn a_candidate_that_is_only_its_prompt_is_rejected() {
        let written = candidate("La vacuna", Finish::EndOfText);
        let subject = Subject {
            text: "La vacuna 🤖",
            body: "La vacuna",
            candidate: Some(&written),
            prompt: "La vacuna ",
            own_text: None,
        };
        let verdict = verdict_on(&BrokenText, subject, &Recent::default());
        assert_eq!(verdict, reject(NAME, "the model added nothing to the prompt"));
        let by_hand = Subject { candidate: None, ..subject };
        assert_eq!(verdict_on(&BrokenText, by_hand, &Recent::default()).verdict, Verdict::Pass);
    }
}
