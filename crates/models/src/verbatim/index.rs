//! What a model may not repeat of other people's texts: hashes of the runs of words of its training texts.
//!
//! Other people's texts do not come with the model. [`VerbatimIndex`] holds hashes of their runs of `window` words, 32 bits
//! each; a longer run is a row of hits. With 300,000 hashes a foreign run is taken for a known one in 0.007 % of the cases,
//! and for a row of five in none. A row may also step from one tweet to another through words they share.

use std::ops::Range;
use std::path::Path;

use anyhow::Result;
use sha2::{Digest as _, Sha256};

use pregonero_system::files::{Existing, write_whole};
use pregonero_text::hashing::hash;
use pregonero_text::normal::words;

/// Words in a run that the index knows, unless its builder asks for another number: short enough to measure the run that
/// the default setting allows, long enough that common phrases do not join up.
pub const DEFAULT_WINDOW: usize = 8;

const MAGIC: &[u8; 8] = b"PGVERBAT";
const VERSION: u32 = 1;
/// Magic, version, window, seed, number of hashes.
const HEADER: usize = 8 + 4 + 4 + 8 + 4;
const CHECKSUM: usize = 8;
/// Chosen once; written into every file, so that it could be changed.
const SEED: u64 = 0x7072_6567_6f6e_6572;

/// The runs of words in the texts of a training, as hashes; no text can be read out of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerbatimIndex {
    window: usize,
    seed: u64,
    /// Sorted, without repeats.
    hashes: Vec<u32>,
}

/// Why a file is no index.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerbatimIndexError {
    /// The file contains something else.
    #[error("not an index of verbatim runs: it does not begin with PGVERBAT")]
    Foreign,
    /// Written by a later program.
    #[error("an index of version {0}, this program reads version {VERSION}: update pregonero or build the index again")]
    Version(u32),
    /// Cut off, or changed since it was written.
    #[error("the index is damaged ({0}): copy or build it again")]
    Damaged(&'static str),
}

impl VerbatimIndex {
    /// Indexes every run of `window` words of each text; a text with fewer words leaves no trace.
    ///
    /// # Panics
    /// If `window` is 0.
    #[must_use]
    pub fn build<T: AsRef<str>>(texts: impl IntoIterator<Item = T>, window: usize) -> Self {
        assert!(window > 0, "a run has at least one word");
        let mut hashes = Vec::new();
        for text in texts {
            let words = words(text.as_ref());
            hashes.extend(words.windows(window).map(|run| short_hash(SEED, run)));
        }
        hashes.sort_unstable();
        hashes.dedup();
        Self { window, seed: SEED, hashes }
    }

    /// Words in the shortest run that can be found.
    #[must_use]
    pub fn window(&self) -> usize {
        self.window
    }

    /// How many runs it knows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Whether it knows none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// Returns the length in words of the longest run that `text` shares with the texts of the training; none below the
    /// window.
    #[must_use]
    pub fn longest_run(&self, text: &str) -> Option<usize> {
        self.longest(&words(text)).map(|run| run.len())
    }

    /// Returns the place of the longest shared run, in words.
    pub fn longest(&self, words: &[String]) -> Option<Range<usize>> {
        let mut longest: Option<Range<usize>> = None;
        let mut begun = None;
        for (start, run) in words.windows(self.window).enumerate() {
            if self.hashes.binary_search(&short_hash(self.seed, run)).is_err() {
                begun = None;
                continue;
            }
            let run = *begun.get_or_insert(start)..start + self.window;
            if longest.as_ref().is_none_or(|known| run.len() > known.len()) {
                longest = Some(run);
            }
        }
        longest
    }

    /// The file's content: header, differences between the sorted hashes in seven-bit groups (least first, high bit: more
    /// follows), first eight bytes of the SHA-256 of all before. Numbers are little-endian.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER + self.hashes.len() * 3 + CHECKSUM);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&(self.window as u32).to_le_bytes());
        bytes.extend_from_slice(&self.seed.to_le_bytes());
        bytes.extend_from_slice(&(self.hashes.len() as u32).to_le_bytes());
        let mut previous = 0;
        for hash in &self.hashes {
            push_varint(&mut bytes, hash - previous);
            previous = *hash;
        }
        let checksum = Sha256::digest(&bytes);
        bytes.extend_from_slice(&checksum[..CHECKSUM]);
        bytes
    }

    /// Writes the index to `path`, as a whole or not at all.
    ///
    /// # Errors
    /// If the folder cannot be written; the message names the path.
    pub fn write(&self, path: &Path) -> Result<()> {
        write_whole(path, Existing::Replace, |file| file.write_all(&self.to_bytes()))
    }

    /// Reads what [`VerbatimIndex::to_bytes`] made.
    ///
    /// # Errors
    /// If the bytes are something else, of a later version, cut off or changed.
    pub fn read(bytes: &[u8]) -> Result<Self, VerbatimIndexError> {
        use VerbatimIndexError::{Damaged, Foreign, Version};
        if !bytes.starts_with(MAGIC) {
            return Err(Foreign);
        }
        if bytes.len() < HEADER + CHECKSUM {
            return Err(Damaged("it is cut off"));
        }
        let version = u32_at(bytes, 8);
        if version != VERSION {
            return Err(Version(version));
        }
        let (content, checksum) = bytes.split_at(bytes.len() - CHECKSUM);
        if Sha256::digest(content)[..CHECKSUM] != *checksum {
            return Err(Damaged("its checksum does not match, it is cut off or was changed"));
        }
        let window = u32_at(bytes, 12) as usize;
        if window == 0 {
            return Err(Damaged("it has runs of no words"));
        }
        let seed = u64::from(u32_at(bytes, 16)) | (u64::from(u32_at(bytes, 20)) << 32);
        let hashes =
            read_hashes(&content[HEADER..], u32_at(bytes, 24) as usize).ok_or(Damaged("its hashes do not add up"))?;
        Ok(Self { window, seed, hashes })
    }
}

