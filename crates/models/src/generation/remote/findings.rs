//! What a probe found out about a server: which settings it follows, whether it can repeat itself, and what it says of
//! its tokens.

use serde::{Deserialize, Serialize};

use super::super::decoding_settings::{Decoding, Strategy};
use super::dialect::{Software, Taken};

/// Whether a server follows a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Follows {
    Yes,
    No,
    /// The probe could not tell.
    Unknown,
}

impl Follows {
    pub(super) fn of(shown: bool) -> Self {
        if shown { Self::Yes } else { Self::No }
    }
}

/// Where the likelihood of a text comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Likelihoods {
    /// The server reports the model's own probabilities.
    Own,
    /// It reports them as they are after temperature or filters, which says little about the text.
    Changed,
    /// It reports none.
    None,
    /// The probe could not tell.
    Unknown,
}

/// What is known of a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Findings {
    pub software: Software,
    pub version: Option<String>,
    /// The server's word for its version and configuration (`system_fingerprint`).
    pub fingerprint: Option<String>,
    /// The name that the model has there.
    pub model: String,
    /// The greatest number of tokens in prompt and continuation together, if the server says so.
    pub context: Option<usize>,
    pub taken: Taken,
    /// How many texts one request may ask for.
    pub texts_a_request: usize,
    /// How many requests the server works on at the same time, if it says so; more would wait and time out.
    #[serde(default)]
    pub requests_at_once: Option<usize>,
    /// Whether the same seed gives the same text.
    pub seed: Follows,
    pub top_k: Follows,
    pub top_p: Follows,
    pub min_p: Follows,
    pub typical_p: Follows,
    pub repetition_penalty: Follows,
    /// Whether tokens can be forbidden.
    pub logit_bias: Follows,
    /// Whether a prompt can be given as token ids.
    pub token_ids: Follows,
    pub likelihoods: Likelihoods,
    /// How many tokens the server puts before a text prompt, as far as both counts are known.
    pub tokens_before: Option<i64>,
    /// Whether the server left a question open, because it was busy, away or too slow.
    #[serde(default)]
    pub unanswered: bool,
}

impl Findings {
    /// Returns the settings in force that the server does not follow, as the configuration names them.
    #[must_use]
    pub fn ignored(&self, decoding: &Decoding) -> Vec<&'static str> {
        let is_drawn = decoding.strategy == Strategy::Sample;
        let settings = [
            ("the seed", is_drawn, self.seed),
            ("top_k", is_drawn && decoding.top_k > 0, self.top_k),
            ("top_p", is_drawn && decoding.top_p < 1.0, self.top_p),
            ("min_p", is_drawn && decoding.min_p > 0.0, self.min_p),
            ("typical_p", is_drawn && decoding.typical_p < 1.0, self.typical_p),
            ("repetition_penalty", decoding.repetition_penalty > 1.0, self.repetition_penalty),
            ("no_repeat_ngram", decoding.no_repeat_ngram > 0, Follows::No),
        ];
        let ignored = settings.into_iter().filter(|(_, on, follows)| *on && *follows == Follows::No);
        ignored.map(|(name, ..)| name).collect()
    }

    /// Returns the software with its version, for messages.
    #[must_use]
    pub fn software_in_words(&self) -> String {
        let version = self.version.as_ref().or(self.fingerprint.as_ref());
        let name = self.software.as_str();
        version.map_or_else(|| name.to_owned(), |version| format!("{name} {version}"))
    }

    /// Returns what an operator should know about texts of this server, one sentence each.
    #[must_use]
    pub fn in_words(&self, decoding: &Decoding) -> Vec<String> {
        let mut said = Vec::new();
        let ignored = self.ignored(decoding);
        if !ignored.is_empty() {
            said.push(format!("it ignores {}", ignored.join(", ")));
        }
        match self.likelihoods {
            Likelihoods::Own => {}
            Likelihoods::Changed => said.push(
                "its probabilities are those after the temperature, so candidates are ranked by sentiment alone"
                    .to_owned(),
            ),
            Likelihoods::None => {
                said.push("it reports no probabilities, so candidates are ranked by sentiment alone".to_owned());
            }
            Likelihoods::Unknown => said.push(
                "whether its probabilities are the model's own is not known, so candidates are ranked by sentiment alone"
                    .to_owned(),
            ),
        }
        if self.unanswered {
            said.push("it was busy or too slow for some questions, which are asked again".to_owned());
        } else if self.texts_a_request == 1 {
            said.push("it writes one text a request".to_owned());
        }
        if let Some(count) = self.tokens_before.filter(|count| *count != 0) {
            said.push(tokens_in_words(count));
        }
        if self.has_other_tokenizer() {
            said.push(
                "so engine.files are not the files of its model: prompts are sent as text, without attributes"
                    .to_owned(),
            );
        } else if self.token_ids == Follows::No {
            said.push("it takes no token ids, so prompts are sent as text".to_owned());
        }
        said
    }

    /// Returns whether the server reads text with another tokenizer than the one that is known here. One token more is the
    /// start token that many servers put before a text.
    #[must_use]
    pub fn has_other_tokenizer(&self) -> bool {
        self.tokens_before.is_some_and(|count| !(0..=1).contains(&count))
    }

    /// Returns whether a recorded text can be expected to come again.
    #[must_use]
    pub fn can_repeat(&self, decoding: &Decoding) -> bool {
        decoding.strategy != Strategy::Sample || self.seed != Follows::No
    }
}

