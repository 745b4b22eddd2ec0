//! One path of two images side by side: what each has there, for text a unified diff, for a directory what differs below.

mod shown;

use std::fmt;

use serde::Serialize;
use strata_image::Image;

use super::{
    Options, RootfsDiff,
    details::{Detail, details, words},
    layers, rootfs,
    what::What,
};
use crate::{
    Error, Result,
    index::LayerIndex,
    path_text::{path_bytes, path_text},
    size_text, text_diff,
};
use shown::Shown;

/// The most bytes of a file that are taken into memory to be shown: 4 MiB hold any text that a person reads.
pub const MAX_SHOWN: u64 = 4 << 20;
/// Bytes in which git looks for a zero byte to tell what is no text.
const TEXT_HEAD: usize = 8000;
/// The version of the report's form.
const SCHEMA: u32 = 1;

/// One path of two images: schema 1 of `compare --show PATH --format json` (docs/FORMATS.md).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FileDiff {
    /// Always 1.
    pub schema: u32,
    /// As it was asked for, absolute.
    pub path: String,
    /// Whether nothing differs that counts.
    pub equal: bool,
    /// What differs; empty where one of the images has no such path.
    pub what: Vec<What>,
    /// Both values of what has short ones.
    pub details: Vec<Detail>,
    /// What the first image has there.
    pub a: Option<FileFacts>,
    /// What the second image has there.
    pub b: Option<FileFacts>,
    /// A unified diff of the two contents; `None` where they are equal or are not shown, and of a file that moved.
    pub diff: Option<String>,
    /// Why contents that differ are not shown.
    pub not_shown: Option<&'static str>,
    /// What differs below a directory. Where one image alone has the path, also what became of that: of a directory all that
    /// came or went with it, of a file only where it moved.
    pub below: Option<RootfsDiff>,
}

/// What an image has at a path.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FileFacts {
    /// Where it lies, symlinks among its parents followed.
    pub path: String,
    /// `file`, `directory`, `symlink`, `char-device`, `block-device` or `fifo`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Content bytes.
    pub bytes: u64,
    /// The 12 permission bits in octal.
    pub mode: String,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// Time of the last change, RFC 3339.
    pub mtime: String,
    /// A symlink's target.
    pub link: Option<String>,
    /// The layer that it is from, the lowest is 0.
    pub layer: u32,
    /// All paths that share the inode, in byte order; empty where it is one.
    pub names: Vec<String>,
}

impl FileDiff {
    /// The two sides, each with its letter and what it has in words.
    pub fn sides(&self) -> [(char, String); 2] {
        let text =
            |facts: &Option<FileFacts>| facts.as_ref().map_or("has no such path".to_owned(), ToString::to_string);
        [('A', text(&self.a)), ('B', text(&self.b))]
    }

    /// What differs, and why it is not shown where it is not, each in a line.
    pub fn notes(&self) -> Vec<String> {
        let is_file = |side: &Option<FileFacts>| side.as_ref().is_some_and(|facts| facts.kind == "file");
        let same = is_file(&self.a) && is_file(&self.b) && self.diff.is_none() && self.not_shown.is_none();
        let content = if same { "; the contents are equal" } else { "" };
        let differs = (!self.what.is_empty())
            .then(|| format!("differs in {}{content}", words(&self.what, &self.details, usize::MAX)));
        let is_on_both = self.a.is_some() && self.b.is_some();
        let content = if is_on_both { "the contents differ, and are not shown" } else { "the content is not shown" };
        let hidden = self.not_shown.map(|reason| format!("{content}: {reason}"));
        let places = match (&self.a, &self.b) {
            (Some(a), Some(b)) if a.is_directory() && b.is_directory() && self.below.is_none() => Some(format!(
                "two directories, what is below was not compared: see {} of A and {} of B",
                a.path, b.path
            )),
            _ => None,
        };
        let below = self.below.as_ref().filter(|below| is_on_both && !below.is_empty()).map(|below| {
            let paths: usize = below.classes.iter().map(|total| total.paths).sum();
            format!("below {paths} {}", if paths == 1 { "path differs" } else { "paths differ" })
        });
        differs.into_iter().chain(hidden).chain(places).chain(below).collect()
    }
}

impl FileFacts {
    fn is_directory(&self) -> bool {
        self.kind == "directory"
    }
}

/// Names of one file that a person is shown.
const NAMES: usize = 4;

/// Writes what a person reads in one line.
impl fmt::Display for FileFacts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let link = self.link.as_ref().map(|link| format!(" -> {link}")).unwrap_or_default();
        let Self { path, kind, mode, uid, gid, mtime, layer, .. } = self;
        let size = size_text(self.bytes);
        write!(formatter, "{path}{link}  {kind}, {size}, mode {mode}, owner {uid}:{gid}, {mtime}, from layer {layer}")?;
        if !self.names.is_empty() {
            let rest = self.names.len().saturating_sub(NAMES);
            let shown = self.names[..self.names.len() - rest].join(", ");
            let rest = if rest > 0 { format!(" and {rest} more") } else { String::new() };
            write!(formatter, ", names {shown}{rest}")?;
        }
        Ok(())
    }
}

