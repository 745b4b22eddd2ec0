//! From an index entry to the image behind it, through nested indexes.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    blob::{self, Blobs},
    config::ImageConfig,
    digest::Digest,
    error::{Error, Result},
    found::parse_config,
    manifest::{Descriptor, Document, Index, MAX_CONFIG_BYTES, MAX_MANIFEST_BYTES, Manifest, Platform},
};

/// Indexes within indexes that are followed. Builders nest one or two deep; an index may be made to lead to itself.
const MAX_INDEX_DEPTH: usize = 8;
/// Documents read to find one image: enough for any list of platforms, and a bound on what a tree of lists can cost.
const MAX_DOCUMENTS: usize = 1024;

/// An image's manifest, as found.
pub(crate) struct Resolved {
    pub(crate) digest: Digest,
    pub(crate) manifest: Box<Manifest>,
    pub(crate) raw: Vec<u8>,
}

/// Finds the image that an entry leads to: the only one, or among several the first for `platform`.
pub(crate) fn one(blobs: &dyn Blobs, entry: &Descriptor, platform: &Platform) -> Result<Resolved> {
    among(blobs, std::slice::from_ref(entry), &format!("index entry {}", entry.digest), platform)
}

/// Finds the image for `platform` among entries that `place` offers as alternatives.
pub(crate) fn among(blobs: &dyn Blobs, entries: &[Descriptor], place: &str, platform: &Platform) -> Result<Resolved> {
    let place = format!("{place} of {}", blobs.place().display());
    let mut search = Search { blobs, platform, documents: 0, offered: BTreeSet::new() };
    let found = search.entries(entries, 0)?;
    found.ok_or_else(|| Error::NoPlatform {
        place,
        platform: Box::new(platform.clone()),
        available: search.offered.into_iter().collect(),
    })
}

/// Finds every image that entries lead to, whatever it runs on, each once.
pub(crate) fn all(blobs: &dyn Blobs, entries: &[Descriptor]) -> Result<Vec<Resolved>> {
    let mut open: Vec<_> = entries.to_vec();
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    while let Some(entry) = open.pop() {
        if entry.is_attestation() || !seen.insert(entry.digest) {
            continue;
        }
        if seen.len() > MAX_DOCUMENTS {
            let place = blobs.place().to_owned();
            return Err(Error::TooMany { what: "documents to search", place, limit: MAX_DOCUMENTS });
        }
        match document(blobs, &entry) {
            Ok((Document::Index(index), _)) => open.extend(index.manifests),
            Ok((Document::Manifest(manifest), raw)) => found.push(Resolved { digest: entry.digest, manifest, raw }),
            // a list of platforms of which only some were copied
            Err(Error::MissingBlob { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// Reads the manifest or index that a descriptor leads to.
pub(crate) fn document(blobs: &dyn Blobs, descriptor: &Descriptor) -> Result<(Document, Vec<u8>)> {
    let raw = blob::read(blobs, descriptor, MAX_MANIFEST_BYTES)?;
    let place = format!("blob {} of {}", descriptor.digest, blobs.place().display());
    Ok((Document::parse(&raw, &descriptor.media_type, &place)?, raw))
}

struct Search<'a> {
    blobs: &'a dyn Blobs,
    platform: &'a Platform,
    documents: usize,
    offered: BTreeSet<String>,
}

impl Search<'_> {
    fn entries(&mut self, entries: &[Descriptor], depth: usize) -> Result<Option<Resolved>> {
        let candidates: Vec<_> = entries.iter().filter(|entry| !entry.is_attestation()).collect();
        // a list of one leaves no choice: whoever names it wants that image, whatever it runs on
        let only = candidates.len() == 1;
        for entry in candidates {
            if !only && let Some(offered) = &entry.platform {
                self.offered.insert(offered.to_string());
                if !self.platform.accepts(offered) {
                    continue;
                }
            }
            let unknown = !only && entry.platform.is_none();
            if let Some(found) = self.entry(entry, depth, unknown)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn entry(&mut self, entry: &Descriptor, depth: usize, ask_config: bool) -> Result<Option<Resolved>> {
        self.documents += 1;
        self.bound("documents to search", self.documents, MAX_DOCUMENTS)?;
        match document(self.blobs, entry)? {
            (Document::Index(Index { manifests, .. }), _) => {
                self.bound("nested indexes", depth + 1, MAX_INDEX_DEPTH)?;
                self.entries(&manifests, depth + 1)
            }
            (Document::Manifest(manifest), _) if ask_config && !self.config_accepts(&manifest)? => Ok(None),
            (Document::Manifest(manifest), raw) => Ok(Some(Resolved { digest: entry.digest, manifest, raw })),
        }
    }

    /// Some writers leave platforms to the configs.
    fn config_accepts(&mut self, manifest: &Manifest) -> Result<bool> {
        let raw = blob::read(self.blobs, &manifest.config, MAX_CONFIG_BYTES)?;
        let place = format!("blob {} of {}", manifest.config.digest, self.blobs.place().display());
        let config = parse_config(&raw, &place)?;
        let ImageConfig { os, architecture, variant, .. } = config;
        let offered = Platform { os, architecture, variant, other: BTreeMap::new() };
        self.offered.insert(offered.to_string());
        Ok(self.platform.accepts(&offered))
    }

    fn bound(&self, what: &'static str, number: usize, limit: usize) -> Result<()> {
        if number > limit {
            return Err(Error::TooMany { what, place: self.blobs.place().to_owned(), limit });
        }
        Ok(())
    }
}
