//! The only access to the process's environment.
//!
//! The rest of the program receives an [`Environment`], a value: `main` takes it from the process once, and a test
//! builds one from pairs, so that no test ever sets a variable of the process (which is unsound while other threads
//! run). `crates/x` reads the credentials through it, and the settings read their `PREGONERO__SECTION__KEY`
//! overrides.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;

/// Returns the program's command line, its own name first.
#[must_use]
pub fn command_line() -> Vec<OsString> {
    std::env::args_os().collect()
}

/// The environment variables as they were when the program started.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<OsString, OsString>,
}

impl Environment {
    /// Captures the variables of this process, as they are now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the only place that reads the process's environment")]
    pub fn of_process() -> Self {
        Self { variables: std::env::vars_os().collect() }
    }

    /// Returns the value of a variable, or `None` if it is unset, empty (a service manager unsets one that way) or
    /// not UTF-8.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.raw(name)?.to_str()
    }

    /// Returns the value of a variable as a path, which need not be UTF-8, or `None` if it is unset or empty.
    #[must_use]
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.raw(name).map(PathBuf::from)
    }

    /// Returns whether a variable is switched on: set to anything but an empty text, `0`, `false`, `no` or `off`.
    #[must_use]
    pub fn flag(&self, name: &str) -> bool {
        self.raw(name).is_some_and(|value| {
            !["0", "false", "no", "off"].iter().any(|off| value.to_string_lossy().trim().eq_ignore_ascii_case(off))
        })
    }

    /// Returns all variables whose name begins with `prefix`, sorted by name, empty ones too; those that are not
    /// UTF-8 are left out.
    pub fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.variables
            .iter()
            .filter_map(|(name, value)| Some((name.to_str()?, value.to_str()?)))
            .filter(move |(name, _)| name.starts_with(prefix))
    }

    fn raw(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }
}

impl<N: Into<OsString>, V: Into<OsString>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self { variables: pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect() }
    }
}

/// Shows names alone: a value may be a secret.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_variable_counts_as_unset() {
        let environment = Environment::from_iter([("HF_TOKEN", ""), ("HF_ENDPOINT", "http://127.0.0.1:9")]);
        assert_eq!(environment.get("HF_TOKEN"), None);
        assert_eq!(environment.path("HF_TOKEN"), None);
        assert_eq!(environment.get("HF_ENDPOINT"), Some("http://127.0.0.1:9"));
        assert_eq!(environment.get("HOME"), None);
    }

    #[test]
    fn a_flag_is_on_unless_it_says_off() {
        for (value, on) in [("1", true), ("true", true), ("YES", true), ("on", true), ("2", true)].into_iter().chain([
            ("", false),
            ("0", false),
            ("false", false),
            ("No", false),
            (" off ", false),
        ]) {
            assert_eq!(Environment::from_iter([("HF_HUB_OFFLINE", value)]).flag("HF_HUB_OFFLINE"), on, "{value:?}");
        }
        assert!(!Environment::default().flag("HF_HUB_OFFLINE"));
    }

    #[test]
    fn a_prefix_selects_by_name_in_order() {
        let environment = Environment::from_iter([
            ("PREGONERO__PUBLISH__LIVE", "true"),
            ("PREGONERO__ACCOUNT__DISCLOSURE", ""),
            ("PATH", "/bin"),
        ]);
        let found: Vec<_> = environment.with_prefix("PREGONERO__").collect();
        assert_eq!(found, [("PREGONERO__ACCOUNT__DISCLOSURE", ""), ("PREGONERO__PUBLISH__LIVE", "true")]);
    }

    #[test]
    fn a_path_need_not_be_utf_8_but_text_must() {
        use std::os::unix::ffi::OsStringExt as _;
        let odd = OsString::from_vec(vec![b'/', 0xff]);
        let environment = Environment::from_iter([("CREDENTIALS_DIRECTORY", odd.clone())]);
        assert_eq!(environment.get("CREDENTIALS_DIRECTORY"), None);
        assert_eq!(environment.path("CREDENTIALS_DIRECTORY"), Some(PathBuf::from(odd)));
    }

    #[test]
    fn the_process_has_a_path_and_debug_shows_no_value() {
        assert!(Environment::of_process().get("PATH").is_some());
        let shown = format!("{:?}", Environment::from_iter([("TWITTER_ACCESS_TOKEN", "invented-value")]));
        assert_eq!(shown, r#"{"TWITTER_ACCESS_TOKEN"}"#);
    }
}
