//! The ledger is that of a second implementation, for many stacks of layers that were never seen before.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use strata_analyzer::{Ledger, index::LayerIndex};
use strata_image::{
    layer::{Entry as TarEntry, EntryKind, LayerPath},
    view::NodeKind,
};

use crate::{
    memory::{MemoryLayer, entry},
    naive::{Account, Dead, Entry},
};

/// Stacks that are compared.
const STACKS: usize = 100_000;
/// Distinct layers that they are made of: each of them is read once.
const LAYERS: usize = 4_000;

/// A small generator of equal numbers on every machine (Steele, Lea, Flood: `SplitMix64`).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % limit as u64).unwrap()
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    /// Few names, so that everything meets everything; two of them sort around the slash.
    fn path(&mut self) -> String {
        let parts: Vec<_> = (0..=self.below(3)).map(|_| self.pick(&["a", "b", "a-"])).collect();
        parts.join("/")
    }

    fn entry(&mut self) -> Entry {
        let path = self.path();
        match self.below(16) {
            0..=5 => Entry::File {
                path,
                size: self.below(4) as u64,
                content: char::from(b'p' + u8::from(self.below(2) == 0)),
            },
            6..=8 => Entry::Directory(path),
            9 | 10 => {
                let target = self.pick(&["a", "b", "/b", "../a", "a-/b", "../../..", "./b", "no/where"]);
                Entry::Symlink { path, target: target.to_owned() }
            }
            11 => Entry::HardLink { path, target: self.path() },
            12 if self.below(2) == 0 => Entry::Fifo(path),
            12..=14 => Entry::Whiteout(path),
            _ => Entry::Opaque(if self.below(8) == 0 { String::new() } else { path }),
        }
    }
}

/// A layer as both sides take it.
struct Layer {
    entries: Vec<Entry>,
    index: Arc<LayerIndex>,
}

impl Layer {
    fn any(numbers: &mut Numbers) -> Self {
        let entries: Vec<Entry> = (0..=numbers.below(5)).map(|_| numbers.entry()).collect();
        let contents: Vec<(TarEntry, Vec<u8>)> = entries.iter().map(in_tar).collect();
        let contents: Vec<(TarEntry, &[u8])> =
            contents.iter().map(|(entry, content)| (entry.clone(), content.as_slice())).collect();
        let index = Arc::new(LayerIndex::read(&MemoryLayer::of(&contents)).unwrap());
        Self { entries, index }
    }
}

fn in_tar(said: &Entry) -> (TarEntry, Vec<u8>) {
    let marker = |path: &str, prefix: &str| {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        entry(&format!("{parent}/{prefix}{name}"), EntryKind::File)
    };
    let entry = match said {
        Entry::File { path, size, content } => {
            let bytes = content.to_string().repeat(usize::try_from(*size).unwrap()).into_bytes();
            return (TarEntry { size: *size, ..entry(path, EntryKind::File) }, bytes);
        }
        Entry::Directory(path) => entry(path, EntryKind::Directory),
        Entry::Symlink { path, target } => entry(path, EntryKind::Symlink(target.as_str().into())),
        Entry::HardLink { path, target } => {
            entry(path, EntryKind::HardLink(LayerPath::new(target.as_bytes()).unwrap()))
        }
        Entry::Fifo(path) => entry(path, EntryKind::Fifo),
        Entry::Whiteout(path) => marker(path, ".wh."),
        Entry::Opaque(path) => marker(&format!("{path}/"), ".wh..wh..opq"),
    };
    (entry, Vec::new())
}

