//! A second fold, as naive as can be: a sorted map from paths to inodes, rewritten by every rule in turn.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use strata_image::layer::{Entry, EntryKind};

use crate::notation::{apply_entries, entry};

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    File(u64),
    Symlink(String),
    Directory,
}

#[derive(Default)]
struct Model {
    /// Inode and the layer that gave the name, by full path.
    names: BTreeMap<String, (usize, usize)>,
    /// Kind and creator.
    inodes: Vec<(Kind, usize)>,
    /// Files that died, each in all the ways in which that may be told: of names that go at once any may be the last.
    deaths: Vec<Vec<String>>,
    /// Names that went at once, by their inode.
    gone: BTreeMap<usize, Vec<String>>,
}

impl Model {
    fn kind(&self, path: &str) -> Option<Kind> {
        if path.is_empty() {
            return Some(Kind::Directory);
        }
        self.names.get(path).map(|name| self.inodes[name.0].0.clone())
    }

    /// Replaces symlinks in a path until none is left; where it ends at what is missing, the rest stays as it is.
    /// The error is a loop; `None` a way that leads into this layer's own directory.
    fn resolve(&self, path: &str, own: &BTreeSet<String>) -> Result<Option<String>, ()> {
        let mut parts: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(Into::into).collect();
        let mut done: Vec<String> = Vec::new();
        let mut follow = 0;
        while !parts.is_empty() {
            let part = parts.remove(0);
            if part == ".." {
                done.pop();
                continue;
            }
            done.push(part);
            if let Some(Kind::Symlink(target)) = self.kind(&done.join("/")) {
                if follow == 0 && own.contains(&done.join("/")) {
                    return Ok(None);
                }
                follow += 1;
                if follow > 40 {
                    return Err(());
                }
                done.pop();
                if target.starts_with('/') {
                    done.clear();
                }
                let target = target.split('/').filter(|part| !part.is_empty() && *part != ".").map(String::from);
                parts.splice(0..0, target.collect::<Vec<_>>());
            }
        }
        Ok(Some(done.join("/")))
    }

    fn unlink(&mut self, path: &str, layer: usize, how: &str) {
        let (inode, _) = self.names.remove(path).unwrap();
        if let (Kind::File(size), creator) = &self.inodes[inode] {
            let gone = self.gone.entry(inode).or_default();
            gone.push(format!("{path}:{size} {creator}>{layer} {how}"));
            if !self.names.values().any(|name| name.0 == inode) {
                self.deaths.push(gone.clone());
            }
        }
    }

    fn below(&self, path: &str) -> Vec<String> {
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        self.names.keys().filter(|name| name.starts_with(&prefix)).cloned().collect()
    }

