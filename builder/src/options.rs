//! What to build: the Dockerfile, what its steps may take from, and what they may do.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::PathBuf,
    sync::Arc,
};

use strata_image::{Image, ImageName, manifest::Platform};
use strata_runtime::process::{Isolation, Limits};

use crate::{cache::CacheTarget, cancel::Cancel};

/// What to build.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What COPY and ADD take from. It is opened only when a step needs it.
    pub context: ContextDirectory,
    /// `--build-context`: trees and images that go before images of the store, and before stages, of the same name.
    pub named_contexts: BTreeMap<String, NamedContext>,
    /// The Dockerfile's bytes.
    pub dockerfile: Vec<u8>,
    /// Where the Dockerfile is: `<this>.dockerignore` beside it replaces the context's `.dockerignore`. Empty when it is in
    /// no file.
    pub dockerfile_path: PathBuf,
    /// The stage to build; the last one by default. Case does not matter.
    pub target: Option<String>,
    /// Values of ARGs.
    pub build_args: BTreeMap<String, String>,
    /// Labels that the image gets above those of the Dockerfile.
    pub labels: BTreeMap<String, String>,
    /// Names that the image gets.
    pub names: Vec<ImageName>,
    /// For which platform; this machine's by default.
    pub platform: Option<Platform>,
    /// Which steps run whatever the cache says.
    pub no_cache: NoCache,
    /// `SOURCE_DATE_EPOCH` of the environment. The build argument of that name, and an ARG before the first FROM, decide
    /// before it.
    pub epoch: Option<i64>,
    /// With an epoch: whether file times in new layers that are later become the epoch.
    pub rewrite_timestamp: RewriteTimestamp,
    /// Replaces the layers above the base by one.
    pub squash: bool,
    /// What `--mount=type=secret` shows, by id.
    pub secrets: BTreeMap<String, Secret>,
    /// Sockets of SSH agents for `--mount=type=ssh`, by id.
    pub ssh: BTreeMap<String, PathBuf>,
    /// What steps may do that takes them out of their sandbox.
    pub allow: BTreeSet<Entitlement>,
    /// The network of RUNs that do not say one.
    pub network: NetworkMode,
    /// Lines for `/etc/hosts`: name and address.
    pub add_hosts: Vec<(String, String)>,
    /// What each RUN may use of the machine.
    pub limits: Limits,
    /// How RUNs are kept apart from the machine.
    pub isolation: Isolation,
    /// Local caches in OCI form that are looked into when a step is in none of ours.
    pub cache_from: Vec<PathBuf>,
    /// Where the cache of this build is written to, in that form.
    pub cache_to: Vec<CacheTarget>,
    /// How many steps may run at once; as many as there are cores when it is `None`.
    pub jobs: Option<usize>,
    /// Whether a shell is opened on the caller's terminal when a RUN fails, in the state before it.
    pub debug_shell: bool,
    /// Stops the build from another thread.
    pub cancel: Cancel,
}

/// A directory that is used as a context.
#[derive(Clone, Debug, Default)]
pub struct ContextDirectory {
    /// Where it is.
    pub path: PathBuf,
    /// Whether its files keep their owners: those of an unpacked archive do, a folder's become root's.
    pub keeps_owners: bool,
    /// The time that `SOURCE_DATE_EPOCH=context` means: of the commit, of the server's answer, or of the
    /// newest file of the archive.
    pub epoch: Option<i64>,
    /// Removes a temporary directory once nobody needs it.
    pub guard: Option<Arc<tempfile::TempDir>>,
}

impl From<PathBuf> for ContextDirectory {
    fn from(path: PathBuf) -> Self {
        Self { path, ..Self::default() }
    }
}

/// What `--build-context` names.
#[derive(Clone)]
pub enum NamedContext {
    /// Files, with an ignore file of their own.
    Directory(ContextDirectory),
    /// An image.
    Image(Arc<dyn Image>),
}

impl fmt::Debug for NamedContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(directory) => f.debug_tuple("Directory").field(directory).finish(),
            Self::Image(_) => f.write_str("Image"),
        }
    }
}

/// Which steps run whatever the cache says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum NoCache {
    /// None.
    #[default]
    Nothing,
    /// Every one.
    Everything,
    /// Those of the stages with these names.
    Stages(BTreeSet<String>),
}

/// Whether times of files in new layers are cut at the epoch of the build.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RewriteTimestamp {
    /// They are, where there is an epoch: the default, so that the epoch alone makes a build reproducible.
    #[default]
    Clamp,
    /// They are not, as in `BuildKit` without `rewrite-timestamp=true`.
    Keep,
}

/// Something that must not reach an image. Its `Debug` does not show it.
#[derive(Clone)]
pub struct Secret(pub Arc<[u8]>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// What `--allow` grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Entitlement {
    /// `network.host`: `RUN --network=host`.
    NetworkHost,
    /// `security.insecure`: `RUN --security=insecure`.
    SecurityInsecure,
}

/// The network of RUNs that do not say one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NetworkMode {
    /// As strata sees fit: today the caller's network.
    #[default]
    Default,
    /// Only the loopback interface.
    None,
    /// The caller's network.
    Host,
}
