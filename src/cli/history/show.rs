//! `pregonero history show`: one round's whole story on one screen.

use std::cmp::Ordering;
use std::ffi::OsString;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::slot;
use crate::cli::erasures::{erased, shown_text};
use crate::cli::output::{self, counted, dollars, styled, visible};
use crate::cli::quoted;
use crate::cli::review::reviewed;
use pregonero_models::generation::Arithmetic;
use pregonero_store::{AttemptRecord, CandidateRecord, Engagement, HistoryRecord, ReadRecord, Reading, RoundRecord};
use pregonero_system::clock::shown_in;
use pregonero_tweet::Verdict;

/// How many digits of a digest are shown for a person to compare.
const SHOWN_DIGEST: usize = 12;

/// How many readings of the engagement are shown: the first one and the latest.
const SHOWN_READINGS: usize = 5;

/// Lines that each have a name and a value.
struct Lines(Vec<String>);

impl Lines {
    fn line(&mut self, name: &str, value: Option<String>) {
        self.0.extend(value.map(|value| format!("{name:<14} {}", visible(&value))));
    }
}

/// Returns the story in words; `reasons` adds a line for each objection to a candidate.
pub fn in_words(record: &HistoryRecord, timezone: &TimeZone, reasons: bool) -> String {
    let mut lines = Lines(Vec::new());
    let (entry, round) = (&record.entry, &record.round);
    lines.line("round", Some(entry.id.to_string()));
    lines.line("slot", Some(slot(&entry.slot, timezone)));
    lines.line("state", Some(entry.state.to_string()));
    lines.line("text", entry.text.as_ref().map(|text| shown_text(text).to_owned()));
    let erasures = record.erased_before.iter().chain(&record.erased);
    erasures.for_each(|mark| lines.line("erased", Some(erased(mark, timezone))));
    lines.line("tweet", entry.url.clone());
    lines.line("gone since", entry.gone_at.map(|at| format!("{} or earlier", shown_in(at, timezone))));
    lines.line("error", entry.error.clone());
    about_the_round(record, timezone, &mut lines);
    about_the_settings(round, &mut lines);
    about_the_post(record, timezone, &mut lines);
    record.reviews.iter().for_each(|review| lines.line("review", Some(reviewed(review, timezone))));
    record.attempts.iter().for_each(|attempt| lines.line("call", Some(call(attempt, timezone))));
    record.reads.iter().for_each(|read| lines.line("reading", Some(reading(read, timezone))));
    lines.line("cost", (record.cost_micros > 0).then(|| dollars(record.cost_micros)));
    about_the_engagement(&record.readings, timezone, &mut lines);
    lines.line("audit log", places(&record.audit));
    let mut lines = lines.0;
    lines.extend(candidates(record, timezone, reasons));
    lines.join("\n")
}

/// Returns the table of the candidates: the chosen one, then those that passed, those that need a person and those that
/// were rejected, each by their rank.
fn candidates(record: &HistoryRecord, timezone: &TimeZone, reasons: bool) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(at) = record.pruned_at {
        let candidates = counted(record.candidates_judged, "candidate", "candidates");
        let kept = if record.candidates.is_empty() { "" } else { "; the chosen one is kept" };
        let at = shown_in(at, timezone);
        lines.push(format!("{candidates}, pruned {at} (store.keep_candidates){kept}"));
    }
    if record.candidates.is_empty() {
        return lines;
    }
    lines.push(styled(output::HEADING, "candidates"));
    lines.push("   NO.  RANK SCORE VERDICT  TEXT, AFTER THE GATES THAT OBJECT".to_owned());
    let mut all: Vec<&CandidateRecord> = record.candidates.iter().collect();
    all.sort_by(|one, other| order(one, other));
    let width = output::columns();
    for candidate in all {
        lines.extend(lines_of(candidate, width, reasons));
    }
    lines
}

