//! The language of a row: what its column `lang` says, or else what its text looks like.
//!
//! The text decides only where the detection (whatlang, by trigrams) is sure of itself: tweets are short, and one that could be Spanish as
//! well as Galician stays.

use std::borrow::Cow;

use anyhow::{Result, bail};
use whatlang::Lang;

use super::words::{Piece, pieces};

/// With fewer words than this, trigrams say nothing.
const FEWEST_WORDS: usize = 4;

/// What X writes where it does not know: undetermined, and texts of hashtags, links, media or mentions only.
const UNKNOWN: [&str; 9] = ["", "und", "qam", "qct", "qht", "qme", "qst", "zxx", "art"];

/// The languages that whatlang knows: the codes that it and ISO 639-1 have for each.
const CODES: &str = "afr af aka ak amh am ara ar aze az bel be ben bn bul bg cat ca ces cs cmn zh cym cy dan da deu de ell el eng en epo eo est et \
    fin fi fra fr guj gu heb he hin hi hrv hr hun hu hye hy ind id ita it jav jv jpn ja kan kn kat ka khm km kor ko lat la lav lv \
    lit lt mal ml mar mr mkd mk mya my nep ne nld nl nob no ori or pan pa pes fa pol pl por pt ron ro rus ru sin si slk sk slv sl \
    sna sn spa es srp sr swe sv tam ta tel te tgl tl tha th tuk tk tur tr ukr uk urd ur uzb uz vie vi yid yi zul zu";

/// The other codes of ISO 639-1, and older ones that X still writes.
const OTHERS: &str = "aa ab ae an as av ay ba bh bi bm bo br bs ce ch co cr cu cv dv dz ee eu ff fj fo fy ga gd gl gn gv ha ho hr ht hz \
    ia ie ig ii ik in io is iu iw ji ki kj kl kr ks ku kv kw ky lb lg li ln lo lu mg mh mi mn ms mt na nb nd ng nn nr nv ny oc oj om \
    os pi ps qu rm rn rw sa sc sd se sg sh si sm so sq ss st su sw tg ti tn to ts tt tw ty ug ve vo wa wo xh yo za";

/// The one code of three letters that X gives a language: Sorani.
const SORANI: &str = "ckb";

/// Checks that a code is one that X gives posts: of two letters, or one of its own such as `und`.
///
/// # Errors
/// If it is not; the message says which code to write.
pub fn check_code(code: &str) -> Result<()> {
    let mut known = CODES.split_whitespace().chain(OTHERS.split_whitespace());
    if UNKNOWN.contains(&code) || code == SORANI || (code.len() == 2 && known.any(|known| known == code)) {
        return Ok(());
    }
    match short_of(code) {
        Some(short) => bail!("{code:?} is not a code that X uses, so that nothing would be found; write {short:?}"),
        None => bail!(
            "no language has the code {code:?} on X, so that nothing would be found; X uses the two letters of ISO 639-1: Spanish is \
             \"es\""
        ),
    }
}

/// Returns the code of two letters for one of three.
fn short_of(long: &str) -> Option<&'static str> {
    if long.len() != 3 {
        return None;
    }
    let mut codes = CODES.split_whitespace();
    while let (Some(known), Some(short)) = (codes.next(), codes.next()) {
        if long == known {
            return Some(short);
        }
    }
    None
}

/// Returns the code of a row's language, if something says it.
#[must_use]
pub fn language_of<'a>(column: Option<Cow<'a, str>>, text: &str) -> Option<Cow<'a, str>> {
    column.filter(|code| !UNKNOWN.contains(&code.trim())).or_else(|| found_in(text).map(Cow::Borrowed))
}

/// Returns the code of the language that a text is in, if that is clear.
fn found_in(text: &str) -> Option<&'static str> {
    let mut plain = String::with_capacity(text.len());
    let mut words = 0;
    for piece in pieces(text) {
        if let Piece::Word(word) = piece {
            plain.push_str(word);
            plain.push(' ');
            words += 1;
        }
    }
    if words < FEWEST_WORDS {
        return None;
    }
    whatlang::detect(&plain).filter(whatlang::Info::is_reliable).map(|info| code_of(info.lang()))
}

fn code_of(language: Lang) -> &'static str {
    short_of(language.code()).unwrap_or(language.code())
}

/// Returns whether a code is one that a filter names: `es` is also `es-CO` and `spa`.
#[must_use]
pub fn is_one_of(code: &str, languages: &[String]) -> bool {
    let bare = code.trim().split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
    let code = one_code(&bare);
    languages.iter().any(|language| one_code(language) == code)
}

/// Returns one code for each language: tables of others have three letters, and X writes some of ISO's former codes.
fn one_code(code: &str) -> &str {
    match code {
        "in" => "id",
        "iw" => "he",
        "ji" => "yi",
        _ => short_of(code).unwrap_or(code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_column_decides_and_where_it_does_not_know_the_text() {
        let spanish = "Mañana abren el puesto de salud del barrio y esperamos a todos los vecinos";
        let english = "Tomorrow the health centre opens and we are waiting for all of the neighbours";
        for (column, text, expected) in [
            (Some("en"), spanish, Some("en")),
            (Some("und"), spanish, Some("es")),
            (None, spanish, Some("es")),
            (None, english, Some("en")),
            (None, "hola", None),
            (None, "@ana https://t.co/x", None),
        ] {
            assert_eq!(language_of(column.map(Cow::from), text).as_deref(), expected, "{text}");
        }
        for (code, filter, is) in [
            ("es-CO", "es", true),
            ("spa", "es", true),
            ("SPA", "es", true),
            ("eu", "es", false),
            ("iw", "he", true),
            ("in", "id", true),
        ] {
            assert_eq!(is_one_of(code, &[filter.to_owned()]), is, "{code} {filter}");
        }
    }

    #[test]
    fn codes_that_x_does_not_use_are_refused_with_the_one_to_write() {
        for code in ["es", "en", "eu", "gl", "qu", "in", "iw", "zh", "ckb", "und", "qme"] {
            assert!(check_code(code).is_ok(), "{code}");
        }
        for (code, expected) in [
            ("spa", "write \"es\""),
            ("deu", "write \"de\""),
            ("esp", "no language has the code \"esp\" on X"),
            ("xx", "Spanish is \"es\""),
            ("sp", "no language has the code \"sp\""),
        ] {
            let message = check_code(code).unwrap_err().to_string();
            assert!(message.contains(expected), "{code}: {message}");
        }
    }

    #[test]
    fn every_language_that_can_be_found_has_a_short_code() {
        for language in Lang::all() {
            assert_eq!(code_of(*language).len(), 2, "{}", language.code());
        }
    }
}
