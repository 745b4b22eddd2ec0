//! What was fetched, as the cache measures and removes it.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use super::http;
use crate::cache::{
    CacheError,
    entries::{Entry, Kind, Resource},
    list,
};

/// What a cache has of elsewhere. A file goes with the last URL that gave it; a repository, when nothing is fetched into it.
pub(crate) fn entries(cache: &Path) -> Result<Vec<Entry>, CacheError> {
    let mut entries = Vec::new();
    let mut needed: HashSet<PathBuf> = HashSet::new();
    for record in list(&http::urls(cache))? {
        let body = http::body_of(cache, &record);
        let needs: Vec<Resource> = body.clone().map(Resource::File).into_iter().collect();
        needed.extend(body);
        entries.extend(Entry::of_file(Kind::Http, record)?.map(|entry| Entry { needs, ..entry }));
    }
    for body in list(&http::bodies(cache))? {
        if !needed.contains(&body) {
            entries.extend(Entry::of_file(Kind::Http, body)?);
        }
    }
    for dir in list(&cache.join("git"))? {
        let repository = dir.join("repo");
        if repository.exists() {
            entries.extend(Entry::of_directory(Kind::Git, repository, dir.join("lock"))?);
        }
    }
    Ok(entries)
}
