//! Trains a classifier to tell generated tweets from real ones: an area under the curve of 0.5 is perfect mimicry.
//!
//! Only the writing may tell the two sides apart. The generator writes from its start token alone, without a prompt
//! that real tweets lack. Both sides are then treated alike ([`level`]): cleaned as training texts are (no links, no
//! mentions) and cut after the same number of words. So neither truncation nor the sentence finishing of candidates
//! leaves a mark; a text in which the generator was stopped earlier is left out. The classifier itself sees
//! lower-case words without accents, with emoji and `! ?`: no capital letters and no other punctuation. Near-duplicates
//! stay in one part of the split, so that no slogan is learned by heart, and the area is measured on rows it never saw.

use std::sync::atomic::AtomicBool;

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

use crate::metrics::confidence::AucInterval;
use crate::training::classifier::{ClassifierTraining, Listener, fit_classifier};
use crate::training::text::Cleaning;
use crate::training::two_sides::{drawn, small_classifier, write_table};
use pregonero_tweet::{Candidate, Finish};

/// Both sides are read up to this many words: most tweets are this long, and so is a candidate of 64 tokens.
pub const WORDS: usize = 20;

/// The fewest texts per side for which an area means anything.
pub const FEWEST: usize = 50;

/// The index of the label in [`LABELS`].
const GENERATED: usize = 1;
const LABELS: [&str; 2] = ["real", "generated"];

/// How well generated texts can be told from real ones.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DiscriminatorReport {
    /// The area under the curve on the held-out rows.
    #[serde(flatten)]
    pub area: AucInterval,
    /// The share of held-out rows that the classifier gets right.
    pub accuracy: f64,
    /// Texts of each side; `held_out` of both sides together were kept for measuring.
    pub texts_a_side: usize,
    pub held_out: usize,
    /// Words that both sides were cut to.
    pub words: usize,
    /// Generated texts left out: stopped before that number of words, or too short.
    pub left_out: usize,
    /// Parameters of the classifier.
    pub parameters: usize,
}

/// Returns a text in the form in which both sides are read, or `None` if too little of it is left.
#[must_use]
pub fn level(text: &str) -> Option<String> {
    let cleaned = Cleaning::Tweets.apply(text)?;
    let words: Vec<&str> = cleaned.split_whitespace().take(WORDS).collect();
    Some(words.join(" "))
}

/// Does the same as [`level`] for a candidate that was written without a length budget.
#[must_use]
pub fn level_candidate(candidate: &Candidate) -> Option<String> {
    let text = level(&candidate.continuation)?;
    let whole = candidate.finish == Finish::EndOfText || text.split(' ').count() == WORDS;
    whole.then_some(text)
}

/// Trains on some of the `real` texts and `candidates` and measures on the others; the larger side loses texts by `seed`, so
/// that both have the same number.
///
/// # Errors
/// If a side has too few texts, or the training fails or is interrupted.
pub fn discriminate(
    real: &[String],
    candidates: &[Candidate],
    seed: u64,
    interrupted: &AtomicBool,
    progress: Listener<'_>,
) -> Result<DiscriminatorReport> {
    let real = drawn(real.iter().filter_map(|text| level(text)).collect(), seed);
    let generated = drawn(candidates.iter().filter_map(level_candidate).collect(), seed);
    let left_out = candidates.iter().filter(|candidate| level_candidate(candidate).is_none()).count();
    let size = real.len().min(generated.len());
    ensure!(
        size >= FEWEST,
        "the discriminator needs at least {FEWEST} different texts of each side, but there are {} real and {} generated \
         ones of up to {WORDS} words: give more --data or a larger --discriminator",
        real.len(),
        generated.len()
    );
    let folder = tempfile::tempdir().context("cannot create a temporary folder")?;
    let table = folder.path().join("texts.csv");
    write_table(&table, LABELS, [&real[..size], &generated[..size]])?;
    let training = ClassifierTraining {
        name: "discriminator".to_owned(),
        steps: 2 * WORDS,
        ..small_classifier(table, folder.path().join("model"), LABELS, seed)?
    };
    let trained = fit_classifier(&training, interrupted, progress).context("the discriminator")?;
    ensure!(!trained.outcome.interrupted, "stopped while the discriminator was trained");
    let truth: Vec<bool> = trained.test_labels.iter().map(|label| *label == GENERATED).collect();
    let scores: Vec<f32> = trained.test_probabilities.iter().map(|row| row[GENERATED]).collect();
    let area = AucInterval::new(&truth, &scores)
        .context("too few held-out texts of one side for an area under the curve: give more texts")?;
    Ok(DiscriminatorReport {
        area,
        accuracy: trained.outcome.test.accuracy,
        texts_a_side: size,
        held_out: truth.len(),
        words: WORDS,
        left_out,
        parameters: trained.outcome.parameters,
    })
}

