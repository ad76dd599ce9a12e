//! Measures whether a generator with control tokens writes what its attributes demand.
//!
//! Polarity is what a classifier predicts for the text; only one that was not trained on the generator's labels measures
//! anything, since a generator could learn its mistakes. Hashtags are found by X's grammar; this project's classifiers
//! never see them.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

use super::sampling::{Sampling, Written};
use crate::metrics::confidence::share_interval;
use pregonero_models::generation::Engine;
use pregonero_models::sentiment::Classifier;
use pregonero_text::tweet_text;
use pregonero_tweet::{Candidate, SeedPrompt};

/// A share of texts with its 95 % confidence interval (Wilson 1927).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Share {
    pub texts: usize,
    pub obeyed: usize,
    pub share: f64,
    pub low: f64,
    pub high: f64,
}

impl Share {
    fn of(obeyed: usize, texts: usize) -> Self {
        let (low, high) = share_interval(obeyed, texts);
        Self { texts, obeyed, share: obeyed as f64 / texts.max(1) as f64, low, high }
    }
}

/// The result of demanding one value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DemandedValue {
    pub value: String,
    #[serde(flatten)]
    pub share: Share,
    /// How many texts the classifier gave each label; texts without words count as `empty`.
    pub read: BTreeMap<String, usize>,
}

/// The result of demanding one hashtag.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DemandedHashtag {
    pub hashtag: String,
    /// Texts that contain the hashtag.
    #[serde(flatten)]
    pub share: Share,
    /// Texts that contain its word, with or without the `#`.
    pub as_word: usize,
    /// The share of texts that contain it although another one was demanded.
    pub undemanded: Option<f64>,
}

/// What `evaluate obedience` reports about one attribute.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Obedience<T> {
    pub attribute: String,
    #[serde(flatten)]
    pub share: Share,
    pub demanded: Vec<T>,
}

/// Has `engine` write for each of `values` of `attribute`, `sampling.count` texts in all, and `classifier` score them;
/// the texts continue the prompts of `sampling`.
///
/// # Errors
/// If a value is not one of the classifier's labels or the model does not know it.
pub async fn polarity(
    engine: &Engine,
    classifier: &Classifier,
    sampling: &Sampling,
    attribute: &str,
    values: &[String],
) -> Result<Obedience<DemandedValue>> {
    ensure!(!values.is_empty(), "no value of {attribute} to demand: name some with --values");
    let labels = &classifier.config().labels;
    let mut demanded = Vec::new();
    for (value, count) in values.iter().zip(shares(sampling.count, values.len())) {
        let label = labels.iter().find(|label| label.to_lowercase() == value.to_lowercase()).with_context(|| {
            format!("the classifier {} has no label {value:?}; it has {}", classifier.config().name, labels.join(", "))
        })?;
        let candidates = write(engine, sampling, attribute, value, count).await?;
        let texts: Vec<&str> = candidates.iter().map(|candidate| candidate.text.as_str()).collect();
        let mut read = BTreeMap::new();
        for (text, sentiment) in texts.iter().zip(classifier.score(&texts)?) {
            let label = if text.trim().is_empty() { "empty".to_owned() } else { sentiment.label };
            *read.entry(label).or_insert(0) += 1;
        }
        let obeyed = read.get(label).copied().unwrap_or(0);
        demanded.push(DemandedValue { value: value.clone(), share: Share::of(obeyed, texts.len()), read });
    }
    Ok(Obedience { attribute: attribute.to_owned(), share: total(demanded.iter().map(|one| one.share)), demanded })
}

