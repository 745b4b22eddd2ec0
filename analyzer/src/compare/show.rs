//! One path of two images side by side: what each has there, for text a unified diff, for a directory what differs below.
//!
//! Indexes say in which layer the path lives; only that layer is opened, up to the file.

use std::{collections::VecDeque, fmt, io::Read, sync::Arc};

use serde::Serialize;
use strata_image::{
    Image,
    layer::{LayerPath, LayerReader},
    view::{InodeId, Node, NodeKind, View},
};

use super::{Options, RootfsDiff, layers, rootfs, side::Side, what::What};
use crate::{
    Error, Result,
    error::in_layer,
    index::{LayerIndex, content_hash},
    path_text, size_text, text_diff,
};

/// The most bytes of a file that are taken into memory to be shown: 4 MiB hold any text that a person reads.
pub const MAX_SHOWN: u64 = 4 << 20;
/// Bytes in which git looks for a zero byte to tell what is no text.
const TEXT_HEAD: usize = 8000;
/// Symlinks that a path may go through, as in Linux.
const MAX_SYMLINKS: usize = 40;
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
    /// What the first image has there.
    pub a: Option<FileFacts>,
    /// What the second image has there.
    pub b: Option<FileFacts>,
    /// A unified diff of the two contents; `None` where they are equal or are not shown.
    pub diff: Option<String>,
    /// Why contents that differ are not shown.
    pub not_shown: Option<&'static str>,
    /// What differs below, where both images have a directory there.
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
        let words: Vec<&str> = self.what.iter().map(|what| what.word()).collect();
        let is_file = |side: &Option<FileFacts>| side.as_ref().is_some_and(|facts| facts.kind == "file");
        let same = is_file(&self.a) && is_file(&self.b) && self.diff.is_none() && self.not_shown.is_none();
        let content = if same { "; the contents are equal" } else { "" };
        let differs = (!words.is_empty()).then(|| format!("differs in {}{content}", words.join(", ")));
        let hidden = self.not_shown.map(|reason| format!("the contents differ, and are not shown: {reason}"));
        let places = match (&self.a, &self.b) {
            (Some(a), Some(b)) if a.is_directory() && b.is_directory() && self.below.is_none() => Some(format!(
                "two directories, what is below was not compared: see {} of A and {} of B",
                a.path, b.path
            )),
            _ => None,
        };
        let below = self.below.as_ref().filter(|below| !below.is_empty()).map(|below| {
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

/// Compares what two images have at a path; a relative one begins at the root.
///
/// # Errors
/// Fails when a layer cannot be read, and with [`Error::NoSuchPath`] when neither image has the path.
pub fn show(a: &dyn Image, b: &dyn Image, path: &str, options: &Options<'_>) -> Result<FileDiff> {
    let indexes = LayerIndex::all(a.layers().iter().chain(b.layers()), options.cache)?;
    let (of_a, of_b) = indexes.split_at(a.layers().len());
    let (of_a, of_b) = (Shown::find(a, of_a, path)?, Shown::find(b, of_b, path)?);
    let counts = options.counting();
    let what = match (of_a.node(), of_b.node()) {
        (Some(at_a), Some(at_b)) => {
            let mut what = of_a.side.facts(&at_a).differences(&of_b.side.facts(&at_b));
            what.insert_if(What::Hardlinks, of_a.side.names(&at_a) != of_b.side.names(&at_b));
            what.and(counts).list()
        }
        (None, None) => return Err(Error::NoSuchPath { path: path.to_owned() }),
        _ => Vec::new(),
    };
    let is_on_both = of_a.node.is_some() && of_b.node.is_some();
    let lone = if of_a.node.is_some() { What::Removed } else { What::Added };
    let mut found = FileDiff {
        schema: SCHEMA,
        path: format!("/{}", path.trim_start_matches('/')),
        equal: what.is_empty() && (is_on_both || !options.counts(lone)),
        what,
        a: of_a.told(),
        b: of_b.told(),
        diff: None,
        not_shown: None,
        below: None,
    };
    if let (Some(told_a), Some(told_b)) = (&found.a, &found.b)
        && told_a.is_directory()
        && told_b.is_directory()
    {
        found.below = (told_a.path == told_b.path)
            .then(|| rootfs::compare(&of_a.side, &of_b.side, counts, layers::shared(a, b)).0.below(&told_a.path));
        found.equal &= found.below.as_ref().is_some_and(RootfsDiff::is_empty);
    }
    if of_a.content() != of_b.content() {
        match contents(&of_a, &of_b)? {
            Contents::Texts(text_a, text_b) => found.diff = Some(diff(&found, &text_a, &text_b)),
            Contents::Not(reason) => found.not_shown = Some(reason),
        }
    }
    Ok(found)
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

/// An image and what it has at the path.
struct Shown<'a> {
    image: &'a dyn Image,
    side: Side,
    /// Where the path leads.
    node: Option<(LayerPath, InodeId)>,
}

impl<'a> Shown<'a> {
    fn find(image: &'a dyn Image, indexes: &[Arc<LayerIndex>], path: &str) -> Result<Self> {
        let side = Side::new(indexes)?;
        let node = resolve(side.ledger.view(), path.as_bytes());
        Ok(Self { image, side, node })
    }

    fn node(&self) -> Option<Node<'_>> {
        self.side.ledger.view().get(&self.node.as_ref()?.0)
    }

    fn content(&self) -> Option<&[u8; 32]> {
        self.side.ledger.content(self.node.as_ref()?.1)
    }

    fn size(&self) -> u64 {
        self.node().map_or(0, |node| node.meta.size)
    }

    fn told(&self) -> Option<FileFacts> {
        let node = self.node()?;
        let meta = node.meta;
        let link = match &meta.kind {
            // the slash before it is that of an absolute path, which a target need not be
            NodeKind::Symlink(target) => Some(path_text(target)[1..].to_owned()),
            _ => None,
        };
        Some(FileFacts {
            path: path_text(node.path.as_bytes()),
            kind: self.side.facts(&node).type_word(),
            bytes: meta.size,
            mode: format!("{:04o}", meta.mode),
            uid: meta.uid,
            gid: meta.gid,
            mtime: meta.mtime.to_string(),
            link,
            layer: node.inode.layer,
            names: self.names(&node),
        })
    }

    fn names(&self, node: &Node<'_>) -> Vec<String> {
        let mut names = Vec::new();
        if self.side.names(node).is_some() {
            self.side.ledger.view().walk(&mut |other| {
                if other.inode == node.inode {
                    names.push(path_text(other.path.as_bytes()));
                }
            });
        }
        names
    }

    /// Reads the content from the layer that it is from; nothing of what is no regular file.
    fn read(&self) -> Result<Vec<u8>> {
        let Some((path, inode)) = self.node.as_ref().filter(|(_, inode)| self.side.ledger.content(*inode).is_some())
        else {
            return Ok(Vec::new());
        };
        let layer = &self.image.layers()[inode.layer as usize];
        let diff_id = layer.diff_id();
        let mut reader = LayerReader::new(layer.open().map_err(in_layer(diff_id))?);
        for _ in 0..=inode.entry {
            reader.next_entry().map_err(in_layer(diff_id))?;
        }
        let mut content = Vec::new();
        let failed = |source| Error::Content { layer: diff_id, path: path_text(path.as_bytes()), source };
        reader.take(MAX_SHOWN).read_to_end(&mut content).map_err(failed)?;
        // the stream was not read to its end, where its digest would be verified
        if Some(&content_hash(&content)) != self.content() {
            return Err(failed(std::io::Error::other("it is not what the layer's index says")));
        }
        Ok(content)
    }
}

/// Follows the symlinks among the parents of a path, never above the root; the last component is not followed.
fn resolve(view: &View, path: &[u8]) -> Option<(LayerPath, InodeId)> {
    let split = |path: &[u8]| -> Vec<Vec<u8>> { path.split(|&byte| byte == b'/').map(<[u8]>::to_vec).collect() };
    let mut rest: VecDeque<Vec<u8>> = split(path).into();
    let mut at: Vec<Vec<u8>> = Vec::new();
    let mut symlinks = 0;
    while let Some(name) = rest.pop_front() {
        match name.as_slice() {
            b"" | b"." => continue,
            b".." => {
                at.pop();
                continue;
            }
            _ => at.push(name),
        }
        let node = view.get(&LayerPath::new(&at.join(&b'/')).ok()?)?;
        let is_last = rest.iter().all(Vec::is_empty);
        if is_last {
            return Some((node.path, node.inode));
        }
        if let NodeKind::Symlink(target) = &node.meta.kind {
            symlinks += 1;
            if symlinks > MAX_SYMLINKS {
                return None;
            }
            at.pop();
            if target.starts_with(b"/") {
                at.clear();
            }
            for name in split(target).into_iter().rev() {
                rest.push_front(name);
            }
        }
    }
    None
}
