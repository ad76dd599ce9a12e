//! Parses one rule of a grammar: text, tags `#symbol.modifier#` and actions `[name:rule]`, as in Tracery.

/// How deeply actions may be nested.
const DEEPEST: usize = 20;

/// A parsed rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    /// The rule as written in the grammar.
    pub(super) source: String,
    pub(super) parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// Literal text, with its escapes resolved.
    Text(String),
    Tag(Tag),
    Action(Action),
}

/// `#[actions]symbol.modifiers#`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tag {
    /// Run before the symbol is expanded; what they save is forgotten afterwards.
    pub(super) actions: Vec<Action>,
    pub(super) symbol: String,
    pub(super) modifiers: Vec<Modifier>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// `[name:one,two]`: expands each value once, right away, and saves it under the name.
    Save { name: String, values: Vec<Vec<Part>> },
    /// `[name:POP]`: forgets what was saved last under the name.
    Forget(String),
    /// `[#symbol#]`: expands the symbol for the actions in it, and drops its text.
    Run(Tag),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Modifier {
    /// Puts the first letter in upper case.
    Capitalize,
    /// Puts the first letter of every word in upper case.
    CapitalizeAll,
}

impl Rule {
    /// Parses the source of a rule.
    ///
    /// # Errors
    /// Returns a sentence that says what is wrong with the rule.
    pub(super) fn parse(source: &str) -> Result<Self, String> {
        Ok(Self { source: source.to_owned(), parts: parse(source, 0)? })
    }

    /// Returns the number of words in the rule's own text.
    pub(super) fn own_words(&self) -> usize {
        let words = |part: &Part| match part {
            Part::Text(text) => text.split_whitespace().filter(|word| word.chars().any(char::is_alphabetic)).count(),
            Part::Tag(_) | Part::Action(_) => 0,
        };
        self.parts.iter().map(words).sum()
    }
}

impl Modifier {
    pub(super) fn apply(self, text: &str) -> String {
        match self {
            Self::Capitalize => capitalize(text),
            Self::CapitalizeAll => text.split_inclusive(char::is_whitespace).map(capitalize).collect(),
        }
    }
}

/// Puts the first letter in upper case, also after `¿`, `¡` or a quotation mark.
fn capitalize(text: &str) -> String {
    let Some((at, letter)) = text.char_indices().find(|(_, c)| c.is_alphanumeric()) else { return text.to_owned() };
    let (before, rest) = text.split_at(at);
    format!("{before}{}{}", letter.to_uppercase(), &rest[letter.len_utf8()..])
}

/// Parses a rule, or the value that an action at this depth saves, into its parts.
fn parse(source: &str, depth: usize) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut text = String::new();
    let mut rest = source;
    while let Some(sign) = rest.chars().next() {
        let after = &rest[sign.len_utf8()..];
        match sign {
            '\\' => {
                let escaped = after.chars().next().ok_or("a \\ at the end escapes nothing: write \\\\")?;
                text.push(escaped);
                rest = &after[escaped.len_utf8()..];
            }
            '#' | '[' => {
                if !text.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut text)));
                }
                let end = if sign == '#' { end_of_tag(after)? } else { end_of_action(after)? };
                let inner = &after[..end];
                parts.push(if sign == '#' {
                    Part::Tag(tag(inner, depth)?)
                } else {
                    Part::Action(action(inner, depth)?)
                });
                rest = &after[end + 1..];
            }
            ']' => return Err("a ] closes nothing: write \\\\] in JSON for a literal ]".to_owned()),
            _ => {
                text.push(sign);
                rest = after;
            }
        }
    }
    if !text.is_empty() {
        parts.push(Part::Text(text));
    }
    Ok(parts)
}

