//! Signed notes (<https://c2sp.org/signed-note>) with Ed25519: a text, a blank line, and a line for each signature.
//!
//! A verifier key is written `NAME+ID+BASE64`, a signing key `PRIVATE+KEY+NAME+ID+BASE64`, as the `note` tools of the Go
//! project do. The id is the first four bytes of a hash over name and public key.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

use crate::merkle::sha256;

/// The type of a key and of its signatures: Ed25519 over the text.
const ED25519_TYPE: u8 = 1;

/// More signatures than this are refused.
const MOST_SIGNATURES: usize = 100;

/// The largest note that is read, in bytes.
pub const LARGEST_NOTE: usize = 1_000_000;

/// Begins each line with a signature.
const DASH: &str = "\u{2014} ";

/// Why a key or a note cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    #[error("a key's name must not be empty or contain white space or `+`")]
    Name,
    #[error("expected a verifier key, NAME+ID+BASE64")]
    Verifier,
    #[error("expected a signing key, PRIVATE+KEY+NAME+ID+BASE64")]
    Signer,
    #[error("the key's id is not that of its name and key")]
    Id,
    #[error("the key is of a kind that this program does not know: only Ed25519 (1) is")]
    Kind,
    #[error("not a signed note: {0}")]
    Form(&'static str),
    #[error("no signature by {0}")]
    Unsigned(String),
    #[error("the signature by {0} does not fit the text")]
    Forged(String),
}

/// Returns whether a key may have this name: an origin, such as `example.org/log`.
#[must_use]
pub fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+')
}

fn id_of(name: &str, public: &[u8]) -> [u8; 4] {
    let hash = sha256(&[name.as_bytes(), b"\n", &[ED25519_TYPE], public]);
    [hash[0], hash[1], hash[2], hash[3]]
}

fn hex(id: [u8; 4]) -> String {
    format!("{:08x}", u32::from_be_bytes(id))
}

/// Reads `NAME+ID+BASE64` into the name and the 32 bytes after the key's type.
fn parse_key(text: &str, wrong: &NoteError) -> Result<(String, [u8; 4], [u8; 32]), NoteError> {
    let wrong = || wrong.clone();
    let (name, rest) = text.split_once('+').ok_or_else(wrong)?;
    let (id, key) = rest.split_once('+').ok_or_else(wrong)?;
    if !is_name(name) {
        return Err(NoteError::Name);
    }
    if id.len() != 8 || !id.bytes().all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase()) {
        return Err(wrong());
    }
    let id = u32::from_str_radix(id, 16).map_err(|_| wrong())?.to_be_bytes();
    let bytes = STANDARD.decode(key).map_err(|_| wrong())?;
    let (&kind, key) = bytes.split_first().ok_or_else(wrong)?;
    if kind != ED25519_TYPE {
        return Err(NoteError::Kind);
    }
    Ok((name.to_owned(), id, key.try_into().map_err(|_| wrong())?))
}

/// A key that signs notes.
pub struct Signer {
    name: String,
    seed: [u8; 32],
    pair: Ed25519KeyPair,
}

/// Shows the name and nothing of the key.
impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Signer {
    /// Makes the key of this name from 32 random bytes.
    ///
    /// # Errors
    /// [`NoteError::Name`].
    pub fn new(name: &str, seed: [u8; 32]) -> Result<Self, NoteError> {
        if !is_name(name) {
            return Err(NoteError::Name);
        }
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| NoteError::Signer)?;
        Ok(Self { name: name.to_owned(), seed, pair })
    }

    /// Reads a signing key as [`Self::to_text`] writes it.
    ///
    /// # Errors
    /// If it is none, or its id does not fit. No message repeats it.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let text = text.trim().strip_prefix("PRIVATE+KEY+").ok_or(NoteError::Signer)?;
        let (name, id, seed) = parse_key(text, &NoteError::Signer)?;
        let signer = Self::new(&name, seed)?;
        if signer.verifier().id != id {
            return Err(NoteError::Id);
        }
        Ok(signer)
    }

    /// Returns the same key under another name: its verifier key and its signatures are others then.
    ///
    /// # Errors
    /// [`NoteError::Name`].
    pub fn renamed(&self, name: &str) -> Result<Self, NoteError> {
        Self::new(name, self.seed)
    }

    /// Returns the key as it is kept in a file. Secret.
    #[must_use]
    pub fn to_text(&self) -> String {
        let key = STANDARD.encode([&[ED25519_TYPE][..], &self.seed].concat());
        format!("PRIVATE+KEY+{}+{}+{key}\n", self.name, hex(self.verifier().id))
    }

    /// Returns the key that verifies this one's signatures.
    #[must_use]
    pub fn verifier(&self) -> Verifier {
        let mut key = [0; 32];
        key.copy_from_slice(self.pair.public_key().as_ref());
        Verifier { name: self.name.clone(), id: id_of(&self.name, &key), key }
    }

    /// Returns the line with this key's signature of `text`.
    fn line(&self, text: &str) -> String {
        let signature = self.pair.sign(text.as_bytes());
        let bytes = [&self.verifier().id[..], signature.as_ref()].concat();
        format!("{DASH}{} {}\n", self.name, STANDARD.encode(bytes))
    }
}

