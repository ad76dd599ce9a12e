//! A sweep: every combination of some decoding settings, written `temperature=0.7,0.9;top_p=0.9,0.95` or as a TOML file of
//! `temperature = [0.7, 0.9]`. Values are kept as text here; the configuration checks them like its own.

use std::path::Path;
use std::str::FromStr;

use anyhow::{Context as _, Result, anyhow, bail, ensure};

/// The settings that a sweep may vary: those of `[generation]` that decide how tokens are chosen.
pub const KNOBS: [&str; 9] = [
    "strategy",
    "temperature",
    "top_k",
    "top_p",
    "min_p",
    "typical_p",
    "repetition_penalty",
    "no_repeat_ngram",
    "max_new_tokens",
];

/// The most combinations; more are probably a mistake.
const MOST: usize = 256;

/// Names of settings, each with the values to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sweep(Vec<(String, Vec<String>)>);

/// One combination: names and values, in the order they were written.
pub type Combination = Vec<(String, String)>;

impl FromStr for Sweep {
    type Err = anyhow::Error;

    /// Parses the text form, or reads the file if the text is a path that ends in `.toml`.
    fn from_str(text: &str) -> Result<Self> {
        let path = Path::new(text);
        let is_file = path.extension().is_some_and(|extension| extension == "toml");
        let knobs = if is_file { read(path).with_context(|| text.to_owned()) } else { parse(text) };
        // clap shows a flag's error without its causes.
        knobs.map(Self).map_err(|error| anyhow!("{error:#}"))
    }
}

impl Sweep {
    /// Returns every combination; the last setting varies fastest.
    #[must_use]
    pub fn combinations(&self) -> Vec<Combination> {
        let mut combinations = vec![Combination::new()];
        for (name, values) in &self.0 {
            let with = |begun: &Combination, value: &String| {
                begun.iter().cloned().chain([(name.clone(), value.clone())]).collect()
            };
            combinations =
                combinations.iter().flat_map(|begun| values.iter().map(move |value| with(begun, value))).collect();
        }
        combinations
    }
}

fn parse(text: &str) -> Result<Vec<(String, Vec<String>)>> {
    let knob = |part: &str| {
        let (name, values) =
            part.split_once('=').with_context(|| format!("{part:?} is neither NAME=VALUE,VALUE,… nor a .toml file"))?;
        let values = values.split(',').map(|value| value.trim().to_owned()).collect();
        Ok((name.trim().replace('-', "_"), values))
    };
    checked(text.split(';').map(str::trim).filter(|part| !part.is_empty()).map(knob).collect::<Result<_>>()?)
}

fn read(path: &Path) -> Result<Vec<(String, Vec<String>)>> {
    let table: toml::Table = std::fs::read_to_string(path).context("cannot be read")?.parse()?;
    let knob = |(name, value): (String, toml::Value)| {
        let values = match value {
            toml::Value::Array(values) => values,
            single => vec![single],
        };
        let values = values.into_iter().map(|value| match value {
            toml::Value::String(text) => Ok(text),
            toml::Value::Integer(_) | toml::Value::Float(_) => Ok(value.to_string()),
            other => bail!("{name}: expected numbers or words, found {other}"),
        });
        Ok((name.clone(), values.collect::<Result<_>>()?))
    };
    checked(table.into_iter().map(knob).collect::<Result<_>>()?)
}

fn checked(knobs: Vec<(String, Vec<String>)>) -> Result<Vec<(String, Vec<String>)>> {
    ensure!(!knobs.is_empty(), "names no setting; write temperature=0.7,0.9;top_p=0.9,0.95");
    let mut seen = std::collections::HashSet::new();
    for (name, values) in &knobs {
        ensure!(KNOBS.contains(&name.as_str()), "{name:?} cannot be swept; choose from {}", KNOBS.join(", "));
        ensure!(seen.insert(name), "{name} is named twice");
        ensure!(!values.is_empty() && values.iter().all(|value| !value.is_empty()), "{name} has an empty value");
    }
    let combinations = knobs.iter().try_fold(1_usize, |all, (_, values)| all.checked_mul(values.len()));
    ensure!(combinations.is_some_and(|all| all <= MOST), "gives more than {MOST} combinations: name fewer values");
    Ok(knobs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(sweep: &Sweep) -> Vec<String> {
        let one = |(name, value): &(String, String)| format!("{name}={value}");
        sweep.combinations().iter().map(|settings| settings.iter().map(one).collect::<Vec<_>>().join(" ")).collect()
    }

    #[test]
    fn every_combination_is_made_from_a_text_and_from_a_file() {
        let expected = [
            "temperature=0.7 top_p=0.9",
            "temperature=0.7 top_p=1",
            "temperature=1.2 top_p=0.9",
            "temperature=1.2 top_p=1",
        ];
        assert_eq!(written(&"temperature=0.7, 1.2; top-p=0.9,1".parse().unwrap()), expected);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sweep.toml");
        std::fs::write(&path, "temperature = [0.7, 1.2]\ntop_p = [0.9, 1]\n").unwrap();
        assert_eq!(written(&path.to_str().unwrap().parse().unwrap()), expected);
        std::fs::write(&path, "strategy = \"greedy\"\n").unwrap();
        assert_eq!(written(&path.to_str().unwrap().parse().unwrap()), ["strategy=greedy"]);
    }

    #[test]
    fn a_sweep_that_says_nothing_is_refused_in_words() {
        for (text, expected) in [
            ("", "names no setting"),
            ("temperature", "is neither NAME=VALUE"),
            ("temperature=0.7;temprature=1", "\"temprature\" cannot be swept; choose from strategy, temperature"),
            ("top_k=1;top_k=2", "top_k is named twice"),
            ("top_k=1,,2", "top_k has an empty value"),
            ("no-such.toml", "no-such.toml: cannot be read: No such file"),
            (&format!("top_k={};top_p=0.1,0.2,0.3", vec!["1"; 100].join(",")), "more than 256"),
        ] {
            let message = text.parse::<Sweep>().unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn a_file_with_something_else_is_refused_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sweep.toml");
        for (content, expected) in [("top_k = true", "top_k: expected numbers or words"), ("top_k = [", "sweep.toml")] {
            std::fs::write(&path, content).unwrap();
            let message = path.to_str().unwrap().parse::<Sweep>().unwrap_err().to_string();
            assert!(message.contains("sweep.toml") && message.contains(expected), "{message}");
        }
    }
}
