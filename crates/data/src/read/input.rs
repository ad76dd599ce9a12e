//! A reader with its buffer in view: one can look ahead without consuming.

use std::fmt;
use std::io::{self, Read};

use memchr::memchr_iter;

/// How much is read at a time.
const STEP: usize = 1 << 16;

pub(super) struct Input {
    reader: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    start: usize,
    ended: bool,
    /// The line at which the unread bytes begin, from 1.
    line: u64,
}

impl fmt::Debug for Input {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Input").field("line", &self.line).field("ended", &self.ended).finish_non_exhaustive()
    }
}

impl Input {
    pub(super) fn new(reader: Box<dyn Read + Send>) -> Self {
        Self { reader, buffer: Vec::new(), start: 0, ended: false, line: 1 }
    }

    /// Returns the bytes that were read and not consumed.
    pub(super) fn data(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// Returns whether no more bytes can be read.
    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    /// Reads more bytes; false if there are none.
    pub(super) fn more(&mut self) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        let filled = self.buffer.len();
        self.buffer.resize(filled + STEP.max(filled / 2), 0);
        let read = read_some(&mut self.reader, &mut self.buffer[filled..]);
        self.buffer.truncate(filled + *read.as_ref().unwrap_or(&0));
        self.ended = read? == 0;
        Ok(!self.ended)
    }

    /// Reads until at least `count` bytes are there, or the end.
    pub(super) fn look(&mut self, count: usize) -> io::Result<&[u8]> {
        while self.data().len() < count && self.more()? {}
        Ok(self.data())
    }

    /// Passes over bytes; the lines in them are counted.
    pub(super) fn consume(&mut self, count: usize) {
        let end = self.start + count;
        self.line += memchr_iter(b'\n', &self.buffer[self.start..end]).count() as u64;
        self.start = end;
    }

    /// Passes over bytes with a known number of line ends.
    pub(super) fn consume_lines(&mut self, count: usize, lines: u64) {
        self.start += count;
        self.line += lines;
    }

    /// Returns the line at which the unread bytes begin.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// Returns a reader of everything that is not consumed.
    pub(super) fn into_reader(self) -> Box<dyn Read + Send> {
        let mut seen = io::Cursor::new(self.buffer);
        seen.set_position(self.start as u64);
        if self.ended { Box::new(seen) } else { Box::new(seen.chain(self.reader)) }
    }
}

fn read_some(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
