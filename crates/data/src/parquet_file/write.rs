//! Writes rows to a Parquet file: optional columns of texts, integers, numbers and truth values, compressed with zstd.

use std::fmt;
use std::io::Write;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use parquet::basic::{Compression, ConvertedType, LogicalType, Repetition, Type as Physical, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::Type;

use crate::row::{ColumnType, Value};

/// How many rows a group has: few enough that all of its values fit into memory.
const GROUP: usize = 1 << 16;

/// A Parquet file that is being written.
pub struct ParquetWriter<W: Write + Send> {
    file: SerializedFileWriter<W>,
    columns: Vec<Buffer>,
    rows: usize,
}

/// The values of one column in the row group that is being filled.
struct Buffer {
    defined: Vec<i16>,
    values: Values,
}

enum Values {
    /// The bytes of all texts, and where each one ends.
    Text(Vec<u8>, Vec<usize>),
    Integer(Vec<i64>),
    Number(Vec<f64>),
    Bool(Vec<bool>),
}

impl<W: Write + Send> fmt::Debug for ParquetWriter<W> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ParquetWriter").field("columns", &self.columns.len()).field("rows", &self.rows).finish()
    }
}

impl<W: Write + Send> ParquetWriter<W> {
    /// Begins a file with these columns.
    ///
    /// # Errors
    /// If two columns have the same name, or the writer fails.
    pub fn new(writer: W, columns: &[(&str, ColumnType)]) -> Result<Self> {
        let fields = columns.iter().map(|(name, kind)| field(name, *kind).map(Arc::new)).collect::<Result<_, _>>()?;
        let schema = Arc::new(Type::group_type_builder("rows").with_fields(fields).build()?);
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
            .set_max_row_group_row_count(None)
            .set_created_by("pregonero".to_owned())
            .build();
        let file = SerializedFileWriter::new(writer, schema, Arc::new(properties))?;
        let columns = columns.iter().map(|(_, kind)| Buffer::new(*kind)).collect();
        Ok(Self { file, columns, rows: 0 })
    }

    /// Adds a value to a column, or none. Each column has to get exactly one before [`Self::end_row`].
    pub fn set(&mut self, column: usize, value: Option<&Value>) {
        self.columns[column].push(value);
    }

    /// Ends a row.
    ///
    /// # Errors
    /// If a row group cannot be written.
    pub fn end_row(&mut self) -> Result<()> {
        self.rows += 1;
        if self.rows == GROUP { self.write_group() } else { Ok(()) }
    }

    /// Writes what is left and the file's end, and returns the writer.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn finish(mut self) -> Result<W> {
        self.write_group()?;
        self.file.into_inner().context("cannot write the end of the file")
    }

    fn write_group(&mut self) -> Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        let mut group = self.file.next_row_group()?;
        for buffer in &mut self.columns {
            let mut column = group.next_column()?.context("the schema has fewer columns than the row")?;
            buffer.write(&mut column)?;
            column.close()?;
        }
        group.close()?;
        self.rows = 0;
        Ok(())
    }
}

fn field(name: &str, kind: ColumnType) -> Result<Type> {
    let physical = match kind {
        ColumnType::Text => Physical::BYTE_ARRAY,
        ColumnType::Integer => Physical::INT64,
        ColumnType::Number => Physical::DOUBLE,
        ColumnType::Bool => Physical::BOOLEAN,
    };
    let mut builder = Type::primitive_type_builder(name, physical).with_repetition(Repetition::OPTIONAL);
    if kind == ColumnType::Text {
        builder = builder.with_converted_type(ConvertedType::UTF8).with_logical_type(Some(LogicalType::String));
    }
    Ok(builder.build()?)
}

impl Buffer {
    fn new(kind: ColumnType) -> Self {
        let values = match kind {
            ColumnType::Text => Values::Text(Vec::new(), Vec::new()),
            ColumnType::Integer => Values::Integer(Vec::new()),
            ColumnType::Number => Values::Number(Vec::new()),
            ColumnType::Bool => Values::Bool(Vec::new()),
        };
        Self { defined: Vec::new(), values }
    }

    /// Adds a value. One that the column's type does not have is left out; the schema was made from all values.
    fn push(&mut self, value: Option<&Value>) {
        let added = value.is_some_and(|value| self.values.push(value));
        self.defined.push(i16::from(added));
    }

    fn write(&mut self, column: &mut SerializedColumnWriter<'_>) -> Result<()> {
        let defined = Some(self.defined.as_slice());
        match &mut self.values {
            Values::Text(bytes, ends) => {
                let whole = Bytes::from(std::mem::take(bytes));
                let starts = std::iter::once(0).chain(ends.iter().copied());
                let texts: Vec<ByteArray> =
                    starts.zip(ends.iter()).map(|(start, end)| ByteArray::from(whole.slice(start..*end))).collect();
                column.typed::<ByteArrayType>().write_batch(&texts, defined, None)?;
                ends.clear();
            }
            Values::Integer(numbers) => {
                column.typed::<Int64Type>().write_batch(numbers, defined, None)?;
                numbers.clear();
            }
            Values::Number(numbers) => {
                column.typed::<DoubleType>().write_batch(numbers, defined, None)?;
                numbers.clear();
            }
            Values::Bool(truths) => {
                column.typed::<BoolType>().write_batch(truths, defined, None)?;
                truths.clear();
            }
        }
        self.defined.clear();
        Ok(())
    }
}

impl Values {
    fn push(&mut self, value: &Value) -> bool {
        match (self, value) {
            (Self::Text(bytes, ends), value) => {
                bytes.extend_from_slice(value.as_text().as_bytes());
                ends.push(bytes.len());
            }
            (Self::Integer(numbers), Value::Integer(number)) => numbers.push(*number),
            (Self::Number(numbers), Value::Number(number)) => numbers.push(*number),
            (Self::Number(numbers), Value::Integer(number)) => numbers.push(*number as f64),
            (Self::Bool(truths), Value::Bool(truth)) => truths.push(*truth),
            _ => return false,
        }
        true
    }
}
