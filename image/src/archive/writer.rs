//! What an archive or layout of images consists of, and how it is written.
//!
//! A [`Plan`] says which files there are, in byte order of their names, each blob once; a [`Sink`] takes them.

use std::{collections::BTreeMap, io};

use serde_json::{Value, json};

use super::{Annotation, AnnotationPlace, Named, Package, Written, sink::Sink, tar_file::blob_name};
use crate::{
    Image, Layer, canonical,
    digest::Digest,
    error::{Error, Result},
    manifest::{
        CONTAINERD_NAME, CREATED, Descriptor, Document, Index, Manifest, OCI_CONFIG, OCI_INDEX, OCI_LAYER,
        OCI_LAYER_GZIP, Platform, REF_NAME, oci_layer,
    },
    name::ImageName,
    store,
};

/// The files of an archive or layout.
#[derive(Default)]
pub(super) struct Plan<'a> {
    files: BTreeMap<String, Content<'a>>,
    entries: Vec<Descriptor>,
    /// Of the images of a package.
    manifests: Vec<Manifest>,
    form: Form,
}

/// For whom it is written.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Form {
    /// `docker load`, of any age.
    #[default]
    Docker,
    /// `docker load` of today, which reads zstd too.
    DockerAsStored,
    /// Readers of OCI layouts.
    Oci,
}

impl Form {
    fn name(self) -> &'static str {
        match self {
            Self::Docker | Self::DockerAsStored => "a docker archive",
            Self::Oci => "an OCI image",
        }
    }
}

