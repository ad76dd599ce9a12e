//! Models from a hub: `models pull` downloads them, and `hub:OWNER/NAME` finds them afterwards.
//!
//! The downloader is our own, because the published client cannot resume and depends on a second TLS provider.
//! Safetensors are preferred; a pickle, which may run code when other programs read it, is converted to safetensors
//! by [`crate::catalog::convert()`]. Files are stored in the hub's own cache layout
//! (`models--OWNER--NAME/{blobs,refs,snapshots}`), so that other programs find them and we find theirs.
//! [`pull`](Hub::pull) is the only part that uses the network; what the environment says is passed in as
//! [`HubSettings`].

mod cache;
mod download;
mod error;
mod progress;
mod pull;
mod repository;

use std::path::PathBuf;

use secrecy::SecretString;
use url::Url;

pub use cache::resolve_hub;
pub(crate) use cache::{CachedModel, cached_models};
pub use error::HubError;
pub use progress::{Persistence, Progress};
pub use pull::{Hub, Pulled};
pub use repository::Repository;

/// The hub that is used if `HF_ENDPOINT` names no other.
const DEFAULT_ENDPOINT: &str = "https://huggingface.co";

/// Where pulled models are stored if the environment names neither a cache nor a home.
const FALLBACK_CACHE: &str = "data/huggingface/hub";

/// What the environment says about the hub.
#[derive(Debug, Clone)]
pub struct HubSettings {
    /// The hub's address; a mirror may have a path.
    pub endpoint: Url,
    /// Sent to the endpoint only, never to a host that it redirects to.
    pub token: Option<SecretString>,
    /// Whether downloads are forbidden.
    pub offline: bool,
    /// The folder that contains `models--OWNER--NAME`.
    pub cache_dir: PathBuf,
}

impl HubSettings {
    /// Reads the settings from environment variables, by the names that other hub clients use: `HF_ENDPOINT`,
    /// `HF_TOKEN`, `HF_HUB_OFFLINE`, and for the cache the first of `HF_HUB_CACHE`, `HF_HOME`, `XDG_CACHE_HOME` and
    /// `HOME`.
    ///
    /// # Errors
    /// If `HF_ENDPOINT` is not an `http` or `https` address.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, HubError> {
        let value = |name: &str| lookup(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        Ok(Self {
            endpoint: parse_endpoint(&value("HF_ENDPOINT").unwrap_or_else(|| DEFAULT_ENDPOINT.to_owned()))?,
            token: value("HF_TOKEN").map(SecretString::from),
            offline: value("HF_HUB_OFFLINE").is_some_and(|text| is_true(&text)),
            cache_dir: cache_dir(value),
        })
    }
}

fn parse_endpoint(text: &str) -> Result<Url, HubError> {
    let fault = |reason: String| HubError::InvalidEndpoint { endpoint: text.to_owned(), reason };
    let url = Url::parse(text).map_err(|error| fault(error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(fault("it must begin with http:// or https://".to_owned()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(HubError::InvalidEndpoint {
            endpoint: "(not shown)".to_owned(),
            reason: "it must not contain a password: use HF_TOKEN".to_owned(),
        });
    }
    Ok(url)
}

fn is_true(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "1" | "true" | "yes" | "on")
}

fn cache_dir(value: impl Fn(&str) -> Option<String>) -> PathBuf {
    let folder = |name: &str| value(name).map(PathBuf::from);
    folder("HF_HUB_CACHE")
        .or_else(|| folder("HF_HOME").map(|home| home.join("hub")))
        .or_else(|| folder("XDG_CACHE_HOME").map(|cache| cache.join("huggingface/hub")))
        .or_else(|| folder("HOME").map(|home| home.join(".cache/huggingface/hub")))
        .unwrap_or_else(|| PathBuf::from(FALLBACK_CACHE))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use secrecy::ExposeSecret as _;

    use super::*;

    fn settings(variables: &[(&str, &str)]) -> Result<HubSettings, HubError> {
        HubSettings::from_lookup(|name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_cache_is_where_the_first_named_variable_says() {
        let table: [(&[(&str, &str)], &str); 6] = [
            (&[("HF_HUB_CACHE", "/a"), ("HF_HOME", "/b"), ("HOME", "/d")], "/a"),
            (&[("HF_HOME", "/b"), ("XDG_CACHE_HOME", "/c")], "/b/hub"),
            (&[("XDG_CACHE_HOME", "/c"), ("HOME", "/d")], "/c/huggingface/hub"),
            (&[("HOME", "/d")], "/d/.cache/huggingface/hub"),
            (&[("HF_HUB_CACHE", " "), ("HOME", "/d")], "/d/.cache/huggingface/hub"),
            (&[], FALLBACK_CACHE),
        ];
        for (variables, expected) in table {
            assert_eq!(settings(variables).unwrap().cache_dir, Path::new(expected), "{variables:?}");
        }
    }

    #[test]
    fn a_bare_environment_asks_the_public_hub_without_a_token() {
        let settings = settings(&[]).unwrap();
        assert_eq!(settings.endpoint.as_str(), "https://huggingface.co/");
        assert!(settings.token.is_none());
        assert!(!settings.offline);
    }

    #[test]
    fn offline_is_what_other_clients_take_for_true() {
        for (text, offline) in [("1", true), ("TRUE", true), ("yes", true), ("on", true), ("0", false), ("", false)] {
            assert_eq!(settings(&[("HF_HUB_OFFLINE", text)]).unwrap().offline, offline, "{text}");
        }
    }

    #[test]
    fn the_token_is_trimmed_and_never_shown() {
        let settings = settings(&[("HF_TOKEN", " hf_hidden\n")]).unwrap();
        assert_eq!(settings.token.as_ref().unwrap().expose_secret(), "hf_hidden");
        assert!(!format!("{settings:?}").contains("hf_hidden"));
    }

    #[test]
    fn an_endpoint_that_is_no_address_is_refused_by_name() {
        for endpoint in ["huggingface.co", "ftp://hub.example", "https://user:hidden@hub.example"] {
            let message = settings(&[("HF_ENDPOINT", endpoint)]).unwrap_err().to_string();
            assert!(message.starts_with("HF_ENDPOINT"), "{message}");
            assert!(!message.contains("hidden"), "{message}");
        }
    }
}
