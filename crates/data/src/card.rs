//! A datasheet (Gebru et al., "Datasheets for Datasets", 2021) in Markdown: its questions, answered from the manifest.
//!
//! What the manifest cannot know is said to be unknown, in italics, for a person to fill in: an empty answer must not look like "no".
//! The last line has the hash of what is above it, so that a card with a person's answers is never replaced without being asked.

use std::fmt::Write as _;

use pregonero_system::files::sealed;
use serde_json::Value;

use crate::folder::{Manifest, Source};
use crate::names;

/// The words that only our cards have, by which an earlier one is recognised.
pub const MADE_BY: &str = "Made by `pregonero dataset card` from `manifest.json`.";

const UNKNOWN: &str = "*Not known to the manifest: write it here.*";

/// Returns the datasheet of a data set.
#[must_use]
pub fn card(manifest: &Manifest) -> String {
    let name = if manifest.name.is_empty() { "Data set without a name" } else { &manifest.name };
    let mut card = format!("# {name}\n\n{}\n\n{MADE_BY}\n", or_unknown(&manifest.description));
    facts(&mut card, manifest);
    motivation(&mut card, manifest);
    composition(&mut card, manifest);
    collection(&mut card, manifest);
    preparation(&mut card, manifest);
    uses(&mut card);
    distribution(&mut card, manifest);
    maintenance(&mut card, manifest);
    sealed(&card)
}

fn or_unknown(text: &str) -> &str {
    if text.is_empty() { UNKNOWN } else { text }
}

fn section(card: &mut String, title: &str, answers: &[(&str, String)]) {
    let _ = write!(card, "\n## {title}\n");
    for (question, answer) in answers {
        let _ = write!(card, "\n**{question}** {}\n", answer.trim_end());
    }
}

fn facts(card: &mut String, manifest: &Manifest) {
    let _ = write!(
        card,
        "\n| | |\n|---|---|\n| version | {} |\n| made | {} |\n| rows | {} |\n| digest | `{}` |\n| licence | {} |\n",
        manifest.version,
        cell(or_unknown(&manifest.created_at)),
        manifest.rows(),
        manifest.digest,
        cell(or_unknown(&manifest.licence))
    );
}

fn motivation(card: &mut String, manifest: &Manifest) {
    let creators = manifest.creators.join(", ");
    section(
        card,
        "Motivation",
        &[
            ("For what purpose was the data set created?", or_unknown(&manifest.description).to_owned()),
            ("Who created it?", or_unknown(&creators).to_owned()),
            ("Who paid for it?", cost(manifest).unwrap_or_else(|| UNKNOWN.to_owned())),
        ],
    );
}

fn cost(manifest: &Manifest) -> Option<String> {
    let dollars: f64 = manifest.sources.iter().filter_map(|source| source.cost_usd).sum();
    (dollars > 0.0).then(|| format!("Reading from X cost {dollars:.2} US dollars. Who paid: {UNKNOWN}"))
}

fn composition(card: &mut String, manifest: &Manifest) {
    let has = |column: &str| manifest.columns.iter().any(|known| known.name == column);
    let people = if has(names::AUTHOR) || has(names::AUTHOR_ID) {
        "Yes: the texts are people's, and columns say who wrote them. Texts may name other people."
    } else {
        "The texts are people's. No column says who wrote them, but a text can be found on X by its words."
    };
    section(
        card,
        "Composition",
        &[
            ("What do the instances represent?", "Posts of X (Twitter), one a row.".to_owned()),
            ("How many instances are there?", counts(manifest)),
            ("What data does each instance consist of?", columns(manifest)),
            ("Is there a label or target?", labels(manifest)),
            ("Are there recommended splits?", splits(manifest)),
            ("Are there errors, noise, or redundancies?", noise(manifest)),
            ("Does it relate to people, and can they be identified?", people.to_owned()),
            (
                "Does it contain confidential, offensive or sensitive data?",
                format!("Nobody has read every text. {UNKNOWN}"),
            ),
        ],
    );
}

fn counts(manifest: &Manifest) -> String {
    let mut answer = format!("{} rows", manifest.rows());
    if let Some(authors) = manifest.counts.get("authors").filter(|authors| **authors > 0) {
        let purged = if manifest.purged.is_empty() { "" } else { " before rows were removed" };
        let _ = write!(answer, " by {authors} authors{purged}");
    }
    if let Some([first, last]) = dates(manifest) {
        let _ = write!(answer, ", posted from {first} to {last}");
    }
    answer + "."
}

fn dates(manifest: &Manifest) -> Option<[&str; 2]> {
    let dates = manifest.other.get("dates")?;
    let date = |key: &str| dates.get(key).and_then(Value::as_str);
    Some([date("first")?, date("last")?])
}

