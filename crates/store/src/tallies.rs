//! One row a round with what statistics need of it: they read it instead of the candidates, and it stays when those are
//! pruned. A trigger adds the row with the round; the verdicts are added with the candidates.

use jiff::Timestamp;
use sqlx::{Row as _, SqliteConnection};

use super::columns::instant_or_none;
use super::error::Doing as _;
use super::{RoundId, Store, StoreError};
use pregonero_tweet::{Judged, Verdict};

/// How often a gate gave each verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Verdicts {
    pub passed: i64,
    pub review: i64,
    pub rejected: i64,
}

impl Verdicts {
    fn add(&mut self, verdict: Verdict) {
        let count = match verdict {
            Verdict::Pass => &mut self.passed,
            Verdict::Review => &mut self.review,
            Verdict::Reject => &mut self.rejected,
        };
        *count += 1;
    }
}

/// What a tally says of a round's candidates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tally {
    /// How many there were.
    pub candidates: i64,
    /// When they were pruned.
    pub pruned_at: Option<Timestamp>,
}

impl Store {
    pub(super) async fn tally(&self, round: RoundId) -> Result<Tally, StoreError> {
        const DOING: &str = "read the round's tally";
        let row = sqlx::query("SELECT candidates, pruned_at FROM tallies WHERE round_id = ?")
            .bind(round.get())
            .fetch_optional(self.readers())
            .await
            .doing(DOING)?;
        let Some(row) = row else { return Ok(Tally::default()) };
        let read =
            || Ok(Tally { candidates: row.try_get("candidates")?, pruned_at: instant_or_none(&row, "pruned_at")? });
        read().doing(DOING)
    }
}

/// Adds the verdicts on a round's candidates to its tally, in the transaction that records them.
pub(super) async fn record(
    connection: &mut SqliteConnection,
    round: RoundId,
    judged: &[Judged],
) -> Result<(), StoreError> {
    const DOING: &str = "record the candidates";
    let mut worst = Verdicts::default();
    judged.iter().for_each(|one| worst.add(one.verdict()));
    let (names, objections) = by_gate(judged);
    sqlx::query("INSERT OR IGNORE INTO gate_lists (gates) VALUES (?)")
        .bind(&names)
        .execute(&mut *connection)
        .await
        .doing(DOING)?;
    sqlx::query(
        "UPDATE tallies SET candidates = ?, passed = ?, review = ?, rejected = ?, objections = ?, scores = ?, ranks = ?,
             gate_list = (SELECT id FROM gate_lists WHERE gates = ?)
         WHERE round_id = ?",
    )
    .bind(worst.passed + worst.review + worst.rejected)
    .bind(worst.passed)
    .bind(worst.review)
    .bind(worst.rejected)
    .bind(objections)
    .bind(thousandths(judged.iter().map(|one| one.score)))
    .bind(thousandths(judged.iter().map(Judged::rank)))
    .bind(names)
    .bind(round.get())
    .execute(connection)
    .await
    .map(drop)
    .doing(DOING)
}

/// Returns the names of the gates in their order, and how many texts each left to a person and rejected: `2+5;0+1;;`.
fn by_gate(judged: &[Judged]) -> (String, String) {
    let mut gates: Vec<(&str, Verdicts)> = Vec::new();
    for verdict in judged.iter().flat_map(|one| &one.gates) {
        let place = gates.iter().position(|(name, _)| *name == verdict.gate).unwrap_or_else(|| {
            gates.push((&verdict.gate, Verdicts::default()));
            gates.len() - 1
        });
        gates[place].1.add(verdict.verdict);
    }
    let objections = gates.iter().map(|(_, Verdicts { review, rejected, .. })| match review + rejected {
        0 => String::new(),
        _ => format!("{review}+{rejected}"),
    });
    let objections: Vec<String> = objections.collect();
    let names: Vec<&str> = gates.iter().map(|(name, _)| *name).collect();
    (names.join(" "), objections.join(";"))
}

/// Returns numbers from 0 to 1 in thousandths, separated by blanks.
fn thousandths(numbers: impl Iterator<Item = f32>) -> String {
    let numbers: Vec<String> = numbers.map(|number| (f64::from(number) * 1000.0).round().to_string()).collect();
    numbers.join(" ")
}

/// Reads the objections of each gate that [`by_gate`] wrote: how many texts it left to a person, and how many it rejected.
pub(super) fn read_objections(text: &str) -> impl Iterator<Item = (i64, i64)> {
    text.split(';').map(|counts| {
        let (review, rejected) = counts.split_once('+').unwrap_or(("0", "0"));
        (review.parse().unwrap_or(0), rejected.parse().unwrap_or(0))
    })
}

