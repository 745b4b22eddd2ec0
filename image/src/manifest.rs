//! Manifests, indexes and their descriptors, in OCI's and in Docker's media types.
//!
//! Our own types and not oci-spec's: maps are ordered, so that equal documents are equal bytes, unknown fields are
//! kept, and a digest is a [`Digest`] that was checked. Media types, processor names and the `oci-layout` file are
//! oci-spec's. Who reads a document keeps its bytes; these types are what it says.

mod document;
mod platform;

use std::{collections::BTreeMap, fmt};

use oci_spec::image::{Arch, MediaType};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use document::Document;
pub use platform::PlatformError;

use crate::{
    compression::Compression,
    config::{ImageConfig, null_is_default},
    digest::Digest,
};

/// Media type of an OCI image manifest.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Media type of an OCI index.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Media type of an OCI image config.
pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// Media type of a plain layer.
pub const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
/// Media type of a layer compressed with gzip.
pub const OCI_LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// Media type of a layer compressed with zstd.
pub const OCI_LAYER_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
/// Media type of Docker's image manifest, schema 2.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Media type of Docker's manifest list.
pub const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// Media type of Docker's image config.
pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";

/// Media types of Docker's layers, and OCI's for the same bytes.
const DOCKER_LAYERS: [(&str, &str); 3] = [
    ("application/vnd.docker.image.rootfs.diff.tar", OCI_LAYER),
    ("application/vnd.docker.image.rootfs.diff.tar.gzip", OCI_LAYER_GZIP),
    ("application/vnd.docker.image.rootfs.diff.tar.zstd", OCI_LAYER_ZSTD),
];

/// Gives OCI's media type for a layer of Docker's, and any other as it is.
pub(crate) fn oci_layer(media_type: &str) -> String {
    let known = DOCKER_LAYERS.iter().find(|(docker, _)| *docker == media_type);
    known.map_or(media_type, |(_, oci)| oci).to_owned()
}

/// Tells from a layer's media type how it is compressed: OCI ends it in `+gzip`, Docker in `.gzip`.
pub(crate) fn layer_compression(media_type: &str) -> Compression {
    match media_type.rsplit(['+', '.']).next() {
        Some("gzip") => Compression::Gzip,
        Some("zstd") => Compression::Zstd,
        Some("xz") => Compression::Xz,
        Some("bzip2") => Compression::Bzip2,
        _ => Compression::None,
    }
}

/// Annotation of an index entry: the name or tag of the image there.
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// Annotation of an index entry: the full name, as containerd and docker write it.
pub const CONTAINERD_NAME: &str = "io.containerd.image.name";
/// Annotation of an index entry: when the image was made.
pub const CREATED: &str = "org.opencontainers.image.created";
/// Annotation by which `BuildKit` marks manifests that describe another one.
const DOCKER_REFERENCE_TYPE: &str = "vnd.docker.reference.type";

/// The largest manifest or index read. Registries refuse manifests over 4 MiB (distribution-spec, "Pushing Manifests").
pub const MAX_MANIFEST_BYTES: u64 = 4 << 20;
/// The largest config read: a thousand times the usual one, and still no burden on memory.
pub const MAX_CONFIG_BYTES: u64 = 16 << 20;

/// A typed, sized pointer to a blob.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What the blob is; empty where a writer left it out.
    #[serde(default)]
    pub media_type: String,
    /// The digest of the blob.
    pub digest: Digest,
    /// The blob's bytes.
    pub size: u64,
    /// What the image behind it runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// Free text by name.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Every other field, as found.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// What an image runs on, in Go's words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Platform {
    /// `linux`.
    pub os: String,
    /// `amd64`.
    pub architecture: String,
    /// `v8`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Every other field, as found.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// An image manifest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Always 2.
    pub schema_version: u32,
    /// What this document is; Docker always writes it, OCI did not at first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// The image config.
    pub config: Descriptor,
    /// The layers as stored, bottom first.
    #[serde(default, deserialize_with = "null_is_default")]
    pub layers: Vec<Descriptor>,
    /// Free text by name.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Every other field, as found.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// A list of manifests, perhaps of further lists: an OCI index or Docker's manifest list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// Always 2.
    pub schema_version: u32,
    /// What this document is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Where the list leads.
    #[serde(default, deserialize_with = "null_is_default")]
    pub manifests: Vec<Descriptor>,
    /// Free text by name.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Every other field, as found.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