fn order(one: &CandidateRecord, other: &CandidateRecord) -> Ordering {
    let by_verdict = || one.judged.verdict().cmp(&other.judged.verdict());
    let by_rank = || other.judged.rank().total_cmp(&one.judged.rank());
    other.chosen.cmp(&one.chosen).then_with(by_verdict).then_with(by_rank)
}

fn lines_of(candidate: &CandidateRecord, width: usize, reasons: bool) -> Vec<String> {
    let one = &candidate.judged;
    let mut objections: Vec<_> = one.gates.iter().filter(|gate| gate.verdict != Verdict::Pass).collect();
    objections.sort_by_key(|gate| std::cmp::Reverse(gate.verdict));
    let mut remarks: Vec<&str> = objections.iter().map(|gate| gate.gate.as_str()).collect();
    remarks.extend(one.repeats_an_opening().then_some("begins like a recent post"));
    let remarks = if remarks.is_empty() { String::new() } else { format!("[{}] ", remarks.join(", ")) };
    let chosen = if candidate.chosen { "*" } else { " " };
    let number = candidate.position + 1;
    let verdict = one.verdict().as_str();
    let text = visible(shown_text(&one.text)).replace('\n', " ");
    let line = format!("{chosen}{number:>5}. {:>5.2} {:>5.2} {verdict:<8} {remarks}{text}", one.rank(), one.score);
    let is_whole = candidate.chosen || reasons || line.chars().count() <= width;
    let mut lines = vec![if is_whole { line } else { cut(&line, width) }];
    lines.extend(output::parts_of_rank(one).map(|parts| format!("        {parts}")));
    if candidate.chosen || reasons {
        let reason =
            objections.iter().map(|gate| format!("{} ({}): {}", gate.gate, gate.verdict.as_str(), gate.reason));
        lines.extend(reason.map(|reason| format!("        {reason}")));
    }
    lines
}

