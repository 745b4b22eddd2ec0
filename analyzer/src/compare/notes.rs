//! What a person wants to be told in words.

use strata_image::{Image, layer::CAPABILITY};

use super::{Comparison, FirstStep, What, config, side::Side};

/// What docker puts into every container, and `docker export` into the tar with what is the image's.
const CONTAINERS_OWN: [&str; 12] = [
    "/.dockerenv",
    "/dev",
    "/dev/console",
    "/dev/pts",
    "/dev/shm",
    "/etc",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/mtab",
    "/etc/resolv.conf",
    "/proc",
    "/sys",
];
/// The file by which such a tar is known.
const DOCKERS_MARK: &str = "/.dockerenv";

const NAMES: [&str; 2] = ["the first image", "the second image"];

/// Says what one source cannot carry, how layers and root filesystems go together, and where the histories part. `sides` are
/// there where the layers were looked into.
pub(super) fn notes(images: [&dyn Image; 2], sides: Option<[&Side; 2]>, found: &Comparison) -> Vec<String> {
    let mut notes = Vec::new();
    let lacks = images.map(|image| image.config().is_none());
    match lacks {
        [true, true] => notes.push("neither image has a config: both are root filesystems".to_owned()),
        [true, false] => notes.extend(lost(images, sides, 0, found)),
        [false, true] => notes.extend(lost(images, sides, 1, found)),
        [false, false] => {}
    }
    if lacks == [false, false] && found.rootfs.is_empty() && !found.layers.equal {
        let is_whole = !found.ignored.iter().any(|what| *what <= What::Hardlinks);
        let equal = if is_whole { "equal" } else { "equal in what counts" };
        let differences = found.layers.differences();
        notes.push(format!("the root filesystems are {equal}, though the layers are not: {differences}"));
    }
    notes.extend(found.history.first.as_ref().map(|first| first_step(first, false)));
    notes
}

/// What the image without a config, number `rootfs`, lost when it was exported.
fn lost(images: [&dyn Image; 2], sides: Option<[&Side; 2]>, rootfs: usize, found: &Comparison) -> Vec<String> {
    let (name, image) = (NAMES[rootfs], images[1 - rootfs]);
    let other = NAMES[1 - rootfs];
    let mut notes = Vec::new();
    if let Some(config) = image.config() {
        let fields = config::set_fields(config);
        let fields = match fields.as_slice() {
            [] => "which sets nothing".to_owned(),
            fields => format!("which sets {}", fields.join(", ")),
        };
        let history = match config.history.len() {
            0 => String::new(),
            steps => format!(", no history ({})", count(steps, "step")),
        };
        let layers = match image.layers().len() {
            0 | 1 => String::new(),
            layers => format!(", and its one layer is what {layers} show together"),
        };
        notes.push(format!("{name} is a root filesystem: it has no config ({fields} in {other}){history}{layers}"));
    }
    if let Some(sides) = sides {
        let (has, lacks) = (&sides[1 - rootfs].attributes, &sides[rootfs].attributes);
        if has.paths > 0 && lacks.paths == 0 {
            let capabilities = match (&has.example, has.capabilities) {
                (Some(path), 1) => format!("; one is the file capability of {path} ({CAPABILITY})"),
                (Some(path), many) => format!("; {many} are file capabilities ({CAPABILITY}), as that of {path}"),
                (None, _) => String::new(),
            };
            let paths = count(has.paths, "path");
            notes.push(format!("{name} has no extended attributes, {other} has them on {paths}{capabilities}"));
        }
        let (has, lacks) = (sides[1 - rootfs].linked_files(), sides[rootfs].linked_files());
        if has > 0 && lacks == 0 {
            notes.push(format!("{name} has no hard links, {other} has {} with several names", count(has, "file")));
        }
    }
    let only_here = if rootfs == 0 { found.rootfs.gone() } else { found.rootfs.new_paths() };
    if only_here.contains(&DOCKERS_MARK) {
        let own = match only_here.iter().filter(|path| CONTAINERS_OWN.contains(path)).count() {
            1 => "one path is".to_owned(),
            own => format!("{own} paths are"),
        };
        notes.push(format!("{name} was exported by docker: {own} the container's and not the image's"));
    }
    notes
}

/// Characters of an instruction that is shown as it is.
const LONG: usize = 120;
/// Characters of a longer one that are shown: its begin, and from a little before where it differs.
const BEGIN: usize = 40;
const BEFORE: usize = 20;

/// Says where the histories part; `is_short` where a person reads it, who wants to see what differs in long instructions.
pub(super) fn first_step(first: &FirstStep, is_short: bool) -> String {
    let at = match (first.line, first.in_base) {
        (Some(line), true) => {
            format!("the base differs: FROM at line {line} of the Dockerfile; step {} of the history", first.step)
        }
        (Some(line), false) => format!("step {} of the history, line {line} of the Dockerfile,", first.step),
        (None, _) => format!("step {} of the history", first.step),
    };
    let shown = |text: &Option<String>, other: &Option<String>| {
        let text = text.as_ref()?;
        Some(if is_short { shortened(text, other.as_deref().unwrap_or_default()) } else { text.clone() })
    };
    match (shown(&first.a, &first.b), shown(&first.b, &first.a)) {
        (Some(a), Some(_)) if first.same_instruction => {
            format!("{at} is the first that differs: the instruction is the same, what it made is not: {a}")
        }
        (Some(a), Some(b)) => format!("{at} is the first that differs: {a} in the first image, {b} in the second"),
        (Some(a), None) => format!("{at} is the first that only the first image has: {a}"),
        (None, Some(b)) => format!("{at} is the first that only the second image has: {b}"),
        (None, None) => String::new(),
    }
}

/// An instruction without the middle, where it is long.
fn shortened(text: &str, other: &str) -> String {
    let length = text.chars().count();
    if length <= LONG {
        return text.to_owned();
    }
    let same = text.chars().zip(other.chars()).take_while(|(a, b)| a == b).count();
    let shown = LONG - BEGIN;
    let from = same.saturating_sub(BEFORE).min(length - shown).max(BEGIN);
    let begin: String = text.chars().take(BEGIN).collect();
    let around: String = text.chars().skip(from).take(shown).collect();
    let (before, behind) = (if from > BEGIN { " … " } else { "" }, if from + shown < length { " …" } else { "" });
    format!("{begin}{before}{around}{behind}")
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
