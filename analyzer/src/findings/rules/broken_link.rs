//! B2: hard links that came apart.

use std::collections::HashSet;

use strata_image::layer::LayerPath;

use crate::findings::{
    About, Claim, Confidence, Hits, Level, Rule, Told,
    live::{Advisory, Whole, hit},
};

/// B2.
pub(in crate::findings) struct BrokenLink;

impl Rule for BrokenLink {
    fn about(&self) -> &'static About {
        &About {
            id: "B2",
            name: "broken-link",
            title: "Hard links that a later layer broke into copies",
            explanation: "A change of one name of a file in a later layer copies that name's content, even when only a \
                          mode changes: the names are links no more, and both contents are carried.",
            detection: "A name of a file with several names in a lower layer, which a later layer wrote anew with the \
                        same content, while another name keeps the first file alive.",
            fix: "Change the file in the RUN that links it.",
            kinds: &[("copied-up", "one name has a copy now")],
            confidence: Confidence::High,
            exact: false,
            level: Level::Warning,
        }
    }

    fn message(&self, told: &Told<'_>) -> String {
        format!("{} breaks hard links: {}", told.creator(), told.files())
    }
}

impl Advisory for BrokenLink {
    fn look(&self, whole: &Whole<'_>, hits: &mut Hits<'_>) {
        let ledger = whole.subject.ledger;
        let mut seen = HashSet::new();
        for link in ledger.broken_links() {
            let node = LayerPath::new(&link.name).ok().and_then(|path| ledger.view().get(&path));
            let Some(node) = node.filter(|node| node.inode.layer as usize == link.broken && node.meta.size > 0) else {
                continue;
            };
            // the file that the other names have has the same content, and lives
            let is_copy = ledger.content(node.inode) == ledger.content(link.inode)
                && ledger
                    .content(node.inode)
                    .is_some_and(|content| whole.counts.get(content).is_some_and(|&count| count > 1));
            if is_copy && seen.insert(node.inode) {
                hits.add(&BrokenLink, hit(Claim::file("copied-up"), &link.name, node.meta.size, node.inode));
            }
        }
    }
}
