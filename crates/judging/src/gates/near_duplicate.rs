//! Gate `near_duplicate`: X suspends accounts that post the same thing again, and readers leave even earlier.
//!
//! The gate compares the normalised text with everything posted in the last days in three ways; the greatest similarity
//! counts. It only merges sorted hashes, so thousands of posts take milliseconds.

use pregonero_text::normal::words;
use pregonero_text::similarity::Shingles;
use pregonero_tweet::GateVerdict;

use super::{Gate, Reading, quote, reject};

pub(super) const NAME: &str = "near_duplicate";

/// Words in a text's opening; if the prompt is that long, the opening is the prompt plus [`BEYOND_PROMPT`] words.
const OPENING: usize = 6;
const BEYOND_PROMPT: usize = 3;

/// What was posted in the last days; built once per round.
#[derive(Debug, Default)]
pub struct Recent {
    posts: Vec<Post>,
}

#[derive(Debug)]
struct Post {
    /// The body: a disclosure that all posts share would make them alike.
    text: String,
    /// Normalised words, in the order of the text.
    words: Vec<String>,
    shingles: Shingles,
}

impl Recent {
    /// Prepares the posted texts without their disclosures, given the earliest first.
    #[must_use]
    pub fn new<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Self {
        let post = |text: T| {
            let (text, words) = (text.as_ref(), words(text.as_ref()));
            Post { text: text.to_owned(), shingles: Shingles::of(text, &words), words }
        };
        Self { posts: texts.into_iter().map(post).collect() }
    }

    /// Returns whether one of the last `posts` posts begins like `body`, which continues `prompt`: with the same six words
    /// or, if the prompt has at least six, with the prompt's words and three more.
    #[must_use]
    pub fn begins_alike(&self, body: &str, prompt: &str, posts: usize) -> bool {
        let own = words(body);
        let prompt = words(prompt).len();
        let length = if prompt >= OPENING { prompt + BEYOND_PROMPT } else { OPENING };
        let opening = &own[..length.min(own.len())];
        let last = self.posts.iter().rev().take(posts);
        !opening.is_empty() && last.into_iter().any(|post| post.words.starts_with(opening))
    }

    /// Returns why the body of a text may not be posted, given the least similarity that counts as the same (0 = none);
    /// `None` if it is unlike everything posted.
    #[must_use]
    pub fn objection(&self, body: &str, threshold: f64) -> Option<String> {
        match self.most_similar(body).filter(|_| threshold > 0.0)? {
            (posted, 1.0) => Some(format!("the same text was already posted: {}", quote(posted))),
            (posted, similarity) if similarity >= threshold => {
                Some(format!("{:.0} % like an earlier post: {}", similarity * 100.0, quote(posted)))
            }
            _ => None,
        }
    }

    /// Returns the posted text most similar to `text`, and how similar it is: 0 to 1, where 1 means the same words.
    #[must_use]
    pub fn most_similar(&self, text: &str) -> Option<(&str, f64)> {
        let shingles = Shingles::of(text, &words(text));
        let similarities = self.posts.iter().map(|post| (post.text.as_str(), shingles.similarity(&post.shingles)));
        similarities.max_by(|left, right| left.1.total_cmp(&right.1))
    }
}

/// Rejects texts that are at least this similar to a post.
#[derive(Debug)]
pub(super) struct NearDuplicate {
    threshold: f64,
}

impl NearDuplicate {
    /// Returns the gate, or `None` if the threshold is 0, which switches it off.
    pub(super) fn new(threshold: f64) -> Option<Self> {
        (threshold > 0.0).then_some(Self { threshold })
    }
}

