//! The section `[schedule]`: its keys, their defaults and their checks.

use std::time::Duration;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use pregonero_settings::{Checker, DAY, nearest};
use serde::{Deserialize, Serialize};

use super::CronExpression;

/// The keys of `[schedule]` as the file writes them, with their defaults.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScheduleKeys {
    pub cron: Vec<String>,
    pub timezone: String,
    pub jitter: String,
    pub misfire: String,
    pub grace: String,
    pub quiet_hours: Vec<String>,
}

impl Default for ScheduleKeys {
    fn default() -> Self {
        Self {
            cron: vec!["0 9,13,18 * * *".into()],
            timezone: "America/Bogota".into(),
            jitter: "10m".into(),
            misfire: "skip".into(),
            grace: "5m".into(),
            quiet_hours: vec!["22:00-07:00".into()],
        }
    }
}

impl ScheduleKeys {
    /// Returns the settings, each key parsed and in range, or `None` after reporting a fault to `checker`.
    #[must_use]
    pub fn check(&self, checker: &mut Checker<'_>) -> Option<ScheduleSettings> {
        let cron = cron(checker, &self.cron);
        let timezone = checker.keep("schedule.timezone", timezone(&self.timezone));
        let jitter = checker.duration("schedule.jitter", &self.jitter, Duration::ZERO, DAY);
        let misfire = checker.choice("schedule.misfire", &self.misfire, &MISFIRES);
        let grace = checker.duration("schedule.grace", &self.grace, Duration::ZERO, DAY);
        let quiet_hours = quiet_spans(checker, &self.quiet_hours);
        Some(ScheduleSettings {
            cron: cron?,
            timezone: timezone?,
            timezone_name: self.timezone.clone(),
            jitter: jitter?,
            misfire: misfire?,
            grace: grace?,
            quiet_hours: quiet_hours?,
        })
    }
}

#[derive(Debug, Clone)]
pub struct ScheduleSettings {
    pub cron: Vec<CronExpression>,
    pub timezone: TimeZone,
    /// The name as the file has it, for messages.
    pub timezone_name: String,
    /// A slot is delayed by a random time from 0 to this.
    pub jitter: Duration,
    pub misfire: Misfire,
    /// A slot that is at most this late is served normally; after that it counts as missed.
    pub grace: Duration,
    pub quiet_hours: Vec<QuietHours>,
}

/// What happens to slots that passed while the machine was down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Misfire {
    /// They are recorded as missed.
    Skip,
    /// The last of them is served once, immediately.
    Once,
}

/// A daily span of civil time in which nothing is posted; if `from > to`, it extends past midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuietHours {
    pub from: Time,
    pub to: Time,
}

impl QuietHours {
    /// Returns whether a wall-clock `time` is in the span; `to` itself is not.
    #[must_use]
    pub fn contains(self, time: Time) -> bool {
        if self.from <= self.to { self.from <= time && time < self.to } else { self.from <= time || time < self.to }
    }
}

const MISFIRES: [(&str, Misfire); 2] = [("skip", Misfire::Skip), ("once", Misfire::Once)];

fn cron(checker: &mut Checker<'_>, found: &[String]) -> Option<Vec<CronExpression>> {
    if found.is_empty() {
        checker.fault("schedule.cron", "expected at least one cron expression, found an empty list");
        return None;
    }
    let parse = |text: &String| CronExpression::parse(text).map_err(|error| error.to_string());
    checker.each("schedule.cron", found, parse)
}

fn quiet_spans(checker: &mut Checker<'_>, found: &[String]) -> Option<Vec<QuietHours>> {
    let spans = checker.each("schedule.quiet_hours", found, |text| quiet_hours(text))?;
    let edges = spans.iter().flat_map(|span| [span.from, span.to]);
    let leaves_time = spans.is_empty() || edges.into_iter().any(|edge| spans.iter().all(|span| !span.contains(edge)));
    if !leaves_time {
        checker.fault("schedule.quiet_hours", "together they cover the whole day, so nothing would ever be posted");
        return None;
    }
    Some(spans)
}

fn timezone(found: &str) -> Result<TimeZone, String> {
    TimeZone::get(found).map_err(|_| {
        let known: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
        match nearest(found, known.iter().map(String::as_str)) {
            Some(near) => format!("unknown time zone {found:?}; the nearest known one is {near}"),
            None => format!("unknown time zone {found:?}"),
        }
    })
}

/// Parses a span such as `22:00-07:00`.
fn quiet_hours(found: &str) -> Result<QuietHours, String> {
    let wrong = || format!("expected a span of the day such as \"22:00-07:00\", found {found:?}");
    let (from, to) = found.split_once('-').ok_or_else(wrong)?;
    let (from, to) = (time_of_day(from).ok_or_else(wrong)?, time_of_day(to).ok_or_else(wrong)?);
    if from == to {
        return Err(format!("expected a span whose end differs from its beginning, found {found:?}"));
    }
    Ok(QuietHours { from, to })
}

/// Parses `HH:MM`; 24:00 is the midnight at the end of the day.
fn time_of_day(text: &str) -> Option<Time> {
    let (hour, minute) = text.trim().split_once(':')?;
    let digits = |part: &str| (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(hour) || !digits(minute) || minute.len() != 2 {
        return None;
    }
    match (hour.parse().ok()?, minute.parse().ok()?) {
        (24, 0) => Some(Time::midnight()),
        (hour, minute) => Time::new(hour, minute, 0, 0).ok(),
    }
}
