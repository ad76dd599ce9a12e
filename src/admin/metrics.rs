//! The metrics, made anew from the record at each scrape. Counters and histograms count from the daemon's start; gauges are of
//! the whole record.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::prometheus_text::{self, encode};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::Page;
use super::failure::Failure;
use crate::daemon::hindrance::Code;
use crate::daemon::standing::hindrance;
use crate::publish::{Rules, outlook};
use pregonero_store::{PostState, RoundOutcome, StatsBy, StatsQuery};
use pregonero_system::errors::chain;

type Labels<const N: usize> = [(&'static str, String); N];
type Number = Gauge<f64, AtomicU64>;

/// Seconds of a round: a built-in model needs seconds, a large one on a small machine minutes.
const SECONDS: [f64; 10] = [0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0];
const SCORES: [f64; 10] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0];

/// Registers a number under its name.
fn number(registry: &mut Registry, name: &str, help: &str, value: f64) {
    let gauge = Number::default();
    gauge.set(value);
    registry.register(name, help, gauge);
}

#[expect(clippy::cast_precision_loss, reason = "counts and seconds are far inside what f64 holds exactly")]
fn real(value: i64) -> f64 {
    value as f64
}

/// The type of [`scrape`]'s text: the form that every version of Prometheus reads.
pub(super) const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;

/// Returns the metrics as text.
pub(super) async fn scrape(page: &Page) -> Result<String, Failure> {
    let mut registry = Registry::with_prefix("pregonero");
    let view = page.view();
    let (app, now, started_at) = (&view.app, page.now(), view.status.started_at);
    let rules = Rules::from(&app.settings);
    // A gauge, as Prometheus's own programs have it: its older text format knows no info.
    let build = Family::<Labels<1>, Gauge>::default();
    build.get_or_create(&[("version", view.status.version.clone())]).set(1);
    registry.register("build_info", "The program's version", build);
    number(&mut registry, "live", "1 if posts leave the machine, 0 in a dry run", f64::from(u8::from(app.live)));
    let started = real(started_at.as_second());
    number(&mut registry, "start_time_seconds", "When the daemon started, in Unix time", started);

    let found = hindrance(&app.store, &rules, app.live, now).await.or_else(|| view.status.hindrance());
    let code = found.as_ref().map_or(Code::Ok, |found| found.code);
    number(&mut registry, "ready", "1 if the next post would go out", f64::from(u8::from(code.is_ready())));
    number(&mut registry, "healthy", "1 unless somebody has to act", f64::from(u8::from(code.is_healthy())));
    let state = Family::<Labels<1>, Gauge>::default();
    state.get_or_create(&[("code", code.as_str().to_owned())]).set(1);
    registry.register("state", "Why nothing would go out, or ok", state);

    posts(&mut registry, page).await?;
    rounds(&mut registry, page).await?;

    let left = outlook(&app.store, &rules, now).await?;
    let help = "What is left of the budget";
    number(&mut registry, "budget_posts_left_today", help, real(left.posts_left_today));
    number(&mut registry, "budget_posts_left_month", help, real(left.posts_left_this_month));
    number(&mut registry, "budget_usd_left_month", help, left.usd_left_this_month);
    let since = app.store.slots_since_last_post(now).await?;
    number(&mut registry, "slots_without_post", "Slots in a row that passed without a post", real(since.slots));
    if let Some(at) = since.last_post {
        let help = "When something last went out, in Unix time; in a dry run, when it would have";
        number(&mut registry, "last_success_time_seconds", help, real(at.as_second()));
    }
    if let Some(next) = view.status.next_slot {
        number(
            &mut registry,
            "next_slot_time_seconds",
            "When the next round starts, in Unix time",
            real(next.as_second()),
        );
    }
    if let Some(skew) = app.store.clock_skew().await? {
        number(&mut registry, "clock_skew_seconds", "X's clock minus this machine's at the last call", real(skew));
    }
    let (size, anchors) = (app.store.tree_head().await?.size, app.store.anchors().await?);
    let anchored = anchors.iter().filter(|anchor| anchor.delivered_at.is_some()).map(|anchor| anchor.size).max();
    let records = |size: u64| real(i64::try_from(size).unwrap_or(i64::MAX));
    number(&mut registry, "audit_size", "Records in the audit log", records(size));
    let help = "Records that a checkpoint delivered to another place covers";
    number(&mut registry, "audit_anchored_size", help, records(anchored.unwrap_or(0)));
    let alerts = app.store.open_alerts().await?.len();
    number(&mut registry, "open_alerts", "Alerts that are not over", real(i64::try_from(alerts).unwrap_or(i64::MAX)));
    let mut text = String::new();
    encode(&mut text, &registry).map_err(|error| {
        tracing::error!(error = chain(&error), "the metrics could not be written");
        Failure::Internal
    })?;
    Ok(text)
}

async fn posts(registry: &mut Registry, page: &Page) -> Result<(), Failure> {
    let counted = page.app().store.posts_by_state().await?;
    let count = |state| counted.iter().find(|(found, _)| *found == state).map_or(0, |(_, posts)| *posts);
    let posts = Family::<Labels<1>, Gauge>::default();
    for &state in PostState::ALL {
        posts.get_or_create(&[("state", state.as_str().to_owned())]).set(count(state));
    }
    registry.register("posts", "Posts on record by state", posts);
    number(registry, "queue_length", "Posts that wait for a person", real(count(PostState::Held)));
    Ok(())
}

async fn rounds(registry: &mut Registry, page: &Page) -> Result<(), Failure> {
    let view = page.view();
    let store = &view.app.store;
    let since = view.status.started_at;
    let zone = view.app.settings.schedule.timezone.clone();
    let stats = store.stats(&StatsQuery { by: StatsBy::Total, zone, since: Some(since), until: None }).await?;
    let total = stats.first();
    let rounds = Family::<Labels<1>, Counter>::default();
    for &outcome in RoundOutcome::ALL {
        let count = total.and_then(|total| total.outcomes.get(outcome.as_str())).copied().unwrap_or(0);
        rounds.get_or_create(&[("outcome", outcome.as_str().to_owned())]).inc_by(count.unsigned_abs());
    }
    registry.register("rounds", "Rounds since the start by outcome", rounds);
    let candidates = Family::<Labels<1>, Counter>::default();
    let verdicts = total.map_or([0; 3], |total| [total.passed, total.review, total.rejected]);
    for (verdict, count) in ["pass", "review", "reject"].into_iter().zip(verdicts) {
        candidates.get_or_create(&[("verdict", verdict.to_owned())]).inc_by(count.unsigned_abs());
    }
    registry.register("candidates", "Candidates since the start by their worst verdict", candidates);
    let gates = Family::<Labels<2>, Counter>::default();
    for gate in total.map(|total| total.gates.as_slice()).unwrap_or_default() {
        for (verdict, count) in [("pass", gate.passed), ("review", gate.review), ("reject", gate.rejected)] {
            let labels = [("gate", gate.gate.clone()), ("verdict", verdict.to_owned())];
            gates.get_or_create(&labels).inc_by(count.unsigned_abs());
        }
    }
    registry.register("gate_verdicts", "Verdicts of each gate since the start", gates);

    let seconds = Histogram::new(SECONDS);
    let scores = Histogram::new(SCORES);
    for round in store.measured_rounds(since).await? {
        seconds.observe(round.seconds);
        if let Some(score) = round.score {
            scores.observe(score);
        }
    }
    let help = "From a round's beginning to its choice: generation and judging";
    registry.register_with_unit("generation", help, Unit::Seconds, seconds);
    registry.register("post_score", "The classifier's score of the candidates that became posts", scores);
    Ok(())
}
