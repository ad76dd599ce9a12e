//! The pipeline that keeps what conveys tone: words as the plain one writes them, and also emoji and emoticons, runs
//! of `!` and `?`, stretched words and laughter in one spelling, and a marker before what is shouted.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::{folded, out_of_sight};

/// The marker before two or more words in capitals.
const SHOUTED: &str = "<caps>";

/// The pieces of a tweet; what matches none of them is dropped. Numbers keep their points, or `1.000` would become
/// `1` and `000`.
static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?<number>\p{Nd}+(?:[.,:]\p{Nd}+)+)",
        r"|(?<smile>[:=]-?[)\]]|[:=]-?D\b)",
        r"|(?<sad>[:=]['’]?-?[(\[])",
        r"|(?<wink>;-?[)\]])",
        r"|(?<heart><3+)",
        r"|(?<flag>\p{Regional_Indicator}{2})",
        r"|(?<emoji>[\p{Extended_Pictographic}--[©®™‼⁉〰]][\p{M}\p{Emoji_Modifier}]*",
        r"(?:\u{200d}\p{Extended_Pictographic}[\p{M}\p{Emoji_Modifier}]*)*)",
        r"|(?<marks>[!?！？‼⁉⁈⁇]+)",
        r"|(?<word>[\p{L}\p{M}\p{N}]+)",
    ))
    .expect("a valid pattern")
});

/// What X's API writes for three characters, and what some exports write for two more.
const ENTITIES: [(&str, &str); 5] = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];

struct Token {
    text: String,
    /// Whether it is a word in capitals; `None` if that cannot be decided: signs, numbers, a single capital.
    shouted: Option<bool>,
}

/// Returns the tokens of the text.
pub(super) fn clean(text: &str) -> String {
    let decoded = decoded(text);
    let visible = out_of_sight::remove(&decoded);
    let tokens: Vec<Token> = TOKEN.captures_iter(&visible).filter_map(|found| token(&found)).collect();
    let mut words: Vec<&str> = Vec::with_capacity(tokens.len() + 1);
    for (place, token) in tokens.iter().enumerate() {
        if begins_shouting(&tokens, place) {
            words.push(SHOUTED);
        }
        words.push(&token.text);
    }
    words.join(" ")
}

fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    Cow::Owned(ENTITIES.iter().fold(text.to_owned(), |text, (entity, sign)| text.replace(entity, sign)))
}

fn token(found: &Captures<'_>) -> Option<Token> {
    let sign = |text: String| Some(Token { text, shouted: None });
    let group = |name: &str| found.name(name).map(|found| found.as_str());
    if let Some(word) = group("word") {
        let text = one_laugh(&unstretched(&folded(word)));
        return (!text.is_empty()).then(|| Token { text, shouted: shouted(word) });
    }
    if let Some(emoji) = group("emoji") {
        return sign(bare_emoji(emoji));
    }
    if let Some(marks) = group("marks") {
        return sign(marks_in_one_spelling(marks).to_owned());
    }
    for (name, text) in [("smile", ":)"), ("sad", ":("), ("wink", ";)"), ("heart", "❤")] {
        if group(name).is_some() {
            return sign(text.to_owned());
        }
    }
    sign(group("number").or_else(|| group("flag"))?.to_owned())
}

/// Returns whether a run of two or more shouted words begins here; a token that is not a word does not end it.
fn begins_shouting(tokens: &[Token], place: usize) -> bool {
    let neighbour = |token: &Token| token.shouted;
    tokens[place].shouted == Some(true)
        && tokens[..place].iter().rev().find_map(neighbour) != Some(true)
        && tokens[place + 1..].iter().find_map(neighbour) == Some(true)
}

fn shouted(word: &str) -> Option<bool> {
    let letters = || word.chars().filter(|character| character.is_alphabetic());
    match letters().all(char::is_uppercase) {
        true if letters().count() > 1 => Some(true),
        true => None,
        false => Some(false),
    }
}

/// Returns an emoji without skin tone, variation selector and gender sign.
fn bare_emoji(emoji: &str) -> String {
    let bare: String = emoji
        .chars()
        .filter(|character| !matches!(character, '\u{fe00}'..='\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}'))
        .collect();
    match bare.strip_suffix(['♀', '♂']).and_then(|bare| bare.strip_suffix('\u{200d}')) {
        Some(neutral) => neutral.to_owned(),
        None => bare,
    }
}

/// Returns one mark, or a spelling for several, of one kind or both.
fn marks_in_one_spelling(marks: &str) -> &'static str {
    let count = |signs: &[char], double: &[char]| -> usize {
        marks.chars().map(|sign| usize::from(signs.contains(&sign)) + 2 * usize::from(double.contains(&sign))).sum()
    };
    let mixed = marks.contains(['⁉', '⁈']);
    match (count(&['!', '！'], &['‼']), count(&['?', '？'], &['⁇'])) {
        (1.., 1..) => "?!",
        _ if mixed => "?!",
        (1, 0) => "!",
        (_, 0) => "!!",
        (_, 1) => "?",
        (_, _) => "??",
    }
}

