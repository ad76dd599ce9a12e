//! A grammar in Tracery's JSON format: symbols, each with a list of rules; checked as a whole when it is read.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use serde::Serialize;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::rule::{Action, Part, Rule, Tag};

/// How deeply symbols may be nested while a text is expanded.
pub(super) const DEEPEST: usize = 100;

/// A grammar that has been checked for undefined symbols, empty lists and endless recursion.
#[derive(Debug)]
pub(super) struct Grammar {
    path: PathBuf,
    pub(super) symbols: Vec<Symbol>,
    places: HashMap<String, usize>,
    /// The names under which some action saves a value.
    saved: HashSet<String>,
    /// The symbol with which every text begins.
    pub(super) origin: usize,
}

#[derive(Debug)]
pub(super) struct Symbol {
    pub(super) name: String,
    pub(super) rules: Vec<Rule>,
}

/// The position of a rule in the grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct RuleId {
    pub(super) symbol: usize,
    pub(super) rule: usize,
}

/// An upper bound on the number of different texts that a grammar can produce.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TextCount {
    AtMost(u64),
    /// More than fits into a [`u64`].
    Beyond,
    /// A symbol contains itself: there is no bound.
    Endless,
}

impl Grammar {
    /// Reads and checks a grammar whose texts begin with `origin`.
    ///
    /// # Errors
    /// If the file cannot be read, is not a JSON object of lists of rules, or has a fault; the message names file, symbol
    /// and rule.
    pub(super) fn open(path: &Path, origin: &str) -> Result<Self> {
        let json = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let json = json.trim_start_matches('\u{feff}');
        let Entries(entries) =
            serde_json::from_str(json).with_context(|| format!("{}: not a JSON object of symbols", path.display()))?;
        Self::new(path, entries, origin)
    }

    fn new(path: &Path, entries: Vec<(String, Value)>, origin: &str) -> Result<Self> {
        let mut symbols: Vec<Symbol> = Vec::with_capacity(entries.len());
        let mut places = HashMap::new();
        for (name, rules) in entries {
            let rules = rules_of(&name, rules).with_context(|| path.display().to_string())?;
            let earlier = places.insert(name.clone(), symbols.len());
            ensure!(earlier.is_none(), "{}: {name}: the symbol is defined twice", path.display());
            symbols.push(Symbol { name, rules });
        }
        let origin = *places.get(origin).with_context(|| {
            format!("{}: {origin}: no such symbol; texts begin with it (--origin names another)", path.display())
        })?;
        let saved = symbols.iter().flat_map(|symbol| &symbol.rules).flat_map(|rule| saved_in(&rule.parts)).collect();
        let grammar = Self { path: path.to_owned(), symbols, places, saved, origin };
        grammar.check_names()?;
        grammar.check_ends()?;
        Ok(grammar)
    }

