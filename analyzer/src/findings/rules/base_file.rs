//! A11: a file of the base image that a layer above it killed.

use super::{is_database, rewritten_file};
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
                ("database", "a package manager wrote its account anew, as it does with every install"),
                ("rewrite", "the same content took the name: a chmod, a chown"),
                ("identical", "the same content took the name, and at most the time changed"),
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
        let (killer, files) = (told.killer(), told.files());
        let does = match told.kind() {
            "database" => return format!("{killer} writes the base image's databases of packages anew: {files}"),
            "identical" => return format!("{killer} has files of the base image again, as they were: {files}"),
            "overwrite" => "writes anew",
            "rewrite" => "changes attributes of",
            "type-change" => "puts something else in the place of",
            _ => "deletes",
        };
        format!("{killer} {does} files of the base image: {files}")
    }

    fn fix(&self, told: &Told<'_>) -> String {
        match told.kind() {
            "database" => {
                "None as long as anything is installed on this base: every install writes the database anew. Take a base image \
                 that has the packages, where there is one."
            }
            "rewrite" => {
                "Leave modes and owners of the base's files as they are: give `chmod` and `chown` only what this image adds."
            }
            "identical" => {
                "Leave out what writes the same again: a COPY of files that the base has, a command that touches them."
            }
            _ => self.about().fix,
        }
        .to_owned()
    }
}

impl Exact for BaseFile {
    fn claims(&self, death: &Death<'_>) -> Option<Claim> {
        let base = death.subject.base_layers;
        if death.dead.creator() >= base || death.dead.killer < base {
            return None;
        }
        let kind = match death.dead.kind {
            Kind::Overwrite | Kind::Rewrite if is_database(death.dead.path.as_bytes()) => "database",
            Kind::Overwrite => "overwrite",
            Kind::Rewrite if matches!(rewritten_file::change(death), "touch" | "identical") => "identical",
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
