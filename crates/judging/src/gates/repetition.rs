//! Gate `repetition`: a language model that has lost the thread repeats itself.
//!
//! Emphasis passes, loops do not: `jajaja` and `¡goool!` are how people write.

use std::collections::HashMap;

use super::{Gate, Reading, quote, reject};
use pregonero_tweet::GateVerdict;

pub(super) const NAME: &str = "repetition";

/// This many of the same letter in a row are too many.
const LETTER_RUN: usize = 7;
/// This many of the same sign or emoji in a row are too many.
const SIGN_RUN: usize = 10;
/// The most letters a laugh may have.
const LONGEST_LAUGH: usize = 30;
/// The fewest letters of a word that is more than emphasis when it comes again.
const LONG_WORD: usize = 5;
/// The fewest words for which the share of distinct words means anything.
const FEWEST_WORDS: usize = 12;
/// The least shares of distinct words and of distinct word pairs.
const DISTINCT_WORDS: f64 = 0.45;
const DISTINCT_PAIRS: f64 = 0.6;

#[derive(Debug)]
pub(super) struct Repetition;

impl Gate for Repetition {
    fn name(&self) -> &'static str {
        NAME
    }

    fn verdict(&self, reading: &Reading<'_>) -> GateVerdict {
        let fault = drawn_out(&reading.body.text)
            .or_else(|| looping(&reading.words))
            .or_else(|| paired(&reading.words))
            .or_else(|| recurring(&reading.words))
            .or_else(|| few_distinct(&reading.words));
        fault.map_or_else(|| GateVerdict::pass(NAME), |reason| reject(NAME, reason))
    }
}

/// Reports a letter or sign repeated many times in a row, or an endless laugh.
fn drawn_out(text: &str) -> Option<String> {
    let mut run = (' ', 0);
    for character in text.chars().flat_map(char::to_lowercase).filter(|character| *character != '\u{fe0f}') {
        run = if character == run.0 { (character, run.1 + 1) } else { (character, 1) };
        let most = if character.is_alphanumeric() { LETTER_RUN } else { SIGN_RUN };
        if run.1 >= most && !character.is_whitespace() {
            return Some(format!("“{character}” {most} times or more in a row"));
        }
    }
    let laugh =
        text.split_whitespace().find(|word| is_laugh(&word.to_lowercase()) && word.chars().count() > LONGEST_LAUGH);
    laugh.map(|word| format!("a laugh of {} letters", word.chars().count()))
}

/// Returns whether the word is a laugh such as `jajaja`, `jeje` or `haha`, typing errors included.
fn is_laugh(word: &str) -> bool {
    word.chars().count() >= 4
        && word.contains(['j', 'h'])
        && word.chars().all(|letter| matches!(letter, 'j' | 'h' | 'a' | 'e' | 'i' | 'o' | 's'))
}

/// Reports a phrase that is repeated at once: a word or pair of words three times, a longer phrase twice.
fn looping(words: &[String]) -> Option<String> {
    for length in 1..=words.len() / 2 {
        let times = if length <= 2 { 3 } else { 2 };
        for start in 0..(words.len() + 1).saturating_sub(length * times) {
            let mut pieces = words[start..start + length * times].chunks(length);
            let phrase = pieces.next()?;
            if pieces.all(|piece| piece == phrase) && !phrase.iter().all(|word| is_laugh(word)) {
                return Some(format!("{} {times} times in a row", quote(&phrase.join(" "))));
            }
        }
    }
    None
}