    /// Returns the index of a symbol.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    pub(super) fn rule(&self, id: RuleId) -> &Rule {
        &self.symbols[id.symbol].rules[id.rule]
    }

    /// Returns the symbol and number of a rule, for people: `frase, rule 3`.
    pub(super) fn name_of(&self, id: RuleId) -> String {
        format!("{}, rule {}", self.symbols[id.symbol].name, id.rule + 1)
    }

    /// Returns an error that names file, symbol, rule and cause.
    pub(super) fn fault(&self, id: RuleId, cause: &str) -> anyhow::Error {
        anyhow!("{}: {}: {cause}: {:?}", self.path.display(), self.name_of(id), self.rule(id).source)
    }

    /// Checks that a column can be filled.
    ///
    /// # Errors
    /// If no action saves anything under `name`.
    pub(super) fn check_column(&self, name: &str) -> Result<()> {
        ensure!(
            self.saved.contains(name),
            "{}: no rule saves {name:?}, so that column would be empty; rules write [{name}:…]",
            self.path.display()
        );
        Ok(())
    }

    /// Returns the symbols that no text can reach.
    pub(super) fn unused(&self) -> Vec<&str> {
        let reached = self.reached();
        let unused = self.symbols.iter().enumerate().filter(|(place, _)| !reached.contains(place));
        unused.map(|(_, symbol)| symbol.name.as_str()).collect()
    }

    fn reached(&self) -> BTreeSet<usize> {
        let mut reached = BTreeSet::from([self.origin]);
        let mut open = vec![self.origin];
        while let Some(symbol) = open.pop() {
            for tag in self.symbols[symbol].rules.iter().flat_map(|rule| tags_in(&rule.parts)) {
                open.extend(self.place(&tag.symbol).filter(|place| reached.insert(*place)));
            }
        }
        reached
    }

    fn ids(&self) -> impl Iterator<Item = RuleId> + '_ {
        let ids = |(symbol, entry): (usize, &Symbol)| (0..entry.rules.len()).map(move |rule| RuleId { symbol, rule });
        self.symbols.iter().enumerate().flat_map(ids)
    }

    fn check_names(&self) -> Result<()> {
        for id in self.ids() {
            let unknown = |tag: &&Tag| !self.places.contains_key(&tag.symbol) && !self.saved.contains(&tag.symbol);
            let Some(tag) = tags_in(&self.rule(id).parts).into_iter().find(unknown) else { continue };
            let name = &tag.symbol;
            let hint = if name.contains(char::is_whitespace) {
                " (for a literal #, write \\\\# in JSON)".to_owned()
            } else {
                self.nearest(name).map_or_else(String::new, |known| format!(" (nearest: {known})"))
            };
            return Err(self.fault(id, &format!("#{name}# is not defined{hint}")));
        }
        Ok(())
    }

    fn nearest(&self, name: &str) -> Option<&str> {
        let known = self.places.keys().chain(&self.saved).map(String::as_str);
        known.min_by_key(|known| (strsim::damerau_levenshtein(known, name), known.len()))
    }

    /// Checks that every symbol has a rule that ends, whatever symbols are in it.
    fn check_ends(&self) -> Result<()> {
        let mut ends = vec![false; self.symbols.len()];
        let ends_by = |parts: &[Part], ends: &[bool]| {
            tags_in(parts)
                .into_iter()
                .all(|tag| self.saved.contains(&tag.symbol) || self.place(&tag.symbol).is_none_or(|place| ends[place]))
        };
        loop {
            let now = |place: usize| self.symbols[place].rules.iter().any(|rule| ends_by(&rule.parts, &ends));
            let more: Vec<usize> = (0..ends.len()).filter(|place| !ends[*place] && now(*place)).collect();
            if more.is_empty() {
                break;
            }
            more.into_iter().for_each(|place| ends[place] = true);
        }
        let Some(symbol) = ends.iter().position(|ends| !ends) else { return Ok(()) };
        let name = &self.symbols[symbol].name;
        let cause = format!("every rule of {name} leads back into itself: endless recursion");
        Err(self.fault(RuleId { symbol, rule: 0 }, &cause))
    }

    /// Returns how many texts the grammar can produce: multiplies choices along each rule and adds up a symbol's rules, each
    /// symbol once. A text that has two derivations counts twice, and a saved symbol counts where it is saved and, with
    /// several values, where it is used, so this is an upper bound.
    pub(super) fn texts(&self) -> TextCount {
        let mut counter = Counter { grammar: self, known: HashMap::new(), used: self.used_saved() };
        counter.symbol(self.origin)
    }

    /// Returns the saved symbols that some tag uses, with the most values that one action gives them.
    fn used_saved(&self) -> HashMap<&str, u64> {
        let rules = || self.symbols.iter().flat_map(|symbol| &symbol.rules);
        let used: HashSet<&str> =
            rules().flat_map(|rule| tags_in(&rule.parts)).map(|tag| tag.symbol.as_str()).collect();
        let mut most = HashMap::new();
        for action in rules().flat_map(|rule| actions_in(&rule.parts)) {
            if let Action::Save { name, values } = action
                && used.contains(name.as_str())
            {
                let count = most.entry(name.as_str()).or_insert(1);
                *count = (*count).max(values.len() as u64);
            }
        }
        most
    }
}

/// Counts texts, each symbol once.
struct Counter<'g> {
    grammar: &'g Grammar,
    /// `None` while the symbol is being counted.
    known: HashMap<usize, Option<TextCount>>,
    used: HashMap<&'g str, u64>,
}

impl<'g> Counter<'g> {
    fn symbol(&mut self, place: usize) -> TextCount {
        match self.known.get(&place) {
            Some(Some(count)) => return *count,
            Some(None) => return TextCount::Endless,
            // No text is expanded that deep.
            None if self.known.values().filter(|count| count.is_none()).count() > DEEPEST => return TextCount::Beyond,
            None => {
                self.known.insert(place, None);
            }
        }
        let grammar = self.grammar;
        let mut seen = HashSet::new();
        let distinct = grammar.symbols[place].rules.iter().filter(|rule| seen.insert(rule.source.as_str()));
        let count = distinct.fold(TextCount::AtMost(0), |sum, rule| sum.plus(self.parts(&rule.parts)));
        self.known.insert(place, Some(count));
        count
    }

    fn parts(&mut self, parts: &'g [Part]) -> TextCount {
        parts.iter().fold(TextCount::AtMost(1), |product, part| {
            product.times(match part {
                Part::Text(_) => TextCount::AtMost(1),
                Part::Tag(tag) => self.tag(tag),
                Part::Action(action) => self.action(action),
            })
        })
    }

