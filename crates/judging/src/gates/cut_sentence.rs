//! Gate `cut_sentence`: a text that stops in the middle of a sentence shows that no person wrote it.
//!
//! Tweets often end without a full stop, so that is no fault in a text that its writer ended; one cut at a limit must
//! end as sentences do. Every opened bracket or quotation mark must be closed.

use std::sync::LazyLock;

use regex::Regex;

use super::{Gate, Reading, quote, reject};
use pregonero_text::tweet_text::TweetText;
use pregonero_tweet::{Finish, GateVerdict};

pub(super) const NAME: &str = "cut_sentence";

/// No Spanish sentence ends in one of these: articles, prepositions, conjunctions, clitics, unstressed possessives. Those that
/// an accent turns into other words (`qué`, `sí`, `él`) can end a sentence.
const FUNCTION_WORDS: &str = "el la los las un una unos unas lo al del a ante bajo con contra de desde durante en entre hacia \
    hasta mediante para por según sin sobre tras y e o u ni que si pero sino aunque porque pues como cuando donde mientras quien \
    cuyo cuya mi tu su mis tus sus me te se nos le les muy tan cada este esta ese aquel cualquier";

/// Phrases that a full stop can follow although their last word is a function word.
const WHOLE_ENDS: [&str; 6] = ["cada una", "una por una", "solo una", "más de una", "de vez en cuando", "lo que sobre"];

#[derive(Debug)]
pub(super) struct CutSentence;

impl Gate for CutSentence {
    fn name(&self) -> &'static str {
        NAME
    }

    fn verdict(&self, reading: &Reading<'_>) -> GateVerdict {
        let finish = reading.subject.candidate.map_or(Finish::EndOfText, |candidate| candidate.finish);
        let text = &reading.body.text;
        let fault = unclosed(text).or_else(|| cut_inside(text)).or_else(|| cut_end(&reading.body, finish));
        fault.map_or_else(|| GateVerdict::pass(NAME), |reason| reject(NAME, reason))
    }
}

/// Reports a bracket, quotation mark, `¿` or `¡` that is never closed.
fn unclosed(text: &str) -> Option<String> {
    for (opening, closing) in [('(', ')'), ('[', ']'), ('{', '}'), ('«', '»'), ('“', '”')] {
        let opened = text.match_indices(opening).filter(|(at, _)| !is_frown(&text[..*at])).count();
        if opened > text.matches(closing).count() {
            return Some(format!("“{opening}” is never closed"));
        }
    }
    if text.matches('"').count() % 2 == 1 {
        return Some("a quotation mark is never closed".to_owned());
    }
    for opening in ['¿', '¡'] {
        if let Some(last) = text.rfind(opening)
            && !text[last..].contains(['?', '!'])
        {
            return Some(format!("“{opening}” is never closed"));
        }
    }
    None
}

/// Returns whether a bracket after this text is the mouth of `:(`.
fn is_frown(before: &str) -> bool {
    let eyes = before.trim_end_matches(['-', '\'', '(']);
    eyes.ends_with([':', ';', '=', 'T']) && !eyes.ends_with("://")
}

/// Reports an end that cannot be the end of a sentence.
fn cut_end(body: &TweetText, finish: Finish) -> Option<String> {
    let text = body.text.trim_end();
    let ends_in_entity = [&body.hashtags, &body.urls, &body.mentions, &body.cashtags]
        .into_iter()
        .flatten()
        .any(|entity| entity.range.end == text.len());
    let last = text.chars().next_back()?;
    if ends_in_entity || is_pictorial(last) {
        return None;
    }
    if matches!(
        last,
        ',' | ';' | ':' | '-' | '–' | '—' | '(' | '[' | '{' | '«' | '“' | '¿' | '¡' | '/' | '&' | '@' | '#'
    ) && !is_face(text)
    {
        return Some(format!("it ends in “{last}”: {}", quote(tail(text))));
    }
    let ended = matches!(last, '.' | '!' | '?' | '…' | '"' | '”' | '»' | ')' | ']' | '\'' | '’') || is_face(text);
    if !ended && finish != Finish::EndOfText {
        return Some(format!("the model reached a limit in the middle of a sentence: {}", quote(tail(text))));
    }
    if matches!(last, '?' | '"' | '”' | '»' | ')' | ']') {
        return None;
    }
    open_word(text)
}

