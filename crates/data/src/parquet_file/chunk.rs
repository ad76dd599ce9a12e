//! Some rows as columns of values of any type: what is kept on disk until the columns' types are known, and becomes a row group then.

use std::io::{self, Read, Write};

use crate::row::Value;

/// How many rows a group has at most, and how many bytes of text: few enough that all of its values fit into memory.
pub(super) const MOST_ROWS: usize = 1 << 16;
const MOST_BYTES: usize = 1 << 26;

/// What a cell holds.
const NOTHING: u8 = 0;
const TEXT: u8 = 1;
const INTEGER: u8 = 2;
const NUMBER: u8 = 3;
const BOOL: u8 = 4;

/// Rows as columns.
#[derive(Debug, Default)]
pub struct Chunk {
    pub(super) columns: Vec<Cells>,
    pub(super) rows: usize,
    bytes: usize,
}

/// The values of one column; rows after the last that has a value may be missing.
#[derive(Debug, Default)]
pub(super) struct Cells {
    /// What each row has.
    kinds: Vec<u8>,
    /// All texts, one after the other, and their lengths.
    pub(super) texts: Vec<u8>,
    pub(super) lengths: Vec<u32>,
    /// The bits of all other values.
    numbers: Vec<u64>,
}

/// One value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Cell<'a> {
    Nothing,
    Text(&'a [u8]),
    Integer(i64),
    Number(f64),
    Bool(bool),
}

impl Chunk {
    /// Sets a value of the row that comes after the last one.
    pub fn set(&mut self, column: usize, value: &Value) {
        let cell = match value {
            Value::Text(text) => Cell::Text(text.as_bytes()),
            Value::Integer(number) => Cell::Integer(*number),
            Value::Number(number) => Cell::Number(*number),
            Value::Bool(truth) => Cell::Bool(*truth),
        };
        self.set_cell(column, cell);
    }

    fn set_cell(&mut self, column: usize, cell: Cell<'_>) {
        if column >= self.columns.len() {
            self.columns.resize_with(column + 1, Cells::default);
        }
        if let Cell::Text(text) = cell {
            self.bytes += text.len();
        }
        self.columns[column].push(self.rows, cell);
    }

    /// Ends a row.
    pub fn end_row(&mut self) {
        self.rows += 1;
    }

    /// Returns whether the rows are enough for a group.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.rows == MOST_ROWS || self.bytes >= MOST_BYTES
    }

    /// Returns how many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Returns whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Removes all rows, and keeps the memory.
    pub fn clear(&mut self) {
        self.columns.iter_mut().for_each(Cells::clear);
        (self.rows, self.bytes) = (0, 0);
    }

    /// Adds each row to one of several chunks, by its number in `parts`, and passes each chunk that is full to `take`.
    ///
    /// # Errors
    /// If `take` fails.
    ///
    /// # Panics
    /// If `parts` has fewer entries than there are rows, or a number beyond the chunks.
    pub fn divide<E>(
        &self,
        parts: &[u8],
        into: &mut [Self],
        mut take: impl FnMut(usize, Self) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut columns: Vec<_> = self.columns.iter().map(|cells| cells.iter(self.rows)).collect();
        for part in parts[..self.rows].iter().map(|part| usize::from(*part)) {
            for (column, cells) in columns.iter_mut().enumerate() {
                match cells.next() {
                    None | Some(Cell::Nothing) => {}
                    Some(cell) => into[part].set_cell(column, cell),
                }
            }
            into[part].end_row();
            if into[part].is_full() {
                take(part, std::mem::take(&mut into[part]))?;
            }
        }
        Ok(())
    }

    /// Writes the rows to a temporary file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, file: &mut impl Write) -> io::Result<()> {
        write_numbers(file, &[self.rows as u64, self.bytes as u64, self.columns.len() as u64])?;
        for cells in &self.columns {
            let lengths = [cells.kinds.len(), cells.texts.len(), cells.lengths.len(), cells.numbers.len()];
            write_numbers(file, &lengths.map(|length| length as u64))?;
            file.write_all(&cells.kinds)?;
            file.write_all(&cells.texts)?;
            let lengths: Vec<u8> = cells.lengths.iter().flat_map(|length| length.to_le_bytes()).collect();
            file.write_all(&lengths)?;
            write_numbers(file, &cells.numbers)?;
        }
        Ok(())
    }

    /// Reads rows that were written.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn read(file: &mut impl Read) -> io::Result<Self> {
        let head = read_numbers(file, 3)?;
        let mut chunk = Self { columns: Vec::new(), rows: head[0] as usize, bytes: head[1] as usize };
        for _ in 0..head[2] {
            let lengths = read_numbers(file, 4)?;
            let kinds = read_bytes(file, lengths[0] as usize)?;
            let texts = read_bytes(file, lengths[1] as usize)?;
            let of_texts = read_bytes(file, lengths[2] as usize * 4)?;
            let of_texts = of_texts.as_chunks::<4>().0.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect();
            let numbers = read_numbers(file, lengths[3] as usize)?;
            chunk.columns.push(Cells { kinds, texts, lengths: of_texts, numbers });
        }
        Ok(chunk)
    }
}

