//! Cuts a stream of JSON into values without reading it whole: the elements of an array, values one after the other, or lines.
//! What is before the first `=` of X's archive files is passed over.

use anyhow::{Result, bail, ensure};
use memchr::{memchr, memchr2};

use super::input::Input;

/// The longest value, in bytes; a page of X's API has about a million.
pub(super) const LONGEST: usize = 64 << 20;

#[derive(Debug)]
pub(super) struct Frames {
    input: Input,
    by_line: bool,
    in_array: bool,
}

/// A value's bytes, not checked yet.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) bytes: Vec<u8>,
    /// The line on which the value begins.
    pub(super) line: u64,
    /// Whether the file ends within the value.
    pub(super) cut: bool,
}

impl Frames {
    /// Returns the lines of a file as values.
    pub(super) fn lines(input: Input) -> Self {
        Self { input, by_line: true, in_array: false }
    }

    /// Returns the values of a file; those of an array one by one.
    pub(super) fn values(input: Input) -> Self {
        Self { input, by_line: false, in_array: false }
    }

    /// Returns the values of an archive's JavaScript file: what comes after the first `=`.
    ///
    /// # Errors
    /// If the file cannot be read or has no `=` near its beginning.
    pub(super) fn of_archive(mut input: Input) -> Result<Self> {
        let start = input.look(1 << 12)?;
        let Some(equals) = memchr(b'=', start) else { bail!("no `=` in the first lines: not a file of X's archive") };
        input.consume(equals + 1);
        Ok(Self::values(input))
    }

    /// Returns whether the value that was taken last is an element of an array.
    pub(super) fn in_array(&self) -> bool {
        self.in_array
    }

    /// Returns the line at which reading is.
    pub(super) fn at_line(&self) -> u64 {
        self.input.line()
    }

    /// Returns the next value, or `None` after the last.
    ///
    /// # Errors
    /// If the file cannot be read, has something else between its values, or a value is too long.
    pub(super) fn next_frame(&mut self) -> Result<Option<Frame>> {
        if self.by_line { self.next_line() } else { self.next_value() }
    }

    fn next_line(&mut self) -> Result<Option<Frame>> {
        loop {
            let mut seen = 0;
            let end = loop {
                let data = self.input.data();
                match memchr(b'\n', &data[seen..]) {
                    Some(end) => break seen + end,
                    None if self.input.ended() => break data.len(),
                    None => seen = data.len(),
                }
                ensure!(seen <= LONGEST, "the line is longer than {LONGEST} bytes");
                self.input.more()?;
            };
            let (data, line) = (self.input.data(), self.input.line());
            if data.is_empty() {
                return Ok(None);
            }
            let bytes = data[..end].trim_ascii().to_vec();
            let whole = (end + 1).min(data.len());
            self.input.consume_lines(whole, 1);
            if !bytes.is_empty() {
                return Ok(Some(Frame { bytes, line, cut: false }));
            }
        }
    }

    fn next_value(&mut self) -> Result<Option<Frame>> {
        loop {
            let Some(byte) = self.next_sign()? else { return Ok(None) };
            match byte {
                b'[' if !self.in_array => self.in_array = true,
                b']' if self.in_array => self.in_array = false,
                b',' | b';' => {}
                b'{' | b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => return self.value().map(Some),
                other => bail!("{:?} where JSON has a value", char::from(other)),
            }
            self.input.consume(1);
        }
    }

    /// Passes over spaces and returns the next byte, which is not consumed.
    fn next_sign(&mut self) -> Result<Option<u8>> {
        loop {
            let data = self.input.data();
            let spaces = data.iter().position(|byte| !byte.is_ascii_whitespace());
            let sign = spaces.map(|spaces| data[spaces]);
            let passed = spaces.unwrap_or(data.len());
            self.input.consume(passed);
            if sign.is_some() || self.input.ended() {
                return Ok(sign);
            }
            self.input.more()?;
        }
    }

    /// Takes the value that begins here.
    fn value(&mut self) -> Result<Frame> {
        let line = self.input.line();
        let mut scan = ValueScan::default();
        let (end, cut) = loop {
            let data = self.input.data();
            if let Some(end) = scan.end(data) {
                break (end, false);
            }
            if self.input.ended() {
                break (data.len(), scan.depth > 0 || scan.in_text);
            }
            ensure!(
                data.len() <= LONGEST,
                "the value that begins here is longer than {LONGEST} bytes: write one tweet per line"
            );
            self.input.more()?;
        };
        let bytes = self.input.data()[..end].to_vec();
        self.input.consume(end);
        Ok(Frame { bytes, line, cut })
    }
}

/// How far the search for a value's end has come.
#[derive(Debug, Default)]
struct ValueScan {
    at: usize,
    depth: usize,
    in_text: bool,
}

impl ValueScan {
    /// Returns where the value ends, or none if the bytes end before it.
    fn end(&mut self, data: &[u8]) -> Option<usize> {
        while self.at < data.len() {
            if self.in_text {
                let found = memchr2(b'"', b'\\', &data[self.at..]);
                let Some(found) = found.map(|found| self.at + found) else {
                    self.at = data.len();
                    return None;
                };
                if data[found] == b'\\' {
                    if found + 1 == data.len() {
                        self.at = found;
                        return None;
                    }
                    self.at = found + 2;
                    continue;
                }
                self.in_text = false;
                self.at = found + 1;
                if self.depth == 0 {
                    return Some(self.at);
                }
                continue;
            }
            match data[self.at] {
                b'"' => self.in_text = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' if self.depth == 0 => return Some(self.at),
                b'}' | b']' => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return Some(self.at + 1);
                    }
                }
                b',' if self.depth == 0 => return Some(self.at),
                byte if self.depth == 0 && byte.is_ascii_whitespace() => return Some(self.at),
                _ => {}
            }
            self.at += 1;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(content: &str, make: fn(Input) -> Frames) -> Result<Vec<(String, u64, bool)>> {
        let mut frames = make(Input::new(Box::new(std::io::Cursor::new(content.as_bytes().to_vec()))));
        let mut found = Vec::new();
        while let Some(Frame { bytes, line, cut }) = frames.next_frame()? {
            found.push((String::from_utf8(bytes)?, line, cut));
        }
        Ok(found)
    }

    #[test]
    fn values_are_cut_at_their_ends() {
        let found = frames("[\n {\"a\": \"]} \\\" \"},\n\n {\"b\": [1, {}]}, 3, \"x\"\n]\n;", Frames::values).unwrap();
        let expected = [("{\"a\": \"]} \\\" \"}", 2), ("{\"b\": [1, {}]}", 4), ("3", 4), ("\"x\"", 4)];
        assert_eq!(found, expected.map(|(text, line)| (text.to_owned(), line, false)));
        let found = frames("{\"a\":1}{\"b\":2}\n{\"c\": {\"d\"", Frames::values).unwrap();
        assert_eq!(
            found.iter().map(|(_, line, cut)| (*line, *cut)).collect::<Vec<_>>(),
            [(1, false), (1, false), (2, true)]
        );
        assert!(frames("[{\"a\":1} hola]", Frames::values).unwrap_err().to_string().contains("'h'"));
    }

    #[test]
    fn values_of_lines_may_be_broken_without_harm_to_the_next() {
        let found = frames("{\"a\":\n\n {\"b\": 2} \r\n", Frames::lines).unwrap();
        assert_eq!(found, [("{\"a\":".to_owned(), 1, false), ("{\"b\": 2}".to_owned(), 3, false)]);
    }
}
