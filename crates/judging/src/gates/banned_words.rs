//! Gate `banned_words`: slurs, insults and some hoaxes, from a built-in list and the operator's own list.
//!
//! People and models spell their way around a list: `t o n t o`, `t0nt0`, `toooonto`, `ton-to`, `тonto`. So words are compared in
//! a folded form, but only as whole words: `disputa` and `Scunthorpe` pass.

use std::path::Path;

use anyhow::{Context as _, Result};
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use super::{Gate, Reading, quote, reject};
use pregonero_tweet::GateVerdict;

pub(super) const NAME: &str = "banned_words";

const BUILT_IN: &str = include_str!("banned_words.txt");

/// Entries with fewer letters than this are not searched for in a row of single letters: they would occur by chance.
const FEWEST_SPACED: usize = 3;

#[derive(Debug)]
pub(super) struct BannedWords {
    entries: Vec<Entry>,
}

/// One line of a list.
#[derive(Debug)]
struct Entry {
    /// The line as written in the list.
    line: String,
    /// Its words as runs of equal letters.
    words: Vec<Runs>,
}

impl BannedWords {
    /// Reads the built-in list and the operator's, if there is one: one word or phrase per line; `#` starts a comment line.
    pub(super) fn new(operators_file: Option<&Path>) -> Result<Self> {
        let mut entries = entries(BUILT_IN);
        if let Some(path) = operators_file {
            let list = std::fs::read_to_string(path).with_context(|| {
                format!(
                    "gates.banned_words_file: cannot read {}: it must be UTF-8 text, one word per line",
                    path.display()
                )
            })?;
            entries.extend(self::entries(&list));
        }
        Ok(Self { entries })
    }

    fn found(&self, text: &str) -> Option<&Entry> {
        let text = fold(text);
        let sequences = [words(&text, false), words(&text, true)];
        let spaced = spaced_words(&text);
        self.entries.iter().find(|entry| {
            sequences.iter().any(|words| entry.is_in(words)) || spaced.iter().any(|word| entry.is_spelled_in(word))
        })
    }
}

impl Gate for BannedWords {
    fn name(&self) -> &'static str {
        NAME
    }

    fn verdict(&self, reading: &Reading<'_>) -> GateVerdict {
        match self.found(&reading.tweet.text) {
            Some(entry) => reject(NAME, format!("it contains the banned word {}", quote(&entry.line))),
            None => GateVerdict::pass(NAME),
        }
    }
}

fn entries(list: &str) -> Vec<Entry> {
    let lines = list.trim_start_matches('\u{feff}').lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let entry = |line: &str| Entry {
        line: line.to_owned(),
        words: words(&fold(line), false).iter().map(|word| Runs::of(&word.letters)).collect(),
    };
    lines.map(entry).filter(|entry| !entry.words.is_empty()).collect()
}

impl Entry {
    fn is_in(&self, words: &[Word]) -> bool {
        let last = self.words.len() - 1;
        words.windows(self.words.len()).any(|window| {
            let mut pairs = self.words.iter().zip(window).enumerate();
            pairs.all(|(position, (banned, word))| word.readings.iter().any(|runs| banned.is(runs, position == last)))
        })
    }

    /// Returns whether the entry occurs anywhere in a row of single letters.
    fn is_spelled_in(&self, letters: &str) -> bool {
        let [banned] = self.words.as_slice() else { return false };
        let letters = Runs::of(letters).0;
        banned.0.iter().map(|(_, count)| count).sum::<usize>() >= FEWEST_SPACED
            && letters.windows(banned.0.len()).any(|window| banned.is(window, false))
    }
}

/// A word as runs of equal letters: `tonto` and `tooontooo` differ only in the lengths of the runs.
#[derive(Debug, PartialEq, Eq)]
struct Runs(Vec<(char, usize)>);

impl Runs {
    fn of(word: &str) -> Self {
        let mut runs: Vec<(char, usize)> = Vec::new();
        for letter in word.chars() {
            match runs.last_mut() {
                Some((same, count)) if *same == letter => *count += 1,
                _ => runs.push((letter, 1)),
            }
        }
        Self(runs)
    }

    /// Returns whether `word` is this word, with its letters drawn out or not and, if `plural`, with or without a plural ending.
    fn is(&self, word: &[(char, usize)], plural: bool) -> bool {
        let Some((stem, ending)) = word.split_at_checked(self.0.len()) else { return false };
        let same = self.0.iter().zip(stem).all(|((banned, least), (letter, count))| {
            banned == letter && count >= least && !is_other_letter(*letter, *least, *count)
        });
        same && (ending.is_empty() || plural && matches!(ending, [('s', _)] | [('e', _), ('s', _)]))
    }
}