impl Descriptor {
    /// Points to a blob, without platform and annotations.
    pub fn new(media_type: impl Into<String>, digest: Digest, size: u64) -> Self {
        Self {
            media_type: media_type.into(),
            digest,
            size,
            platform: None,
            annotations: BTreeMap::new(),
            other: BTreeMap::new(),
        }
    }

    /// Whether this leads to no image but to a statement about one (`BuildKit`'s attestations).
    pub(crate) fn is_attestation(&self) -> bool {
        let unknown = |p: &Platform| p.os == "unknown" && p.architecture == "unknown";
        self.platform.as_ref().is_some_and(unknown) || self.annotations.contains_key(DOCKER_REFERENCE_TYPE)
    }
}

impl Platform {
    /// Gives Linux on this machine's processor: containers are Linux's wherever they are looked at.
    pub fn host() -> Self {
        Self {
            os: "linux".to_owned(),
            architecture: Arch::default().to_string(),
            variant: None,
            other: BTreeMap::new(),
        }
    }

    /// Gives what an image runs on, where its config says so.
    pub fn of(config: &ImageConfig) -> Option<Self> {
        let ImageConfig { os, architecture, variant, .. } = config;
        let (os, architecture, variant) = (os.clone(), architecture.clone(), variant.clone());
        (!architecture.is_empty()).then(|| Self { os, architecture, variant, other: BTreeMap::new() })
    }

    /// Whether an image for `offered` serves who asks for this one: a variant counts only where both name one.
    pub fn accepts(&self, offered: &Self) -> bool {
        let variants = (&self.variant, &offered.variant);
        self.os == offered.os
            && self.architecture == offered.architecture
            && !matches!(variants, (Some(wanted), Some(there)) if wanted != there)
    }
}

impl fmt::Display for Platform {
    /// Writes `linux/arm64/v8`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.as_ref().map_or(Ok(()), |variant| write!(f, "/{variant}"))
    }
}

impl Manifest {
    /// Makes an OCI manifest.
    pub fn new(config: Descriptor, layers: Vec<Descriptor>) -> Self {
        Self {
            schema_version: 2,
            media_type: Some(MediaType::ImageManifest.to_string()),
            config,
            layers,
            annotations: BTreeMap::new(),
            other: BTreeMap::new(),
        }
    }

    /// Gives the document's media type, OCI's where it does not say.
    pub fn media_type(&self) -> &str {
        self.media_type.as_deref().unwrap_or(OCI_MANIFEST)
    }
}

impl Index {
    /// Makes an OCI index.
    pub fn new(manifests: Vec<Descriptor>) -> Self {
        Self {
            schema_version: 2,
            media_type: Some(MediaType::ImageIndex.to_string()),
            manifests,
            annotations: BTreeMap::new(),
            other: BTreeMap::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn media_types_are_those_of_the_specification() {
        for (ours, theirs) in [
            (OCI_MANIFEST, MediaType::ImageManifest),
            (OCI_INDEX, MediaType::ImageIndex),
            (OCI_CONFIG, MediaType::ImageConfig),
            (OCI_LAYER, MediaType::ImageLayer),
            (OCI_LAYER_GZIP, MediaType::ImageLayerGzip),
            (OCI_LAYER_ZSTD, MediaType::ImageLayerZstd),
        ] {
            assert_eq!(ours, theirs.to_string());
        }
    }

    #[test]
    fn a_descriptor_with_an_impossible_size_or_digest_is_refused() {
        let digest = Digest::of(b"");
        for text in [
            format!(r#"{{"digest":"{digest}","size":-1}}"#),
            format!(r#"{{"digest":"{digest}","size":18446744073709551616}}"#),
            r#"{"digest":"sha256:../../etc/shadow","size":1}"#.to_owned(),
            r#"{"digest":"md5:d41d8cd98f00b204e9800998ecf8427e","size":1}"#.to_owned(),
        ] {
            assert!(serde_json::from_str::<Descriptor>(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_variant_counts_only_where_both_name_one() {
        let platform = |architecture: &str, variant: Option<&str>| Platform {
            architecture: architecture.to_owned(),
            variant: variant.map(str::to_owned),
            ..Platform::host()
        };
        let arm = platform("arm64", None);
        let v8 = platform("arm64", Some("v8"));
        assert!(arm.accepts(&v8) && v8.accepts(&arm) && v8.accepts(&v8));
        assert!(!v8.accepts(&platform("arm64", Some("v9"))) && !arm.accepts(&platform("amd64", None)));
        assert_eq!(v8.to_string(), "linux/arm64/v8");
    }
}
