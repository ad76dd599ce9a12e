//! Judges candidates: strips what the settings strip, runs every gate, and has the classifier and the critic score them.
//!
//! The daemon, `generate` and `inspect` all use this code, so that what a maintainer sees is what a round would decide.

use anyhow::Result;

use crate::gates::{Gates, Recent, Subject};
use crate::selection::{Rank, SelectionSettings, repeated};
use pregonero_models::sentiment::Classifier;
use pregonero_models::sentiment::critic::Reader;
use pregonero_models::sentiment::{SentimentSettings, SentimentTarget};
use pregonero_models::verbatim::OwnText;
use pregonero_text::tweet_text;
use pregonero_tweet::{Candidate, Disclosure, GateVerdict, Judged, Ranking, Sentiment, Verdict};

/// The name of the classifier's threshold in the list of gates.
pub const SENTIMENT_GATE: &str = "sentiment";

/// The least probability of the target if neither the settings nor the classifier give one.
const DEFAULT_LEAST_SCORE: f32 = 0.6;

/// Gates, classifier and critic, with the settings that combine them.
#[derive(Debug)]
pub struct Judge {
    gates: Gates,
    classifier: Classifier,
    reader: Reader,
    rank: Rank,
    /// How many recent posts a candidate's opening is compared with; 0 = off.
    fresh_openings: usize,
    target: SentimentTarget,
    /// The least probability of the target.
    least_score: f32,
    disclosure: Disclosure,
}

impl Judge {
    /// Builds a judge from its parts.
    #[must_use]
    pub fn new(
        selection: &SelectionSettings,
        sentiment: &SentimentSettings,
        disclosure: Disclosure,
        gates: Gates,
        classifier: Classifier,
        reader: Reader,
    ) -> Self {
        let SentimentSettings { target, min_score, .. } = sentiment;
        let advised = classifier.config().recommended_min_score;
        Self {
            gates,
            classifier,
            reader,
            rank: selection.rank,
            fresh_openings: selection.fresh_openings,
            target: target.clone(),
            least_score: min_score.or(advised).unwrap_or(DEFAULT_LEAST_SCORE),
            disclosure,
        }
    }

    /// Returns the classifier that scores.
    #[must_use]
    pub fn classifier(&self) -> &Classifier {
        &self.classifier
    }

    /// Returns the part that measures how well a text reads.
    #[must_use]
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Returns the least probability of the target that passes, or `None` if any sentiment passes.
    #[must_use]
    pub fn threshold(&self) -> Option<f32> {
        matches!(self.target, SentimentTarget::Label(_)).then_some(self.least_score)
    }

    /// Returns the weighted length that the disclosure leaves for a text.
    #[must_use]
    pub fn body_limit(&self) -> usize {
        tweet_text::MAX_WEIGHTED_LENGTH.saturating_sub(self.disclosure.weighted_length())
    }

    /// Returns the disclosure that every tweet carries.
    #[must_use]
    pub fn disclosure(&self) -> &Disclosure {
        &self.disclosure
    }

    /// Returns `text` without the entities that the settings strip, as a candidate's text is judged.
    #[must_use]
    pub fn strip(&self, text: &str) -> String {
        self.gates.strip(text)
    }

    /// Returns why no text that begins with `prompt` can pass, whatever the model adds, or `None` if one can.
    #[must_use]
    pub fn objection_to_prompt(&self, prompt: &str) -> Option<String> {
        self.gates.objection_to_beginning(&self.gates.strip(prompt))
    }

    /// Judges every candidate of a round; `recent` contains what was posted before. Takes a fraction of a second.
    ///
    /// # Errors
    /// If the classifier fails, or the generator's own texts cannot be read.
    pub fn judge(&self, candidates: Vec<Candidate>, prompt: &str, recent: &Recent) -> Result<Vec<Judged>> {
        let bodies: Vec<String> = candidates.iter().map(|candidate| self.gates.strip(&candidate.text)).collect();
        let texts: Vec<&str> = bodies.iter().map(String::as_str).collect();
        let scored = self.classifier.score(&texts)?.into_iter().zip(self.reader.probabilities(&texts)?);
        let own_texts = self.gates.near_own_texts(&bodies)?;
        let read = bodies.iter().zip(own_texts).zip(scored);
        // Where the generator's server reports no probabilities, sentiment is all there is to rank by.
        let is_read = candidates.is_empty() || candidates.iter().any(|candidate| candidate.likelihood.is_some());
        let judged = candidates.into_iter().zip(read).map(|(candidate, ((body, own_text), (sentiment, critic)))| {
            let posted = self.disclosure.with(body);
            let subject =
                Subject { text: &posted, body, candidate: Some(&candidate), prompt, own_text: own_text.as_ref() };
            let mut gates = self.gates.verdicts(&subject, recent);
            let (score, verdict) = self.weigh(&sentiment);
            gates.push(verdict);
            let reading = self.reader.reading(critic, candidate.likelihood);
            let fresh_opening =
                (self.fresh_openings > 0).then(|| !recent.begins_alike(body, prompt, self.fresh_openings));
            let reading_counts = reading.map(|reading| reading * repeated::weight(body));
            let rank = if is_read { self.rank(score, reading_counts) } else { score };
            let ranking = Ranking { critic, reading, rank: Some(rank), fresh_opening };
            let weighted_length = tweet_text::weighted_length(&posted);
            Judged { weighted_length, text: posted, candidate, sentiment, score, ranking, gates }
        });
        Ok(judged.collect())
    }