enum Content<'a> {
    Bytes(Vec<u8>),
    /// A layer as it is stored.
    Stored(&'a dyn Layer),
    /// A layer decompressed, with its size.
    Plain(&'a dyn Layer, u64),
}

impl<'a> Plan<'a> {
    /// Plans what `docker load` takes.
    pub(super) fn for_docker(images: &[Named<'a>]) -> Result<Self> {
        let mut plan = Self { form: Form::Docker, ..Self::default() };
        let mut list = Vec::new();
        for image in images {
            let manifest = plan.add(image)?;
            list.push(listed(&manifest, &image.names));
        }
        plan.list(&list)?;
        plan.layout(Vec::new())
    }

    /// Plans the same of one image with its layers as they are, whatever they are compressed with.
    pub(super) fn of_docker_package(package: &Package<'a>) -> Result<(Self, Written)> {
        let mut plan = Self { form: Form::DockerAsStored, ..Self::default() };
        if package.images.len() > 1 {
            return Err(Error::SeveralPlatforms { form: Form::Docker.name(), platforms: package.images.len() });
        }
        let written = plan.package(package)?;
        let manifests = plan.manifests.iter();
        let list: Vec<_> = manifests.map(|manifest| listed(manifest, &package.names)).collect();
        plan.list(&list)?;
        Ok((plan.layout(Vec::new())?, written))
    }

    /// Plans an OCI layout of one image; `there` are the entries of the layout that it is added to.
    pub(super) fn of_oci_package(package: &Package<'a>, there: Vec<Descriptor>) -> Result<(Self, Written)> {
        let mut plan = Self { form: Form::Oci, ..Self::default() };
        let written = plan.package(package)?;
        Ok((plan.layout(there)?, written))
    }

    /// Plans an OCI layout.
    pub(super) fn for_oci(images: &[Named<'a>]) -> Result<Self> {
        let mut plan = Self { form: Form::Oci, ..Self::default() };
        for image in images {
            plan.add(image)?;
        }
        plan.layout(Vec::new())
    }

    fn list(&mut self, images: &[Value]) -> Result<()> {
        let list = canonical::to_vec(&images).map_err(|source| Error::Serialize { what: "manifest.json", source })?;
        self.files.insert("manifest.json".to_owned(), Content::Bytes(list));
        Ok(())
    }

    /// Plans `index.json`, where a name that is `there` goes over to what is new, and `oci-layout`.
    fn layout(mut self, there: Vec<Descriptor>) -> Result<Self> {
        let new = std::mem::take(&mut self.entries);
        let name = |entry: &Descriptor| entry.annotations.get(REF_NAME).cloned();
        let replaces = |old: &Descriptor| {
            new.iter().any(|new| if name(old).is_some() { name(new) == name(old) } else { new.digest == old.digest })
        };
        let mut entries: Vec<_> = there.into_iter().filter(|old| !replaces(old)).collect();
        entries.extend(new);
        let index = store::index::to_bytes(&Index::new(entries))?;
        self.files.insert("index.json".to_owned(), Content::Bytes(index));
        self.files.insert("oci-layout".to_owned(), Content::Bytes(store::layout_file()?));
        Ok(self)
    }

    /// Adds what an image consists of, and its entries in the index; gives its manifest.
    fn add(&mut self, named: &Named<'a>) -> Result<Manifest> {
        let (entry, manifest) = self.image(named.image, BTreeMap::new())?;
        self.enter(&entry, &named.names);
        Ok(manifest)
    }

    /// Adds an image for each platform and, where there are several, their index.
    fn package(&mut self, package: &Package<'a>) -> Result<Written> {
        let mut entries = Vec::new();
        for &image in &package.images {
            let platform = image.config().and_then(Platform::of);
            let annotations = package.annotations(AnnotationPlace::Manifest, platform.as_ref());
            let (mut entry, manifest) = self.image(image, annotations)?;
            entry.annotations = package.annotations(AnnotationPlace::ManifestDescriptor, platform.as_ref());
            entry.platform = platform;
            entries.push(entry);
            self.manifests.push(manifest);
        }
        let (mut descriptor, config) = if let ([entry], [manifest]) = (&*entries, &*self.manifests) {
            let of_index =
                |a: &&Annotation| matches!(a.place, AnnotationPlace::Index | AnnotationPlace::IndexDescriptor);
            if let Some(annotation) = package.annotations.iter().find(of_index) {
                return Err(Error::IndexAnnotation { key: annotation.key.clone() });
            }
            (entry.clone(), Some(manifest.config.digest))
        } else {
            (self.platforms(package, entries)?, None)
        };
        let created = package.images.iter().filter_map(|image| image.config()?.created.clone()).max();
        if let Some(created) = created {
            descriptor.annotations.entry(CREATED.to_owned()).or_insert(created);
        }
        self.enter(&descriptor, &package.names);
        Ok(Written { descriptor, config })
    }

    /// Adds the index of several platforms; gives the way there.
    fn platforms(&mut self, package: &Package<'a>, entries: Vec<Descriptor>) -> Result<Descriptor> {
        let annotations = package.annotations(AnnotationPlace::Index, None);
        let raw = store::index::to_bytes(&Index { annotations, ..Index::new(entries) })?;
        let size = raw.len() as u64;
        let annotations = package.annotations(AnnotationPlace::IndexDescriptor, None);
        Ok(Descriptor { annotations, ..Descriptor::new(OCI_INDEX, self.bytes(raw), size) })
    }

    /// Adds what an image consists of; gives its manifest and the way there.
    fn image(&mut self, image: &'a dyn Image, annotations: BTreeMap<String, String>) -> Result<(Descriptor, Manifest)> {
        let config = image.raw_config().ok_or(Error::NoConfig { form: self.form.name() })?;
        let mut layers = Vec::new();
        for layer in image.layers() {
            layers.push(self.layer(&**layer)?);
        }
        let config = Descriptor::new(OCI_CONFIG, self.bytes(config.to_vec()), config.len() as u64);
        let (raw, manifest) = manifest(image, config, layers, annotations)?;
        let size = raw.len() as u64;
        Ok((Descriptor::new(manifest.media_type(), self.bytes(raw), size), manifest))
    }

    /// Adds the entries of the index: one a name.
    fn enter(&mut self, entry: &Descriptor, names: &[ImageName]) {
        if names.is_empty() {
            self.entries.push(entry.clone());
        }
        for name in names {
            let mut entry = entry.clone();
            entry.annotations.extend(self.annotations(name));
            self.entries.push(entry);
        }
    }

    fn layer(&mut self, layer: &'a dyn Layer) -> Result<Descriptor> {
        let (digest, size) = layer.stored();
        let media_type = oci_layer(layer.media_type());
        let is_for_all = [OCI_LAYER, OCI_LAYER_GZIP].contains(&media_type.as_str());
        if self.form != Form::Docker || is_for_all {
            self.files.insert(blob_name(&digest), Content::Stored(layer));
            return Ok(Descriptor::new(media_type, digest, size));
        }
        let digest = Digest::from(layer.diff_id());
        let size = io::copy(&mut layer.open()?, &mut io::sink()).map_err(Error::write(format!("layer {digest}")))?;
        self.files.insert(blob_name(&digest), Content::Plain(layer, size));
        Ok(Descriptor::new(OCI_LAYER, digest, size))
    }

    fn bytes(&mut self, bytes: Vec<u8>) -> Digest {
        let digest = Digest::of(&bytes);
        self.files.insert(blob_name(&digest), Content::Bytes(bytes));
        digest
    }

    /// How the index names an image: docker puts the tag alone where others put the name.
    fn annotations(&self, name: &ImageName) -> BTreeMap<String, String> {
        let short = match self.form {
            Form::Docker | Form::DockerAsStored => name.tag().to_owned(),
            Form::Oci => name.to_string(),
        };
        BTreeMap::from([(REF_NAME.to_owned(), short), (CONTAINERD_NAME.to_owned(), name.canonical())])
    }

    /// Writes every file; a layer that is not what it should be is an error, after some of it was written.
    pub(super) fn write(&self, sink: &mut impl Sink) -> Result<()> {
        for (name, content) in &self.files {
            match content {
                Content::Bytes(bytes) => {
                    sink.file(name, bytes.len() as u64, &mut bytes.as_slice())?;
                }
                Content::Stored(layer) => {
                    sink.file(name, layer.stored().1, &mut layer.open_stored()?)?;
                }
                Content::Plain(layer, size) => sink.file(name, *size, &mut layer.open()?)?,
            }
        }
        Ok(())
    }
}

/// An image as `manifest.json` lists it.
fn listed(manifest: &Manifest, names: &[ImageName]) -> Value {
    json!({
        "Config": blob_name(&manifest.config.digest),
        "RepoTags": names.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "Layers": manifest.layers.iter().map(|layer| blob_name(&layer.digest)).collect::<Vec<_>>(),
    })
}

/// Gives the manifest that the image has, or makes one where it has none, or where layers or annotations are to differ.
fn manifest(
    image: &dyn Image,
    config: Descriptor,
    layers: Vec<Descriptor>,
    annotations: BTreeMap<String, String>,
) -> Result<(Vec<u8>, Manifest)> {
    let mut manifest = Manifest::new(config, layers);
    if let Some(raw) = image.raw_manifest()
        && let Document::Manifest(found) = Document::parse(raw, "", "the image's manifest")?
        && found.layers.iter().map(|layer| layer.digest).eq(manifest.layers.iter().map(|layer| layer.digest))
    {
        if annotations.is_empty() {
            return Ok((raw.to_vec(), *found));
        }
        manifest = *found;
    }
    manifest.annotations.extend(annotations);
    let raw = canonical::to_vec(&manifest).map_err(|source| Error::Serialize { what: "manifest", source })?;
    Ok((raw, manifest))
}
