//! What the comparison of the image before and after a rewrite means.

use std::collections::BTreeMap;

use serde::Serialize;
use strata_analyzer::{
    Comparison,
    compare::{Changed, What},
    suggest::is_removed,
};

use super::reason_to_change;

/// What the comparison of the two images says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every path of the merged root filesystems is equal in all but its times, and so are the configs.
    Identical,
    /// Nothing differs but files that are gone, and that the rewrite says it removes.
    IdenticalBut(Vec<Removal>),
    /// Only these paths differ, beside such files, and such commands change them by themselves (see
    /// [`VOLATILE`](super::VOLATILE)).
    EqualExcept(Vec<String>),
    /// These paths and config fields differ.
    Different(Vec<String>),
}

/// Files that an edit says it removes, and that are gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Removal {
    /// The pattern by which it says so.
    pub place: String,
    /// How many paths of the first image that the second has not.
    pub paths: usize,
}

/// Judges a comparison. Of all that differs, paths that only the first image has are excused where one of `removes`, the
/// patterns of [`Suggestion::removes`](strata_analyzer::suggest::Suggestion::removes), means them, or where nothing but
/// them was below; and of a file with several names that it lost such ones. Nothing else is. The excused paths are counted, each once.
pub fn verdict(comparison: &Comparison, removes: &[String]) -> (Verdict, Vec<Removal>) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut differing = Vec::new();
    for path in comparison.rootfs.gone() {
        match removes.iter().find(|pattern| is_removed(pattern, path) || leads_to(path, pattern)) {
            Some(pattern) => *counts.entry(pattern).or_default() += 1,
            None => differing.push(path.to_owned()),
        }
    }
    let removed: Vec<Removal> =
        counts.into_iter().map(|(place, paths)| Removal { place: place.to_owned(), paths }).collect();
    differing.extend(comparison.rootfs.new_paths().into_iter().map(str::to_owned));
    let is_changed = |changed: &&Changed| !only_lost_names(changed, removes);
    differing.extend(comparison.rootfs.changed.iter().filter(is_changed).map(|changed| changed.path.clone()));
    differing.sort_unstable();
    differing.dedup();

    let paths_are_volatile = differing.iter().all(|path| reason_to_change(path).is_some());
    let verdict = match (differing.is_empty() && comparison.config.is_empty(), removed.is_empty()) {
        (true, true) => Verdict::Identical,
        (true, false) => Verdict::IdenticalBut(removed.clone()),
        _ if comparison.config.is_empty() && paths_are_volatile => Verdict::EqualExcept(differing),
        _ => {
            differing.extend(comparison.config.iter().map(|field| format!("config {}", field.field)));
            Verdict::Different(differing)
        }
    };
    (verdict, removed)
}

/// Whether nothing about a file is another but that it lost names, all of which an edit says it removes.
fn only_lost_names(changed: &Changed, removes: &[String]) -> bool {
    let is_excused = |name: &String| removes.iter().any(|pattern| is_removed(pattern, name));
    changed.what == [What::Hardlinks] && !changed.unlinked.is_empty() && changed.unlinked.iter().all(is_excused)
}

