//! A post that waits, in words for a person. Nothing hidden in a text reaches the terminal.

use jiff::tz::TimeZone;

use crate::cli::erasures::{erased, shown_text};
use crate::cli::output::{HEADING, styled, visible};
use crate::review::Waiting;
use pregonero_store::{CandidateRecord, ErasedMark, PostRecord, ReviewRecord};
use pregonero_system::clock::shown_in;
use pregonero_tweet::{GateVerdict, Verdict};

/// How many other candidates are shown: those that a person is most likely to want.
const SHOWN_CANDIDATES: usize = 8;

/// Returns the names of the gates that did not pass the post, or `review.mode` if all did.
pub fn why(post: &PostRecord) -> String {
    let gates: Vec<&str> =
        post.gates.iter().filter(|gate| gate.verdict != Verdict::Pass).map(|gate| gate.gate.as_str()).collect();
    if gates.is_empty() { "review.mode".to_owned() } else { gates.join(", ") }
}

/// Returns everything that a decision on a post may depend on. `erasures` are those of its round.
pub fn in_words(waiting: &Waiting, zone: &TimeZone, erasures: &[ErasedMark]) -> String {
    let post = &waiting.post;
    let mut lines = vec![
        format!("post       {}", post.id),
        format!("state      {}", post.state),
        format!("text       {}", indented(&visible(shown_text(&post.text)))),
    ];
    lines.extend(erasures.iter().map(|mark| format!("erased     {}", visible(&erased(mark, zone)))));
    lines.extend([
        format!("length     {}", post.weighted_length),
        format!("sentiment  {} {:.2}", post.sentiment.label, post.sentiment.score),
        format!("recorded   {}", shown_in(post.created_at, zone)),
        format!("expires    {}", shown_in(post.expires_at, zone)),
    ]);
    if let (Some(by), Some(at)) = (&post.decided_by, post.decided_at) {
        let reason = post.decision_reason.as_ref().map(|reason| format!(": {}", visible(reason))).unwrap_or_default();
        lines.push(format!("decided    by {} at {}{reason}", visible(by), shown_in(at, zone)));
    }
    lines.extend(reasons(waiting));
    lines.push(format!("passed     {}", passed(&post.gates)));
    lines.extend(waiting.reviews.iter().map(|review| format!("review     {}", reviewed(review, zone))));
    lines.extend(candidates(waiting));
    lines.join("\n")
}

/// Returns why a post waits, a line for each reason.
pub fn reasons(waiting: &Waiting) -> Vec<String> {
    let mut lines: Vec<String> = waiting
        .why
        .iter()
        .map(|gate| format!("gate       {} ({}): {}", gate.gate, gate.verdict.as_str(), visible(&gate.reason)))
        .collect();
    if lines.is_empty() {
        lines.push("why        every gate passed it; review.mode asks for a person".to_owned());
    }
    if waiting.needs_fact_check {
        lines.push("needs      the facts checked before it can be approved (review.require)".to_owned());
    }
    lines
}

fn passed(gates: &[GateVerdict]) -> String {
    let passed: Vec<&str> =
        gates.iter().filter(|gate| gate.verdict == Verdict::Pass).map(|gate| gate.gate.as_str()).collect();
    if passed.is_empty() { "no gate".to_owned() } else { passed.join(", ") }
}

/// Returns one decision in a line.
pub fn reviewed(review: &ReviewRecord, zone: &TimeZone) -> String {
    let role = if review.role.is_empty() { String::new() } else { format!(" ({})", visible(&review.role)) };
    let mut line =
        format!("{} by {}{role} at {}", review.in_words(), visible(&review.reviewer), shown_in(review.at, zone));
    if review.candidate_before != review.candidate_after {
        line += &format!(", candidate {} instead of {}", review.candidate_after + 1, review.candidate_before + 1);
    }
    if review.text_before != review.text_after {
        line += &format!("; before: {}", one_line(&review.text_before));
    }
    if !review.sources.is_empty() {
        line += &format!("; sources: {}", visible(&review.sources.join(", ")));
    }
    if let Some(note) = &review.note {
        line += &format!("; note: {}", one_line(note));
    }
    if let (Some(by), Some(at)) = (&review.voided_by, review.voided_at) {
        line += &format!("; void since {} changed the text at {}", visible(by), shown_in(at, zone));
    }
    line
}

/// Returns the candidates that could be picked instead, the best first, and how many more the round has.
pub fn candidates(waiting: &Waiting) -> Vec<String> {
    let others = waiting.others();
    let rejected = waiting.candidates.len().saturating_sub(others.len() + 1);
    let mut lines = Vec::new();
    if !others.is_empty() {
        lines.push(styled(HEADING, "other candidates"));
    }
    for one in others.iter().take(SHOWN_CANDIDATES) {
        lines.push(candidate(one));
        let objections = one.judged.gates.iter().filter(|gate| gate.verdict != Verdict::Pass);
        lines.extend(
            objections
                .map(|gate| format!("      {} ({}): {}", gate.gate, gate.verdict.as_str(), visible(&gate.reason))),
        );
    }
    let more = others.len().saturating_sub(SHOWN_CANDIDATES);
    if more > 0 {
        lines.push(format!("      {more} more; `pregonero history show {}` lists all", waiting.post.id));
    }
    if rejected > 0 {
        lines.push(format!("      {rejected} more that a gate rejected"));
    }
    lines
}

fn candidate(one: &CandidateRecord) -> String {
    let judged = &one.judged;
    let (number, rank, verdict) = (one.position + 1, judged.rank(), judged.verdict().as_str());
    format!("{number:>4}. {rank:.2} {verdict:<7} {}", one_line(&judged.text))
}

/// Returns a text on one line.
pub fn one_line(text: &str) -> String {
    visible(text).replace('\n', " ")
}

fn indented(text: &str) -> String {
    text.replace('\n', "\n           ")
}
