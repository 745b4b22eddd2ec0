//! B20: a base that is shipped twice.

use std::collections::HashMap;

use crate::{
    findings::{
        About, Confidence, Hits, Level, Rule, Told,
        live::{Advisory, Whole},
    },
    index::{ContentHash, LayerIndex},
};

/// B20.
pub(in crate::findings) struct CopiedBase;

impl Rule for CopiedBase {
    fn about(&self) -> &'static About {
        &About {
            id: "B20",
            name: "copied-base",
            title: "Layers that mostly repeat the layers below",
            explanation: "A COPY of a whole tree from a stage that was built on the same base brings the base a second \
                          time.",
            detection: "Layers of at least 50 files, made by COPY or ADD, of whose bytes at least half are contents \
                        that lower layers have. Where the history does not say how a layer was made, it is not judged.",
            fix: "Copy what the stage made, not what it was made from (hadolint DL3067); or start from that stage.",
            kinds: &[("repeated", "at least half is in lower layers")],
            confidence: Confidence::Medium,
            exact: false,
            level: Level::Warning,
        }
    }

    fn message(&self, told: &Told<'_>) -> String {
        format!("{} copies what lower layers have: {}", told.creator(), told.bytes())
    }
}

/// A few equal files are an accident.
const MIN_FILES: usize = 50;

impl Advisory for CopiedBase {
    fn look(&self, whole: &Whole<'_>, hits: &mut Hits<'_>) {
        let indexes = whole.subject.ledger.indexes();
        for (layer, index) in indexes.iter().enumerate().skip(whole.subject.since()) {
            let text = whole.subject.instruction(layer).unwrap_or_default();
            let words = text.split("#(nop)").last().unwrap_or_default().trim_start().to_ascii_uppercase();
            if !(words.starts_with("COPY ") || words.starts_with("ADD ")) {
                continue;
            }
            let entries = |index: &LayerIndex| 0..u32::try_from(index.len()).unwrap_or(u32::MAX);
            let mut own: HashMap<&ContentHash, u64> = HashMap::new();
            let (mut files, mut total) = (0, 0_u64);
            for entry in entries(index) {
                if let Some(hash) = index.hash(entry).filter(|_| index.size(entry) > 0) {
                    *own.entry(hash).or_default() += index.size(entry);
                    files += 1;
                    total += index.size(entry);
                }
            }
            if files < MIN_FILES {
                continue;
            }
            let mut repeated = 0;
            for lower in &indexes[..layer] {
                repeated += entries(lower).filter_map(|entry| own.remove(lower.hash(entry)?)).sum::<u64>();
            }
            if repeated >= total.div_ceil(2) {
                hits.add_layer(&CopiedBase, "repeated", layer, repeated);
            }
        }
    }
}
