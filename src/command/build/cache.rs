//! What the cache is used for, and caches beside the store's own.

use std::path::PathBuf;

use strata_builder::{
    cache::{CacheMode, CacheTarget, Limit},
    options::NoCache,
};

use super::{fields, is_on};
use crate::command::size::bytes;

/// The options.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Cache")]
#[expect(clippy::option_option, reason = "clap's form of --flag[=BOOL]")]
pub(crate) struct CacheArgs {
    /// Run every step, whatever the cache holds
    #[arg(long, value_name = "BOOL", require_equals = true, hide_possible_values = true)]
    no_cache: Option<Option<bool>>,

    /// Run the steps of these stages, whatever the cache holds
    #[arg(long, value_name = "STAGE", value_delimiter = ',')]
    no_cache_filter: Vec<String>,

    /// Look into this cache too, which --cache-to wrote
    #[arg(long, value_name = "type=local,src=DIR", value_parser = cache_from)]
    cache_from: Vec<PathBuf>,

    /// Write the cache of this build there: of the image's layers, or with mode=max of every step
    #[arg(long, value_name = "type=local,dest=DIR[,mode=max]", value_parser = cache_to)]
    cache_to: Vec<CacheTarget>,

    /// How much the store's own cache may take; what was not used for the longest time goes first. none is no limit
    /// [default: a share of the disk, see docs/build.md]
    #[arg(
        long = "cache-max-used",
        value_name = "BYTES|none",
        value_parser = limit,
        env = "STRATA_CACHE_MAX_USED",
        hide_env_values = true
    )]
    max_used: Option<Limit>,
}

impl CacheArgs {
    pub(super) fn no_cache(&self) -> NoCache {
        match &self.no_cache_filter[..] {
            _ if is_on(self.no_cache) => NoCache::Everything,
            [] => NoCache::Nothing,
            stages => NoCache::Stages(stages.iter().cloned().collect()),
        }
    }

    /// The caches that are there.
    pub(super) fn sources(&self) -> Vec<PathBuf> {
        self.cache_from.iter().filter(|path| path.exists()).cloned().collect()
    }

    pub(super) fn targets(&self) -> Vec<CacheTarget> {
        self.cache_to.clone()
    }

    /// How much the store's own cache may take.
    pub(crate) fn limit(&self) -> Limit {
        self.max_used.unwrap_or_default()
    }

    /// What is to be said of those that are not: the first build of a pipeline has none.
    pub(super) fn notes(&self) -> Vec<String> {
        let missing = self.cache_from.iter().filter(|path| !path.exists());
        missing.map(|path| format!("--cache-from: there is no cache in {} yet", path.display())).collect()
    }
}

fn limit(text: &str) -> Result<Limit, String> {
    if text == "none" { Ok(Limit::Unlimited) } else { bytes(text).map(Limit::Bytes) }
}

fn cache_from(text: &str) -> Result<PathBuf, String> {
    let mut source = None;
    for (key, value) in local(text)? {
        match key.as_str() {
            "src" => source = Some(value),
            // which of several caches in one folder: strata writes one
            "tag" | "digest" => return Err(format!("{key} is not there: a folder has one cache")),
            _ => return Err(format!("unknown key {key:?}; there is src")),
        }
    }
    source.filter(|path| !path.is_empty()).map(PathBuf::from).ok_or_else(|| "write type=local,src=DIR".to_owned())
}

fn cache_to(text: &str) -> Result<CacheTarget, String> {
    let (mut path, mut mode) = (None, CacheMode::default());
    for (key, value) in local(text)? {
        match (key.as_str(), value.as_str()) {
            ("dest", _) => path = Some(value),
            ("mode", "min") => mode = CacheMode::Min,
            ("mode", "max") => mode = CacheMode::Max,
            ("mode", _) => return Err(format!("mode={value}: there is min and max")),
            _ => return Err(format!("unknown key {key:?}; there is dest and mode")),
        }
    }
    let path = path.filter(|path| !path.is_empty()).ok_or("write type=local,dest=DIR")?;
    Ok(CacheTarget { path: path.into(), mode })
}

/// The fields of a local cache, without its type; no other is there.
fn local(text: &str) -> Result<Vec<(String, String)>, String> {
    let only = "only local folders are: type=local,src=DIR and type=local,dest=DIR";
    if !text.contains('=') {
        return Err(format!("caches in registries are not there; {only}"));
    }
    let mut fields = fields::pairs(text)?;
    let kind = fields.iter().position(|(key, _)| key == "type").map(|at| fields.remove(at).1);
    match kind.as_deref() {
        Some("local") => Ok(fields),
        Some(kind) => Err(format!("caches of type {kind} are not there; {only}")),
        None => Err("it has no type: write type=local".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::{CacheMode, cache_from, cache_to};

    #[test]
    fn a_cache_is_a_local_folder() {
        assert_eq!(cache_from("type=local,src=/c"), Ok("/c".into()));
        for (text, named) in [
            ("type=gha", "type gha"),
            ("type=s3,bucket=b", "type s3"),
            ("type=registry,ref=a/b", "type registry"),
            ("type=inline", "type inline"),
            ("user/app:cache", "registries"),
            ("src=/c", "no type"),
            ("type=local", "src=DIR"),
            ("type=local,dest=/c", "unknown key"),
            ("type=local,src=/c,tag=x", "one cache"),
        ] {
            let error = cache_from(text).unwrap_err();
            assert!(error.contains(named), "{text}: {error}");
        }
    }

    #[test]
    fn a_cache_is_written_for_the_image_or_for_every_step() {
        let mode = |text: &str| cache_to(text).map(|target| (target.path, target.mode));
        assert_eq!(mode("type=local,dest=/c"), Ok(("/c".into(), CacheMode::Min)));
        assert_eq!(mode("type=local,mode=max,dest=/c"), Ok(("/c".into(), CacheMode::Max)));
        for text in ["type=local", "type=local,dest=/c,mode=all", "type=local,src=/c", "type=gha,mode=max"] {
            assert!(cache_to(text).is_err(), "{text}");
        }
    }
}