impl Cells {
    fn push(&mut self, row: usize, cell: Cell<'_>) {
        // A second value of the same column cannot come: a row has each column once.
        self.kinds.resize(row, NOTHING);
        let (kind, bits) = match cell {
            Cell::Nothing => return,
            Cell::Text(text) => {
                self.texts.extend_from_slice(text);
                self.lengths.push(text.len() as u32);
                return self.kinds.push(TEXT);
            }
            Cell::Integer(number) => (INTEGER, number.cast_unsigned()),
            Cell::Number(number) => (NUMBER, number.to_bits()),
            Cell::Bool(truth) => (BOOL, u64::from(truth)),
        };
        self.kinds.push(kind);
        self.numbers.push(bits);
    }

    fn clear(&mut self) {
        self.kinds.clear();
        self.texts.clear();
        self.lengths.clear();
        self.numbers.clear();
    }

    /// Returns whether all values are texts.
    pub(super) fn are_texts(&self) -> bool {
        self.numbers.is_empty()
    }

    /// Returns the values of so many rows.
    pub(super) fn iter(&self, rows: usize) -> impl Iterator<Item = Cell<'_>> {
        let (mut text, mut texts, mut numbers) = (0, self.lengths.iter(), self.numbers.iter());
        let kinds = self.kinds.iter().copied().chain(std::iter::repeat(NOTHING)).take(rows);
        kinds.map(move |kind| {
            let mut number = || numbers.next().copied().unwrap_or(0);
            match kind {
                TEXT => {
                    let start = text;
                    text += texts.next().map_or(0, |length| *length as usize);
                    Cell::Text(&self.texts[start..text])
                }
                INTEGER => Cell::Integer(number().cast_signed()),
                NUMBER => Cell::Number(f64::from_bits(number())),
                BOOL => Cell::Bool(number() == 1),
                _ => Cell::Nothing,
            }
        })
    }
}

fn write_numbers(file: &mut impl Write, numbers: &[u64]) -> io::Result<()> {
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    file.write_all(&bytes)
}

fn read_numbers(file: &mut impl Read, count: usize) -> io::Result<Vec<u64>> {
    let bytes = read_bytes(file, count * 8)?;
    Ok(bytes.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect())
}

fn read_bytes(file: &mut impl Read, count: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; count];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(chunk: &Chunk) -> Vec<Vec<String>> {
        chunk.columns.iter().map(|cells| cells.iter(chunk.rows).map(|cell| format!("{cell:?}")).collect()).collect()
    }

    #[test]
    fn values_of_any_type_come_back_from_disk_and_go_to_their_parts() {
        let mut chunk = Chunk::default();
        for row in 0..9_i64 {
            match row % 4 {
                0 => chunk.set(0, &Value::from("sí")),
                1 => chunk.set(0, &Value::from(row)),
                2 => chunk.set(1, &Value::from(0.5)),
                _ => chunk.set(2, &Value::from(true)),
            }
            chunk.end_row();
        }
        let mut file = Vec::new();
        chunk.write(&mut file).unwrap();
        let read = Chunk::read(&mut file.as_slice()).unwrap();
        assert_eq!((cells(&read), read.rows, read.bytes), (cells(&chunk), 9, 9));
        let mut parts = [Chunk::default(), Chunk::default()];
        read.divide(&[0, 1, 0, 1, 0, 0, 0, 0, 1], &mut parts, |_, _| Err("full")).unwrap();
        assert_eq!((parts[0].rows, parts[1].rows), (6, 3));
        let texts = |cells: &[Option<i64>]| -> Vec<String> {
            let cell = |cell: &Option<i64>| match cell {
                None => Cell::Nothing,
                Some(-1) => Cell::Text("sí".as_bytes()),
                Some(number) => Cell::Integer(*number),
            };
            cells.iter().map(|value| format!("{:?}", cell(value))).collect()
        };
        assert_eq!(cells(&parts[0])[0], texts(&[Some(-1), None, Some(-1), Some(5), None, None]));
        assert_eq!(cells(&parts[1])[0], texts(&[Some(1), None, Some(-1)]));
    }

    #[test]
    fn many_bytes_fill_a_chunk_before_many_rows_do() {
        let mut chunk = Chunk::default();
        let text = Value::Text("a".repeat(MOST_BYTES / 2));
        for full in [false, true] {
            chunk.set(0, &text);
            chunk.end_row();
            assert_eq!(chunk.is_full(), full);
        }
        chunk.clear();
        assert!(chunk.is_empty() && !chunk.is_full());
    }
}
