//! Making room in the cache: what was not used for the longest time goes first.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
    time::{Duration, SystemTime},
};

use super::{
    Result,
    entries::{Entry, Resource, entries, stat, unneeded_times},
    remove,
};

/// What of the cache stays. Nothing does by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// What a build used during this time.
    pub used_within: Option<Duration>,
    /// This many bytes, of what was used last. Layers that an image has too do not count.
    pub bytes: Option<u64>,
}

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pruned {
    pub(crate) entries: usize,
    /// Of the cache's own files. Layers and snapshots go with the next garbage collection.
    pub(crate) bytes: u64,
}

/// What limits the bytes of the cache, by how many it takes now.
pub(crate) type Bound<'b> = &'b dyn Fn(u64) -> u64;

/// Removes entries, those that were not used for the longest time first, until only what was used within `used_within` is
/// left or no more than `bound` allows. Those in use stay. `size` tells what a layer or a snapshot would free.
pub(crate) fn prune(
    dir: &Path,
    used_within: Option<Duration>,
    bound: Option<Bound<'_>>,
    size: &dyn Fn(&Resource) -> u64,
) -> Result<Pruned> {
    let mut entries = entries(dir)?;
    entries.extend(unneeded_times(dir, &entries)?);
    let mut users: HashMap<&Resource, usize> = HashMap::new();
    for resource in entries.iter().flat_map(|entry| &entry.needs) {
        *users.entry(resource).or_default() += 1;
    }
    let mut sizes = HashMap::new();
    for resource in users.keys() {
        sizes.insert(*resource, size_of(resource, size)?);
    }
    let mut total = entries.iter().map(|entry| entry.bytes).sum::<u64>() + sizes.values().sum::<u64>();
    let limit = bound.map(|bound| bound(total));
    let latest = used_within.and_then(|within| SystemTime::now().checked_sub(within));

    let mut pruned = Pruned::default();
    for entry in oldest_first(&entries) {
        if latest.is_some_and(|latest| entry.used > latest) || limit.is_some_and(|limit| total <= limit) {
            break;
        }
        if !entry.remove()? {
            continue;
        }
        pruned.entries += 1;
        pruned.bytes += entry.bytes;
        total = total.saturating_sub(entry.bytes);
        let needs: HashSet<&Resource> = entry.needs.iter().collect();
        for resource in needs {
            let left = users.get_mut(resource).map(|users| {
                *users -= entry.needs.iter().filter(|need| *need == resource).count();
                *users
            });
            if left != Some(0) {
                continue;
            }
            let bytes = sizes.get(resource).copied().unwrap_or_default();
            total = total.saturating_sub(bytes);
            if let Resource::File(path) = resource {
                remove(path)?;
                pruned.bytes += bytes;
            }
        }
    }
    Ok(pruned)
}

fn oldest_first(entries: &[Entry]) -> Vec<&Entry> {
    let mut sorted: Vec<&Entry> = entries.iter().collect();
    // by path where times are equal, so that what goes does not depend on the file system's order
    sorted.sort_by(|one, other| (one.used, &one.paths).cmp(&(other.used, &other.paths)));
    sorted
}

fn size_of(resource: &Resource, size: &dyn Fn(&Resource) -> u64) -> Result<u64> {
    match resource {
        Resource::File(path) => Ok(stat(path)?.map_or(0, |(_, bytes)| bytes)),
        other => Ok(size(other)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::{
        fs::{self, File},
        path::PathBuf,
    };

    use rustix::fs::{FlockOperation, flock};
    use strata_image::{ChainId, Digest};

    use super::*;
    use crate::{
        cache::{Cache, LayerBlob, LayerRecord, MOUNTS, PACKS},
        key::KeyWriter,
    };

    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn age(path: &Path, days: u32) {
        File::open(path).unwrap().set_modified(SystemTime::now() - DAY * days).unwrap();
    }

    fn file(dir: &Path, name: &str, days: u32) -> PathBuf {
        let path = dir.join(PACKS).join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, vec![1; 8192]).unwrap();
        age(&path, days);
        path
    }

    fn left(dir: &Path) -> Vec<String> {
        let names = fs::read_dir(dir.join(PACKS)).unwrap();
        let mut names: Vec<String> = names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_was_used_within_a_time_stays() {
        let dir = tempfile::tempdir().unwrap();
        for (name, days) in [("old", 3), ("older", 4), ("young", 1)] {
            file(dir.path(), name, days);
        }
        let pruned = prune(dir.path(), Some(DAY * 2), None, &|_| 0).unwrap();
        assert_eq!((pruned, left(dir.path())), (Pruned { entries: 2, bytes: 2 * 8192 }, vec!["young".to_owned()]));
    }

    #[test]
    fn what_was_not_used_for_the_longest_time_goes_until_the_rest_fits() {
        let dir = tempfile::tempdir().unwrap();
        for (name, days) in [("b", 3), ("a", 1), ("d", 4), ("c", 2)] {
            file(dir.path(), name, days);
        }
        prune(dir.path(), None, Some(&|used| used - 8192 - 1), &|_| 0).unwrap();
        assert_eq!(left(dir.path()), ["a", "c"]);
        // both must hold: what is young stays although there is too much
        prune(dir.path(), Some(DAY + DAY / 2), Some(&|_| 0), &|_| 0).unwrap();
        assert_eq!(left(dir.path()), ["a"]);
    }

    #[test]
    fn a_layer_counts_once_and_until_nothing_needs_it() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(dir.path(), &[], None).unwrap();
        let layer = LayerBlob { digest: Digest::from_bytes([7; 32]), size: 1 << 20 };
        let record = |number: u8| {
            let key = KeyWriter::new("run").number(number.into()).finish();
            cache.put(&key, &LayerRecord::new(ChainId::from_bytes([number; 32]), Some(layer), String::new())).unwrap();
            age(&cache.path(&key), 10 - u32::from(number));
            cache.path(&key)
        };
        let (first, second) = (record(1), record(2));
        file(dir.path(), "young", 0);
        let size = |resource: &Resource| if matches!(resource, Resource::Blob(_)) { 1 << 20 } else { 0 };
        // the first record frees nothing but itself
        let all_but_the_layer = |used: u64| used - (1 << 20);
        prune(dir.path(), None, Some(&all_but_the_layer), &size).unwrap();
        assert!(!first.exists() && !second.exists());
        assert_eq!(left(dir.path()), ["young"]);
    }

    #[test]
    fn a_cache_mount_in_use_stays() {
        let dir = tempfile::tempdir().unwrap();
        let mounts = dir.path().join(MOUNTS);
        for name in ["used", "unused"] {
            fs::create_dir_all(mounts.join(name).join("fs")).unwrap();
        }
        let held = File::open(mounts.join("used")).unwrap();
        flock(&held, FlockOperation::LockShared).unwrap();
        assert_eq!(prune(dir.path(), None, None, &|_| 0).unwrap().entries, 1);
        assert!(mounts.join("used/fs").exists() && !mounts.join("unused").exists());
    }

    #[test]
    fn a_cache_that_is_not_there_has_nothing_to_remove() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(prune(&dir.path().join("cache"), None, None, &|_| 0).unwrap(), Pruned::default());
    }
}
