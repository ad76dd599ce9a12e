//! Where the paths in a configuration lead: one rule for the daemon, every command, the systemd unit and the
//! container.
//!
//! A relative path is relative to the folder of the configuration file, wherever the program is started. A file under
//! `/etc` has no data next to it: there, the state folder of the service takes the place of its folder, and a leading
//! `data/` is left out, so that the defaults `data/pregonero.db` and `data/tokens` become
//! `/var/lib/pregonero/pregonero.db` and `/var/lib/pregonero/tokens`.

use std::path::{Path, PathBuf};

/// Where a system service keeps its data.
pub const SYSTEM_STATE: &str = "/var/lib/pregonero";

/// The folder of the defaults that [`SYSTEM_STATE`] replaces.
const DATA: &str = "data";

/// Returns where `path` leads when the configuration file `file` names it.
#[must_use]
pub fn resolve(file: &Path, path: &Path) -> PathBuf {
    if path.is_absolute() {
        return path.to_owned();
    }
    let path = path.strip_prefix(".").unwrap_or(path);
    let place = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    if place.starts_with("/etc") {
        return Path::new(SYSTEM_STATE).join(path.strip_prefix(DATA).unwrap_or(path));
    }
    file.parent().map_or_else(|| path.to_owned(), |folder| folder.join(path))
}

/// Refuses a path that begins with `~`: only a shell expands it, and to a different folder for each user.
///
/// # Errors
/// A message about the path, for the key's fault.
pub fn refuse_home(path: &str) -> Result<(), String> {
    let first = path.split('/').next().unwrap_or_default();
    if first.starts_with('~') {
        return Err(format!(
            "expected a path without ~, found {path:?}; write the whole path, such as /home/ana/bot/data"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_path_belongs_to_its_file_and_under_etc_to_the_service_s_state_folder() {
        for (file, path, expected) in [
            ("config.toml", "data/pregonero.db", "data/pregonero.db"),
            ("bots/one/config.toml", "data/pregonero.db", "bots/one/data/pregonero.db"),
            ("/home/ana/bot/config.toml", "./data/tokens", "/home/ana/bot/data/tokens"),
            ("/home/ana/bot/config.toml", "/srv/pregonero.db", "/srv/pregonero.db"),
            ("/etc/pregonero/config.toml", "data/pregonero.db", "/var/lib/pregonero/pregonero.db"),
            ("/etc/pregonero/config.toml", "data/tokens", "/var/lib/pregonero/tokens"),
            ("/etc/pregonero/config.toml", "models/mine", "/var/lib/pregonero/models/mine"),
            ("/etc/pregonero/config.toml", "/srv/pregonero.db", "/srv/pregonero.db"),
            ("/etcetera/config.toml", "data/pregonero.db", "/etcetera/data/pregonero.db"),
        ] {
            assert_eq!(resolve(Path::new(file), Path::new(path)), Path::new(expected), "{file} {path}");
        }
    }

    #[test]
    fn a_home_folder_is_refused_and_a_tilde_elsewhere_is_a_name() {
        for path in ["~/pregonero.db", "~", "~ana/data/pregonero.db"] {
            assert!(refuse_home(path).unwrap_err().contains("write the whole path"), "{path}");
        }
        assert_eq!(refuse_home("data/~kept/pregonero.db"), Ok(()));
    }
}