    fn tag(&mut self, tag: &'g Tag) -> TextCount {
        let before = tag.actions.iter().fold(TextCount::AtMost(1), |product, one| product.times(self.action(one)));
        let saved = self.used.get(tag.symbol.as_str()).map(|values| TextCount::AtMost(*values));
        let defined = self.grammar.place(&tag.symbol).map(|place| self.symbol(place));
        before.times(saved.max(defined).unwrap_or(TextCount::AtMost(1)))
    }

    fn action(&mut self, action: &'g Action) -> TextCount {
        match action {
            Action::Forget(_) => TextCount::AtMost(1),
            Action::Run(tag) => self.tag(tag),
            // A name that no text uses, such as a column's, adds no texts.
            Action::Save { name, .. } if !self.used.contains_key(name.as_str()) => TextCount::AtMost(1),
            Action::Save { values, .. } => {
                values.iter().fold(TextCount::AtMost(1), |product, value| product.times(self.parts(value)))
            }
        }
    }
}

impl TextCount {
    /// Returns `count`, or the number of texts if that is less.
    pub(super) fn least_of(self, count: usize) -> usize {
        match self {
            Self::AtMost(most) => usize::try_from(most).map_or(count, |most| most.min(count)),
            Self::Beyond | Self::Endless => count,
        }
    }

    fn plus(self, other: Self) -> Self {
        self.with(other, u64::checked_add)
    }

    fn times(self, other: Self) -> Self {
        self.with(other, u64::checked_mul)
    }

    fn with(self, other: Self, operation: fn(u64, u64) -> Option<u64>) -> Self {
        match (self, other) {
            (Self::AtMost(one), Self::AtMost(two)) => operation(one, two).map_or(Self::Beyond, Self::AtMost),
            (one, two) => one.max(two),
        }
    }
}

impl fmt::Display for TextCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(count) => write!(f, "{count}"),
            Self::Beyond => write!(f, "more than {}", u64::MAX),
            Self::Endless => f.write_str("any number, because a symbol contains itself"),
        }
    }
}

/// Serialises the number, or a phrase if there is none.
impl Serialize for TextCount {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self {
            Self::AtMost(count) => serializer.serialize_u64(*count),
            other => serializer.collect_str(other),
        }
    }
}

fn rules_of(name: &str, rules: Value) -> Result<Vec<Rule>> {
    let rules = match rules {
        Value::String(rule) => vec![Value::String(rule)],
        Value::Array(rules) => rules,
        other => bail!("{name}: expected a list of rules, found {other}"),
    };
    ensure!(!rules.is_empty(), "{name}: the list of rules is empty");
    let rule = |(place, rule): (usize, Value)| {
        let place = place + 1;
        let Value::String(source) = rule else { bail!("{name}, rule {place}: expected a text, found {rule}") };
        Rule::parse(&source).map_err(|cause| anyhow!("{name}, rule {place}: {cause}: {source:?}"))
    };
    rules.into_iter().enumerate().map(rule).collect()
}

/// Returns all tags in the parts, including those in actions.
fn tags_in(parts: &[Part]) -> Vec<&Tag> {
    let mut tags = Vec::new();
    for part in parts {
        match part {
            Part::Text(_) => {}
            Part::Tag(tag) => add_tag(tag, &mut tags),
            Part::Action(action) => add_tags_of(action, &mut tags),
        }
    }
    tags
}

fn add_tag<'a>(tag: &'a Tag, tags: &mut Vec<&'a Tag>) {
    tag.actions.iter().for_each(|action| add_tags_of(action, tags));
    tags.push(tag);
}

fn add_tags_of<'a>(action: &'a Action, tags: &mut Vec<&'a Tag>) {
    match action {
        Action::Forget(_) => {}
        Action::Run(tag) => add_tag(tag, tags),
        Action::Save { values, .. } => values.iter().for_each(|value| tags.extend(tags_in(value))),
    }
}

/// Returns all actions in the parts, including those in tags and in other actions.
fn actions_in(parts: &[Part]) -> Vec<&Action> {
    let mut actions: Vec<&Action> = Vec::new();
    for part in parts {
        match part {
            Part::Action(action) => actions.push(action),
            Part::Text(_) | Part::Tag(_) => {}
        }
    }
    let of_tags = tags_in(parts).into_iter().flat_map(|tag| &tag.actions);
    actions.extend(of_tags);
    let inner: Vec<&Action> = actions
        .iter()
        .filter_map(|action| match action {
            Action::Save { values, .. } => Some(values),
            Action::Forget(_) | Action::Run(_) => None,
        })
        .flatten()
        .flat_map(|value| actions_in(value))
        .collect();
    actions.extend(inner);
    actions
}