#[test]
fn random_stacks_have_the_ledger_of_a_second_implementation() {
    let mut numbers = Numbers(1);
    let layers: Vec<Layer> = (0..LAYERS).map(|_| Layer::any(&mut numbers)).collect();
    let (next, possible) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= STACKS {
                        return;
                    }
                    let mut numbers = Numbers(seed as u64 + 0x1_0000_0000);
                    let stack: Vec<&Layer> = (0..=numbers.below(4)).map(|_| &layers[numbers.below(LAYERS)]).collect();
                    possible.fetch_add(usize::from(compare(seed, &stack)), Ordering::Relaxed);
                }
            });
        }
    });
    let possible = possible.into_inner();
    assert!(possible > STACKS / 2, "most stacks are possible: {possible}");
}

/// Whether the stack is possible; both sides must say the same, and then have the same account.
fn compare(seed: usize, stack: &[&Layer]) -> bool {
    let said = || stack.iter().map(|layer| format!("{:?}", layer.entries)).collect::<Vec<_>>();
    let mut account = Account::default();
    let naive = stack.iter().enumerate().try_for_each(|(number, layer)| account.layer(number, &layer.entries));
    let indexes: Vec<_> = stack.iter().map(|layer| Arc::clone(&layer.index)).collect();
    let (ledger, account) = match (Ledger::fold(&indexes), naive) {
        (Ok(ledger), Ok(())) => (ledger, account),
        (Err(_), Err(_)) => return false,
        (ledger, naive) => panic!("stack {seed}: {:?} {naive:?} {:#?}", ledger.err(), said()),
    };
    let mut dead: Vec<Dead> = ledger.dead().iter().map(dead).collect();
    let mut expected = account.dead.clone();
    dead.sort();
    expected.sort();
    assert_eq!(dead, expected, "stack {seed}: {:#?}", said());
    assert_eq!(live(&ledger), account.live(), "stack {seed}: {:#?}", said());
    sums(&ledger, &account, stack.len());
    true
}

fn dead(dead: &strata_analyzer::ledger::Dead) -> Dead {
    let kinds = ["overwrite", "rewrite", "whiteout", "opaque", "type-change", "duplicate-entry"];
    let kind = dead.kind.to_string();
    Dead {
        path: dead.path.to_string(),
        size: dead.bytes,
        creator: dead.creator(),
        killer: dead.killer,
        kind: kinds.into_iter().find(|known| **known == kind).unwrap(),
    }
}

fn live(ledger: &Ledger) -> Vec<String> {
    let mut firsts = BTreeMap::new();
    let mut lines = Vec::new();
    ledger.view().walk(&mut |node| {
        let mut line = node.path.to_string();
        match node.meta.kind {
            NodeKind::File => {
                let first = firsts.entry(node.inode).or_insert_with(|| line.clone()).clone();
                write!(line, " {} ({first})", node.meta.size).unwrap();
            }
            NodeKind::Directory => line.push('/'),
            NodeKind::Symlink(target) => write!(line, " -> {target}").unwrap(),
            _ => line.push('|'),
        }
        lines.push(line);
    });
    lines
}

/// Nothing is lost and nothing counted twice: over all, by layer that made it, by layer that killed it, and by kind.
fn sums(ledger: &Ledger, account: &Account, layers: usize) {
    let of = |holds: &dyn Fn(&Dead) -> bool| {
        account.dead.iter().filter(|dead| holds(dead)).map(|dead| dead.size).sum::<u64>()
    };
    assert_eq!((ledger.total(), ledger.wasted()), (account.total, of(&|_| true)));
    assert_eq!(ledger.live() + ledger.wasted(), ledger.total());
    for (number, totals) in ledger.layers().iter().enumerate() {
        assert_eq!(totals.wasted, of(&|dead| dead.creator == number));
        assert_eq!(totals.killed, of(&|dead| dead.killer == number));
    }
    assert_eq!(ledger.layers().len(), layers);
    let mut kinds = BTreeMap::new();
    for dead in ledger.dead() {
        *kinds.entry(dead.kind.to_string()).or_insert(0) += dead.bytes;
    }
    for (kind, bytes) in kinds {
        assert_eq!(bytes, of(&|dead| dead.kind == kind), "{kind}");
    }
}
