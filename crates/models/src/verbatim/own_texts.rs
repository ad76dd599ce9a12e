//! The own texts of a model: those texts of its training that its operator wrote. It may copy words from them, but not
//! repeat one as a whole.
//!
//! They are in `own_texts.zst`: a skippable frame of zstd with the header, then one frame with the texts, normalised,
//! sorted, one a line; `zstd -dc own_texts.zst` prints them. They are never all in memory: [`OwnTexts::most_similar`]
//! reads the file once and compares every line with all texts it is asked about ([`comparison`]).

mod comparison;

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use sha2::{Digest as _, Sha256};
use zstd::stream::raw::CParameter;
use zstd::stream::read::Decoder;
use zstd::stream::write::Encoder;

pub use self::comparison::{Comparison, OwnText};
use pregonero_system::files::{Existing, write_whole};
use pregonero_text::normal::normalise;

/// A frame that every reader of zstd passes over, and its length.
const SKIPPABLE: [u8; 4] = 0x184d_2a50_u32.to_le_bytes();
const MAGIC: &[u8; 8] = b"PGOWNTXT";
const VERSION: u32 = 1;
/// Length of the header after the skippable frame's own eight bytes: magic, version, number of texts, bytes of all
/// lines.
const FIELDS: usize = 8 + 4 + 4 + 8;
const CHECKSUM: usize = 8;
const HEADER: usize = 8 + FIELDS + CHECKSUM;
/// A reader must keep 2 to the power of this many bytes, and refuses a file that needs more.
const WINDOW: u32 = 19;
const LEVEL: i32 = 19;
/// Bytes of the longest text after normalising. A line is the only part of the file that is in memory as a whole.
const LONGEST: usize = 1 << 16;
/// Bytes of the lines together: what a round can read in a second or two.
const MOST_BYTES: u64 = 1 << 30;

/// Where the own texts of a model are.
pub struct OwnTexts {
    source: Source,
    count: u32,
    bytes: u64,
}

/// Prints the numbers only: the bytes of a file in memory would tell nobody anything.
impl fmt::Debug for OwnTexts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count, bytes, .. } = self;
        f.debug_struct("OwnTexts").field("count", count).field("bytes", bytes).finish_non_exhaustive()
    }
}

