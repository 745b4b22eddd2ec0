//! Whole directories as one row: what came, went or moved together.

use std::collections::{HashMap, HashSet};

use crate::compare::{Moved, Single, What};

/// A path, or a directory with all that is listed below it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Folded {
    /// A directory that holds more ends in a slash.
    pub(super) path: String,
    pub(super) kind: &'static str,
    pub(super) paths: usize,
    pub(super) bytes: u64,
}

/// Folds paths that only one image has. A directory that is listed is there as a whole, so all that is below belongs to it.
pub(super) fn singles(list: &[Single]) -> Vec<Folded> {
    let mut folded: Vec<Folded> = Vec::new();
    let mut rows: HashMap<&str, usize> = HashMap::new();
    let mut tops = Tops::new(list.iter().map(|single| single.path.as_str()));
    for single in list {
        if let Some(&row) = tops.above(&single.path).and_then(|top| rows.get(top)) {
            folded[row].paths += 1;
            folded[row].bytes += single.bytes;
            continue;
        }
        rows.insert(&single.path, folded.len());
        let (path, kind, bytes) = (single.path.clone(), single.kind, single.bytes);
        folded.push(Folded { path, kind, paths: 1, bytes });
    }
    for row in folded.iter_mut().filter(|row| row.kind == "directory") {
        row.path.push('/');
    }
    folded
}

/// Finds the outermost of the listed directories that are above a path. What is known of a directory is kept: names can be
/// thousands deep, and many stand in one.
struct Tops<'a> {
    listed: HashSet<&'a str>,
    known: HashMap<&'a str, Option<&'a str>>,
}

impl<'a> Tops<'a> {
    fn new(listed: impl Iterator<Item = &'a str>) -> Self {
        Self { listed: listed.collect(), known: HashMap::new() }
    }

    fn above(&mut self, path: &'a str) -> Option<&'a str> {
        let mut unknown = Vec::new();
        let mut at = directory(path);
        let mut top = loop {
            match self.known.get(at) {
                Some(&top) => break top,
                None if at.is_empty() => break None,
                None => unknown.push(at),
            }
            at = directory(at);
        };
        for directory in unknown.into_iter().rev() {
            top = top.or_else(|| self.listed.get(directory).copied());
            self.known.insert(directory, top);
        }
        top
    }
}

/// The directory that a path is in; of those in the root it is empty.
fn directory(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

/// What moved together.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct FoldedMove {
    /// `/a/` is all of a directory, `/a/…` some of it.
    pub(super) from: String,
    pub(super) to: String,
    pub(super) paths: usize,
    pub(super) bytes: u64,
    pub(super) what: Vec<What>,
}

impl FoldedMove {
    fn new(moved: &Moved, end: &str) -> Self {
        let (from, to) = (format!("{}{end}", moved.from), format!("{}{end}", moved.to));
        Self { from, to, paths: 1, bytes: moved.bytes, what: moved.what.clone() }
    }

    fn add(&mut self, moved: &Moved) {
        self.paths += 1;
        self.bytes += moved.bytes;
        let more = moved.what.iter().filter(|what| !self.what.contains(what)).copied().collect::<Vec<_>>();
        self.what.extend(more);
        self.what.sort_unstable();
    }
}

/// Folds what went with a directory, and files that went from one directory to another and have the same way below it.
pub(super) fn moves(list: &[Moved]) -> Vec<FoldedMove> {
    let mut folded: Vec<FoldedMove> = Vec::new();
    let mut tops = Tops::new(list.iter().map(|moved| moved.to.as_str()));
    // what is listed below a path went with it
    let above: Vec<Option<&str>> = list.iter().map(|moved| tops.above(&moved.to)).collect();
    let wholes: HashSet<&str> = above.iter().flatten().copied().collect();
    let mut rows: HashMap<&str, usize> = HashMap::new();
    let mut places: HashMap<(&str, &str), usize> = HashMap::new();
    for (moved, above) in list.iter().zip(above) {
        if let Some(&row) = above.and_then(|top| rows.get(top)) {
            folded[row].add(moved);
        } else if wholes.contains(moved.to.as_str()) {
            rows.insert(&moved.to, folded.len());
            folded.push(FoldedMove::new(moved, "/"));
        } else {
            let (from, to) = directories(&moved.from, &moved.to);
            let row = *places.entry((from, to)).or_insert(folded.len());
            match folded.get_mut(row) {
                Some(together) => {
                    together.add(moved);
                    (together.from, together.to) = (format!("{from}/…"), format!("{to}/…"));
                }
                None => folded.push(FoldedMove::new(moved, "")),
            }
        }
    }
    folded
}

/// Both paths without the components at their ends that are the same.
fn directories<'a>(from: &'a str, to: &'a str) -> (&'a str, &'a str) {
    let (mut a, mut b) = (from, to);
    while let (Some((rest_a, name_a)), Some((rest_b, name_b))) = (a.rsplit_once('/'), b.rsplit_once('/'))
        && name_a == name_b
    {
        (a, b) = (rest_a, rest_b);
    }
    (a, b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_came_is_one_row() {
        let single = |path: &str, kind, bytes| Single { path: path.to_owned(), kind, bytes, layer: 0 };
        let list = [
            single("/a", "directory", 0),
            single("/a-b", "file", 1),
            single("/a/b", "directory", 0),
            single("/a/b/c", "file", 10),
            single("/ab", "file", 2),
        ];
        let rows: Vec<_> = singles(&list).into_iter().map(|row| (row.path, row.paths, row.bytes)).collect();
        assert_eq!(rows, [("/a/".to_owned(), 3, 10), ("/a-b".to_owned(), 1, 1), ("/ab".to_owned(), 1, 2)]);
    }

    #[test]
    fn what_moved_together_is_one_row() {
        let moved = |from: &str, to: &str| Moved { from: from.to_owned(), to: to.to_owned(), bytes: 1, what: vec![] };
        let list = [
            moved("/a/x", "/b/x"),
            moved("/a/y/z", "/b/y/z"),
            moved("/d/e", "/d2/e"),
            moved("/d/e/f", "/d2/e/f"),
            moved("/d/e/g/h", "/d2/e/g/h"),
            moved("/d/i", "/d2/i"),
            moved("/one", "/two"),
            moved("/f", "/app/f"),
        ];
        let rows: Vec<_> = moves(&list).into_iter().map(|row| (row.from, row.to, row.paths)).collect();
        let row = |from: &str, to: &str, paths| (from.to_owned(), to.to_owned(), paths);
        let expected = [
            row("/a/…", "/b/…", 2),
            row("/d/e/", "/d2/e/", 3),
            row("/d/i", "/d2/i", 1),
            row("/one", "/two", 1),
            row("/f", "/app/f", 1),
        ];
        assert_eq!(rows, expected);
    }
}
