//! What rules hit, gathered into findings: one for each rule, kind, creator and killer.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
};

use super::{
    Accepted, All, Finding, Lines, MAX_PATHS, Place, Resolved, Rule, Subject, Suppressed, Told, owners::Owners,
    suppression,
};
use crate::path_text;

/// One file, or a part of what lies below one directory, that a rule found.
pub(crate) struct Hit {
    pub(crate) kind: &'static str,
    pub(crate) creator: Option<usize>,
    pub(crate) killer: Option<usize>,
    pub(crate) bytes: u64,
    /// Where it is reported: the file, or a directory above it, relative.
    pub(crate) path: Vec<u8>,
    /// Whether `path` stands for more than this file: hits of the same path are added up.
    pub(crate) is_tree: bool,
    pub(crate) other: Option<String>,
    /// The package that it belongs to: hits of the same package are added up, under the path of the first.
    pub(crate) package: Option<String>,
    /// The file itself where `path` is a directory above it.
    pub(crate) file: Option<Vec<u8>>,
}

/// Number of the suppression, where there is one; number of the rule in [`super::RULES`], creator, killer, kind.
type Key = (Option<usize>, usize, Option<usize>, Option<usize>, &'static str);

/// Everything that was hit so far. Memory grows with the number of findings and of trees, not with that of files.
pub(crate) struct Hits<'s> {
    groups: BTreeMap<Key, Group>,
    suppressions: &'s [Resolved],
    /// Of each suppression, whether it is about anything.
    is_used: Vec<bool>,
}

#[derive(Default)]
struct Group {
    bytes: u64,
    files: u64,
    singles_total: u64,
    singles: Vec<Spot>,
    trees: HashMap<Vec<u8>, Spot>,
    packages: HashMap<String, Spot>,
}

struct Spot {
    path: Vec<u8>,
    /// Whether it stands for one file.
    is_file: bool,
    bytes: u64,
    files: u64,
    other: Option<String>,
    package: Option<String>,
}

impl<'s> Hits<'s> {
    pub(crate) fn new(suppressions: &'s [Resolved]) -> Self {
        Self { groups: BTreeMap::new(), suppressions, is_used: vec![false; suppressions.len()] }
    }

    /// Where a hit belongs, and the number of the suppression that is about it.
    fn group(
        &mut self,
        rule: &dyn Rule,
        (creator, killer): (Option<usize>, Option<usize>),
        kind: &'static str,
        path: &[u8],
    ) -> Option<(&mut Group, Option<usize>)> {
        let number = super::RULES.iter().position(|other| other.about().id == rule.about().id)?;
        let mut suppressed = None;
        for (place, (other, is_used)) in self.suppressions.iter().zip(&mut self.is_used).enumerate() {
            // those behind the first are asked only for whether they are about anything
            if (suppressed.is_none() || !*is_used) && other.covers(number, [creator, killer], path) {
                *is_used = true;
                suppressed = suppressed.or(Some(place));
            }
        }
        Some((self.groups.entry((suppressed, number, creator, killer, kind)).or_default(), suppressed))
    }

    /// Adds what a rule hit; gives the number of the suppression that is about it.
    pub(crate) fn add(&mut self, rule: &'static dyn Rule, hit: Hit) -> Option<usize> {
        let file = hit.file.as_deref().unwrap_or(&hit.path);
        let (group, suppressed) = self.group(rule, (hit.creator, hit.killer), hit.kind, file)?;
        group.bytes = group.bytes.saturating_add(hit.bytes);
        group.files += 1;
        let is_file = !hit.is_tree;
        let spot = Spot { path: hit.path, is_file, bytes: hit.bytes, files: 1, other: hit.other, package: hit.package };
        let found = match &spot.package {
            Some(package) => group.packages.get_mut(package),
            None if hit.is_tree => group.trees.get_mut(&spot.path),
            None => None,
        };
        if let Some(found) = found {
            found.bytes = found.bytes.saturating_add(spot.bytes);
            found.files += 1;
            return suppressed;
        }
        if let Some(package) = &spot.package {
            group.packages.insert(package.clone(), spot);
            return suppressed;
        }
        if hit.is_tree {
            group.trees.insert(spot.path.clone(), spot);
            return suppressed;
        }
        group.singles_total += 1;
        group.singles.push(spot);
        if group.singles.len() >= 4 * MAX_PATHS {
            keep_largest(&mut group.singles);
        }
        suppressed
    }

