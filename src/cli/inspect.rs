//! `pregonero inspect`: shows how the bot judges a given text.

use std::io::{self, BufRead as _, BufReader, IsTerminal as _, Read};
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};

use super::decoding::generation;
use super::output::{self, styled, visible};
use super::session::Session;
use crate::app;
use pregonero_data::names;
use pregonero_data::read::{self, ReadOptions};
use pregonero_judging::gates::Recent;
use pregonero_judging::judge::Judge;
use pregonero_models::sentiment::critic::CriticKind;
use pregonero_text::tweet_text::{self, Entity, TweetText};
use pregonero_tweet::{Judged, Verdict};

/// The most characters a text may have: the longest post that X allows anyone. The gate against loops compares every run of
/// words with those after it, which takes time proportional to the square of the text's length.
const LONGEST_TEXT: usize = 25_000;

/// The most bytes a line may have: enough for the longest text with every character escaped, and the other fields of a tweet.
const LONGEST_LINE: u64 = 1 << 20;

/// The text, or the source of texts.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pregonero inspect \"El mercado abre temprano.\"
  pregonero inspect --model hub:OWNER/NAME \"El mercado abre temprano.\"
  printf '%s\\n' '{\"text\": \"Hola a todos.\"}' | pregonero --json inspect -
  pregonero --json inspect - < tweets.csv.gz")]
pub struct InspectArguments {
    /// The text; - (or nothing) reads standard input: JSON lines {"text": …}, one text per line, a table or any other file with
    /// a column "text", X's archive, Parquet …
    #[arg(value_name = "TEXT", default_value = "-", hide_default_value = true)]
    text: String,
    /// Judge the text as one by this generator (builtin, a folder or hub:OWNER/NAME) instead of the configured one: the verbatim
    /// gate compares it with the texts that this model was trained on. The classifier is still the one in sentiment.model
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,
}

/// How many texts are judged together at most: as many as one reading of the own texts compares at once.
const TOGETHER: usize = 64;

/// One line of standard input; other fields are ignored.
#[derive(Deserialize)]
struct Line {
    text: String,
}

/// Runs `inspect`.
///
/// # Errors
/// If the configuration or a model cannot be used, or a row of standard input cannot be read or has no text; the message names
/// the line.
pub async fn run(arguments: InspectArguments, session: &Session) -> Result<()> {
    check_length(&arguments.text)?;
    let model = arguments.model.iter().map(|value| generation("--model", "model", value)).collect();
    let settings = session.load(model)?.settings;
    let hub = session.hub()?;
    let judge = app::load_judge(&settings, &hub, &app::generator_files(&settings, &hub)?)?;
    let recent = session.recent(&settings).await?;
    let inspector = Inspector { judge, recent };
    if arguments.text != "-" {
        return inspector.inspect(&[arguments.text], session);
    }
    if io::stdin().is_terminal() {
        session.output.note("reading JSON lines {\"text\": …} from the terminal; Ctrl-D ends them. To judge one text: pregonero inspect \"TEXT\"");
    }
    inspector.inspect_input(session)
}

/// Passes every text of standard input to `take`: JSON lines as they come, everything else through the reader of files. With each
/// text it says whether the next one is there already.
fn for_each_of_input(mut take: impl FnMut(String, Next) -> Result<()>) -> Result<()> {
    let mut input = io::stdin().lock();
    if begins_with_object(input.fill_buf().context("standard input: cannot be read")?) {
        // Standard input itself does not show what it has in its buffer.
        return for_each_text(BufReader::with_capacity(1 << 16, input), take);
    }
    drop(input);
    let mut rows = read::open(&[PathBuf::from("-")], &ReadOptions::strict())?;
    while let Some(row) = rows.next().transpose()? {
        let place = || rows.report().place(row.place);
        let Some(text) = row.text(names::TEXT) else {
            let columns: Vec<&str> = row.iter().map(|(name, _)| name).collect();
            ensure!(columns.is_empty(), "{}: no column {:?}; it has {}", place(), names::TEXT, columns.join(", "));
            continue;
        };
        check_length(&text).with_context(place)?;
        take(text.into_owned(), Next::IsThere)?;
    }
    for finding in rows.report().files.iter().flat_map(|file| &file.findings) {
        tracing::warn!("standard input: {finding}");
    }
    Ok(())
}

