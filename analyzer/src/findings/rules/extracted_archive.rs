//! B11: archives beside what was unpacked of them.

use std::collections::HashMap;

use strata_image::view::InodeId;

use crate::{
    facts::{Archive, Fact, Member},
    findings::{
        About, Claim, Confidence, Hits, Level, Rule, Told,
        live::{Advisory, Whole, each_file, hit},
    },
    index::ContentHash,
    path_text,
};

/// B11.
pub(in crate::findings) struct ExtractedArchive;

impl Rule for ExtractedArchive {
    fn about(&self) -> &'static About {
        &About {
            id: "B11",
            name: "extracted-archive",
            title: "Archives that were unpacked and kept",
            explanation: "An archive whose contents lie beside it is of no more use.",
            detection: "Live `*.tar*`, `*.tgz`, `*.zip`, `*.whl`, `*.jar`, `*.deb` and the like, of whose members at \
                        least nine tenths, by bytes, are contents of other live files. Archives are unpacked for that, \
                        within limits, when their layer is first read. Those of rpm are not.",
            fix: "Let ADD unpack it; or `curl … | tar x` in one RUN; or bind-mount it from the context or a stage \
                  (hadolint DL3010); or remove it in the RUN that unpacks it.",
            kinds: &[("archive", "all but a tenth of it is there unpacked")],
            confidence: Confidence::High,
            exact: false,
            level: Level::Warning,
        }
    }

    fn message(&self, told: &Told<'_>) -> String {
        match told.other() {
            Some(other) => {
                format!("{} keeps an archive of what is unpacked in {other}: {}", told.creator(), told.files())
            }
            None => format!("{} keeps unpacked archives: {}", told.creator(), told.files()),
        }
    }
}

impl Advisory for ExtractedArchive {
    fn look(&self, whole: &Whole<'_>, hits: &mut Hits<'_>) {
        let subject = whole.subject;
        let is_there = |hash: &ContentHash| whole.counts.contains_key(hash);
        // archives of which enough is there, each with one member that tells where
        let mut found: HashMap<InodeId, ContentHash> = HashMap::new();
        for (layer, index) in subject.ledger.indexes().iter().enumerate().skip(subject.since()) {
            for (entry, fact) in index.facts().all() {
                if let Fact::Archive(archive) = fact
                    && let Some(member) = unpacked(archive, &is_there)
                {
                    found.insert(InodeId { layer: u32::try_from(layer).unwrap_or(u32::MAX), entry }, member);
                }
            }
        }
        if found.is_empty() {
            return;
        }
        let mut places: HashMap<ContentHash, Option<Vec<u8>>> = found.values().map(|hash| (*hash, None)).collect();
        let mut archives = Vec::new();
        each_file(subject, &mut |path, size, inode| {
            if let Some(place) = subject.ledger.content(inode).and_then(|content| places.get_mut(content)) {
                place.get_or_insert_with(|| path.to_vec());
            }
            if found.contains_key(&inode) {
                archives.push((path.to_vec(), size, inode));
            }
        });
        for (path, size, inode) in archives {
            let place = found.get(&inode).and_then(|member| places.get(member)?.as_deref());
            let directory = place.map(|place| &place[..place.iter().rposition(|&byte| byte == b'/').unwrap_or(0)]);
            let claim = Claim { other: directory.map(path_text), ..Claim::file("archive") };
            hits.add(&ExtractedArchive, hit(claim, &path, size, inode));
        }
    }
}

/// The largest member that is there, when nine tenths of all bytes are.
fn unpacked(archive: &Archive, is_there: &dyn Fn(&ContentHash) -> bool) -> Option<ContentHash> {
    let sum =
        |members: &mut dyn Iterator<Item = &Member>| members.map(|member| member.size).fold(0, u64::saturating_add);
    let all = sum(&mut archive.members.iter());
    let there: Vec<&Member> = archive.members.iter().filter(|member| is_there(&member.hash)).collect();
    let present = sum(&mut there.iter().copied());
    // of an archive that was not read to its end nothing is known about the rest
    let is_enough = archive.is_whole && all > 0 && u128::from(present) * 10 >= u128::from(all) * 9;
    is_enough.then(|| there.iter().max_by_key(|member| member.size).map(|member| member.hash)).flatten()
}
