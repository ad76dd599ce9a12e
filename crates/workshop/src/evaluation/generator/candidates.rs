//! Measures of generated candidates: how they differ, how they repeat, what the gates say, what they copied.

use anyhow::{Result, ensure};
use serde::Serialize;

use super::bleu::{References, self_bleu};
use super::diversity::Words;
use super::sampling::Sample;
use pregonero_judging::judge::SENTIMENT_GATE;
use pregonero_models::verbatim::VerbatimIndex;
use pregonero_tweet::Verdict;

/// The measures over a number of candidates. Diversity and repetition count only the words after the prompt.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CandidateReport {
    pub candidates: usize,
    /// The mean number of words in a text, without its prompt.
    pub words: f64,
    pub distinct_1: Option<f64>,
    pub distinct_2: Option<f64>,
    pub distinct_3: Option<f64>,
    /// 0 to 100; low means diverse.
    pub self_bleu: Option<f64>,
    /// The share of runs of four words that occur earlier in the same text.
    pub repetition: Option<f64>,
    /// The share that passes every gate and the classifier's threshold: what a round could post by itself.
    pub accepted: f64,
    /// The share that passes every gate, ignoring the classifier's threshold.
    pub passes_rules: f64,
    /// The mean sentiment score.
    pub score: f64,
    /// The verdicts of each gate, in the order of the gates.
    pub gates: Vec<GateShares>,
    /// The share with a run of words from the model's training text, of the shortest length in its index; `None` if
    /// the model ships no index.
    pub verbatim: Option<f64>,
    /// Words in the shortest run that `verbatim` detects.
    pub verbatim_words: Option<usize>,
    /// BLEU of whole texts against the references, 0 to 100, if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bleu: Option<f64>,
    /// Seconds spent on writing them, without judging.
    pub seconds: f64,
}

/// What one gate says of all candidates.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GateShares {
    pub gate: String,
    pub pass: f64,
    pub review: f64,
    pub reject: f64,
}

impl CandidateReport {
    /// Measures `samples`, which took `seconds` to write.
    ///
    /// # Errors
    /// If there are none.
    pub fn new(
        samples: &[Sample],
        verbatim: Option<&VerbatimIndex>,
        references: Option<&References>,
        seconds: f64,
    ) -> Result<Self> {
        ensure!(!samples.is_empty(), "no candidates to measure");
        let own: Vec<&str> = samples.iter().map(Sample::own_words).collect();
        let texts: Vec<&str> = samples.iter().map(|sample| sample.judged.candidate.text.as_str()).collect();
        let words = Words::of(&own);
        let share = |holds: &dyn Fn(&Sample) -> bool| {
            samples.iter().filter(|sample| holds(sample)).count() as f64 / samples.len() as f64
        };
        let passes = |sample: &Sample| {
            sample.judged.gates.iter().all(|gate| gate.verdict == Verdict::Pass || gate.gate == SENTIMENT_GATE)
        };
        Ok(Self {
            candidates: samples.len(),
            words: words.mean_length(),
            distinct_1: words.distinct(1),
            distinct_2: words.distinct(2),
            distinct_3: words.distinct(3),
            self_bleu: self_bleu(&own),
            repetition: words.repeated(),
            accepted: share(&|sample| sample.judged.verdict() == Verdict::Pass),
            passes_rules: share(&passes),
            score: samples.iter().map(|sample| f64::from(sample.judged.score)).sum::<f64>() / samples.len() as f64,
            gates: gate_shares(samples),
            verbatim: verbatim.map(|index| share(&|sample| index.longest_run(&sample.judged.candidate.text).is_some())),
            verbatim_words: verbatim.map(VerbatimIndex::window),
            bleu: references.and_then(|references| references.corpus_bleu(&texts)),
            seconds,
        })
    }
}

fn gate_shares(samples: &[Sample]) -> Vec<GateShares> {
    let names = samples.first().map(|sample| &sample.judged.gates[..]).unwrap_or_default();
    let of_gate = |(place, gate): (usize, &pregonero_tweet::GateVerdict)| {
        let share = |verdict: Verdict| {
            let said = |sample: &&Sample| sample.judged.gates[place].verdict == verdict;
            samples.iter().filter(said).count() as f64 / samples.len() as f64
        };
        GateShares {
            gate: gate.gate.clone(),
            pass: share(Verdict::Pass),
            review: share(Verdict::Review),
            reject: share(Verdict::Reject),
        }
    };
    names.iter().enumerate().map(of_gate).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use pregonero_tweet::{Candidate, GateVerdict, Judged, Ranking, Sentiment};

    fn sample(prompt: &str, text: &str, score: f32, verdicts: [Verdict; 3]) -> Sample {
        let names = ["length", "claims", SENTIMENT_GATE];
        let gates = names.iter().zip(verdicts).map(|(name, verdict)| GateVerdict::new(name, verdict, "")).collect();
        let (candidate, ranking) = (Candidate::given(text), Ranking::default());
        let sentiment = Sentiment { label: "positive".to_owned(), score, probabilities: BTreeMap::new() };
        let judged =
            Judged { candidate, text: format!("{text} 🤖"), weighted_length: 0, sentiment, score, ranking, gates };
        Sample { prompt: prompt.to_owned(), judged }
    }

    fn samples() -> Vec<Sample> {
        use Verdict::{Pass, Reject, Review};
        vec![
            sample(
                "La feria ",
                "La feria empieza hoy en la plaza del pueblo con música y baile",
                0.9,
                [Pass, Pass, Pass],
            ),
            sample("La feria ", "La feria cierra mañana", 0.5, [Pass, Pass, Reject]),
            sample("Hoy", "Hoy llueve", 0.4, [Pass, Review, Pass]),
            sample("Hoy", "Ayer no", 0.2, [Reject, Pass, Reject]),
        ]
    }

    #[test]
    fn shares_are_those_counted_by_hand() {
        let index = VerbatimIndex::build(["empieza hoy en la plaza del pueblo con otra cosa"], 8);
        let report = CandidateReport::new(&samples(), Some(&index), None, 1.5).unwrap();
        assert_eq!((report.candidates, report.accepted, report.passes_rules), (4, 0.25, 0.5));
        assert!((report.score - 0.5).abs() < 1e-6);
        assert_eq!((report.verbatim, report.verbatim_words), (Some(0.25), Some(8)));
        let shares: Vec<(&str, f64, f64, f64)> =
            report.gates.iter().map(|gate| (gate.gate.as_str(), gate.pass, gate.review, gate.reject)).collect();
        assert_eq!(shares, [("length", 0.75, 0.0, 0.25), ("claims", 0.75, 0.25, 0.0), (SENTIMENT_GATE, 0.5, 0.0, 0.5)]);
        // After the prompts: 11, 2, 1 and 2 words; only “la” might come twice, and it occurs once.
        assert_eq!((report.words, report.distinct_1), (4.0, Some(1.0)));
        assert_eq!(report.bleu, None);
    }

    #[test]
    fn bleu_is_of_whole_texts_and_nothing_is_refused() {
        let texts: Vec<String> = samples().iter().map(|sample| sample.judged.candidate.text.clone()).collect();
        let report = CandidateReport::new(&samples(), None, Some(&References::new(&texts)), 0.0).unwrap();
        assert!((report.bleu.unwrap() - 100.0).abs() < 1e-9);
        assert_eq!(report.verbatim, None);
        assert!(CandidateReport::new(&[], None, None, 0.0).is_err());
    }
}
