//! The encoding of a file: found out from a sample and its marks, and turned into UTF-8.
//!
//! UTF-16 and encodings that were named are decoded as a stream. Windows-1252 (of which Latin-1 is a part) is decoded record by
//! record, because a file can begin in ASCII and turn out to be Windows-1252 a million lines later, or mix it with UTF-8.

use std::borrow::Cow;
use std::io::{self, Read};

use anyhow::{Context as _, Result};
use encoding_rs::{CoderResult, Decoder, Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::input::Input;

/// How many bytes are looked at.
const SAMPLE: usize = 1 << 16;

/// Turns records into text.
#[derive(Debug)]
pub(super) struct Records {
    name: &'static str,
    base: Base,
    /// Whether the file began with a byte order mark.
    marked: bool,
    /// Whether a byte that is not ASCII was seen, and one that Latin-1 does not have.
    beyond_ascii: bool,
    beyond_latin1: bool,
    /// Whether the encoding may be found out from the records.
    open: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Base {
    Utf8,
    Windows1252,
}

/// Finds out the encoding of an input; returns the input in UTF-8 or Windows-1252, without a mark, and what turns it into text.
///
/// # Errors
/// If the input cannot be read, or `named` is no encoding.
pub(super) fn decoded(mut input: Input, named: Option<&str>) -> Result<(Input, Records)> {
    let sample = input.look(SAMPLE)?;
    let marked = Encoding::for_bom(sample);
    let (encoding, mark) = match (named, marked) {
        (Some(name), _) => (known(name)?, marked.map_or(0, |(_, length)| length)),
        (None, Some((encoding, length))) => (encoding, length),
        (None, None) => (guessed(sample), 0),
    };
    input.consume(mark);
    let base = if encoding == WINDOWS_1252 { Base::Windows1252 } else { Base::Utf8 };
    let streamed = encoding != WINDOWS_1252 && encoding != UTF_8;
    let records = Records {
        name: encoding.name(),
        base,
        marked: mark > 0,
        beyond_ascii: false,
        beyond_latin1: false,
        open: named.is_none() && marked.is_none() && !streamed,
    };
    let input = if streamed { Input::new(Box::new(Transcoded::new(input, encoding))) } else { input };
    Ok((input, records))
}

fn known(name: &str) -> Result<&'static Encoding> {
    Encoding::for_label(name.trim().as_bytes()).with_context(|| {
        format!("{name:?} is not an encoding; for example utf-8, latin1, windows-1252, utf-16le, shift_jis")
    })
}

/// Returns the encoding of a sample without a mark.
fn guessed(sample: &[u8]) -> &'static Encoding {
    let zeros = |odd: usize| sample.iter().skip(odd).step_by(2).filter(|byte| **byte == 0).count();
    let half = sample.len() / 2;
    if half > 0 && zeros(1) * 10 > half * 4 && zeros(0) * 10 < half {
        return UTF_16LE;
    }
    if half > 0 && zeros(0) * 10 > half * 4 && zeros(1) * 10 < half {
        return UTF_16BE;
    }
    let (right, wrong) = sequences(sample);
    if wrong > right { WINDOWS_1252 } else { UTF_8 }
}

/// Counts the characters beyond ASCII that are right in UTF-8, and the places where it is wrong.
fn sequences(sample: &[u8]) -> (usize, usize) {
    let (mut right, mut wrong) = (0, 0);
    for chunk in sample.utf8_chunks() {
        right += chunk.valid().chars().filter(|character| !character.is_ascii()).count();
        wrong += usize::from(!chunk.invalid().is_empty());
    }
    // The sample may end within a character.
    (right, wrong - usize::from(wrong > 0 && cut(sample)))
}

fn cut(sample: &[u8]) -> bool {
    let last = sample.utf8_chunks().last().map_or(&[][..], |chunk| chunk.invalid());
    !last.is_empty() && std::str::from_utf8(last).is_err_and(|error| error.error_len().is_none())
}

