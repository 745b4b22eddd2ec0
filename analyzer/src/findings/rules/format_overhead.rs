//! B22: what the format costs.

use crate::findings::{
    About, Confidence, Hits, Level, Rule, Told,
    live::{Advisory, Whole},
};

/// B22.
pub(in crate::findings) struct FormatOverhead;

impl Rule for FormatOverhead {
    fn about(&self) -> &'static About {
        &About {
            id: "B22",
            name: "format-overhead",
            title: "Layers of many tiny files",
            explanation: "Each entry of a layer has a header of 512 bytes, and each content is padded to 512. Of tiny \
                          files that is more than the files; it compresses well, and still is read and written at \
                          every pull.",
            detection: "Layers whose headers and padding are more than a quarter of the contents, and at least 1 MiB. \
                        Extended headers are not counted. How a layer is compressed is not judged: that is decided \
                        when it is pushed.",
            fix: "Ship many tiny files as one: a bundle, an archive that the program reads, a compiled form. Write \
                  layers as zstd where registries take it.",
            kinds: &[("small-files", "headers and padding")],
            confidence: Confidence::Low,
            exact: false,
            level: Level::Note,
        }
    }

    fn message(&self, told: &Told<'_>) -> String {
        format!("{} has so many tiny files that headers and padding weigh {}", told.creator(), told.bytes())
    }
}

/// Bytes of a header, and what contents are padded to (POSIX, `pax`, "ustar Interchange Format").
const BLOCK: u64 = 512;
/// Less is not worth a word.
const MIN_BYTES: u64 = 1 << 20;

impl Advisory for FormatOverhead {
    fn look(&self, whole: &Whole<'_>, hits: &mut Hits<'_>) {
        for (layer, index) in whole.subject.ledger.indexes().iter().enumerate().skip(whole.subject.since()) {
            let (mut content, mut overhead) = (0_u64, 0_u64);
            for size in (0..u32::try_from(index.len()).unwrap_or(u32::MAX)).map(|entry| index.size(entry)) {
                content = content.saturating_add(size);
                overhead += BLOCK + size.next_multiple_of(BLOCK) - size;
            }
            if overhead >= MIN_BYTES && overhead > content / 4 {
                hits.add_layer(&FormatOverhead, "small-files", layer, overhead);
            }
        }
    }
}
