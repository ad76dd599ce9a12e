//! The list of rounds and posts, with the filters of `history list`.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde::Deserialize;

use super::{Answer, html};
use crate::admin::Page;
use crate::admin::ask::Ask;
use pregonero_store::{HistoryEntry, HistoryFilter, HistoryState, PostState, RoundId, RoundOutcome};

/// How many lines a page of the list has.
const LINES: u32 = 50;

/// The filters as the form sends them. A field that cannot be read filters nothing, and is named on the page.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Fields {
    text: String,
    candidates: String,
    since: String,
    until: String,
    prompt: String,
    state: String,
    score: String,
    model: String,
    before: String,
}

#[derive(Template)]
#[template(path = "history.html")]
struct HistoryPage<'a> {
    ask: &'a Ask,
    fields: &'a Fields,
    /// Fields whose contents were ignored.
    ignored: Vec<&'a str>,
    states: Vec<&'static str>,
    prompts: Vec<String>,
    entries: Vec<HistoryEntry>,
    /// The query of the next page, if there is one.
    next: Option<String>,
}

/// The page.
pub async fn list(State(page): State<Arc<Page>>, ask: Ask, Query(fields): Query<Fields>) -> Answer {
    let app = page.app();
    let (filter, ignored) = filter(&fields, &app.settings.schedule.timezone);
    let entries = app.store.history_filtered(&filter).await?;
    let is_full = entries.len() == LINES as usize;
    let next = entries.last().filter(|_| is_full).map(|last| fields.query(last.id));
    let mut prompts: Vec<String> = app.settings.seed_prompts.iter().map(|prompt| prompt.text.clone()).collect();
    prompts.sort();
    prompts.dedup();
    let states = PostState::ALL.iter().map(|state| state.as_str());
    let states =
        states.chain(RoundOutcome::ALL.iter().filter(|one| **one != RoundOutcome::Chosen).map(|one| one.as_str()));
    let states = states.collect();
    html(&HistoryPage { ask: &ask, fields: &fields, ignored, states, prompts, entries, next })
}

impl Fields {
    /// Returns the query of the page that begins after this round.
    fn query(&self, before: RoundId) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let fields = [
            ("text", &self.text),
            ("candidates", &self.candidates),
            ("since", &self.since),
            ("until", &self.until),
            ("prompt", &self.prompt),
            ("state", &self.state),
            ("score", &self.score),
            ("model", &self.model),
        ];
        for (name, value) in fields.into_iter().filter(|(_, value)| !value.is_empty()) {
            query.append_pair(name, value);
        }
        query.append_pair("before", &before.to_string()).finish()
    }
}

/// Returns the filter, and the fields that cannot be read.
fn filter<'a>(fields: &Fields, zone: &TimeZone) -> (HistoryFilter, Vec<&'a str>) {
    let mut ignored = Vec::new();
    let text = |field: &String| Some(field.trim().to_owned()).filter(|text| !text.is_empty());
    let mut parsed = |name, field: &str, days: i64| {
        let day = (!field.is_empty()).then(|| day(field, days, zone));
        if day == Some(None) {
            ignored.push(name);
        }
        day.flatten()
    };
    let (since, until) = (parsed("since", &fields.since, 0), parsed("until", &fields.until, 1));
    let states = match state_of(&fields.state) {
        None if !fields.state.is_empty() => {
            ignored.push("state");
            Vec::new()
        }
        state => state.into_iter().collect(),
    };
    let score: Option<f64> = fields.score.trim().replace(',', ".").parse().ok().filter(|score: &f64| score.is_finite());
    if score.is_none() && !fields.score.trim().is_empty() {
        ignored.push("score");
    }
    let before = fields.before.parse().ok().map(RoundId::new);
    if before.is_none() && !fields.before.is_empty() {
        ignored.push("before");
    }
    let filter = HistoryFilter {
        text: text(&fields.text),
        in_candidates: !fields.candidates.is_empty(),
        since,
        until,
        prompt: text(&fields.prompt),
        states,
        min_score: score,
        model: text(&fields.model),
        before,
        limit: Some(LINES),
    };
    (filter, ignored)
}

fn state_of(word: &str) -> Option<HistoryState> {
    let post = PostState::from_word(word).map(HistoryState::Post);
    post.or_else(|| RoundOutcome::from_word(word).map(HistoryState::Round))
}

/// Returns the beginning of a day in the schedule's zone, some days later.
fn day(text: &str, later: i64, zone: &TimeZone) -> Option<Timestamp> {
    let date: Date = text.parse().ok()?;
    let date = date.checked_add(later.days()).ok()?;
    Some(date.to_zoned(zone.clone()).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use pregonero_store::testing::at;

    #[test]
    fn a_day_is_the_schedule_s_and_the_last_one_is_part_of_the_list() {
        let zone = TimeZone::get("America/Bogota").unwrap();
        let fields = Fields { since: "2026-03-01".into(), until: "2026-03-01".into(), ..Fields::default() };
        let (filter, ignored) = filter(&fields, &zone);
        assert_eq!((filter.since, filter.until), (Some(at("2026-03-01T05:00:00Z")), Some(at("2026-03-02T05:00:00Z"))));
        assert_eq!(ignored, [""; 0]);
    }

    #[test]
    fn what_cannot_be_read_is_named_and_filters_nothing() {
        let fields = Fields {
            since: "ayer".into(),
            state: "<script>".into(),
            score: "NaN".into(),
            before: "x".into(),
            ..Fields::default()
        };
        let (found, ignored) = filter(&fields, &TimeZone::UTC);
        assert_eq!(ignored, ["since", "state", "score", "before"]);
        assert_eq!(found, HistoryFilter { limit: Some(LINES), ..HistoryFilter::default() });
        let fields = Fields { text: "a&b=c".into(), ..Fields::default() };
        assert_eq!(fields.query(RoundId::new(7)), "text=a%26b%3Dc&before=7");
    }
}
