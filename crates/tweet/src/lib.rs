//! The values that a tweet passes through: what one stage hands to the next.
//!
//! `SeedPrompt -> Vec<Candidate> -> Vec<Judged> -> Option<Chosen> -> Approved -> Posted`. The first three live here;
//! `Chosen` belongs to the selection, `Approved` to the review and `Posted` to the publisher, because only they may make one.

mod disclosure;

use std::collections::BTreeMap;

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use pregonero_text::characters::tidy;

pub use self::disclosure::{Disclosure, DisclosurePosition};

/// What a round starts from: the first words of the tweet, chosen by weight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeedPrompt {
    /// The words that the model continues, tidied; they are part of the tweet. May be empty.
    pub text: String,
    /// Relative share of the rounds that start from this prompt; 0 switches it off.
    pub weight: u32,
    /// Values for a model trained with control tokens, by attribute name. Empty for a model without them.
    pub attributes: BTreeMap<String, String>,
}

impl SeedPrompt {
    /// Creates a prompt of words alone, tidied as training texts are: without attributes, and drawn as often as any
    /// other.
    #[must_use]
    pub fn bare(text: &str) -> Self {
        Self { text: tidy(text).into_owned(), weight: 1, attributes: BTreeMap::new() }
    }

    /// Returns the prompt among `prompts` that has this text, with its attributes; else the words alone.
    #[must_use]
    pub fn known_or_bare(prompts: &[Self], text: &str) -> Self {
        let text = tidy(text);
        prompts.iter().find(|prompt| prompt.text == text).cloned().unwrap_or_else(|| Self::bare(&text))
    }

    /// Draws one of `prompts` by weight; the same seed draws the same one. Returns `None` if there are none.
    #[must_use]
    pub fn draw(prompts: &[Self], rng_seed: u64) -> Option<&Self> {
        let total: u64 = prompts.iter().map(|prompt| u64::from(prompt.weight)).sum();
        let mut drawn = ChaCha8Rng::seed_from_u64(rng_seed).random_range(0..total.max(1));
        for prompt in prompts {
            match drawn.checked_sub(u64::from(prompt.weight)) {
                Some(rest) => drawn = rest,
                None => return Some(prompt),
            }
        }
        prompts.last()
    }
}

/// Why the model stopped writing a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// The model wrote its end-of-text token.
    EndOfText,
    /// The weighted length of a tweet was used up.
    Length,
    /// `max_new_tokens` or the model's context was used up.
    Tokens,
}

/// Tokens in the stretch that [`Likelihood::weakest`] is measured over.
const STRETCH: usize = 4;

/// How likely the model finds the tokens that it wrote, in nats: their log-probabilities under its own distribution,
/// with no temperature, filter or penalty. Values are at most 0; the likelier a text, the closer to 0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Likelihood {
    /// The mean over all tokens; the end token counts where the text ended by itself.
    pub mean: f32,
    /// The lowest mean over four consecutive tokens; over all of them if there are fewer.
    pub weakest: f32,
}

impl Likelihood {
    /// Computes the likelihood of tokens with these log-probabilities; `None` if there are no tokens.
    #[must_use]
    pub fn of(log_probabilities: &[f32]) -> Option<Self> {
        let mean = |values: &[f32]| values.iter().sum::<f32>() / values.len() as f32;
        let stretches = log_probabilities.windows(STRETCH.min(log_probabilities.len().max(1)));
        let weakest = stretches.map(mean).min_by(f32::total_cmp)?;
        Some(Self { mean: mean(log_probabilities), weakest })
    }
}

/// One text that the model wrote, before it was judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Prompt and continuation, as the tweet would read: without special tokens, and cut back to the last complete
    /// sentence if the model did not end by itself.
    pub text: String,
    /// The continuation alone, exactly as the model wrote it.
    pub continuation: String,
    /// Token ids of prompt and continuation, end-of-text left out.
    pub token_ids: Vec<u32>,
    /// How many of `token_ids` are the prompt's.
    pub prompt_tokens: usize,
    /// The seed of this candidate's own random number generator.
    pub rng_seed: u64,
    /// Why the model stopped.
    pub finish: Finish,
    /// Absent for texts that no model generated here, and in records of earlier versions.
    #[serde(default)]
    pub likelihood: Option<Likelihood>,
}

