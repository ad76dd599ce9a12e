//! The record that a command acts on: the one that its configuration names, or the one that the daemon of that
//! configuration really uses. A `pause` on a record that no daemon reads would stop nothing.

use std::fmt;
use std::path::{Path, PathBuf};

use super::lock;
use super::word::{Word, daemons_of};
use crate::config::StorePlace;

/// What a command does with the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// It reads.
    Look,
    /// It writes something that a daemon will follow.
    Act,
}

/// The record to use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whereabouts {
    pub store: PathBuf,
    /// A note for the user if this is not the record that the configuration names.
    pub note: Option<String>,
}

/// Why a command refuses to act on any record.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Elsewhere {
    /// A variable in the command's own environment names a record other than the daemon's.
    #[error(
        "{origin} names {}, but the daemon of this configuration (process {pid}) works on {}: nothing was done; unset \
         {origin}, or let it name the daemon's record", asked.display(), daemon.display()
    )]
    Contradicted { origin: String, asked: PathBuf, pid: u32, daemon: PathBuf },
    /// Several daemons are running, none of them on the configured record.
    #[error(
        "{}: no daemon is running on this record, but daemons of this configuration are: {daemons}; nothing was done: name one \
         with PREGONERO__STORE__PATH", asked.display()
    )]
    Several { asked: PathBuf, daemons: Daemons },
    /// The daemon's record cannot be reached from here.
    #[error(
        "the daemon of this configuration (process {pid}) works on {}, which cannot be used from here: {cause}; nothing was \
         done: run this as root or as the daemon's user, in its container if it has one", daemon.display()
    )]
    OutOfSight { pid: u32, daemon: PathBuf, cause: String },
    /// Not even `store.path` can be read, and no daemon reports its record.
    #[error("{}: cannot find the record: the configuration is unreadable and no daemon of it is running", file.display())]
    Unknown { file: PathBuf },
}

/// A list of daemons, for a message.
#[derive(Debug, PartialEq, Eq)]
pub struct Daemons(Vec<Word>);

impl fmt::Display for Daemons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listed = self.0.iter().map(|word| format!("process {} on {}", word.pid, word.store.display()));
        f.write_str(&listed.collect::<Vec<_>>().join(", "))
    }
}

/// Finds the record that a command for `purpose` is to use.
///
/// # Errors
/// See [`Elsewhere`].
pub async fn whereabouts(place: &StorePlace, purpose: Purpose) -> Result<Whereabouts, Elsewhere> {
    decide(place, purpose, daemons_of(&place.file).await, in_sight)
}

/// Returns whether the record that a daemon reported is really in use by a running daemon, as far as this process can
/// see.
fn in_sight(store: &Path) -> Result<bool, String> {
    lock::is_held(store).map_err(|error| error.to_string())
}