/// Returns how many tokens more or fewer than the tokenizer here the server counts.
fn tokens_in_words(count: i64) -> String {
    let many = count.unsigned_abs();
    let tokens = if many == 1 { "token" } else { "tokens" };
    let more = if count > 0 { "more" } else { "fewer" };
    format!("it reads a text prompt as {many} {more} {tokens} than the tokenizer here")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Returns the findings about a server that follows everything.
    pub fn obedient() -> Findings {
        Findings {
            software: Software::Vllm,
            version: Some("0.30".to_owned()),
            fingerprint: None,
            model: "m".to_owned(),
            context: None,
            taken: Taken::everything(),
            texts_a_request: 8,
            requests_at_once: None,
            seed: Follows::Yes,
            top_k: Follows::Yes,
            top_p: Follows::Yes,
            min_p: Follows::Yes,
            typical_p: Follows::No,
            repetition_penalty: Follows::Yes,
            logit_bias: Follows::Yes,
            token_ids: Follows::Yes,
            likelihoods: Likelihoods::Own,
            tokens_before: Some(0),
            unanswered: false,
        }
    }

    #[test]
    fn only_settings_that_are_on_count_as_ignored() {
        let decoding = Decoding { no_repeat_ngram: 0, ..Decoding::default() };
        assert_eq!(obedient().ignored(&decoding), [""; 0]);
        assert_eq!(obedient().in_words(&decoding), [""; 0]);
        let typical = Decoding { typical_p: 0.9, no_repeat_ngram: 4, ..decoding.clone() };
        assert_eq!(obedient().ignored(&typical), ["typical_p", "no_repeat_ngram"]);
        let greedy = Decoding { strategy: Strategy::Greedy, ..typical };
        let forgetful = Findings { seed: Follows::No, top_k: Follows::Unknown, ..obedient() };
        assert_eq!(forgetful.ignored(&greedy), ["no_repeat_ngram"]);
        assert_eq!(forgetful.ignored(&decoding), ["the seed"]);
        assert!(forgetful.can_repeat(&greedy) && !forgetful.can_repeat(&decoding));
    }

    #[test]
    fn what_a_busy_server_left_open_is_told_as_open() {
        let open = Findings { texts_a_request: 1, likelihoods: Likelihoods::Unknown, unanswered: true, ..obedient() };
        let said = open.in_words(&Decoding { no_repeat_ngram: 0, ..Decoding::default() }).join("; ");
        assert!(said.contains("is not known") && said.contains("asked again"), "{said}");
        assert!(!said.contains("one text a request") && !said.contains("after the temperature"), "{said}");
    }

    #[test]
    fn a_start_token_is_no_other_tokenizer_and_fewer_tokens_are() {
        for (count, differs, words) in [
            (Some(0), false, ""),
            (Some(1), false, "1 more token than"),
            (Some(2), true, "2 more tokens than"),
            (Some(-1), true, "1 fewer token than"),
            (Some(-3), true, "3 fewer tokens than"),
            (None, false, ""),
        ] {
            let found = Findings { tokens_before: count, ..obedient() };
            let said = found.in_words(&Decoding { no_repeat_ngram: 0, ..Decoding::default() }).join("; ");
            assert_eq!(found.has_other_tokenizer(), differs, "{count:?}");
            assert!(said.contains(words) && said.contains("not the files of its model") == differs, "{said}");
        }
    }
}