enum Source {
    Memory(Cow<'static, [u8]>),
    /// Stays open, so that replacing the file changes nothing for this reader.
    File(File),
}

/// Why a file holds no own texts.
#[derive(Debug, thiserror::Error)]
pub enum OwnTextsError {
    /// The file holds something else.
    #[error("not a file of own texts: its header is missing")]
    Foreign,
    /// Written by a later program.
    #[error("own texts of version {0}; this program reads version {VERSION}: update pregonero or build the file again")]
    Version(u32),
    /// Cut off, or changed since it was written.
    #[error("the file of own texts is damaged ({0}): copy or build it again")]
    Damaged(&'static str),
    /// The disk or zstd reports an error.
    #[error("the own texts cannot be read ({0}): copy or build the file again")]
    Unreadable(#[from] io::Error),
}

impl OwnTexts {
    /// Normalises and sorts the texts, each once; those without words are left out.
    ///
    /// # Errors
    /// If one is too long to be kept.
    pub fn prepare<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Result<Vec<String>> {
        let mut lines: Vec<String> = texts.into_iter().map(|text| normalise(text.as_ref())).collect();
        lines.sort_unstable();
        lines.dedup();
        lines.retain(|line| !line.is_empty());
        if let Some(long) = lines.iter().find(|line| line.len() > LONGEST) {
            let beginning: String = long.chars().take(60).collect();
            anyhow::bail!(
                "an own text has {} bytes; at most {LONGEST} are allowed: split it or leave it out: {beginning}…",
                long.len()
            );
        }
        let bytes: u64 = lines.iter().map(|line| line.len() as u64 + 1).sum();
        ensure!(bytes <= MOST_BYTES, "the own texts have {bytes} bytes; at most {MOST_BYTES} are allowed: give fewer");
        Ok(lines)
    }

    /// Returns the file's content for what [`OwnTexts::prepare`] returned.
    ///
    /// # Errors
    /// If zstd fails.
    pub fn encode(lines: &[String]) -> io::Result<Vec<u8>> {
        let mut encoder = Encoder::new(Vec::new(), LEVEL)?;
        encoder.set_parameter(CParameter::WindowLog(WINDOW))?;
        encoder.include_checksum(true)?;
        let mut bytes = 0;
        for line in lines {
            encoder.write_all(line.as_bytes())?;
            encoder.write_all(b"\n")?;
            bytes += line.len() as u64 + 1;
        }
        let frame = encoder.finish()?;
        let mut content = Vec::with_capacity(HEADER + frame.len());
        content.extend_from_slice(&SKIPPABLE);
        content.extend_from_slice(&((FIELDS + CHECKSUM) as u32).to_le_bytes());
        content.extend_from_slice(MAGIC);
        content.extend_from_slice(&VERSION.to_le_bytes());
        content.extend_from_slice(&(lines.len() as u32).to_le_bytes());
        content.extend_from_slice(&bytes.to_le_bytes());
        let mut digest = Sha256::new_with_prefix(&content);
        digest.update(&frame);
        content.extend_from_slice(&digest.finalize()[..CHECKSUM]);
        content.extend_from_slice(&frame);
        Ok(content)
    }

    /// Writes what [`OwnTexts::prepare`] returned to `path`; if that fails, what was there before stays.
    ///
    /// # Errors
    /// If the file cannot be written; the message names it.
    pub fn write(lines: &[String], path: &Path) -> Result<()> {
        let content = Self::encode(lines).with_context(|| format!("cannot write {}", path.display()))?;
        write_whole(path, Existing::Replace, |writer| writer.write_all(&content))
    }

    /// Checks the content of a file, and keeps it in memory.
    ///
    /// # Errors
    /// If the bytes are something else, of a later version, cut off or changed.
    pub fn in_memory(content: impl Into<Cow<'static, [u8]>>) -> Result<Self, OwnTextsError> {
        Self::new(Source::Memory(content.into()))
    }

    /// Checks a file, and keeps it open.
    ///
    /// # Errors
    /// As [`OwnTexts::in_memory`], and where it cannot be read; the message names the path.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::new(Source::File(file)).with_context(|| path.display().to_string())
    }

    fn new(source: Source) -> Result<Self, OwnTextsError> {
        use OwnTextsError::{Damaged, Foreign, Version};
        let mut reader = source.reader(0);
        let mut header = Vec::with_capacity(HEADER);
        reader.by_ref().take(HEADER as u64).read_to_end(&mut header)?;
        let is_ours = header.starts_with(&SKIPPABLE) && header.get(8..16) == Some(MAGIC.as_slice());
        if !is_ours {
            return Err(Foreign);
        }
        if header.len() < HEADER {
            return Err(Damaged("it is cut off"));
        }
        let number = |offset: usize, length: usize| {
            header[offset..offset + length].iter().rev().fold(0_u64, |number, byte| (number << 8) | u64::from(*byte))
        };
        let version = number(16, 4) as u32;
        if version != VERSION {
            return Err(Version(version));
        }
        let (fields, checksum) = header.split_at(HEADER - CHECKSUM);
        let mut digest = Sha256::new_with_prefix(fields);
        io::copy(&mut reader, &mut digest)?;
        if digest.finalize()[..CHECKSUM] != *checksum {
            return Err(Damaged("its checksum does not match: it is cut off or was changed"));
        }
        let (count, bytes) = (number(20, 4) as u32, number(24, 8));
        if bytes > MOST_BYTES || u64::from(count) > bytes {
            return Err(Damaged("it says that it holds more than it may"));
        }
        Ok(Self { source, count, bytes })
    }

    /// Returns how many texts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count as usize
    }

