//! A text that says a word of content twice ("la enfermera la pone y la enfermera la anota") passes every gate but reads worse
//! than its likelihood says: a model finds a word that it just wrote likely.

/// What the reading of such a text counts for in the rank.
const COUNTS_FOR: f32 = 0.5;

/// The fewest letters of a word that may be one of content.
const LONG_WORD: usize = 5;

/// Longer words that carry a sentence rather than its content.
const OF_STRUCTURE: [&str; 26] = [
    "aunque", "cuando", "cuándo", "debes", "deben", "desde", "después", "donde", "dónde", "entre", "están", "hasta",
    "mientras", "mismo", "porque", "puedes", "pueden", "quien", "quienes", "sobre", "también", "tienes", "tienen",
    "todos", "todas", "nuestros",
];

/// Returns what the reading of a text is multiplied by in its rank.
#[must_use]
pub fn weight(text: &str) -> f32 {
    if says_a_word_twice(text) { COUNTS_FOR } else { 1.0 }
}

/// Returns whether a word of content comes twice, hashtags aside; a plural is the same word.
fn says_a_word_twice(text: &str) -> bool {
    let mut words: Vec<String> = text
        .split_whitespace()
        .filter(|part| !part.starts_with('#'))
        .flat_map(|part| part.split(|character: char| !character.is_alphabetic()))
        .filter(|word| word.chars().count() >= LONG_WORD)
        .map(|word| singular(&word.to_lowercase()).to_owned())
        .filter(|word| !OF_STRUCTURE.iter().any(|known| singular(known) == word))
        .collect();
    let count = words.len();
    words.sort_unstable();
    words.dedup();
    words.len() < count
}

fn singular(word: &str) -> &str {
    word.strip_suffix('s').unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_content_that_comes_twice_halves_what_a_reading_counts_for() {
        for text in [
            "La vacuna la pone una enfermera y la enfermera te dice cuándo volver.",
            "Las vacunas llegan a la vereda. La vacuna es gratis.",
            "Quien ayuda a un vecino le da una AYUDA.",
        ] {
            assert!((weight(text) - 0.5).abs() < f32::EPSILON, "{text}");
        }
        for text in [
            "Cuando llegues, pregunta cuando abren y quienes atienden a quien llega.",
            "La casa de la vecina es la casa de todos y de todas.",
            "Vacúnate y cuenta a tu familia por qué. #Familia",
            "",
        ] {
            assert!((weight(text) - 1.0).abs() < f32::EPSILON, "{text}");
        }
    }
}
