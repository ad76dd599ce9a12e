//! The address of a model on a server that speaks OpenAI's `/v1/completions`: `openai:http://host:8000/v1#MODEL`.

use std::fmt;
use std::str::FromStr;

use url::Url;

/// What the configuration writes before the server's address.
pub(super) const PREFIX: &str = "openai:";

/// The server's address and the name that it knows the model by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerAddress {
    /// Ends without a slash, usually in `/v1`; has no query, fragment, user name or password.
    base: Url,
    /// The model's name on the server; absent where the server has only one.
    model: Option<String>,
}

impl ServerAddress {
    /// Returns the address that `/completions` and `/models` are appended to.
    #[must_use]
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// Returns the model's name on the server; `None` means the only one that it has.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// Returns the address of a path below the base: `completions`.
    #[must_use]
    pub fn below(&self, path: &str) -> Url {
        self.extended(self.base.path(), path)
    }

    /// Returns the address of a path next to `/v1`, where servers keep what OpenAI's interface does not have.
    #[must_use]
    pub fn beside(&self, path: &str) -> Url {
        self.extended(self.base.path().strip_suffix("/v1").unwrap_or(self.base.path()), path)
    }

    fn extended(&self, folder: &str, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{path}", folder.trim_end_matches('/')));
        url
    }
}

/// Shows the address as the configuration writes it.
impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", self.base.as_str().trim_end_matches('/'))?;
        self.model.as_ref().map_or(Ok(()), |model| write!(f, "#{model}"))
    }
}

/// Parses what comes after `openai:`; the error is a sentence that does not name the key.
impl FromStr for ServerAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const EXAMPLE: &str = "expected openai:URL#MODEL, such as openai:http://127.0.0.1:8000/v1#my-model";
        let (address, model) = match text.split_once('#').map(|(address, model)| (address, model.trim())) {
            Some((_, "")) => return Err(format!("{EXAMPLE}; found nothing after the #")),
            Some((address, model)) => (address, Some(model.to_owned())),
            None => (text, None),
        };
        let mut base = Url::parse(address.trim()).map_err(|error| format!("{EXAMPLE}; {address:?}: {error}"))?;
        if !base.username().is_empty() || base.password().is_some() {
            // Not shown: it contains a password.
            return Err("the server's address must not contain a user name or password: give the key as \
                        GENERATION_API_KEY"
                .to_owned());
        }
        if !matches!(base.scheme(), "http" | "https") || base.host().is_none() {
            return Err(format!("{EXAMPLE}; found {address:?}, which does not begin with http:// or https://"));
        }
        if base.query().is_some() {
            return Err(format!("{EXAMPLE}; found {address:?}: the address must end with the path, without ?"));
        }
        let path = base.path().trim_end_matches('/').to_owned();
        if path.ends_with("/completions") {
            let shorter = address.trim_end_matches('/').trim_end_matches("/completions");
            return Err(format!("{EXAMPLE}; leave /completions out: openai:{shorter}"));
        }
        // People paste the address of the server alone.
        base.set_path(if path.is_empty() { "/v1" } else { &path });
        Ok(Self { base, model })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Result<ServerAddress, String> {
        text.parse()
    }

    #[test]
    fn an_address_is_read_and_written_again() {
        for (text, shown, completions, props) in [
            (
                "http://host:8000/v1#my/model",
                "openai:http://host:8000/v1#my/model",
                "http://host:8000/v1/completions",
                "http://host:8000/props",
            ),
            ("http://host", "openai:http://host/v1", "http://host/v1/completions", "http://host/props"),
            (
                "https://host/llm/v1/#m",
                "openai:https://host/llm/v1#m",
                "https://host/llm/v1/completions",
                "https://host/llm/props",
            ),
            (
                "http://[::1]:1/api",
                "openai:http://[::1]:1/api",
                "http://[::1]:1/api/completions",
                "http://[::1]:1/api/props",
            ),
        ] {
            let address = address(text).unwrap();
            assert_eq!(address.to_string(), shown);
            assert_eq!(address.below("completions").as_str(), completions);
            assert_eq!(address.beside("props").as_str(), props);
        }
    }

    #[test]
    fn what_is_no_address_of_a_server_is_refused_with_an_example() {
        for (text, expected) in [
            ("host:8000#m", "does not begin with http://"),
            ("//host", "relative URL without a base"),
            ("http://host/v1#", "found nothing after the #"),
            ("http://host/v1# ", "found nothing after the #"),
            ("http://host/v1/completions#m", "leave /completions out: openai:http://host/v1"),
            ("http://host/v1?key=1#m", "without ?"),
            ("http://ana:hidden@host/v1", "GENERATION_API_KEY"),
            ("ftp://host/v1", "does not begin with http://"),
        ] {
            let message = address(text).unwrap_err();
            assert!(message.contains(expected) && !message.contains("hidden"), "{message}");
        }
    }
}