    /// Returns whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Returns for each of `texts` the own text most similar to it, as the `near_duplicate` gate measures it; none
    /// where all are below `least` (above 0, at most 1). Reads the whole file once, whatever the number of texts.
    ///
    /// # Errors
    /// If the file cannot be read or decoded, or holds something else than its header says.
    pub fn most_similar<T: AsRef<str>>(&self, texts: &[T], least: f64) -> Result<Vec<Option<OwnText>>, OwnTextsError> {
        let mut comparison = Comparison::new(texts, least);
        self.for_each(|line| comparison.add(line))?;
        Ok(comparison.finish())
    }

    /// Calls `take` with every line. Takes the memory of zstd's window and one line.
    fn for_each(&self, mut take: impl FnMut(&str)) -> Result<(), OwnTextsError> {
        use OwnTextsError::Damaged;
        let mut decoder = Decoder::new(self.source.reader(HEADER as u64))?.single_frame();
        decoder.window_log_max(WINDOW)?;
        let mut lines = BufReader::with_capacity(1 << 16, decoder);
        let (mut line, mut count, mut bytes) = (Vec::new(), 0_u32, 0_u64);
        loop {
            line.clear();
            let read = lines.by_ref().take(LONGEST as u64 + 1).read_until(b'\n', &mut line)?;
            if read == 0 {
                break;
            }
            bytes += read as u64;
            if count == self.count || bytes > self.bytes {
                return Err(Damaged("it holds more than it says"));
            }
            count += 1;
            if line.pop() != Some(b'\n') {
                return Err(Damaged("a line has no end"));
            }
            take(str::from_utf8(&line).map_err(|_| Damaged("it holds bytes that are not text"))?);
        }
        if (count, bytes) == (self.count, self.bytes) {
            return Ok(());
        }
        Err(Damaged("it holds less than it says"))
    }
}

impl Source {
    fn reader(&self, offset: u64) -> SourceReader<'_> {
        SourceReader { source: self, offset }
    }
}

/// Reads from a position of its own, so that several readers can share the file.
struct SourceReader<'a> {
    source: &'a Source,
    offset: u64,
}

