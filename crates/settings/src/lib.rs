//! The checker for the sections of `config.toml`. Each module owns its section: the keys with their defaults, the
//! settings that they become, and a `check` between the two that reports to a [`Checker`]. Knows no other crate of
//! the project.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub mod place;

/// The origin of a value that nobody wrote.
pub const DEFAULT_ORIGIN: &str = "default";

pub const SECOND: Duration = Duration::from_secs(1);
pub const MINUTE: Duration = Duration::from_secs(60);
pub const DAY: Duration = Duration::from_secs(24 * 3600);

/// One mistake in the configuration, with the place where it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// `config.toml:12`, `PREGONERO__GENERATION__TOP_K`, `--top-k` or `default`.
    pub origin: String,
    /// `generation.top_k`, `seed_prompts[2].weight`; empty if the fault is not about one key.
    pub key: String,
    /// What was expected and what was found.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.key.is_empty() {
            write!(f, "{}: {}", self.origin, self.message)
        } else {
            write!(f, "{}: {}: {}", self.origin, self.key, self.message)
        }
    }
}

/// Collects the faults of one configuration while it is checked.
#[derive(Debug)]
pub struct Checker<'a> {
    /// The configuration's file: relative paths are relative to its folder.
    pub file: &'a Path,
    /// Where each key, list item and prompt field was written.
    pub origins: &'a BTreeMap<String, String>,
    pub faults: Vec<Fault>,
    pub warnings: Vec<String>,
}

impl Checker<'_> {
    /// Reports a fault of the key, with the place where it was written.
    pub fn fault(&mut self, key: &str, message: impl Into<String>) {
        let origin = self.origins.get(key).cloned().unwrap_or_else(|| DEFAULT_ORIGIN.to_owned());
        self.faults.push(Fault { origin, key: key.to_owned(), message: message.into() });
    }

    /// Returns a checked value; an error becomes a fault of the key.
    pub fn keep<T>(&mut self, key: &str, checked: Result<T, String>) -> Option<T> {
        checked.map_err(|message| self.fault(key, message)).ok()
    }

    /// Returns the choice that a word stands for; a fault names the words allowed and the nearest one.
    pub fn choice<T: Copy>(&mut self, key: &str, found: &str, choices: &[(&str, T)]) -> Option<T> {
        if let Some((_, choice)) = choices.iter().find(|(word, _)| *word == found) {
            return Some(*choice);
        }
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        let near = in_brackets(nearest(found, words.iter().copied()));
        self.fault(key, format!("expected {}, found {found:?}{near}", words.join(" | ")));
        None
    }

    /// Returns a whole number within bounds, in the integer type that the settings use.
    pub fn whole<T: TryFrom<u64>>(&mut self, key: &str, found: u64, least: u64, greatest: u64) -> Option<T> {
        if (least..=greatest).contains(&found)
            && let Ok(value) = T::try_from(found)
        {
            return Some(value);
        }
        self.fault(key, format!("expected a whole number from {least} to {greatest}, found {found}"));
        None
    }

    /// Returns a number that is finite and satisfies `fits`; `expected` describes such numbers in words.
    pub fn number(&mut self, key: &str, found: f64, fits: impl Fn(f64) -> bool, expected: &str) -> Option<f64> {
        if found.is_finite() && fits(found) {
            return Some(found);
        }
        self.fault(key, format!("expected a number {expected}, found {found}"));
        None
    }

    /// Returns a duration within bounds, from text such as `90s` or `1h30m`.
    pub fn duration(&mut self, key: &str, found: &str, least: Duration, greatest: Duration) -> Option<Duration> {
        self.keep(key, duration_between(found, least, greatest))
    }

    /// Returns a path that is not empty, resolved against the folder of the configuration file.
    pub fn path(&mut self, key: &str, found: &str) -> Option<PathBuf> {
        if found.trim().is_empty() {
            self.fault(key, "expected a path, found an empty text");
            return None;
        }
        self.keep(key, place::refuse_home(found))?;
        Some(self.resolved(key, PathBuf::from(found)))
    }

    /// Returns a path as the file names it, relative to its folder. A path from a flag is relative to the working
    /// folder.
    #[must_use]
    pub fn resolved(&self, key: &str, path: PathBuf) -> PathBuf {
        let is_flag = self.origins.get(key).is_some_and(|origin| origin.starts_with('-'));
        if is_flag { path } else { place::resolve(self.file, &path) }
    }

    /// Checks and returns every item of a list; a fault names the item's place, as in `schedule.cron[1]`.
    pub fn each<T>(
        &mut self,
        key: &str,
        found: &[String],
        check: impl Fn(&String) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        let checked: Vec<Option<T>> =
            found.iter().enumerate().map(|(place, text)| self.keep(&format!("{key}[{place}]"), check(text))).collect();
        checked.into_iter().collect()
    }
}