impl Candidate {
    /// Creates a candidate from a text that no model generated here: it has no tokens and ended by itself.
    #[must_use]
    pub fn given(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            continuation: String::new(),
            token_ids: Vec::new(),
            prompt_tokens: 0,
            rng_seed: 0,
            finish: Finish::EndOfText,
            likelihood: None,
        }
    }
}

/// A gate's verdict on a text. Ordered by severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The gate has no objection.
    Pass,
    /// A person should look at the text before it is posted.
    Review,
    /// The text must never be posted.
    Reject,
}

impl Verdict {
    /// Returns the word used in JSON, the database and the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Review => "review",
            Self::Reject => "reject",
        }
    }
}

/// One gate's verdict, with its reason for a person to read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateVerdict {
    /// The gate's name, in snake case: `near_duplicate`.
    pub gate: String,
    pub verdict: Verdict,
    /// One English sentence; empty for a plain pass.
    pub reason: String,
}

impl GateVerdict {
    /// Reasons quote at most this many characters of a text, from its beginning or from a piece of it.
    pub const LONGEST_QUOTE: usize = 60;

    /// Creates a verdict without an objection to the text.
    #[must_use]
    pub fn pass(gate: &str) -> Self {
        Self { gate: gate.to_owned(), verdict: Verdict::Pass, reason: String::new() }
    }

    /// Creates a verdict with its reason.
    #[must_use]
    pub fn new(gate: &str, verdict: Verdict, reason: impl Into<String>) -> Self {
        Self { gate: gate.to_owned(), verdict, reason: reason.into() }
    }
}

/// The classifier's reading of a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sentiment {
    /// The most probable label, for example `positive`.
    pub label: String,
    /// The probability of that label, 0 to 1.
    pub score: f32,
    /// The probability of every label; they sum to 1.
    #[serde(default)]
    pub probabilities: BTreeMap<String, f32>,
}

impl Sentiment {
    /// Returns the probability of `label`; 0 if the classifier does not know it.
    #[must_use]
    pub fn probability(&self, label: &str) -> f32 {
        self.probabilities.get(label).copied().unwrap_or(0.0)
    }
}

/// What the selection ranks a candidate by. Empty in records of earlier versions, in which the sentiment's score
/// alone decided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Ranking {
    /// The critic's probability that a person wrote the text, or, if it learned from judged texts, that the text is good;
    /// absent without a critic.
    #[serde(default)]
    pub critic: Option<f32>,
    /// How well it reads, 0 to 1, from critic and likelihood; absent for a text that was not generated here.
    #[serde(default)]
    pub reading: Option<f32>,
    /// The number that decides, by `selection.rank`; the highest one is chosen.
    #[serde(default)]
    pub rank: Option<f32>,
    /// Whether no recent post begins with the same words; one that does ranks after all others.
    #[serde(default)]
    pub fresh_opening: Option<bool>,
}

/// A candidate with the results of all gates and classifiers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    pub candidate: Candidate,
    /// The text as it would be posted: `candidate.text` after stripping, with the disclosure.
    pub text: String,
    /// X's weighted length of `text`.
    pub weighted_length: usize,
    pub sentiment: Sentiment,
    /// The sentiment's score: the probability of the target label, or of the most probable one if any label will do.
    pub score: f32,
    #[serde(flatten)]
    pub ranking: Ranking,
    /// Every gate's verdict, in the gates' order.
    pub gates: Vec<GateVerdict>,
}

