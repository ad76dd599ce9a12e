//! The key that signs checkpoints: made at the first need in the folder of the record, or given as a secret.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use pregonero_audit::{NoteError, Signer, note};
use pregonero_store::CheckpointKey;
use pregonero_system::environment::Environment;
use pregonero_x::secrets::{self, SecretsError};
use secrecy::ExposeSecret as _;

/// The name of the secret that holds the key; it is found in the same three ways as X's four keys.
pub const KEY_NAME: &str = "AUDIT_KEY";

/// The first line of the statement that one key follows another.
const STATEMENT: &str = "pregonero-audit/key/v1";

/// Why there is no key to sign with.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error(transparent)]
    Secret(#[from] SecretsError),
    #[error(
        "{place}: not a key for checkpoints: {source}; `pregonero audit key` makes one in the folder of the record"
    )]
    Unreadable { place: String, source: NoteError },
    #[error("{}: cannot {doing} the key for checkpoints", path.display())]
    File { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("audit.origin: {0}")]
    Origin(NoteError),
    #[error(
        "the key for checkpoints comes from {KEY_NAME}, {KEY_NAME}_FILE or a credential: replace it there, and the daemon \
         records the change"
    )]
    Given,
}

/// Where the key is, and the name it signs with.
#[derive(Debug, Clone)]
pub struct KeyPlace {
    file: PathBuf,
    origin: String,
    environment: Environment,
}

impl KeyPlace {
    /// Returns the place of the key for the record at `store`.
    #[must_use]
    pub fn beside(store: &Path, origin: String, environment: &Environment) -> Self {
        Self { file: store.with_file_name("audit.key"), origin, environment: environment.clone() }
    }

