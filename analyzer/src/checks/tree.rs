//! Files: what is removed too late, copied to be unpacked, or made larger than it is.

use strata_dockerfile::{Copy, CopySource, Instruction, Kind};

use super::{
    Findings, finding,
    step::{Shipped, Step},
};

/// Names of archives that ADD unpacks.
const ARCHIVES: [&str; 12] =
    [".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tbz2", ".tar.xz", ".txz", ".tar.zst", ".tzst", ".taz", ".tz"];

/// User numbers from here on make the sparse files of lastlog and faillog large: as many records as the number says.
const LARGE_UID: u64 = 100_000;

pub(super) fn check(shipped: &[Shipped<'_>], found: &mut Findings<'_>) {
    for shipped in shipped {
        for step in &shipped.steps {
            removed_too_late(step, found);
            lastlog(step, found);
        }
        let from_scratch = shipped.stage.from.image.value == "scratch";
        for instruction in &shipped.stage.instructions {
            match &instruction.kind {
                Kind::Add(add) => added(instruction, add, found),
                Kind::Copy(copy) if copy.from.is_none() => archive(instruction, copy, shipped, found),
                Kind::Copy(copy) if !from_scratch => whole_stage(instruction, copy, found),
                _ => {}
            }
        }
    }
}

/// A RUN that does nothing but remove: what it removes stays in the layers below.
fn removed_too_late(step: &Step<'_>, found: &mut Findings<'_>) {
    let removes = step.named(&["rm"]).count();
    let cleans = step
        .named(&["apt-get", "yum", "dnf", "zypper"])
        .filter(|words| words[1..].iter().any(|word| matches!(word.as_str(), "clean" | "autoclean" | "cc")));
    // what lies on a mount is in no layer
    let only_removes = removes + cleans.count() == step.commands.len();
    if !only_removes || step.commands.is_empty() || !step.run.mounts.is_empty() {
        return;
    }
    let message = "what this removes stays in the layers below, where it was written".to_owned();
    let help = "remove it in the RUN that makes it; `strata slim` finds where that is";
    found.add(step.instruction, finding("RemovedTooLate", step.instruction, step.span(), message, help, &[]));
}

fn lastlog(step: &Step<'_>, found: &mut Findings<'_>) {
    let grows = step.named(&["useradd"]).any(|words| {
        let number = |text: &str| text.parse::<u64>().is_ok_and(|uid| uid >= LARGE_UID);
        let mut uids =
            words.iter().zip(words.iter().skip(1)).filter(|(flag, _)| matches!(flag.as_str(), "-u" | "--uid"));
        let joined = words.iter().filter_map(|word| word.strip_prefix("--uid=").or(word.strip_prefix("-u")));
        let is_large = uids.any(|(_, uid)| number(uid)) || joined.into_iter().any(number);
        // short flags may be joined: -lm
        let says_not = words[1..].iter().any(|word| {
            word == "--no-log-init" || word.starts_with('-') && !word.starts_with("--") && word.contains('l')
        });
        is_large && !says_not
    });
    if grows {
        let message = "useradd with a large number makes large, empty lastlog and faillog files".to_owned();
        let help = "use `useradd --no-log-init`";
        let paths = &["var/log/lastlog", "var/log/faillog"];
        found.add(step.instruction, finding("LargeLastlog", step.instruction, step.span(), message, help, paths));
    }
}

/// ADD of a plain file: COPY says what happens, and does not look into it.
fn added(instruction: &Instruction, add: &Copy, found: &mut Findings<'_>) {
    for source in &add.sources {
        let CopySource::Path(word) = source else { continue };
        let text = word.value.to_lowercase();
        let may_be_more = text.contains([':', '*', '?', '[', '$', '@'])
            || text.starts_with("github.com/")
            || ARCHIVES.iter().any(|suffix| text.ends_with(suffix));
        // without a suffix it may be an archive nonetheless, unless it is seen to be a directory
        let file = text.rsplit('/').next().unwrap_or_default();
        let has_suffix = file.rfind('.').is_some_and(|at| at > 0);
        let is_plain = matches!(file, "" | ".") || has_suffix && file.strip_suffix(".git").is_none();
        if !may_be_more && is_plain {
            let message = format!("ADD of {:?} does what COPY does", word.value);
            let help = "use COPY, which never unpacks or downloads";
            found.add(instruction, finding("AddInsteadOfCopy", instruction, word.span, message, help, &[]));
        }
    }
}

/// COPY of an archive that a later RUN unpacks: it stays in COPY's layer.
fn archive(instruction: &Instruction, copy: &Copy, shipped: &Shipped<'_>, found: &mut Findings<'_>) {
    for source in &copy.sources {
        let CopySource::Path(word) = source else { continue };
        let name = word.value.rsplit('/').next().unwrap_or_default();
        if name.contains(['*', '?', '[', '$']) || !ARCHIVES.iter().any(|suffix| name.to_lowercase().ends_with(suffix)) {
            continue;
        }
        let unpacks = |step: &&Step<'_>| {
            step.instruction.span.start > instruction.span.start
                && step.named(&["tar", "bsdtar"]).any(|words| {
                    let extracts = words.get(1).is_some_and(|flags| flags.contains('x') && !flags.contains('/'))
                        || words.iter().any(|word| word == "--extract");
                    extracts && words.iter().any(|word| word.rsplit('/').next() == Some(name))
                })
        };
        let Some(step) = shipped.steps.iter().find(unpacks) else { continue };
        let message =
            format!("the archive {name:?}, which line {} unpacks, stays in this layer", step.instruction.lines.0);
        let help = "use ADD, which unpacks it, or mount it: RUN --mount=type=bind,target=/x ...";
        let path = format!("**/{name}");
        found.add(instruction, finding("ArchiveCopied", instruction, word.span, message, help, &[&path]));
    }
}

/// `COPY --from=stage / /`: all of another stage, caches and tools included, above what is there.
fn whole_stage(instruction: &Instruction, copy: &Copy, found: &mut Findings<'_>) {
    let whole = copy.sources.iter().find_map(|source| match source {
        CopySource::Path(word) if word.value == "/" => Some(word),
        _ => None,
    });
    let Some(word) = whole.filter(|_| copy.exclude.is_empty()) else { return };
    let message = "this copies the whole filesystem of another stage".to_owned();
    let help = "copy the directories that are needed";
    found.add(instruction, finding("WholeStageCopied", instruction, word.span, message, help, &["**"]));
}
