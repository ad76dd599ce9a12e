//! Finds key phrases by RAKE (Rose et al. 2010): runs of content words between stop words and punctuation, ranked by how many
//! words theirs occur with.
//!
//! A word's score is its degree (words of all runs it is in) over its frequency, a phrase's score the sum of its words'.
//! The best three are taken, of at most three words, earlier ones first where scores are equal, and none that is part of
//! a better one. Words of fewer than three letters and numbers divide runs as stop words do. The list of stop words is that
//! of the `lemmatised` text pipeline.

use std::collections::HashMap;

use super::pieces::{Piece, pieces};
use pregonero_models::sentiment::cleaning::is_stop_word;

/// The most phrases of a text.
const MOST: usize = 3;

/// The most words of a phrase; longer runs keep their last words, because Spanish puts descriptions after the noun.
const LONGEST: usize = 3;

/// Returns the key phrases of a text, the best first.
pub(super) fn of(text: &str) -> Vec<String> {
    let runs = runs(text);
    let mut words: HashMap<String, (usize, usize)> = HashMap::new();
    for run in &runs {
        for word in run {
            let (degree, frequency) = words.entry(word.to_lowercase()).or_default();
            *degree += run.len();
            *frequency += 1;
        }
    }
    let score = |run: &[&str]| -> f64 {
        let one =
            |word: &&str| words.get(&word.to_lowercase()).map_or(0.0, |(degree, count)| *degree as f64 / *count as f64);
        run.iter().map(one).sum()
    };
    let mut ranked: Vec<(f64, &Vec<&str>)> = runs.iter().map(|run| (score(run), run)).collect();
    ranked.sort_by(|left, right| right.0.total_cmp(&left.0));
    let mut phrases: Vec<String> = Vec::new();
    for (_, run) in ranked {
        let phrase = run.join(" ");
        let told = phrases.iter().any(|known| known.to_lowercase().contains(&phrase.to_lowercase()));
        if phrases.len() < MOST && !told {
            phrases.push(phrase);
        }
    }
    phrases
}

/// Returns the runs of content words.
fn runs(text: &str) -> Vec<Vec<&str>> {
    let mut runs: Vec<Vec<&str>> = vec![Vec::new()];
    for piece in pieces(text) {
        match piece {
            Piece::Word { text, .. } if is_content(text) => {
                if let Some(run) = runs.last_mut() {
                    run.push(text);
                }
            }
            _ => runs.push(Vec::new()),
        }
    }
    runs.retain(|run| !run.is_empty());
    for run in &mut runs {
        run.drain(..run.len().saturating_sub(LONGEST));
    }
    runs
}

fn is_content(word: &str) -> bool {
    word.chars().filter(|character| character.is_alphabetic()).count() > 2 && !is_stop_word(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runs_whose_words_stand_with_most_others_come_first() {
        for (text, expected) in [
            (
                "El plan nacional de vacunas llega a la plaza central",
                &["plan nacional", "vacunas llega", "plaza central"][..],
            ),
            ("Suben los precios del pan, y el pan integral sube más", &["pan integral sube", "Suben", "precios"]),
            ("de la que el 2021 no", &[]),
            ("la feria y la Feria y la feria", &["feria"]),
            ("Hoy abren cuatro nuevos centros médicos #Salud @ana", &["nuevos centros médicos"]),
        ] {
            assert_eq!(of(text), expected, "{text}");
        }
    }
}