/// Returns whether the first line is a whole JSON object with a text, or empty. A tweet as X writes it is for the reader of files,
/// which knows its escapes.
fn begins_with_object(start: &[u8]) -> bool {
    let line = start.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).find(|line| !line.is_empty());
    line.is_none_or(|line| {
        let object: Result<serde_json::Map<_, _>, _> = serde_json::from_slice(line);
        object.is_ok_and(|object| object.get("text").is_some_and(Value::is_string) && !read::is_of_x(&object))
    })
}

/// Passes the text of every line to `take`. If a line cannot be used, the error names its number.
fn for_each_text<R: Read>(mut lines: BufReader<R>, mut take: impl FnMut(String, Next) -> Result<()>) -> Result<()> {
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let read = lines.by_ref().take(LONGEST_LINE + 1).read_until(b'\n', &mut line);
        let place = || format!("standard input:{number}");
        if read.with_context(|| format!("{}: cannot be read", place()))? == 0 {
            break;
        }
        ensure!(line.len() as u64 <= LONGEST_LINE, "{}: the line is longer than {LONGEST_LINE} bytes", place());
        let content = str::from_utf8(&line).with_context(|| format!("{}: cannot be read as UTF-8", place()))?;
        if content.trim().is_empty() {
            continue;
        }
        let Line { text } = serde_json::from_str(content)
            .with_context(|| format!("{}: expected a JSON object {{\"text\": \"…\"}}", place()))?;
        check_length(&text).with_context(place)?;
        let next = if lines.buffer().contains(&b'\n') { Next::IsThere } else { Next::IsAwaited };
        take(text, next)?;
    }
    Ok(())
}

fn check_length(text: &str) -> Result<()> {
    let characters = text.chars().count();
    ensure!(characters <= LONGEST_TEXT, "the text has {characters} characters; a post may have at most {LONGEST_TEXT}");
    Ok(())
}

/// Whether there is another text to read without waiting for whoever writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    IsThere,
    IsAwaited,
}

struct Inspector {
    judge: Judge,
    recent: Recent,
}

impl Inspector {
    /// Judges the texts of standard input in groups, because reading the generator's own texts takes far longer than comparing
    /// one more text with them. A group ends where the next text would have to be waited for.
    fn inspect_input(&self, session: &Session) -> Result<()> {
        let mut group = Vec::with_capacity(TOGETHER);
        let read = for_each_of_input(|text, next| {
            group.push(text);
            if group.len() < TOGETHER && next == Next::IsThere {
                return Ok(());
            }
            self.inspect(&std::mem::take(&mut group), session)
        });
        // What comes before a line that cannot be read is shown.
        self.inspect(&group, session)?;
        read
    }

    fn inspect(&self, texts: &[String], session: &Session) -> Result<()> {
        let critic = self.judge.reader().kind();
        for judged in self.judge.inspect_all(texts, &self.recent)? {
            let tweet = tweet_text::parse(&judged.text);
            let cleaned = self.judge.classifier().clean(&judged.text);
            session
                .output
                .object(|| in_words(&judged, critic, &tweet, &cleaned), || as_json(&judged, &tweet, &cleaned))?;
        }
        Ok(())
    }
}

/// Returns the line of `--json`. Its fields are a contract: they may be added, but never renamed.
fn as_json(judged: &Judged, tweet: &TweetText, cleaned: &str) -> Value {
    json!({
        "text": judged.text,
        "cleaned": cleaned,
        "weighted_length": tweet.weighted_length,
        "valid": tweet.valid,
        "urls": texts(&tweet.urls),
        "mentions": texts(&tweet.mentions),
        "hashtags": texts(&tweet.hashtags),
        "cashtags": texts(&tweet.cashtags),
        "sentiment": judged.sentiment,
        "critic": judged.ranking.critic,
        "gates": judged.gates,
        "accepted": judged.verdict() == Verdict::Pass,
    })
}

fn texts(entities: &[Entity]) -> Vec<&str> {
    entities.iter().map(|entity| entity.text.as_str()).collect()
}

