//! What is built, and what its steps get: shared by `build` and `slim`.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use strata_builder::{
    Cancel, Engine, Options,
    cache::{self, Hold},
    contexts,
    options::NamedContext,
    remote::{Fetcher, Proxies, Ssh},
};
use strata_image::{ImageName, manifest::Platform};

use super::{
    cache::CacheArgs,
    grants::{Agents, GrantArgs},
    isolation::IsolationArgs,
    limits::LimitArgs,
};
use crate::places::Places;

/// The build argument by which a commit's `.git` stays in the context, as for `BuildKit`.
const KEEP_GIT_DIR: &str = "BUILDKIT_CONTEXT_KEEP_GIT_DIR";
const EPOCH: &str = "SOURCE_DATE_EPOCH";

/// The options.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "What is built")]
pub(crate) struct Input {
    /// What COPY and ADD take from: a folder, an archive, a git repository, an http(s) URL; - reads a Dockerfile or an
    /// archive from standard input
    #[arg(value_name = "CONTEXT", help_heading = None)]
    context: PathBuf,

    /// The Dockerfile [default: Dockerfile or Containerfile of the context; - reads standard input]
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// Value of an ARG; without =VALUE it is taken from the environment
    #[arg(long = "build-arg", value_name = "NAME[=VALUE]")]
    build_args: Vec<String>,

    /// Folder, archive, git repository or image that stands for what the Dockerfile calls NAME
    #[arg(long = "build-context", value_name = "NAME=CONTEXT")]
    build_contexts: Vec<String>,

    /// Stop at this stage
    #[arg(long, value_name = "STAGE")]
    target: Option<String>,

    /// For which platforms: linux/amd64,linux/arm64; of several, the names go to this machine's [default: this machine's]
    #[arg(
        long = "platform",
        value_name = "PLATFORM",
        value_delimiter = ',',
        env = "DOCKER_DEFAULT_PLATFORM",
        hide_env = true
    )]
    platforms: Vec<Platform>,

    /// Steps that may run at once [default: as many as there are cores]
    #[arg(long, value_name = "N", value_parser = jobs)]
    jobs: Option<usize>,

    #[command(flatten)]
    pub(crate) cache: CacheArgs,

    #[command(flatten)]
    grants: GrantArgs,

    #[command(flatten)]
    limits: LimitArgs,

    #[command(flatten)]
    pub(super) isolation: IsolationArgs,
}

/// What is to be built.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) options: Options,
    /// What to call the Dockerfile.
    pub(crate) dockerfile: String,
    /// Where it can be written again: it is a file of the caller's own.
    pub(crate) file: Option<PathBuf>,
    /// Contexts that were fetched lie in the cache until the build is over.
    held: Option<Hold>,
    /// Agents that end when the build is over.
    agents: Agents,
}

impl Request {
    /// Opens a context and reads its Dockerfile.
    pub(crate) fn read(context: &Path, file: Option<&Path>, fetcher: &Fetcher, keeps_git: bool) -> Result<Self> {
        // what is fetched lies in the cache, and must not be swept by the build that it is for
        let hold = if context.is_dir() { None } else { Some(cache::hold(&fetcher.cache)?) };
        let mut stdin = std::io::stdin();
        let opened = contexts::open(context.as_os_str(), &mut stdin, fetcher, keeps_git, &mut |_| {})?;
        let dockerfile = opened.dockerfile(file, &mut stdin)?;
        let is_own = opened.directory.guard.is_none() && !dockerfile.path.as_os_str().is_empty();
        let options = Options {
            context: opened.directory,
            dockerfile: dockerfile.bytes,
            dockerfile_path: dockerfile.path.clone(),
            ..Options::default()
        };
        Ok(Self {
            options,
            dockerfile: dockerfile.name,
            file: is_own.then_some(dockerfile.path),
            held: hold,
            agents: Agents::default(),
        })
    }

    fn hold(&mut self, fetcher: &Fetcher) -> Result<()> {
        if self.held.is_none() {
            self.held = Some(cache::hold(&fetcher.cache)?);
        }
        Ok(())
    }
}

