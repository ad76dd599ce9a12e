//! Who decides, and what they say to have checked.

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;

use crate::cli::session::Session;
use crate::review::{Checked, Reviewer};

/// Who decides.
#[derive(Debug, Args)]
pub struct Decision {
    /// Who decides, for the record; without it, the name you are logged in with, or this process's user
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

impl Decision {
    /// Returns the name of the person who decides.
    ///
    /// # Errors
    /// If no name is given and none can be found.
    pub fn name(&self, session: &Session) -> Result<String> {
        if self.by.as_deref().is_some_and(|name| name.trim().is_empty()) {
            bail!("--by: the name is empty; say who decides, or leave the option out");
        }
        let login = ["SUDO_USER", "LOGNAME", "USER"].iter().find_map(|name| session.environment.get(name));
        let given = self.by.as_deref().or(login).map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned);
        // A service and `docker exec` set none of these variables.
        given.or_else(user_of_process).context("it is unknown who decides: give --by NAME")
    }
}

/// Who reviews, and in which role.
#[derive(Debug, Args)]
pub struct Person {
    #[command(flatten)]
    decision: Decision,
    /// Your role, for the record
    #[arg(long, value_name = "ROLE", default_value = "reviewer")]
    role: String,
}

impl Person {
    /// Returns the reviewer.
    ///
    /// # Errors
    /// If it is unknown who decides, or the role is empty.
    pub fn reviewer(&self, session: &Session) -> Result<Reviewer> {
        require_words("--role", &self.role)?;
        Ok(Reviewer { name: self.decision.name(session)?, role: self.role.clone() })
    }
}

/// What was checked.
#[derive(Debug, Args)]
pub struct Examination {
    /// Say that you checked what the text states; the record says so
    #[arg(long)]
    facts_checked: bool,
    /// What you checked it against: a link or a title; may be repeated
    #[arg(long, value_name = "SOURCE")]
    source: Vec<String>,
    /// A note for the record
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Decide only if the post still has the text with this SHA-256 (`text_sha256` of `review show --json`)
    #[arg(long, value_name = "SHA256")]
    seen: Option<String>,
}

impl Examination {
    /// Returns the SHA-256 of the text that the person saw, if they say so.
    pub fn seen(&self) -> Option<&str> {
        self.seen.as_deref()
    }

    /// Returns what was checked.
    ///
    /// # Errors
    /// If a source or the note is empty: whoever gives one means to put it on record.
    pub fn checked(self) -> Result<Checked> {
        self.source.iter().try_for_each(|source| require_words("--source", source))?;
        self.note.iter().try_for_each(|note| require_words("--note", note))?;
        Ok(Checked { facts: self.facts_checked, sources: self.source, note: self.note })
    }
}

/// Refuses an option that was given without words.
fn require_words(option: &str, value: &str) -> Result<()> {
    ensure!(
        !value.trim().is_empty(),
        "{option}: it is empty; write what the record is to say, or leave the option out"
    );
    Ok(())
}

/// Returns the user that this process runs as: by name if the machine knows one, otherwise by number.
fn user_of_process() -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;
    let user = std::fs::metadata("/proc/self").ok()?.uid();
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    Some(name_of(user, &users).unwrap_or_else(|| format!("user {user}")))
}

/// Returns the name that a line of `passwd(5)` gives a user.
fn name_of(user: u32, users: &str) -> Option<String> {
    let named = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(user)).then_some(name)
    });
    named.filter(|name| !name.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_named_by_the_machine_s_list() {
        let users = "root:x:0:0:root:/root:/bin/sh\n\nana:x:1000:1000::/home/ana:/bin/sh\n:x:12:12::/:/bin/sh\n";
        for (user, name) in [(0, Some("root")), (1000, Some("ana")), (12, None), (10001, None)] {
            assert_eq!(name_of(user, users).as_deref(), name, "{user}");
        }
    }
}
