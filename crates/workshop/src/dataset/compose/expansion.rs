//! Expands a grammar into one text: draws rules with a seeded generator, saves symbols, and records which rule wrote what.

use std::collections::HashMap;
use std::ops::Range;

use anyhow::Result;
use rand::Rng as _;
use rand_chacha::ChaCha8Rng;

use super::grammar::{DEEPEST, Grammar, RuleId};
use super::rule::{Action, Part, Tag};

/// The length in bytes at which an expansion is given up: no tweet is that long.
const LONGEST: usize = 8 * 1024;

/// The most rules in one text; otherwise a symbol that contains itself could go on without writing anything.
const MOST_RULES: usize = 10_000;

/// A text before it is tidied.
#[derive(Debug, Default)]
pub(super) struct Expansion {
    pub(super) text: String,
    /// Which rule wrote which bytes, inner rules first.
    pub(super) spans: Vec<Span>,
    /// The final values of saved symbols.
    saved: HashMap<String, String>,
}

/// Why an expansion was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GivenUp {
    TooLong,
    TooDeep,
}

/// The bytes that a rule wrote, including those of the symbols in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) range: Range<usize>,
    pub(super) rule: RuleId,
}

/// A text saved under a name, with the origin of its parts.
#[derive(Debug, Clone)]
struct Value {
    text: String,
    spans: Vec<Span>,
}

impl Expansion {
    /// Returns what was saved last under a name, or an empty text if nothing was.
    pub(super) fn saved(&self, name: &str) -> &str {
        self.saved.get(name).map_or("", String::as_str)
    }

    /// Returns the innermost rule that wrote all of `range`.
    pub(super) fn rule_of(&self, range: &Range<usize>) -> Option<RuleId> {
        let covers = |span: &&Span| span.range.start <= range.start && range.end <= span.range.end;
        self.spans.iter().filter(covers).min_by_key(|span| span.range.len()).map(|span| span.rule)
    }
}

/// Expands the grammar's origin once, unless the text gets too long or too deep.
///
/// # Errors
/// If a rule uses a saved symbol before it is saved; the message names file, symbol and rule.
pub(super) fn expand(grammar: &Grammar, rng: &mut ChaCha8Rng) -> Result<Result<Expansion, GivenUp>> {
    let (stacks, last) = (HashMap::new(), HashMap::new());
    let mut expander = Expander { grammar, rng, stacks, last, out: Value::empty(), rules: 0, too_deep: false };
    if !expander.symbol(grammar.origin, 0)? {
        return Ok(Err(if expander.too_deep { GivenUp::TooDeep } else { GivenUp::TooLong }));
    }
    let Expander { stacks, last, out, .. } = expander;
    let mut saved: HashMap<String, String> = last.into_iter().map(|(name, text)| (name.to_owned(), text)).collect();
    for (name, stack) in stacks {
        if let Some(text) = stack.last().and_then(|values| values.last()) {
            saved.insert(name.to_owned(), text.text.clone());
        }
    }
    Ok(Ok(Expansion { text: out.text, spans: out.spans, saved }))
}

impl Value {
    const fn empty() -> Self {
        Self { text: String::new(), spans: Vec::new() }
    }
}

struct Expander<'g, 'r> {
    grammar: &'g Grammar,
    rng: &'r mut ChaCha8Rng,
    /// By name: what was saved, the latest last, each with one or several values to draw from.
    stacks: HashMap<&'g str, Vec<Vec<Value>>>,
    /// By name: what a tag saved only for itself, kept so that a column can show it.
    last: HashMap<&'g str, String>,
    out: Value,
    /// The number of rules expanded so far.
    rules: usize,
    too_deep: bool,
}

