//! Directories that moved as a whole: under another path stand the same names with the same contents, and nothing else.
//!
//! ```text
//! gone paths ─► a sign of each directory ─┐ equal: the same last name first, the outermost first
//! new paths ──► a sign of each directory ─┘ └─► what is below went with it
//! ```
//!
//! A sign is made of names, contents and targets. Without a file that is not empty a directory is like many others, and has none.

use std::collections::{HashMap, VecDeque};

use super::moves::Lone;

type Sign = [u8; 32];

/// Gives for each new path the number of the gone one that it was before, where it went with a directory.
pub(super) fn find(gone: &[Lone], new: &[Lone]) -> Vec<Option<usize>> {
    let (of_gone, of_new) = (Trees::new(gone), Trees::new(new));
    let mut partners = roots(&of_gone, &of_new);
    let numbers: HashMap<&[u8], usize> =
        gone.iter().enumerate().map(|(number, lone)| (lone.path.as_bytes(), number)).collect();
    // a directory comes before what is below it
    for (number, lone) in new.iter().enumerate() {
        if let Some(from) = of_new.parents[number].and_then(|parent| partners[parent]) {
            let path = [gone[from].path.as_bytes(), b"/", lone.last_name()].concat();
            partners[number] = numbers.get(path.as_slice()).copied();
        }
    }
    partners
}

/// Pairs the outermost directories that are the same.
fn roots(gone: &Trees<'_>, new: &Trees<'_>) -> Vec<Option<usize>> {
    let mut by_name: HashMap<(Sign, &[u8]), VecDeque<usize>> = HashMap::new();
    let mut by_sign: HashMap<Sign, VecDeque<usize>> = HashMap::new();
    for (number, sign) in gone.by_depth() {
        by_name.entry((sign, gone.list[number].last_name())).or_default().push_back(number);
        by_sign.entry(sign).or_default().push_back(number);
    }
    let mut partners = vec![None; new.list.len()];
    let mut has_moved = Marks { is_root: vec![false; gone.list.len()], is_above: vec![false; gone.list.len()] };
    let mut is_inside = vec![false; new.list.len()];
    for (number, sign) in new.by_depth() {
        is_inside[number] = new.parents[number].is_some_and(|parent| is_inside[parent] || partners[parent].is_some());
        if is_inside[number] {
            continue;
        }
        let name = new.list[number].last_name();
        let mut take = |candidates: Option<&mut VecDeque<usize>>| {
            let candidates = candidates?;
            std::iter::from_fn(|| candidates.pop_front()).find(|&candidate| has_moved.mark(candidate, &gone.parents))
        };
        partners[number] = take(by_name.get_mut(&(sign, name))).or_else(|| take(by_sign.get_mut(&sign)));
    }
    partners
}

/// Which directories are taken.
struct Marks {
    is_root: Vec<bool>,
    /// Whether one below is.
    is_above: Vec<bool>,
}

impl Marks {
    /// Takes a directory, unless something above or below it is taken.
    fn mark(&mut self, number: usize, parents: &[Option<usize>]) -> bool {
        let line = || std::iter::successors(Some(number), |&at| parents[at]);
        if self.is_above[number] || line().any(|at| self.is_root[at]) {
            return false;
        }
        self.is_root[number] = true;
        for at in line().skip(1) {
            if std::mem::replace(&mut self.is_above[at], true) {
                break;
            }
        }
        true
    }
}

/// Paths that one image alone has, as trees.
struct Trees<'a> {
    list: &'a [Lone],
    parents: Vec<Option<usize>>,
    /// Of directories that hold content.
    signs: Vec<Option<Sign>>,
}

impl<'a> Trees<'a> {
    /// Takes paths in byte order.
    fn new(list: &'a [Lone]) -> Self {
        let directories = list.iter().enumerate().filter(|(_, lone)| lone.is_directory());
        let numbers: HashMap<&[u8], usize> = directories.map(|(number, lone)| (lone.path.as_bytes(), number)).collect();
        let parents: Vec<Option<usize>> = list.iter().map(|lone| numbers.get(lone.directory()).copied()).collect();
        let mut sums: Vec<Sign> = vec![[0; 32]; list.len()];
        let mut holds_content = vec![false; list.len()];
        let mut signs = vec![None; list.len()];
        // what is below a directory comes first
        for (number, lone) in list.iter().enumerate().rev() {
            let sign = if lone.is_directory() { sums[number] } else { lone.sign };
            signs[number] = (lone.is_directory() && holds_content[number]).then_some(sign);
            let Some(parent) = parents[number] else { continue };
            holds_content[parent] |= holds_content[number] || lone.content.is_some();
            let mut sum = blake3::Hasher::new();
            sum.update(&sums[parent]).update(&sign).update(lone.kind.as_bytes()).update(b"\0").update(lone.last_name());
            sums[parent] = *sum.finalize().as_bytes();
        }
        Self { list, parents, signs }
    }

    /// The directories with signs, the outermost first.
    fn by_depth(&self) -> Vec<(usize, Sign)> {
        let mut depths = vec![0_usize; self.list.len()];
        for number in 0..depths.len() {
            depths[number] = self.parents[number].map_or(0, |parent| depths[parent] + 1);
        }
        let mut directories: Vec<(usize, Sign)> =
            self.signs.iter().enumerate().filter_map(|(number, sign)| Some((number, (*sign)?))).collect();
        directories.sort_by_key(|(number, _)| depths[*number]);
        directories
    }
}
