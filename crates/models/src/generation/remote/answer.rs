//! Reads a server's answer: the texts, why each ended, and what the server says of its tokens.

use serde_json::Value;

/// Token probabilities this close above 1 are rounding.
const ROUNDING: f64 = 1e-3;

/// What a server answered to one request.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Completion {
    /// In the order of their indices.
    pub choices: Vec<Choice>,
    /// How many tokens the server read.
    pub prompt_tokens: Option<usize>,
    /// The server's word for its own version and configuration.
    pub fingerprint: Option<String>,
}

/// One text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Choice {
    pub text: String,
    /// Whether the model ended it.
    pub ended: bool,
    /// Of the tokens that it wrote.
    pub log_probabilities: Option<Vec<f32>>,
    pub token_ids: Option<Vec<u32>>,
    /// The log-probability of the likeliest first token, whether or not it was drawn.
    pub likeliest_first: Option<f32>,
}

/// Reads an answer.
///
/// # Errors
/// A sentence about the part that is missing or of another type, without the server's name.
pub(super) fn read(answer: &Value) -> Result<Completion, String> {
    if let Some(message) = answer["error"]["message"].as_str().or(answer["error"].as_str()) {
        return Err(format!("answers 200, but with an error: {message}"));
    }
    let choices = answer["choices"]
        .as_array()
        .ok_or("its answer has no list of choices: does it speak OpenAI's /v1/completions?")?;
    if choices.is_empty() {
        return Err("its answer has an empty list of choices".to_owned());
    }
    let mut read: Vec<(u64, Choice)> = Vec::with_capacity(choices.len());
    for (place, choice) in choices.iter().enumerate() {
        let index = choice["index"].as_u64().unwrap_or(place as u64);
        read.push((index, read_choice(choice).map_err(|fault| format!("choices[{place}]: {fault}"))?));
    }
    read.sort_by_key(|(index, _)| *index);
    Ok(Completion {
        choices: read.into_iter().map(|(_, choice)| choice).collect(),
        prompt_tokens: answer["usage"]["prompt_tokens"].as_u64().and_then(|count| usize::try_from(count).ok()),
        fingerprint: answer["system_fingerprint"].as_str().filter(|text| !text.is_empty()).map(str::to_owned),
    })
}

fn read_choice(choice: &Value) -> Result<Choice, String> {
    let text = match &choice["text"] {
        Value::String(text) => text.clone(),
        Value::Null if !choice["message"].is_null() => {
            return Err("a chat message where a text was expected: the server must offer /v1/completions".to_owned());
        }
        other => return Err(format!("its text is {}", kind(other))),
    };
    let ended = match &choice["finish_reason"] {
        Value::Null => false,
        Value::String(reason) => ended(reason)?,
        other => return Err(format!("finish_reason is {}", kind(other))),
    };
    let logprobs = &choice["logprobs"];
    Ok(Choice {
        text,
        ended,
        log_probabilities: log_probabilities(logprobs),
        token_ids: token_ids(&choice["token_ids"]).or_else(|| ids_of_content(logprobs)),
        likeliest_first: likeliest_first(logprobs),
    })
}

fn ended(reason: &str) -> Result<bool, String> {
    match reason {
        "stop" | "eos_token" | "stop_sequence" | "eos" => Ok(true),
        "abort" | "error" | "content_filter" | "cancelled" => {
            Err(format!("finish_reason is {reason:?}: the server gave up on the text"))
        }
        // `length`, and words of servers that nobody here has met: the text may end in the middle.
        _ => Ok(false),
    }
}

/// Reads the probabilities in OpenAI's form for completions (a list of numbers) or the one for chats (a list of tokens),
/// which llama.cpp uses for both.
fn log_probabilities(logprobs: &Value) -> Option<Vec<f32>> {
    let numbers: Vec<&Value> = match (&logprobs["token_logprobs"], &logprobs["content"]) {
        (Value::Array(numbers), _) => numbers.iter().collect(),
        (_, Value::Array(tokens)) => tokens.iter().map(|token| &token["logprob"]).collect(),
        _ => return None,
    };
    let read: Option<Vec<f32>> = numbers.into_iter().map(log_probability).collect();
    read.filter(|read| !read.is_empty())
}

fn log_probability(number: &Value) -> Option<f32> {
    number.as_f64().filter(|number| number.is_finite() && *number <= ROUNDING).map(|number| number.min(0.0) as f32)
}

