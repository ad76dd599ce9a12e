//! One file a page: what it reads, what its forms do. The markup is in `templates/`, where every text is escaped.

pub mod account;
pub mod audit;
pub mod charts;
pub mod config;
pub mod decision;
pub mod history;
pub mod operation;
pub mod overview;
pub mod post;
pub mod prompts;
pub mod queue;
pub mod sign_in;
pub mod users;

use std::borrow::Cow;
use std::fmt::Display;

use askama::Template;
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use jiff::Timestamp;
use serde::Deserialize;

use super::ask::Ask;
use super::assets;
use super::failure::Failure;
use super::language::Language;
use super::spanish::in_spanish;
use super::visible::visible;
use pregonero_store::{ReviewAct, ReviewRecord, Role};
use pregonero_system::clock::shown;

/// What a handler answers.
pub type Answer = Result<Response, Failure>;

/// Answers with a page.
fn html(page: &impl Template) -> Answer {
    Ok(Html(page.render()?).into_response())
}

/// Sends the browser to a page that says what was done: one word of the list in `said.html`.
fn done(path: &str, word: &str) -> Answer {
    Ok(Redirect::to(&format!("{path}?done={word}")).into_response())
}

/// The query of a page that a form may have led to.
#[derive(Debug, Default, Deserialize)]
pub struct Done {
    #[serde(default)]
    pub done: String,
}

/// What the templates ask of a request.
impl Ask {
    /// Returns the text in the reader's language.
    #[must_use]
    pub fn t<'a>(&self, spanish: &'a str, english: &'a str) -> &'a str {
        self.language.say(spanish, english)
    }

    /// Returns a text from outside with its hidden characters made visible. Escaping is the template's.
    #[must_use]
    pub fn v<'a>(&self, text: &'a str) -> Cow<'a, str> {
        visible(text)
    }

    /// Returns a sentence of the program's in the reader's language, as far as it is one, with its hidden characters made visible.
    #[must_use]
    pub fn sentence(&self, recorded: &str) -> String {
        let spanish = (self.language == Language::Spanish).then(|| in_spanish(recorded)).flatten();
        visible(spanish.as_deref().unwrap_or(recorded)).into_owned()
    }

    /// Returns the code of the language that [`Ask::sentence`] is in.
    #[must_use]
    pub fn tongue(&self, recorded: &str) -> &'static str {
        let is_spanish = self.language == Language::Spanish && in_spanish(recorded).is_some();
        if is_spanish { "es" } else { "en" }
    }

    /// Returns a state's name.
    #[must_use]
    pub fn state<'a>(&self, word: &'a str) -> &'a str {
        self.language.state(word)
    }

    /// Returns the sign in front of a state's name.
    #[must_use]
    pub fn sign(&self, word: &str) -> &'static str {
        Language::sign(word)
    }

    /// Returns the class of a state's colour.
    #[must_use]
    pub fn tone(&self, word: &str) -> &'static str {
        Language::tone(word)
    }

    /// Returns what a review record says was decided.
    #[must_use]
    pub fn act(&self, review: &ReviewRecord) -> &'static str {
        match (review.act, review.facts_checked) {
            (ReviewAct::Approve, true) => self.t("aprobó, con los datos comprobados", "approved, facts checked"),
            (ReviewAct::Approve, false) => self.t("aprobó sin comprobar los datos", "approved without fact check"),
            (ReviewAct::Edit, _) => self.t("cambió el texto", "changed the text"),
            (ReviewAct::Pick, _) => self.t("eligió otro candidato", "picked another candidate"),
            (ReviewAct::Reject, _) => self.t("descartó", "rejected"),
        }
    }

    /// Returns an instant in the schedule's time.
    #[must_use]
    pub fn when(&self, at: &Timestamp) -> String {
        shown(*at)
    }

    /// Returns a slot's name in the schedule's time.
    #[must_use]
    pub fn slot(&self, name: &str) -> String {
        let (time, by_hand) = name.strip_prefix("manual:").map_or((name, false), |time| (time, true));
        let Ok(at) = time.parse() else { return name.to_owned() };
        let mark = if by_hand { self.t(" (a mano)", " (by hand)") } else { "" };
        format!("{}{mark}", shown(at))
    }

    /// Returns a number with the word that fits it; of each language, the word for one and for several.
    #[must_use]
    pub fn counted<N>(&self, number: &N, spanish: &[&str; 2], english: &[&str; 2]) -> String
    where
        N: Copy + Display + PartialEq + From<u8>,
    {
        let word = usize::from(*number != N::from(1));
        format!("{number} {}", self.t(spanish[word], english[word]))
    }

    /// Returns a number with two decimals.
    #[must_use]
    pub fn two(&self, number: &f64) -> String {
        self.decimal(format!("{number:.2}"))
    }

    /// Returns a share as per cent.
    #[must_use]
    pub fn percent(&self, share: &f64) -> String {
        format!("{:.0} %", share * 100.0)
    }

    /// Returns millionths of a dollar as a price.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "millionths of a budget are far inside what f64 holds exactly")]
    pub fn dollars(&self, micros: &i64) -> String {
        format!("{} $", self.decimal(format!("{:.3}", *micros as f64 / 1e6)))
    }

    fn decimal(&self, number: String) -> String {
        if self.language == Language::Spanish { number.replace('.', ",") } else { number }
    }

    /// Returns whether the page is the one at `path` or below it.
    #[must_use]
    pub fn is_at(&self, path: &str) -> bool {
        self.path == path || path != "/" && self.path.starts_with(&format!("{path}/"))
    }

    #[must_use]
    pub fn is_reviewer(&self) -> bool {
        self.may(Role::Reviewer)
    }

    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.may(Role::Admin)
    }

    /// Returns the path of the style sheet.
    #[must_use]
    pub fn style(&self) -> &'static str {
        &assets::STYLE_SHEET.path
    }

    /// Returns the path of the script.
    #[must_use]
    pub fn script(&self) -> &'static str {
        &assets::SCRIPT.path
    }

    /// Returns the path of the icon.
    #[must_use]
    pub fn icon(&self) -> &'static str {
        &assets::PICTURE.path
    }
}
