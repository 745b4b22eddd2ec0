//! B1: the same content several times.

use std::collections::HashMap;

use crate::{
    findings::{
        About, Claim, Confidence, Hits, Level, Rule, Told,
        live::{Advisory, Whole, each_file, hit},
        lower::First,
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
            detection: "Live files of equal content, that is not empty: all but the first, which is of the lowest layer and \
                        stands first in it. Files that are hard links of each other are one.",
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
        let repeated = |inode| {
            let content = subject.ledger.content(inode)?;
            whole.counts.get(content).is_some_and(|&count| count > 1).then_some(content)
        };
        // whoever came last made the copy, whatever their names
        let mut firsts: HashMap<ContentHash, First> = HashMap::new();
        each_file(subject, &mut |path, _, inode| {
            let Some(content) = repeated(inode) else { return };
            let below = || subject.lower.and_then(|lower| lower.first.get(content)).cloned();
            let first = firsts.entry(*content).or_insert_with(|| below().unwrap_or_else(|| (inode, path.to_vec())));
            if inode < first.0 {
                *first = (inode, path.to_vec());
            }
        });
        each_file(subject, &mut |path, size, inode| {
            let Some((first, other)) = repeated(inode).and_then(|content| firsts.get(content)) else { return };
            if *first == inode {
                return;
            }
            let owner = |path: &[u8]| subject.packages.owner(path).map(std::ptr::from_ref);
            let kind = match owner(path) {
                Some(package) if owner(other) == Some(package) => "same-package",
                _ if first.layer == inode.layer => "within-layer",
                _ => "cross-layer",
            };
            let claim = Claim { other: Some(path_text(other)), ..Claim::file(kind) };
            hits.add(&DuplicateContent, hit(claim, path, size, inode));
        });
    }
}
