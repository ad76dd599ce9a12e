//! Control tokens: the context that precedes a text which the model was trained to write from attributes.
//!
//! A text is `[A]value[B]value[TWEET]text<|endoftext|>`: one special token per attribute, followed by its value, then
//! the start-of-tweet token, as in the thesis "Este político no existe". The layout is stored with the model in
//! `config.json`, and training and generation both build the context here, so that they cannot differ. For a model
//! from another program it can be declared (`declared`).

mod declared;

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail, ensure};
use serde::{Deserialize, Serialize};

pub use self::declared::declare;
use super::tokenizer::Tokenizer;
use crate::catalog::ModelFiles;
use pregonero_text::characters::tidy;

/// The key of `config.json` that holds the layout; transformers keeps keys it does not know.
pub const CONFIG_KEY: &str = "pregonero_control";

/// The token between the context and the text.
const START: &str = "[TWEET]";

/// Fields that are shortened first, in this order: the thesis's phrases, entities, hashtags.
const TRUNCATED_FIRST: [&str; 3] = ["FRASES", "ENTIDADES", "HASHTAGS"];

/// An attribute is closed if it has at most this many values, each a single word that was seen often enough.
const MOST_CLOSED_VALUES: usize = 16;
const LEAST_ROWS_A_VALUE: usize = 5;

/// It is also closed if it has at most this many values of one or more words, such as themes, each seen so often that
/// another value is a mistake.
const MOST_CLOSED_PHRASES: usize = 64;
const LEAST_ROWS_A_PHRASE: usize = 50;

/// The arrangement of a model's context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlLayout {
    /// The token after the context, before the text.
    pub start: String,
    /// In the order in which the context has them.
    pub attributes: Vec<ControlAttribute>,
    /// Names of the attributes that lose words if a sample is too long, the first one first.
    pub truncation: Vec<String>,
    /// The most tokens that a sample may have in training.
    pub length: usize,
}

/// One attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlAttribute {
    /// `SENTIMIENTO`
    pub name: String,
    /// `[SENTIMIENTO]`
    pub token: String,
    /// Its values, each a word, if the training texts had only these few; empty for an attribute that may have any
    /// value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

/// Why attributes do not fit a model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// The model has no control tokens.
    #[error(
        "attribute {name:?} is given, but the model was trained without attributes: leave it out, train a model with \
         `train generator --control`, or declare the control tokens of one trained elsewhere with `models control`"
    )]
    NoControl { name: String },
    /// The model knows no such attribute.
    #[error("the model knows no attribute {name:?}; it was trained with {known}")]
    UnknownAttribute { name: String, known: String },
    /// The attribute is closed, and this is not one of its values.
    #[error("{name} knows no value {value:?}; the model was trained with {known}; leave it empty for any")]
    UnknownValue { name: String, value: String, known: String },
    /// The text would be read as one of the model's special tokens.
    #[error("{place} contains {token}, which is a special token of the model: take it out")]
    SpecialToken { place: String, token: String },
}

impl ControlAttribute {
    /// Returns the values that it takes, for messages.
    #[must_use]
    pub fn values_in_words(&self) -> String {
        if self.values.is_empty() { "any words".to_owned() } else { self.values.join(", ") }
    }
}

