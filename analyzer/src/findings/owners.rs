//! Which package a file belongs to that was found: what the databases of package managers say that stood beside it.
//!
//! A live file is of the package that the image has now. A dead one is of the package that was there just before it died: who
//! deletes a package takes it out of the database too, and who upgrades one writes another version into it.

use std::collections::BTreeSet;

use super::{Subject, rules};
use crate::{Packages, packages};

/// Bytes of databases that are read for moments that are past: those of a Debian image, some 5 MB, fifty times. What is asked
/// for beyond is not known, so that layers without end that touch a large database cost no time without end.
const MAX_READ: usize = 256 << 20;

/// Tells whose a file is. It holds the packages of one moment: who asks does so in the order of deaths.
pub(super) struct Owners<'a> {
    subject: &'a Subject<'a>,
    /// Made at the first question about a dead file.
    databases: Option<Databases<'a>>,
    /// The packages of another moment than the last.
    then: Option<(usize, Packages)>,
    /// Bytes that may still be read for such moments.
    left: usize,
}

/// Contents that tell of packages, through the layers.
struct Databases<'a> {
    contents: Vec<Content<'a>>,
    /// The layers that changed any of them.
    changes: BTreeSet<usize>,
}

struct Content<'a> {
    path: Vec<u8>,
    text: &'a [u8],
    creator: usize,
    killer: Option<usize>,
}

impl<'a> Owners<'a> {
    pub(super) fn of(subject: &'a Subject<'a>) -> Self {
        Self { subject, databases: None, then: None, left: MAX_READ }
    }

    /// The package of a file that a layer made and, when it is dead, another killed: name, version and manager.
    pub(super) fn owner(&mut self, path: &[u8], creator: Option<usize>, killer: Option<usize>) -> Option<String> {
        let creator = creator.filter(|_| !rules::is_database(path))?;
        let now = self.subject.packages;
        let Some(killer) = killer else { return now.owner(path).map(ToString::to_string) };
        let databases = self.databases.get_or_insert_with(|| Databases::of(self.subject));
        // of what one layer made and killed, its own database must do
        let moment = if killer > creator { killer - 1 } else { killer };
        if databases.changes.range(moment + 1..).next().is_none() {
            return now.owner(path).map(ToString::to_string);
        }
        let change = databases.changes.range(..=moment).next_back().copied()?;
        if self.then.as_ref().is_none_or(|(known, _)| *known != change) {
            let contents = databases.after(change);
            self.left = self.left.checked_sub(contents.iter().map(|(_, text)| text.len()).sum())?;
            self.then = Some((change, Packages::told_by(&contents)));
        }
        let (_, then) = self.then.as_ref()?;
        then.owner(path).map(ToString::to_string)
    }
}

impl<'a> Databases<'a> {
    fn of(subject: &'a Subject<'a>) -> Self {
        let ledger = subject.ledger;
        let (mut contents, mut changes) = (Vec::new(), BTreeSet::new());
        for (path, inode, text) in packages::shown(ledger.indexes(), ledger.view()) {
            contents.push(Content { path, text, creator: inode.layer as usize, killer: None });
        }
        for dead in ledger.dead() {
            if let Some(text) = ledger.indexes()[dead.creator()].facts().kept(dead.inode.entry) {
                let path = dead.path.as_bytes().to_vec();
                contents.push(Content { path, text, creator: dead.creator(), killer: Some(dead.killer) });
            }
        }
        contents.retain(|content| content.path != b"etc/passwd");
        for content in &contents {
            changes.extend([content.creator].into_iter().chain(content.killer));
        }
        contents.sort_by(|a, b| (&a.path, a.creator).cmp(&(&b.path, b.creator)));
        Self { contents, changes }
    }

    /// The contents that were there after a layer, with their paths.
    fn after(&self, layer: usize) -> Vec<(Vec<u8>, &'a [u8])> {
        let is_there =
            |content: &&Content<'_>| content.creator <= layer && content.killer.is_none_or(|killer| killer > layer);
        self.contents.iter().filter(is_there).map(|content| (content.path.clone(), content.text)).collect()
    }
}
