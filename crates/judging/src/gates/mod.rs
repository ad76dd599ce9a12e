//! The gates: rules that a text must pass before it may be posted, one file per gate.
//!
//! A gate reads one text and says `pass`, `review` or `reject`, with a reason for people to read. Gates know neither the model
//! nor the store: what they compare with ([`Recent`], [`VerbatimIndex`], [`OwnTexts`]) is passed in. They run in a fixed
//! order, and all of them run even after a rejection, because the record keeps every verdict.

mod banned_words;
mod broken_text;
mod cashtags;
mod claims;
mod contrary;
mod cut_sentence;
mod experience;
mod hashtags;
mod language;
mod length;
mod mentions;
mod message;
mod near_duplicate;
mod repetition;
mod settings;
mod strip;
mod urls;
mod verbatim;

use anyhow::{Context as _, Result, bail};

use pregonero_models::verbatim::{OwnText, OwnTexts, VerbatimIndex};
use pregonero_text::tweet_text::{self, TweetText};
use pregonero_tweet::{Candidate, GateVerdict, Verdict};

pub use message::LabelHashtags;
pub use near_duplicate::Recent;
pub use settings::{EntityPolicy, GateKeys, GateSettings, ReviewPolicy};

/// A text to judge, and what is known about it.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The text as it would be posted, disclosure included.
    pub text: &'a str,
    /// `text` without the disclosure.
    pub body: &'a str,
    /// The candidate that the text is from, which says why the model stopped; absent for a text that a person gives to `inspect`.
    pub candidate: Option<&'a Candidate>,
    /// The seed prompt the text starts from; may be empty.
    pub prompt: &'a str,
    /// The model's own text that `body` is too similar to, from [`Gates::near_own_texts`].
    pub own_text: Option<&'a OwnText>,
}

/// What the gates need besides their settings.
#[derive(Debug, Default)]
pub struct Resources {
    /// Runs of words from the texts that a generator was trained on, for each generator that includes them.
    pub verbatim: Vec<VerbatimIndex>,
    /// The training texts that its operator wrote, for each generator that includes them.
    pub own_texts: Vec<OwnTexts>,
    /// The hashtags that gave the classifier its labels, and the wanted label.
    pub hashtags: LabelHashtags,
    /// Names of the gates that are switched off, from [`Gates::names`].
    pub switched_off: Vec<String>,
}

/// All gates that are switched on, ready to judge.
#[derive(Debug)]
pub struct Gates {
    gates: Vec<Box<dyn Gate>>,
    stripper: strip::Stripper,
    /// The own texts of each generator; empty if they are not compared.
    own_texts: Vec<OwnTexts>,
    /// The similarity at or above which a text is too much like one of them.
    least_own: f64,
}

impl Gates {
    /// Builds the gates that are not switched off; reads the operator's list of banned words.
    ///
    /// # Errors
    /// If `banned_words_file` cannot be read, `verbatim_tokens` is too small for the model's index, or
    /// `switched_off` names a gate that does not exist.
    pub fn new(settings: &GateSettings, resources: Resources) -> Result<Self> {
        let Resources { verbatim, own_texts, hashtags: label_hashtags, switched_off } = resources;
        if let Some(unknown) = switched_off.iter().find(|name| !Self::names().contains(&name.as_str())) {
            bail!("gates: there is no gate named {unknown:?}; the gates are {}", Self::names().join(", "));
        }
        let on = |name: &str| !switched_off.iter().any(|off| off == name);
        let mut gates: Vec<Box<dyn Gate>> =
            vec![Box::new(length::Length), Box::new(broken_text::BrokenText), Box::new(language::Language::spanish())];
        gates.extend(mentions::Mentions::new(settings.mentions).map(boxed));
        gates.extend(urls::Urls::new(settings.urls).map(boxed));
        gates.push(Box::new(cashtags::Cashtags));
        gates.push(Box::new(hashtags::Hashtags::new(settings.max_hashtags)));
        let (allowed, forbidden) = (&settings.allowed_hashtags, &settings.forbidden_hashtags);
        gates.push(Box::new(message::Message::new(allowed, forbidden, &label_hashtags)));
        gates.push(Box::new(contrary::Contrary::new(&label_hashtags)));
        if on(banned_words::NAME) {
            gates.push(Box::new(banned_words::BannedWords::new(settings.banned_words_file.as_deref())?));
        }
        gates.push(Box::new(repetition::Repetition));
        gates.extend(near_duplicate::NearDuplicate::new(settings.near_duplicate).map(boxed));
        if on(verbatim::NAME) {
            let compares = settings.own_texts > 0.0;
            gates.extend(verbatim::Verbatim::new(settings.verbatim_tokens, verbatim, compares)?.map(boxed));
        }
        gates.push(Box::new(cut_sentence::CutSentence));
        gates.extend(claims::Claims::new(settings.claims).map(boxed));
        gates.extend(experience::Experience::new(settings.experience).map(boxed));
        gates.retain(|gate| on(gate.name()));
        let compares = settings.own_texts > 0.0 && on(verbatim::NAME);
        let own_texts = if compares { own_texts } else { Vec::new() };
        Ok(Self { gates, stripper: strip::Stripper::new(settings), own_texts, least_own: settings.own_texts })
    }