fn columns(manifest: &Manifest) -> String {
    let mut table = "\n\n| column | type | rows that have it |\n|---|---|---|\n".to_owned();
    for column in &manifest.columns {
        let kind = format!("{:?}", column.kind).to_lowercase();
        let _ = writeln!(table, "| `{}` | {kind} | {} |", cell(&column.name), column.filled);
    }
    table
}

fn labels(manifest: &Manifest) -> String {
    if manifest.labels.is_empty() {
        return "No.".to_owned();
    }
    let labels: Vec<String> = manifest.labels.iter().map(|(label, rows)| format!("{} {rows}", cell(label))).collect();
    format!("Yes; rows by label: {}. How they were given is in the spec below.", labels.join(", "))
}

fn splits(manifest: &Manifest) -> String {
    if manifest.splits.is_empty() {
        return "No.".to_owned();
    }
    let splits: Vec<String> = manifest.splits.iter().map(|split| format!("{} {}", split.name, split.rows)).collect();
    let mut answer = format!("Yes: {}.", splits.join(", "));
    if let Some(table) = manifest.other.get("leakage").and_then(leakage) {
        answer.push_str(&table);
    }
    answer
}

/// Returns the leakage of the split and of a random one as a table.
fn leakage(leakage: &Value) -> Option<String> {
    let tested = leakage.get("tested")?.as_str()?;
    let mut table = format!(
        "\n\nWhat the part `{tested}` has in common with the training part, next to a random split of the same sizes (measured when the data set was built):\n\n\
         | share of its rows | this split | random |\n|---|---|---|\n"
    );
    for (key, of, name) in [
        ("author_in_training", "with_author", "whose author is in training"),
        ("text_in_training", "rows", "whose text is in training"),
        ("near_duplicate_in_training", "rows", "with a near-duplicate in training"),
        ("day_in_training", "with_date", "of a day that training has rows of"),
    ] {
        let share = |side: &str| {
            let count = |key: &str| leakage.get(side)?.get(key)?.as_f64();
            let (part, whole) = (count(key)?, count(of)?);
            Some(if whole > 0.0 { format!("{:.1} %", 100.0 * part / whole) } else { "unknown".to_owned() })
        };
        let _ = writeln!(table, "| {name} | {} | {} |", share("split")?, share("random")?);
    }
    Some(table)
}

fn noise(manifest: &Manifest) -> String {
    let notes = manifest.other.get("notes").and_then(Value::as_array);
    let notes: Vec<String> =
        notes.into_iter().flatten().filter_map(Value::as_str).map(|note| format!("- {note}")).collect();
    let found =
        if notes.is_empty() { String::new() } else { format!(" Found while reading:\n\n{}\n", notes.join("\n")) };
    format!("Labels by hashtag, emoji or another column are nobody's judgement of the text, and some are wrong.{found}")
}

fn collection(card: &mut String, manifest: &Manifest) {
    let mut sources = "\n\n| source | kind | rows read | kept | dropped |\n|---|---|---|---|---|\n".to_owned();
    for source in &manifest.sources {
        let _ = writeln!(
            sources,
            "| {} `{}` | {} | {} | {} | {} |",
            cell(&source.what),
            cell(&source.path_or_query),
            cell(&source.kind),
            source.rows_read,
            source.kept,
            dropped(source)
        );
    }
    let times: Vec<&str> = manifest.sources.iter().filter_map(|source| source.collected_at.as_deref()).collect();
    section(
        card,
        "Collection",
        &[
            ("How was the data acquired?", if manifest.sources.is_empty() { UNKNOWN.to_owned() } else { sources }),
            ("Over what time was it collected?", if times.is_empty() { UNKNOWN.to_owned() } else { times.join(", ") }),
            ("On what ground may it be kept and used?", or_unknown(&manifest.rights).to_owned()),
            ("Were the people notified, and did they consent?", UNKNOWN.to_owned()),
            ("Was there an ethical review?", UNKNOWN.to_owned()),
        ],
    );
}

fn dropped(source: &Source) -> String {
    let reasons: Vec<String> = source.dropped.iter().map(|(reason, rows)| format!("{rows} {}", cell(reason))).collect();
    if reasons.is_empty() { "none".to_owned() } else { reasons.join(", ") }
}

fn preparation(card: &mut String, manifest: &Manifest) {
    let spec = manifest.spec.as_ref().map_or_else(
        || UNKNOWN.to_owned(),
        |spec| format!("By this spec (SHA-256 `{}`):\n\n{}\n", spec.sha256, fenced("toml", &spec.text)),
    );
    let commands = if manifest.commands.is_empty() {
        UNKNOWN.to_owned()
    } else {
        format!("\n\n{}", fenced("sh", &manifest.commands.join("\n")))
    };
    section(
        card,
        "Preparation",
        &[("How was the data filtered, labelled and divided?", spec), ("By which commands?", commands)],
    );
}

