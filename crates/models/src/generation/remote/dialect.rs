//! How each server names what OpenAI's `/v1/completions` does not have, and the body of a request.
//!
//! Every field that changes the sampling is sent, also where it is off: vLLM and llama.cpp fill what is missing from the
//! model's own defaults, or from the server's command line.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::super::decoding_settings::{Decoding, Strategy};

/// More tokens than any text here has.
const WHOLE_TEXT: usize = 8_192;

/// Fields that no request does without.
const NEEDED: [&str; 4] = ["model", "prompt", "max_tokens", "temperature"];

/// The software of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Software {
    #[serde(rename = "vLLM")]
    Vllm,
    #[serde(rename = "llama.cpp")]
    LlamaCpp,
    #[serde(rename = "SGLang")]
    Sglang,
    #[serde(rename = "TGI")]
    Tgi,
    /// Anything else that speaks OpenAI's interface.
    #[serde(rename = "unknown")]
    Other,
}

impl Software {
    /// Returns the name as its makers write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Vllm => "vLLM",
            Self::LlamaCpp => "llama.cpp",
            Self::Sglang => "SGLang",
            Self::Tgi => "TGI",
            Self::Other => "unknown software",
        }
    }
}

/// How much of a request a server takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fields {
    /// Everything that its software is known to have.
    All,
    /// Only what OpenAI's own interface has.
    OpenAi,
    /// Only prompt, length, temperature, top-p and seed.
    Least,
}

/// The words that a text begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Prompt {
    Text(String),
    Ids(Vec<u32>),
}

/// What one request asks for.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub prompt: Prompt,
    /// How many texts.
    pub n: usize,
    /// The seed of the first text; those of the others follow it.
    pub seed: u64,
    pub decoding: Decoding,
    /// How many of each token's likeliest alternatives are reported; absent for no probabilities.
    pub logprobs: Option<usize>,
    /// Tokens that must not be written.
    pub banned: Vec<u32>,
    /// Tokens that end a text, where they are known here.
    pub ends: Vec<u32>,
}

/// What a server takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    pub level: Fields,
    /// Fields that it refuses by name.
    pub refused: Vec<String>,
}

impl Taken {
    /// Everything that the software is known to have.
    pub(super) fn everything() -> Self {
        Self { level: Fields::All, refused: Vec::new() }
    }
}

/// Returns the field of a request that a refusal names.
pub(super) fn named_in(message: &str, body: &Value) -> Option<String> {
    let words: Vec<&str> = message.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    let fields = body.as_object().into_iter().flat_map(Map::keys);
    let optional = fields.filter(|name| !NEEDED.contains(&name.as_str()));
    optional.filter(|name| words.contains(&name.as_str())).max_by_key(|name| name.len()).cloned()
}

/// Returns the body of a request.
pub(super) fn body(wanted: &Wanted, software: Software, taken: &Taken, model: Option<&str>) -> Value {
    let mut body = all_fields(wanted, software, taken.level, model);
    body.retain(|name, _| !taken.refused.contains(name));
    Value::Object(body)
}

fn all_fields(wanted: &Wanted, software: Software, fields: Fields, model: Option<&str>) -> Map<String, Value> {
    let decoding = drawn(&wanted.decoding);
    let mut body = Map::new();
    let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
    if let Some(model) = model {
        put("model", json!(model));
    }
    put(
        "prompt",
        match &wanted.prompt {
            Prompt::Text(text) => json!(text),
            Prompt::Ids(ids) => json!(ids),
        },
    );
    put("max_tokens", json!(decoding.max_new_tokens));
    put("temperature", json!(decoding.temperature));
    put("seed", json!(wanted.seed));
    // TGI takes no top_p of 1.
    if software != Software::Tgi || decoding.top_p < 1.0 {
        put("top_p", json!(decoding.top_p));
    }
    if fields == Fields::Least {
        return body;
    }
    put("n", json!(wanted.n));
    put("stream", json!(false));
    put("echo", json!(false));
    put("presence_penalty", json!(0.0));
    put("frequency_penalty", json!(0.0));
    if let Some(logprobs) = wanted.logprobs {
        put("logprobs", json!(logprobs));
    }
    if !wanted.banned.is_empty() {
        let bias = wanted.banned.iter().map(|id| (id.to_string(), json!(-100)));
        put("logit_bias", Value::Object(bias.collect()));
    }
    if fields == Fields::All {
        own_fields(&decoding, &wanted.ends, software).into_iter().for_each(|(name, value)| drop(put(name, value)));
    }
    body
}

/// Returns the settings as a server draws with them: a greedy choice is a temperature of 0, without filters.
fn drawn(decoding: &Decoding) -> Decoding {
    match decoding.strategy {
        Strategy::Sample => decoding.clone(),
        Strategy::Greedy | Strategy::Beam => Decoding {
            temperature: 0.0,
            repetition_penalty: decoding.repetition_penalty,
            ..Decoding::unfiltered(Strategy::Greedy, decoding.max_new_tokens)
        },
    }
}

