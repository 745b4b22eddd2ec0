//! What an archive or layout of images consists of, and how it is written.
//!
//! A [`Plan`] says which files there are, in byte order of their names, each blob once; a [`Sink`] takes them.

use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, File},
    io::{self, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

use serde_json::json;
use tempfile::NamedTempFile;

use super::{Named, tar_file::blob_name};
use crate::{
    Layer, canonical,
    digest::Digest,
    error::{Error, Result},
    layer::{Entry, EntryKind, LayerPath, LayerWriter},
    manifest::{
        CONTAINERD_NAME, Descriptor, Document, Index, Manifest, OCI_CONFIG, OCI_LAYER, OCI_LAYER_GZIP, REF_NAME,
        oci_layer,
    },
    name::ImageName,
    store,
};

/// Bytes collected before a system call.
const BUFFER: usize = 256 << 10;

/// The files of an archive or layout.
#[derive(Default)]
pub(super) struct Plan<'a> {
    files: BTreeMap<String, Content<'a>>,
    entries: Vec<Descriptor>,
    form: Form,
}

/// For whom it is written.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Form {
    /// `docker load`.
    #[default]
    Docker,
    /// Readers of OCI layouts.
    Oci,
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
            list.push(json!({
                "Config": blob_name(&manifest.config.digest),
                "RepoTags": image.names.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "Layers": manifest.layers.iter().map(|layer| blob_name(&layer.digest)).collect::<Vec<_>>(),
            }));
        }
        let list = canonical::to_vec(&list).map_err(|source| Error::Serialize { what: "manifest.json", source })?;
        plan.files.insert("manifest.json".to_owned(), Content::Bytes(list));
        plan.layout()
    }

    /// Plans an OCI layout.
    pub(super) fn for_oci(images: &[Named<'a>]) -> Result<Self> {
        let mut plan = Self { form: Form::Oci, ..Self::default() };
        for image in images {
            plan.add(image)?;
        }
        plan.layout()
    }

    fn layout(mut self) -> Result<Self> {
        let index = store::index::to_bytes(&Index::new(std::mem::take(&mut self.entries)))?;
        self.files.insert("index.json".to_owned(), Content::Bytes(index));
        self.files.insert("oci-layout".to_owned(), Content::Bytes(store::layout_file()?));
        Ok(self)
    }

    /// Adds what an image consists of, and its entries in the index; gives its manifest.
    fn add(&mut self, named: &Named<'a>) -> Result<Manifest> {
        let form = match self.form {
            Form::Docker => "a docker archive",
            Form::Oci => "an OCI image",
        };
        let config = named.image.raw_config().ok_or(Error::NoConfig { form })?;
        let mut layers = Vec::new();
        for layer in named.image.layers() {
            layers.push(self.layer(&**layer)?);
        }
        let config = Descriptor::new(OCI_CONFIG, self.bytes(config.to_vec()), config.len() as u64);
        let (raw, manifest) = manifest(named, config, layers)?;
        let size = raw.len() as u64;
        let entry = Descriptor::new(manifest.media_type(), self.bytes(raw), size);
        if named.names.is_empty() {
            self.entries.push(entry);
        } else {
            let entries =
                named.names.iter().map(|name| Descriptor { annotations: self.annotations(name), ..entry.clone() });
            let entries: Vec<_> = entries.collect();
            self.entries.extend(entries);
        }
        Ok(manifest)
    }

    fn layer(&mut self, layer: &'a dyn Layer) -> Result<Descriptor> {
        let (digest, size) = layer.stored();
        let media_type = oci_layer(layer.media_type());
        let is_for_all = [OCI_LAYER, OCI_LAYER_GZIP].contains(&media_type.as_str());
        if self.form == Form::Oci || is_for_all {
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
            Form::Docker => name.tag().to_owned(),
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

/// Gives the manifest that the image has, or makes one where it has none or its layers are written differently.
fn manifest(named: &Named<'_>, config: Descriptor, layers: Vec<Descriptor>) -> Result<(Vec<u8>, Manifest)> {
    if let Some(raw) = named.image.raw_manifest()
        && let Document::Manifest(found) = Document::parse(raw, "", "the image's manifest")?
        && found.layers.iter().map(|layer| layer.digest).eq(layers.iter().map(|layer| layer.digest))
    {
        return Ok((raw.to_vec(), *found));
    }
    let manifest = Manifest::new(config, layers);
    let raw = canonical::to_vec(&manifest).map_err(|source| Error::Serialize { what: "manifest", source })?;
    Ok((raw, manifest))
}

/// Takes the files of a plan, in byte order of their names.
pub(super) trait Sink {
    /// Takes a file of exactly `size` bytes, and reads `content` to its end, so that it is verified.
    fn file(&mut self, name: &str, size: u64, content: &mut dyn Read) -> Result<()>;
}

/// Writes a tar in which nothing depends on when and by whom it is written.
pub(super) struct TarSink<W: Write> {
    tar: LayerWriter<BufWriter<W>>,
    folders: Vec<String>,
}

impl<W: Write> TarSink<W> {
    pub(super) fn new(out: W) -> Self {
        Self { tar: LayerWriter::new(BufWriter::with_capacity(BUFFER, out)), folders: Vec::new() }
    }

    /// Ends the tar.
    pub(super) fn finish(self) -> Result<()> {
        self.tar.finish()?.flush().map_err(Error::write("the end of the archive"))
    }

    fn folder(&mut self, name: &str) -> Result<()> {
        if self.folders.iter().all(|known| known != name) {
            let path = LayerPath::new(name.as_bytes())?;
            self.tar.append(&Entry { mode: 0o755, ..Entry::new(path, EntryKind::Directory) }, io::empty())?;
            self.folders.push(name.to_owned());
        }
        Ok(())
    }
}

impl<W: Write> Sink for TarSink<W> {
    fn file(&mut self, name: &str, size: u64, content: &mut dyn Read) -> Result<()> {
        for (slash, _) in name.match_indices('/') {
            self.folder(&name[..slash])?;
        }
        let entry = Entry { mode: 0o644, size, ..Entry::new(LayerPath::new(name.as_bytes())?, EntryKind::File) };
        self.tar.append(&entry, &mut *content)?;
        io::copy(content, &mut io::sink()).map_err(Error::write(name)).map(drop)
    }
}

/// Writes into a directory, each file whole or not at all.
pub(super) struct DirectorySink<'a> {
    directory: &'a Path,
}

impl<'a> DirectorySink<'a> {
    /// Makes the directory of a layout, where it is missing.
    pub(super) fn new(directory: &'a Path) -> Result<Self> {
        let blobs = directory.join("blobs/sha256");
        DirBuilder::new().recursive(true).create(&blobs).map_err(Error::io("create", blobs))?;
        Ok(Self { directory })
    }

    fn target(&self, name: &str) -> (PathBuf, PathBuf) {
        let target = self.directory.join(name);
        let folder = target.parent().unwrap_or(self.directory).to_owned();
        (target, folder)
    }
}

impl Sink for DirectorySink<'_> {
    fn file(&mut self, name: &str, _size: u64, content: &mut dyn Read) -> Result<()> {
        let (target, folder) = self.target(name);
        let mut file = NamedTempFile::new_in(&folder).map_err(Error::io("create a file in", &folder))?;
        io::copy(content, file.as_file_mut()).map_err(Error::io("write", &target))?;
        readable(file.as_file()).and_then(|()| file.as_file().sync_all()).map_err(Error::io("write", &target))?;
        file.persist(&target).map_err(|e| Error::io("create", target)(e.error))?;
        Ok(())
    }
}

/// Lets others read a file that was temporary.
fn readable(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}