    /// Adds bytes of a layer that no file of it has.
    pub(crate) fn add_layer(&mut self, rule: &'static dyn Rule, kind: &'static str, layer: usize, bytes: u64) {
        if let Some((group, _)) = self.group(rule, (Some(layer), None), kind, b"") {
            group.bytes = group.bytes.saturating_add(bytes);
        }
    }

    /// The findings, and apart from them those that are suppressed.
    pub(crate) fn findings(self, subject: &Subject<'_>, accepted: Accepted<'s>) -> All<'s> {
        let mut groups: Vec<(Key, Group)> = self.groups.into_iter().collect();
        // in the order of deaths, for whoever looks up what there was before
        groups.sort_by_key(|((_, _, _, killer, _), _)| *killer);
        let mut owners = subject.with_owners.then(|| Owners::of(subject));
        let mut all: Vec<(Option<usize>, usize, Finding)> = groups
            .into_iter()
            .map(|((suppressed, number, creator, killer, kind), group)| {
                let rule = super::RULES[number];
                (suppressed, number, finding(subject, rule, (creator, killer, kind), group, owners.as_mut()))
            })
            .collect();
        all.sort_by(|a, b| {
            let key = |(suppressed, number, finding): &(Option<usize>, usize, Finding)| {
                let weight = (Reverse(finding.level), finding.base, Reverse(finding.bytes));
                (weight, *number, finding.creator, finding.killer, finding.kind, *suppressed)
            };
            key(a).cmp(&key(b))
        });
        let (mut told, mut untold) = (Vec::new(), Vec::new());
        for (suppressed, _, finding) in all {
            match suppressed.and_then(|number| self.suppressions.get(number)) {
                None => told.push(finding),
                Some(Resolved { reason, by, .. }) => {
                    untold.push(Suppressed { reason: reason.clone(), by: by.clone(), finding });
                }
            }
        }
        let notes = suppression::unused(self.suppressions, &self.is_used);
        All { findings: told, suppressed: untold, notes, accepted }
    }
}

/// The most bytes first, then by path: what a report lists.
fn keep_largest(spots: &mut Vec<Spot>) {
    spots.sort_by(|a, b| (Reverse(a.bytes), &a.path).cmp(&(Reverse(b.bytes), &b.path)));
    spots.truncate(MAX_PATHS);
}

fn finding(
    subject: &Subject<'_>,
    rule: &dyn Rule,
    (creator, killer, kind): (Option<usize>, Option<usize>, &'static str),
    group: Group,
    mut owners: Option<&mut Owners<'_>>,
) -> Finding {
    let Group { bytes, files, singles_total, mut singles, trees, packages } = group;
    let paths_total = singles_total + (trees.len() + packages.len()) as u64;
    singles.extend(trees.into_values().chain(packages.into_values()));
    keep_largest(&mut singles);
    let mut owner = |spot: &Spot| {
        let owners = owners.as_mut().filter(|_| spot.is_file && spot.package.is_none())?;
        owners.owner(&spot.path, creator, killer)
    };
    let paths = singles
        .into_iter()
        .map(|spot| Place {
            package: owner(&spot).or(spot.package),
            path: path_text(&spot.path),
            bytes: spot.bytes,
            files: spot.files,
            other: spot.other,
        })
        .collect();
    let mut layers: Vec<usize> = [creator, killer].into_iter().flatten().collect();
    layers.dedup();
    let in_base = |layer: usize| layer < subject.base_layers;
    let lines = layers
        .iter()
        .filter_map(|&layer| {
            let line = subject.layers.get(layer)?;
            Some(Lines { layer, first: line.line?, last: line.last_line? })
        })
        .collect();
    let about = rule.about();
    let mut finding = Finding {
        rule: about.id,
        name: about.name,
        level: about.level,
        confidence: about.confidence,
        exact: about.exact,
        kind,
        bytes,
        files,
        creator,
        killer,
        base: !layers.is_empty() && layers.iter().all(|&layer| in_base(layer)),
        fixable: !layers.iter().any(|&layer| in_base(layer)),
        layers,
        lines,
        message: String::new(),
        fix: String::new(),
        paths,
        paths_total,
    };
    let told = Told { finding: &finding, layers: subject.layers };
    let (message, fix) = (rule.message(&told), rule.fix(&told));
    finding.message = message;
    finding.fix = fix;
    finding
}