impl Gate for NearDuplicate {
    fn name(&self) -> &'static str {
        NAME
    }

    fn verdict(&self, reading: &Reading<'_>) -> GateVerdict {
        match reading.recent.objection(reading.subject.body, self.threshold) {
            Some(reason) => reject(NAME, reason),
            None => GateVerdict::pass(NAME),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Subject;
    use super::super::tests::verdict_on;
    use super::*;
    use pregonero_tweet::Verdict::{self, Pass, Reject};

    const POSTED: &str = "La abuela recibió hoy su primera dosis y volvió a casa muy contenta.";

    fn compared(threshold: f64, text: &str, posted: &[&str]) -> GateVerdict {
        let subject = Subject { text, body: text, candidate: None, prompt: "", own_text: None };
        verdict_on(&NearDuplicate::new(threshold).unwrap(), subject, &Recent::new(posted))
    }

    fn verdict(threshold: f64, text: &str) -> Verdict {
        compared(threshold, text, &["Otra cosa muy distinta.", POSTED]).verdict
    }

    #[test]
    fn similar_texts_are_rejected_and_others_pass() {
        let cases = [
            (POSTED, Reject),
            ("LA ABUELA recibio hoy su primera dosis, y volvió a casa muy contenta 🤖", Reject),
            ("La abuela recibió hoy su segunda dosis y volvió a casa muy contenta.", Reject),
            ("Hoy la abuela recibió su primera dosis y volvió muy contenta a casa.", Reject),
            ("La abuela recibió hoy su primera dosis y volvió a casa", Reject),
            (
                "La abuela recibió hoy su primera dosis y volvió a casa muy contenta. Mañana les toca a mis tíos y a los vecinos.",
                Reject,
            ),
            ("La abuela recibió hoy una carta del banco y se quedó preocupada.", Pass),
            ("El abuelo espera su turno en la fila desde las seis.", Pass),
            ("La abuela", Pass),
            ("", Pass),
        ];
        for (text, expected) in cases {
            assert_eq!(verdict(0.8, text), expected, "{text}");
        }
    }

    #[test]
    fn the_disclosure_that_all_posts_share_makes_no_two_of_them_alike() {
        let (text, body) = ("Texto escrito por una IA: Llueve hoy.", "Llueve hoy.");
        let subject = Subject { text, body, candidate: None, prompt: "", own_text: None };
        let recent = Recent::new(["Nieva ya."]);
        assert_eq!(verdict_on(&NearDuplicate::new(0.5).unwrap(), subject, &recent).verdict, Pass);
        let recent = Recent::new(["¡Llueve hoy!"]);
        assert_eq!(verdict_on(&NearDuplicate::new(0.5).unwrap(), subject, &recent).verdict, Reject);
    }

    #[test]
    fn a_threshold_of_one_rejects_only_the_same_words() {
        assert_eq!(verdict(1.0, "¡La abuela recibió hoy su primera dosis y volvió a casa muy contenta!"), Reject);
        assert_eq!(verdict(1.0, "Hoy la abuela recibió su primera dosis y volvió muy contenta a casa."), Pass);
        assert!(NearDuplicate::new(0.0).is_none());
    }

    #[test]
    fn the_reason_quotes_what_was_posted() {
        let reason = compared(0.8, "Buenos días a todas", &["¡Buenos días a todas!"]).reason;
        assert_eq!(reason, "the same text was already posted: “¡Buenos días a todas!”");
        let reason = compared(0.8, "uno dos tres cuatro cinco", &["uno dos tres cuatro cinco seis"]).reason;
        assert_eq!(reason, "83 % like an earlier post: “uno dos tres cuatro cinco seis”");
    }

    #[test]
    fn an_opening_is_six_words_or_the_prompt_s_and_three_more() {
        let recent = Recent::new([
            "¡Hoy la abuela, del BARRIO, camina con su nieta! 🤖",
            "En el día de hoy, con calma, saludemos a los vecinos del barrio.",
            "Otra cosa muy distinta y bastante más larga que las demás.",
        ]);
        for (body, prompt, posts, expected) in [
            ("Hoy la abuela del barrio camina despacio.", "Hoy", 60, true),
            ("Hoy la abuela del barrio descansa.", "Hoy", 60, false),
            ("Hoy la abuela", "", 60, true),
            ("", "", 60, false),
            ("🤖", "", 60, false),
            // Six words of a prompt and three more: the fourth may differ.
            ("En el día de hoy, con calma, saludemos a otra gente.", "En el día de hoy, con", 60, true),
            ("En el día de hoy, con calma, cantemos a los vecinos.", "En el día de hoy, con", 60, false),
            // Five words are fewer than six: the prompt and one more word.
            ("En el día de hoy, con paciencia, cantemos.", "En el día de hoy, ", 60, true),
            // Only the last ones count.
            ("Hoy la abuela del barrio camina despacio.", "Hoy", 2, false),
            ("Hoy la abuela del barrio camina despacio.", "Hoy", 0, false),
        ] {
            assert_eq!(recent.begins_alike(body, prompt, posts), expected, "{body:?} {posts}");
        }
    }

    #[test]
    fn texts_without_words_are_compared_as_they_stand() {
        assert_eq!(compared(0.8, "🤖", &["🤖"]).verdict, Reject);
        assert_eq!(compared(0.8, "🤖", &["💉"]).verdict, Pass);
        assert_eq!(compared(0.8, "🤖", &[]).verdict, Pass);
    }

    #[test]
    fn thousands_of_posts_are_searched_for_each_candidate() {
        let posts: Vec<String> =
            (0..5000).map(|n| format!("Palabra{n} otra{} y tercera{} en la frase {n}.", n * 7, n * 13)).collect();
        let recent = Recent::new(&posts);
        for n in [0, 2500, 4999] {
            assert_eq!(recent.most_similar(&posts[n]), Some((posts[n].as_str(), 1.0)));
        }
        assert!(recent.most_similar("nada que ver con lo anterior").unwrap().1 < 0.5);
    }
}
