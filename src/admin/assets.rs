//! The style sheet, the script and the icon. Their paths contain their digest, so that browsers keep them until they change.

use std::sync::LazyLock;

use axum::http::StatusCode;
use axum::response::Response;
use sha2::{Digest as _, Sha256};

use super::security::plain;

const STYLE: &str = include_str!("style.css");
const KEYS: &str = include_str!("keys.js");
const ICON: &str = include_str!("icon.svg");

/// A file that never changes under its path.
#[derive(Debug)]
pub struct Asset {
    pub path: String,
    text: &'static str,
    content_type: &'static str,
}

pub static STYLE_SHEET: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("style", "css", STYLE, "text/css; charset=utf-8"));
pub static SCRIPT: LazyLock<Asset> = LazyLock::new(|| Asset::new("keys", "js", KEYS, "text/javascript; charset=utf-8"));
pub static PICTURE: LazyLock<Asset> = LazyLock::new(|| Asset::new("icon", "svg", ICON, "image/svg+xml"));

impl Asset {
    fn new(name: &str, ending: &str, text: &'static str, content_type: &'static str) -> Self {
        let digest: String = Sha256::digest(text).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Self { path: format!("/assets/{name}-{digest}.{ending}"), text, content_type }
    }

    /// Answers with the file.
    pub fn answer(&self) -> Response {
        let mut answer = plain(StatusCode::OK, self.content_type, self.text);
        let forever = "public, max-age=31536000, immutable".parse().expect("the value is plain text");
        answer.headers_mut().insert("cache-control", forever);
        answer
    }

    /// Returns the asset with this path.
    #[must_use]
    pub fn at(path: &str) -> Option<&'static Self> {
        [&*STYLE_SHEET, &*SCRIPT, &*PICTURE].into_iter().find(|asset| asset.path == path)
    }
}
