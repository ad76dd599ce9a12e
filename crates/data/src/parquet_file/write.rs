//! Writes rows to a Parquet file: optional columns of texts, integers, numbers and truth values, compressed with zstd.

use std::fmt;
use std::io::Write;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use parquet::basic::{Compression, ConvertedType, LogicalType, Repetition, Type as Physical, ZstdLevel};
use parquet::column::writer::{ColumnCloseResult, ColumnWriter, get_column_writer, get_typed_column_writer_mut};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedPageWriter, TrackedWrite};
use parquet::schema::types::{SchemaDescriptor, Type};
use rayon::prelude::*;

use super::chunk::{Cell, Cells, Chunk};
use crate::row::{ColumnType, Value};

/// What turns chunks of rows into row groups of a file with certain columns.
#[derive(Debug, Clone)]
pub struct Encoder {
    schema: Arc<SchemaDescriptor>,
    properties: Arc<WriterProperties>,
    kinds: Vec<ColumnType>,
}

/// A Parquet file that is being written.
pub struct ParquetWriter<W: Write + Send>(SerializedFileWriter<W>);

/// A row group, compressed and not yet in its file.
#[derive(Debug)]
pub struct Group(Vec<(Bytes, ColumnCloseResult)>);

impl<W: Write + Send> fmt::Debug for ParquetWriter<W> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("ParquetWriter").finish_non_exhaustive()
    }
}

impl Encoder {
    /// Returns what encodes rows with these columns.
    ///
    /// # Errors
    /// If the columns are none that a Parquet file can have.
    pub fn new(columns: &[(&str, ColumnType)]) -> Result<Self> {
        let fields = columns.iter().map(|(name, kind)| field(name, *kind).map(Arc::new)).collect::<Result<_, _>>()?;
        let schema = Arc::new(Type::group_type_builder("rows").with_fields(fields).build()?);
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
            .set_max_row_group_row_count(None)
            .set_created_by("pregonero".to_owned())
            .build();
        Ok(Self {
            schema: Arc::new(SchemaDescriptor::new(schema)),
            properties: Arc::new(properties),
            kinds: columns.iter().map(|(_, kind)| *kind).collect(),
        })
    }

    /// Begins a file.
    ///
    /// # Errors
    /// If the writer fails.
    pub fn begin<W: Write + Send>(&self, writer: W) -> Result<ParquetWriter<W>> {
        let schema = self.schema.root_schema_ptr();
        Ok(ParquetWriter(SerializedFileWriter::new(writer, schema, Arc::clone(&self.properties))?))
    }

    /// Encodes the rows of a chunk, whose columns are those of the file, on all processors.
    ///
    /// # Errors
    /// If the library fails.
    pub fn encode(&self, chunk: Chunk) -> Result<Group> {
        let (rows, mut columns) = (chunk.rows, chunk.columns);
        columns.resize_with(self.kinds.len(), Cells::default);
        let encoded = columns.into_par_iter().enumerate().map(|(column, cells)| self.column(column, cells, rows));
        encoded.collect::<Result<_>>().map(Group)
    }

    fn column(&self, column: usize, cells: Cells, rows: usize) -> Result<(Bytes, ColumnCloseResult)> {
        let mut sink = TrackedWrite::new(Vec::new());
        let pages = Box::new(SerializedPageWriter::new(&mut sink));
        let mut writer = get_column_writer(self.schema.column(column), Arc::clone(&self.properties), pages);
        match self.kinds[column] {
            ColumnType::Text => write_texts(&mut writer, cells, rows)?,
            ColumnType::Integer => write_as::<Int64Type>(&mut writer, &cells, rows, |cell| match cell {
                Cell::Integer(number) => Some(number),
                _ => None,
            })?,
            ColumnType::Number => write_as::<DoubleType>(&mut writer, &cells, rows, |cell| match cell {
                Cell::Number(number) => Some(number),
                Cell::Integer(number) => Some(number as f64),
                _ => None,
            })?,
            ColumnType::Bool => write_as::<BoolType>(&mut writer, &cells, rows, |cell| match cell {
                Cell::Bool(truth) => Some(truth),
                _ => None,
            })?,
        }
        let close = writer.close()?;
        Ok((sink.into_inner()?.into(), close))
    }
}

impl<W: Write + Send> ParquetWriter<W> {
    /// Adds a row group.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn append(&mut self, group: Group) -> Result<()> {
        let mut row_group = self.0.next_row_group()?;
        for (bytes, close) in group.0 {
            row_group.append_column(&bytes, close)?;
        }
        row_group.close()?;
        Ok(())
    }

    /// Writes the file's end, and returns the writer.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn finish(self) -> Result<W> {
        self.0.into_inner().context("cannot write the end of the file")
    }
}

/// Writes a column of texts; what is no text becomes one.
fn write_texts(writer: &mut ColumnWriter<'_>, cells: Cells, rows: usize) -> Result<()> {
    let mut defined = Vec::with_capacity(rows);
    let texts: Vec<ByteArray> = if cells.are_texts() {
        defined.extend(cells.iter(rows).map(|cell| i16::from(cell != Cell::Nothing)));
        let (whole, mut start) = (Bytes::from(cells.texts), 0);
        let text = |length: &u32| {
            let end = start + *length as usize;
            ByteArray::from(whole.slice(std::mem::replace(&mut start, end)..end))
        };
        cells.lengths.iter().map(text).collect()
    } else {
        let text = |cell: Cell<'_>| {
            let text = match cell {
                Cell::Nothing => None,
                Cell::Text(text) => Some(text.to_vec()),
                Cell::Integer(number) => Some(Value::Integer(number).to_string().into_bytes()),
                Cell::Number(number) => Some(Value::Number(number).to_string().into_bytes()),
                Cell::Bool(truth) => Some(Value::Bool(truth).to_string().into_bytes()),
            };
            defined.push(i16::from(text.is_some()));
            text.map(ByteArray::from)
        };
        cells.iter(rows).filter_map(text).collect()
    };
    get_typed_column_writer_mut::<ByteArrayType>(writer).write_batch(&texts, Some(&defined), None)?;
    Ok(())
}

/// Writes a column of another type. A value that the type does not have is left out; the schema was made from all values.
fn write_as<T: DataType>(
    writer: &mut ColumnWriter<'_>,
    cells: &Cells,
    rows: usize,
    value: impl Fn(Cell<'_>) -> Option<T::T>,
) -> Result<()> {
    let mut defined = Vec::with_capacity(rows);
    let mut values = Vec::with_capacity(rows);
    for cell in cells.iter(rows) {
        let value = value(cell);
        defined.push(i16::from(value.is_some()));
        values.extend(value);
    }
    get_typed_column_writer_mut::<T>(writer).write_batch(&values, Some(&defined), None)?;
    Ok(())
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