/// Returns the fields that only this software has.
fn own_fields(decoding: &Decoding, ends: &[u32], software: Software) -> Vec<(&'static str, Value)> {
    let Decoding { top_k, min_p, typical_p, repetition_penalty: penalty, .. } = decoding;
    // 0 means off here; vLLM and SGLang write that as -1.
    let below_one_is_off = if *top_k == 0 { json!(-1) } else { json!(top_k) };
    match software {
        Software::Vllm | Software::Sglang => {
            let mut fields = vec![
                ("top_k", below_one_is_off),
                ("min_p", json!(min_p)),
                ("repetition_penalty", json!(penalty)),
                ("stop_token_ids", json!(ends)),
                ("min_tokens", json!(0)),
                ("ignore_eos", json!(false)),
                ("skip_special_tokens", json!(true)),
            ];
            if software == Software::Vllm {
                // Our ids are complete, and a text prompt is read as it is.
                fields.push(("add_special_tokens", json!(false)));
                fields.push(("return_token_ids", json!(true)));
            }
            fields
        }
        Software::LlamaCpp => vec![
            ("top_k", json!(top_k)),
            ("min_p", json!(min_p)),
            ("typical_p", json!(typical_p)),
            ("repeat_penalty", json!(penalty)),
            // Over the whole text, as everywhere else; newer versions refuse the -1 that once meant this.
            ("repeat_last_n", json!(WHOLE_TEXT)),
            // The order in which they are applied here; its own would put the temperature last.
            ("samplers", json!(["penalties", "temperature", "top_k", "top_p", "min_p", "typ_p"])),
            ("mirostat", json!(0)),
            ("ignore_eos", json!(false)),
            // With it, a text depends on what the slot wrote before.
            ("cache_prompt", json!(false)),
        ],
        Software::Tgi => vec![("repetition_penalty", json!(penalty))],
        Software::Other => {
            let mut fields = vec![
                ("top_k", json!(top_k)),
                ("min_p", json!(min_p)),
                ("repetition_penalty", json!(penalty)),
                ("repeat_penalty", json!(penalty)),
            ];
            if *typical_p < 1.0 {
                fields.push(("typical_p", json!(typical_p)));
            }
            fields
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(decoding: Decoding) -> Wanted {
        let prompt = Prompt::Text("Hoy".to_owned());
        Wanted { prompt, n: 2, seed: 7, decoding, logprobs: Some(1), banned: vec![3], ends: vec![0] }
    }

    #[test]
    fn each_software_gets_its_own_names_and_every_setting_also_where_it_is_off() {
        let off = Decoding::unfiltered(Strategy::Sample, 9);
        let on = Decoding { top_k: 5, min_p: 0.1, typical_p: 0.5, repetition_penalty: 1.3, top_p: 0.9, ..off.clone() };
        let of =
            |decoding: &Decoding, software| body(&wanted(decoding.clone()), software, &Taken::everything(), Some("m"));
        for (software, top_k_off, penalty) in [
            (Software::Vllm, -1, "repetition_penalty"),
            (Software::Sglang, -1, "repetition_penalty"),
            (Software::LlamaCpp, 0, "repeat_penalty"),
            (Software::Other, 0, "repetition_penalty"),
        ] {
            let (off, on) = (of(&off, software), of(&on, software));
            assert_eq!((&off["top_k"], &on["top_k"]), (&json!(top_k_off), &json!(5)), "{software:?}");
            assert_eq!((&off[penalty], &on[penalty]), (&json!(1.0), &json!(1.3)), "{software:?}");
            assert_eq!((&off["min_p"], &on["min_p"]), (&json!(0.0), &json!(0.1)), "{software:?}");
            assert_eq!((&off["top_p"], &off["max_tokens"]), (&json!(1.0), &json!(9)), "{software:?}");
            assert_eq!(on["logit_bias"], json!({"3": -100}));
        }
        assert_eq!(of(&on, Software::LlamaCpp)["typical_p"], json!(0.5));
        let tgi = of(&off, Software::Tgi);
        assert!(tgi.get("top_p").is_none() && of(&on, Software::Tgi)["top_p"] == json!(0.9), "{tgi}");
    }

    #[test]
    fn a_greedy_choice_is_a_temperature_of_0_without_filters() {
        let greedy = Decoding { strategy: Strategy::Greedy, ..Decoding::default() };
        let body = body(&wanted(greedy), Software::Vllm, &Taken::everything(), None);
        let expected = json!([0.0, -1, 0.0, 1.0]);
        assert_eq!(json!([body["temperature"], body["top_k"], body["min_p"], body["top_p"]]), expected);
        assert!(body.get("model").is_none());
    }

    #[test]
    fn a_server_that_refuses_fields_gets_fewer() {
        let names = |fields| {
            let taken = Taken { level: fields, refused: Vec::new() };
            let body = body(&wanted(Decoding::default()), Software::Other, &taken, Some("m"));
            body.as_object().unwrap().keys().cloned().collect::<std::collections::BTreeSet<_>>()
        };
        assert!(!names(Fields::OpenAi).contains("top_k") && names(Fields::OpenAi).contains("logprobs"));
        let least = ["max_tokens", "model", "prompt", "seed", "temperature", "top_p"];
        assert_eq!(names(Fields::Least), least.map(str::to_owned).into());
    }

    #[test]
    fn a_refusal_that_names_a_field_takes_out_that_field_alone() {
        let all = body(&wanted(Decoding::default()), Software::LlamaCpp, &Taken::everything(), Some("m"));
        for (message, expected) in [
            ("Field 'repeat_last_n': Value must be between 0 and 9, but got -1", Some("repeat_last_n")),
            ("Unrecognized request argument supplied: min_p", Some("min_p")),
            ("body.logit_bias: extra fields not permitted", Some("logit_bias")),
            ("the prompt is too long for this model", None),
            ("stopped", None),
        ] {
            assert_eq!(named_in(message, &all).as_deref(), expected, "{message}");
        }
        let taken = Taken { level: Fields::All, refused: vec!["min_p".to_owned()] };
        let less = body(&wanted(Decoding::default()), Software::LlamaCpp, &taken, Some("m"));
        assert_eq!(less.as_object().unwrap().len() + 1, all.as_object().unwrap().len());
        assert!(less.get("min_p").is_none());
    }
}