    /// Returns the names of all gates, in the order in which they run.
    #[must_use]
    pub fn names() -> &'static [&'static str] {
        &[
            length::NAME,
            broken_text::NAME,
            language::NAME,
            mentions::NAME,
            urls::NAME,
            cashtags::NAME,
            hashtags::NAME,
            message::NAME,
            contrary::NAME,
            banned_words::NAME,
            repetition::NAME,
            near_duplicate::NAME,
            verbatim::NAME,
            cut_sentence::NAME,
            claims::NAME,
            experience::NAME,
        ]
    }

    /// Returns every gate's verdict, in order. `recent` is what was posted in the last days; it is built once per round, and
    /// candidates of the same round are not compared with each other.
    #[must_use]
    pub fn verdicts(&self, subject: &Subject<'_>, recent: &Recent) -> Vec<GateVerdict> {
        let reading = Reading::of(*subject, recent);
        self.gates.iter().map(|gate| gate.verdict(&reading)).collect()
    }

    /// Returns, for each of `bodies`, the model's own text that it is too similar to, for [`Subject::own_text`].
    /// Returns `None` for all if the model has no own texts or the settings switch the comparison off. Reads the whole
    /// file of own texts: call it once for the candidates of a round, on a thread that may wait.
    ///
    /// # Errors
    /// If the file can no longer be read.
    pub fn near_own_texts<T: AsRef<str>>(&self, bodies: &[T]) -> Result<Vec<Option<OwnText>>> {
        let mut nearest: Vec<Option<OwnText>> = vec![None; bodies.len()];
        for own_texts in &self.own_texts {
            let found = own_texts.most_similar(bodies, self.least_own).context("the model's own texts")?;
            for (nearest, found) in nearest.iter_mut().zip(found) {
                let similarity = |text: &Option<OwnText>| text.as_ref().map_or(0.0, |text| text.similarity);
                if similarity(&found) > similarity(nearest) {
                    *nearest = found;
                }
            }
        }
        Ok(nearest)
    }

    /// Returns why no text that begins with `beginning` can pass, whatever comes after it, or `None` if one can. Asks only gates
    /// that never withdraw a rejection when the text gets longer, and `broken_text` only about characters.
    #[must_use]
    pub fn objection_to_beginning(&self, beginning: &str) -> Option<String> {
        let lasting = [mentions::NAME, urls::NAME, cashtags::NAME, hashtags::NAME, message::NAME, banned_words::NAME];
        let is_on = |name: &str| self.gates.iter().any(|gate| gate.name() == name);
        if let Some(fault) = broken_text::lasting_fault(beginning).filter(|_| is_on(broken_text::NAME)) {
            return Some(format!("gate {}: {fault}", broken_text::NAME));
        }
        let recent = Recent::default();
        // The last word may be unfinished, so the gates also judge it with two endings.
        let texts = ["", "es", " de"].map(|ending| format!("{beginning}{ending}"));
        let read = |text: &'_ String| {
            let subject = Subject { text, body: text, candidate: None, prompt: "", own_text: None };
            self.gates
                .iter()
                .filter(|gate| lasting.contains(&gate.name()))
                .map(|gate| gate.verdict(&Reading::of(subject, &recent)))
                .filter(|verdict| verdict.verdict == Verdict::Reject)
                .collect::<Vec<_>>()
        };
        let [first, rest @ ..] = texts.each_ref().map(read);
        let in_all =
            |found: &&GateVerdict| rest.iter().all(|others| others.iter().any(|other| other.gate == found.gate));
        first.iter().find(in_all).map(|found| format!("gate {}: {}", found.gate, found.reason))
    }

    /// Returns `text` without the entities whose policy is `strip`, with spaces and stranded punctuation tidied; unchanged if
    /// there are none. Call it before scoring.
    #[must_use]
    pub fn strip(&self, text: &str) -> String {
        self.stripper.strip(text)
    }
}

fn boxed<G: Gate + 'static>(gate: G) -> Box<dyn Gate> {
    Box::new(gate)
}

/// One rule.
trait Gate: std::fmt::Debug + Send + Sync {
    /// Returns the gate's name, in snake case, as stored in the record.
    fn name(&self) -> &'static str;

    fn verdict(&self, reading: &Reading<'_>) -> GateVerdict;
}

/// A subject, with what several gates need to know about it computed once.
struct Reading<'a> {
    subject: Subject<'a>,
    /// Entities and length of the whole text.
    tweet: TweetText,
    /// The body with its entities.
    body: TweetText,
    /// The body's words, normalised.
    words: Vec<String>,
    recent: &'a Recent,
}

impl<'a> Reading<'a> {
    fn of(subject: Subject<'a>, recent: &'a Recent) -> Self {
        let body = tweet_text::parse(subject.body);
        let words = pregonero_text::normal::words(subject.body);
        Self { subject, tweet: tweet_text::parse(subject.text), body, words, recent }
    }
}

fn reject(gate: &str, reason: impl Into<String>) -> GateVerdict {
    GateVerdict::new(gate, Verdict::Reject, reason)
}

/// Quotes a piece of the text for a reason: shortened, and in quotation marks.
fn quote(piece: &str) -> String {
    let piece = piece.trim();
    match piece.char_indices().nth(GateVerdict::LONGEST_QUOTE) {
        Some((end, _)) => format!("“{}…”", piece[..end].trim_end()),
        None => format!("“{piece}”"),
    }
}

/// Quotes the texts of at most three entities for a reason.
fn quote_all(entities: &[tweet_text::Entity]) -> String {
    const MOST: usize = 3;
    let mut quoted: Vec<String> = entities.iter().take(MOST).map(|entity| quote(&entity.text)).collect();
    if entities.len() > MOST {
        quoted.push(format!("{} more", entities.len() - MOST));
    }
    quoted.join(", ")
}

#[cfg(test)]
mod tests;
