//! Invents a data set of the thesis's size: 355 accounts of ten parties in three coalitions, a year of posts, retweets, quotes,
//! replies, links, hashtags and copies.
//!
//! ```sh
//! cargo run --release -p pregonero-data --example invent -- 1200000 1 tweets.csv      # or tweets.jsonl
//! ```
//!
//! The same number and seed give the same bytes. Most words are made of syllables, so that nobody can take them for news.

use std::fs::File;
use std::io::{BufWriter, Write};

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

const ACCOUNTS: usize = 355;
/// Parties with their coalition and the share of the accounts.
const PARTIES: [(&str, &str, f64); 10] = [
    ("Norte", "Montaña", 0.21),
    ("Sur", "Montaña", 0.19),
    ("Este", "Montaña", 0.06),
    ("Lago", "Costa", 0.13),
    ("Faro", "Costa", 0.11),
    ("Duna", "Costa", 0.08),
    ("Bosque", "Llano", 0.08),
    ("Trigo", "Llano", 0.06),
    ("Río", "Llano", 0.04),
    ("Solos", "Independientes", 0.04),
];
/// How many invented words there are, and how many of them belong to each party.
const WORDS: usize = 60_000;
const OWN_WORDS: usize = 40;
/// Frequent words that join the others.
const JOINING: [&str; 24] = [
    "de", "la", "que", "el", "en", "y", "a", "los", "se", "del", "las", "un", "por", "con", "no", "una", "su", "para",
    "es", "al", "lo", "como", "más", "hoy",
];
const SYLLABLES: [&str; 40] = [
    "ba", "be", "bo", "ca", "co", "cu", "da", "de", "di", "fa", "fe", "ga", "go", "la", "le", "li", "lo", "lu", "ma",
    "me", "mi", "mo", "na", "ne", "no", "ña", "pa", "pe", "po", "ra", "re", "ri", "ro", "sa", "se", "ta", "te", "to",
    "va", "zú",
];
/// 2020-07-01T00:00:00Z, the first moment of the year.
const BEGIN: i64 = 1_593_561_600;
const YEAR: i64 = 365 * 86_400;
/// How much is posted in each hour of UTC.
const HOURS: [u32; 24] = [9, 9, 8, 6, 4, 3, 2, 1, 1, 1, 2, 4, 7, 9, 10, 11, 11, 11, 10, 10, 10, 10, 10, 10];

struct Account {
    name: String,
    party: usize,
    /// How much it posts, compared with the others.
    weight: f64,
}

struct Inventor {
    random: ChaCha8Rng,
    words: Vec<String>,
    accounts: Vec<Account>,
    /// The sums of the accounts' weights.
    sums: Vec<f64>,
    /// The latest original texts, to copy and to cite.
    latest: Vec<(String, usize)>,
}

struct Tweet {
    id: u64,
    account: usize,
    text: String,
    at: i64,
    retweet: bool,
    quote: bool,
    reply: bool,
    lang: &'static str,
}

impl Inventor {
    fn new(seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let words = (0..WORDS).map(|_| invent_word(&mut random)).collect();
        let accounts: Vec<Account> = (0..ACCOUNTS).map(|place| invent_account(&mut random, place)).collect();
        let mut sum = 0.0;
        let sums = accounts.iter().map(|account| {
            sum += account.weight;
            sum
        });
        let sums = sums.collect();
        Self { random, words, sums, accounts, latest: Vec::new() }
    }

    fn tweet(&mut self, place: u64, of: u64) -> Tweet {
        let drawn = self.random.random_range(0.0..self.sums[ACCOUNTS - 1]);
        let account = self.sums.partition_point(|sum| *sum <= drawn).min(ACCOUNTS - 1);
        let kind: f64 = self.random.random();
        let (retweet, quote, reply) = (kind < 0.42, (0.42..0.55).contains(&kind), (0.55..0.72).contains(&kind));
        let text = if retweet && !self.latest.is_empty() { self.cited() } else { self.original(account, reply) };
        let at = self.moment(place, of);
        let lang = if self.random.random_bool(0.97) { "es" } else { "en" };
        Tweet { id: 1_278_000_000_123_456_789 + place * 7_919, account, text, at, retweet, quote, reply, lang }
    }

    /// Times run through the year, and within a day by the hours' weights.
    fn moment(&mut self, place: u64, of: u64) -> i64 {
        let day = (place as i64 * 365) / of as i64;
        let mut left = self.random.random_range(0..HOURS.iter().sum::<u32>());
        let hour = HOURS.iter().position(|weight| match left.checked_sub(*weight) {
            Some(rest) => {
                left = rest;
                false
            }
            None => true,
        });
        BEGIN + (day * 86_400 + hour.unwrap_or(0) as i64 * 3600 + self.random.random_range(0..3600)).min(YEAR - 1)
    }

