//! Rows in a temporary file, until all of them have been seen: only then are the columns of a Parquet file and their types known.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek as _, Write};

use anyhow::{Context as _, Result, bail};

use super::columns::ColumnCounts;
use crate::row::{Row, Value};

/// The bytes that are written and read at a time.
const BUFFER: usize = 1 << 16;

#[derive(Debug)]
pub(super) struct Spill {
    file: BufWriter<File>,
    rows: u64,
}

impl Spill {
    /// Begins a temporary file in a folder. It has no name, so that nothing of it stays.
    pub(super) fn new(folder: &std::path::Path) -> io::Result<Self> {
        Ok(Self { file: BufWriter::with_capacity(BUFFER, tempfile::tempfile_in(folder)?), rows: 0 })
    }

    /// Adds a row; its columns are known.
    pub(super) fn write(&mut self, row: &Row, columns: &ColumnCounts) -> io::Result<()> {
        let fields = u32::try_from(row.len()).map_err(io::Error::other)?;
        self.file.write_all(&fields.to_le_bytes())?;
        for (near, (name, value)) in row.iter().enumerate() {
            let column = u32::try_from(columns.index_of(name, near).unwrap_or(0)).map_err(io::Error::other)?;
            self.file.write_all(&column.to_le_bytes())?;
            self.write_value(value)?;
        }
        self.rows += 1;
        Ok(())
    }

    fn write_value(&mut self, value: &Value) -> io::Result<()> {
        match value {
            Value::Text(text) => {
                self.file.write_all(b"t")?;
                self.file.write_all(&(text.len() as u64).to_le_bytes())?;
                self.file.write_all(text.as_bytes())
            }
            Value::Integer(number) => self.file.write_all(b"i").and(self.file.write_all(&number.to_le_bytes())),
            Value::Number(number) => self.file.write_all(b"n").and(self.file.write_all(&number.to_le_bytes())),
            Value::Bool(truth) => self.file.write_all(&[b'b', u8::from(*truth)]),
        }
    }

    /// Passes the values of each row to `take`, in the order of the columns.
    pub(super) fn read_back(self, columns: usize, mut take: impl FnMut(&[Option<Value>]) -> Result<()>) -> Result<()> {
        let mut file = self.file.into_inner().context("cannot write a temporary file")?;
        file.rewind()?;
        let mut file = BufReader::with_capacity(BUFFER, file);
        let mut values: Vec<Option<Value>> = vec![None; columns];
        for _ in 0..self.rows {
            values.fill(None);
            for _ in 0..u32::from_le_bytes(bytes(&mut file)?) {
                let column = u32::from_le_bytes(bytes(&mut file)?) as usize;
                values[column] = Some(value(&mut file)?);
            }
            take(&values)?;
        }
        Ok(())
    }
}

fn value(file: &mut impl Read) -> Result<Value> {
    Ok(match &bytes(file)? {
        b"t" => {
            let mut text = vec![0; usize::try_from(u64::from_le_bytes(bytes(file)?))?];
            file.read_exact(&mut text)?;
            Value::Text(String::from_utf8(text)?)
        }
        b"i" => Value::Integer(i64::from_le_bytes(bytes(file)?)),
        b"n" => Value::Number(f64::from_le_bytes(bytes(file)?)),
        b"b" => Value::Bool(bytes::<1>(file)? == [1]),
        _ => bail!("the temporary file was changed by another program"),
    })
}

fn bytes<const N: usize>(file: &mut impl Read) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    file.read_exact(&mut bytes).context("cannot read a temporary file")?;
    Ok(bytes)
}
