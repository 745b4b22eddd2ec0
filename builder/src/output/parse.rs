//! Reads a `-o`: `key=value` separated by commas, quoted as Go's `encoding/csv` wants it.

use std::{ops::RangeInclusive, path::PathBuf, str::FromStr};

use strata_dockerfile::{mount::csv, suggest::nearest};
use strata_image::{
    ImageName,
    archive::{Annotation, AnnotationPlace},
    compression::Compression,
};

use super::{Destination, Form, Layers, Output, OutputError, Split, Stale};
use crate::options::RewriteTimestamp;

const TYPES: [&str; 5] = ["docker", "oci", "tar", "local", "image"];
/// What every type has.
const COMMON: [&str; 3] = ["type", "dest", "rewrite-timestamp"];
/// What images have.
const IMAGE: [&str; 6] =
    ["name", "compression", "compression-level", "force-compression", "oci-mediatypes", "annotation"];
/// Begins the keys of annotations: `annotation.K`, `annotation-index.K`, `annotation-manifest[linux/amd64].K`.
const ANNOTATION: &str = "annotation";

impl FromStr for Output {
    type Err = OutputError;

    /// Reads what is given to `-o`: a list that has a `type`; or a folder, `-` being a tar on standard output.
    fn from_str(text: &str) -> Result<Self, OutputError> {
        let syntax = |reason| OutputError::Syntax { text: text.to_owned(), reason };
        let fields = csv::fields(text).map_err(|bad| syntax(bad.what))?;
        if let [only] = &*fields
            && only.text == text
            && !has_key(text)
        {
            return Ok(plain(text));
        }
        let mut options = Vec::new();
        for field in &fields {
            let (key, value) = field.text.split_once('=').ok_or_else(|| syntax("every option is KEY=VALUE"))?;
            options.push((key.trim(), value));
        }
        let name = options.iter().rev().find(|(key, _)| key.eq_ignore_ascii_case("type")).map(|(_, value)| *value);
        let name = name.ok_or_else(|| OutputError::NoType { text: text.to_owned() })?;
        let mut draft = Draft::new(name, text)?;
        for (key, value) in options {
            draft.take(key, value)?;
        }
        draft.finish()
    }
}

/// Whether a text of one field is an option and not a folder: a folder may have an equals sign in its name.
fn has_key(text: &str) -> bool {
    let key = text.split_once('=').map_or("", |(key, _)| key);
    COMMON.contains(&key) || IMAGE.contains(&key)
}

/// `-o DIR` and `-o -`.
fn plain(text: &str) -> Output {
    let (form, destination) = match text {
        "-" => (Form::Tar(Split::default()), Destination::Stdout),
        folder => {
            let form = Form::Local { split: Split::default(), stale: Stale::default() };
            (form, Destination::Path(PathBuf::from(folder)))
        }
    };
    Output { form, destination, names: Vec::new(), rewrite_timestamp: None }
}

/// The types, as far as they differ in their options.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Type {
    Docker,
    Oci,
    Tar,
    Local,
    Image,
}

impl Type {
    fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Oci => "oci",
            Self::Tar => "tar",
            Self::Local => "local",
            Self::Image => "image",
        }
    }

    fn own_keys(self) -> &'static [&'static str] {
        match self {
            Self::Docker => &[],
            Self::Oci => &["tar"],
            Self::Tar => &["platform-split"],
            Self::Local => &["platform-split", "mode"],
            Self::Image => &["push"],
        }
    }

    fn is_image(self) -> bool {
        matches!(self, Self::Docker | Self::Oci | Self::Image)
    }
}

/// An output as far as it is read.
struct Draft<'a> {
    text: &'a str,
    kind: Type,
    destination: Option<Destination>,
    names: Vec<ImageName>,
    rewrite_timestamp: Option<RewriteTimestamp>,
    layers: Layers,
    /// The key that only a file can follow.
    of_file: Option<String>,
    is_directory: bool,
    split: Split,
    stale: Stale,
}