impl Read for SourceReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match self.source {
            Source::Memory(content) => {
                let rest = usize::try_from(self.offset).ok().and_then(|offset| content.get(offset..));
                let mut rest = rest.unwrap_or_default();
                rest.read(buffer)?
            }
            Source::File(file) => file.read_at(buffer, self.offset)?,
        };
        self.offset += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: [&str; 4] = [
        "¡La vacuna llega a la vereda con las brigadas de salud!",
        "la vacuna llega a la vereda con las brigadas de salud",
        "Un abrazo en la mañana alegra a toda la familia del barrio.",
        "🤖",
    ];

    fn content() -> Vec<u8> {
        OwnTexts::encode(&OwnTexts::prepare(TEXTS).unwrap()).unwrap()
    }

    fn lines_of(own: &OwnTexts) -> Result<Vec<String>, OwnTextsError> {
        let mut lines = Vec::new();
        own.for_each(|line| lines.push(line.to_owned())).map(|()| lines)
    }

    /// Returns the content with a correct checksum, as somebody would make it who wants the file to be accepted.
    fn with_right_checksum(mut content: Vec<u8>) -> Vec<u8> {
        let mut digest = Sha256::new_with_prefix(&content[..HEADER - CHECKSUM]);
        digest.update(&content[HEADER..]);
        content[HEADER - CHECKSUM..HEADER].copy_from_slice(&digest.finalize()[..CHECKSUM]);
        content
    }

    #[test]
    fn texts_are_kept_normalised_sorted_and_once() {
        let expected = [
            "la vacuna llega a la vereda con las brigadas de salud",
            "un abrazo en la manana alegra a toda la familia del barrio",
        ];
        let own = OwnTexts::in_memory(content()).unwrap();
        assert_eq!((own.len(), lines_of(&own).unwrap()), (2, expected.map(str::to_owned).to_vec()));
        assert_eq!(zstd::decode_all(content().as_slice()).unwrap(), (expected.join("\n") + "\n").into_bytes());

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own_texts.zst");
        OwnTexts::write(&OwnTexts::prepare(TEXTS).unwrap(), &path).unwrap();
        let open = OwnTexts::open(&path).unwrap();
        OwnTexts::write(&OwnTexts::prepare(["otra cosa"]).unwrap(), &path).unwrap();
        assert_eq!(lines_of(&open).unwrap(), expected, "a replaced file goes on as it was");
        assert_eq!(lines_of(&OwnTexts::open(&path).unwrap()).unwrap(), ["otra cosa"]);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);

        let none = OwnTexts::in_memory(OwnTexts::encode(&[]).unwrap()).unwrap();
        assert!(none.is_empty() && lines_of(&none).unwrap().is_empty());
    }

    #[test]
    fn a_text_that_is_too_long_is_refused() {
        let message = OwnTexts::prepare(["palabra ".repeat(10_000)]).unwrap_err().to_string();
        assert!(message.starts_with("an own text has 79999 bytes; at most 65536 are allowed: "), "{message}");
    }

    #[test]
    fn foreign_cut_and_changed_files_are_told_apart() {
        let good = content();
        for foreign in [&b""[..], b"SQLite format 3\0", &good[HEADER..], &good[..12]] {
            assert!(matches!(OwnTexts::in_memory(foreign.to_vec()), Err(OwnTextsError::Foreign)));
        }
        for length in 16..good.len() {
            let error = OwnTexts::in_memory(good[..length].to_vec()).unwrap_err();
            assert!(matches!(error, OwnTextsError::Damaged(_)), "{length}: {error}");
        }
        for position in 20..good.len() {
            let mut changed = good.clone();
            changed[position] ^= 1;
            assert!(OwnTexts::in_memory(changed).is_err(), "{position}");
        }
        let mut later = good;
        later[16] = 2;
        assert!(matches!(OwnTexts::in_memory(later), Err(OwnTextsError::Version(2))));
        let missing = OwnTexts::open(Path::new("/nowhere/own_texts.zst")).unwrap_err().to_string();
        assert!(missing.contains("/nowhere/own_texts.zst"), "{missing}");
    }

    #[test]
    fn a_file_that_says_less_than_it_holds_ends_in_an_error() {
        let edges: [(usize, u8, &str); 4] = [
            (20, 1, "it holds more than it says"),
            (20, 3, "it holds less than it says"),
            (24, 1, "more than it"),
            (29, 1, "it says that it holds more than it may"),
        ];
        for (position, value, expected) in edges {
            let mut changed = content();
            changed[position] = value;
            let error = OwnTexts::in_memory(with_right_checksum(changed))
                .and_then(|own| lines_of(&own).map(|_| ()))
                .unwrap_err();
            assert!(error.to_string().contains(expected), "{position}: {error}");
        }
        for (lines, expected) in
            [(vec![0_u8; 1 << 24], "no end"), (b"sin final".to_vec(), "no end"), (b"\xff\xfe\n".to_vec(), "not text")]
        {
            let mut bomb = OwnTexts::encode(&[]).unwrap()[..HEADER].to_vec();
            bomb[20] = 9;
            bomb[24..32].copy_from_slice(&(1_u64 << 29).to_le_bytes());
            let mut encoder = Encoder::new(bomb, 3).unwrap();
            encoder.set_parameter(CParameter::WindowLog(WINDOW)).unwrap();
            encoder.write_all(&lines).unwrap();
            let bomb = encoder.finish().unwrap();
            assert!(bomb.len() < 10_000, "sixteen megabytes take hardly any room");
            let error = lines_of(&OwnTexts::in_memory(with_right_checksum(bomb)).unwrap()).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }

    #[test]
    fn a_window_larger_than_ours_is_refused() {
        let mut encoder = Encoder::new(Vec::new(), 3).unwrap();
        encoder.set_parameter(CParameter::WindowLog(27)).unwrap();
        encoder.write_all(&[b'\n'; 100]).unwrap();
        let mut content = OwnTexts::encode(&[]).unwrap()[..HEADER].to_vec();
        (content[20], content[24]) = (100, 100);
        content.extend(encoder.finish().unwrap());
        let error = lines_of(&OwnTexts::in_memory(with_right_checksum(content)).unwrap()).unwrap_err();
        assert!(matches!(error, OwnTextsError::Unreadable(_)), "{error}");
    }
}
