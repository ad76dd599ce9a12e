//! A round as a person at a terminal sees it: the candidates by verdict and rank, with the choice marked, and what to try
//! next. Without a terminal, the lines of the log say the same.

use super::logging;
use super::output::{HEADING, Output, styled, table_for_terminal};
use super::session::Session;
use crate::config::Settings;
use crate::daemon::ShowRound;
use pregonero_store::{CandidateRecord, HistoryRecord};
use pregonero_tweet::Verdict;

/// Returns a function that shows rounds on standard error, or `None` if no person is reading it.
pub fn shown_to_people(session: &Session, settings: &Settings) -> Option<ShowRound> {
    let wanted = logging::is_for_people(settings.log.format) && !session.output.json && !session.output.quiet;
    wanted.then(|| Box::new(|record: &HistoryRecord| Output::complain(&in_words(record))) as ShowRound)
}

fn in_words(record: &HistoryRecord) -> String {
    let mut candidates: Vec<&CandidateRecord> = record.candidates.iter().collect();
    candidates.sort_by(|one, other| {
        let rank = |candidate: &CandidateRecord| (candidate.judged.verdict(), !candidate.chosen);
        rank(one).cmp(&rank(other)).then(other.judged.compare_rank(&one.judged))
    });
    let prompt = record.entry.seed_prompt.as_deref().unwrap_or_default();
    let id = record.entry.id;
    let heading = styled(HEADING, &format!("round {id}, prompt {prompt:?}: {}", record.entry.state));
    let rows = candidates.into_iter().map(cells);
    let table = table_for_terminal(&["", "VERDICT", "RANK", "SCORE", "READS", "TEXT", "WHY"], rows);
    let next = [
        (format!("pregonero history show {id}"), "everything on record about this round"),
        ("pregonero review list".to_owned(), "the posts that wait for a person"),
        (format!("pregonero generate --prompt {prompt:?}"), "candidates for this prompt; nothing is recorded"),
    ];
    let width = next.iter().map(|(command, _)| command.chars().count()).max().unwrap_or_default();
    let next = next.map(|(command, what)| format!("  {command:<width$}   {what}")).join("\n");
    format!("\n{heading}\n{table}\n\n{}\n{next}\n", styled(HEADING, "what to try next"))
}

fn cells(candidate: &CandidateRecord) -> Vec<String> {
    let one = &candidate.judged;
    let objections = one.gates.iter().filter(|gate| gate.verdict == one.verdict() && gate.verdict != Verdict::Pass);
    let opening = one.repeats_an_opening().then(|| "it begins like a recent post".to_owned());
    let why: Vec<String> = objections.map(|gate| format!("{}: {}", gate.gate, gate.reason)).chain(opening).collect();
    let mark = if candidate.chosen { "*" } else { "" };
    vec![
        mark.to_owned(),
        one.verdict().as_str().to_owned(),
        format!("{:.2}", one.rank()),
        format!("{:.2}", one.score),
        one.ranking.reading.map_or_else(String::new, |reading| format!("{reading:.2}")),
        one.text.clone(),
        why.join("; "),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use pregonero_store::testing::{TestStore, at, judged};

    #[tokio::test]
    async fn a_round_is_a_table_by_verdict_and_rank_with_the_choice_marked_and_the_next_steps() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let round = test.round(now).await;
        let ranked = |text, verdict, score, rank, fresh| {
            let mut one = judged(text, verdict, score);
            one.ranking.rank = Some(rank);
            one.ranking.reading = Some(rank / score);
            one.ranking.fresh_opening = Some(fresh);
            one
        };
        let all = [
            ranked("una cifra", Verdict::Review, 0.9, 0.8, true),
            ranked("rechazada", Verdict::Reject, 0.99, 0.9, true),
            ranked("repetida", Verdict::Pass, 0.9, 0.85, false),
            ranked("menor", Verdict::Pass, 0.9, 0.45, true),
            ranked("elegida", Verdict::Pass, 0.8, 0.6, true),
        ];
        test.store.record_candidates(round, &all, Some(4), now).await.unwrap();
        test.store.end_without_candidate(round, "a test", now).await.unwrap();
        let shown = in_words(&test.store.history_record(round).await.unwrap());
        let lines: Vec<&str> = shown.lines().collect();
        let place =
            |words: &str| lines.iter().position(|line| line.contains(words)).unwrap_or_else(|| panic!("{shown}"));
        let order = ["elegida", "menor", "repetida", "una cifra", "rechazada"].map(place);
        assert!(order.is_sorted(), "{shown}");
        assert!(lines[order[0]].starts_with('*') && lines[order[3]].contains("claims: it names a figure"), "{shown}");
        assert!(lines[order[0]].contains("0.60") && lines[order[0]].contains("0.75"), "{shown}");
        assert!(lines[order[2]].contains("it begins like a recent post"), "{shown}");
        for next in ["pregonero history show 1", "pregonero review list", "pregonero generate --prompt \"Hoy, \""] {
            assert!(place(next) > order[4], "{shown}");
        }
    }
}
