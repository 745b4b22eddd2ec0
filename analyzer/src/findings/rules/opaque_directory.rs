//! A5: files of a directory that a later layer made opaque.

use super::deleted_file;
use crate::{
    findings::{
        About, Claim, Confidence, Level, Rule, Told,
        deaths::{Death, Exact},
    },
    ledger::Kind,
};

/// A5.
pub(in crate::findings) struct OpaqueDirectory;

impl Rule for OpaqueDirectory {
    fn about(&self) -> &'static About {
        &About {
            id: "A5",
            name: "opaque-directory",
            title: "Directories that a later layer emptied and made again",
            explanation: "A directory that is removed and made again in one layer hides all that lower layers have in it, \
                          and frees none of that.",
            detection: "Dead inodes below a directory that a later layer marks as opaque (`.wh..wh..opq`); reported once, \
                        at the top-most such directory.",
            fix: deleted_file::FIX,
            kinds: &[("opaque", "a directory above the file was made opaque")],
            confidence: Confidence::High,
            exact: true,
            level: Level::Warning,
        }
    }

    fn message(&self, told: &Told<'_>) -> String {
        format!("{} empties and makes again what {} wrote: {}", told.killer(), told.creator(), told.directories())
    }
}

impl Exact for OpaqueDirectory {
    fn claims(&self, death: &Death<'_>) -> Option<Claim> {
        (death.dead.kind == Kind::Opaque)
            .then(|| Claim { tree: death.opaque_directory().map(<[u8]>::to_vec), ..Claim::file("opaque") })
    }
}