/// Has `engine` write for each of `hashtags`, `sampling.count` texts in all, and searches the texts for them.
///
/// # Errors
/// If the model does not know a hashtag.
pub async fn hashtags(
    engine: &Engine,
    sampling: &Sampling,
    attribute: &str,
    hashtags: &[String],
) -> Result<Obedience<DemandedHashtag>> {
    ensure!(!hashtags.is_empty(), "no hashtag to demand: name some with --hashtags");
    let mut written = Vec::new();
    for (hashtag, count) in hashtags.iter().zip(shares(sampling.count, hashtags.len())) {
        written.push(write(engine, sampling, attribute, hashtag, count).await?);
    }
    let demanded: Vec<DemandedHashtag> = hashtags
        .iter()
        .enumerate()
        .map(|(place, hashtag)| {
            let holding = |texts: &[Candidate]| texts.iter().filter(|one| holds(&one.text, hashtag)).count();
            let own = &written[place];
            let others: Vec<&Vec<Candidate>> =
                written.iter().enumerate().filter(|(other, _)| *other != place).map(|(_, texts)| texts).collect();
            let texts: usize = others.iter().map(|texts| texts.len()).sum();
            let elsewhere: usize = others.iter().map(|texts| holding(texts)).sum();
            DemandedHashtag {
                hashtag: hashtag.clone(),
                share: Share::of(holding(own), own.len()),
                as_word: own.iter().filter(|one| has_word(&one.text, hashtag)).count(),
                undemanded: (texts > 0).then(|| elsewhere as f64 / texts as f64),
            }
        })
        .collect();
    Ok(Obedience { attribute: attribute.to_owned(), share: total(demanded.iter().map(|one| one.share)), demanded })
}

/// Writes `count` texts for one value, with separate seeds.
async fn write(
    engine: &Engine,
    sampling: &Sampling,
    attribute: &str,
    value: &str,
    count: usize,
) -> Result<Vec<Candidate>> {
    let prompts = sampling.prompts.iter().map(|prompt| {
        let mut prompt: SeedPrompt = prompt.clone();
        prompt.attributes.insert(attribute.to_owned(), value.to_owned());
        prompt
    });
    let sampling = Sampling { prompts: prompts.collect(), count, ..sampling.clone() };
    let (written, _) = sampling.draw(engine).await?;
    Ok(written.into_iter().flat_map(|Written { candidates, .. }| candidates).collect())
}

/// Divides `count` into `parts`; if it does not divide evenly, the first ones are larger by one.
fn shares(count: usize, parts: usize) -> impl Iterator<Item = usize> {
    (0..parts).map(move |part| count / parts + usize::from(part < count % parts))
}

fn total(shares: impl Iterator<Item = Share>) -> Share {
    let (obeyed, texts) = shares.fold((0, 0), |(obeyed, texts), share| (obeyed + share.obeyed, texts + share.texts));
    Share::of(obeyed, texts)
}

fn bare(hashtag: &str) -> String {
    hashtag.trim_start_matches(['#', '＃']).to_lowercase()
}

fn holds(written: &str, hashtag: &str) -> bool {
    tweet_text::parse(written).hashtags.iter().any(|found| bare(&found.text) == bare(hashtag))
}

fn has_word(written: &str, hashtag: &str) -> bool {
    let wanted = bare(hashtag);
    let divides = |character: char| !character.is_alphanumeric() && character != '_';
    written.to_lowercase().split(divides).any(|word| word == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_shared_out_whole() {
        assert_eq!(shares(500, 3).collect::<Vec<_>>(), [167, 167, 166]);
        assert_eq!(shares(4, 2).sum::<usize>(), 4);
    }

    #[test]
    fn a_hashtag_is_found_in_any_case_and_its_word_without_the_sign() {
        for (written, hashtag, sign, word) in [
            ("Hoy #yomevacuno con calma", "YoMeVacuno", true, true),
            ("Hoy YoMeVacuno.", "#YoMeVacuno", false, true),
            ("Hoy #YoMeVacunoYa", "YoMeVacuno", false, false),
            ("", "YoMeVacuno", false, false),
        ] {
            assert_eq!((holds(written, hashtag), has_word(written, hashtag)), (sign, word), "{written}");
        }
    }

    #[test]
    fn a_total_counts_texts_not_values() {
        let share = total([Share::of(9, 10), Share::of(10, 30)].into_iter());
        assert_eq!((share.obeyed, share.texts), (19, 40));
        assert!((share.share - 0.475).abs() < 1e-12 && share.low < share.share && share.share < share.high);
    }
}
