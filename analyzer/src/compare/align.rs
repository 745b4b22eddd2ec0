//! Which layer of one image belongs to which of the other: by diff ID, then by history, then by content.
//!
//! ```text
//! a: 1 2 3 4 5 8      the longest common subsequence of diff IDs     1 2 . . 5 .
//! b: 8 1 2 6 7 5      what else has a partner of its diff ID moved   . . . . . 8
//!                     between the first, of instructions             . . 3=6 . .
//!                     between those, the most alike                  . . . 4~7 .
//! ```
//!
//! No pair crosses another but those that moved, and no layer is paired with what merely has its number.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
};

use serde::Serialize;

/// Why two layers belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// They are the same.
    DiffId,
    /// The same instruction made them.
    History,
    /// What they hold is alike.
    Content,
}

/// What layers are aligned by.
pub(super) struct Signs<'a, T> {
    pub(super) diff_ids: &'a [T],
    /// Empty where nothing is known.
    pub(super) steps: &'a [String],
    /// Asked for layers alone that neither diff ID nor step has paired.
    pub(super) sketch: &'a dyn Fn(usize) -> Sketch,
}

/// The smallest hashes of what a layer holds, in order: enough to tell how alike two layers are.
pub(super) type Sketch = Vec<u64>;

/// Hashes of a sketch: with so many, the estimate is within 3 percent.
pub(super) const SKETCH: usize = 1024;
/// Layers less alike than this do not belong together. The same paths with other contents throughout are 1/3 alike.
const ALIKE: f64 = 0.25;
/// Pairs that are weighed between two that are sure: images have 127 layers at most, where docker made them. More are not
/// aligned, for what they cost.
const MAX_PAIRS: usize = 1 << 20;

/// A pair, or a layer alone.
pub(super) struct Aligned {
    pub(super) a: Option<usize>,
    pub(super) b: Option<usize>,
    pub(super) by: Option<By>,
    /// Whether the two are the same layer, and stand between others.
    pub(super) moved: bool,
}

/// Aligns two stacks. Layers that are left alone come where they stand, the first image's first; those that moved where they
/// stand in the second.
pub(super) fn align<T: Eq + Hash>(a: &Signs<'_, T>, b: &Signs<'_, T>) -> Vec<Aligned> {
    let mut pairs = Vec::new();
    let whole = Gap { a: (0, a.diff_ids.len()), b: (0, b.diff_ids.len()) };
    let same = |i: usize, j: usize| f64::from(u8::from(a.diff_ids[i] == b.diff_ids[j]));
    pairs.extend(whole.best(same).into_iter().map(|(i, j)| (i, j, By::DiffId)));
    let moved = if whole.is_weighed() { Moved::find(a.diff_ids, b.diff_ids, &pairs) } else { Moved::none(whole) };
    let told = |i: usize, j: usize| match (a.steps.get(i), b.steps.get(j)) {
        _ if moved.has(i, j) => 0.0,
        (Some(a), Some(b)) => f64::from(u8::from(a == b && !a.is_empty())),
        _ => 0.0,
    };
    fill(&mut pairs, whole, By::History, told);
    let of_a = sketches(a, pairs.iter().map(|(i, ..)| *i).chain(moved.of_b.iter().flatten().copied()));
    let of_b = sketches(b, pairs.iter().map(|(_, j, _)| *j).chain(moved.of_a.iter().flatten().copied()));
    let alike = |i: usize, j: usize| {
        if moved.has(i, j) {
            return 0.0;
        }
        Some(likeness(&of_a[i], &of_b[j])).filter(|likeness| *likeness >= ALIKE).unwrap_or_default()
    };
    fill(&mut pairs, whole, By::Content, alike);
    // two root filesystems that lie in one layer each, whatever is in them
    if pairs.is_empty() && (whole.a.1, whole.b.1) == (1, 1) {
        pairs.push((0, 0, By::Content));
    }
    in_order(pairs, &moved, whole)
}

/// Puts layers that are alone, and those that moved, between the pairs.
fn in_order(pairs: Vec<(usize, usize, By)>, moved: &Moved, whole: Gap) -> Vec<Aligned> {
    let mut aligned = Vec::new();
    let (mut i, mut j) = (0, 0);
    let end = (whole.a.1, whole.b.1, None);
    for (at_a, at_b, by) in pairs.into_iter().map(|(i, j, by)| (i, j, Some(by))).chain([end]) {
        let alone = (i..at_a).filter(|&i| moved.of_a[i].is_none());
        aligned.extend(alone.map(|i| Aligned { a: Some(i), b: None, by: None, moved: false }));
        aligned.extend((j..at_b).map(|j| match moved.of_b[j] {
            Some(i) => Aligned { a: Some(i), b: Some(j), by: Some(By::DiffId), moved: true },
            None => Aligned { a: None, b: Some(j), by: None, moved: false },
        }));
        if by.is_some() {
            aligned.push(Aligned { a: Some(at_a), b: Some(at_b), by, moved: false });
        }
        (i, j) = (at_a + 1, at_b + 1);
    }
    aligned
}

