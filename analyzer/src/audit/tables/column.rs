//! One table as it is written: columns in memory until they are a row group.

use std::{io::Write, sync::Arc};

use parquet::{
    basic::Compression,
    column::writer::ColumnWriter,
    data_type::ByteArray,
    errors::ParquetError,
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::parser::parse_message_type,
};

use super::{Kind, Table, write::failed};
use crate::Result;

/// Rows of a row group: what readers take at once, and enough for columns to compress well.
const MAX_ROWS: usize = 50_000;
/// Bytes of a row group in memory: paths may be long.
const MAX_BYTES: usize = 16 << 20;

/// One value.
pub(super) enum Cell {
    Text(String),
    Count(i64),
    Share(f64),
    Flag(bool),
    None,
}

impl Cell {
    pub(super) fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    pub(super) fn perhaps(text: Option<&str>) -> Self {
        text.map_or(Self::None, Self::text)
    }

    /// A number; Parquet's are signed, and nothing of an image is that large.
    pub(super) fn count(count: u64) -> Self {
        Self::Count(i64::try_from(count).unwrap_or(i64::MAX))
    }
}

/// The values of one column that are not written yet; for each row whether there is one.
struct Values {
    of: OfKind,
    /// 1 for a value, 0 for none.
    levels: Vec<i16>,
}

enum OfKind {
    Text(Vec<ByteArray>),
    Count(Vec<i64>),
    Share(Vec<f64>),
    Flag(Vec<bool>),
}

/// Writes a table.
pub(super) struct Writer<W: Write + Send> {
    table: &'static Table,
    file: SerializedFileWriter<W>,
    values: Vec<Values>,
    rows: usize,
    bytes: usize,
}

impl<W: Write + Send> Writer<W> {
    pub(super) fn new(table: &'static Table, out: W) -> Result<Self> {
        let file = begin(table, out).map_err(failed(table.name))?;
        Ok(Self { table, file, values: empty(table), rows: 0, bytes: 0 })
    }

    /// Adds a row: a cell for each column.
    pub(super) fn push(&mut self, cells: Vec<Cell>) -> Result<()> {
        debug_assert_eq!(cells.len(), self.values.len(), "a row of {}", self.table.name);
        for (values, cell) in self.values.iter_mut().zip(cells) {
            self.bytes += values.push(cell);
        }
        self.rows += 1;
        if self.rows == MAX_ROWS || self.bytes > MAX_BYTES { self.flush() } else { Ok(()) }
    }

    /// Writes what is left, and gives the file.
    pub(super) fn finish(mut self) -> Result<W> {
        self.flush()?;
        self.file.into_inner().map_err(failed(self.table.name))
    }

    fn flush(&mut self) -> Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        let values = std::mem::replace(&mut self.values, empty(self.table));
        (self.rows, self.bytes) = (0, 0);
        self.write(&values).map_err(failed(self.table.name))
    }

    fn write(&mut self, values: &[Values]) -> Result<(), ParquetError> {
        let mut group = self.file.next_row_group()?;
        for (column, values) in self.table.columns.iter().zip(values) {
            let Some(mut writer) = group.next_column()? else { break };
            let levels = column.is_optional.then_some(values.levels.as_slice());
            match (writer.untyped(), &values.of) {
                (ColumnWriter::ByteArrayColumnWriter(out), OfKind::Text(values)) => {
                    out.write_batch(values, levels, None)?
                }
                (ColumnWriter::Int64ColumnWriter(out), OfKind::Count(values)) => {
                    out.write_batch(values, levels, None)?
                }
                (ColumnWriter::DoubleColumnWriter(out), OfKind::Share(values)) => {
                    out.write_batch(values, levels, None)?
                }
                (ColumnWriter::BoolColumnWriter(out), OfKind::Flag(values)) => out.write_batch(values, levels, None)?,
                _ => return Err(ParquetError::General(format!("column {} has values of another type", column.name))),
            };
            writer.close()?;
        }
        group.close().map(drop)
    }
}

fn begin<W: Write + Send>(table: &Table, out: W) -> Result<SerializedFileWriter<W>, ParquetError> {
    let schema = Arc::new(parse_message_type(&table.schema())?);
    let properties =
        WriterProperties::builder().set_compression(Compression::SNAPPY).set_created_by("strata".to_owned()).build();
    SerializedFileWriter::new(out, schema, Arc::new(properties))
}

fn empty(table: &Table) -> Vec<Values> {
    let of = |kind| match kind {
        Kind::Text => OfKind::Text(Vec::new()),
        Kind::Count | Kind::Bytes => OfKind::Count(Vec::new()),
        Kind::Share => OfKind::Share(Vec::new()),
        Kind::Flag => OfKind::Flag(Vec::new()),
    };
    table.columns.iter().map(|column| Values { of: of(column.kind), levels: Vec::new() }).collect()
}

impl Values {
    /// Adds a cell, and says what it takes, about.
    fn push(&mut self, cell: Cell) -> usize {
        self.levels.push(i16::from(!matches!(cell, Cell::None)));
        match (&mut self.of, cell) {
            (OfKind::Text(values), Cell::Text(text)) => {
                let length = text.len();
                values.push(ByteArray::from(text.into_bytes()));
                length + 48
            }
            (OfKind::Count(values), Cell::Count(count)) => {
                values.push(count);
                10
            }
            (OfKind::Share(values), Cell::Share(share)) => {
                values.push(share);
                10
            }
            (OfKind::Flag(values), Cell::Flag(flag)) => {
                values.push(flag);
                3
            }
            _ => 2,
        }
    }
}