fn decide(
    place: &StorePlace,
    purpose: Purpose,
    words: Vec<Word>,
    in_sight: impl Fn(&Path) -> Result<bool, String>,
) -> Result<Whereabouts, Elsewhere> {
    let configured = Whereabouts { store: place.path.clone(), note: None };
    let is_named = place.is_certain || place.is_from_environment();
    if is_named && words.iter().any(|word| word.is_at(&place.path)) {
        return Ok(configured);
    }
    let is_asked_for = place.is_from_environment();
    if is_asked_for && purpose == Purpose::Look {
        return Ok(configured);
    }
    let word = match words.as_slice() {
        [] if is_named => return Ok(configured),
        [] => return Err(Elsewhere::Unknown { file: place.file.clone() }),
        [word] => word,
        _ => return Err(Elsewhere::Several { asked: place.path.clone(), daemons: Daemons(words) }),
    };
    let (pid, daemon) = (word.pid, word.store.clone());
    if is_asked_for {
        let (origin, asked) = (place.origin.clone(), place.path.clone());
        return Err(Elsewhere::Contradicted { origin, asked, pid, daemon });
    }
    match in_sight(&daemon) {
        Ok(true) => {}
        Ok(false) => {
            let cause = "no daemon can be seen there".to_owned();
            return Err(Elsewhere::OutOfSight { pid, daemon, cause });
        }
        Err(cause) => return Err(Elsewhere::OutOfSight { pid, daemon, cause }),
    }
    let named = if is_named { format!(", not on {}", place.path.display()) } else { String::new() };
    let note = format!(
        "the daemon of this configuration (process {pid}) works on {}{named}: the command acts there",
        daemon.display()
    );
    Ok(Whereabouts { store: daemon, note: Some(note) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(path: &str, origin: &str, is_certain: bool) -> StorePlace {
        StorePlace {
            file: "/home/ana/config.toml".into(),
            sha256: String::new(),
            path: path.into(),
            origin: origin.to_owned(),
            is_certain,
            zone: jiff::tz::TimeZone::UTC,
        }
    }

    fn word(pid: u32, store: &str) -> Word {
        Word { pid, version: String::new(), config: PathBuf::new(), store: store.into(), real_store: store.into() }
    }

    const VARIABLE: &str = "PREGONERO__STORE__PATH";

    #[test]
    fn a_command_uses_the_configured_record_where_its_daemon_does_or_none_runs() {
        let place = place("/srv/a.db", "config.toml:2", true);
        for words in [vec![], vec![word(7, "/srv/a.db")], vec![word(8, "/srv/b.db"), word(7, "/srv/a.db")]] {
            let found = decide(&place, Purpose::Act, words, |_| Ok(true)).unwrap();
            assert_eq!((found.store, found.note), (PathBuf::from("/srv/a.db"), None));
        }
    }

    #[test]
    fn a_daemon_that_works_elsewhere_is_followed_and_named() {
        let place = place("/srv/a.db", "config.toml:2", true);
        let found =
            decide(&place, Purpose::Act, vec![word(7, "/var/lib/pregonero/pregonero.db")], |_| Ok(true)).unwrap();
        assert_eq!(found.store, PathBuf::from("/var/lib/pregonero/pregonero.db"));
        let note = found.note.unwrap();
        assert!(note.contains("(process 7) works on /var/lib/pregonero/pregonero.db, not on /srv/a.db"), "{note}");
    }

    #[test]
    fn where_it_is_not_sure_which_record_is_meant_nothing_is_done() {
        let configured = place("/srv/a.db", "config.toml:2", true);
        let asked = place("/srv/a.db", VARIABLE, true);
        let lost = place("/home/ana/data/pregonero.db", "default", false);
        let act = |place: &StorePlace, words: Vec<Word>, seen: Result<bool, String>| {
            decide(place, Purpose::Act, words, |_| seen.clone()).unwrap_err().to_string()
        };
        let one = || vec![word(7, "/srv/b.db")];
        assert!(act(&asked, one(), Ok(true)).starts_with("PREGONERO__STORE__PATH names /srv/a.db, but the daemon"));
        let two = vec![word(7, "/srv/b.db"), word(8, "/srv/c.db")];
        assert!(act(&configured, two, Ok(true)).contains("process 7 on /srv/b.db, process 8 on /srv/c.db"));
        assert!(act(&configured, one(), Ok(false)).contains("no daemon can be seen there"));
        assert!(act(&configured, one(), Err("Permission denied".to_owned())).contains("Permission denied"));
        assert!(act(&lost, Vec::new(), Ok(true)).contains("no daemon of it is running"));
        // Reading a record that the person names is allowed; and a daemon still knows what a broken file no longer
        // says.
        assert_eq!(decide(&asked, Purpose::Look, one(), |_| Ok(true)).unwrap().store, asked.path);
        assert_eq!(decide(&lost, Purpose::Act, one(), |_| Ok(true)).unwrap().store, PathBuf::from("/srv/b.db"));
    }
}