/// Shortens a letter that occurs three or more times in a row to two: `siiiii` says more than `si`, and it gets one
/// spelling.
fn unstretched(word: &str) -> String {
    let mut kept = String::with_capacity(word.len());
    let (mut last, mut repeats) = (None, 0);
    for character in word.chars() {
        repeats = if last == Some(character) { repeats + 1 } else { 1 };
        last = Some(character);
        if repeats <= 2 || !character.is_alphabetic() {
            kept.push(character);
        }
    }
    kept
}

/// Writes laughter of any length and typing as two syllables: a word made only of `j`, `h` or `k` and one vowel (or
/// `s`), each at least twice.
fn one_laugh(word: &str) -> String {
    let mut letters: Vec<char> = word.chars().collect();
    letters.sort_unstable();
    letters.dedup();
    let syllable = |consonant: char, vowel: char| {
        let repeated = |letter: char| word.chars().filter(|&character| character == letter).count() >= 2;
        (matches!(consonant, 'j' | 'h' | 'k') && "aeious".contains(vowel) && repeated(consonant) && repeated(vowel))
            .then(|| [consonant, vowel, consonant, vowel].iter().collect())
    };
    let laugh = match letters[..] {
        [first, second] => syllable(first, second).or_else(|| syllable(second, first)),
        _ => None,
    };
    laugh.unwrap_or_else(|| word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_plain_and_what_carries_tone_stays() {
        for (text, cleaned) in [
            ("¿Mañana? Sí, ¡vacúnate!", "manana ? si vacunate !"),
            ("¡¡Qué bien!!! ¿¿De verdad?? ¡¿Cómo?!", "que bien !! de verdad ?? como ?!"),
            ("ya‼ ya⁉ ya！", "ya !! ya ?! ya !"),
            ("Siiiiii, goooool 1000 y 2000000", "sii gool 1000 y 2000000"),
            ("Son 1.000 dosis, 3,5% a las 10:30.", "son 1.000 dosis 3,5 a las 10:30"),
            ("jajajajaja JAJAJ jsjsjs ajaja jejejeje hahaha", "jaja jaja jsjs jaja jeje haha"),
            ("hijo, hoja, ojo, aja, kilo, jajay", "hijo hoja ojo aja kilo jajay"),
            ("hola,que tal.bien", "hola que tal bien"),
            ("Hola @Ana_99, #YoMeVacuno hoy https://t.co/x", "hola hoy"),
            (
                "feliz :) triste :'( guiño ;-) amor <3 &lt;3 &amp; jaja :D",
                "feliz :) triste :( guino ;) amor ❤ ❤ jaja :)",
            ),
            ("😀 #solo @eso", "😀"),
            ("", ""),
        ] {
            assert_eq!(clean(text), cleaned, "{text:?}");
        }
    }

    #[test]
    fn each_emoji_is_a_token_without_skin_tone_and_variation() {
        for (text, cleaned) in [
            ("brazo💪🏽listo ❤️ya", "brazo 💪 listo ❤ ya"),
            ("😂😂😂♡♥", "😂 😂 😂 ♡ ♥"),
            ("🤷🏽‍♀️ 🤷‍♂️ 🤷", "🤷 🤷 🤷"),
            ("👩🏾‍⚕️ ❤️‍🔥", "👩\u{200d}⚕ ❤\u{200d}🔥"),
            ("🇨🇴🇲🇽", "🇨🇴 🇲🇽"),
            ("1️⃣ uno #️⃣", "1 uno"),
            ("marca® 2021™ ©", "marca 2021"),
        ] {
            assert_eq!(clean(text), cleaned, "{text:?}");
        }
    }

    #[test]
    fn two_words_in_capitals_are_shouted_one_is_not() {
        for (text, cleaned) in [
            ("NO ME VACUNO y punto", "<caps> no me vacuno y punto"),
            ("La OMS dice", "la oms dice"),
            ("hoy VAMOS 💪 TODOS, y MAÑANA TAMBIÉN", "hoy <caps> vamos 💪 todos y <caps> manana tambien"),
            ("SÍ Y 2 VECES", "<caps> si y 2 veces"),
            ("Y A mí", "y a mi"),
            ("<caps> escrito", "caps escrito"),
        ] {
            assert_eq!(clean(text), cleaned, "{text:?}");
        }
    }

    #[test]
    fn cleaning_twice_changes_nothing_but_the_shouting() {
        for text in ["¡Qué bien!! 💪🏽 jajaja :) 1.000", "siiii ❤️‍🔥 🇨🇴 ?!", "a\u{301}\u{200d}b 👩‍⚕️ c"]
        {
            let once = clean(text);
            assert_eq!(clean(&once), once, "{text:?}");
        }
    }
}
