//! Archives and layouts an image can stand in.
//!
//! Readers note once where the files of an archive are and then read them by offset, from any number of threads; an
//! archive that is compressed as a whole is unpacked to an unnamed temporary file first. Writers give equal bytes for
//! equal images.

pub mod docker;
pub mod oci;
mod package;
mod sink;
pub(crate) mod tar_file;
mod unreachable;
mod writer;

pub use package::{Annotation, AnnotationPlace, Package, Written};
pub use unreachable::unreachable;

use crate::{Image, ImageName};

/// What to write: an image and the names it gets.
#[derive(Clone)]
pub struct Named<'a> {
    /// The image.
    pub image: &'a dyn Image,
    /// Its names where it is written, whatever they are where it stands.
    pub names: Vec<ImageName>,
}
