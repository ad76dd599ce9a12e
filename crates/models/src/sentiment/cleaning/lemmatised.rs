//! The pipeline without stop words and endings: one token for all forms of a word, as in VacunaBot's lemmatised runs.
//!
//! Stems take the place of lemmas: Snowball's Spanish stemmer (crate `rust-stemmers`, MIT or BSD-3-Clause) ships with
//! the program, while the free lemma lists of Spanish have share-alike licences (ODbL, LGPL, CC BY-SA) that extend to
//! what is made from them. Stop words are Snowball's, except the negations.

use std::collections::HashSet;
use std::sync::LazyLock;

use regex::Regex;
use rust_stemmers::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization as _;

use super::{folded, out_of_sight};

/// Words that turn a text into its opposite: never left out or cut, and written without accents.
const NEGATIONS: [&str; 17] = [
    "no", "ni", "nunca", "jamas", "nada", "nadie", "sin", "tampoco", "contra", "ningun", "ninguna", "ninguno",
    "ningunas", "ningunos", "apenas", "menos", "si",
];

static STOP_WORDS: LazyLock<HashSet<String>> = LazyLock::new(|| {
    include_str!("stop_words.txt")
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(folded)
        .collect()
});

static STEMMER: LazyLock<Stemmer> = LazyLock::new(|| Stemmer::create(Algorithm::Spanish));

/// A point or comma does not divide a number; all other signs divide words.
static WORD: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\d+(?:[.,]\d+)+|[\p{L}\p{M}\p{N}]+").expect("a valid pattern"));

/// Returns whether a folded word is left out.
pub(super) fn is_stop_word(folded: &str) -> bool {
    STOP_WORDS.contains(folded)
}

/// Returns the stems of the text's words.
pub(super) fn clean(text: &str) -> String {
    let visible = out_of_sight::remove(text);
    let stems: Vec<String> = WORD.find_iter(&visible).filter_map(|word| stem(word.as_str())).collect();
    stems.join(" ")
}

/// Returns the stem, without accents; `None` for a stop word.
fn stem(word: &str) -> Option<String> {
    let plain = folded(word);
    if plain.is_empty() || is_stop_word(&plain) {
        return None;
    }
    if NEGATIONS.contains(&plain.as_str()) {
        return Some(plain);
    }
    let accented = accented_ending(word.nfkc().collect::<String>().to_lowercase());
    // If a word consists entirely of an ending, its stem has no letters; the word itself then says more.
    Some(folded(&STEMMER.stem(&accented))).filter(|stem| !stem.is_empty()).or(Some(plain))
}

/// Restores the accents of endings: tweets leave accents out, but the stemmer recognises endings by them, and `cion`
/// and `sion` always have one.
fn accented_ending(word: String) -> String {
    match word
        .strip_suffix("cion")
        .map(|start| (start, "ción"))
        .or_else(|| word.strip_suffix("sion").map(|start| (start, "sión")))
    {
        Some((start, ending)) => format!("{start}{ending}"),
        None => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stop_words_go_negations_stay_and_forms_share_a_stem() {
        for (text, cleaned) in [
            ("La vacunación es para todos", "vacun"),
            ("vacunas, vacunarse; VACUNACION", "vacun vacun vacun"),
            ("No me vacuno ni hoy ni nunca, ¡jamás!", "no vacun ni hoy ni nunca jamas"),
            ("Sí quiero; nadie sin su dosis.", "si quier nadie sin dosis"),
            ("Son 1.000 dosis", "1000 dosis"),
            ("Mañana #YoMeVacuno con @ana https://t.co/x", "manan"),
            ("La decision: decisión", "decision decision"),
            ("de la que el 💪", ""),
            ("", ""),
        ] {
            assert_eq!(clean(text), cleaned, "{text:?}");
        }
    }

    #[test]
    fn no_negation_is_a_stop_word_and_the_list_is_whole() {
        for negation in NEGATIONS {
            assert!(!STOP_WORDS.contains(negation), "{negation}");
            assert_eq!(clean(negation), negation);
        }
        assert!(["de", "mas", "tuviesemos", "estabamos", "el"].iter().all(|word| STOP_WORDS.contains(*word)));
        assert!(!STOP_WORDS.contains(""));
    }

    // import snowballstemmer   # 3.1.1; stems with their accents
    // snowballstemmer.stemmer("spanish").stemWords([...])
    #[test]
    fn stems_are_snowballs() {
        for (word, stem) in STEMS {
            assert_eq!(STEMMER.stem(word), stem, "{word}");
        }
    }

    const STEMS: [(&str, &str); 18] = [
        ("vacunación", "vacun"),
        ("vacunas", "vacun"),
        ("vacunarse", "vacun"),
        ("vacunado", "vacun"),
        ("vacunadas", "vacun"),
        ("muertes", "muert"),
        ("efectos", "efect"),
        ("secundarios", "secundari"),
        ("rápidamente", "rapid"),
        ("gobierno", "gobiern"),
        ("mentiras", "mentir"),
        ("quieren", "quier"),
        ("niños", "niñ"),
        ("esperanza", "esper"),
        ("cansado", "cans"),
        ("felices", "felic"),
        ("salud", "salud"),
        ("protegiendo", "proteg"),
    ];
}