impl ControlLayout {
    /// Creates the layout of attributes in this order. `truncation` defaults to the thesis's: phrases, entities,
    /// hashtags.
    ///
    /// # Errors
    /// If a name is empty, repeated or cannot be a token, or if `truncation` names an attribute that does not exist.
    pub fn new(names: &[String], truncation: Option<&[String]>, length: usize) -> Result<Self> {
        ensure!(!names.is_empty(), "no attribute is named");
        for (place, name) in names.iter().enumerate() {
            let sound = name.chars().all(|character| character.is_alphanumeric() || matches!(character, '_' | '-'));
            ensure!(sound && !name.is_empty(), "attribute {name:?}: a name is letters, digits, _ and -");
            ensure!(
                token(name) != START,
                "attribute {name:?}: {START} is the token before the text itself; choose another name"
            );
            ensure!(!names[..place].contains(name), "attribute {name:?} is named twice");
        }
        let known = |name: &str| names.iter().any(|known| known == name);
        let truncation = match truncation {
            Some(order) => order.to_vec(),
            None => TRUNCATED_FIRST.into_iter().filter(|name| known(name)).map(str::to_owned).collect(),
        };
        if let Some(unknown) = truncation.iter().find(|name| !known(name)) {
            bail!("{unknown:?} cannot be shortened: it is not one of the attributes {}", names.join(", "));
        }
        let attribute = |name: &String| ControlAttribute { name: name.clone(), token: token(name), values: Vec::new() };
        Ok(Self { start: START.to_owned(), attributes: names.iter().map(attribute).collect(), truncation, length })
    }

    /// Returns the layout stored with a model; `None` if it has none.
    ///
    /// # Errors
    /// If `config.json` is missing, or the layout in it or in `pregonero.json` is broken.
    pub fn read(files: &ModelFiles) -> Result<Option<Self>> {
        match of_configuration(files)? {
            None => declared::read(files),
            own => Ok(own),
        }
    }

    /// Returns whether the model can write from this value of this attribute.
    #[must_use]
    pub fn fits(&self, name: &str, value: &str) -> bool {
        let value = tidy_value(value);
        let knows = |attribute: &ControlAttribute| {
            attribute.values.is_empty()
                || attribute.known(&value).is_some()
                || value.split_whitespace().all(|word| attribute.known(word).is_some())
        };
        self.attributes.iter().any(|attribute| attribute.name == name && knows(attribute))
    }

    /// Returns every control token, in the order in which they are added to a tokenizer: the attributes', then the
    /// start token.
    #[must_use]
    pub fn tokens(&self) -> Vec<String> {
        self.attributes.iter().map(|attribute| &attribute.token).chain([&self.start]).cloned().collect()
    }