/// Reports a sentence before the last one that ends in a word that ends none.
fn cut_inside(text: &str) -> Option<String> {
    // A letter alone before a full stop abbreviates a word; dots in a row are a pause.
    static END: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\p{L}{2}[.!]\s+[\p{Lu}¿¡#]").expect("a pattern written here compiles"));
    END.find_iter(text).find_map(|found| {
        let end = found.as_str().find(['.', '!']).map_or(found.end(), |at| found.start() + at + 1);
        open_word(&text[..end])
    })
}

/// Reports that the last word of a sentence, which may be followed by marks, is one that no sentence ends in.
fn open_word(sentence: &str) -> Option<String> {
    let word = last_word(sentence);
    let is_function_word = FUNCTION_WORDS.split_whitespace().any(|own| own == word.to_lowercase());
    // "Vitamina A", "plan B": a single capital is a name.
    let is_name = word.chars().count() == 1 && word.chars().all(char::is_uppercase);
    let lower = sentence.to_lowercase();
    let is_whole = WHOLE_ENDS.iter().any(|end| lower.strip_suffix(['.', '!']).is_some_and(|rest| rest.ends_with(end)));
    (is_function_word && !is_name && !is_whole)
        .then(|| format!("no sentence ends in “{word}”: {}", quote(tail(sentence))))
}

/// Returns true for emoji and other pictures, and their modifiers.
fn is_pictorial(character: char) -> bool {
    matches!(character, '\u{200d}' | '\u{fe0e}' | '\u{fe0f}' | '\u{20e3}' | '\u{2190}'..='\u{2bff}' | '\u{3030}' | '\u{303d}'
        | '\u{1f000}'..='\u{1faff}' | '\u{e0020}'..='\u{e007f}' | '©' | '®' | '™')
}

/// Returns whether the text ends in an emoticon: `:)`, `:(`, `;-)`, `<3`, `:D`.
fn is_face(text: &str) -> bool {
    [":(", ":-(", ":)", ";)", ":D", "xD", "XD", ":P", ":p", "<3", "^^", ":3", ":/", ":-/", "T_T", ":'("]
        .iter()
        .any(|face| text.ends_with(face))
}

fn last_word(text: &str) -> &str {
    let text = text.trim_end_matches(|character: char| !character.is_alphanumeric());
    let start = text.char_indices().rev().find(|(_, character)| !character.is_alphanumeric());
    start.map_or(text, |(at, character)| &text[at + character.len_utf8()..])
}

/// Returns the last words, to quote in a reason.
fn tail(text: &str) -> &str {
    const LONGEST: usize = 40;
    let start = text.char_indices().rev().nth(LONGEST).map_or(0, |(at, _)| at);
    if start == 0 { text } else { text[start..].split_once(' ').map_or(&text[start..], |(_, rest)| rest) }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{candidate, verdict_of, verdict_on};
    use super::super::{Recent, Subject};
    use super::*;
    use pregonero_tweet::Verdict::{self, Pass, Reject};

    fn verdict(text: &str, finish: Finish) -> Verdict {
        let written = candidate(text, finish);
        let subject = Subject { text, body: text, candidate: Some(&written), prompt: "", own_text: None };
        verdict_on(&CutSentence, subject, &Recent::default()).verdict
    }

    #[test]
    fn whole_sentences_pass_however_the_model_stopped() {
        for text in [
            "Hoy es un buen día.",
            "¡Qué alegría!",
            "¿Y ahora qué?",
            "Me dijo «ya voy»",
            "Lo dijo mi mamá (la mejor)",
            "Dijo \"hasta mañana\"",
            "Me quedo en casa 😷",
            "Me quedo en casa ❤️",
            "Otra vez será :(",
            "Nos vemos mañana :)",
            "Por fin #YoMeVacuno",
            "Y así seguimos…",
            "¿Qué pasó!?",
            "Te explican para qué sirve cada una.",
            "La enfermera respondió las dudas una por una.",
            "Llámalo de vez en cuando.",
            "Guarda lo que sobre.",
            "Te explican para qué sirve cada una. Pregunta.",
            "Nos vemos a las nueve a. m. La fila es corta.",
            "Pues… La verdad, no sé.",
            "¡Claro que sí! Vamos.",
            "¿Y si? Bueno.",
            "1️⃣",
        ] {
            for finish in [Finish::EndOfText, Finish::Length, Finish::Tokens] {
                assert_eq!(verdict(text, finish), Pass, "{text}");
            }
        }
    }

    #[test]
    fn an_open_end_passes_only_where_the_model_ended_by_itself() {
        for text in [
            "Hoy es un buen día",
            "Nos vemos en 2030",
            "Me gusta la vitamina A",
            "Qué sé yo",
            "Dice que sí",
            "Somos tú y él",
        ] {
            assert_eq!(verdict(text, Finish::EndOfText), Pass, "{text}");
            assert_eq!(verdict(text, Finish::Length), Reject, "{text}");
            assert_eq!(verdict(text, Finish::Tokens), Reject, "{text}");
            assert_eq!(verdict_of(&CutSentence, text).verdict, Pass, "{text}");
        }
    }

    #[test]
    fn cut_ends_and_unclosed_marks_are_rejected_with_their_reason() {
        let cases = [
            ("Trajeron una", "no sentence ends in “una”: “Trajeron una”"),
            ("Trajeron una…", "no sentence ends in “una”: “Trajeron una…”"),
            ("¡Cuida a los!", "no sentence ends in “los”: “¡Cuida a los!”"),
            ("Lleva a tu bebé a la. La vacuna lo cuida.", "no sentence ends in “la”: “Lleva a tu bebé a la.”"),
            ("Ayuda con tu. #Vacúnate", "no sentence ends in “tu”: “Ayuda con tu.”"),
            ("La vacuna es una.", "no sentence ends in “una”: “La vacuna es una.”"),
            ("Vuelve cuando.", "no sentence ends in “cuando”: “Vuelve cuando.”"),
            ("Me gusta el", "no sentence ends in “el”: “Me gusta el”"),
            ("La vacuna de la…", "no sentence ends in “la”: “La vacuna de la…”"),
            ("Fui a la tienda y.", "no sentence ends in “y”: “Fui a la tienda y.”"),
            ("No me gusta porque", "no sentence ends in “porque”: “No me gusta porque”"),
            ("Compré pan,", "it ends in “,”: “Compré pan,”"),
            ("Ingredientes:", "it ends in “:”: “Ingredientes:”"),
            ("Vino mi tía (la de Cali", "“(” is never closed"),
            ("Dijo «ya voy.", "“«” is never closed"),
            ("Dijo \"ya voy.", "a quotation mark is never closed"),
            ("¿Y ahora qué hacemos.", "“¿” is never closed"),
            ("¡Qué bueno. ¡Vamos", "“¡” is never closed"),
        ];
        for (text, reason) in cases {
            assert_eq!(verdict_of(&CutSentence, text), reject(NAME, reason), "{text}");
        }
    }

    #[test]
    fn an_empty_text_is_not_this_gates_concern() {
        assert_eq!(verdict_of(&CutSentence, "").verdict, Pass);
    }
}