/// Returns the position of the `#` that closes a tag; actions in the tag may contain tags themselves.
fn end_of_tag(inner: &str) -> Result<usize, String> {
    let mut depth = 0_usize;
    let mut signs = inner.char_indices();
    while let Some((at, sign)) = signs.next() {
        match sign {
            '\\' => {
                signs.next();
            }
            '[' => depth += 1,
            ']' if depth == 0 => break,
            ']' => depth -= 1,
            '#' if depth == 0 => return Ok(at),
            _ => {}
        }
    }
    Err("a # opens a tag that never closes: write \\\\# in JSON for a literal #".to_owned())
}

/// Returns the position of the `]` that closes an action.
fn end_of_action(inner: &str) -> Result<usize, String> {
    let mut depth = 0_usize;
    let mut signs = inner.char_indices();
    while let Some((at, sign)) = signs.next() {
        match sign {
            '\\' => {
                signs.next();
            }
            '[' => depth += 1,
            ']' if depth == 0 => return Ok(at),
            ']' => depth -= 1,
            _ => {}
        }
    }
    Err("a [ opens an action that never closes: write \\\\[ in JSON for a literal [".to_owned())
}

fn tag(inner: &str, depth: usize) -> Result<Tag, String> {
    let mut actions = Vec::new();
    let mut rest = inner;
    while let Some(after) = rest.strip_prefix('[') {
        let end = end_of_action(after)?;
        actions.push(action(&after[..end], depth + 1)?);
        rest = &after[end + 1..];
    }
    let mut names = rest.split('.');
    let symbol = names.next().unwrap_or_default();
    if symbol.is_empty() {
        return Err("## names no symbol: write \\\\# in JSON for a literal #".to_owned());
    }
    let modifiers = names.map(modifier).collect::<Result<_, _>>()?;
    Ok(Tag { actions, symbol: symbol.to_owned(), modifiers })
}

fn modifier(name: &str) -> Result<Modifier, String> {
    match name {
        "capitalize" => Ok(Modifier::Capitalize),
        "capitalizeAll" => Ok(Modifier::CapitalizeAll),
        "a" | "s" | "ed" => Err(format!(
            ".{name} is Tracery's modifier for English: spell out the Spanish form; only .capitalize and .capitalizeAll exist"
        )),
        _ => Err(format!("there is no modifier .{name}; only .capitalize and .capitalizeAll exist")),
    }
}

fn action(inner: &str, depth: usize) -> Result<Action, String> {
    if depth > DEEPEST {
        return Err(format!("actions are nested more than {DEEPEST} deep"));
    }
    if let Some(after) = inner.strip_prefix('#') {
        let end = end_of_tag(after)?;
        return match &after[end + 1..] {
            "" => Ok(Action::Run(tag(&after[..end], depth + 1)?)),
            more => Err(format!("[{inner}] has {more:?} after its tag; an action is [name:rule] or [#symbol#]")),
        };
    }
    let shape = || format!("[{inner}] is not an action: write [name:rule], [name:POP] or [#symbol#]");
    let (name, value) = inner.split_once(':').ok_or_else(shape)?;
    if name.is_empty() || name.contains(['#', '[', ']', '.', ' ']) {
        return Err(shape());
    }
    if value == "POP" {
        return Ok(Action::Forget(name.to_owned()));
    }
    let values = alternatives(value).into_iter().map(|value| parse(value, depth + 1)).collect::<Result<_, _>>()?;
    Ok(Action::Save { name: name.to_owned(), values })
}

