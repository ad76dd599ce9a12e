//! What a request is answered with when it cannot be done: one place that turns each cause into a status and words.

use askama::Template;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::response::{IntoResponse, Response};

use super::ask::Ask;
use super::language::Language;
use super::spanish::in_spanish;
use crate::review::ReviewError;
use pregonero_store::{StoreError, UserError};
use pregonero_system::errors::chain;

/// Why a request was not done.
#[derive(Debug, Clone)]
pub enum Failure {
    NotFound,
    /// Nobody is signed in.
    NotSignedIn,
    /// The role does not suffice.
    Forbidden,
    ForeignOrigin,
    WrongHost,
    /// Somebody reached the page without its proxy.
    AroundProxy,
    TooSlow,
    /// Something of this kind is under way already.
    Busy,
    /// Too many wrong tries; how many seconds to wait.
    TooManyTries {
        seconds: i64,
    },
    /// What was asked for cannot be done now: somebody was faster, or it is too late. In the program's words.
    Conflict(String),
    /// The form's contents cannot be used.
    Unusable {
        spanish: String,
        english: String,
    },
    /// Our own fault; the log has the cause.
    Internal,
}

impl Failure {
    fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::NotSignedIn => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::ForeignOrigin | Self::AroundProxy => StatusCode::FORBIDDEN,
            Self::WrongHost => StatusCode::MISDIRECTED_REQUEST,
            Self::TooSlow => StatusCode::SERVICE_UNAVAILABLE,
            Self::Busy | Self::TooManyTries { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::Unusable { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn in_words(&self, language: Language) -> String {
        let say = |spanish: &str, english: &str| language.say(spanish, english).to_owned();
        match self {
            Self::NotFound => say("Aquí no hay nada.", "There is nothing here."),
            Self::NotSignedIn => say("Hay que iniciar sesión.", "Sign in first."),
            Self::Forbidden => say("Tu rol no permite hacer esto.", "Your role does not allow this."),
            Self::ForeignOrigin => say(
                "Esta petición no salió de una página de pregonero, y por eso no se hizo nada.",
                "This request did not come from a page of pregonero, so nothing was done.",
            ),
            Self::WrongHost => say(
                "Este servidor no responde a ese nombre. Si es el tuyo, escríbelo en admin.public_url.",
                "This server does not answer to that name. If it is yours, set it as admin.public_url.",
            ),
            Self::AroundProxy => say(
                "A esta página solo se llega por su dirección pública.",
                "This page can be reached by its public address alone.",
            ),
            Self::TooSlow => say("La respuesta tardó demasiado.", "The answer took too long."),
            Self::Busy => {
                say("Ya hay una prueba en curso; espera a que termine.", "Another try is running; wait until it ends.")
            }
            Self::TooManyTries { seconds } => match language {
                Language::Spanish => format!("Demasiados intentos. Espera {seconds} segundos."),
                Language::English => format!("Too many tries. Wait {seconds} seconds."),
            },
            Self::Conflict(words) => match language {
                Language::Spanish => in_spanish(words).unwrap_or_else(|| words.clone()),
                Language::English => words.clone(),
            },
            Self::Unusable { spanish, english } => language.say(spanish, english).to_owned(),
            Self::Internal => {
                say("Algo falló; la bitácora dice qué.", "Something failed; the service's log says what.")
            }
        }
    }

    /// Returns the failure for an unusable form.
    pub fn unusable(spanish: impl Into<String>, english: impl Into<String>) -> Self {
        Self::Unusable { spanish: spanish.into(), english: english.into() }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NoSuchRound { .. } | StoreError::NoSuchPost { .. } => Self::NotFound,
            StoreError::StateConflict { .. } | StoreError::Expired { .. } => Self::Conflict(error.to_string()),
            error => {
                tracing::error!(error = chain(&error), "the admin page could not do what it was asked to");
                Self::Internal
            }
        }
    }
}

impl From<ReviewError> for Failure {
    fn from(error: ReviewError) -> Self {
        match error {
            ReviewError::Store(error) => error.into(),
            // What a person has to know to decide otherwise; in the program's words.
            error => Self::Conflict(error.to_string()),
        }
    }
}

impl From<UserError> for Failure {
    fn from(error: UserError) -> Self {
        match error {
            UserError::Store(error) => error.into(),
            UserError::NoSuchUser { .. } => Self::NotFound,
            UserError::NameTaken { .. } => {
                Self::unusable("Ya hay alguien con ese nombre.", "There is a user of this name already.")
            }
            UserError::BadName { .. } => Self::unusable(
                "Un nombre tiene de 1 a 40 letras, cifras, puntos, guiones o @.",
                "A name has 1 to 40 letters, digits, dots, hyphens, underscores or @.",
            ),
        }
    }
}

impl From<askama::Error> for Failure {
    fn from(error: askama::Error) -> Self {
        tracing::error!(%error, "a page could not be rendered");
        Self::Internal
    }
}

impl IntoResponse for Failure {
    /// The words are added by [`render`], which knows the language.
    fn into_response(self) -> Response {
        let mut answer = self.status().into_response();
        if let Self::TooManyTries { seconds } = &self {
            answer.headers_mut().insert(RETRY_AFTER, (*seconds).into());
        }
        answer.extensions_mut().insert(self);
        answer
    }
}

#[derive(Template)]
#[template(path = "failure.html")]
struct FailurePage<'a> {
    ask: &'a Ask,
    status: u16,
    words: String,
}

/// Returns whether an answer is the refusal of a request that could not be read, in plain English words that are not ours.
fn is_bare_refusal(answer: &Response) -> bool {
    let kind = answer.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    answer.status().is_client_error() && kind.is_none_or(|kind| kind.starts_with("text/plain"))
}

/// Says why a request could not be read.
fn unreadable(status: StatusCode, language: Language) -> String {
    let (spanish, english) = match status {
        StatusCode::PAYLOAD_TOO_LARGE => {
            ("Lo enviado es demasiado grande; no se hizo nada.", "What was sent is too large; nothing was done.")
        }
        StatusCode::UNSUPPORTED_MEDIA_TYPE => (
            "Lo enviado no es un formulario de esta página; no se hizo nada.",
            "What was sent is no form of this page; nothing was done.",
        ),
        StatusCode::UNPROCESSABLE_ENTITY => (
            "Al formulario le falta un campo, o uno no se entiende; no se hizo nada.",
            "The form lacks a field, or one cannot be read; nothing was done.",
        ),
        _ => ("La petición no se entiende; no se hizo nada.", "The request cannot be read; nothing was done."),
    };
    language.say(spanish, english).to_owned()
}

/// Gives the answer of a failure its page.
pub(super) fn render(answer: Response, ask: &Ask) -> Response {
    let words = match answer.extensions().get::<Failure>() {
        Some(failure) => failure.in_words(ask.language),
        None if is_bare_refusal(&answer) => unreadable(answer.status(), ask.language),
        None => return answer,
    };
    let page = FailurePage { ask, status: answer.status().as_u16(), words };
    let (mut parts, _) = answer.into_parts();
    parts.headers.insert("content-type", "text/html; charset=utf-8".parse().expect("the type is plain text"));
    parts.headers.remove("content-length");
    Response::from_parts(parts, page.render().unwrap_or_default().into())
}
