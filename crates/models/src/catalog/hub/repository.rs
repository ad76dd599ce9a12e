//! The name of a model on a hub: `OWNER/NAME`, or `OWNER/NAME@REVISION`. Every part of it ends up in a path and in an
//! address, so nothing is accepted that could lead elsewhere.

use std::fmt;
use std::str::FromStr;

use super::HubError;

/// The revision that is meant if none is named.
const DEFAULT_REVISION: &str = "main";

/// One model on a hub, at one revision.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Repository {
    pub(super) owner: String,
    pub(super) name: String,
    pub(super) revision: String,
}

impl Repository {
    /// Returns the same model at another revision: a branch, a tag or a commit.
    ///
    /// # Errors
    /// If `revision` has characters that no revision has.
    pub fn at(self, revision: &str) -> Result<Self, HubError> {
        if !is_revision(revision) {
            return Err(HubError::InvalidName { name: format!("{self}@{revision}") });
        }
        Ok(Self { revision: revision.to_owned(), ..self })
    }

    /// Returns the branch, tag or commit; `main` if none was named.
    #[must_use]
    pub fn revision(&self) -> &str {
        &self.revision
    }

    /// Returns the folder's name in the cache.
    pub(super) fn folder_name(&self) -> String {
        format!("models--{}--{}", self.owner, self.name)
    }

    /// Returns the repository that a folder of the cache belongs to.
    pub(super) fn from_folder_name(folder: &str, revision: &str) -> Option<Self> {
        let (owner, name) = folder.strip_prefix("models--")?.split_once("--")?;
        format!("{owner}/{name}").parse::<Self>().ok()?.at(revision).ok()
    }
}

impl FromStr for Repository {
    type Err = HubError;

    fn from_str(text: &str) -> Result<Self, HubError> {
        let fault = || HubError::InvalidName { name: text.to_owned() };
        let (path, revision) = text.split_once('@').unwrap_or((text, DEFAULT_REVISION));
        let (owner, name) = path.split_once('/').ok_or_else(fault)?;
        if !is_name(owner) || !is_name(name) || !is_revision(revision) {
            return Err(fault());
        }
        Ok(Self { owner: owner.to_owned(), name: name.to_owned(), revision: revision.to_owned() })
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)?;
        if self.revision != DEFAULT_REVISION {
            write!(f, "@{}", self.revision)?;
        }
        Ok(())
    }
}

/// Returns whether this is a name that a hub accepts: `--` and `..` inside a name are forbidden, and the first would
/// make the cache's folder names ambiguous.
fn is_name(text: &str) -> bool {
    let edge = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    text.len() <= 96
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        && edge(text.as_bytes().first())
        && edge(text.as_bytes().last())
        && !text.contains("--")
        && !text.contains("..")
}

fn is_revision(text: &str) -> bool {
    text.len() <= 200
        && text.split('/').all(|part| !part.is_empty() && !part.starts_with('.') && !part.contains(".."))
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_goes_into_text_and_folder_and_back() {
        for (text, shown, folder) in [
            ("someone/gpt2-small", "someone/gpt2-small", "models--someone--gpt2-small"),
            ("a/b@main", "a/b", "models--a--b"),
            ("a/b_c.d@refs/pr/1", "a/b_c.d@refs/pr/1", "models--a--b_c.d"),
        ] {
            let repository: Repository = text.parse().unwrap();
            assert_eq!(repository.to_string(), shown);
            assert_eq!(repository.folder_name(), folder);
            assert_eq!(Repository::from_folder_name(folder, repository.revision()), Some(repository));
        }
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_refused() {
        for text in [
            "gpt2", "a/b/c", "/b", "a/", "../b", "a/..", "a/b--c", "a/b@", "a/b@../x", "a/b@x//y", "a/b@.x", "a b/c",
            "a/b?x", "a/ñ",
        ] {
            assert!(matches!(text.parse::<Repository>(), Err(HubError::InvalidName { .. })), "{text}");
        }
    }
}