    /// Returns the file in which the key is kept if none is given as a secret.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Returns the key, if there is one.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn find(&self) -> Result<Option<Signer>, KeyError> {
        if let Some(given) = self.given()? {
            return Ok(Some(given));
        }
        match fs::read_to_string(&self.file) {
            Ok(text) => self.read(&text, &self.file.display().to_string()).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(KeyError::File { doing: "read", path: self.file.clone(), source }),
        }
    }

    /// Returns the key, making it if there is none.
    ///
    /// # Errors
    /// If it cannot be read or written.
    pub fn find_or_make(&self) -> Result<Signer, KeyError> {
        if let Some(found) = self.find()? {
            return Ok(found);
        }
        match self.write_new(&self.file) {
            Ok(made) => Ok(made),
            // Another process made it meanwhile.
            Err(KeyError::File { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists => {
                self.find()?.ok_or_else(|| KeyError::File { doing: "read", path: self.file.clone(), source })
            }
            Err(error) => Err(error),
        }
    }

    /// Makes the next key in a file next to the present one; [`Rotation::finish`] puts it in place.
    ///
    /// # Errors
    /// [`KeyError::Given`], or if a file cannot be read or written.
    pub fn begin_rotation(&self) -> Result<Rotation, KeyError> {
        if self.given()?.is_some() {
            return Err(KeyError::Given);
        }
        let earlier = self.find()?;
        let coming = self.file.with_extension("key.new");
        // One that was left over was never recorded as the present key, or is recorded again.
        let _ = fs::remove_file(&coming);
        let new = self.write_new(&coming)?;
        Ok(Rotation { place: self.clone(), coming, earlier, new })
    }

    fn given(&self) -> Result<Option<Signer>, KeyError> {
        let given = secrets::one(&self.environment, KEY_NAME)?;
        given.map(|secret| self.read(secret.expose_secret(), KEY_NAME)).transpose()
    }

    /// Reads a key; it signs with the log's name, whatever name it was made with.
    fn read(&self, text: &str, place: &str) -> Result<Signer, KeyError> {
        let unreadable = |source| KeyError::Unreadable { place: place.to_owned(), source };
        let key = Signer::parse(text).map_err(unreadable)?;
        key.renamed(&self.origin).map_err(KeyError::Origin)
    }

    fn write_new(&self, path: &Path) -> Result<Signer, KeyError> {
        let failed = |source| KeyError::File { doing: "write", path: path.to_owned(), source };
        let signer = Signer::new(&self.origin, rand::random()).map_err(KeyError::Origin)?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
        file.write_all(signer.to_text().as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
        sync_folder(path).map_err(failed)?;
        Ok(signer)
    }
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// A key that is about to replace another.
#[derive(Debug)]
pub struct Rotation {
    place: KeyPlace,
    coming: PathBuf,
    pub earlier: Option<Signer>,
    pub new: Signer,
}

impl Rotation {
    /// Returns what the log has to record about the change before [`Self::finish`].
    #[must_use]
    pub fn record(&self) -> CheckpointKey {
        record_of(&self.new, self.earlier.as_ref())
    }

    /// Puts the new key in place. Keeps the earlier one next to it and returns where.
    ///
    /// # Errors
    /// If a file cannot be renamed.
    pub fn finish(self) -> Result<Option<PathBuf>, KeyError> {
        let failed = |source| KeyError::File { doing: "replace", path: self.place.file.clone(), source };
        let kept = match &self.earlier {
            Some(earlier) => {
                let vkey = earlier.verifier().to_string();
                // NAME+ID+KEY: a name has no plus sign, but the key, in base64, may have some, and slashes.
                let id = vkey.split('+').nth(1).unwrap_or_default();
                let kept = self.place.file.with_extension(format!("key.before-{id}"));
                fs::rename(&self.place.file, &kept).map_err(failed)?;
                Some(kept)
            }
            None => None,
        };
        fs::rename(&self.coming, &self.place.file).and_then(|()| sync_folder(&self.place.file)).map_err(failed)?;
        Ok(kept)
    }
}

/// Returns the record of a key: its verifier key, and a statement that it follows the earlier one, signed by both as far
/// as they are at hand.
#[must_use]
pub fn record_of(new: &Signer, earlier: Option<&Signer>) -> CheckpointKey {
    let key = new.verifier().to_string();
    let text = statement(&key, earlier.map(|earlier| earlier.verifier().to_string()).as_deref());
    let signers: Vec<&Signer> = std::iter::once(new).chain(earlier).collect();
    CheckpointKey { key, statement: note::sign(&text, &signers) }
}

/// Returns the record of a key that replaces one which is not at hand: it alone signs the statement.
#[must_use]
pub fn record_unsigned(new: &Signer, earlier: &str) -> CheckpointKey {
    let key = new.verifier().to_string();
    let statement = note::sign(&statement(&key, Some(earlier)), &[new]);
    CheckpointKey { key, statement }
}

/// Returns the text that says which key follows which.
#[must_use]
pub fn statement(key: &str, earlier: Option<&str>) -> String {
    format!("{STATEMENT}\n{}\n{key}\n", earlier.unwrap_or("none"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use pregonero_audit::{Note, Verifier};

    use super::*;

    fn place(folder: &Path) -> KeyPlace {
        KeyPlace::beside(&folder.join("pregonero.db"), "pregonero/prueba".to_owned(), &Environment::default())
    }

    #[test]
    fn a_key_is_made_once_private_and_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let place = place(folder.path());
        assert!(place.find().unwrap().is_none());
        let made = place.find_or_make().unwrap().verifier();
        assert_eq!(place.file().metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(place.find_or_make().unwrap().verifier(), made);
        fs::write(place.file(), "nothing of the kind").unwrap();
        let error = place.find_or_make().unwrap_err().to_string();
        assert!(error.contains("audit.key: not a key for checkpoints"), "{error}");
        assert_eq!(fs::read_to_string(place.file()).unwrap(), "nothing of the kind");
    }

    #[test]
    fn every_earlier_key_is_kept_under_its_id_whatever_characters_the_key_has() {
        let folder = tempfile::tempdir().unwrap();
        let place = place(folder.path());
        place.find_or_make().unwrap();
        // Of forty random keys in base64, most have a plus sign or a slash.
        for _ in 0..40 {
            let kept = place.begin_rotation().unwrap().finish().unwrap().unwrap();
            let name = kept.file_name().unwrap().to_str().unwrap();
            let id = name.strip_prefix("audit.key.before-").unwrap();
            assert!(id.len() == 8 && id.chars().all(|digit| digit.is_ascii_hexdigit()), "{name}");
        }
    }

    #[test]
    fn a_rotation_keeps_the_earlier_key_and_both_sign_the_change() {
        let folder = tempfile::tempdir().unwrap();
        let place = place(folder.path());
        let old = place.find_or_make().unwrap().verifier();
        let rotation = place.begin_rotation().unwrap();
        assert_eq!(place.find().unwrap().unwrap().verifier(), old, "until the log has it");
        let record = rotation.record();
        let kept = rotation.finish().unwrap().unwrap();
        let new = place.find().unwrap().unwrap().verifier();
        assert_ne!(new, old);
        assert_eq!(record.key, new.to_string());
        assert!(kept.exists());
        let note = Note::parse(&record.statement).unwrap();
        assert_eq!(note.text(), statement(&new.to_string(), Some(&old.to_string())));
        assert!(note.verify(&old).is_ok() && note.verify(&new).is_ok());
        assert_eq!(Verifier::parse(&record.key).unwrap(), new);
    }
}