impl std::ops::Deref for Runs {
    type Target = [(char, usize)];

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// Returns whether two letters make another letter: in Spanish, rr and ll are not a drawn-out r or l.
fn is_other_letter(letter: char, least: usize, count: usize) -> bool {
    matches!(letter, 'r' | 'l') && least == 1 && count == 2
}

/// A word of the text, with every way it can be read.
#[derive(Debug)]
struct Word {
    letters: String,
    readings: Vec<Runs>,
}

impl Word {
    fn of(letters: &str) -> Self {
        let mut readings = vec![Runs::of(letters)];
        if letters.contains(|character: char| !character.is_alphabetic()) && letters.contains(char::is_alphabetic) {
            readings.extend(["i", "l"].map(|one| Runs::of(&unleet(letters, one))));
        }
        Self { letters: letters.to_owned(), readings }
    }
}

/// Replaces digits and signs with the letters they stand for; `one` is the letter that 1 stands for.
pub(super) fn unleet(word: &str, one: &str) -> String {
    let mut letters = String::with_capacity(word.len());
    for character in word.chars() {
        match character {
            '0' => letters.push('o'),
            '1' | '!' | '|' => letters.push_str(one),
            '3' | '€' => letters.push('e'),
            '4' | '@' => letters.push('a'),
            '5' | '$' => letters.push('s'),
            '7' => letters.push('t'),
            other => letters.push(other),
        }
    }
    letters
}

/// Returns whether the sign joins the pieces of a word, as in `ton-to`.
fn is_joint(character: char) -> bool {
    matches!(character, '-' | '_' | '.' | '*' | '·' | '\'' | '’' | '~' | '/')
}

fn is_letter_like(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '@' | '$' | '€' | '!' | '|')
}

/// Splits a folded text into words; if `joined`, signs inside a word are dropped instead of splitting it.
fn words(text: &str, joined: bool) -> Vec<Word> {
    let pieces = text.split(|character| !(is_letter_like(character) || joined && is_joint(character)));
    let mut words = Vec::new();
    for piece in pieces {
        let piece: String = piece.chars().filter(|character| !is_joint(*character)).collect();
        // At the edges these are signs, not letters: an exclamation, a mention.
        let piece = piece.trim_matches(['!', '|', '@', '$', '€']);
        if !piece.is_empty() {
            words.push(Word::of(&piece.to_lowercase()));
            let parts = humps(piece);
            if parts.len() > 1 {
                words.extend(parts.iter().map(|part| Word::of(&part.to_lowercase())));
            }
        }
    }
    words
}

/// Splits a word at its inner capitals: `UnaEtiqueta` gives `Una` and `Etiqueta`.
fn humps(piece: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut after_small = true;
    for character in piece.chars() {
        if parts.is_empty() || (after_small && character.is_uppercase()) {
            parts.push(String::new());
        }
        after_small = character.is_lowercase();
        if let Some(part) = parts.last_mut() {
            part.push(character);
        }
    }
    parts
}

/// Returns rows of three or more single letters, each joined into a word: `t o n t o`, `t.o.n.t.o`.
fn spaced_words(text: &str) -> Vec<String> {
    let mut rows = Vec::new();
    let mut row = String::new();
    let pieces = text.split(|character| !is_letter_like(character)).filter(|piece| !piece.is_empty());
    for piece in pieces.chain(["  "]) {
        if piece.chars().count() == 1 {
            row.push_str(&piece.to_lowercase());
        } else {
            if row.chars().count() >= FEWEST_SPACED {
                rows.extend([unleet(&row, "i"), unleet(&row, "l")]);
            }
            row.clear();
        }
    }
    rows
}

/// Folds away compatibility forms, look-alike letters, accents and invisible characters; keeps case and ñ.
fn fold(text: &str) -> String {
    const TILDE: char = '\u{303}';
    let mut folded = String::with_capacity(text.len());
    for character in text.nfkd().map(latin) {
        if character == TILDE && folded.ends_with(['n', 'N']) {
            let enye = if folded.ends_with('N') { 'Ñ' } else { 'ñ' };
            folded.pop();
            folded.push(enye);
        } else if !is_combining_mark(character) && !is_hidden(character) {
            folded.push(character);
        }
    }
    folded
}

