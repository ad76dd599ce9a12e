//! What a handler knows about a request besides its contents: who asks, from where, and how the answer is to look.

use std::convert::Infallible;
use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::COOKIE;
use axum::http::request::Parts;
use jiff::Timestamp;

use super::language::Language;
use pregonero_store::{Role, SessionUser};

/// Light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// As the reader's system is set.
    #[default]
    System,
    Light,
    Dark,
}

impl Theme {
    /// Returns the theme of this word, the system's for any other.
    #[must_use]
    pub fn of_word(word: &str) -> Self {
        match word {
            "light" => Self::Light,
            "dark" => Self::Dark,
            _ => Self::System,
        }
    }

    /// Returns the word that cookie, form and style sheet use.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// A request's circumstances.
#[derive(Debug, Clone)]
pub struct Ask {
    pub now: Timestamp,
    /// Where the request comes from, as far as trusted proxies say.
    pub address: IpAddr,
    /// Whether it came through the public address, or over a connection that is encrypted.
    pub is_secure: bool,
    /// Allows this answer's own script and style sheet, and no others.
    pub nonce: String,
    pub language: Language,
    pub theme: Theme,
    /// Whether single keys are shortcuts.
    pub shortcuts: bool,
    /// Present on every route that needs a role.
    pub visitor: Option<SessionUser>,
    /// The path asked for.
    pub path: String,
    /// The page to come back to: the one asked for, with its query, or the one with the form that was sent.
    pub back: String,
}

/// Returns the page that a form sent to this path is on.
#[must_use]
pub fn page_of_form(path: &str) -> &str {
    let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
    match parent {
        _ if path.starts_with("/d/") || path == "/sign-in" => path,
        "" => "/",
        parent if parent.starts_with("/users/") => "/users",
        parent => parent,
    }
}

impl Ask {
    /// Returns the user's name; a route without a role has none.
    #[must_use]
    pub fn name(&self) -> &str {
        self.visitor.as_ref().map_or("", |visitor| &visitor.name)
    }

    /// Returns whether the user has at least this role.
    #[must_use]
    pub fn may(&self, role: Role) -> bool {
        self.visitor.as_ref().is_some_and(|visitor| visitor.role >= role)
    }
}

impl<S: Sync> FromRequestParts<S> for Ask {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().expect("every request passes the gate that adds it"))
    }
}

/// Returns the value of a cookie.
#[must_use]
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find_map(|(key, value)| (key == name).then_some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_form_the_way_back_leads_to_the_page_that_has_it() {
        for (path, page) in [
            ("/prompts/try", "/prompts"),
            ("/queue/12/edit", "/queue/12"),
            ("/audit/verify", "/audit"),
            ("/users/ana/role", "/users"),
            ("/users", "/"),
            ("/sign-in", "/sign-in"),
            ("/d/abc", "/d/abc"),
            ("/pause", "/"),
        ] {
            assert_eq!(page_of_form(path), page);
        }
    }

    #[test]
    fn a_cookie_is_found_among_others_and_in_every_line() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, "a=1; language=en".parse().unwrap());
        headers.append(COOKIE, "theme=dark".parse().unwrap());
        assert_eq!(cookie(&headers, "language"), Some("en"));
        assert_eq!(cookie(&headers, "theme"), Some("dark"));
        assert_eq!(cookie(&headers, "anguage"), None);
    }
}