impl Input {
    /// Opens the contexts, reads the Dockerfile and the secrets, and makes the builder's options.
    pub(crate) fn request(&self, places: &Places, names: Vec<ImageName>, cancel: Cancel) -> Result<Request> {
        let mut build_args = build_args(&self.build_args)?;
        let secrets = self.grants.secrets()?;
        let fetcher = Fetcher {
            proxies: Proxies::of(&build_args, |name| std::env::var(name).ok()),
            secrets: secrets.clone(),
            ssh: Ssh::Caller,
            cancel: cancel.clone(),
            ..Fetcher::new(&places.build_cache()?)
        };
        let keeps_git = build_args.get(KEEP_GIT_DIR).is_some_and(|value| matches!(value.as_str(), "1" | "true"));
        let mut request = Request::read(&self.context, self.file.as_deref(), &fetcher, keeps_git)?;
        if !self.build_contexts.is_empty() {
            request.hold(&fetcher)?;
        }
        let agents = self.grants.agents()?;
        request.options = Options {
            named_contexts: self.named_contexts(places, &fetcher)?,
            target: self.target.clone(),
            epoch: epoch(&mut build_args),
            build_args,
            names,
            platform: self.platforms.first().cloned(),
            isolation: self.isolation.isolation(),
            no_cache: self.cache.no_cache(),
            cache_from: self.cache.sources(),
            cache_to: self.cache.targets(),
            secrets,
            ssh: agents.sockets.clone(),
            allow: self.grants.entitlements(),
            network: self.grants.network(),
            add_hosts: self.grants.hosts(),
            limits: self.limits.limits(),
            jobs: self.jobs,
            cancel,
            ..request.options
        };
        request.agents = agents;
        Ok(request)
    }

    /// Whether the context or the Dockerfile comes from standard input.
    pub(super) fn reads_stdin(&self) -> bool {
        self.context.as_os_str() == "-" || self.file.as_deref().is_some_and(|file| file.as_os_str() == "-")
    }

    /// The platforms that were asked for, each once.
    pub(super) fn platforms(&self) -> Vec<Platform> {
        let mut platforms = Vec::new();
        for platform in &self.platforms {
            if !platforms.contains(platform) {
                platforms.push(platform.clone());
            }
        }
        platforms
    }

    /// The places to build in, for what is built for one platform only.
    pub(crate) fn engine(&self, places: &Places) -> Result<Engine> {
        if self.platforms().len() > 1 {
            bail!("one platform at a time\nhint: give one with --platform");
        }
        self.isolation.engine(places)
    }

    /// Keeps the cache within its limit, once a build is over.
    pub(crate) fn limit_cache(&self, places: &Places) -> Result<()> {
        // a build that asked for the help of others' caches alone, or for none, may have left no cache
        if !places.build_cache()?.is_dir() {
            return Ok(());
        }
        Ok(self.isolation.engine(places)?.limit_cache(self.cache.limit())?)
    }

    fn named_contexts(&self, places: &Places, fetcher: &Fetcher) -> Result<BTreeMap<String, NamedContext>> {
        if self.build_contexts.is_empty() {
            return Ok(BTreeMap::new());
        }
        let store = places.store()?;
        let platform = self.platforms.first().cloned().unwrap_or_else(Platform::host);
        let open = |text: &String| Ok(contexts::named(text, fetcher, Some(&store), &platform, &mut |_| {})?);
        self.build_contexts.iter().map(open).collect()
    }
}

/// `NAME=VALUE`, or `NAME` of the environment; one that is not set there is left out.
pub(crate) fn build_args(given: &[String]) -> Result<BTreeMap<String, String>> {
    let mut args = BTreeMap::new();
    for arg in given {
        let (name, value) = match arg.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (arg.as_str(), std::env::var(arg).ok()),
        };
        if name.is_empty() {
            bail!("--build-arg {arg:?} has no name\nhint: write --build-arg NAME=VALUE");
        }
        if let Some(value) = value {
            args.insert(name.to_owned(), value);
        }
    }
    Ok(args)
}

fn jobs(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|&jobs| jobs > 0).ok_or_else(|| "write a number above 0".to_owned())
}

/// The seconds that `SOURCE_DATE_EPOCH` of the environment says.
pub(crate) fn source_date_epoch() -> Result<Option<i64>> {
    let Some(text) = std::env::var(EPOCH).ok().filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let seconds = text.parse().ok().filter(|&seconds: &i64| seconds >= 0);
    Ok(Some(seconds.with_context(|| format!("invalid {EPOCH}: {text}"))?))
}

/// The same for a build, in which what is no number may name a context. It becomes the build argument of that name, as docker
/// makes of it in any case.
fn epoch(build_args: &mut BTreeMap<String, String>) -> Option<i64> {
    source_date_epoch().unwrap_or_else(|_| {
        let text = std::env::var(EPOCH).unwrap_or_default();
        build_args.entry(EPOCH.to_owned()).or_insert(text);
        None
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::build_args;

    #[test]
    fn a_build_arg_without_a_value_comes_from_the_environment_or_is_absent() {
        let args = build_args(&["A=1".into(), "B=".into(), "STRATA_TEST_UNSET".into(), "A=2=3".into()]).unwrap();
        let pairs: Vec<_> = args.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(pairs, [("A", "2=3"), ("B", "")]);
    }

    #[test]
    fn a_build_arg_needs_a_name() {
        assert!(build_args(&["=x".into()]).is_err());
    }
}
