//! How things look to a person: tables, snippets, progress, errors.

pub(crate) mod age;
pub(crate) mod error;
mod hint;
pub(crate) mod json;
pub(crate) mod palette;
pub(crate) mod progress;
pub(crate) mod snippet;
pub(crate) mod table;
pub(crate) mod text;
