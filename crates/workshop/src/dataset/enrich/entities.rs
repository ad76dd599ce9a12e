//! Finds entities by their capitals: names of people, places and institutions, as far as a tweet's spelling shows them.
//!
//! - Consecutive capitalised words are one entity; `de`, `del`, `de la`, `de los`, `de las` between two of them
//!   belong to it.
//! - A capital at the beginning of a sentence says nothing: a single word there is an entity only if it is an acronym of
//!   two to six capitals.
//! - Stop words begin no entity, except `El`, `La`, `Los` and `Las` within a sentence. A text that is mostly capitals has none.
//!
//! Mentions and hashtags are not entities: the former never reach a generator, the latter have their own field.

use super::pieces::{Piece, pieces};
use pregonero_models::sentiment::cleaning::is_stop_word;

/// A text in which more than this share of the letters are capitals counts as shouted.
const SHOUTED: f64 = 0.5;

/// Returns the entities of a text, each once, in the order of the text.
pub(super) fn of(text: &str) -> Vec<String> {
    if is_shouted(text) {
        return Vec::new();
    }
    let pieces = pieces(text);
    let mut found: Vec<String> = Vec::new();
    let mut place = 0;
    while place < pieces.len() {
        let length = run(&pieces[place..]);
        if length > 0 {
            let words: Vec<&str> = pieces[place..place + length].iter().filter_map(word).collect();
            let entity = words.join(" ");
            if is_entity(&pieces[place], &words) && !found.contains(&entity) {
                found.push(entity);
            }
        }
        place += length.max(1);
    }
    found
}

fn is_shouted(text: &str) -> bool {
    let letters = text.chars().filter(|character| character.is_alphabetic()).count();
    let capitals = text.chars().filter(|character| character.is_uppercase()).count();
    capitals as f64 > SHOUTED * letters as f64
}

fn word<'a>(piece: &Piece<'a>) -> Option<&'a str> {
    match piece {
        Piece::Word { text, .. } => Some(text),
        Piece::Break => None,
    }
}

/// Returns how many pieces, from the first on, form one entity; 0 if none begins there.
fn run(pieces: &[Piece<'_>]) -> usize {
    let name = |place: usize| pieces.get(place).and_then(word).is_some_and(is_name);
    let mut length = match pieces.first() {
        Some(Piece::Word { text: "El" | "La" | "Los" | "Las", begins: false }) if name(1) => 2,
        _ => usize::from(name(0)),
    };
    while length > 0 {
        let behind = &pieces[length..];
        let connector = connector(behind);
        if !name(length + connector) {
            break;
        }
        length += connector + 1;
    }
    length
}

fn is_name(word: &str) -> bool {
    let capital = word.chars().next().is_some_and(char::is_uppercase);
    capital && word.chars().count() > 1 && (is_acronym(word) || !is_stop_word(word))
}

fn is_acronym(word: &str) -> bool {
    (2..=6).contains(&word.chars().count()) && word.chars().all(char::is_uppercase)
}

/// Returns how many words here may connect the parts of a name.
fn connector(pieces: &[Piece<'_>]) -> usize {
    match (pieces.first().and_then(word), pieces.get(1).and_then(word)) {
        (Some("de"), Some("la" | "los" | "las")) => 2,
        (Some("de" | "del"), _) => 1,
        _ => 0,
    }
}

fn is_entity(first: &Piece<'_>, words: &[&str]) -> bool {
    let begins = matches!(first, Piece::Word { begins: true, .. });
    words.len() > 1 || !begins || words.iter().all(|word| is_acronym(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_and_beginnings_of_sentences_are_not() {
        for (text, expected) in [
            ("Hoy la Feria del Libro de Bogotá abre", &["Feria del Libro de Bogotá"][..]),
            ("El Ministerio de la Salud y la OMS avisan", &["Ministerio de la Salud", "OMS"]),
            ("Ana María llegó a Santiago, Chile. Mañana sale para Lima", &["Ana María", "Santiago", "Chile", "Lima"]),
            ("OMS: nadie sabe nada de Lima en Lima", &["OMS", "Lima"]),
            ("🎉 Vamos con @Pedro a #Cali 🎉 Gracias a Dios", &["Dios"]),
            ("Nadie vino", &[]),
            ("TODOS A LA PLAZA DE Bogotá", &[]),
            ("voy de la Plaza", &["Plaza"]),
            ("Hoy La Paz queda lejos de La Paz Alta", &["La Paz", "La Paz Alta"]),
            ("", &[]),
        ] {
            assert_eq!(of(text), expected, "{text}");
        }
    }
}