impl Judged {
    /// Returns the most severe verdict of all gates.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.gates.iter().map(|gate| gate.verdict).max().unwrap_or(Verdict::Pass)
    }

    /// Returns the number that the selection ranks by: the sentiment's score if nothing else is on record.
    #[must_use]
    pub fn rank(&self) -> f32 {
        self.ranking.rank.unwrap_or(self.score)
    }

    /// Returns whether a recent post begins with the same words, so that this one is taken only if no other is left.
    #[must_use]
    pub fn repeats_an_opening(&self) -> bool {
        self.ranking.fresh_opening == Some(false)
    }

    /// Compares candidates of one verdict as the selection does: the greatest is taken first. Equal ones keep their
    /// order.
    #[must_use]
    pub fn compare_rank(&self, other: &Self) -> std::cmp::Ordering {
        let freshness = other.repeats_an_opening().cmp(&self.repeats_an_opening());
        freshness.then(self.rank().total_cmp(&other.rank()))
    }
}

/// A model as the record identifies it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelIdentity {
    /// What the configuration calls it: `builtin`, a folder, `hub:OWNER/NAME`.
    pub name: String,
    /// SHA-256 of its weights file (for shards: of their digests in order), lower-case hexadecimal.
    pub sha256: String,
}

/// For tests: values such as a round makes.
pub mod testing {
    use super::*;

    /// Returns a judged candidate with one verdict that decides and the score of its target.
    #[must_use]
    pub fn judged(text: &str, verdict: Verdict, score: f32) -> Judged {
        Judged {
            candidate: Candidate {
                text: text.to_owned(),
                continuation: text.to_owned(),
                token_ids: vec![5, 70_000, 0],
                prompt_tokens: 1,
                rng_seed: 11,
                finish: Finish::EndOfText,
                likelihood: None,
            },
            text: text.to_owned(),
            weighted_length: text.chars().count(),
            sentiment: Sentiment {
                label: "positive".to_owned(),
                score,
                probabilities: BTreeMap::from([("negative".to_owned(), 1.0 - score), ("positive".to_owned(), score)]),
            },
            score,
            ranking: Ranking::default(),
            gates: vec![GateVerdict::pass("length"), GateVerdict::new("claims", verdict, "it names a figure")],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_are_drawn_by_their_weight_and_the_same_seed_draws_the_same() {
        let prompts = [("una", 1), ("tres", 3), ("seis", 6)].map(|(text, weight)| SeedPrompt {
            text: text.to_owned(),
            weight,
            attributes: BTreeMap::new(),
        });
        let mut counts = BTreeMap::new();
        for seed in 0..10_000 {
            let drawn = SeedPrompt::draw(&prompts, seed).unwrap();
            assert_eq!(Some(drawn), SeedPrompt::draw(&prompts, seed));
            *counts.entry(drawn.text.as_str()).or_insert(0_i32) += 1;
        }
        for (text, wanted) in [("una", 1000), ("tres", 3000), ("seis", 6000)] {
            assert!((counts[text] - wanted).abs() < 200, "{counts:?}");
        }
        assert_eq!(SeedPrompt::draw(&[], 7), None);
    }

    #[test]
    fn the_weakest_stretch_is_the_lowest_mean_of_four_tokens_in_a_row() {
        let cases = [
            (&[][..], None),
            (&[-2.0], Some((-2.0, -2.0))),
            (&[-1.0, -3.0, -2.0], Some((-2.0, -2.0))),
            (&[0.0, -4.0, -4.0, 0.0, -8.0, 0.0, 0.0, 0.0], Some((-2.0, -4.0))),
        ];
        for (log_probabilities, expected) in cases {
            let found = Likelihood::of(log_probabilities).map(|found| (found.mean, found.weakest));
            assert_eq!(found, expected, "{log_probabilities:?}");
        }
    }

    #[test]
    fn a_prompt_of_weight_0_is_switched_off_wherever_it_stands() {
        let prompts = [("nunca", 0), ("siempre", 2), ("jamás", 0)]
            .map(|(text, weight)| SeedPrompt { weight, ..SeedPrompt::bare(text) });
        assert!((0..200).all(|seed| SeedPrompt::draw(&prompts, seed).unwrap().text == "siempre"));
    }
}
