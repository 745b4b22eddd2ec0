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
    let mut directories: HashMap<&str, usize> = HashMap::new();
    for single in list {
        let above = ancestors(&single.path).find_map(|directory| directories.get(directory).copied());
        if let Some(row) = above {
            folded[row].paths += 1;
            folded[row].bytes += single.bytes;
            continue;
        }
        if single.kind == "directory" {
            directories.insert(&single.path, folded.len());
        }
        let (path, kind, bytes) = (single.path.clone(), single.kind, single.bytes);
        folded.push(Folded { path, kind, paths: 1, bytes });
    }
    for row in folded.iter_mut().filter(|row| row.kind == "directory") {
        row.path.push('/');
    }
    folded
}

/// The directories above a path, the outermost first.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at]).filter(|directory| !directory.is_empty())
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
    let listed: HashSet<&str> = list.iter().map(|moved| moved.to.as_str()).collect();
    // what is listed below a path went with it
    let wholes: HashSet<&str> =
        list.iter().flat_map(|moved| ancestors(&moved.to)).filter(|directory| listed.contains(directory)).collect();
    let mut rows: HashMap<&str, usize> = HashMap::new();
    let mut places: HashMap<(&str, &str), usize> = HashMap::new();
    for moved in list {
        let above = ancestors(&moved.to).find_map(|directory| rows.get(directory).copied());
        if let Some(row) = above {
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
