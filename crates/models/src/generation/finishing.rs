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
    /// Returns whether `text` is longer than allowed. Measures it only if that is not plain already: no letter weighs
    /// more than two, except in a link, which needs a point; and every word weighs something.
    #[must_use]
    pub fn exceeded(&self, text: &str) -> bool {
        let may_link = text.contains('.');
        (may_link || 2 * text.chars().count() > self.limit)
            && (least_weight(text) > self.limit || (self.measure)(text) > self.limit)
    }
}

/// Returns a weight that no text like this is below: a word of plain letters weighs as many as it has, any other at least one,
/// and so does each gap.
fn least_weight(text: &str) -> usize {
    let is_plain = |word: &str| word.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let weights = text.split_whitespace().map(|word| 1 + if is_plain(word) { word.len() } else { 1 });
    weights.sum::<usize>().saturating_sub(1)
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
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use pregonero_text::tweet_text::weighted_length;

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

    #[test]
    fn the_least_weight_is_never_more_than_the_weight_that_x_counts() {
        let family = "👨‍👩‍👧‍👦".repeat(9);
        let link = format!("https://example.com/{} y ya", "a".repeat(400));
        for text in
            ["", " ", "a", "a b", "La ñandú  come\tpan.", "e\u{301}e\u{301} e", "日本 語", &family, &link, "…  …"]
        {
            assert!(least_weight(text) <= weighted_length(text), "{text:?}");
        }
        assert_eq!(least_weight("la casa 2"), 9);
    }

    #[test]
    fn a_text_that_is_far_too_long_is_cut_without_being_measured_at_every_word() {
        static MEASURED: AtomicUsize = AtomicUsize::new(0);
        let measure = |text: &str| {
            MEASURED.fetch_add(1, Ordering::Relaxed);
            text.chars().count()
        };
        let text = format!("La{}", " x".repeat(2_000));
        let cut = finish_text(&text, "La", Finish::Length, Some(&LengthBudget { limit: 280, measure }));
        assert_eq!(cut.len(), 280, "{cut}");
        assert!(MEASURED.load(Ordering::Relaxed) < 5, "{MEASURED:?}");
    }
}