/// Splits a value into its alternatives at commas outside tags and actions that no blank follows, so that the comma of
/// `Hola, vecina` is part of the text.
fn alternatives(value: &str) -> Vec<&str> {
    let mut alternatives = Vec::new();
    let (mut begin, mut depth, mut in_tag) = (0, 0_usize, false);
    let mut signs = value.char_indices();
    while let Some((at, sign)) = signs.next() {
        match sign {
            '\\' => {
                signs.next();
            }
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            '#' if depth == 0 => in_tag = !in_tag,
            ',' if depth == 0 && !in_tag && !value[at + 1..].starts_with(char::is_whitespace) => {
                alternatives.push(&value[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    alternatives.push(&value[begin..]);
    alternatives
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Part {
        Part::Text(text.to_owned())
    }

    fn plain_tag(symbol: &str, modifiers: &[Modifier]) -> Tag {
        Tag { actions: Vec::new(), symbol: symbol.to_owned(), modifiers: modifiers.to_vec() }
    }

    fn save(name: &str, values: &[&[Part]]) -> Action {
        Action::Save { name: name.to_owned(), values: values.iter().map(|value| value.to_vec()).collect() }
    }

    #[test]
    fn a_rule_comes_apart_into_text_tags_and_actions() {
        let tag = |symbol, modifiers: &[Modifier]| Part::Tag(plain_tag(symbol, modifiers));
        for (source, expected) in [
            ("", vec![]),
            ("hola", vec![text("hola")]),
            ("a #b# c", vec![text("a "), tag("b", &[]), text(" c")]),
            ("#b.capitalize#", vec![tag("b", &[Modifier::Capitalize])]),
            (r"\#Refuerzo \[x\] \\", vec![text(r"#Refuerzo [x] \")]),
            (
                "[tema:refuerzo][h:]#f#",
                vec![
                    Part::Action(save("tema", &[&[text("refuerzo")]])),
                    Part::Action(save("h", &[&[]])),
                    tag("f", &[]),
                ],
            ),
            ("[t:a,b, c]", vec![Part::Action(save("t", &[&[text("a")], &[text("b, c")]]))]),
            (r"[t:a\,b]", vec![Part::Action(save("t", &[&[text("a,b")]]))]),
            ("[t:#x#,#y#]", vec![Part::Action(save("t", &[&[tag("x", &[])], &[tag("y", &[])]]))]),
            ("[t:POP]", vec![Part::Action(Action::Forget("t".to_owned()))]),
            ("[#set#]", vec![Part::Action(Action::Run(plain_tag("set", &[])))]),
            (
                "#[t:#x#]f#",
                vec![Part::Tag(Tag { actions: vec![save("t", &[&[tag("x", &[])]])], ..plain_tag("f", &[]) })],
            ),
        ] {
            assert_eq!(Rule::parse(source).map(|rule| rule.parts), Ok(expected), "{source}");
        }
    }

    #[test]
    fn what_is_unbalanced_or_unknown_is_said() {
        for (source, expected) in [
            ("a #b", "never closes"),
            ("#Refuerzo", "write \\\\# in JSON"),
            ("a [b:c", "a [ opens an action that never closes"),
            ("a] b", "a ] closes nothing"),
            ("##", "names no symbol"),
            ("#.capitalize#", "names no symbol"),
            ("#a.s#", "Tracery's modifier for English"),
            ("#a.mayus#", "there is no modifier .mayus"),
            ("[a]", "[a] is not an action"),
            ("[:a]", "is not an action"),
            ("[#a# b]", "has \" b\" after its tag"),
            ("[a:#b]", "never closes"),
            ("a \\", "escapes nothing"),
            (&format!("{}x{}", "[a:".repeat(30), "]".repeat(30)), "actions are nested more than 20 deep"),
            (&format!("{}x{}", "#[a:".repeat(30), "]a#".repeat(30)), "actions are nested more than 20 deep"),
        ] {
            let message = Rule::parse(source).expect_err(source);
            assert!(message.contains(expected), "{source}: {message}");
        }
    }

    #[test]
    fn modifiers_find_the_first_letter() {
        for (modifier, given, expected) in [
            (Modifier::Capitalize, "¿cómo va?", "¿Cómo va?"),
            (Modifier::Capitalize, "ánimo", "Ánimo"),
            (Modifier::Capitalize, "…", "…"),
            (Modifier::CapitalizeAll, "la buena nueva", "La Buena Nueva"),
        ] {
            assert_eq!(modifier.apply(given), expected);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_gives_a_rule_or_an_error(source in "[a#\\[\\]:.,\\\\ ñ]{0,30}") {
            let _ = Rule::parse(&source);
        }
    }
}