impl<'a> Draft<'a> {
    fn new(name: &str, text: &'a str) -> Result<Self, OutputError> {
        let kind = match name {
            "docker" => Type::Docker,
            "oci" => Type::Oci,
            "tar" => Type::Tar,
            "local" => Type::Local,
            "image" => Type::Image,
            "registry" => return Err(OutputError::Push { text: text.to_owned() }),
            _ => {
                let suggestion = nearest(name, &TYPES);
                return Err(OutputError::UnknownType { name: name.to_owned(), suggestion });
            }
        };
        Ok(Self {
            text,
            kind,
            destination: None,
            names: Vec::new(),
            rewrite_timestamp: None,
            layers: Layers::default(),
            of_file: None,
            is_directory: false,
            split: Split::default(),
            stale: Stale::default(),
        })
    }

    fn take(&mut self, key: &str, value: &str) -> Result<(), OutputError> {
        if let Some(rest) = key.strip_prefix(ANNOTATION).filter(|_| self.kind.is_image()) {
            let annotation = annotation(key, rest, value)?;
            self.layers.annotations.push(annotation);
            self.of_file = Some(key.to_owned());
            return Ok(());
        }
        let lower = key.to_ascii_lowercase();
        if !self.keys().any(|known| known == lower) {
            let known: Vec<_> = self.keys().collect();
            let suggestion = nearest(&lower, &known);
            return Err(OutputError::UnknownKey { form: self.kind.name(), key: key.to_owned(), suggestion });
        }
        match &*lower {
            "dest" if value == "-" => self.destination = Some(Destination::Stdout),
            "dest" if value.is_empty() => return Err(impossible(key, value, "it is empty")),
            "dest" => self.destination = Some(Destination::Path(PathBuf::from(value))),
            "rewrite-timestamp" => {
                let clamps = boolean(key, value)?;
                self.rewrite_timestamp = Some(if clamps { RewriteTimestamp::Clamp } else { RewriteTimestamp::Keep });
            }
            "name" => self.names = names(value)?,
            "compression" => self.layers.request.compression = compression(key, value)?,
            "compression-level" => {
                let level = value.parse().map_err(|_| impossible(key, value, "it is a number"))?;
                self.layers.request.effort.level = Some(level);
            }
            "force-compression" => self.layers.request.force = boolean(key, value)?,
            "oci-mediatypes" if !boolean(key, value)? => {
                return Err(impossible(key, value, "images are written with OCI's media types, which docker reads"));
            }
            "tar" => self.is_directory = !boolean(key, value)?,
            "platform-split" => self.split = if boolean(key, value)? { Split::Always } else { Split::Never },
            "mode" => {
                self.stale = match value {
                    "copy" => Stale::Stays,
                    "delete" => Stale::Goes,
                    _ => return Err(impossible(key, value, "the modes are copy and delete")),
                }
            }
            "push" if boolean(key, value)? => return Err(OutputError::Push { text: self.text.to_owned() }),
            _ => {}
        }
        if matches!(&*lower, "compression" | "compression-level" | "force-compression") {
            self.of_file = Some(key.to_owned());
        }
        Ok(())
    }

