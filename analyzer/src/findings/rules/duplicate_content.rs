//! B1: the same content several times.

use std::collections::HashMap;

use crate::{
    findings::{
        About, Claim, Confidence, Hits, Level, Rule, Told,
        live::{Advisory, Whole, each_file, hit},
    },
    index::ContentHash,
    path_text,
};

/// B1.
pub(in crate::findings) struct DuplicateContent;

impl Rule for DuplicateContent {
    fn about(&self) -> &'static About {
        &About {
            id: "B1",
            name: "duplicate-content",
            title: "Files that the image has several times",
            explanation: "Each copy of a content is stored, pulled and unpacked for itself. Only names of one file, \
                          hard links, share their bytes.",
            detection: "Live files of equal content, that is not empty: all but the first in the order of paths. Files \
                        that are hard links of each other are one.",
            fix: "Make the copy a hard link, in the RUN that writes the file, or a symlink; or COPY it once.",
            kinds: &[
                ("within-layer", "the first copy is of the same layer"),
                ("cross-layer", "the first copy is of another layer"),
                ("same-package", "both copies belong to one package"),
            ],
            confidence: Confidence::Medium,
            exact: false,
            level: Level::Note,
        }
    }

    fn message(&self, told: &Told<'_>) -> String {
        match told.other() {
            Some(other) => {
                format!("{} has files again that are there already: {}, as {other}", told.creator(), told.files())
            }
            None => format!("{} has files again: {}", told.creator(), told.files()),
        }
    }
}

impl Advisory for DuplicateContent {
    fn look(&self, whole: &Whole<'_>, hits: &mut Hits<'_>) {
        if whole.counts.values().all(|&count| count == 1) {
            return;
        }
        let subject = whole.subject;
        let mut first: HashMap<ContentHash, (Vec<u8>, u32)> = HashMap::new();
        each_file(subject, &mut |path, size, inode| {
            let Some(content) = subject.ledger.content(inode) else {
                return;
            };
            if whole.counts.get(content).is_none_or(|&count| count < 2) {
                return;
            }
            let lower = subject.lower.and_then(|lower| lower.first.get(content));
            let below = lower.filter(|(other, _)| other.as_slice() < path);
            let Some((other, layer)) = first.get(content).into_iter().chain(below).min() else {
                first.insert(*content, (path.to_vec(), inode.layer));
                return;
            };
            let owner = |path: &[u8]| subject.packages.owner(path).map(std::ptr::from_ref);
            let kind = match owner(path) {
                Some(package) if owner(other) == Some(package) => "same-package",
                _ if *layer == inode.layer => "within-layer",
                _ => "cross-layer",
            };
            let claim = Claim { other: Some(path_text(other)), ..Claim::file(kind) };
            hits.add(&DuplicateContent, hit(claim, path, size, inode));
        });
    }
}
