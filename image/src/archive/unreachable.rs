//! What an archive or a layout holds for nobody: blobs that no image in it leads to.

use std::{collections::BTreeSet, path::Path};

use super::{docker, oci, tar_file::TarFile};
use crate::{
    blob::{self, Blobs, DirectoryBlobs},
    compression::{self, Compression},
    digest::Digest,
    error::{Error, Result},
    manifest::{Descriptor, Document, MAX_MANIFEST_BYTES},
    store,
};

/// Documents that are read to find what is needed.
const MAX_DOCUMENTS: usize = 1024;
/// Blobs of a layout directory that are looked at.
const MAX_BLOBS: usize = 100_000;

/// Gives names and sizes of the blobs that neither the index nor any manifest, config or layer list leads to, in order of
/// their names.
///
/// Only what can be told cheaply and surely is told: nothing of an archive that is compressed as a whole, of a root
/// filesystem, and of one with a document that cannot be read. Of archives of docker's old form it is the layers.
///
/// # Errors
/// Those of opening the archive.
pub fn unreachable(path: &Path) -> Result<Vec<(String, u64)>> {
    if path.is_dir() {
        return if path.join("oci-layout").exists() { of_layout(path) } else { Ok(Vec::new()) };
    }
    if is_compressed(path)? {
        return Ok(Vec::new());
    }
    let archive = TarFile::open(path)?;
    let mut needed = BTreeSet::new();
    if docker::recognises(&archive) {
        let Ok(names) = docker::needed(&archive) else {
            return Ok(Vec::new());
        };
        needed.extend(names);
    }
    if oci::recognises(&archive) {
        let index = archive.read("index.json", MAX_MANIFEST_BYTES)?;
        let Some(digests) = reached(&archive, &store::index::parse(&index, "index.json")?.manifests) else {
            return Ok(Vec::new());
        };
        needed.extend(digests.iter().map(super::tar_file::blob_name));
    }
    if needed.is_empty() {
        return Ok(Vec::new());
    }
    let is_blob = |name: &str| name.starts_with("blobs/") || name.ends_with("/layer.tar");
    let mut left: Vec<(String, u64)> =
        archive.files().filter(|(name, _)| is_blob(name) && !needed.contains(name)).collect();
    left.sort();
    Ok(left)
}

fn of_layout(path: &Path) -> Result<Vec<(String, u64)>> {
    let blobs = DirectoryBlobs::open(path)?;
    let mut index = Vec::new();
    let file = blob::open_in_layout(path, "index.json")?;
    let read = |source| Error::io("read", path.join("index.json"))(source);
    std::io::Read::read_to_end(&mut std::io::Read::take(file, MAX_MANIFEST_BYTES + 1), &mut index).map_err(read)?;
    let Some(needed) = reached(&blobs, &store::index::parse(&index, "index.json")?.manifests) else {
        return Ok(Vec::new());
    };
    let needed: BTreeSet<String> = needed.iter().map(Digest::hex).collect();
    let directory = path.join("blobs/sha256");
    let entries = std::fs::read_dir(&directory).map_err(Error::io("read", &directory))?;
    let mut left = Vec::new();
    for entry in entries.take(MAX_BLOBS) {
        let entry = entry.map_err(Error::io("read", &directory))?;
        let (Ok(name), Ok(metadata)) = (entry.file_name().into_string(), entry.metadata()) else {
            continue;
        };
        if metadata.is_file() && !needed.contains(&name) {
            left.push((format!("blobs/sha256/{name}"), metadata.len()));
        }
    }
    left.sort();
    Ok(left)
}

fn is_compressed(path: &Path) -> Result<bool> {
    let mut head = Vec::new();
    let file = std::fs::File::open(path).map_err(Error::io("open", path))?;
    let mut file = std::io::Read::take(file, compression::MAGIC);
    std::io::Read::read_to_end(&mut file, &mut head).map_err(Error::io("read", path))?;
    Ok(compression::detect(&head) != Compression::None)
}

/// Everything that descriptors lead to; `None` when a document cannot be read, or there are too many.
fn reached(blobs: &dyn Blobs, entries: &[Descriptor]) -> Option<BTreeSet<Digest>> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<Descriptor> = entries.to_vec();
    let mut documents = 0;
    while let Some(entry) = open.pop() {
        if !reached.insert(entry.digest) {
            continue;
        }
        documents += 1;
        if documents > MAX_DOCUMENTS {
            return None;
        }
        match oci::resolve::document(blobs, &entry) {
            Ok((Document::Index(index), _)) => open.extend(index.manifests),
            Ok((Document::Manifest(manifest), _)) => {
                reached.insert(manifest.config.digest);
                reached.extend(manifest.layers.iter().map(|layer| layer.digest));
            }
            // a list of platforms of which only some were copied
            Err(Error::MissingBlob { .. }) => {}
            Err(_) => return None,
        }
    }
    Some(reached)
}