    /// Judges a text that a person gives, as it is: nothing is stripped or appended.
    ///
    /// # Errors
    /// If the classifier fails, or the generator's own texts cannot be read.
    pub fn inspect(&self, text: &str, recent: &Recent) -> Result<Judged> {
        let own_text = self.gates.near_own_texts(&[text])?.pop().flatten();
        self.inspect_with(text, own_text.as_ref(), recent)
    }

    /// Judges texts as [`Judge::inspect`] does, but reads the generator's own texts only once.
    ///
    /// # Errors
    /// Same as [`Judge::inspect`].
    pub fn inspect_all<T: AsRef<str>>(&self, texts: &[T], recent: &Recent) -> Result<Vec<Judged>> {
        let own_texts = self.gates.near_own_texts(texts)?;
        let read = texts.iter().zip(&own_texts);
        read.map(|(text, own_text)| self.inspect_with(text.as_ref(), own_text.as_ref(), recent)).collect()
    }

    /// Judges the body of a post again, with the disclosure added: one that a person edited, which has no candidate, or
    /// the one of another candidate of the round that began with `prompt`. Nothing is stripped. `recent` contains what was
    /// posted meanwhile.
    ///
    /// # Errors
    /// If the classifier fails, or the generator's own texts cannot be read.
    pub fn judge_body(
        &self,
        body: &str,
        candidate: Option<&Candidate>,
        prompt: &str,
        recent: &Recent,
    ) -> Result<Judged> {
        let own_text = self.gates.near_own_texts(&[body])?.pop().flatten();
        let posted = self.disclosure.with(body);
        let subject = Subject { text: &posted, body, candidate, prompt, own_text: own_text.as_ref() };
        let judged = self.judge_subject(&subject, recent)?;
        let candidate = candidate.cloned().unwrap_or(judged.candidate);
        Ok(Judged { candidate, ..judged })
    }

    fn inspect_with(&self, text: &str, own_text: Option<&OwnText>, recent: &Recent) -> Result<Judged> {
        self.judge_subject(&Subject { text, body: text, candidate: None, prompt: "", own_text }, recent)
    }

    fn judge_subject(&self, subject: &Subject<'_>, recent: &Recent) -> Result<Judged> {
        let body = [subject.body];
        let sentiment = self.classifier.score(&body)?.into_iter().next().unwrap_or_else(|| Sentiment {
            label: String::new(),
            score: 0.0,
            probabilities: std::collections::BTreeMap::new(),
        });
        let mut gates = self.gates.verdicts(subject, recent);
        let (score, verdict) = self.weigh(&sentiment);
        gates.push(verdict);
        let candidate = Candidate::given(subject.body);
        let weighted_length = tweet_text::weighted_length(subject.text);
        let critic = self.reader.probabilities(&body)?.into_iter().next().flatten();
        let ranking = Ranking { critic, ..Ranking::default() };
        Ok(Judged { candidate, text: subject.text.to_owned(), weighted_length, sentiment, score, ranking, gates })
    }

    /// Returns the number by which the candidates that pass are ranked.
    fn rank(&self, score: f32, reading: Option<f32>) -> f32 {
        match (self.rank, reading) {
            (Rank::Sentiment, _) => score,
            (Rank::Critic, reading) => reading.unwrap_or(0.0),
            (Rank::Both, reading) => reading.unwrap_or(0.0) * score,
        }
    }

    /// Returns the sentiment's score, and the verdict on whether it is high enough.
    fn weigh(&self, sentiment: &Sentiment) -> (f32, GateVerdict) {
        let SentimentTarget::Label(wanted) = &self.target else {
            return (sentiment.score, GateVerdict::pass(SENTIMENT_GATE));
        };
        let score = sentiment.probability(wanted);
        let least = self.least_score;
        let verdict = if score >= least {
            GateVerdict::pass(SENTIMENT_GATE)
        } else {
            GateVerdict::new(SENTIMENT_GATE, Verdict::Reject, too_low(wanted, score, least))
        };
        (score, verdict)
    }
}

/// Writes the reason for a score that is too low, with enough digits to show it.
fn too_low(wanted: &str, score: f32, least: f32) -> String {
    let digits = if (score * 100.0).round() < (least * 100.0).round() { 2 } else { 5 };
    format!("{wanted} {score:.digits$} is below sentiment.min_score {least:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_that_is_too_low_never_reads_as_if_it_were_enough() {
        assert_eq!(too_low("positive", 0.42, 0.6), "positive 0.42 is below sentiment.min_score 0.60");
        assert_eq!(too_low("positive", 0.5987, 0.6), "positive 0.59870 is below sentiment.min_score 0.60000");
    }
}
