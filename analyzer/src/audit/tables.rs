//! The tables of an audit for a query engine, as Parquet: images, layers, files, findings.
//!
//! ```text
//! rows, one by one ─► columns in memory ─► a row group, when there is enough ─► file
//! ```
//!
//! Memory is bounded by a row group of each table. Names, types and meanings of the columns are stable: columns are added,
//! never renamed, removed or given another type. [`page`] writes them down for docs/audit.md. Writing is in the feature
//! `parquet`.

#[cfg(feature = "parquet")]
mod column;
mod describe;
#[cfg(feature = "parquet")]
mod write;

pub use describe::{Column, Kind, TABLES, Table, page};
#[cfg(feature = "parquet")]
pub use write::Tables;