fn likeliest_first(logprobs: &Value) -> Option<f32> {
    let numbers: Vec<f32> = match (&logprobs["top_logprobs"][0], &logprobs["content"][0]["top_logprobs"]) {
        (Value::Object(tokens), _) => tokens.values().filter_map(log_probability).collect(),
        (_, Value::Array(tokens)) => tokens.iter().filter_map(|token| log_probability(&token["logprob"])).collect(),
        _ => return None,
    };
    numbers.into_iter().reduce(f32::max)
}

fn token_ids(list: &Value) -> Option<Vec<u32>> {
    let ids = list.as_array()?.iter().map(|id| id.as_u64().and_then(|id| u32::try_from(id).ok()));
    ids.collect()
}

fn ids_of_content(logprobs: &Value) -> Option<Vec<u32>> {
    let tokens = logprobs["content"].as_array()?.iter();
    tokens.map(|token| token["id"].as_u64().and_then(|id| u32::try_from(id).ok())).collect()
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "missing",
        Value::Bool(_) => "true or false, not a text",
        Value::Number(_) => "a number, not a text",
        Value::String(_) => "a text",
        Value::Array(_) => "a list, not a text",
        Value::Object(_) => "an object, not a text",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn both_forms_of_probabilities_give_the_same_numbers() {
        let list = json!({"choices": [{"text": " a b", "index": 0, "finish_reason": "stop", "token_ids": [5, 6], "logprobs": {
            "tokens": [" a", " b"], "token_logprobs": [-1.5, 0.0001], "top_logprobs": [{" a": -1.5, " c": -0.5}, null]}}],
            "usage": {"prompt_tokens": 3}, "system_fingerprint": "v1"});
        let content = json!({"choices": [{"text": " a b", "index": 0, "finish_reason": "stop", "logprobs": {"content": [
            {"id": 5, "logprob": -1.5, "top_logprobs": [{"logprob": -0.5}, {"logprob": -1.5}]},
            {"id": 6, "logprob": 0.0, "top_logprobs": []}]}}],
            "usage": {"prompt_tokens": 3}, "system_fingerprint": "v1"});
        let found = read(&list).unwrap();
        assert_eq!(found, read(&content).unwrap());
        let choice = &found.choices[0];
        assert_eq!((choice.ended, choice.likeliest_first), (true, Some(-0.5)));
        assert_eq!(choice.log_probabilities.as_deref(), Some(&[-1.5, 0.0][..]));
        assert_eq!(choice.token_ids.as_deref(), Some(&[5, 6][..]));
        assert_eq!((found.prompt_tokens, found.fingerprint.as_deref()), (Some(3), Some("v1")));
    }

    #[test]
    fn choices_are_put_in_the_order_of_their_indices() {
        let answer =
            json!({"choices": [{"text": "b", "index": 1, "finish_reason": "length"}, {"text": "a", "index": 0}]});
        let texts: Vec<_> =
            read(&answer).unwrap().choices.into_iter().map(|choice| (choice.text, choice.ended)).collect();
        assert_eq!(texts, [("a".to_owned(), false), ("b".to_owned(), false)]);
    }

    #[test]
    fn probabilities_that_are_none_are_left_out() {
        for logprobs in [
            json!(null),
            json!({}),
            json!({"token_logprobs": []}),
            json!({"token_logprobs": [-1.0, null]}),
            json!({"token_logprobs": [2.0]}),
            json!({"token_logprobs": ["-1"]}),
            json!({"content": [{"token": "a"}]}),
            json!({"content": 3}),
        ] {
            let answer = json!({"choices": [{"text": "a", "logprobs": logprobs}]});
            assert_eq!(read(&answer).unwrap().choices[0].log_probabilities, None, "{answer}");
        }
    }

    #[test]
    fn what_is_no_completion_is_refused_with_the_part_that_is_wrong() {
        for (answer, expected) in [
            (json!({}), "no list of choices"),
            (json!([1]), "no list of choices"),
            (json!({"choices": []}), "an empty list of choices"),
            (json!({"choices": {"text": "a"}}), "no list of choices"),
            (json!({"choices": [{"text": 3}]}), "choices[0]: its text is a number"),
            (json!({"choices": [{"text": "a"}, {"index": 1}]}), "choices[1]: its text is missing"),
            (json!({"choices": [{"message": {"content": "a"}}]}), "a chat message where a text was expected"),
            (json!({"choices": [{"text": "a", "finish_reason": 3}]}), "finish_reason is a number"),
            (json!({"choices": [{"text": "a", "finish_reason": "abort"}]}), "the server gave up on the text"),
            (json!({"error": {"message": "no such thing"}}), "with an error: no such thing"),
        ] {
            let message = read(&answer).unwrap_err();
            assert!(message.contains(expected), "{message}");
        }
    }
}
