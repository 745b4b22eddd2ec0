//! A11: a file of the base image that a layer above it killed.

use crate::{
    findings::{
        About, Claim, Confidence, Level, Rule, Told,
        deaths::{Death, Exact},
    },
    ledger::Kind,
};

/// A11.
pub(in crate::findings) struct BaseFile;

impl Rule for BaseFile {
    fn about(&self) -> &'static About {
        &About {
            id: "A11",
            name: "base-file",
            title: "Files of the base image that layers above it delete or write anew",
            explanation: "The base image's layers come with the image whatever is done to their files above. No change of \
                          the Dockerfile's RUNs gives these bytes back.",
            detection: "A dead inode that a layer of the base image made and a layer above it killed. Needs to know which \
                        layers are the base's.",
            fix: "Take a base image that does not have it; or copy the finished root filesystem into an empty stage: \
                  `FROM scratch`, `COPY --from=build / /`, which gives up the base's shared layers.",
            kinds: &[
                ("overwrite", "another content took the name"),
                ("rewrite", "the same content took the name: a chmod, a chown"),
                ("whiteout", "it was deleted"),
                ("opaque", "its directory was emptied and made again"),
                ("type-change", "something else took the name"),
            ],
            confidence: Confidence::Medium,
            exact: true,
            level: Level::Note,
        }
    }

    fn message(&self, told: &Told<'_>) -> String {
        let does = match told.kind() {
            "overwrite" => "writes anew",
            "rewrite" => "changes attributes of",
            "type-change" => "puts something else in the place of",
            _ => "deletes",
        };
        format!("{} {does} files of the base image: {}", told.killer(), told.files())
    }
}

impl Exact for BaseFile {
    fn claims(&self, death: &Death<'_>) -> Option<Claim> {
        let base = death.subject.base_layers;
        if death.dead.creator() >= base || death.dead.killer < base {
            return None;
        }
        let kind = match death.dead.kind {
            Kind::Overwrite => "overwrite",
            Kind::Rewrite => "rewrite",
            Kind::Whiteout => "whiteout",
            Kind::Opaque => "opaque",
            Kind::TypeChange | Kind::DuplicateEntry => "type-change",
        };
        let top = match death.dead.kind {
            Kind::Whiteout => death.removed_directory(),
            Kind::Opaque => death.opaque_directory(),
            _ => None,
        };
        Some(Claim { tree: top.map(<[u8]>::to_vec), ..Claim::file(kind) })
    }
}