#[cfg(test)]
mod tests {
    use rand::{Rng as _, SeedableRng as _};
    use rand_chacha::ChaCha12Rng;

    use super::*;

    fn candidate(text: &str, finish: Finish) -> Candidate {
        Candidate { continuation: text.to_owned(), finish, ..Candidate::given(text) }
    }

    /// Returns sentences whose words come in a certain order with probability `order`, otherwise at random.
    fn sentences(count: usize, order: f64, seed: u64) -> Vec<String> {
        const SYLLABLES: [&str; 6] = ["sa", "me", "ri", "lo", "pu", "ta"];
        const WORDS: usize = 6 * 6 * 6;
        let mut rng = ChaCha12Rng::seed_from_u64(seed);
        let word = |number: usize| [36, 6, 1].map(|place| SYLLABLES[number / place % 6]).concat();
        let sentence = |_| {
            let mut last = rng.random_range(0..WORDS);
            let words = (0..14).map(|_| {
                last = if rng.random_bool(order) { (last * 7 + 3) % WORDS } else { rng.random_range(0..WORDS) };
                word(last)
            });
            words.collect::<Vec<_>>().join(" ")
        };
        (0..count).map(sentence).collect()
    }

    fn area(real: &[String], generated: &[String]) -> DiscriminatorReport {
        let candidates: Vec<Candidate> = generated.iter().map(|text| candidate(text, Finish::EndOfText)).collect();
        discriminate(real, &candidates, 1, &AtomicBool::new(false), &mut |_| {}).unwrap()
    }

    #[test]
    fn both_sides_are_cleaned_and_cut_alike() {
        let long = (0..30).map(|n| format!("palabra{n}")).collect::<Vec<_>>().join(" ");
        let cut = level(&format!("@ana {long} https://t.co/abc")).unwrap();
        assert_eq!(cut.split(' ').count(), WORDS);
        assert_eq!(level_candidate(&candidate(&long, Finish::Tokens)), Some(cut));
        assert_eq!(level("uno dos tres"), None);
        let short = "este texto se cortó en la";
        assert_eq!(level_candidate(&candidate(short, Finish::Tokens)), None);
        assert_eq!(level_candidate(&candidate(short, Finish::EndOfText)).as_deref(), Some(short));
    }

    #[test]
    fn texts_of_one_source_cannot_be_told_apart() {
        let report = area(&sentences(400, 0.3, 1), &sentences(400, 0.3, 2));
        let AucInterval { low, high, .. } = report.area;
        assert!(low < 0.5 && high > 0.5, "{report:?}");
        assert_eq!((report.texts_a_side, report.left_out), (400, 0));
        assert!((report.held_out as f64 - 240.0).abs() < 20.0, "{report:?}");
    }

    #[test]
    fn texts_of_two_sources_are_told_apart() {
        let report = area(&sentences(400, 0.9, 1), &sentences(300, 0.0, 2));
        assert!(report.area.low > 0.8, "{report:?}");
        assert_eq!(report.texts_a_side, 300);
    }

    #[test]
    fn too_few_texts_are_refused_with_both_numbers() {
        let message = discriminate(&sentences(60, 0.5, 1), &[], 1, &AtomicBool::new(false), &mut |_| {}).unwrap_err();
        assert!(message.to_string().contains("60 real and 0 generated"), "{message}");
    }
}