/// Layers that both stacks have, and the longest common order does not: for each the number of its partner.
struct Moved {
    of_a: Vec<Option<usize>>,
    of_b: Vec<Option<usize>>,
}

impl Moved {
    fn none(whole: Gap) -> Self {
        Self { of_a: vec![None; whole.a.1], of_b: vec![None; whole.b.1] }
    }

    /// Pairs what has none yet: of several that are the same the first with the first.
    fn find<T: Eq + Hash>(a: &[T], b: &[T], pairs: &[(usize, usize, By)]) -> Self {
        let whole = Gap { a: (0, a.len()), b: (0, b.len()) };
        let mut moved = Self::none(whole);
        let (mut is_paired_a, mut is_paired_b) = (vec![false; a.len()], vec![false; b.len()]);
        for &(i, j, _) in pairs {
            (is_paired_a[i], is_paired_b[j]) = (true, true);
        }
        let mut left: HashMap<&T, VecDeque<usize>> = HashMap::new();
        for (i, diff_id) in a.iter().enumerate().filter(|(i, _)| !is_paired_a[*i]) {
            left.entry(diff_id).or_default().push_back(i);
        }
        for (j, diff_id) in b.iter().enumerate().filter(|(j, _)| !is_paired_b[*j]) {
            if let Some(i) = left.get_mut(diff_id).and_then(VecDeque::pop_front) {
                (moved.of_a[i], moved.of_b[j]) = (Some(j), Some(i));
            }
        }
        moved
    }

    /// Whether one of the two has its partner already.
    fn has(&self, i: usize, j: usize) -> bool {
        self.of_a[i].is_some() || self.of_b[j].is_some()
    }
}

/// The sketches of layers that are not paired.
fn sketches<T>(signs: &Signs<'_, T>, paired: impl Iterator<Item = usize>) -> Vec<Sketch> {
    let mut is_paired = vec![false; signs.diff_ids.len()];
    paired.for_each(|layer| is_paired[layer] = true);
    let sketch = |(layer, is_paired)| if is_paired { Sketch::new() } else { (signs.sketch)(layer) };
    is_paired.into_iter().enumerate().map(sketch).collect()
}

/// Looks for pairs in the gaps between those that are there.
fn fill(pairs: &mut Vec<(usize, usize, By)>, whole: Gap, by: By, weight: impl Fn(usize, usize) -> f64) {
    let mut found = Vec::new();
    let mut at = (0, 0);
    for &(i, j, _) in pairs.iter().chain(&[(whole.a.1, whole.b.1, by)]) {
        let gap = Gap { a: (at.0, i), b: (at.1, j) };
        found.extend(gap.best(&weight).into_iter().map(|(i, j)| (i, j, by)));
        at = (i + 1, j + 1);
    }
    pairs.extend(found);
    pairs.sort_unstable_by_key(|(i, _, _)| *i);
}

/// Two ranges of layers.
#[derive(Clone, Copy)]
struct Gap {
    a: (usize, usize),
    b: (usize, usize),
}

impl Gap {
    fn is_weighed(self) -> bool {
        (self.a.1 - self.a.0).saturating_mul(self.b.1 - self.b.0) <= MAX_PAIRS
    }

    /// The pairs of the greatest weight in sum that do not cross; a weight of 0 is no pair.
    fn best(self, weight: impl Fn(usize, usize) -> f64) -> Vec<(usize, usize)> {
        let (rows, columns) = (self.a.1 - self.a.0, self.b.1 - self.b.0);
        if rows == 0 || columns == 0 || !self.is_weighed() {
            return Vec::new();
        }
        let mut weights = vec![vec![0.0; columns]; rows];
        // best[i][j]: of what stands from i and j on
        let mut best = vec![vec![0.0_f64; columns + 1]; rows + 1];
        for i in (0..rows).rev() {
            for j in (0..columns).rev() {
                weights[i][j] = weight(self.a.0 + i, self.b.0 + j);
                let together = if weights[i][j] > 0.0 { weights[i][j] + best[i + 1][j + 1] } else { 0.0 };
                best[i][j] = together.max(best[i + 1][j]).max(best[i][j + 1]);
            }
        }
        let mut pairs = Vec::new();
        let (mut i, mut j) = (0, 0);
        while i < rows && j < columns {
            let is_pair = weights[i][j] > 0.0 && (weights[i][j] + best[i + 1][j + 1]).total_cmp(&best[i][j]).is_eq();
            if is_pair {
                pairs.push((self.a.0 + i, self.b.0 + j));
                (i, j) = (i + 1, j + 1);
            } else if best[i + 1][j].total_cmp(&best[i][j]).is_eq() {
                i += 1;
            } else {
                j += 1;
            }
        }
        pairs
    }
}

