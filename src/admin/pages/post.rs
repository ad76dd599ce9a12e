//! One post's whole story on one page: slot, prompt, settings, every candidate with its verdicts, the choice, the review, the
//! calls and what X answered.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};

use super::{Answer, html};
use crate::admin::Page;
use crate::admin::ask::Ask;
use crate::admin::failure::Failure;
use pregonero_store::{CandidateRecord, ErasedMark, HistoryRecord, ReviewRecord, RoundId};
use pregonero_tweet::{GateVerdict, Verdict};

#[derive(Template)]
#[template(path = "post.html")]
struct PostPage<'a> {
    ask: &'a Ask,
    record: &'a HistoryRecord,
    attributes: Vec<(String, String)>,
    /// The settings that decided, as they are on record.
    settings: Vec<(String, String)>,
    candidates: Vec<Shown<'a>>,
    /// When and why texts were erased, the first time first.
    erasures: Vec<&'a ErasedMark>,
    /// What people decided on it, in order.
    reviews: Vec<ReviewRecord>,
}

/// A candidate as it is shown.
struct Shown<'a> {
    number: usize,
    one: &'a CandidateRecord,
    verdict: &'static str,
    score: f64,
    rank: f64,
    objections: Vec<&'a GateVerdict>,
}

/// The page.
pub async fn show(State(page): State<Arc<Page>>, ask: Ask, Path(id): Path<String>) -> Answer {
    let id = id.parse().map(RoundId::new).map_err(|_| Failure::NotFound)?;
    let record = page.app().store.history_record(id).await?;
    let round = &record.round;
    let attributes = round.seed_attributes.as_ref().and_then(serde_json::Value::as_object);
    let attributes = attributes.into_iter().flatten().map(|(name, value)| (name.clone(), plain(value))).collect();
    let mut settings = Vec::new();
    for values in [round.settings.as_ref(), round.generation.as_ref()].into_iter().flatten() {
        flatten("", values, &mut settings);
    }
    let mut candidates: Vec<Shown<'_>> = record.candidates.iter().map(shown).collect();
    candidates.sort_by(|one, other| {
        let order = |shown: &Shown<'_>| (!shown.one.chosen, shown.one.judged.verdict());
        order(one).cmp(&order(other)).then(other.one.judged.compare_rank(&one.one.judged))
    });
    let reviews = page.app().store.reviews(id.post()).await?;
    let erasures = record.erased_before.iter().chain(&record.erased).collect();
    html(&PostPage { ask: &ask, record: &record, attributes, settings, candidates, erasures, reviews })
}

fn shown(one: &CandidateRecord) -> Shown<'_> {
    Shown {
        number: one.position + 1,
        one,
        verdict: one.judged.verdict().as_str(),
        score: one.judged.score.into(),
        rank: one.judged.rank().into(),
        objections: one.judged.gates.iter().filter(|gate| gate.verdict != Verdict::Pass).collect(),
    }
}

/// Returns a value without quotes.
fn plain(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Adds every value of nested settings under its path: `gates.claims`.
fn flatten(path: &str, value: &serde_json::Value, into: &mut Vec<(String, String)>) {
    let Some(fields) = value.as_object() else {
        into.push((path.to_owned(), plain(value)));
        return;
    };
    for (name, value) in fields {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        flatten(&path, value, into);
    }
}