/// Whether a directory stands on the way to what a pattern means: it is gone only where all that was in it is.
fn leads_to(directory: &str, pattern: &str) -> bool {
    pattern.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use strata_analyzer::compare::{Class, Moved, RootfsDiff, Single};

    use super::*;

    fn judged(removed: &[&str], added: &[&str], changes: &[&str]) -> (Verdict, Vec<Removal>) {
        let list = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>();
        let single = |path: &&str| Single { path: (*path).to_owned(), kind: "file", bytes: 1, layer: 0 };
        let changed = |path: &&str| Changed {
            path: (*path).to_owned(),
            class: Class::Metadata,
            what: vec![What::Mode],
            details: Vec::new(),
            bytes_a: 1,
            bytes_b: 1,
            layer_a: 0,
            layer_b: 0,
            unlinked: Vec::new(),
        };
        let rootfs = RootfsDiff {
            added: added.iter().map(single).collect(),
            removed: removed.iter().map(single).collect(),
            changed: changes.iter().map(changed).collect(),
            ..RootfsDiff::default()
        };
        verdict(&Comparison { rootfs, ..Comparison::default() }, &list(&["/root/.cache/pip", "/lists/*"]))
    }

    #[test]
    fn only_what_an_edit_says_it_removes_is_excused() {
        let removal = |place: &str, paths| Removal { place: place.to_owned(), paths };
        let (verdict, _) = judged(&["/root/.cache", "/root/.cache/pip", "/root/.cache/pip/a", "/lists/b"], &[], &[]);
        assert_eq!(verdict, Verdict::IdenticalBut(vec![removal("/lists/*", 1), removal("/root/.cache/pip", 3)]));
        assert_eq!(judged(&[], &[], &[]).0, Verdict::Identical);
    }

    #[test]
    fn what_came_or_changed_there_is_not_excused() {
        for (removed, added, changed, path) in [
            (&["/srv/a"][..], &[][..], &[][..], "/srv/a"),
            (&["/lists/b"], &["/lists/c"], &[], "/lists/c"),
            (&["/lists/b"], &[], &["/lists"], "/lists"),
            (&["/lists2"], &[], &[], "/lists2"),
        ] {
            assert_eq!(judged(removed, added, changed).0, Verdict::Different(vec![path.to_owned()]));
        }
    }

    #[test]
    fn a_file_that_was_moved_is_gone_where_it_was_and_new_where_it_is() {
        let moved = Moved { from: "/lists/b".to_owned(), to: "/srv/b".to_owned(), bytes: 1, what: Vec::new() };
        let rootfs = RootfsDiff { renamed: vec![moved], ..RootfsDiff::default() };
        let comparison = Comparison { rootfs, ..Comparison::default() };
        let (judged, removed) = verdict(&comparison, &["/lists/*".to_owned()]);
        assert_eq!(judged, Verdict::Different(vec!["/srv/b".to_owned()]));
        assert_eq!(removed, [Removal { place: "/lists/*".to_owned(), paths: 1 }]);
    }

    #[test]
    fn a_name_that_is_removed_is_none_of_the_other_names_of_its_file() {
        let judged = |what: &[What], unlinked: &[&str]| {
            let changed = Changed {
                path: "/srv/a".to_owned(),
                class: Class::Metadata,
                what: what.to_vec(),
                details: Vec::new(),
                bytes_a: 1,
                bytes_b: 1,
                layer_a: 0,
                layer_b: 0,
                unlinked: unlinked.iter().map(|name| (*name).to_owned()).collect(),
            };
            let rootfs = RootfsDiff { changed: vec![changed], ..RootfsDiff::default() };
            verdict(&Comparison { rootfs, ..Comparison::default() }, &["/lists/*".to_owned()]).0
        };
        assert_eq!(judged(&[What::Hardlinks], &["/lists/a"]), Verdict::Identical);
        for (what, unlinked) in [
            (&[What::Hardlinks][..], &["/lists/a", "/srv/b"][..]),
            (&[What::Hardlinks], &[]),
            (&[What::Mode, What::Hardlinks], &["/lists/a"]),
        ] {
            assert_eq!(judged(what, unlinked), Verdict::Different(vec!["/srv/a".to_owned()]));
        }
    }

    #[test]
    fn what_changes_by_itself_is_told_beside_what_is_removed() {
        let (verdict, removed) = judged(&["/lists/b"], &["/var/log/x"], &[]);
        assert_eq!(verdict, Verdict::EqualExcept(vec!["/var/log/x".to_owned()]));
        assert_eq!(removed, [Removal { place: "/lists/*".to_owned(), paths: 1 }]);
    }
}