/// Returns a block of code whose fence is longer than any in the text.
fn fenced(language: &str, text: &str) -> String {
    let longest =
        text.lines().map(|line| line.trim_start().bytes().take_while(|byte| *byte == b'`').count()).max().unwrap_or(0);
    let fence = "`".repeat(3.max(longest + 1));
    format!("{fence}{language}\n{}\n{fence}", text.trim_end())
}

fn uses(card: &mut String) {
    section(
        card,
        "Uses",
        &[
            (
                "Has it been used already?",
                format!("A model's folder says in `data.json` what it was trained on. {UNKNOWN}"),
            ),
            ("For what should it not be used?", UNKNOWN.to_owned()),
        ],
    );
}

fn distribution(card: &mut String, manifest: &Manifest) {
    let x = "X's developer policy lets people pass on ids, not texts: `pregonero dataset ids` exports them, `pregonero dataset hydrate` reads the posts again.";
    section(
        card,
        "Distribution",
        &[
            (
                "Will it be passed on, and where?",
                if manifest.url.is_empty() { UNKNOWN.to_owned() } else { manifest.url.clone() },
            ),
            ("Under which licence?", format!("{} {x}", or_unknown(&manifest.licence))),
            ("Which files are there?", files(manifest)),
        ],
    );
}

fn files(manifest: &Manifest) -> String {
    let mut table = "\n\n| file | rows | bytes | SHA-256 |\n|---|---|---|---|\n".to_owned();
    for file in &manifest.files {
        let _ = writeln!(table, "| `{}` | {} | {} | `{}` |", file.name, file.rows, file.bytes, file.sha256);
    }
    table
}

fn maintenance(card: &mut String, manifest: &Manifest) {
    let purges: Vec<String> = manifest
        .purged
        .iter()
        .map(|purge| {
            let reason = if purge.reason.is_empty() { String::new() } else { format!(" ({})", purge.reason) };
            format!("- {}: {} rows, found by {}{reason}", purge.when, purge.rows, purge.by)
        })
        .collect();
    let removed = if purges.is_empty() {
        "Nothing has been removed since it was made.".to_owned()
    } else {
        format!("Removed so far:\n\n{}", purges.join("\n"))
    };
    section(
        card,
        "Maintenance",
        &[
            ("Who maintains it, and how can they be reached?", UNKNOWN.to_owned()),
            (
                "Can people have their posts removed?",
                format!(
                    "`pregonero dataset purge` removes an author's or a single post and names the models that were trained on it. {removed}"
                ),
            ),
        ],
    );
}

/// Returns a text that does not end a table's cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use pregonero_system::files::is_untouched;

    use super::*;
    use crate::folder::{Purge, Spec, Split};

    #[test]
    fn what_is_known_is_told_and_what_is_not_is_asked_for() {
        let manifest = Manifest {
            name: "barrio".to_owned(),
            rights: "with leave of the neighbours".to_owned(),
            sources: vec![Source { what: "file".to_owned(), path_or_query: "a|b.csv".to_owned(), rows_read: 5, kept: 3, dropped: [("retweet".to_owned(), 2)].into(), ..Source::default() }],
            labels: [("si".to_owned(), 2)].into(),
            splits: vec![Split { name: "test".to_owned(), rows: 10 }],
            spec: Some(Spec { text: "[[source]]\n# ```\n".to_owned(), sha256: "ab".to_owned() }),
            purged: vec![Purge { when: "2026-02-03T00:00:00Z".to_owned(), by: "author".to_owned(), rows: 4, reason: "asked".to_owned(), ..Purge::default() }],
            other: serde_json::from_str(r#"{"leakage": {"tested": "test", "split": {"rows": 10, "with_author": 10, "author_in_training": 0, "text_in_training": 0, "near_duplicate_in_training": 1, "with_date": 0, "day_in_training": 0}, "random": {"rows": 10, "with_author": 10, "author_in_training": 5, "text_in_training": 2, "near_duplicate_in_training": 3, "with_date": 0, "day_in_training": 0}}}"#).unwrap(),
            ..Manifest::default()
        };
        let card = card(&manifest);
        assert!(is_untouched(&card));
        for changed in [card.replace("# barrio", "# Barrio"), card.clone() + "mine", card.replace("<!--", "")] {
            assert!(!is_untouched(&changed), "{changed}");
        }
        for expected in [
            "# barrio",
            "with leave of the neighbours",
            "`a\\|b.csv` |  | 5 | 3 | 2 retweet |",
            "rows by label: si 2.",
            "whose author is in training | 0.0 % | 50.0 %",
            "of a day that training has rows of | unknown | unknown",
            "2026-02-03T00:00:00Z: 4 rows, found by author (asked)",
            "**Under which licence?** *Not known to the manifest",
        ] {
            assert!(card.contains(expected), "{expected}: {card}");
        }
    }
}