    /// Returns the attributes' names, for messages.
    #[must_use]
    pub fn names(&self) -> String {
        self.attributes.iter().map(|attribute| attribute.name.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// Closes the attributes that have only a few values in `rows`, each of which has one value per attribute.
    pub fn learn_values<'a>(&mut self, rows: impl Iterator<Item = &'a [String]>) {
        let mut counts: Vec<BTreeMap<&str, usize>> = vec![BTreeMap::new(); self.attributes.len()];
        for row in rows {
            for (values, value) in counts.iter_mut().zip(row) {
                // An attribute with many values is not closed: there is no need to keep them all.
                if !value.is_empty() && values.len() <= MOST_CLOSED_PHRASES {
                    *values.entry(value).or_insert(0) += 1;
                }
            }
        }
        for (attribute, values) in self.attributes.iter_mut().zip(counts) {
            let rows = values.values().sum::<usize>();
            let words = values.keys().all(|value| !value.contains(' '));
            let closed = (words && values.len() <= MOST_CLOSED_VALUES && rows >= LEAST_ROWS_A_VALUE * values.len())
                || (values.len() <= MOST_CLOSED_PHRASES && values.values().all(|rows| *rows >= LEAST_ROWS_A_PHRASE));
            attribute.values = if closed { values.into_keys().map(str::to_owned).collect() } else { Vec::new() };
        }
    }
}

impl ControlAttribute {
    /// Returns the value of a closed attribute that a word means, whatever its case: someone who writes `positive`
    /// for `POSITIVE` means it, but the model would read another word.
    fn known(&self, word: &str) -> Option<&str> {
        let same = |known: &&String| known.to_lowercase() == word.to_lowercase();
        let known = self.values.iter().find(|known| *known == word).or_else(|| self.values.iter().find(same));
        known.map(String::as_str)
    }
}

/// Returns the layout that this program's training has put into `config.json`.
fn of_configuration(files: &ModelFiles) -> Result<Option<ControlLayout>> {
    const NAME: &str = "config.json";
    let mut config: serde_json::Value = serde_json::from_slice(&files.read(NAME)?)
        .with_context(|| format!("{}: not valid JSON", files.display(NAME)))?;
    let Some(layout) = config.get_mut(CONFIG_KEY).map(serde_json::Value::take).filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    let layout = serde_json::from_value(layout)
        .with_context(|| format!("{}: {CONFIG_KEY} is not a layout of control tokens", files.display(NAME)))?;
    Ok(Some(layout))
}

fn token(name: &str) -> String {
    format!("[{name}]")
}

/// Returns a value as a context contains it: tidied ([`tidy`]), with single spaces, and words without the hashtag
/// sign. Training and generation use the same form.
#[must_use]
pub fn tidy_value(value: &str) -> String {
    let composed = tidy(value);
    let words = composed.split_whitespace().map(|word| word.trim_start_matches(['#', '＃']));
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// A layout together with the ids of its tokens in a tokenizer.
#[derive(Debug, Clone)]
pub struct Control {
    layout: ControlLayout,
    /// The ids of the attributes' tokens, then that of the start token.
    ids: Vec<u32>,
    /// Every special token of the tokenizer: no value or text may contain one.
    special: Vec<String>,
}

impl Control {
    /// Returns the control of a model over its tokenizer; `None` for a model without control tokens.
    ///
    /// # Errors
    /// As [`ControlLayout::read`] and [`Control::new`].
    pub fn read(files: &ModelFiles, tokenizer: &Tokenizer) -> Result<Option<Self>> {
        let Some(layout) = ControlLayout::read(files)? else { return Ok(None) };
        let own = of_configuration(files)?.is_some();
        let control = Self::new(layout, tokenizer);
        control.map(Some).with_context(|| files.display(if own { "config.json" } else { declared::FILE }))
    }

    /// Finds the tokens of `layout` in `tokenizer`.
    ///
    /// # Errors
    /// If the tokenizer lacks one.
    pub fn new(layout: ControlLayout, tokenizer: &Tokenizer) -> Result<Self> {
        let find = |token: &String| {
            tokenizer.id_of(token).with_context(|| {
                format!("the tokenizer has no control token {token}: it does not belong to this layout")
            })
        };
        let tokens = layout.tokens();
        let ids = tokens.iter().map(find).collect::<Result<Vec<_>>>()?;
        let mut special = tokenizer.special_tokens();
        // In a tokenizer from another program, control tokens may be plain added words.
        special.extend(
            tokens.into_iter().filter(|token| tokenizer.id_of(token).is_none_or(|id| !tokenizer.is_special(id))),
        );
        Ok(Self { layout, ids, special })
    }

    /// Returns the layout.
    #[must_use]
    pub fn layout(&self) -> &ControlLayout {
        &self.layout
    }

    /// Returns the ids of all control tokens. The model must never write them.
    #[must_use]
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// Returns the start-of-tweet token.
    #[must_use]
    pub fn start(&self) -> u32 {
        self.ids[self.ids.len() - 1]
    }

    /// Refuses a text that contains a special token; `place` names the text in the message.
    ///
    /// # Errors
    /// If the text contains one.
    pub fn check_text(&self, text: &str, place: impl FnOnce() -> String) -> Result<(), ControlError> {
        match self.special.iter().find(|token| text.contains(token.as_str())) {
            Some(token) => Err(ControlError::SpecialToken { place: place(), token: token.clone() }),
            None => Ok(()),
        }
    }

    /// Returns the values of the context in the layout's order, tidied; empty for attributes that are not given.
    ///
    /// # Errors
    /// If the model does not know an attribute or a value, or a value contains a special token.
    pub fn values(&self, attributes: &BTreeMap<String, String>) -> Result<Vec<String>, ControlError> {
        let known = &self.layout.attributes;
        if let Some(name) = attributes.keys().find(|name| known.iter().all(|attribute| attribute.name != **name)) {
            return Err(ControlError::UnknownAttribute { name: name.clone(), known: self.layout.names() });
        }
        known.iter().map(|attribute| self.value(attribute, attributes.get(&attribute.name))).collect()
    }

    fn value(&self, attribute: &ControlAttribute, given: Option<&String>) -> Result<String, ControlError> {
        let value = given.map(|value| tidy_value(value)).unwrap_or_default();
        self.check_text(&value, || format!("attribute {}", attribute.name))?;
        if value.is_empty() || attribute.values.is_empty() {
            return Ok(value);
        }
        if let Some(known) = attribute.known(&value) {
            return Ok(known.to_owned());
        }
        let words = value.split(' ').map(|word| {
            attribute.known(word).ok_or_else(|| ControlError::UnknownValue {
                name: attribute.name.clone(),
                value: word.to_owned(),
                known: attribute.values.join(", "),
            })
        });
        Ok(words.collect::<Result<Vec<_>, _>>()?.join(" "))
    }

    /// Returns the context of these values ([`Control::values`]) as token ids, the start token last. It is shortened
    /// to `room` tokens as far as the layout allows, so it may still be longer.
    ///
    /// # Errors
    /// If the tokenizer fails.
    pub fn context(&self, tokenizer: &Tokenizer, values: Vec<String>, room: usize) -> Result<Vec<u32>> {
        let mut fields = tokenizer.encode_all(&values)?;
        self.shorten(tokenizer, values, &mut fields, room)?;
        Ok(self.joined(fields.iter().map(Vec::as_slice)))
    }

    /// Returns the number of tokens in a context with these fields.
    pub fn tokens(&self, fields: &[Vec<u32>]) -> usize {
        self.ids.len() + fields.iter().map(Vec::len).sum::<usize>()
    }

    /// Removes words from the end of the fields, in the layout's order, until the context has at most `room` tokens;
    /// returns whether it removed any.
    pub fn shorten(
        &self,
        tokenizer: &Tokenizer,
        mut values: Vec<String>,
        fields: &mut [Vec<u32>],
        room: usize,
    ) -> Result<bool> {
        let mut shortened = false;
        for name in &self.layout.truncation {
            let place = self.layout.attributes.iter().position(|attribute| attribute.name == *name);
            let Some(place) = place else { continue };
            while self.tokens(fields) > room && !values[place].is_empty() {
                let end = values[place].rfind(' ').unwrap_or(0);
                values[place].truncate(end);
                fields[place] = tokenizer.encode(&values[place])?;
                shortened = true;
            }
        }
        Ok(shortened)
    }

    /// Joins tokenised fields into a context: each after its token, the start token last.
    pub fn joined<'a>(&self, fields: impl Iterator<Item = &'a [u32]>) -> Vec<u32> {
        let mut context = Vec::new();
        for (id, field) in self.ids.iter().zip(fields) {
            context.push(*id);
            context.extend_from_slice(field);
        }
        context.push(self.start());
        context
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generation::tokenizer::training::{self as tokenizer, TokenizerTraining};

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn tokenizer() -> Tokenizer {
        let texts = ["la plaza canta hoy", "POSITIVE NEGATIVE", "el río y la plaza", "Feria de Mayo"];
        let settings = TokenizerTraining { vocabulary_size: 320, min_frequency: 1, special_tokens: Vec::new() };
        tokenizer::train(&texts.map(str::to_owned), &settings).unwrap()
    }

    /// Returns a control with a sentiment of two values, entities and hashtags, over a tokenizer that has its tokens.
    fn control() -> (Control, Tokenizer) {
        let mut layout = ControlLayout::new(&names(&["SENTIMIENTO", "ENTIDADES", "HASHTAGS"]), None, 64).unwrap();
        layout.attributes[0].values = names(&["NEGATIVE", "POSITIVE"]);
        let tokenizer = tokenizer().with_special_tokens(&layout.tokens()).unwrap();
        (Control::new(layout, &tokenizer).unwrap(), tokenizer)
    }

    fn attributes(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn context(pairs: &[(&str, &str)], room: usize) -> String {
        let (control, tokenizer) = control();
        let values = control.values(&attributes(pairs)).unwrap();
        tokenizer.decode_raw(&control.context(&tokenizer, values, room).unwrap()).unwrap()
    }

    #[test]
    fn a_value_of_several_words_that_is_one_of_the_models_is_taken_as_a_whole() {
        let (mut control, _) = control();
        control.layout.attributes[0].values = names(&["CHILE VAMOS", "RN"]);
        for (given, expected) in [("chile vamos", "CHILE VAMOS"), ("RN", "RN"), ("rn RN", "RN RN")] {
            let values = control.values(&attributes(&[("SENTIMIENTO", given)])).unwrap();
            assert_eq!(values[0], expected);
            assert!(control.layout.fits("SENTIMIENTO", given));
        }
        for (name, value) in [("SENTIMIENTO", "CHILE"), ("TEMA", "RN")] {
            assert!(!control.layout.fits(name, value), "{name} {value}");
            control.values(&attributes(&[(name, value)])).unwrap_err();
        }
        assert!(control.layout.fits("HASHTAGS", "lo que sea"));
    }

    #[test]
    fn a_context_is_every_attribute_in_order_and_what_is_missing_is_empty() {
        for (given, expected) in [
            (&[][..], "[SENTIMIENTO][ENTIDADES][HASHTAGS][TWEET]"),
            (&[("SENTIMIENTO", "negative POSITIVE")], "[SENTIMIENTO]NEGATIVE POSITIVE[ENTIDADES][HASHTAGS][TWEET]"),
            (&[("HASHTAGS", "Feria")], "[SENTIMIENTO][ENTIDADES][HASHTAGS]Feria[TWEET]"),
            (
                &[("HASHTAGS", " #Feria  ＃Mayo "), ("SENTIMIENTO", "positive"), ("ENTIDADES", "")],
                "[SENTIMIENTO]POSITIVE[ENTIDADES][HASHTAGS]Feria Mayo[TWEET]",
            ),
        ] {
            assert_eq!(context(given, 1000), expected);
        }
    }

    #[test]
    fn its_ids_are_those_of_the_whole_text() {
        let (control, tokenizer) = control();
        let given = attributes(&[("SENTIMIENTO", "NEGATIVE"), ("ENTIDADES", "Feria de Mayo"), ("HASHTAGS", "río")]);
        let ids = control.context(&tokenizer, control.values(&given).unwrap(), 1000).unwrap();
        let text = "[SENTIMIENTO]NEGATIVE[ENTIDADES]Feria de Mayo[HASHTAGS]río[TWEET]";
        assert_eq!(ids, tokenizer.encode(text).unwrap());
        assert_eq!(ids.last(), Some(&control.start()));
        assert_eq!(control.ids().len(), 4);
    }

    #[test]
    fn a_long_context_loses_words_of_entities_then_of_hashtags_and_never_the_sentiment() {
        let given = [("SENTIMIENTO", "POSITIVE"), ("ENTIDADES", "Feria de Mayo"), ("HASHTAGS", "plaza río")];
        let (control, tokenizer) = control();
        let tokens = |text: &str| tokenizer.encode(text).unwrap().len();
        for expected in [
            "[SENTIMIENTO]POSITIVE[ENTIDADES]Feria de Mayo[HASHTAGS]plaza río[TWEET]",
            "[SENTIMIENTO]POSITIVE[ENTIDADES]Feria de[HASHTAGS]plaza río[TWEET]",
            "[SENTIMIENTO]POSITIVE[ENTIDADES][HASHTAGS]plaza río[TWEET]",
            "[SENTIMIENTO]POSITIVE[ENTIDADES][HASHTAGS]plaza[TWEET]",
        ] {
            assert_eq!(context(&given, tokens(expected)), expected);
        }
        let least = "[SENTIMIENTO]POSITIVE[ENTIDADES][HASHTAGS][TWEET]";
        assert_eq!(context(&given, 0), least);
        assert!(control.layout().truncation == ["ENTIDADES", "HASHTAGS"]);
    }

    #[test]
    fn what_a_model_does_not_know_is_refused_with_what_it_knows() {
        let (control, _) = control();
        for (given, expected) in [
            (("TONO", "x"), "no attribute \"TONO\"; it was trained with SENTIMIENTO, ENTIDADES, HASHTAGS"),
            (("SENTIMIENTO", "POSITIVE alegre"), "no value \"alegre\"; the model was trained with NEGATIVE, POSITIVE"),
            (("HASHTAGS", "x[TWEET]"), "attribute HASHTAGS contains [TWEET], which is a special token"),
            (("ENTIDADES", "a<|endoftext|>"), "attribute ENTIDADES contains <|endoftext|>"),
        ] {
            let message = control.values(&attributes(&[given])).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn layouts_that_cannot_be_are_refused() {
        for (attributes, truncation, expected) in [
            (&[][..], None, "no attribute"),
            (&["A", "A"], None, "named twice"),
            (&["A B"], None, "letters, digits"),
            (&[""], None, "letters, digits"),
            (&["TWEET"], None, "is the token before the text"),
            (&["A", "B"], Some(names(&["C"])), "\"C\" cannot be shortened: it is not one of the attributes A, B"),
        ] {
            let error = ControlLayout::new(&names(attributes), truncation.as_deref(), 64).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let layout = ControlLayout::new(&names(&["HASHTAGS", "FRASES", "TEMA"]), None, 64).unwrap();
        assert_eq!(layout.truncation, ["FRASES", "HASHTAGS"]);
    }

    #[test]
    fn an_attribute_is_closed_by_few_values_that_come_often() {
        let mut layout = ControlLayout::new(&names(&["A", "B", "C", "D"]), None, 64).unwrap();
        let rows: Vec<Vec<String>> = (0..40)
            .map(|row| {
                let of = |values: &[&str]| values[row % values.len()].to_owned();
                vec![of(&["POSITIVE", "NEGATIVE", ""]), format!("tema{row}"), String::new(), of(&["a b", "c"])]
            })
            .collect();
        layout.learn_values(rows.iter().map(Vec::as_slice));
        assert_eq!(layout.attributes[0].values, ["NEGATIVE", "POSITIVE"]);
        assert!(layout.attributes[1..].iter().all(|attribute| attribute.values.is_empty()));
    }

    #[test]
    fn an_attribute_of_several_words_is_closed_if_each_value_comes_very_often() {
        let themes: Vec<String> = (0..40).map(|theme| format!("tema {theme}")).collect();
        for (rows_each, closed) in [(49, 0), (50, 40)] {
            let mut layout = ControlLayout::new(&names(&["TEMA"]), None, 64).unwrap();
            let rows: Vec<Vec<String>> = (0..40 * rows_each).map(|row| vec![themes[row % 40].clone()]).collect();
            layout.learn_values(rows.iter().map(Vec::as_slice));
            assert_eq!(layout.attributes[0].values.len(), closed, "{rows_each}");
        }
    }

    #[test]
    fn a_layout_is_read_from_the_configuration_and_a_foreign_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let read = |config: &str| {
            std::fs::write(folder.path().join("config.json"), config).unwrap();
            ControlLayout::read(&ModelFiles::in_folder(folder.path()).unwrap())
        };
        let layout = ControlLayout::new(&names(&["A"]), None, 64).unwrap();
        let stored = serde_json::json!({"n_layer": 2, CONFIG_KEY: layout}).to_string();
        assert_eq!(read(&stored).unwrap(), Some(layout.clone()));
        assert_eq!(read("{}").unwrap(), None);
        let message = format!("{:#}", read(r#"{"pregonero_control": {"start": 1}}"#).unwrap_err());
        assert!(message.contains("config.json: pregonero_control is not a layout"), "{message}");
        let message = Control::new(layout, &tokenizer()).unwrap_err().to_string();
        assert!(message.contains("no control token [A]"), "{message}");
    }
}