fn saved_in(parts: &[Part]) -> Vec<String> {
    let name = |action: &Action| match action {
        Action::Save { name, .. } => Some(name.clone()),
        Action::Forget(_) | Action::Run(_) => None,
    };
    actions_in(parts).into_iter().filter_map(name).collect()
}

/// The object's entries in their order, including repeated names.
struct Entries(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of symbols, each with its list of rules")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> std::result::Result<Entries, M::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(json: &str) -> Result<Grammar> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("g.json");
        std::fs::write(&path, json).unwrap();
        Grammar::open(&path, "origin")
    }

    fn texts(json: &str) -> TextCount {
        open(json).unwrap().texts()
    }

    #[test]
    fn faults_name_file_symbol_and_rule() {
        for (json, expected) in [
            ("[]", "g.json: not a JSON object of symbols"),
            ("{\"a\": [\"x\"]", "g.json: not a JSON object of symbols: EOF"),
            ("{\"a\": [\"x\"]}", "g.json: origin: no such symbol"),
            ("{\"origin\": []}", "g.json: origin: the list of rules is empty"),
            ("{\"origin\": 3}", "g.json: origin: expected a list of rules, found 3"),
            ("{\"origin\": [\"x\", 3]}", "g.json: origin, rule 2: expected a text, found 3"),
            ("{\"origin\": \"x\", \"origin\": \"y\"}", "g.json: origin: the symbol is defined twice"),
            (
                "{\"origin\": [\"x\", \"#nomber#\"], \"nombre\": \"y\"}",
                "g.json: origin, rule 2: #nomber# is not defined (nearest: nombre): \"#nomber#\"",
            ),
            ("{\"origin\": \"#Uno y #Dos\"}", "origin, rule 1: #Uno y # is not defined (for a literal #, "),
            ("{\"origin\": \"[a:#b\"}", "g.json: origin, rule 1: a [ opens an action that never closes"),
            ("{\"origin\": \"a]\"}", "g.json: origin, rule 1: a ] closes nothing"),
            (
                "{\"origin\": \"#a#\", \"a\": [\"x #b#\", \"#a#\"], \"b\": \"#a#\"}",
                "g.json: origin, rule 1: every rule of origin leads back into itself: endless recursion",
            ),
        ] {
            let message = format!("{:#}", open(json).unwrap_err());
            assert!(message.contains(expected), "{message:?} does not say {expected:?}");
        }
    }

    #[test]
    fn texts_are_counted_by_multiplying_and_adding() {
        for (json, expected) in [
            (r##"{"origin": ["a", "b", "b"]}"##, TextCount::AtMost(2)),
            (r##"{"origin": "#a# #a#", "a": ["x", "y", "z"]}"##, TextCount::AtMost(9)),
            (r##"{"origin": ["#a#", "#b# c"], "a": ["x", "y"], "b": ["#a#", "z"]}"##, TextCount::AtMost(5)),
            (r##"{"origin": "[t:#a#]#t# y #t#", "a": ["x", "y"]}"##, TextCount::AtMost(2)),
            (r##"{"origin": "[tema:#a#]hola", "a": ["x", "y"]}"##, TextCount::AtMost(1)),
            (r##"{"origin": "[t:x,y]#t#"}"##, TextCount::AtMost(2)),
            (r##"{"origin": ["x", "x #origin#"]}"##, TextCount::Endless),
        ] {
            assert_eq!(texts(json), expected, "{json}");
        }
        let doubling: Vec<String> = (0..70).map(|n| format!("\"s{n}\": \"#s{m}##s{m}#\"", m = n + 1)).collect();
        let json = format!(r##"{{"origin": "#s0#", {}, "s70": ["a", "b"]}}"##, doubling.join(", "));
        assert_eq!(texts(&json), TextCount::Beyond);
        assert_eq!(TextCount::Beyond.to_string(), "more than 18446744073709551615");
    }

    #[test]
    fn a_symbol_that_no_text_reaches_is_named() {
        let grammar = open(r##"{"origin": "[t:#a#]x", "a": "y", "b": "#c#", "c": "z"}"##).unwrap();
        assert_eq!(grammar.unused(), ["b", "c"]);
    }

    #[test]
    fn a_column_that_nothing_fills_is_refused() {
        let grammar = open(r#"{"origin": "[tema:x]y"}"#).unwrap();
        grammar.check_column("tema").unwrap();
        assert!(grammar.check_column("hashtags").unwrap_err().to_string().contains("no rule saves \"hashtags\""));
    }
}