    fn put(&mut self, path: &str, layer: usize, inode: usize) {
        let kind = self.inodes[inode].0.clone();
        let old = self.names.get(path).copied();
        let old_kind = self.kind(path);
        let how = |since: usize, otherwise: &'static str| {
            if since == layer { "duplicate-entry" } else { otherwise }
        };
        if old_kind == Some(Kind::Directory) && kind != Kind::Directory {
            // the new name holds its inode while those below the old one go
            self.names.insert(String::new(), (inode, layer));
            self.gone.clear();
            for name in self.below(path) {
                let since = self.names[&name].1;
                self.unlink(&name, layer, how(since, "type-change"));
            }
            self.names.remove("");
        }
        self.names.insert(path.to_owned(), (inode, layer));
        if let Some((old, since)) = old
            && !self.names.values().any(|name| name.0 == old)
            && let (Kind::File(size), creator) = &self.inodes[old]
        {
            let replaced = if matches!(kind, Kind::File(_)) { "replaced" } else { "type-change" };
            let how = how(since, replaced);
            self.deaths.push(vec![format!("{path}:{size} {creator}>{layer} {how}")]);
        }
    }

    fn apply(&mut self, layer: usize, entries: &[Entry]) -> Result<(), ()> {
        let text = |path: &[u8]| String::from_utf8(path.to_vec()).unwrap();
        let own: BTreeSet<String> = entries
            .iter()
            .filter(|entry| entry.kind == EntryKind::Directory)
            .map(|entry| text(entry.path.as_bytes()))
            .collect();
        let (whiteouts, additions): (Vec<&Entry>, Vec<&Entry>) =
            entries.iter().partition(|entry| entry.path.file_name().unwrap().starts_with(b".wh."));
        let mut targets = Vec::new();
        for entry in whiteouts {
            let parent = text(entry.path.parent().unwrap().as_bytes());
            let Some(parent) = self.resolve(&parent, &own)? else {
                continue;
            };
            if self.kind(&parent) != Some(Kind::Directory) {
                continue;
            }
            let name = text(entry.path.file_name().unwrap());
            if name == ".wh..wh..opq" {
                targets.push((self.below(&parent), "opaque"));
            } else {
                let path = format!("{parent}/{}", &name[4..]);
                let path = path.trim_start_matches('/');
                let top = self.names.contains_key(path).then(|| path.to_owned());
                targets.push((top.into_iter().chain(self.below(path)).collect(), "whiteout"));
            }
        }
        for (paths, how) in targets {
            self.gone.clear();
            for path in paths {
                if self.names.contains_key(&path) {
                    self.unlink(&path, layer, how);
                }
            }
        }
        for entry in additions {
            let full = text(entry.path.as_bytes());
            let kind = match &entry.kind {
                EntryKind::File => Kind::File(entry.size),
                EntryKind::Symlink(target) => Kind::Symlink(target.to_string()),
                EntryKind::HardLink(_) | EntryKind::Directory => Kind::Directory,
                _ => unreachable!(),
            };
            let inode = if let EntryKind::HardLink(target) = &entry.kind {
                let parent = self.resolve(&text(target.parent().unwrap().as_bytes()), &BTreeSet::new())?.ok_or(())?;
                let path = format!("{parent}/{}", text(target.file_name().unwrap()));
                let name = self.names.get(path.trim_start_matches('/')).ok_or(())?;
                let inode = name.0;
                if self.inodes[inode].0 == Kind::Directory {
                    return Err(());
                }
                inode
            } else {
                self.inodes.push((kind, layer));
                self.inodes.len() - 1
            };
            let (parent, name) = full.rsplit_once('/').unwrap_or(("", &full));
            // held by a name that no path has
            self.names.insert("\0held".into(), (inode, layer));
            let parent = self.resolve(parent, &BTreeSet::new())?.ok_or(())?;
            let mut sofar = String::new();
            for part in parent.split('/').filter(|part| !part.is_empty()) {
                sofar = if sofar.is_empty() { part.into() } else { format!("{sofar}/{part}") };
                if self.kind(&sofar) != Some(Kind::Directory) {
                    self.inodes.push((Kind::Directory, layer));
                    self.put(&sofar, layer, self.inodes.len() - 1);
                }
            }
            let path = format!("{parent}/{name}");
            self.put(path.trim_start_matches('/'), layer, inode);
            self.names.remove("\0held");
        }
        Ok(())
    }

    fn live(&self) -> Vec<String> {
        let mut first = BTreeMap::new();
        let lines = self.names.iter().map(|(path, (inode, _))| match &self.inodes[*inode].0 {
            Kind::Directory => format!("{path}/"),
            Kind::Symlink(target) => format!("{path}>{target}"),
            Kind::File(size) => match first.insert(*inode, path.clone()) {
                Some(before) => {
                    first.insert(*inode, before.clone());
                    format!("{path}={before}")
                }
                None => format!("{path}:{size}"),
            },
        });
        lines.collect()
    }
}

/// Few names, so that everything meets everything; some of them sort around the slash.
fn any_path() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["a", "b", "a-", "c"]);
    prop::collection::vec(name, 1..4).prop_map(|parts| parts.join("/"))
}

fn any_entry() -> impl Strategy<Value = String> {
    let target = prop_oneof![
        any_path(),
        any_path().prop_map(|path| format!("/{path}")),
        any_path().prop_map(|path| format!("../{path}")),
        Just("..".to_owned()),
        Just("./b".to_owned()),
    ];
    prop_oneof![
        4 => (any_path(), 1..1000_u32).prop_map(|(path, size)| format!("{path}:{size}")),
        3 => any_path().prop_map(|path| format!("{path}/")),
        2 => any_path().prop_map(|path| format!("-{path}")),
        1 => any_path().prop_map(|path| format!("!{path}")),
        2 => (any_path(), target).prop_map(|(path, target)| format!("{path}>{target}")),
        2 => (any_path(), any_path()).prop_map(|(path, target)| format!("{path}={target}")),
    ]
}

/// Whether each of these deaths is told once, and no other.
fn are_told(deaths: &[Vec<String>], told: &[String]) -> bool {
    let Some((death, others)) = deaths.split_first() else { return told.is_empty() };
    (0..told.len()).any(|at| {
        let rest = [&told[..at], &told[at + 1..]].concat();
        death.contains(&told[at]) && are_told(others, &rest)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_stacks_fold_as_the_naive_model_folds_them(
        layers in prop::collection::vec(prop::collection::vec(any_entry(), 0..8), 1..5)
    ) {
        let layers: Vec<Vec<Entry>> =
            layers.iter().map(|layer| layer.iter().map(|text| entry(text)).collect()).collect();
        let mut model = Model::default();
        let modelled = (0..).zip(&layers).try_for_each(|(number, layer)| model.apply(number, layer));
        match apply_entries(&layers) {
            Err(_) => prop_assert!(modelled.is_err()),
            Ok(applied) => {
                prop_assert!(modelled.is_ok());
                prop_assert_eq!(applied.live(), model.live());
                let heard = applied.deaths.heard;
                prop_assert!(are_told(&model.deaths, &heard), "{:?} are told as {heard:?}", model.deaths);
            }
        }
    }
}
