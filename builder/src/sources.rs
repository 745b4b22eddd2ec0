//! Where the sources of COPY and ADD come from, opened when they are needed: for a step of the cache their digest may be known.

use std::{
    any::Any,
    collections::HashMap,
    ffi::OsStr,
    os::{fd::OwnedFd, unix::ffi::OsStrExt as _},
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use strata_dockerfile::exclude::Excludes;
use strata_image::{ChainId, Layer, Timestamp};
use strata_runtime::{
    process::MountSource,
    snapshot::{Committed, Snapshots},
};

use crate::{
    below::Below,
    cache::{Cache, ContentRecord, LayerBlob},
    cause::Cause,
    context::Context,
    draft::{Clock, Draft},
    fractions,
    inputs::Inputs,
    place::{Place, Style},
    run::Scope,
    selection::{How, NodeKind, Origin, Selection},
    stack::{BuiltLayer, Stack},
    tree::join,
};

/// Where sources come from.
pub(crate) struct Sources<'a> {
    kind: Kind<'a>,
    opened: OnceLock<Arc<Origin>>,
}

enum Kind<'a> {
    /// It is open already.
    Open,
    /// It is fetched when its files are needed; what it will be is known.
    Fetch { identity: String, fetch: Fetch<'a> },
    /// A stage's or an image's layers. What they hold never changes, so digests of it are remembered.
    Stack { stack: Stack, snapshots: &'a Snapshots, cache: &'a Cache },
}

/// Fetches sources.
pub(crate) type Fetch<'a> = Box<dyn Fn() -> Result<Origin, Cause> + Send + Sync + 'a>;

impl<'a> Sources<'a> {
    /// A context.
    pub(crate) fn context(context: Arc<Context>) -> Self {
        Self::open_already(Origin::Context(context))
    }

    /// What is open already.
    pub(crate) fn open_already(origin: Origin) -> Self {
        Self { kind: Kind::Open, opened: OnceLock::from(Arc::new(origin)) }
    }

    /// What is fetched when its files are needed, and is always what its identity says.
    pub(crate) fn fetched(identity: String, fetch: Fetch<'a>) -> Self {
        Self { kind: Kind::Fetch { identity, fetch }, opened: OnceLock::new() }
    }

    /// The root filesystem of a stack of layers.
    pub(crate) fn stack(stack: Stack, snapshots: &'a Snapshots, cache: &'a Cache) -> Self {
        Self { kind: Kind::Stack { stack, snapshots, cache }, opened: OnceLock::new() }
    }

    /// Opens them, the first time.
    pub(crate) fn open(&self) -> Result<Arc<Origin>, Cause> {
        if let Some(origin) = self.opened.get() {
            return Ok(Arc::clone(origin));
        }
        let origin = match &self.kind {
            Kind::Stack { stack, snapshots, .. } => Origin::stage(stack.view(snapshots)?),
            Kind::Fetch { fetch, .. } => fetch()?,
            Kind::Open => {
                return Err(Cause::Host { operation: "open the sources", source: std::io::ErrorKind::NotFound.into() });
            }
        };
        Ok(Arc::clone(self.opened.get_or_init(|| Arc::new(origin))))
    }

    /// Something of them as it can be mounted, and what must live as long as it is. Of a context only what is selected is
    /// there, and as an image would have it: a copy.
    pub(crate) fn mountable(
        &self,
        path: &[u8],
        selected: Option<&Vec<Selection>>,
        read_only: bool,
        scope: &Scope<'_>,
    ) -> Result<(MountSource, Box<dyn Any>), Cause> {
        let snapshots = &scope.engine.snapshots;
        let (snapshot, path) = match &self.kind {
            Kind::Stack { stack, .. } => (stack.snapshot(snapshots)?, PathBuf::from(OsStr::from_bytes(path))),
            Kind::Open | Kind::Fetch { .. } => {
                let origin = self.open()?;
                let excludes = Excludes::default();
                let looked_up;
                let selection = if let Some(selection) = selected.and_then(|selected| selected.first()) {
                    selection
                } else {
                    looked_up = origin.select(path, &How { parents: false, excludes: &excludes })?;
                    looked_up.first().ok_or_else(|| Cause::NotFound { path: path.into(), ignored: None })?
                };
                unpacked(&origin, selection, scope)?
            }
        };
        let tree = |root: OwnedFd, path| MountSource::Tree { root: Arc::new(root), path };
        if read_only {
            return Ok((tree(snapshots.view(&snapshot)?, path), Box::new(snapshot)));
        }
        // what the step writes goes away with this
        let active = snapshots.prepare(&snapshot)?;
        let root = active.root().try_clone_to_owned();
        let root = root.map_err(|source| Cause::Host { operation: "share a mount", source })?;
        Ok((tree(root, path), Box::new(active)))
    }

    /// The digest of what is selected from them in this way, if it is known.
    pub(crate) fn known_digest(&self, selecting: &[(&str, &[&[u8]])]) -> Option<String> {
        match &self.kind {
            Kind::Open => None,
            Kind::Fetch { identity, .. } => Some(identity.clone()),
            Kind::Stack { stack, cache, .. } => {
                cache.get::<ContentRecord>(&selection(stack, selecting).key()).map(|record| record.content)
            }
        }
    }

    /// Remembers a digest where it cannot change.
    pub(crate) fn remember(&self, selecting: &[(&str, &[&[u8]])], digest: &str) -> Result<(), Cause> {
        if let Kind::Stack { stack, cache, .. } = &self.kind {
            cache.put(&selection(stack, selecting).key(), &ContentRecord::new(digest.to_owned()))?;
        }
        Ok(())
    }
}

/// A snapshot of a selection alone, and where in it that is.
fn unpacked(origin: &Arc<Origin>, selection: &Selection, scope: &Scope<'_>) -> Result<(Committed, PathBuf), Cause> {
    let nothing = Below::default();
    let mut draft = Draft::new(&nothing, Clock { now: Timestamp::EPOCH, latest: None });
    let mut place = Place::new(&mut draft, Style::default());
    let is_directory = selection.nodes.first().is_some_and(|node| node.kind == NodeKind::Directory);
    let name: &[u8] = if is_directory { b"" } else { b"file" };
    let mut linked = HashMap::new();
    for node in &selection.nodes {
        let target = join(name, &node.path);
        if target.is_empty() {
            place.finish(node, &target)?;
            continue;
        }
        place.node(node, &target, origin, &join(&selection.real, &node.path), &mut linked)?;
    }
    let mut blob = scope.engine.store.blob()?;
    let said = draft.pack(None, &mut blob)?;
    let (digest, size) = blob.commit()?;
    fractions::keep(scope.cache, &digest, &said.fractions);
    let layer = BuiltLayer::new(&scope.engine.store, &scope.engine.cache, LayerBlob { digest, size });
    let identity = ChainId::first(digest.into());
    let snapshot = scope.engine.snapshots.of_named([(identity, Some(&layer as &dyn Layer))])?;
    let snapshot = snapshot.map_err(|identity| Cause::Evaporated { identity })?;
    Ok((snapshot, PathBuf::from(OsStr::from_bytes(name))))
}

fn selection(stack: &Stack, selecting: &[(&str, &[&[u8]])]) -> Inputs {
    let mut inputs = Inputs::new("selection", stack.identity());
    for (name, values) in selecting {
        inputs.list(name, values);
    }
    inputs
}
