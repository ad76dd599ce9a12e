//! Makes a record as large as years of work make it, through the store's own functions, and measures how long it takes to
//! read: `cargo run --release -p pregonero-store --example year_of_history -- make FILE`, then `… -- measure FILE`. See
//! docs/guide/history.md for the numbers.

#![allow(clippy::unwrap_used, reason = "a measurement ends at the first thing that goes wrong")]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use pregonero_store::testing::{at, live};
use pregonero_store::{
    Approval, CallDetail, CallEnd, Decision, Engagement, HistoryFilter, HistoryState, NewPost, NewRead, NewRound,
    PostId, ReadKind, ReadOutcome, RoundId, Settlement, SlotId, SpentSince, StatsBy, StatsQuery, Store, StoreError,
};
use pregonero_tweet::{
    Candidate, Finish, GateVerdict, Judged, Likelihood, ModelIdentity, Ranking, SeedPrompt, Sentiment, Verdict,
};

const USAGE: &str = "usage: year_of_history make FILE [ROUNDS [CANDIDATES]] | measure FILE";

/// What a year of hourly work comes to, more or less.
const ROUNDS: usize = 20_000;
const CANDIDATES: usize = 16;

/// The gates in their order, with the shares of texts in a thousand that they reject and leave to a person.
const GATES: [(&str, u32, u32); 15] = [
    ("length", 2, 0),
    ("broken_text", 15, 0),
    ("language", 30, 0),
    ("mentions", 10, 0),
    ("urls", 10, 0),
    ("cashtags", 1, 0),
    ("hashtags", 20, 0),
    ("message", 60, 0),
    ("banned_words", 12, 0),
    ("repetition", 45, 0),
    ("near_duplicate", 80, 0),
    ("verbatim", 25, 0),
    ("cut_sentence", 120, 0),
    ("claims", 0, 110),
    ("experience", 0, 40),
];

const PROMPTS: [(&str, Option<&str>); 10] = [
    ("Me parece", None),
    ("Me parece", Some("mayores")),
    ("En el día de hoy, ", None),
    ("En el día de hoy, ", Some("refuerzo")),
    ("El puerto", None),
    ("La plaza", Some("prevencion")),
    ("En Colombia", None),
    ("Cuando", None),
    ("Gracias a", None),
    ("Si", None),
];

const WORDS: [&str; 48] = [
    "el",
    "la",
    "de",
    "que",
    "y",
    "en",
    "los",
    "del",
    "se",
    "las",
    "por",
    "un",
    "con",
    "una",
    "para",
    "mañana",
    "mercado",
    "feria",
    "plaza",
    "vecinos",
    "escuela",
    "libros",
    "café",
    "pan",
    "barrio",
    "música",
    "lluvia",
    "camino",
    "jardín",
    "biblioteca",
    "abre",
    "cierra",
    "llega",
    "celebra",
    "comparte",
    "recuerda",
    "aprende",
    "cocina",
    "año",
    "día",
    "noche",
    "tarde",
    "niños",
    "abuelos",
    "árboles",
    "montaña",
    "río",
    "puerto",
];