fn in_words(judged: &Judged, critic: Option<CriticKind>, tweet: &TweetText, cleaned: &str) -> String {
    let validity = if tweet.valid { "" } else { "; X would not accept it" };
    let sentiment = &judged.sentiment;
    let mut lines = vec![
        format!("text        {}", visible(&judged.text)),
        format!("cleaned     {}", visible(cleaned)),
        format!("length      {} of {}{validity}", tweet.weighted_length, tweet_text::MAX_WEIGHTED_LENGTH),
        format!("sentiment   {} {:.2}", sentiment.label, sentiment.score),
    ];
    lines.extend(critic.zip(judged.ranking.critic).map(|(kind, critic)| {
        let meaning = kind.in_words();
        format!("critic      {critic:.2} (probability that {meaning})")
    }));
    let kinds = [
        ("links", &tweet.urls),
        ("mentions", &tweet.mentions),
        ("hashtags", &tweet.hashtags),
        ("cashtags", &tweet.cashtags),
    ];
    let found = kinds.into_iter().filter(|(_, entities)| !entities.is_empty());
    lines.extend(found.map(|(kind, entities)| format!("{kind:<11} {}", visible(&texts(entities).join(" ")))));
    for gate in &judged.gates {
        let style = match gate.verdict {
            Verdict::Pass => output::GOOD,
            Verdict::Review => output::DOUBTFUL,
            Verdict::Reject => output::BAD,
        };
        let verdict = styled(style, &format!("{:<7}", gate.verdict.as_str()));
        lines.push(format!("{verdict} {:<15} {}", gate.gate, visible(&gate.reason)).trim_end().to_owned());
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts_of(input: &[u8]) -> Result<Vec<String>> {
        let mut texts = Vec::new();
        for_each_text(BufReader::new(input), |text, _| {
            texts.push(text);
            Ok(())
        })?;
        Ok(texts)
    }

    #[test]
    fn lines_give_their_texts_and_empty_ones_are_passed_over() {
        let input = "{\"text\": \"uno\", \"id\": 1}\n\n{\"text\": \"dos\"}";
        assert_eq!(texts_of(input.as_bytes()).unwrap(), ["uno", "dos"]);
        let longest = "a".repeat(LONGEST_TEXT);
        assert_eq!(texts_of(format!("{{\"text\": \"{longest}\"}}\n").as_bytes()).unwrap(), [longest]);
    }

    #[test]
    fn a_text_is_judged_with_the_next_ones_only_if_they_are_there() {
        let (first, second) = ("{\"text\": \"uno\"}\n{\"text\": \"dos\"}\n{\"te", "xt\": \"tres\"}\n");
        let input = BufReader::with_capacity(1 << 10, first.as_bytes().chain(second.as_bytes()));
        let mut taken = Vec::new();
        for_each_text(input, |text, next| {
            taken.push((text, next));
            Ok(())
        })
        .unwrap();
        let expected = [("uno", Next::IsThere), ("dos", Next::IsAwaited), ("tres", Next::IsAwaited)];
        assert_eq!(taken, expected.map(|(text, next)| (text.to_owned(), next)));
    }

    #[test]
    fn only_json_lines_are_read_as_they_come() {
        for (start, expected) in [
            ("{\"text\": \"uno\"}\n", true),
            ("\n\n{\"text\": \"uno\", \"id\": 1}\nno\n", true),
            ("", true),
            ("text,label\nuno,1\n", false),
            ("Hola a todos.\n", false),
            ("[{\"text\": \"uno\"}]\n", false),
            ("{\"tweet\": \"uno\"}\n", false),
            ("{\"id\": \"12\", \"text\": \"pan &amp; vino\", \"author_id\": \"3\"}\n", false),
        ] {
            assert_eq!(begins_with_object(start.as_bytes()), expected, "{start:?}");
        }
    }

    #[test]
    fn a_line_that_cannot_be_used_is_refused_by_its_number() {
        let good = "{\"text\": \"uno\"}\n";
        for (line, expected) in [
            (b"hola\n".to_vec(), "standard input:2: expected a JSON object"),
            (b"\xff\n".to_vec(), "standard input:2: cannot be read as UTF-8"),
            (vec![b'a'; 10_000_000], "standard input:2: the line is longer than 1048576 bytes"),
            (
                format!("{{\"text\": \"{}\"}}", "á ".repeat(20_000)).into_bytes(),
                "standard input:2: the text has 40000 characters; a post may have at most 25000",
            ),
        ] {
            let message = format!("{:#}", texts_of(&[good.as_bytes(), &line].concat()).unwrap_err());
            assert!(message.starts_with(expected), "{message}");
        }
    }
}
