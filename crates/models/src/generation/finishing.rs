//! Turns decoded tokens into the text of a candidate, which ends with a whole sentence if possible.

use pregonero_tweet::Finish;

/// The length that a text may have, and how it is measured: X's weighted length, passed in by the caller.
#[derive(Clone, Copy)]
pub struct LengthBudget {
    pub limit: usize,
    pub measure: fn(&str) -> usize,
}

impl std::fmt::Debug for LengthBudget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LengthBudget").field("limit", &self.limit).finish_non_exhaustive()
    }
}

impl LengthBudget {
    /// Returns whether `text` is longer than allowed. Measures it only if that is possible at all: no letter weighs
    /// more than two, except in a link, which needs a point.
    #[must_use]
    pub fn exceeded(&self, text: &str) -> bool {
        let may_link = text.contains('.');
        (may_link || 2 * text.chars().count() > self.limit) && (self.measure)(text) > self.limit
    }
}

/// Returns the text that a candidate offers: trimmed; if the model was stopped, cut back to its last complete
/// sentence, or to its last complete word if no sentence ends after the prompt.
pub(crate) fn finish_text(text: &str, prompt: &str, finish: Finish, budget: Option<&LengthBudget>) -> String {
    let text = text.trim_end();
    let fits = |text: &str| budget.is_none_or(|budget| !budget.exceeded(text));
    if finish == Finish::EndOfText && fits(text) {
        return text.to_owned();
    }
    let least = prompt.trim_end().len();
    let sentence = sentence_ends(text).into_iter().rev().find(|end| *end > least && fits(&text[..*end]));
    if let Some(end) = sentence {
        return text[..end].to_owned();
    }
    let words: Vec<usize> = text.char_indices().filter(|(_, c)| c.is_whitespace()).map(|(at, _)| at).collect();
    let end = words.into_iter().rev().find(|end| *end >= least && fits(&text[..*end])).unwrap_or(0);
    text[..end].trim_end().to_owned()
}

/// Returns the places where sentences end: after `.`, `!`, `?` or `…` and any closing marks, at a space or the end. A
/// point between digits or after a single letter (an abbreviation) does not end a sentence.
fn sentence_ends(text: &str) -> Vec<usize> {
    let characters: Vec<(usize, char)> = text.char_indices().collect();
    let mut ends = Vec::new();
    for (index, (at, c)) in characters.iter().enumerate() {
        if !matches!(c, '.' | '!' | '?' | '…') {
            continue;
        }
        let word = text[..*at].rsplit(char::is_whitespace).next().unwrap_or_default();
        if *c == '.' && word.chars().count() == 1 && word.chars().all(char::is_alphabetic) {
            continue;
        }
        let rest = &characters[index + 1..];
        let closing =
            rest.iter().take_while(|(_, c)| matches!(c, '.' | '!' | '?' | '…' | '"' | '»' | '”' | ')')).count();
        match rest.get(closing) {
            None => ends.push(text.len()),
            Some((at, c)) if c.is_whitespace() => ends.push(*at),
            Some(_) => {}
        }
    }
    ends.dedup();
    ends
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHARACTERS: LengthBudget = LengthBudget { limit: 40, measure: |text| text.chars().count() };

    #[test]
    fn a_stopped_text_keeps_its_complete_sentences() {
        let cases = [
            ("La vacuna llega hoy. Mañana seguimos con", "La vacuna", "La vacuna llega hoy."),
            ("¿Vamos ya? ¡Claro que sí! Nos vemos en el", "¿Vamos", "¿Vamos ya? ¡Claro que sí!"),
            ("Cuesta 3.5 pesos y nadie lo", "Cuesta", "Cuesta 3.5 pesos y nadie"),
            ("El Sr. J. Pérez dijo «ya está.» Luego se", "El", "El Sr. J. Pérez dijo «ya está.»"),
            ("Hoy es martes", "Hoy es martes", ""),
            ("Fin. Sigue la frase", "Fin. Sigue", "Fin. Sigue la"),
        ];
        for (text, prompt, expected) in cases {
            assert_eq!(finish_text(text, prompt, Finish::Tokens, None), expected, "{text}");
        }
    }

    #[test]
    fn a_text_the_model_ended_stays_as_it_is() {
        assert_eq!(finish_text("Todo bien por aquí \n", "Todo", Finish::EndOfText, None), "Todo bien por aquí");
    }

    #[test]
    fn a_text_over_its_length_loses_whole_sentences_then_words() {
        let long = "Una frase corta. Otra frase que pasa del límite puesto.";
        assert_eq!(finish_text(long, "Una", Finish::EndOfText, Some(&CHARACTERS)), "Una frase corta.");
        let wordy = "palabra tras palabra sin punto alguno que ayude a cortar";
        assert_eq!(
            finish_text(wordy, "palabra", Finish::Length, Some(&CHARACTERS)),
            "palabra tras palabra sin punto alguno"
        );
    }
}
