//! The list `[[seed_prompts]]`: its keys, their defaults and their checks.

use std::collections::BTreeMap;

use pregonero_settings::{Checker, DEFAULT_ORIGIN};
use pregonero_text::characters::tidy;
use pregonero_text::tweet_text::{self, Entity};
use pregonero_tweet::SeedPrompt;
use serde::{Deserialize, Serialize};

use pregonero_models::generation::GenerationSettings;

/// The list `[[seed_prompts]]` as the file writes it, with its default.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SeedPromptsKeys(pub Vec<SeedPromptKeys>);

impl Default for SeedPromptsKeys {
    fn default() -> Self {
        let prompt = |(text, theme): (&str, Option<&str>)| SeedPromptKeys {
            text: text.into(),
            attributes: theme.map(|theme| ("TEMA".to_owned(), theme.to_owned())).into_iter().collect(),
            ..SeedPromptKeys::default()
        };
        let openings = [
            ("Me parece", "mayores"),
            ("En el día de hoy, ", "refuerzo"),
            ("El covid", "prevencion"),
            ("La vacuna", "personal de salud"),
            ("En Colombia", "infancia"),
        ];
        let themed = openings.into_iter().flat_map(|(text, theme)| [(text, None), (text, Some(theme))]);
        let others = ["Cuando", "Gracias a", "Para cuidar", "Quien", "Si", "Las vacunas"].map(|text| (text, None));
        Self(themed.chain(others).map(prompt).collect())
    }
}

/// The keys of one seed prompt.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SeedPromptKeys {
    pub text: String,
    pub weight: u64,
    pub attributes: BTreeMap<String, String>,
}

impl Default for SeedPromptKeys {
    fn default() -> Self {
        Self { text: String::new(), weight: 1, attributes: BTreeMap::new() }
    }
}

impl SeedPromptsKeys {
    /// Returns the seed prompts, at least one, or `None` after reporting a fault to `checker`.
    ///
    /// The default prompts use attributes that the built-in generator knows. With another generator, which may know none of
    /// them, the default prompts have no attributes.
    #[must_use]
    pub fn check(&self, checker: &mut Checker<'_>, generation: Option<&GenerationSettings>) -> Option<Vec<SeedPrompt>> {
        let prompts = self.written(checker)?;
        let is_written = checker.origins.get("seed_prompts").is_some_and(|origin| origin != DEFAULT_ORIGIN);
        if is_written || generation.is_none_or(|settings| settings.model.is_built_in()) {
            return Some(prompts);
        }
        Some(prompts.into_iter().map(|prompt| SeedPrompt { attributes: BTreeMap::new(), ..prompt }).collect())
    }

    fn written(&self, checker: &mut Checker<'_>) -> Option<Vec<SeedPrompt>> {
        let found = &self.0;
        if found.is_empty() {
            checker.fault("seed_prompts", "expected at least one [[seed_prompts]], found an empty list");
            return None;
        }
        let mut prompts = Vec::with_capacity(found.len());
        for (place, prompt) in found.iter().enumerate() {
            let weight = checker.whole(&format!("seed_prompts[{place}].weight"), prompt.weight, 0, 1_000_000);
            if prompt.text.chars().count() > 280 {
                let key = format!("seed_prompts[{place}].text");
                checker.fault(&key, format!("expected at most 280 characters, found {}", prompt.text.chars().count()));
            }
            let text = tidy(&prompt.text);
            if text != prompt.text {
                warn_of_marks(checker, place, &prompt.text, &text);
            }
            if let Err(message) = blanks(&text) {
                checker.fault(&format!("seed_prompts[{place}].text"), message);
            }
            warn_of_an_open_end(checker, place, &text);
            prompts.push(weight.map(|weight| SeedPrompt {
                text: text.into_owned(),
                weight,
                attributes: prompt.attributes.clone(),
            }));
        }
        let prompts: Vec<SeedPrompt> = prompts.into_iter().collect::<Option<_>>()?;
        if prompts.iter().all(|prompt| prompt.weight == 0) {
            checker.fault(
                "seed_prompts",
                "every prompt has weight = 0 and is switched off, so nothing would ever be written",
            );
            return None;
        }
        Some(prompts)
    }
}

fn warn_of_marks(checker: &mut Checker<'_>, place: usize, found: &str, tidied: &str) {
    let key = format!("seed_prompts[{place}].text");
    let origin = checker.origins.get(&key).map_or(DEFAULT_ORIGIN, String::as_str);
    checker.warnings.push(format!(
        "{origin}: {key}: \"{}\" is read as {tidied:?} with {} characters instead of {}: the training texts use composed \
         letters (NFC) and no zero-width characters",
        found.escape_default(),
        tidied.chars().count(),
        found.chars().count()
    ));
}

/// Warns of a prompt whose last word the model could make longer, so that it is another link or hashtag: `#feria` may become
/// `#feriados`.
fn warn_of_an_open_end(checker: &mut Checker<'_>, place: usize, text: &str) {
    let read = tweet_text::parse(text);
    let kinds = [
        ("a link", &read.urls),
        ("a mention", &read.mentions),
        ("a hashtag", &read.hashtags),
        ("a cashtag", &read.cashtags),
    ];
    let last = |entities: &[Entity]| entities.last().filter(|last| last.range.end == read.text.len()).cloned();
    let Some((kind, entity)) = kinds.into_iter().find_map(|(kind, entities)| Some((kind, last(entities)?))) else {
        return;
    };
    let key = format!("seed_prompts[{place}].text");
    let origin = checker.origins.get(&key).map_or(DEFAULT_ORIGIN, String::as_str);
    checker.warnings.push(format!(
        "{origin}: {key}: it ends in {kind}, {:?}, which the model may make longer: put a space or a word after it",
        entity.text
    ));
}

/// Refuses blanks that X would strip or that no model was trained on. One space at the end is part of the prompt.
fn blanks(prompt: &str) -> Result<(), String> {
    if !prompt.is_empty() && prompt.trim().is_empty() {
        return Err("expected words, found blanks alone; write \"\" to begin with nothing".to_owned());
    }
    if prompt.starts_with(char::is_whitespace) {
        return Err(format!("expected no blank at the beginning, found {prompt:?}"));
    }
    let is_double = |pair: &[char]| pair.iter().all(|character| character.is_whitespace() && *character != '\n');
    let characters: Vec<char> = prompt.chars().collect();
    if characters.windows(2).any(is_double) {
        return Err(format!("expected single blanks between words, found {prompt:?}"));
    }
    Ok(())
}