/// Numbers that are the same each time (Steele and others' SplitMix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Returns a number below `bound`.
    fn below(&mut self, bound: u32) -> u32 {
        u32::try_from(self.next() % u64::from(bound)).unwrap()
    }

    fn share(&mut self) -> f32 {
        self.below(10_000) as f32 / 10_000.0
    }

    fn word(&mut self) -> String {
        // Every tenth word is rare: there are as many of them as a year of texts has.
        if self.below(10) == 0 {
            format!("palabra{}", self.below(30_000))
        } else {
            WORDS[self.below(48) as usize].into()
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), StoreError> {
    let arguments: Vec<String> =
        pregonero_system::environment::command_line().iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let words: Vec<&str> = arguments.iter().skip(1).map(String::as_str).collect();
    let number = |place: usize, usual: usize| words.get(place).map_or(usual, |word| word.parse().expect(USAGE));
    match words[..] {
        ["make", file, ..] => make(Path::new(file), number(2, ROUNDS), number(3, CANDIDATES)).await,
        ["measure", file] => measure(Path::new(file)).await,
        _ => panic!("{USAGE}"),
    }
}

async fn make(file: &Path, rounds: usize, candidates: usize) -> Result<(), StoreError> {
    let mut chance = Chance(7);
    let start = at("2025-12-01T05:00:00Z");
    let store = Store::open(file).await?.with_lease("a measurement", start).await?;
    let began = Instant::now();
    let gap = SignedDuration::from_secs(365 * 24 * 3600 / i64::try_from(rounds.max(1)).unwrap());
    let mut sent = Vec::new();
    for number in 0..rounds {
        let due = Timestamp::from_second((start + gap * i32::try_from(number).unwrap()).as_second()).unwrap();
        sent.extend(serve(&store, &mut chance, number, candidates, due).await?);
        if sent.len() >= 100 {
            for hours in [6, 30, 200] {
                read_engagement(&store, &mut chance, &sent, hours, due).await?;
            }
            sent.clear();
        }
        if (number + 1) % 2_000 == 0 {
            println!("{} rounds in {:.0} s", number + 1, began.elapsed().as_secs_f64());
        }
    }
    store.close().await;
    println!("{}: {:.1} MiB", file.display(), file.metadata().unwrap().len() as f64 / 1024.0 / 1024.0);
    Ok(())
}

/// Serves one slot; returns the post if it was sent.
async fn serve(
    store: &Store,
    chance: &mut Chance,
    number: usize,
    candidates: usize,
    due: Timestamp,
) -> Result<Option<PostId>, StoreError> {
    let slot = SlotId::Scheduled(due);
    if chance.below(25) == 0 {
        store.record_missed(&slot, "the program was not running at the time", due).await?;
        return Ok(None);
    }
    let round = store.begin_round(&new_round(chance, number, slot), due).await?;
    if chance.below(100) == 0 {
        store.end_failed(round, "no candidates: the model wrote nothing", due).await?;
        return Ok(None);
    }
    let mut judged: Vec<Judged> = (0..candidates).map(|_| judged(chance)).collect();
    let fails = chance.below(6) == 0;
    if fails {
        judged
            .iter_mut()
            .for_each(|one| one.gates[12] = GateVerdict::new("cut_sentence", Verdict::Reject, "it is cut off"));
    }
    let best = |verdict: Verdict| {
        let fit = judged.iter().enumerate().filter(|(_, one)| one.verdict() == verdict);
        fit.max_by(|one, other| one.1.compare_rank(other.1)).map(|(place, _)| place)
    };
    let chosen = best(Verdict::Pass).or_else(|| best(Verdict::Review));
    store.record_candidates(round, &judged, chosen, due).await?;
    let Some(chosen) = chosen else {
        store.end_without_candidate(round, &format!("{candidates} of {candidates} rejected"), due).await?;
        return Ok(None);
    };
    finish(store, chance, round, chosen, &judged[chosen], due).await
}

async fn finish(
    store: &Store,
    chance: &mut Chance,
    round: RoundId,
    candidate: usize,
    judged: &Judged,
    due: Timestamp,
) -> Result<Option<PostId>, StoreError> {
    let approved_by = (judged.verdict() == Verdict::Pass).then_some("gates");
    let origin = live();
    let (text, weighted_length) = (&judged.text, judged.weighted_length);
    let expires_at = due + SignedDuration::from_hours(48);
    let new = NewPost {
        round,
        candidate,
        text,
        body: text,
        weighted_length,
        approved_by,
        expires_at,
        origin: &origin,
        unlike: None,
    };
    let post = store.create_post(&new, due).await?;
    if approved_by.is_none() {
        let note = (chance.below(3) == 0).then_some("the figure is old");
        let facts_checked = note.is_none();
        let decision =
            Decision { post, reviewer: "ana", role: "editor", facts_checked, sources: &[], note, link: None };
        if note.is_some() {
            store.stop_post(&decision, due).await?;
            return Ok(None);
        }
        store
            .approve_held(&decision, &Approval { seen: text, text, weighted_length, expires_at, unlike: None }, due)
            .await?;
    }
    let armed = store.arm(post, None, SpentSince { day: due, month: due }, due, |_, _| Ok(15_000)).await;
    let armed = armed.unwrap_or_else(|refusal| panic!("{refusal:?}"));
    let tweet_id = (1_995_000_000_000_000_000_i64 + post.get() * 7_919).to_string();
    let is_refused = chance.below(40) == 0;
    let detail = CallDetail { http_status: Some(if is_refused { 403 } else { 201 }), ..CallDetail::default() };
    let end = if is_refused {
        CallEnd::Refused { detail, error: "X refuses this text as a duplicate".to_owned() }
    } else {
        CallEnd::Sent { tweet_id, detail }
    };
    store.settle(&armed, &Settlement { end, windows: Vec::new(), halt: None }, due).await?;
    Ok((!is_refused).then_some(post))
}

async fn read_engagement(
    store: &Store,
    chance: &mut Chance,
    posts: &[PostId],
    hours: i64,
    now: Timestamp,
) -> Result<(), StoreError> {
    let grown = u32::try_from(hours).unwrap();
    let mut counts = Vec::new();
    for &post in posts {
        let mut upto = |most: u32| i64::from(chance.below(most * grown / 6 + 1));
        let counted = Engagement {
            likes: upto(4),
            reposts: upto(2),
            replies: upto(1),
            quotes: upto(1),
            views: Some(40 + upto(200)),
        };
        counts.push((post, counted));
    }
    let items = posts.len();
    let price_micros = 1_000 * i64::try_from(items).unwrap();
    let read = NewRead {
        what: ReadKind::Metrics,
        post: None,
        outcome: ReadOutcome::Found,
        items,
        price_micros,
        detail: CallDetail::default(),
        windows: Vec::new(),
    };
    store.record_engagement(&counts, &[], &read, now + SignedDuration::from_hours(hours)).await
}

fn new_round(chance: &mut Chance, number: usize, slot: SlotId) -> NewRound {
    let (text, theme) = PROMPTS[chance.below(10) as usize];
    let attributes = theme.map(|theme| ("TEMA".to_owned(), theme.to_owned())).into_iter().collect();
    // A new model every quarter.
    let model =
        |name: &str| ModelIdentity { name: name.to_owned(), sha256: format!("{:064x}", 0xabcd + number / 5_000) };
    let gates: serde_json::Map<_, _> = GATES.iter().map(|(name, ..)| ((*name).to_owned(), "on".into())).collect();
    NewRound {
        slot,
        seed_prompt: SeedPrompt { text: text.to_owned(), weight: 1, attributes },
        rng_seed: chance.next() >> 1,
        generation: serde_json::json!({"strategy": "sample", "candidates": CANDIDATES, "temperature": 0.7, "top_k": 50,
            "top_p": 0.95, "min_p": 0.05, "typical_p": 1.0, "repetition_penalty": 1.0, "no_repeat_ngram": 4,
            "max_new_tokens": 64, "length_limit": 277}),
        generator: model("builtin"),
        classifier: model("builtin"),
        device: "cpu".to_owned(),
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        settings: serde_json::json!({"account": "prueba", "live": true, "review_mode": "flagged",
            "sentiment": {"target": "positive", "threshold": 0.6}, "gates": gates,
            "selection": {"rank": "critic", "critic": {"name": "builtin", "sha256": "cd".repeat(32)}, "fresh_openings": 60}}),
        config_sha256: "ef".repeat(32),
    }
}

fn judged(chance: &mut Chance) -> Judged {
    let length = 10 + chance.below(12);
    let words: Vec<String> = (0..length).map(|_| chance.word()).collect();
    let continuation = format!("{}.", words.join(" "));
    let (score, critic, reading) = (chance.share(), chance.share(), chance.share());
    let text = format!("{continuation} 🤖");
    let gates = GATES
        .iter()
        .map(|&(gate, rejects, asks)| match chance.below(1_000) {
            drawn if drawn < rejects => {
                GateVerdict::new(gate, Verdict::Reject, "it is like one of the texts that must not go out")
            }
            drawn if drawn < rejects + asks => {
                GateVerdict::new(gate, Verdict::Review, "it says something that a person has to check")
            }
            _ => GateVerdict::pass(gate),
        })
        .collect();
    Judged {
        candidate: Candidate {
            text: continuation.clone(),
            continuation,
            token_ids: (0..length * 3).map(|_| chance.below(50_000)).collect(),
            prompt_tokens: 4,
            rng_seed: chance.next() >> 1,
            finish: Finish::EndOfText,
            likelihood: Some(Likelihood { mean: -1.0 - chance.share(), weakest: -2.0 - chance.share() }),
        },
        weighted_length: text.chars().count(),
        text,
        sentiment: Sentiment {
            label: if score > 0.5 { "positive" } else { "negative" }.to_owned(),
            score: score.max(1.0 - score),
            probabilities: BTreeMap::from([("negative".to_owned(), 1.0 - score), ("positive".to_owned(), score)]),
        },
        score,
        ranking: Ranking {
            critic: Some(critic),
            reading: Some(reading),
            rank: Some(reading),
            fresh_opening: Some(true),
        },
        gates,
    }
}

/// How often each reading is repeated.
const TIMES: usize = 15;

/// Prints the median of several runs, and the shortest.
async fn timed<F: Future<Output = Result<usize, StoreError>>>(
    name: &str,
    run: impl Fn() -> F,
) -> Result<(), StoreError> {
    let mut times = Vec::new();
    let mut rows = 0;
    for _ in 0..TIMES {
        let began = Instant::now();
        rows = run().await?;
        times.push(began.elapsed());
    }
    times.sort();
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    println!("{name:<44} {rows:>6} rows {:>9.2} ms {:>9.2} ms", ms(times[TIMES / 2]), ms(times[0]));
    Ok(())
}

async fn measure(file: &Path) -> Result<(), StoreError> {
    println!("{:<44} {:>11} {:>12} {:>12}", "", "", "median", "least");
    timed("open and close", || async {
        Store::open_read_only(file).await?.close().await;
        Ok(0)
    })
    .await?;
    let store = &Store::open_read_only(file).await?;
    let all = HistoryFilter::default;
    let twenty = || HistoryFilter { limit: Some(20), ..all() };
    let state = |word: &str| HistoryState::from_word(word).unwrap();
    let text = |words: &str, in_candidates| HistoryFilter { text: Some(words.to_owned()), in_candidates, ..twenty() };
    let (march, april) = (at("2026-03-01T05:00:00Z"), at("2026-04-01T05:00:00Z"));
    let filters = [
        ("history list", twenty()),
        ("history list --all", all()),
        ("history list --text manana", text("manana", false)),
        ("history list --text 'mercado palabra12*'", text("mercado palabra12*", false)),
        ("history list --text palabra7", text("palabra7", false)),
        ("history list --text palabra7 --candidates", text("palabra7", true)),
        ("history list --text manana --candidates", text("manana", true)),
        ("history list --since --until", HistoryFilter { since: Some(march), until: Some(april), ..twenty() }),
        ("history list --prompt", HistoryFilter { prompt: Some("El puerto".to_owned()), ..twenty() }),
        ("history list --prompt (none fits)", HistoryFilter { prompt: Some("Nada".to_owned()), ..twenty() }),
        ("history list --state refused", HistoryFilter { states: vec![state("refused")], ..twenty() }),
        ("history list --state expired (none fits)", HistoryFilter { states: vec![state("expired")], ..twenty() }),
        ("history list --min-score 0.99", HistoryFilter { min_score: Some(0.99), ..twenty() }),
        ("history list --min-score 1 (none fits)", HistoryFilter { min_score: Some(1.0), ..twenty() }),
        ("history list --model", HistoryFilter { model: Some("builtin".to_owned()), ..twenty() }),
        ("history list --model (none fits)", HistoryFilter { model: Some("otro".to_owned()), ..twenty() }),
    ];
    for (name, filter) in filters {
        timed(name, || async { Ok(store.history_filtered(&filter).await?.len()) }).await?;
    }
    let newest = store.history_filtered(&HistoryFilter { states: vec![state("sent")], ..twenty() }).await?;
    let middle = RoundId::new(newest[0].id.get() / 2);
    timed("history show", || async { Ok(store.history_record(middle).await?.candidates.len()) }).await?;
    let zone = TimeZone::get("America/Bogota").unwrap();
    for by in StatsBy::ALL {
        let query = StatsQuery { by: *by, zone: zone.clone(), since: None, until: None };
        timed(&format!("stats --by {by}"), || async { Ok(store.stats(&query).await?.len()) }).await?;
    }
    let query = StatsQuery { by: StatsBy::Prompt, zone, since: Some(march), until: Some(april) };
    timed("stats --by prompt, of a month", || async { Ok(store.stats(&query).await?.len()) }).await?;
    store.close().await;
    Ok(())
}