impl Records {
    /// Returns a record as text, and whether it is in another encoding than the rest of the file.
    pub(super) fn text<'a>(&mut self, bytes: &'a [u8]) -> (Cow<'a, str>, bool) {
        if bytes.is_ascii() {
            // Decoding cannot fail then.
            return (String::from_utf8_lossy(bytes), false);
        }
        let unseen = !std::mem::replace(&mut self.beyond_ascii, true);
        if self.base == Base::Utf8 {
            if let Ok(text) = std::str::from_utf8(bytes) {
                return (Cow::Borrowed(text), false);
            }
            if self.open && unseen {
                self.base = Base::Windows1252;
            }
        }
        self.beyond_latin1 |= bytes.iter().any(|byte| (0x80..0xa0).contains(byte));
        let text = WINDOWS_1252.decode_without_bom_handling(bytes).0;
        (text, self.base == Base::Utf8)
    }

    /// Returns the encoding in words, as far as it is known by now.
    pub(super) fn in_words(&self) -> String {
        let name = match self.base {
            Base::Windows1252 if self.open && !self.beyond_latin1 => "Latin-1",
            Base::Windows1252 => "Windows-1252",
            Base::Utf8 => self.name,
        };
        format!("{name}{}", if self.marked { " with a byte order mark" } else { "" })
    }
}

/// A reader that turns another encoding into UTF-8.
struct Transcoded {
    input: Input,
    decoder: Decoder,
    ended: bool,
}

impl Transcoded {
    fn new(input: Input, encoding: &'static Encoding) -> Self {
        Self { input, decoder: encoding.new_decoder_without_bom_handling(), ended: false }
    }
}

impl Read for Transcoded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.ended {
                return Ok(0);
            }
            if self.input.data().is_empty() {
                self.input.more()?;
            }
            let last = self.input.ended();
            let (result, read, written, _) = self.decoder.decode_to_utf8(self.input.data(), buffer, last);
            self.input.consume_lines(read, 0);
            self.ended = last && result == CoderResult::InputEmpty;
            if written > 0 {
                return Ok(written);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], named: Option<&str>) -> (Vec<String>, Vec<bool>, String) {
        let input = Input::new(Box::new(io::Cursor::new(bytes.to_vec())));
        let (mut input, mut records) = decoded(input, named).unwrap();
        while input.more().unwrap() {}
        let lines = input.data().split(|byte| *byte == b'\n').map(|line| records.text(line));
        let (texts, others) = lines.map(|(text, other)| (text.into_owned(), other)).unzip();
        (texts, others, records.in_words())
    }

    #[test]
    fn the_encoding_is_found_out_and_said() {
        let utf16 = |text: &str, order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect::<Vec<u8>>();
        let expected = "señal\nsí\nno es así";
        for (bytes, named, words) in [
            (expected.as_bytes().to_vec(), None, "UTF-8"),
            ([b"\xef\xbb\xbf", expected.as_bytes()].concat(), None, "UTF-8 with a byte order mark"),
            (utf16(expected, u16::to_le_bytes), None, "UTF-16LE"),
            (utf16(expected, u16::to_be_bytes), None, "UTF-16BE"),
            ([vec![0xff, 0xfe], utf16(expected, u16::to_le_bytes)].concat(), None, "UTF-16LE with a byte order mark"),
            (b"se\xf1al\ns\xed\nno es as\xed".to_vec(), None, "Latin-1"),
            (b"se\xf1al\ns\xed\nno es as\xed".to_vec(), Some("latin1"), "Windows-1252"),
        ] {
            let (texts, others, found) = read(&bytes, named);
            assert_eq!(
                (texts.join("\n"), others.contains(&true), found),
                (expected.to_owned(), false, words.to_owned())
            );
        }
        assert_eq!(read(b"\x93s\xed\x94", None).2, "Windows-1252");
        assert_eq!(read(b"plain", None).2, "UTF-8");
        let many = ["sol\n".repeat(40_000).as_bytes(), b"se\xf1al"].concat();
        let (texts, others, found) = read(&many, None);
        assert_eq!(
            (texts.last().map(String::as_str), others.contains(&true), &*found),
            (Some("señal"), false, "Latin-1")
        );
    }

    #[test]
    fn a_record_in_another_encoding_than_the_rest_is_read_and_said() {
        let (texts, others, found) = read(b"se\xc3\xb1al\ns\xed\nma\xc3\xb1ana ma\xc3\xb1ana", None);
        assert_eq!(
            (texts, others),
            (vec!["señal".into(), "sí".into(), "mañana mañana".into()], vec![false, true, false])
        );
        assert_eq!(found, "UTF-8");
    }

    #[test]
    fn a_sample_that_ends_within_a_character_is_still_utf_8() {
        assert_eq!(guessed("señ".as_bytes()), UTF_8);
        assert_eq!(guessed(&"señ".as_bytes()[..3]), UTF_8);
        assert_eq!(guessed(b"se\xf1al"), WINDOWS_1252);
    }
}