    fn keys(&self) -> impl Iterator<Item = &'static str> {
        let image = IMAGE.iter().filter(|_| self.kind.is_image());
        COMMON.iter().chain(image).chain(self.kind.own_keys()).copied()
    }

    fn finish(self) -> Result<Output, OutputError> {
        self.check_level()?;
        let Self { kind, destination, names, rewrite_timestamp, layers, is_directory, split, stale, .. } = self;
        let missing = || OutputError::NoDestination { form: kind.name() };
        let (form, destination) = match (kind, destination) {
            // as docker does: it is loaded, and here it is where it belongs already
            (Type::Docker, None) | (Type::Image, _) => {
                if let Some(key) = self.of_file {
                    return Err(OutputError::NoFile { key });
                }
                (Form::Stored, Destination::Store)
            }
            (Type::Docker, Some(destination)) => (Form::Docker(layers), destination),
            (Type::Oci, destination) => {
                let form = Form::Oci { layers, is_directory };
                match destination.unwrap_or(Destination::Stdout) {
                    Destination::Stdout if is_directory => return Err(OutputError::FolderToStdout { form: "oci" }),
                    destination => (form, destination),
                }
            }
            (Type::Tar, destination) => (Form::Tar(split), destination.unwrap_or(Destination::Stdout)),
            (Type::Local, None) => return Err(missing()),
            (Type::Local, Some(Destination::Path(folder))) => (Form::Local { split, stale }, Destination::Path(folder)),
            (Type::Local, Some(_)) => return Err(OutputError::FolderToStdout { form: "local" }),
        };
        Ok(Output { form, destination, names, rewrite_timestamp })
    }

    /// A level belongs to a compression, whichever of them comes first.
    fn check_level(&self) -> Result<(), OutputError> {
        let request = &self.layers.request;
        let Some(level) = request.effort.level else {
            return Ok(());
        };
        let levels = request.compression.levels();
        if levels.as_ref().is_some_and(|levels| levels.contains(&level)) {
            return Ok(());
        }
        let expected = match levels.map(RangeInclusive::into_inner) {
            Some((lowest, highest)) => format!("the levels of this compression are {lowest} to {highest}"),
            None => "what is not compressed has no level".to_owned(),
        };
        Err(OutputError::Value { key: "compression-level".to_owned(), value: level.to_string(), expected })
    }
}

fn impossible(key: &str, value: &str, expected: &str) -> OutputError {
    OutputError::Value { key: key.to_owned(), value: value.to_owned(), expected: expected.to_owned() }
}

fn compression(key: &str, value: &str) -> Result<Compression, OutputError> {
    match value {
        "uncompressed" => Ok(Compression::None),
        "gzip" => Ok(Compression::Gzip),
        "zstd" => Ok(Compression::Zstd),
        _ => Err(impossible(key, value, "the compressions are gzip, zstd and uncompressed")),
    }
}

/// As Go's `strconv.ParseBool`.
fn boolean(key: &str, value: &str) -> Result<bool, OutputError> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(impossible(key, value, "it is true or false")),
    }
}

fn names(value: &str) -> Result<Vec<ImageName>, OutputError> {
    let name =
        |text: &str| ImageName::parse(text).map_err(|source| OutputError::Name { text: text.to_owned(), source });
    value.split(',').map(|text| name(text.trim())).collect()
}

/// Reads the key of an annotation: `annotation`, and the `rest`: `-PLACE`, `[PLATFORM]`, `.NAME`.
fn annotation(key: &str, rest: &str, value: &str) -> Result<Annotation, OutputError> {
    let bad = |expected: &str| impossible(key, value, expected);
    let form = "an annotation is written annotation.NAME=VALUE";
    let (head, name) = rest.split_once('.').filter(|(_, name)| !name.is_empty()).ok_or_else(|| bad(form))?;
    let (place, platform) = match head.split_once('[') {
        None => (head, None),
        Some((place, platform)) => (place, Some(platform.strip_suffix(']').ok_or_else(|| bad(form))?)),
    };
    let place = match place {
        "" | "-manifest" => AnnotationPlace::Manifest,
        "-manifest-descriptor" => AnnotationPlace::ManifestDescriptor,
        "-index" => AnnotationPlace::Index,
        "-index-descriptor" => AnnotationPlace::IndexDescriptor,
        _ => return Err(bad("the places are manifest, manifest-descriptor, index and index-descriptor")),
    };
    if platform.is_some() && matches!(place, AnnotationPlace::Index | AnnotationPlace::IndexDescriptor) {
        return Err(bad("an index is of all platforms"));
    }
    Ok(Annotation { place, platform: platform.map(str::to_owned), key: name.to_owned(), value: value.to_owned() })
}

#[cfg(test)]
mod tests;