/// Reports a phrase that is joined to itself: "ventanas abiertas y ventanas abiertas", "acompañados y acompañados". Emphasis has
/// short words ("por mí y por mí", "más y más") or counts ("semanas y semanas").
fn paired(words: &[String]) -> Option<String> {
    const JOINTS: [&str; 5] = ["y", "e", "o", "u", "ni"];
    const COUNTS: &str = "horas meses veces miles muchos muchas vueltas semanas montones cientos millones kilometros";
    (1..=4).find_map(|length| {
        words.windows(2 * length + 1).find_map(|window| {
            let (phrase, joint, again) = (&window[..length], &window[length], &window[length + 1..]);
            let is_pair = phrase == again && JOINTS.contains(&joint.as_str());
            let is_long =
                |word: &String| word.chars().count() >= LONG_WORD && !COUNTS.split(' ').any(|count| count == word);
            let has_content = phrase.iter().any(is_long);
            (is_pair && has_content).then(|| format!("{} on both sides of “{joint}”", quote(&phrase.join(" "))))
        })
    })
}

/// Reports the same three words in three places.
fn recurring(words: &[String]) -> Option<String> {
    let mut seen: HashMap<&[String], usize> = HashMap::new();
    words.windows(3).find_map(|phrase| {
        let times = seen.entry(phrase).or_default();
        *times += 1;
        (*times == 3).then(|| format!("{} three times", quote(&phrase.join(" "))))
    })
}

fn few_distinct(words: &[String]) -> Option<String> {
    if words.len() < FEWEST_WORDS {
        return None;
    }
    let share = |length: usize| {
        let distinct: std::collections::HashSet<&[String]> = words.windows(length).collect();
        distinct.len() as f64 / (words.len() + 1 - length) as f64
    };
    if share(1) < DISTINCT_WORDS {
        Some(format!("only {:.0} % of its {} words are distinct", share(1) * 100.0, words.len()))
    } else if share(2) < DISTINCT_PAIRS {
        Some(format!("only {:.0} % of its word pairs are distinct", share(2) * 100.0))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::verdict_of;
    use super::*;

    #[test]
    fn emphasis_passes() {
        for text in [
            "",
            "Hola",
            "¡Goooool! ¡Qué golazo!",
            "jajajajajaja no puedo más",
            "jaja jaja jaja",
            "Muy, muy contenta de verte.",
            "No, no es lo mismo.",
            "¡Vamos!!! Ya era hora...",
            "😂😂😂😂😂",
            "Paso a paso, día a día, poco a poco.",
            "De la casa a la escuela y de la escuela a la casa.",
            "Hazlo por mí y por mí.",
            "Pasan años y años, horas y horas.",
            "El que ríe de último ríe mejor, y el que no ríe se lo pierde.",
        ] {
            assert_eq!(verdict_of(&Repetition, text), GateVerdict::pass(NAME), "{text}");
        }
    }

    #[test]
    fn loops_are_rejected_with_what_repeats() {
        let cases = [
            ("vacuna vacuna vacuna", "“vacuna” 3 times in a row"),
            ("Sí. ¡Sí! sí", "“si” 3 times in a row"),
            ("la vacuna la vacuna la vacuna", "“la vacuna” 3 times in a row"),
            ("es muy bueno es muy bueno", "“es muy bueno” 2 times in a row"),
            ("Que me gusta el mar que me gusta el mar", "“que me gusta el mar” 2 times in a row"),
            ("La información debe ser clara y clara.", "“clara” on both sides of “y”"),
            ("Se sienten acompañados y acompañados.", "“acompanados” on both sides of “y”"),
            ("Con ventanas abiertas y ventanas abiertas.", "“ventanas abiertas” on both sides of “y”"),
            ("Pregunta en el puesto o en el puesto.", "“en el puesto” on both sides of “o”"),
            ("goooooooool", "“o” 7 times or more in a row"),
            ("no!!!!!!!!!!", "“!” 10 times or more in a row"),
            ("jajajajajajajajajajajajajajajajajaja", "a laugh of 36 letters"),
            ("me voy a casa, me voy a clase, me voy a dormir", "“me voy a” three times"),
            ("a b a c a b d a c b a d", "only 33 % of its 12 words are distinct"),
        ];
        for (text, reason) in cases {
            let verdict = verdict_of(&Repetition, text);
            assert_eq!(verdict, reject(NAME, reason), "{text}");
        }
    }
}