/// Returns `text`, which ends with a newline, as a note signed by each of the keys.
#[must_use]
pub fn sign(text: &str, signers: &[&Signer]) -> String {
    let lines: String = signers.iter().map(|signer| signer.line(text)).collect();
    format!("{text}\n{lines}")
}

/// A key that verifies notes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verifier {
    name: String,
    id: [u8; 4],
    key: [u8; 32],
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = STANDARD.encode([&[ED25519_TYPE][..], &self.key].concat());
        write!(f, "{}+{}+{key}", self.name, hex(self.id))
    }
}

impl Verifier {
    /// Reads a verifier key.
    ///
    /// # Errors
    /// If it is none, or its id does not fit.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let (name, id, key) = parse_key(text.trim(), &NoteError::Verifier)?;
        if id_of(&name, &key) != id {
            return Err(NoteError::Id);
        }
        Ok(Self { name, id, key })
    }

    /// Returns the key's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// A note that was read; its signatures are not verified yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Signature {
    name: String,
    id: [u8; 4],
    bytes: Vec<u8>,
}

impl Note {
    /// Reads a note.
    ///
    /// # Errors
    /// If it does not have the form of one.
    pub fn parse(note: &str) -> Result<Self, NoteError> {
        if note.len() > LARGEST_NOTE {
            return Err(NoteError::Form("it is too large"));
        }
        if note.contains(|c: char| c.is_ascii_control() && c != '\n') {
            return Err(NoteError::Form("it contains a control character"));
        }
        let at = note.rfind("\n\n").ok_or(NoteError::Form("it has no blank line before the signatures"))?;
        let (text, lines) = (&note[..=at], &note[at + 2..]);
        if !lines.ends_with('\n') {
            return Err(NoteError::Form("the last line does not end with a newline"));
        }
        let signatures: Vec<Signature> =
            lines.split_terminator('\n').map(Signature::parse).collect::<Result<_, _>>()?;
        if signatures.len() > MOST_SIGNATURES {
            return Err(NoteError::Form("it has too many signatures"));
        }
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// Returns the text, with the newline at its end, without saying who signed it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Verifies that this key signed the text.
    ///
    /// # Errors
    /// [`NoteError::Unsigned`], [`NoteError::Forged`].
    pub fn verify(&self, verifier: &Verifier) -> Result<(), NoteError> {
        let mut own =
            self.signatures.iter().filter(|one| one.name == verifier.name && one.id == verifier.id).peekable();
        if own.peek().is_none() {
            return Err(NoteError::Unsigned(verifier.name.clone()));
        }
        let key = UnparsedPublicKey::new(&ED25519, &verifier.key);
        if own.all(|one| key.verify(self.text.as_bytes(), &one.bytes).is_ok()) {
            Ok(())
        } else {
            Err(NoteError::Forged(verifier.name.clone()))
        }
    }

    /// Returns which of the keys signed the text.
    #[must_use]
    pub fn signed_by<'a>(&self, verifiers: &'a [Verifier]) -> Option<&'a Verifier> {
        verifiers.iter().find(|verifier| self.verify(verifier).is_ok())
    }
}