fn short_hash(seed: u64, run: &[String]) -> u32 {
    (hash(seed, run) >> 32) as u32
}

/// Four bytes of the header, which the caller knows to be there.
fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    bytes[offset..offset + 4].iter().rev().fold(0, |number, byte| (number << 8) | u32::from(*byte))
}

fn push_varint(bytes: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn read_hashes(bytes: &[u8], count: usize) -> Option<Vec<u32>> {
    // Each takes a byte at least, so a wrong count cannot ask for more memory than the file is large.
    if count > bytes.len() {
        return None;
    }
    let mut hashes = Vec::with_capacity(count);
    let mut rest = bytes.iter();
    let mut previous = 0u32;
    for _ in 0..count {
        let mut difference = 0u64;
        for shift in (0..35).step_by(7) {
            let byte = *rest.next()?;
            difference |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        previous = previous.checked_add(u32::try_from(difference).ok()?)?;
        hashes.push(previous);
    }
    rest.next().is_none().then_some(hashes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRAINING: [&str; 2] = [
        "La feria del pueblo empezó con música, luces y un desfile de caballos que nadie esperaba ver.",
        "Dicen que mañana lloverá en toda la costa y que los barcos no saldrán del puerto viejo.",
    ];

    fn index(window: usize) -> VerbatimIndex {
        VerbatimIndex::build(TRAINING, window)
    }

    #[test]
    fn the_longest_run_is_counted_in_words() {
        let cases = [
            (TRAINING[0], Some(17)),
            ("LA FERIA del pueblo empezo con musica luces y ya", Some(9)),
            ("Ayer la feria del pueblo empezó temprano", Some(5)),
            ("Ayer la feria del pueblo terminó temprano", None),
            ("feria del pueblo empezó con fuego y un desfile de caballos que nadie quiso", Some(7)),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(index(5).longest_run(text), expected, "{text}");
        }
    }

    #[test]
    fn hashes_never_change() {
        let run: Vec<String> = ["la", "feria", "del"].map(str::to_owned).to_vec();
        assert_eq!(short_hash(SEED, &run), EXPECTED_HASH);
    }

    /// FNV-1a and murmur3's finaliser in Python:
    ///
    /// ```python
    /// M = 2**64 - 1
    /// h = 0xcbf29ce484222325 ^ 0x707265676f6e6572
    /// for w in ("la", "feria", "del"):
    ///     for b in w.encode() + b"\xff": h = (h ^ b) * 0x100000001b3 & M
    /// h = (h ^ h >> 33) * 0xff51afd7ed558ccd & M
    /// h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53 & M
    /// print((h ^ h >> 33) >> 32)
    /// ```
    const EXPECTED_HASH: u32 = 222694289;

    #[test]
    fn what_is_written_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("verbatim.bin");
        let index = index(5);
        index.write(&path).unwrap();
        index.write(&path).unwrap();
        assert_eq!(VerbatimIndex::read(&std::fs::read(&path).unwrap()), Ok(index));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        let empty = VerbatimIndex::build(Vec::<String>::new(), 3);
        assert_eq!(VerbatimIndex::read(&empty.to_bytes()), Ok(empty));
    }

    #[test]
    fn foreign_cut_and_changed_files_are_told_apart() {
        let good = index(5).to_bytes();
        assert_eq!(VerbatimIndex::read(b""), Err(VerbatimIndexError::Foreign));
        assert_eq!(VerbatimIndex::read(b"SQLite format 3\0"), Err(VerbatimIndexError::Foreign));
        for length in 8..good.len() {
            let error = VerbatimIndex::read(&good[..length]).unwrap_err();
            assert!(matches!(error, VerbatimIndexError::Damaged(_)), "{length}: {error}");
        }
        for position in 12..good.len() {
            let mut changed = good.clone();
            changed[position] ^= 1;
            assert!(VerbatimIndex::read(&changed).is_err(), "{position}");
        }
        let mut later = good;
        later[8] = 2;
        assert_eq!(VerbatimIndex::read(&later), Err(VerbatimIndexError::Version(2)));
    }

    #[test]
    fn sixteen_thousand_tweets_stay_under_a_megabyte() {
        let word = |tweet: u32, place: u32| tweet.wrapping_mul(2_654_435_761).wrapping_add(place * 97_003) % 1_000_003;
        let text = |tweet| (0..25).map(|place| format!("w{}", word(tweet, place))).collect::<Vec<_>>().join(" ");
        let texts = (0..16_000).map(text);
        let index = VerbatimIndex::build(texts, DEFAULT_WINDOW);
        assert!(index.len() > 200_000, "{}", index.len());
        assert!(index.to_bytes().len() < 1_000_000, "{}", index.to_bytes().len());
    }

    #[test]
    fn unknown_texts_are_hardly_ever_taken_for_known_ones() {
        let known = (0..15_000u32).map(|n| (0..25).map(|word| format!("a{n}b{word}")).collect::<Vec<_>>().join(" "));
        let index = VerbatimIndex::build(known, DEFAULT_WINDOW);
        let unknown: Vec<String> = (0..100_000).map(|n| format!("z{n}")).collect();
        let hits =
            unknown.windows(index.window()).filter(|run| index.hashes.binary_search(&short_hash(SEED, run)).is_ok());
        let hits = hits.count();
        assert!(hits <= 20, "{hits} of 100,000, where 6 are expected");
        assert!(index.longest_run(&unknown.join(" ")).unwrap_or(0) <= index.window() + 1);
    }
}
