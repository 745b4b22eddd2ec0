//! RUN's `--mount`: what each shows, where it counts in the step's key, and making it ready.

use std::{any::Any, cell::OnceCell, ffi::OsString, os::unix::ffi::OsStringExt as _, path::PathBuf, sync::Arc};

use bstr::BString;
use strata_dockerfile::{
    exclude::Excludes,
    mount::{Access, Sharing},
};
use strata_image::ChainId;
use strata_runtime::process::{Mount, MountSource};

use super::{Scope, agent, cache_mount};
use crate::{
    cause::Cause,
    inputs::Inputs,
    options::Secret,
    selection::{Files, How, Selection},
    sources::Sources,
    stack::Stack,
};

/// Owner and permission bits of a secret where its mount says none.
const SECRET_MODE: u32 = 0o400;
/// Those of an agent's socket.
const SOCKET_MODE: u32 = 0o600;

/// A mount with its inputs resolved.
pub(crate) enum Mounted<'a> {
    Bind(Bind<'a>),
    Cache(CacheDirectory),
    Tmpfs { target: String, size: Option<u64>, read_only: bool },
    Secret { id: String, content: Option<Secret>, target: Option<String>, env: Option<String>, access: Access },
    Ssh { id: String, agent: Option<PathBuf>, target: String, access: Access },
}

/// Files of a context, a stage or an image.
pub(crate) struct Bind<'a> {
    pub(crate) sources: Arc<Sources<'a>>,
    /// In the sources, clamped to them.
    pub(crate) source: BString,
    pub(crate) target: String,
    pub(crate) read_only: bool,
    pub(crate) selected: OnceCell<Vec<Selection>>,
    /// The digest of what it shows, once it is known.
    pub(crate) digest: OnceCell<String>,
}

/// A directory that outlives the build.
pub(crate) struct CacheDirectory {
    pub(crate) id: String,
    /// What it begins with.
    pub(crate) seed: Option<Stack>,
    pub(crate) source: String,
    pub(crate) target: String,
    pub(crate) read_only: bool,
    pub(crate) sharing: Sharing,
    pub(crate) access: Access,
}

impl CacheDirectory {
    /// What stands for the files that it begins with.
    pub(super) fn seed_identity(&self) -> Option<ChainId> {
        self.seed.as_ref().and_then(Stack::identity)
    }
}

/// Mounts that are ready, and what must live as long as they do.
#[derive(Default)]
pub(crate) struct Prepared {
    pub(crate) mounts: Vec<Mount>,
    /// Variables that secrets are in.
    pub(crate) env: Vec<(String, OsString)>,
    pub(crate) held: Vec<Box<dyn Any>>,
}

impl Mounted<'_> {
    /// Adds what decides what the step does: what a bind shows, but neither what a secret is nor what a cache holds.
    pub(crate) fn inputs(&self, inputs: &mut Inputs) -> Result<(), Cause> {
        let switch = |on: bool| if on { "true" } else { "false" };
        match self {
            Self::Bind(bind) => {
                let name = format!("the mount at {}", bind.target);
                inputs.list(&name, &[b"bind".as_slice(), &bind.source, switch(bind.read_only).as_bytes()]);
                bind.look_up()?;
                let digest = bind.digest.get().map(String::as_str).unwrap_or_default();
                inputs.text(&format!("what is mounted at {}", bind.target), digest);
            }
            Self::Cache(cache) => {
                let Access { mode, uid, gid } = cache.access;
                let access = [mode, uid, gid].map(|part| part.map(|part| part.to_string()).unwrap_or_default());
                let seed = cache.seed_identity().map(|identity| identity.to_string()).unwrap_or_default();
                let name = format!("the cache mount at {}", cache.target);
                inputs.list(&name, &[&cache.id, &cache.source, switch(cache.read_only), &access.join(":"), &seed]);
            }
            Self::Tmpfs { target, size, read_only } => {
                let size = size.map(|size| size.to_string()).unwrap_or_default();
                inputs.list(&format!("the tmpfs at {target}"), &[&size, switch(*read_only)]);
            }
            Self::Secret { id, target, env, access, .. } => {
                let mode = access.mode.unwrap_or(SECRET_MODE).to_string();
                let owner = format!("{}:{}", access.uid.unwrap_or(0), access.gid.unwrap_or(0));
                let (target, env) = (target.as_deref().unwrap_or_default(), env.as_deref().unwrap_or_default());
                inputs.list(&format!("the secret {id}"), &[target, env, &mode, &owner]);
            }
            Self::Ssh { id, target, .. } => {
                inputs.list(&format!("the SSH agent {id}"), &[target]);
            }
        }
        Ok(())
    }

    /// The files that it shows, for explanations.
    pub(crate) fn files(&self) -> Files {
        match self {
            Self::Bind(bind) => bind.selected.get().into_iter().flatten().flat_map(Selection::files).collect(),
            _ => Files::new(),
        }
    }
}