impl Signature {
    fn parse(line: &str) -> Result<Self, NoteError> {
        let (name, signature) = line
            .strip_prefix(DASH)
            .and_then(|line| line.split_once(' '))
            .ok_or(NoteError::Form("a line after the blank one is no signature"))?;
        if !is_name(name) {
            return Err(NoteError::Form("a signature has no name"));
        }
        let wrong = || NoteError::Form("a signature is not base64 of at least five bytes");
        let bytes = STANDARD.decode(signature).map_err(|_| wrong())?;
        let (id, bytes) = bytes.split_first_chunk::<4>().filter(|(_, rest)| !rest.is_empty()).ok_or_else(wrong)?;
        Ok(Self { name: name.to_owned(), id: *id, bytes: bytes.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Go's package `golang.org/x/mod/sumdb/note`.
    const GO_VERIFIER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const GO_NOTE: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\n\
        — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    #[test]
    fn the_note_and_the_key_of_another_implementation_are_read_and_verified() {
        let verifier = Verifier::parse(GO_VERIFIER).unwrap();
        assert_eq!(verifier.to_string(), GO_VERIFIER);
        assert_eq!(Note::parse(GO_NOTE).unwrap().verify(&verifier), Ok(()));
        let forged = GO_NOTE.replacen("answer", "Answer", 1);
        let name = || "PeterNeumann".to_owned();
        assert_eq!(Note::parse(&forged).unwrap().verify(&verifier), Err(NoteError::Forged(name())));
    }

    #[test]
    fn a_note_is_signed_by_each_key_and_by_no_other() {
        let signers = [1, 2, 3].map(|seed| Signer::new("example.org/log", [seed; 32]).unwrap());
        let note = sign("one\ntwo\n", &[&signers[0], &signers[1]]);
        let note = Note::parse(&note).unwrap();
        assert_eq!(note.text(), "one\ntwo\n");
        assert!(signers[..2].iter().all(|signer| note.verify(&signer.verifier()).is_ok()));
        assert_eq!(note.verify(&signers[2].verifier()), Err(NoteError::Unsigned("example.org/log".to_owned())));
        let verifiers: Vec<Verifier> = signers.iter().rev().map(Signer::verifier).collect();
        assert_eq!(note.signed_by(&verifiers), Some(&verifiers[1]));
    }

    #[test]
    fn a_signing_key_is_read_back_and_shown_by_nothing_else() {
        let signer = Signer::new("example.org/log", [7; 32]).unwrap();
        let text = signer.to_text();
        assert_eq!(Signer::parse(&text).unwrap().verifier(), signer.verifier());
        assert_eq!(format!("{signer:?}"), r#"Signer { name: "example.org/log", .. }"#);
        for wrong in [
            text.replace("log", "lag"),
            text.replace("PRIVATE", "PUBLIC"),
            format!("{}AAAA", text.trim()),
            text[..text.len() - 9].to_owned(),
            String::new(),
        ] {
            let error = Signer::parse(&wrong).unwrap_err().to_string();
            assert!(!error.contains(&text[40..60]), "{error}");
        }
        for name in ["", "a b", "a+b", "a\n"] {
            assert_eq!(Signer::new(name, [7; 32]).unwrap_err(), NoteError::Name);
        }
    }

    #[test]
    fn what_is_not_a_note_or_a_key_is_refused_with_its_reason() {
        let good = sign("one\n", &[&Signer::new("a", [1; 32]).unwrap()]);
        for wrong in [
            "",
            "one\n",
            "one\n\n",
            &good[..good.len() - 1],
            &good.replace('\u{2014}', "-"),
            &good.replace(" a ", "  "),
            &good.replace("one", "o\tne"),
            &format!("{good}\n"),
            &format!("{good}x\n"),
            "one\n\n— a AAAAAA==\n",
        ] {
            assert!(Note::parse(wrong).is_err(), "{wrong:?}");
        }
        let vkey = Signer::new("a", [1; 32]).unwrap().verifier().to_string();
        for wrong in ["", "a", "a+1", &vkey[..vkey.len() - 4], &vkey.replacen('a', "b", 1), &vkey.to_uppercase()] {
            assert!(Verifier::parse(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(Verifier::parse("a+00000000+AgAA"), Err(NoteError::Kind));
    }
}