fn is_hidden(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Returns the Latin letter that a Cyrillic or Greek letter looks like, other characters unchanged.
pub(super) fn latin(character: char) -> char {
    match character {
        'а' | 'α' => 'a',
        'в' => 'b',
        'с' | 'ϲ' => 'c',
        'е' | 'ε' => 'e',
        'һ' => 'h',
        'і' | 'ι' | 'ı' => 'i',
        'ј' => 'j',
        'к' | 'κ' => 'k',
        'м' => 'm',
        'о' | 'ο' | 'σ' => 'o',
        'р' | 'ρ' => 'p',
        'ѕ' => 's',
        'т' | 'τ' => 't',
        'ц' | 'υ' => 'u',
        'ν' => 'v',
        'х' | 'χ' => 'x',
        'у' | 'γ' => 'y',
        'А' | 'Α' => 'A',
        'В' | 'Β' => 'B',
        'С' => 'C',
        'Е' | 'Ε' => 'E',
        'Н' | 'Η' => 'H',
        'І' | 'Ι' => 'I',
        'К' | 'Κ' => 'K',
        'М' | 'Μ' => 'M',
        'О' | 'Ο' => 'O',
        'Р' | 'Ρ' => 'P',
        'Т' | 'Τ' => 'T',
        'Х' | 'Χ' => 'X',
        'У' | 'Υ' => 'Y',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::verdict_of;
    use super::*;
    use pregonero_tweet::Verdict::{Pass, Reject};

    /// Returns a gate with the built-in list and these lines.
    fn with(lines: &str) -> BannedWords {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), lines).unwrap();
        BannedWords::new(Some(file.path())).unwrap()
    }

    #[test]
    fn a_banned_word_is_found_however_it_is_disguised() {
        let gate = with("# de prueba\ntonto\n\n  pan duro  \nniño feo\nrana\n");
        for text in [
            "Qué tonto eres",
            "¡TONTO!",
            "tontos todos",
            "Tóntó",
            "t o n t o",
            "eres un t o n t o y ya",
            "t.o.n.t.o",
            "t-o-n-t-o",
            "ton-to",
            "ton.to",
            "t0nt0",
            "7onto",
            "toooonto",
            "tonntto",
            "ton\u{200b}to",
            "ton\u{ad}to",
            "tοntο",
            "тоnто",
            "ｔｏｎｔｏ",
            "𝐭𝐨𝐧𝐭𝐨",
            "#QueTonto",
            "#tonto",
            "un pan   duro",
            "Un PAN, DURO",
            "panes y pan duros",
            "un niño feo",
            "r4n4",
        ] {
            assert_eq!(verdict_of(&gate, text).verdict, Reject, "{text}");
        }
        assert_eq!(verdict_of(&gate, "qué T0NT0").reason, "it contains the banned word “tonto”");
    }

    #[test]
    fn the_built_in_list_holds() {
        let gate = BannedWords::new(None).unwrap();
        for text in
            ["un sudaca", "los VENECOS", "qué idi0ta", "maricón", "es un i.m.b.é.c.i.l", "m i e r d a", "what a b1tch"]
        {
            assert_eq!(verdict_of(&gate, text).verdict, Reject, "{text}");
        }
        assert!(gate.entries.len() > 100);
    }

    #[test]
    fn hoaxes_that_the_classifier_takes_for_praise_are_on_the_built_in_list() {
        let gate = BannedWords::new(None).unwrap();
        for text in ["Las vacunas causan autismo", "La vacuna te cambia el ADN", "No te vacunes 💉", "¡PLANDEMIA!"] {
            assert_eq!(verdict_of(&gate, text).verdict, Reject, "{text}");
        }
        for text in ["La vacuna cambia la vida de un pueblo", "No te quedes sin vacuna", "Vacúnate con calma"] {
            assert_eq!(verdict_of(&gate, text).verdict, Pass, "{text}");
        }
    }

    #[test]
    fn harmless_words_that_contain_or_resemble_a_banned_one_pass() {
        let gate = with("tonto\nano\npero malo\nrana\ncaro");
        for text in [
            "putativo",
            "disputa",
            "disputas",
            "computadora",
            "reputación",
            "diputado",
            "diputada",
            "imputado",
            "amputación",
            "Scunthorpe",
            "assessment",
            "culinario",
            "cultura",
            "cálculo",
            "ridículo",
            "vehículo",
            "círculo",
            "músculo",
            "cono",
            "conos",
            "pera",
            "perra",
            "envergadura",
            "Vergara",
            "divergas",
            "mariquita",
            "Maricarmen",
            "maricultura",
            "nacional",
            "nación",
            "Nazaret",
            "nazareno",
            "denario",
            "el año",
            "años",
            "Carajillo",
            "putear no, imputar",
            "tontería",
            "atontolinado",
            "shiitake",
            "Shitzu",
            "retardante",
            "mongol",
            "Mongolia",
            "moroso",
            "jodhpurs",
            "pingüino",
            "follaje",
            "folleto",
            "pelota",
            "pelotudez",
            "sarasate",
            "mamífero",
            "boludear",
            "perro malo",
            "carro",
            "verana",
            "mi primo y tú o yo",
            "A B C D",
            "a o u",
            "EE. UU.",
            "son tontas horas",
        ] {
            let verdict = verdict_of(&gate, text);
            assert_eq!(verdict.verdict, Pass, "{text}: {}", verdict.reason);
        }
    }

    #[test]
    fn a_missing_list_is_an_error_that_names_key_and_file() {
        let error = BannedWords::new(Some(Path::new("/no/such/list.txt"))).unwrap_err();
        let message = format!("{error:#}");
        assert!(message.starts_with("gates.banned_words_file: cannot read /no/such/list.txt"), "{message}");
    }
}