impl Bind<'_> {
    /// Finds what it shows, for the key.
    fn look_up(&self) -> Result<(), Cause> {
        let selecting = [("mounted", &[self.source.as_slice()][..])];
        if let Some(known) = self.sources.known_digest(&selecting) {
            let _ = self.digest.set(known);
            return Ok(());
        }
        let origin = self.sources.open()?;
        let excludes = Excludes::default();
        let mut selections = origin.select(&escaped(&self.source), &How { parents: false, excludes: &excludes })?;
        let mut digest = String::new();
        if let Some(selection) = selections.first_mut() {
            // the name of what is mounted is the target's
            selection.name = "mounted".into();
            digest = blake3::Hash::from_bytes(origin.digest(selection)?).to_hex().to_string();
        }
        self.sources.remember(&selecting, &digest)?;
        let _ = self.digest.set(digest);
        let _ = self.selected.set(selections);
        Ok(())
    }
}

/// The source of a mount is a path, never a pattern.
fn escaped(path: &[u8]) -> BString {
    let mut word = BString::default();
    for byte in path {
        if b"*?[\\".contains(byte) {
            word.push(b'\\');
        }
        word.push(*byte);
    }
    word
}

/// Makes the mounts of a step ready.
pub(super) fn prepare(mounts: &[Mounted<'_>], cwd: &str, scope: &Scope<'_>) -> Result<Prepared, Cause> {
    let mut prepared = Prepared::default();
    for (index, mounted) in mounts.iter().enumerate() {
        match mounted {
            Mounted::Bind(bind) => {
                let (source, held) =
                    bind.sources.mountable(&bind.source, bind.selected.get(), bind.read_only, scope)?;
                prepared.held.push(held);
                prepared.add(cwd, &bind.target, bind.read_only, source);
            }
            Mounted::Cache(cache) => {
                let (source, held) = cache_mount::open(cache, scope)?;
                prepared.held.push(held);
                prepared.add(cwd, &cache.target, cache.read_only, source);
            }
            Mounted::Tmpfs { target, size, read_only } => {
                prepared.add(cwd, target, *read_only, MountSource::Tmpfs { size: *size, mode: 0o1777 });
            }
            Mounted::Secret { content: None, .. } => {}
            Mounted::Secret { content: Some(secret), target, env, access, .. } => {
                if let Some(env) = env {
                    prepared.env.push((env.clone(), OsString::from_vec(secret.0.to_vec())));
                }
                if let Some(target) = target {
                    let source = MountSource::File {
                        content: Arc::clone(&secret.0),
                        mode: access.mode.unwrap_or(SECRET_MODE),
                        uid: access.uid.unwrap_or(0),
                        gid: access.gid.unwrap_or(0),
                    };
                    prepared.add(cwd, target, true, source);
                }
            }
            Mounted::Ssh { agent, target, access, .. } => {
                let target =
                    if target.is_empty() { format!("/run/buildkit/ssh_agent.{index}") } else { target.clone() };
                prepared.env.push(("SSH_AUTH_SOCK".to_owned(), target.clone().into()));
                if let Some(agent) = agent {
                    let mode = access.mode.unwrap_or(SOCKET_MODE);
                    let forwarded = agent::forward(agent, scope.partial, mode, (access.uid, access.gid))
                        .map_err(|source| Cause::Host { operation: "forward the SSH agent", source })?;
                    prepared.add(cwd, &target, false, MountSource::Host(forwarded.socket().to_owned()));
                    prepared.held.push(Box::new(forwarded));
                }
            }
        }
    }
    Ok(prepared)
}

impl Prepared {
    fn add(&mut self, cwd: &str, target: &str, read_only: bool, source: MountSource) {
        let destination = PathBuf::from(cwd).join(target);
        self.mounts.push(Mount { destination, read_only, source });
    }
}