impl<'g> Expander<'g, '_> {
    /// Writes a symbol of the grammar; returns `false` if the text gets too long or too deep.
    fn symbol(&mut self, symbol: usize, depth: usize) -> Result<bool> {
        let grammar = self.grammar;
        let rule = self.rng.random_range(0..grammar.symbols[symbol].rules.len());
        let id = RuleId { symbol, rule };
        let start = self.out.text.len();
        self.rules += 1;
        self.too_deep |= depth > DEEPEST;
        if self.too_deep || self.rules > MOST_RULES || !self.parts(&grammar.rule(id).parts, id, depth)? {
            return Ok(false);
        }
        self.out.spans.push(Span { range: start..self.out.text.len(), rule: id });
        Ok(true)
    }

    fn parts(&mut self, parts: &'g [Part], id: RuleId, depth: usize) -> Result<bool> {
        for part in parts {
            let whole = match part {
                Part::Text(text) => {
                    self.out.text.push_str(text);
                    true
                }
                Part::Tag(tag) => self.tag(tag, id, depth)?,
                Part::Action(action) => self.action(action, id, depth)?,
            };
            if !whole {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn tag(&mut self, tag: &'g Tag, id: RuleId, depth: usize) -> Result<bool> {
        for action in &tag.actions {
            if !self.action(action, id, depth)? {
                return Ok(false);
            }
        }
        let (start, spans) = (self.out.text.len(), self.out.spans.len());
        let whole = if let Some(values) = self.stacks.get(tag.symbol.as_str()).and_then(|stack| stack.last()) {
            let value = values[self.rng.random_range(0..values.len())].clone();
            self.write(&value);
            true
        } else if let Some(symbol) = self.grammar.place(&tag.symbol) {
            self.symbol(symbol, depth + 1)?
        } else {
            let cause = format!("#{}# is used before anything is saved under it", tag.symbol);
            return Err(self.grammar.fault(id, &cause));
        };
        self.modify(tag, start, spans);
        for action in tag.actions.iter().rev() {
            if let Action::Save { name, .. } = action {
                let saved = self.pop(name);
                self.last.extend(saved.and_then(|values| Some((name.as_str(), values.last()?.text.clone()))));
            }
        }
        Ok(whole && self.out.text.len() <= LONGEST && self.out.spans.len() <= MOST_RULES)
    }

    /// Applies the tag's modifiers to what was written since `start`.
    fn modify(&mut self, tag: &Tag, start: usize, spans: usize) {
        if tag.modifiers.is_empty() {
            return;
        }
        let written = self.out.text.split_off(start);
        let modified = tag.modifiers.iter().fold(written.clone(), |text, modifier| modifier.apply(&text));
        self.out.text.push_str(&modified);
        if modified.len() != written.len() {
            let end = self.out.text.len();
            self.out.spans[spans..].iter_mut().for_each(|span| span.range = start..end);
        }
    }

    fn action(&mut self, action: &'g Action, id: RuleId, depth: usize) -> Result<bool> {
        let outer = std::mem::replace(&mut self.out, Value::empty());
        let whole = match action {
            Action::Forget(name) => {
                self.pop(name);
                self.last.remove(name.as_str());
                Ok(true)
            }
            Action::Run(tag) => self.tag(tag, id, depth + 1),
            Action::Save { name, values } => self.save(name, values, id, depth + 1),
        };
        self.out = outer;
        whole
    }

    fn save(&mut self, name: &'g str, values: &'g [Vec<Part>], id: RuleId, depth: usize) -> Result<bool> {
        let mut saved = Vec::with_capacity(values.len());
        for parts in values {
            self.out = Value::empty();
            self.too_deep |= depth > DEEPEST;
            if self.too_deep || !self.parts(parts, id, depth)? {
                return Ok(false);
            }
            self.out.spans.push(Span { range: 0..self.out.text.len(), rule: id });
            saved.push(std::mem::replace(&mut self.out, Value::empty()));
        }
        self.stacks.entry(name).or_default().push(saved);
        Ok(true)
    }

    fn pop(&mut self, name: &str) -> Option<Vec<Value>> {
        self.stacks.get_mut(name).and_then(Vec::pop)
    }

    fn write(&mut self, value: &Value) {
        let start = self.out.text.len();
        self.out.text.push_str(&value.text);
        let moved = |span: &Span| Span { range: span.range.start + start..span.range.end + start, rule: span.rule };
        self.out.spans.extend(value.spans.iter().map(moved));
    }
}
