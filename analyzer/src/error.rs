//! What can go wrong while an image is read for analysis. Judging never fails: only reading does.

use std::io;

use strata_image::DiffId;

/// An error of this crate: which layer, and which entry of it, could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A layer's tar could not be opened, read or applied.
    #[error("cannot read layer {layer}")]
    Layer {
        /// The layer.
        layer: DiffId,
        /// What the tar reader or the view said.
        source: strata_image::Error,
    },
    /// The content of one entry could not be read to its end.
    #[error("cannot read the content of {path} in layer {layer}")]
    Content {
        /// The layer.
        layer: DiffId,
        /// The entry, as [`crate::path_text`] writes it.
        path: String,
        /// What the stream said.
        source: io::Error,
    },
    /// Neither of two images has a path.
    #[error("neither image has {path}")]
    NoSuchPath {
        /// As it was asked for.
        path: String,
    },
    /// A suppression names a rule that there is not.
    #[error("{by}: there is no rule {name:?}{}", nearest.map(|name| format!("; did you mean {name}?")).unwrap_or_default())]
    UnknownRule {
        /// What it names.
        name: String,
        /// Where it stands.
        by: String,
        /// The nearest name that there is.
        nearest: Option<&'static str>,
    },
    /// A suppression has a pattern of paths that is none.
    #[error("{by}: bad pattern of paths")]
    Pattern {
        /// Where it stands.
        by: String,
        /// What is wrong with it.
        source: strata_dockerfile::ignore::IgnoreError,
    },
    /// The index of a layer could not be made, or its records could not be read again from the cache's file.
    #[error("cannot use the index of layer {layer}")]
    Index {
        /// The layer.
        layer: DiffId,
        /// What the system said.
        source: io::Error,
    },
    /// A table of an audit could not be written.
    #[error("cannot write the table {table}")]
    Table {
        /// Its name.
        table: &'static str,
        /// What the system, or the form, said.
        source: io::Error,
    },
    /// A layer is larger than an index holds.
    #[error("layer {layer} has more than {limit} {what}")]
    TooLarge {
        /// The layer.
        layer: DiffId,
        /// What there is too much of.
        what: &'static str,
        /// The limit that it passed.
        limit: usize,
    },
}

/// The result of everything here that reads.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Says which layer an error of `strata-image` is about.
pub(crate) fn in_layer<E: Into<strata_image::Error>>(layer: DiffId) -> impl Fn(E) -> Error {
    move |source| Error::Layer { layer, source: source.into() }
}