/// Cuts a line to a number of characters.
fn cut(line: &str, width: usize) -> String {
    let kept: String = line.chars().take(width.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

fn about_the_round(record: &HistoryRecord, timezone: &TimeZone, lines: &mut Lines) {
    let (entry, round) = (&record.entry, &record.round);
    lines.line("seed prompt", entry.seed_prompt.as_ref().map(|prompt| format!("{prompt:?}")));
    let attributes = round.seed_attributes.as_ref().and_then(serde_json::Value::as_object);
    for (name, value) in attributes.into_iter().flatten() {
        lines.line("attribute", Some(format!("{name}={}", value.as_str().unwrap_or_default())));
    }
    let again = round.rng_seed.zip(entry.seed_prompt.as_ref()).map(|(seed, prompt)| {
        format!("{seed} (again: {})", generate_again(prompt, round.seed_attributes.as_ref(), &writer_of(round), seed))
    });
    lines.line("seed", again);
    lines.line(
        "generator",
        round.generator.as_ref().map(|model| format!("{} {}", model.name, model.sha256).trim_end().to_owned()),
    );
    let stand_in = round.stand_in.as_ref();
    lines.line("stood in for", stand_in.map(|stand_in| format!("{}: {}", stand_in.configured, stand_in.reason)));
    lines.line("server", round.generation.as_ref().and_then(server).filter(|_| stand_in.is_none()));
    lines.line("weights", round.generation.as_ref().and_then(arithmetic));
    lines.line("classifier", round.classifier.as_ref().map(|model| format!("{} {}", model.name, model.sha256)));
    lines.line("device", round.device.clone());
    lines.line("began", Some(shown_in(round.started_at, timezone)));
    lines.line("ended", round.finished_at.map(|at| shown_in(at, timezone)));
}

/// Describes the server that wrote, as it was found; `None` if the generator was on this machine.
fn server(generation: &serde_json::Value) -> Option<String> {
    let engine = generation.get("engine")?;
    let text = |name: &str| engine[name].as_str();
    let Some(software) = text("software") else {
        return Some("not known: it had not answered before the round".to_owned());
    };
    let version = text("version").or(text("fingerprint")).map_or_else(String::new, |version| format!(" {version}"));
    let ignored: Vec<&str> =
        engine["ignored"].as_array().into_iter().flatten().filter_map(serde_json::Value::as_str).collect();
    let ignored = if ignored.is_empty() { String::new() } else { format!("; ignored {}", ignored.join(", ")) };
    let likelihoods = match text("likelihoods") {
        Some("own") | None => "",
        Some(_) => "; no usable probabilities, so sentiment alone ranked",
    };
    Some(format!("{software}{version}{ignored}{likelihoods}"))
}

/// Returns the flags that name the model that wrote, if it stood in for another one, and the form of its weights, if it is not
/// the usual one.
fn writer_of(round: &RoundRecord) -> Vec<String> {
    let mut flags = Vec::new();
    if let Some(writer) = round.generator.as_ref().filter(|_| round.stand_in.is_some()) {
        flags.extend(["--model", &writer.name].map(str::to_owned));
    }
    let weights = round.generation.as_ref().and_then(|generation| generation["weights"].as_str());
    if let Some(weights) = weights.filter(|weights| !["f32", Arithmetic::ON_SERVER.weights].contains(weights)) {
        flags.extend(["--weights", weights].map(str::to_owned));
    }
    flags
}

/// Returns the form of the weights that wrote and the kernels that computed with them; `None` for a server's.
fn arithmetic(generation: &serde_json::Value) -> Option<String> {
    let weights = generation["weights"].as_str().filter(|weights| *weights != Arithmetic::ON_SERVER.weights)?;
    Some(generation["kernels"].as_str().map_or_else(|| weights.to_owned(), |kernels| format!("{weights} ({kernels})")))
}

/// Returns the command that writes a round's candidates again, quoted for a shell.
fn generate_again(prompt: &str, attributes: Option<&serde_json::Value>, writer: &[String], seed: u64) -> String {
    let mut words = ["pregonero", "generate", "--prompt", prompt].map(str::to_owned).to_vec();
    words.extend_from_slice(writer);
    for (name, value) in attributes.and_then(serde_json::Value::as_object).into_iter().flatten() {
        words.extend(["--attribute".to_owned(), format!("{name}={}", value.as_str().unwrap_or_default())]);
    }
    words.extend(["--rng-seed".to_owned(), seed.to_string()]);
    quoted(&words.into_iter().map(OsString::from).collect::<Vec<_>>())
}

fn about_the_settings(round: &RoundRecord, lines: &mut Lines) {
    let Some(settings) = &round.settings else { return };
    let text = |name: &str| settings[name].as_str().unwrap_or_default().to_owned();
    let mode = if settings["live"].as_bool() == Some(true) { "live" } else { "dry run" };
    lines.line("account", Some(format!("@{} ({mode})", text("account"))));
    let sentiment = &settings["sentiment"];
    let least = sentiment["threshold"].as_f64().map_or_else(String::new, |least| format!(", at least {least}"));
    lines.line("target", Some(format!("{}{least}", sentiment["target"].as_str().unwrap_or_default())));
    lines.line("ranked by", ranked_by(&settings["selection"]));
    lines.line("review mode", Some(text("review_mode")));
    let gates = settings["gates"].as_object().into_iter().flatten();
    let gates: Vec<String> = gates.map(|(name, value)| format!("{name}={value}").replace('"', "")).collect();
    lines.line("gates", Some(gates.join(" ")));
    lines.line("configuration", round.config_sha256.as_ref().map(|digest| digest.chars().take(SHOWN_DIGEST).collect()));
}

/// Describes how the candidate was chosen; `None` for records of earlier versions, which chose by the sentiment's score.
fn ranked_by(selection: &serde_json::Value) -> Option<String> {
    let rank = selection["rank"].as_str()?;
    let critic = selection["critic"]["name"].as_str().map_or_else(
        || "without a critic".to_owned(),
        |name| format!("critic {name} {}", selection["critic"]["sha256"].as_str().unwrap_or_default()),
    );
    let openings = match selection["fresh_openings"].as_u64() {
        None | Some(0) => String::new(),
        Some(posts) => format!("; a text that begins like one of the last {posts} posts ranks last"),
    };
    Some(format!("{rank}, {critic}{openings}"))
}

fn about_the_post(record: &HistoryRecord, timezone: &TimeZone, lines: &mut Lines) {
    let Some(post) = &record.post else { return };
    let time = |at: Option<Timestamp>| at.map(|at| shown_in(at, timezone));
    lines.line("decided by", post.decided_by.clone());
    lines.line("decided", time(post.decided_at));
    lines.line("because", post.decision_reason.clone());
    lines.line("expires", time(Some(post.expires_at)));
    lines.line("waits until", time(post.not_before));
    lines.line("unknown since", time(post.unknown_since));
    lines.line("next check", time(post.look_at));
    lines.line("sent", time(post.sent_at));
}

/// Describes a call and its outcome in a sentence.
fn call(attempt: &AttemptRecord, timezone: &TimeZone) -> String {
    let AttemptRecord { number, started_at, outcome, detail, .. } = attempt;
    let answer = [detail.http_status.map(|status| status.to_string()), detail.kind.clone()];
    let answer: Vec<String> = answer.into_iter().flatten().collect();
    let answer = if answer.is_empty() { String::new() } else { format!(" ({})", answer.join(", ")) };
    let words = detail.detail.as_ref().map_or_else(String::new, |words| format!(": {words}"));
    let price = dollars(attempt.price_micros);
    let outcome = outcome.as_str().replace('_', " ");
    format!("{number} at {}: {outcome}{answer}, {price} if posted{words}", shown_in(*started_at, timezone))
}

fn reading(read: &ReadRecord, timezone: &TimeZone) -> String {
    let words = read.detail.detail.as_ref().map_or_else(String::new, |words| format!(": {words}"));
    let (outcome, price) = (read.outcome.as_str(), dollars(read.price_micros));
    format!("{} at {}: {outcome}, {} returned, {price}{words}", read.what, shown_in(read.made_at, timezone), read.items)
}

/// Shows the first reading, and the latest ones.
fn about_the_engagement(readings: &[Reading], timezone: &TimeZone, lines: &mut Lines) {
    let left_out = readings.len().saturating_sub(SHOWN_READINGS);
    for (place, Reading { read_at, counts }) in readings.iter().enumerate() {
        if place > 0 && place <= left_out {
            continue;
        }
        lines.line("engagement", Some(format!("{}: {}", shown_in(*read_at, timezone), in_numbers(counts))));
        if place == 0 && left_out > 0 {
            lines.line("", Some(format!("({} in between)", counted(left_out, "reading", "readings"))));
        }
    }
}

fn in_numbers(counts: &Engagement) -> String {
    let Engagement { likes, reposts, replies, quotes, views } = *counts;
    let mut numbers = vec![
        counted(likes, "like", "likes"),
        counted(reposts, "repost", "reposts"),
        counted(replies, "reply", "replies"),
        counted(quotes, "quote", "quotes"),
    ];
    numbers.extend(views.map(|views| counted(views, "view", "views")));
    numbers.join(", ")
}

/// Returns the places of records in the audit log: `record 3`, `records 3, 5-9`.
fn places(records: &[u64]) -> Option<String> {
    let mut spans: Vec<(u64, u64)> = Vec::new();
    for &record in records {
        match spans.last_mut() {
            Some((_, last)) if *last + 1 == record => *last = record,
            _ => spans.push((record, record)),
        }
    }
    let spans: Vec<String> = spans
        .iter()
        .map(|(first, last)| if first == last { first.to_string() } else { format!("{first}-{last}") })
        .collect();
    let name = if records.len() == 1 { "record" } else { "records" };
    (!records.is_empty()).then(|| format!("{name} {}", spans.join(", ")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use pregonero_store::testing::{TestStore, at, judged};

    #[test]
    fn a_round_says_by_what_it_chose() {
        let selection = json!({"rank": "both", "critic": {"name": "builtin", "sha256": "abc"}, "fresh_openings": 60});
        let expected = "both, critic builtin abc; a text that begins like one of the last 60 posts ranks last";
        assert_eq!(ranked_by(&selection).unwrap(), expected);
        let selection = json!({"rank": "critic", "critic": null, "fresh_openings": 0});
        assert_eq!(ranked_by(&selection).unwrap(), "critic, without a critic");
        assert_eq!(ranked_by(&serde_json::Value::Null), None);
    }

    #[test]
    fn the_command_that_writes_a_round_again_names_its_attributes_and_is_quoted() {
        let attributes = json!({"TEMA": "mayores", "HASHTAGS": "Cuidémonos #YoMeVacuno"});
        assert_eq!(
            generate_again("¿Y si \"$HOME\"", Some(&attributes), &[], 7),
            "pregonero generate --prompt '¿Y si \"$HOME\"' --attribute TEMA=mayores --attribute \
             'HASHTAGS=Cuidémonos #YoMeVacuno' --rng-seed 7"
        );
        assert_eq!(generate_again("Hoy", None, &[], 7), "pregonero generate --prompt Hoy --rng-seed 7");
        let writer = ["--model".to_owned(), "builtin".to_owned()];
        let again = generate_again("Hoy", None, &writer, 7);
        assert_eq!(again, "pregonero generate --prompt Hoy --model builtin --rng-seed 7");
    }

    #[test]
    fn records_of_the_log_are_named_by_their_spans() {
        let named = places;
        assert_eq!(named(&[]), None);
        assert_eq!(named(&[4]).unwrap(), "record 4");
        assert_eq!(named(&[4, 5, 6, 9]).unwrap(), "records 4-6, 9");
    }

    #[tokio::test]
    async fn each_candidate_has_a_line_with_its_failing_gates_first_and_the_chosen_one_leads() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let round = test.round(now).await;
        let long = "Una feria muy larga ".repeat(20);
        let all = [
            judged(&long, Verdict::Reject, 0.9),
            judged("Dos ferias.", Verdict::Pass, 0.5),
            judged("Tres\nferias.", Verdict::Review, 0.8),
        ];
        test.store.record_candidates(round, &all, Some(1), now).await.unwrap();
        test.store.end_failed(round, "no memory", now).await.unwrap();
        let record = test.store.history_record(round).await.unwrap();
        let shown = candidates(&record, &TimeZone::UTC, false);
        assert_eq!(shown.len(), 5, "{shown:#?}");
        assert_eq!(shown[2], "*    2.  0.50  0.50 pass     Dos ferias.");
        assert_eq!(shown[3], "     3.  0.80  0.80 review   [claims] Tres ferias.");
        assert!(shown[4].starts_with("     1.  0.90  0.90 reject   [claims] Una feria") && shown[4].ends_with('…'));
        let shown = candidates(&record, &TimeZone::UTC, true);
        assert!(shown.contains(&"        claims (review): it names a figure".to_owned()), "{shown:#?}");
    }

    #[tokio::test]
    async fn every_candidate_shows_the_numbers_of_its_rank() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let round = test.round(now).await;
        let mut all = [judged("Una feria.", Verdict::Pass, 0.5), judged("Dos ferias.", Verdict::Reject, 0.9)];
        for one in &mut all {
            one.ranking.critic = Some(0.25);
            one.ranking.reading = Some(0.75);
            one.ranking.rank = Some(0.75);
        }
        test.store.record_candidates(round, &all, Some(0), now).await.unwrap();
        let record = test.store.history_record(round).await.unwrap();
        let shown = candidates(&record, &TimeZone::UTC, false);
        let numbers = |score: &str| format!("        rank 0.75: score {score}, reading 0.75 (critic 0.25");
        for (line, score) in [(3, "0.50"), (5, "0.90")] {
            assert!(shown[line].starts_with(&numbers(score)), "{shown:#?}");
        }
    }
}