/// Compares what two images have at a path: raw bytes, or as [`path_text`] writes them; a relative one begins at the root.
///
/// # Errors
/// Fails when a layer cannot be read, and with [`Error::NoSuchPath`] when neither image has the path.
pub fn show(a: &dyn Image, b: &dyn Image, path: &[u8], options: &Options<'_>) -> Result<FileDiff> {
    let path = path_bytes(path);
    let indexes = LayerIndex::all(a.layers().iter().chain(b.layers()), options.cache)?;
    let (of_a, of_b) = indexes.split_at(a.layers().len());
    let (of_a, of_b) = (Shown::find(a, of_a, &path)?, Shown::find(b, of_b, &path)?);
    let counts = options.counting();
    let (what, details) = match (of_a.node(), of_b.node()) {
        (Some(at_a), Some(at_b)) if of_a.is_given() && of_b.is_given() => {
            let (facts_a, facts_b) = (of_a.side.facts(&at_a), of_b.side.facts(&at_b));
            let mut what = facts_a.differences(&facts_b);
            what.insert_if(What::Hardlinks, of_a.side.names(&at_a) != of_b.side.names(&at_b));
            let what = what.and(counts);
            (what.list(), details(&facts_a, &facts_b, what))
        }
        (None, None) => return Err(Error::NoSuchPath { path: asked(&path) }),
        _ => Default::default(),
    };
    let whole = || rootfs::compare(&of_a.side, &of_b.side, counts, layers::shared(a, b)).0;
    let (told_a, told_b) = (of_a.told(), of_b.told());
    let is_directory = |told: &Option<FileFacts>| told.as_ref().is_some_and(FileFacts::is_directory);
    let (directory_a, directory_b) = (is_directory(&told_a), is_directory(&told_b));
    let below = match (of_a.path(), of_b.path()) {
        (Some(at_a), Some(at_b)) if at_a == at_b && (directory_a || directory_b) => Some(whole().below(at_a)),
        (Some(lone), None) if !of_b.has(lone) => Some(whole().within(lone)),
        (None, Some(lone)) if !of_a.has(lone) => Some(whole().within(lone)),
        _ => None,
    };
    let equal = what.is_empty()
        && match (&below, &told_a, &told_b) {
            (Some(below), ..) => below.is_empty(),
            (None, Some(_), Some(_)) => !(directory_a && directory_b),
            (None, Some(_), None) => !options.counts(What::Removed),
            (None, None, _) => !options.counts(What::Added),
        };
    let is_any_directory = directory_a || directory_b;
    let has_moved = |below: &RootfsDiff| !below.renamed.is_empty() || !below.copied.is_empty();
    let is_moved_file = !is_any_directory && below.as_ref().is_some_and(has_moved);
    let mut found = FileDiff {
        schema: SCHEMA,
        path: asked(&path),
        equal,
        what,
        details,
        a: told_a,
        b: told_b,
        diff: None,
        not_shown: None,
        // of a file that came or went there is no more to say
        below: below.filter(|_| is_any_directory || is_moved_file),
    };
    // what moved is the content of another path
    if of_a.content() != of_b.content() && !is_moved_file {
        match contents(&of_a, &of_b)? {
            Contents::Texts(text_a, text_b) => found.diff = Some(diff(&found, &text_a, &text_b)),
            Contents::Not(reason) => found.not_shown = Some(reason),
        }
    }
    Ok(found)
}

/// A path as it was asked for, absolute.
fn asked(path: &[u8]) -> String {
    let slashes = path.iter().take_while(|&&byte| byte == b'/').count();
    path_text(&path[slashes..])
}

fn diff(found: &FileDiff, a: &[u8], b: &[u8]) -> String {
    let name = |side: &str, facts: &Option<FileFacts>| match facts {
        Some(_) => format!("{side}{}", found.path),
        None => "/dev/null".to_owned(),
    };
    text_diff::unified(&name("a", &found.a), &name("b", &found.b), a, b)
}

/// Both contents, or why they are not shown.
enum Contents {
    Texts(Vec<u8>, Vec<u8>),
    Not(&'static str),
}

fn contents(a: &Shown<'_>, b: &Shown<'_>) -> Result<Contents> {
    if a.size() > MAX_SHOWN || b.size() > MAX_SHOWN {
        return Ok(Contents::Not("larger than is shown"));
    }
    let (of_a, of_b) = (a.read()?, b.read()?);
    let is_binary = |content: &[u8]| content.iter().take(TEXT_HEAD).any(|&byte| byte == 0);
    let is_text = !is_binary(&of_a) && !is_binary(&of_b);
    Ok(if is_text { Contents::Texts(of_a, of_b) } else { Contents::Not("binary") })
}
