//! How things look to a person: tables, snippets, progress, errors.

pub(crate) mod age;
pub(crate) mod error;
mod hint;
pub(crate) mod json;
pub(crate) mod palette;
pub(crate) mod progress;
pub(crate) mod snippet;
pub(crate) mod suggestions;
pub(crate) mod table;
pub(crate) mod text;

use std::io::Write as _;

/// Prints a line on standard error. Where that cannot be, as after the terminal is closed, there is nobody to tell.
pub(crate) fn say(line: &str) {
    let _ = anstream::AutoStream::auto(std::io::stderr()).write_all(format!("{line}\n").as_bytes());
}
