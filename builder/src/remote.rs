//! Sources that are not on this machine: files by http(s), and git repositories.
//!
//! ```text
//! <cache>/http/urls/<key>         what a URL gave last: digest, ETag, Last-Modified
//!              bodies/<sha256>    the bytes themselves
//! <cache>/git/<key>/repo          a bare repository with every commit that was asked for, each without its history
//!                   lock          held while something is fetched into it
//! <partial>/…                     downloads and checkouts under way, and checkouts in use
//! ```
//!
//! Both kinds answer in two steps, so that an unchanged build fetches nothing: what is there now (a digest, a commit), which
//! cache keys are made of, and only when a step runs the bytes.
//!
//! URLs may have credentials in them. They reach the server they are meant for, by a header that no process list, no file
//! and no message shows; everything that is shown is [`redacted`].
//!
//! ```no_run
//! use strata_builder::remote::{Fetcher, git, http};
//!
//! let fetcher = Fetcher::new("/var/lib/strata/cache".as_ref());
//! let file = http::fetch(&fetcher, "https://example.org/tool.tar.gz", None, &mut |_progress| {})?;
//! println!("{} {}", file.name, file.digest);
//!
//! if let Some(source) = git::Source::parse("https://example.org/project.git?branch=main&subdir=app")? {
//!     let commit = git::resolve(&fetcher, &source)?;
//!     let checkout = git::checkout(&fetcher, &source, &commit, false)?;
//!     println!("{} is in {}", commit, checkout.path.display());
//! }
//! # Ok::<(), strata_builder::remote::RemoteError>(())
//! ```

mod address;
mod error;
pub mod git;
pub mod http;
mod proxies;
mod prune;
mod wait;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

pub use address::redacted;
pub use error::RemoteError;
pub use proxies::Proxies;
pub(crate) use prune::entries;

use crate::{
    cache::Cache,
    cancel::Cancel,
    engine::Engine,
    options::{Options, Secret},
};

/// What fetching needs of its caller.
#[derive(Clone, Debug)]
pub struct Fetcher {
    /// The build cache's directory, `<root>/cache`.
    pub cache: PathBuf,
    /// Where what is not finished lies, on the same filesystem: swept when a build was killed.
    pub partial: PathBuf,
    /// By which proxies servers are reached.
    pub proxies: Proxies,
    /// The build's secrets. `GIT_AUTH_TOKEN` and `GIT_AUTH_HEADER`, and before them the same with `.HOST` behind, open
    /// repositories by http(s), as in `BuildKit`.
    pub secrets: BTreeMap<String, Secret>,
    /// What repositories by SSH may be opened with.
    pub ssh: Ssh,
    /// Stops whatever is under way.
    pub cancel: Cancel,
}

impl Fetcher {
    /// Fetches into a cache, without proxies, secrets and keys.
    pub fn new(cache: &Path) -> Self {
        Self {
            cache: cache.to_owned(),
            partial: cache.join("partial"),
            proxies: Proxies::default(),
            secrets: BTreeMap::new(),
            ssh: Ssh::default(),
            cancel: Cancel::default(),
        }
    }
}

impl Fetcher {
    /// Fetches what steps name: with the secrets and the agent that the build was given, and no keys of its user's.
    pub(crate) fn of_steps(engine: &Engine, options: &Options, cache: &Cache) -> Self {
        Self {
            partial: cache.partial(),
            proxies: Proxies::of(&options.build_args, |name| std::env::var(name).ok()),
            secrets: options.secrets.clone(),
            ssh: options.ssh.get("default").cloned().map_or(Ssh::Nothing, Ssh::Agent),
            cancel: options.cancel.clone(),
            ..Self::new(&engine.cache)
        }
    }
}

/// The keys that git may use over SSH. Hosts must be known already in every case: nobody is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Ssh {
    /// None: a Dockerfile alone opens nothing with its user's keys.
    #[default]
    Nothing,
    /// Those of the agent at this socket: what `--ssh` gives to the build.
    Agent(PathBuf),
    /// Those that the caller's own `ssh` would use, by its `ssh_config(5)`: for what the caller names on the command line.
    Caller,
}
