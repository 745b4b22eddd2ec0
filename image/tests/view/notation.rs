//! Layers in a few characters: `a:100` a file of 100 bytes, `d/` a directory, `l>t` a symlink to `t`, `b=a` a hard link
//! to `a`, `p%` a pipe, `-a` a whiteout of `a`, `!d` an opaque marker in `d`, `@p` the very path `p` as an empty file.

use std::collections::HashMap;

use strata_image::{
    layer::{Entry, EntryKind, LayerPath, TarError},
    view::{Death, InodeId, NodeKind, Observer, View},
};

pub(crate) fn path(text: &str) -> LayerPath {
    LayerPath::new(text.as_bytes()).unwrap()
}

pub(crate) fn entry(text: &str) -> Entry {
    let marker = |target: &str, prefix: &str| {
        let (parent, name) = target.rsplit_once('/').unwrap_or(("", target));
        Entry::new(path(&format!("{parent}/{prefix}{name}")), EntryKind::File)
    };
    if let Some(target) = text.strip_prefix('-') {
        marker(target, ".wh.")
    } else if let Some(directory) = text.strip_prefix('!') {
        Entry::new(path(&format!("{directory}/.wh..wh..opq")), EntryKind::File)
    } else if let Some(name) = text.strip_prefix('@') {
        Entry::new(path(name), EntryKind::File)
    } else if let Some(name) = text.strip_suffix('/') {
        Entry::new(path(name), EntryKind::Directory)
    } else if let Some(name) = text.strip_suffix('%') {
        Entry::new(path(name), EntryKind::Fifo)
    } else if let Some((name, target)) = text.split_once('>') {
        Entry::new(path(name), EntryKind::Symlink(target.into()))
    } else if let Some((name, target)) = text.split_once('=') {
        Entry::new(path(name), EntryKind::HardLink(path(target)))
    } else {
        let (name, size) = text.split_once(':').unwrap();
        Entry { size: size.parse().unwrap(), ..Entry::new(path(name), EntryKind::File) }
    }
}

/// Deaths as `path:size creator>killer how`, in the order heard.
#[derive(Default)]
pub(crate) struct Deaths {
    pub(crate) sizes: HashMap<InodeId, u64>,
    pub(crate) heard: Vec<String>,
    pub(crate) bytes: u64,
}

impl Observer for Deaths {
    fn died(&mut self, inode: InodeId, path: &LayerPath, killer_layer: u32, how: Death) {
        let size = self.sizes[&inode];
        let how = match how {
            Death::Whiteout => "whiteout",
            Death::Opaque => "opaque",
            Death::Replaced { .. } => "replaced",
            Death::TypeChange => "type-change",
            Death::DuplicateEntry => "duplicate-entry",
        };
        self.bytes += size;
        self.heard.push(format!("{path}:{size} {}>{killer_layer} {how}", inode.layer));
    }
}

/// A stack of layers, applied.
pub(crate) struct Applied {
    pub(crate) view: View,
    pub(crate) deaths: Deaths,
    pub(crate) total: u64,
}

pub(crate) fn apply(layers: &[&str]) -> Result<Applied, TarError> {
    let layers: Vec<Vec<Entry>> = layers.iter().map(|layer| layer.split_whitespace().map(entry).collect()).collect();
    apply_entries(&layers)
}

pub(crate) fn apply_entries(layers: &[Vec<Entry>]) -> Result<Applied, TarError> {
    let mut applied = Applied { view: View::new(), deaths: Deaths::default(), total: 0 };
    for layer in layers {
        let number = applied.view.begin_layer();
        for (position, entry) in (0..).zip(layer) {
            let is_whiteout = entry.path.file_name().is_some_and(|name| name.starts_with(b".wh."));
            if entry.kind == EntryKind::File && !is_whiteout {
                applied.deaths.sizes.insert(InodeId { layer: number, entry: position }, entry.size);
                applied.total += entry.size;
            }
            applied.view.apply(entry)?;
        }
        applied.view.end_layer(&mut applied.deaths)?;
    }
    Ok(applied)
}

impl Applied {
    /// The live paths in the notation of layers; for all names but the first of an inode `name=first`.
    pub(crate) fn live(&self) -> Vec<String> {
        let mut first = HashMap::new();
        let mut live = Vec::new();
        self.view.walk(&mut |node| {
            let name = node.path.to_string();
            let text = match &node.meta.kind {
                NodeKind::Directory => format!("{name}/"),
                NodeKind::Symlink(target) => format!("{name}>{target}"),
                NodeKind::Fifo => format!("{name}%"),
                NodeKind::File if first.contains_key(&node.inode) => {
                    format!("{name}={}", first[&node.inode])
                }
                _ => format!("{name}:{}", node.meta.size),
            };
            if node.meta.kind == NodeKind::File {
                first.entry(node.inode).or_insert(name);
            }
            live.push(text);
        });
        live
    }
}

/// A line of a table: `name | layer / layer | and so on`.
pub(crate) struct Row<'a> {
    pub(crate) name: &'a str,
    pub(crate) layers: Vec<&'a str>,
    pub(crate) rest: Vec<&'a str>,
}

pub(crate) fn rows(table: &str) -> impl Iterator<Item = Row<'_>> {
    table.lines().filter(|line| !line.trim().is_empty()).map(|line| {
        let mut cells = line.split('|').map(str::trim);
        Row { name: cells.next().unwrap(), layers: cells.next().unwrap().split(" / ").collect(), rest: cells.collect() }
    })
}