/// How much of what either holds both hold, from 0 to 1 (Jaccard's index, estimated from the smallest hashes).
fn likeness(a: &[u64], b: &[u64]) -> f64 {
    let (mut at_a, mut at_b, mut common, mut seen) = (0, 0, 0_u32, 0_u32);
    while (at_a < a.len() || at_b < b.len()) && (seen as usize) < SKETCH {
        // the absent end sorts last
        let next = |hashes: &[u64], at: usize| hashes.get(at).copied().unwrap_or(u64::MAX);
        let (of_a, of_b) = (next(a, at_a), next(b, at_b));
        seen += 1;
        common += u32::from(of_a == of_b);
        at_a += usize::from(of_a <= of_b);
        at_b += usize::from(of_b <= of_a);
    }
    if seen == 0 { 0.0 } else { f64::from(common) / f64::from(seen) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aligned(a: (&[u8], &[&str]), b: (&[u8], &[&str])) -> String {
        let steps = |steps: &[&str]| steps.iter().map(|&step| step.to_owned()).collect::<Vec<_>>();
        let (steps_a, steps_b) = (steps(a.1), steps(b.1));
        let signs_a = Signs { diff_ids: a.0, steps: &steps_a, sketch: &|_| Sketch::new() };
        let signs_b = Signs { diff_ids: b.0, steps: &steps_b, sketch: &|_| Sketch::new() };
        let shown = |at: Option<usize>| at.map_or("-".to_owned(), |at| at.to_string());
        let pairs = align(&signs_a, &signs_b);
        let pair = |pair: &Aligned| format!("{}{}{}", shown(pair.a), if pair.moved { ">" } else { "" }, shown(pair.b));
        pairs.iter().map(pair).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn equal_layers_are_paired_first_then_equal_steps() {
        for (a, b, expected) in [
            ((&[1, 2, 3][..], &[][..]), (&[1, 2, 3][..], &[][..]), "00 11 22"),
            ((&[1, 2, 3], &[]), (&[1, 9, 2, 3], &[]), "00 -1 12 23"),
            ((&[1, 2, 3], &[]), (&[4], &[]), "0- 1- 2- -0"),
            ((&[1, 2, 3], &["f", "x", "y"]), (&[1, 8, 9], &["f", "y", "x"]), "00 1- 21 -2"),
            ((&[1, 2], &["f", "x"]), (&[1, 7, 8], &["f", "w", "x"]), "00 -1 12"),
            // a step that is the same does not take a layer from the one that has it
            ((&[1, 2], &["x", "x"]), (&[2], &["x"]), "0- 10"),
            // what stands elsewhere is the same layer still
            ((&[1, 2, 3], &["a", "b", "c"]), (&[2, 1, 3], &["b", "a", "c"]), "10 0>1 22"),
            ((&[1, 2, 3, 4], &[]), (&[4, 1, 2, 3], &[]), "3>0 01 12 23"),
            ((&[1, 1, 2], &[]), (&[2, 1, 1], &[]), "2>0 01 12"),
            ((&[1, 2], &["x", "y"]), (&[2, 9, 1], &["y", "z", "x"]), "10 -1 0>2"),
            ((&[1], &[]), (&[2], &[]), "00"),
            ((&[], &[]), (&[], &[]), ""),
        ] {
            assert_eq!(aligned(a, b), expected, "{a:?} {b:?}");
        }
    }

    #[test]
    fn likeness_is_the_share_of_what_both_hold() {
        for (a, b, expected) in [
            (&[1, 2, 3][..], &[1, 2, 3][..], 1.0),
            (&[1, 2, 3], &[4, 5], 0.0),
            (&[1, 2], &[2, 3], 1.0 / 3.0),
            (&[], &[], 0.0),
            (&[], &[1], 0.0),
        ] {
            assert!((likeness(a, b) - expected).abs() < 1e-9, "{a:?} {b:?}");
        }
    }
}
