//! The page as a whole: head, contents, sections in their order.

use std::path::Path;

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::content::PageContent;
use super::html::shown;
use super::language::Language;
use super::sections::{self, Section};
use pregonero_system::files::{Existing, refuse_existing, write_whole};

const STYLE: &str = include_str!("style.css");

/// What marks a file as one that this program wrote, and may replace.
pub const GENERATOR: &str = "<meta name=\"generator\" content=\"pregonero dataset explore\">";

const OURS: Existing = Existing::ReplaceUntouched(GENERATOR);

/// Reports before the counting what [`write_page`] would refuse.
///
/// # Errors
/// If the file exists and is no page of this program or was changed by hand, or its folder cannot be written.
pub fn check_page(path: &Path) -> Result<()> {
    refuse_existing(path, OURS)
}

/// Writes the page. An earlier page of this program that nobody has changed is replaced, no other file is.
///
/// # Errors
/// If the file exists and is another one, or cannot be written.
pub fn write_page(path: &Path, content: &PageContent<'_>) -> Result<()> {
    let text = page(content);
    write_whole(path, OURS, |file| file.write_all(text.as_bytes()))
}

/// Returns the page's HTML.
#[must_use]
pub fn page(content: &PageContent<'_>) -> String {
    let language = content.language;
    let title = language.t("Exploración de", "Exploration of");
    let title = format!("{title} {}", shown(content.title));
    let sections = sections::all(content);
    let mut html = format!(
        "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n{GENERATOR}\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{}'\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n",
        language.code(),
        STANDARD.encode(Sha256::digest(STYLE)),
    );
    let skip = language.t("Ir al contenido", "Skip to content");
    html.push_str(&format!(
        "<a class=\"skip\" href=\"#main\">{skip}</a>\n<header>\n<h1>{title}</h1>\n{}",
        head(content)
    ));
    html.push_str(&contents(language, &sections));
    html.push_str("</header>\n<main id=\"main\" tabindex=\"-1\">\n");
    sections.iter().for_each(|section| html.push_str(&section_html(section)));
    html.push_str("</main>\n<footer class=\"muted\">pregonero ");
    html.push_str(env!("CARGO_PKG_VERSION"));
    html + "</footer>\n</body>\n</html>\n"
}

/// Returns the lines below the heading: what the data are, and what the reader has to be careful with.
fn head(content: &PageContent<'_>) -> String {
    let (language, numbers) = (content.language, content.numbers);
    let posts = language.posts(numbers.posts);
    let accounts = language.counted(numbers.accounts.count, ["cuenta", "cuentas"], ["account", "accounts"]);
    let span = numbers.span.as_ref().map_or_else(String::new, |span| {
        let zone = shown(&numbers.zone);
        language.t(
            format!(", del {} al {}. Horas y días en la zona {zone} (--timezone la cambia)", span.first, span.last),
            format!(
                ", from {} to {}. Hours and days are those of {zone} (--timezone changes it)",
                span.first, span.last
            ),
        )
    });
    let what = language.t(format!("{posts} de {accounts}{span}."), format!("{posts} by {accounts}{span}."));
    let careful = match content.names_are_shown {
        true => language.t(
            "Esta página nombra cuentas y cita textos que se repiten: son datos personales. Compártala solo con quien deba \
             verlos; con --no-names las cuentas quedan numeradas.",
            "This page names accounts and quotes texts that repeat: these are personal data. Share it only with people who \
             should see them; with --no-names, accounts are numbered instead.",
        ),
        false => language.t(
            "Las cuentas llevan un número según su actividad, y las menciones en los textos citados están tapadas. Aun así, un \
             texto o un hashtag puede señalar a alguien.",
            "Accounts have numbers by their activity, and mentions in quoted texts are hidden. A text or a hashtag can still \
             point at somebody.",
        ),
    };
    format!("<p>{what}</p>\n<p class=\"note\">{careful}</p>\n")
}

fn contents(language: Language, sections: &[Section]) -> String {
    let label = language.t("Contenido", "Contents");
    let item = |section: &Section| format!("<li><a href=\"#{}\">{}</a></li>", section.id, shown(&section.title));
    let items: String = sections.iter().map(item).collect();
    format!("<nav aria-label=\"{label}\"><ul>{items}</ul></nav>\n")
}

fn section_html(section: &Section) -> String {
    let Section { id, title, figure, html } = section;
    let figure = figure.map_or_else(String::new, |figure| format!(" <span class=\"figure\">fig. {figure}</span>"));
    let title = shown(title);
    format!(
        "<section class=\"card\" aria-labelledby=\"{id}\">\n<h2 id=\"{id}\">{title}{figure}</h2>\n{html}</section>\n"
    )
}
