//! An image on its way out: for one platform or several, under its names, with annotations.

use std::collections::BTreeMap;

use crate::{
    Image, ImageName,
    digest::Digest,
    manifest::{Descriptor, Platform},
};

/// One image, for each of its platforms.
#[derive(Default)]
pub struct Package<'a> {
    /// The image for each platform. Several become one index.
    pub images: Vec<&'a dyn Image>,
    /// Its names where it is written, whatever they are where it stands.
    pub names: Vec<ImageName>,
    /// What the documents say beside what they must.
    pub annotations: Vec<Annotation>,
}

/// A free text of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    /// In which document.
    pub place: AnnotationPlace,
    /// Of the manifest for this platform alone, `linux/arm64`; of every one when it is `None`.
    pub platform: Option<String>,
    /// Its name.
    pub key: String,
    /// What it says.
    pub value: String,
}

/// Where annotations are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnnotationPlace {
    /// In the manifest of an image.
    Manifest,
    /// Where an index leads to a manifest.
    ManifestDescriptor,
    /// In the index of several platforms.
    Index,
    /// Where `index.json` leads to that index.
    IndexDescriptor,
}

/// What was written, as it is known from then on.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// Of the image's manifest, or of the index of several.
    pub descriptor: Descriptor,
    /// The digest of the config: the image's ID. Several platforms have none in common.
    pub config: Option<Digest>,
}

impl Package<'_> {
    /// Gives the annotations of a place, those for one platform over those for all.
    pub(super) fn annotations(&self, place: AnnotationPlace, platform: Option<&Platform>) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        for only in [false, true] {
            let here = self.annotations.iter().filter(|annotation| {
                annotation.place == place
                    && match &annotation.platform {
                        None => !only,
                        Some(wanted) => only && platform.is_some_and(|platform| platform.to_string() == *wanted),
                    }
            });
            found.extend(here.map(|annotation| (annotation.key.clone(), annotation.value.clone())));
        }
        found
    }
}