    fn cited(&mut self) -> String {
        let (text, account) = &self.latest[self.random.random_range(0..self.latest.len())];
        let text = format!("RT @{}: {text}", self.accounts[*account].name);
        text.chars().take(140).collect()
    }

    fn original(&mut self, account: usize, reply: bool) -> String {
        if !self.latest.is_empty() && self.random.random_bool(0.04) {
            // A copy, half of them with another last word.
            let (mut text, _) = self.latest[self.random.random_range(0..self.latest.len())].clone();
            if self.random.random_bool(0.5) {
                text.push(' ');
                text.push_str(&self.word(account));
            }
            return text;
        }
        let mut text = String::new();
        if reply {
            let other = self.random.random_range(0..ACCOUNTS);
            text.push_str(&format!("@{} ", self.accounts[other].name));
        }
        let words = self.random.random_range(3..34);
        for place in 0..words {
            let word = self.word(account);
            if place == 0 {
                let mut letters = word.chars();
                text.extend(letters.next().into_iter().flat_map(char::to_uppercase).chain(letters));
            } else {
                text.push(' ');
                text.push_str(&word);
            }
            if self.random.random_bool(0.08) && place + 1 < words {
                text.push(',');
            }
        }
        text.push('.');
        self.decorate(&mut text, account);
        if self.latest.len() < 5_000 {
            self.latest.push((text.clone(), account));
        } else {
            let place = self.random.random_range(0..5_000);
            self.latest[place] = (text.clone(), account);
        }
        text
    }

    fn decorate(&mut self, text: &mut String, account: usize) {
        if self.random.random_bool(0.35) {
            let party = self.accounts[account].party;
            let own = self.random.random_range(0..6);
            text.push_str(&format!(" #{}{own}", PARTIES[party].0));
        }
        if self.random.random_bool(0.3) {
            text.push_str(&format!(" https://t.co/{:010x}", self.random.random_range(0..1_u64 << 40)));
        }
        if self.random.random_bool(0.1) {
            text.push_str(" 🌞");
        }
    }

    fn word(&mut self, account: usize) -> String {
        let kind: f64 = self.random.random();
        if kind < 0.45 {
            return JOINING[self.random.random_range(0..JOINING.len())].to_owned();
        }
        if kind < 0.52 {
            let party = self.accounts[account].party;
            return self.words[party * OWN_WORDS + self.random.random_range(0..OWN_WORDS)].clone();
        }
        // Zipf's law, nearly: the logarithm of the rank is uniform.
        let rank = (self.random.random::<f64>() * (WORDS as f64).ln()).exp() as usize;
        self.words[rank.min(WORDS - 1)].clone()
    }
}

fn invent_word(random: &mut ChaCha8Rng) -> String {
    (0..random.random_range(2..5)).map(|_| SYLLABLES[random.random_range(0..SYLLABLES.len())]).collect()
}

fn invent_account(random: &mut ChaCha8Rng, place: usize) -> Account {
    let mut share: f64 = random.random();
    let party = PARTIES.iter().position(|(_, _, part)| {
        share -= part;
        share < 0.0
    });
    let weight = (-random.random::<f64>().max(1e-9).ln()).powf(1.5) + 0.05;
    Account { name: format!("cuenta_{place:03}"), party: party.unwrap_or(0), weight }
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [rows, seed, output] = arguments.as_slice() else {
        bail!("usage: invent ROWS SEED OUTPUT.csv|OUTPUT.jsonl");
    };
    let rows: u64 = rows.parse().context("ROWS must be a number")?;
    let mut inventor = Inventor::new(seed.parse().context("SEED must be a number")?);
    let is_table = output.ends_with(".csv");
    let mut file = BufWriter::with_capacity(1 << 20, File::create(output).with_context(|| output.clone())?);
    if is_table {
        writeln!(file, "id,author,created_at,text,lang,retweet,quote,reply,partido,coalicion")?;
    }
    for place in 0..rows {
        let tweet = inventor.tweet(place, rows);
        let account = &inventor.accounts[tweet.account];
        let (party, coalition, _) = PARTIES[account.party];
        let at = Timestamp::from_second(tweet.at)?;
        if is_table {
            writeln!(
                file,
                "{},{},{at},\"{}\",{},{},{},{},{party},{coalition}",
                tweet.id,
                account.name,
                tweet.text.replace('"', "\"\""),
                tweet.lang,
                tweet.retweet,
                tweet.quote,
                tweet.reply
            )?;
        } else {
            let row = json!({"id": tweet.id.to_string(), "author": account.name, "created_at": at.to_string(), "text": tweet.text,
                "lang": tweet.lang, "retweet": tweet.retweet, "quote": tweet.quote, "reply": tweet.reply,
                "partido": party, "coalicion": coalition});
            writeln!(file, "{row}")?;
        }
    }
    file.flush()?;
    Ok(())
}