/// Reads what [`thousandths`] wrote.
pub(super) fn read_thousandths(text: &str) -> impl Iterator<Item = u16> {
    text.split_ascii_whitespace().filter_map(|number| number.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SpentSince;
    use crate::schema::MIGRATIONS;
    use crate::testing::{TestStore, at, judged, plain_connection, scratch};

    #[tokio::test]
    async fn a_rounds_tally_counts_its_candidates_by_verdict_and_by_gate() {
        let test = TestStore::open().await;
        let round = test.round(at("2026-03-01T14:00:00Z")).await;
        let all = [
            judged("Una feria.", Verdict::Pass, 0.734_6),
            judged("Dos ferias.", Verdict::Review, 0.5),
            judged("Tres ferias.", Verdict::Reject, 1.0),
        ];
        test.store.record_candidates(round, &all, None, at("2026-03-01T14:00:00Z")).await.unwrap();
        let row = sqlx::query("SELECT * FROM tallies").fetch_one(test.store.readers()).await.unwrap();
        let count = |name: &str| row.get::<i64, _>(name);
        assert_eq!((count("candidates"), count("passed"), count("review"), count("rejected")), (3, 1, 1, 1));
        assert_eq!(count("due"), at("2026-03-01T14:00:00Z").as_second());
        let text = |name: &str| row.get::<String, _>(name);
        assert_eq!((text("scores"), text("ranks")), ("735 500 1000".to_owned(), "735 500 1000".to_owned()));
        assert_eq!(text("objections"), ";1+1");
        assert_eq!(read_objections(";1+1").collect::<Vec<_>>(), [(0, 0), (1, 1)]);
        assert_eq!(read_thousandths("735 500 1000").collect::<Vec<_>>(), [735, 500, 1000]);
        let lists: Vec<String> =
            sqlx::query_scalar("SELECT gates FROM gate_lists").fetch_all(test.store.readers()).await.unwrap();
        assert_eq!(lists, ["length claims"]);
    }

    #[tokio::test]
    async fn the_rounds_of_an_older_record_have_the_tallies_and_words_that_new_ones_get() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let all = [judged("Mañana abre la feria.", Verdict::Review, 0.7), judged("Otra cosa.", Verdict::Reject, 0.25)];
        let round = test.round(now).await;
        test.store.record_candidates(round, &all, Some(0), now).await.unwrap();
        let post = test.approved("El mercado abre temprano.", now).await;
        test.store.arm(post, None, SpentSince { day: now, month: now }, now, |_, _| Ok(15_000)).await.unwrap();

        let folder = scratch();
        let path = folder.path().join("old.db");
        std::fs::File::create(&path).unwrap();
        let mut old = plain_connection(&path).await;
        let steps = MIGRATIONS.iter().take_while(|step| step.1 != "history").count();
        for (_, _, sql) in &MIGRATIONS[..steps] {
            sqlx::raw_sql(*sql).execute(&mut old).await.unwrap();
        }
        let copy = format!("ATTACH '{}' AS new", test.store.path().display());
        sqlx::raw_sql(sqlx::AssertSqlSafe(copy)).execute(&mut old).await.unwrap();
        for table in ["rounds", "candidates", "posts", "attempts"] {
            let columns: Vec<String> = sqlx::query_scalar("SELECT name FROM pragma_table_info(?)")
                .bind(table)
                .fetch_all(&mut old)
                .await
                .unwrap();
            let columns = columns.join(", ");
            let rows = format!("INSERT INTO {table} ({columns}) SELECT {columns} FROM new.{table}");
            sqlx::raw_sql(sqlx::AssertSqlSafe(rows)).execute(&mut old).await.unwrap();
        }
        sqlx::raw_sql("DETACH new").execute(&mut old).await.unwrap();
        sqlx::raw_sql(MIGRATIONS[steps].2).execute(&mut old).await.unwrap();

        let mut new = plain_connection(test.store.path()).await;
        let tallies =
            "SELECT json_array(round_id, due, candidates, passed, review, rejected, gates, objections, scores,
                 ranks, score, rank, cost_micros)
             FROM tallies LEFT JOIN gate_lists ON gate_lists.id = gate_list ORDER BY round_id";
        let of_old: Vec<String> = sqlx::query_scalar(tallies).fetch_all(&mut old).await.unwrap();
        let of_new: Vec<String> = sqlx::query_scalar(tallies).fetch_all(&mut new).await.unwrap();
        assert_eq!((of_old.len(), &of_old), (2, &of_new));
        for words in ["\"manana\"", "\"feria\"", "\"mercado\"", "\"otra\""] {
            let found = "SELECT (SELECT group_concat(rowid) FROM posts_text(?1)) || ':' ||
                 (SELECT group_concat(rowid) FROM candidates_text(?1))";
            let of_old: Option<String> = sqlx::query_scalar(found).bind(words).fetch_one(&mut old).await.unwrap();
            let of_new: Option<String> = sqlx::query_scalar(found).bind(words).fetch_one(&mut new).await.unwrap();
            assert_eq!(of_old, of_new, "{words}");
        }
    }
}
