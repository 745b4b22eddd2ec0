//! B21: what an archive stores for nothing.

use std::collections::HashSet;

use crate::findings::{
    About, Confidence, Hit, Hits, Level, Rule, Told,
    live::{Advisory, Whole},
};

/// B21.
pub(in crate::findings) struct ArchiveGarbage;

impl Rule for ArchiveGarbage {
    fn about(&self) -> &'static About {
        &About {
            id: "B21",
            name: "archive-garbage",
            title: "Blobs that no image needs, and layers that are there twice",
            explanation: "An archive or a layout may hold blobs that none of its images names: of an image that was \
                          replaced, of a build that failed. And one layer may stand in an image twice.",
            detection: "Files of the archive or layout that neither its index nor any manifest, config or layer list \
                        names; layers with content that have the diff ID of a lower layer. Bytes as stored.",
            fix: "Write the archive again: `strata save`, `skopeo copy`. Drop the instruction that makes the same \
                  layer again.",
            kinds: &[("unreachable", "named by nothing"), ("repeated-layer", "a lower layer is the same")],
            confidence: Confidence::High,
            exact: false,
            level: Level::Note,
        }
    }

    fn message(&self, told: &Told<'_>) -> String {
        match told.kind() {
            "unreachable" => format!("the archive holds what no image needs: {}", told.files()),
            _ => format!("{} is the same layer as a lower one: {}", told.creator(), told.bytes()),
        }
    }
}

impl Advisory for ArchiveGarbage {
    fn look(&self, whole: &Whole<'_>, hits: &mut Hits<'_>) {
        let subject = whole.subject;
        let mut seen = HashSet::new();
        for (layer, stored) in subject.image.layers().iter().enumerate() {
            let has_content = subject.ledger.layers().get(layer).is_some_and(|totals| totals.total > 0);
            if !seen.insert(stored.diff_id()) && has_content {
                hits.add_layer(&ArchiveGarbage, "repeated-layer", layer, stored.stored().1);
            }
        }
        for (name, bytes) in subject.unreachable {
            hits.add(
                &ArchiveGarbage,
                Hit {
                    kind: "unreachable",
                    creator: None,
                    killer: None,
                    bytes: *bytes,
                    path: name.as_bytes().to_vec(),
                    is_tree: false,
                    other: None,
                    package: None,
                    file: None,
                },
            );
        }
    }
}
