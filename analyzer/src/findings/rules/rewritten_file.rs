//! A2: a file that a later layer carries again, content and all, since something about it changed.

use strata_image::layer::Entry;

use crate::{
    findings::{
        About, Claim, Confidence, Level, Rule, Told,
        deaths::{Death, Exact},
    },
    ledger::Kind,
};

/// A2.
pub(in crate::findings) struct RewrittenFile;

impl Rule for RewrittenFile {
    fn about(&self) -> &'static About {
        &About {
            id: "A2",
            name: "rewritten-file",
            title: "Files that a later layer has again with the same content",
            explanation: "A change of a file's mode, owner, attributes or time in a later layer copies the whole file into \
                          that layer. The first copy stays in the image, where nobody can see it.",
            detection: "A dead inode whose name a regular file of the same content took, in a later layer. What differs \
                        between the headers of the two says which command did it.",
            fix: "Give the file its final mode and owner where it is made: `COPY --chmod --chown`, or chmod and chown in \
                  the RUN that writes it.",
            kinds: &[
                ("chmod", "the mode changed"),
                ("chown", "the owner or the group changed"),
                ("chmod+chown", "mode and owner changed"),
                ("xattr", "an extended attribute changed, such as a capability"),
                ("touch", "only the time changed"),
                ("identical", "nothing changed"),
            ],
            confidence: Confidence::High,
            exact: true,
            level: Level::Warning,
        }
    }

    fn message(&self, told: &Told<'_>) -> String {
        let what = match told.kind() {
            "chmod" => "changes the mode of",
            "chown" => "changes the owner of",
            "chmod+chown" => "changes mode and owner of",
            "xattr" => "changes attributes of",
            "touch" => "changes the time of",
            _ => "has a second copy of",
        };
        format!("{} {what} what {} wrote, which copies it: {}", told.killer(), told.creator(), told.files())
    }

    fn fix(&self, told: &Told<'_>) -> String {
        match told.kind() {
            "xattr" => "Set the attribute in the RUN that writes the file: chain the two.".to_owned(),
            "touch" => "Leave the time alone, or set it in the RUN that writes the file.".to_owned(),
            "identical" => {
                "Write the file once: leave out the second COPY or RUN, or what of it writes the same again.".to_owned()
            }
            _ => self.about().fix.to_owned(),
        }
    }
}

impl Exact for RewrittenFile {
    fn claims(&self, death: &Death<'_>) -> Option<Claim> {
        (death.dead.kind == Kind::Rewrite).then(|| Claim::file(change(death)))
    }
}

/// The command that wrote a file again.
pub(super) fn change(death: &Death<'_>) -> &'static str {
    let entry =
        |inode: strata_image::view::InodeId| death.subject.ledger.indexes().get(inode.layer as usize)?.get(inode.entry);
    let (old, new) = (entry(death.dead.inode), death.dead.by.and_then(entry));
    old.zip(new).map_or("identical", |(old, new)| changed(&old, &new))
}

/// The command that makes this of that.
fn changed(old: &Entry, new: &Entry) -> &'static str {
    match (old.mode != new.mode, (old.uid, old.gid) != (new.uid, new.gid)) {
        (true, true) => "chmod+chown",
        (true, false) => "chmod",
        (false, true) => "chown",
        (false, false) if old.xattrs != new.xattrs => "xattr",
        (false, false) if old.mtime != new.mtime => "touch",
        (false, false) => "identical",
    }
}
