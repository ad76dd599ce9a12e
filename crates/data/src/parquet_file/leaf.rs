//! One column of a Parquet file, read in batches. The values of a list, at any depth, become one text separated by spaces.

use anyhow::{Result, ensure};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::schema::types::ColumnDescriptor;

use super::value::{Meaning, meaning_of, of_bytes, of_integer};
use crate::row::Value;

/// A column that is being read.
pub(super) trait Leaf: Send {
    /// Reads up to `rows` values into `cells`, which it empties first; a null is none.
    fn read(&mut self, rows: usize, cells: &mut Vec<Option<Value>>) -> Result<()>;
}

/// A column of one physical type.
struct Typed<T: DataType, F> {
    reader: ColumnReaderImpl<T>,
    value: F,
    most_defined: i16,
    repeated: bool,
    defined: Vec<i16>,
    repeats: Vec<i16>,
    values: Vec<T::T>,
}

/// Returns the reader of a column.
pub(super) fn leaf_of(reader: ColumnReader, column: &ColumnDescriptor) -> Box<dyn Leaf> {
    let meaning = meaning_of(column);
    match reader {
        ColumnReader::BoolColumnReader(reader) => typed(reader, column, |truth| Some(Value::Bool(*truth))),
        ColumnReader::Int32ColumnReader(reader) => {
            typed(reader, column, move |number| of_integer((*number).into(), 32, meaning))
        }
        ColumnReader::Int64ColumnReader(reader) => {
            typed(reader, column, move |number| of_integer(*number, 64, meaning))
        }
        ColumnReader::Int96ColumnReader(reader) => {
            let meaning = Meaning::Time { per_second: 1_000, utc: true };
            typed(reader, column, move |time| of_integer(time.to_millis(), 64, meaning))
        }
        ColumnReader::FloatColumnReader(reader) => typed(reader, column, |number| of_float(f64::from(*number))),
        ColumnReader::DoubleColumnReader(reader) => typed(reader, column, |number| of_float(*number)),
        ColumnReader::ByteArrayColumnReader(reader) => {
            typed(reader, column, move |bytes| of_bytes(bytes.data(), meaning))
        }
        ColumnReader::FixedLenByteArrayColumnReader(reader) => {
            typed(reader, column, move |bytes| of_bytes(bytes.data(), meaning))
        }
    }
}

/// pandas writes an absent number as NaN.
fn of_float(number: f64) -> Option<Value> {
    (!number.is_nan()).then_some(Value::Number(number))
}

fn typed<T, F>(reader: ColumnReaderImpl<T>, column: &ColumnDescriptor, value: F) -> Box<dyn Leaf>
where
    T: DataType + 'static,
    F: Fn(&T::T) -> Option<Value> + Send + 'static,
    T::T: Send,
{
    Box::new(Typed {
        reader,
        value,
        most_defined: column.max_def_level(),
        repeated: column.max_rep_level() > 0,
        defined: Vec::new(),
        repeats: Vec::new(),
        values: Vec::new(),
    })
}

impl<T, F> Leaf for Typed<T, F>
where
    T: DataType,
    F: Fn(&T::T) -> Option<Value> + Send,
    T::T: Send,
{
    fn read(&mut self, rows: usize, cells: &mut Vec<Option<Value>>) -> Result<()> {
        cells.clear();
        while cells.len() < rows {
            self.values.clear();
            self.defined.clear();
            self.repeats.clear();
            let (defined, repeats) = (Some(&mut self.defined), self.repeated.then_some(&mut self.repeats));
            let (records, ..) = self.reader.read_records(rows - cells.len(), defined, repeats, &mut self.values)?;
            let before = cells.len();
            if self.repeated {
                self.gather(cells);
            } else {
                self.spread(records, cells);
            }
            ensure!(records > 0 && cells.len() - before == records, "a column has fewer values than the file has rows");
        }
        Ok(())
    }
}

impl<T: DataType, F: Fn(&T::T) -> Option<Value>> Typed<T, F> {
    /// Puts the values of a column without lists at their rows.
    fn spread(&self, records: usize, cells: &mut Vec<Option<Value>>) {
        let mut values = self.values.iter().map(&self.value);
        if self.most_defined == 0 {
            cells.extend(values.by_ref().take(records));
            return;
        }
        let is_there = |level: &i16| *level == self.most_defined;
        cells.extend(
            self.defined.iter().take(records).map(|level| if is_there(level) { values.next().flatten() } else { None }),
        );
    }

    /// Joins the values of each row's lists.
    fn gather(&self, cells: &mut Vec<Option<Value>>) {
        let mut values = self.values.iter().map(&self.value);
        for (place, repeat) in self.repeats.iter().enumerate() {
            if *repeat == 0 {
                cells.push(None);
            }
            let is_there = self.defined.get(place) == Some(&self.most_defined);
            let Some(value) = (if is_there { values.next().flatten() } else { None }) else { continue };
            let Some(cell) = cells.last_mut() else { continue };
            *cell = Some(match cell.take() {
                None => Value::Text(value.as_text().into_owned()),
                Some(earlier) => Value::Text(format!("{earlier} {value}")),
            });
        }
    }
}
