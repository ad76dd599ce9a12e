//! A page on which a person tells real tweets from generated ones: the survey that the thesis names as future work.
//!
//! The page is one file that needs no network, in Spanish with a switch to English. Both kinds of text pass the same
//! filter (cleaning, gates), and each generated text is paired with a real one of about the same length, so that only the
//! writing tells them apart. The answers are in the page under a light disguise, so that they are not read by accident;
//! anyone who wants to find them can.

use std::path::Path;

use anyhow::{Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha12Rng;
use serde::Serialize;
use serde_json::json;

use crate::plots::svg::escaped;
use crate::training::text::Cleaning;
use pregonero_judging::gates::Recent;
use pregonero_judging::judge::{Judge, SENTIMENT_GATE};
use pregonero_system::files::{Existing, write_whole};
use pregonero_text::normal::normalise;
use pregonero_tweet::{Judged, Verdict};

const PAGE: &str = include_str!("blind_test.html");

/// The key with which the content is combined, byte by byte, before it is written.
const DISGUISE: &[u8] = b"pregonero";

/// One text of the test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    pub text: String,
    /// Whether a person wrote it.
    pub human: bool,
}

/// How many texts are judged together: a generator's own texts are read once for all of them.
const TOGETHER: usize = 64;

/// Filters texts with `judge`: tidied like training texts, each once, none that a gate rejects. The classifier's
/// threshold is ignored.
///
/// # Errors
/// If the classifier fails.
pub fn sieve<'a>(judge: &Judge, texts: impl IntoIterator<Item = &'a str>, most: usize) -> Result<Vec<String>> {
    let mut seen = std::collections::HashSet::new();
    let mut kept = Vec::new();
    let mut texts = texts.into_iter().filter_map(|text| Cleaning::Tweets.apply(text));
    while kept.len() < most {
        let some: Vec<String> = texts.by_ref().take(TOGETHER).collect();
        if some.is_empty() {
            break;
        }
        for judged in judge.inspect_all(&some, &Recent::default())? {
            let Judged { text, gates, .. } = judged;
            let rejected = gates.iter().any(|gate| gate.verdict == Verdict::Reject && gate.gate != SENTIMENT_GATE);
            if !rejected && seen.insert(normalise(&text)) {
                kept.push(text);
            }
        }
    }
    kept.truncate(most);
    Ok(kept)
}

/// Returns `count` texts, half of them real, in an order that the seed decides: the first of `generated`, and for each the one of
/// `real` whose number of words is nearest.
///
/// # Errors
/// If a side has too few texts.
pub fn items(real: &[String], generated: &[String], count: usize, seed: u64) -> Result<Vec<Item>> {
    let half = count / 2;
    ensure!(half > 0, "a blind test needs at least two texts");
    ensure!(
        real.len() >= half && generated.len() >= half,
        "a blind test of {count} texts needs {half} of each side that no gate rejects, but there are {} real and {} \
         generated ones: give more --data or a smaller --blind-items",
        real.len(),
        generated.len()
    );
    let mut rng = ChaCha12Rng::seed_from_u64(seed);
    let mut left: Vec<&String> = real.iter().collect();
    left.shuffle(&mut rng);
    let mut items = Vec::with_capacity(2 * half);
    for text in &generated[..half] {
        let distance = |other: &String| words(other).abs_diff(words(text));
        let nearest = (0..left.len()).min_by_key(|place| distance(left[*place])).unwrap_or_default();
        items.push(Item { text: left.swap_remove(nearest).clone(), human: true });
        items.push(Item { text: text.clone(), human: false });
    }
    items.shuffle(&mut rng);
    Ok(items)
}

fn words(text: &str) -> usize {
    text.split_whitespace().count()
}

/// Text that is in every page, by which an earlier one is recognised.
pub const TITLE: &str = "<title>¿Persona o máquina?";

/// Writes the page; replaces an earlier one and nothing else.
///
/// # Errors
/// If it cannot be written.
pub fn write(path: &Path, model: &str, items: &[Item]) -> Result<()> {
    let page = page(model, items);
    write_whole(path, Existing::ReplaceUntouched(TITLE), |file| file.write_all(page.as_bytes()))
}

fn page(model: &str, items: &[Item]) -> String {
    let content = json!({"model": model, "items": items}).to_string();
    let disguised: Vec<u8> = content.bytes().zip(DISGUISE.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
    PAGE.replace("{{title}}", &escaped(model)).replace("{{data}}", &STANDARD.encode(disguised))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(count: usize, words: impl Fn(usize) -> usize) -> Vec<String> {
        (0..count).map(|n| format!("texto{n}{}", " palabra".repeat(words(n) - 1))).collect()
    }

    #[test]
    fn half_are_real_and_of_the_generated_ones_lengths() {
        let real = texts(40, |n| 5 + n);
        let generated = texts(6, |n| 8 + 5 * n);
        let items = items(&real, &generated, 12, 3).unwrap();
        let lengths = |human: bool| {
            let mut lengths: Vec<usize> =
                items.iter().filter(|item| item.human == human).map(|item| words(&item.text)).collect();
            lengths.sort_unstable();
            lengths
        };
        assert_eq!(lengths(true), [8, 13, 18, 23, 28, 33]);
        assert_eq!(lengths(true), lengths(false));
        assert!(items.windows(2).any(|pair| pair[0].human == pair[1].human), "they must not alternate: {items:?}");
        assert_ne!(items, super::items(&real, &generated, 12, 4).unwrap());
    }

    #[test]
    fn too_few_texts_are_refused_with_the_numbers() {
        let message = items(&texts(3, |_| 5), &texts(9, |_| 5), 10, 1).unwrap_err().to_string();
        assert!(message.contains("needs 5 of each side") && message.contains("3 real and 9 generated"), "{message}");
        assert!(items(&[], &[], 1, 1).is_err());
    }

    #[test]
    fn the_page_is_whole_and_does_not_show_the_answers() {
        let items = [
            Item { text: "una frase </script> de prueba".to_owned(), human: true },
            Item { text: "otra frase ñandú 👍🏽".to_owned(), human: false },
        ];
        let page = page("modelo <b>", &items);
        assert!(page.contains("modelo &lt;b&gt;") && !page.contains("{{"));
        assert!(!page.contains("http://") && !page.contains("https://"), "the page must need no network");
        assert!(!page.contains("una frase") && !page.contains("\"human\":"), "the answers can be read");
        let start = page.find("id=\"data\">").unwrap() + "id=\"data\">".len();
        let encoded = &page[start..start + page[start..].find('<').unwrap()];
        let disguised = STANDARD.decode(encoded).unwrap();
        let plain: Vec<u8> = disguised.iter().zip(DISGUISE.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
        let content: serde_json::Value = serde_json::from_slice(&plain).unwrap();
        assert_eq!(content["items"][1]["text"], items[1].text);
        assert_eq!(content["items"][0]["human"], true);
    }
}