/// Returns the known key nearest to `path`; one of the same name in another section counts as near. Returns `None` if
/// no key is near enough to have been meant: more than half of its letters would have to change.
#[must_use]
pub fn nearest<'a>(path: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |candidate: &str| {
        let whole = strsim::damerau_levenshtein(path, candidate);
        let names = strsim::damerau_levenshtein(last(path), last(candidate));
        whole.min(names + 1)
    };
    let near = known.into_iter().min_by_key(|candidate| distance(candidate))?;
    (distance(near) * 2 <= last(path).chars().count()).then_some(near)
}

fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

/// Returns whether a number is from 0 to 1.
#[must_use]
pub fn is_share(number: f64) -> bool {
    (0.0..=1.0).contains(&number)
}

/// Returns ` (nearest: WORD)` for the end of a message, or nothing if there is no such word.
#[must_use]
pub fn in_brackets(near: Option<&str>) -> String {
    near.map(|near| format!(" (nearest: {near})")).unwrap_or_default()
}

/// Converts dollars to millionths, so that sums of prices are exact.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "prices and budgets are far inside the range of i64")]
pub fn micros(dollars: f64) -> i64 {
    (dollars * 1e6).round() as i64
}

/// Parses a duration: `90s`, `10m`, `1h30m`, `48h`, `2d`.
fn duration(found: &str) -> Result<Duration, String> {
    let wrong = || format!("expected a duration such as \"90s\", \"10m\", \"48h\" or \"2d\", found {found:?}");
    let mut rest = found.trim();
    let mut seconds: u64 = 0;
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (count, tail) = rest.split_at(unit_at);
        let unit = tail.chars().next().ok_or_else(wrong)?;
        let length = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            _ => return Err(wrong()),
        };
        let count: u64 = count.parse().map_err(|_| wrong())?;
        seconds = count.checked_mul(length).and_then(|part| seconds.checked_add(part)).ok_or_else(wrong)?;
        rest = tail[unit.len_utf8()..].trim_start();
    }
    Ok(Duration::from_secs(seconds))
}

/// Parses a duration that must be within bounds.
///
/// # Errors
/// A message that says what was expected and what was found.
pub fn duration_between(found: &str, least: Duration, greatest: Duration) -> Result<Duration, String> {
    let parsed = duration(found)?;
    if (least..=greatest).contains(&parsed) {
        return Ok(parsed);
    }
    Err(format!("expected a duration from {} to {}, found {found:?}", in_units(least), in_units(greatest)))
}

/// Formats a duration so that [`duration`] can parse it, in the largest unit that is exact.
fn in_units(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match [(86_400, 'd'), (3600, 'h'), (60, 'm')]
        .into_iter()
        .find(|(unit, _)| seconds > 0 && seconds.is_multiple_of(*unit))
    {
        Some((unit, letter)) => format!("{}{letter}", seconds / unit),
        None => format!("{seconds}s"),
    }
}
