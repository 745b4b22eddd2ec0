//! Which neighbours to make one: the partition of a row of layers that saves most, and merges least.

use super::DeadBytes;

/// Neighbours that become one layer, first and last included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Range {
    pub(super) first: usize,
    pub(super) last: usize,
    pub(super) saves: u64,
}

/// The best partition of the first so many layers.
#[derive(Clone, Copy)]
struct Best {
    saves: u64,
    merges: usize,
    /// Where its last range starts, and what that range saves.
    first: usize,
    range_saves: u64,
}

/// Gives the ranges that save most in sum; among those that save the same, the ones that merge fewest layers.
///
/// `earliest[j]` is the first layer that may be in one range with layer `j`. Savings are super-additive, so pairs of
/// neighbours would not do: a file made in 1 and killed in 3 needs 1 to 3 although 1 with 2 and 2 with 3 save nothing.
/// Takes time in the square of the number of layers.
pub(super) fn best(dead: &[DeadBytes], earliest: &[usize]) -> Vec<Range> {
    let mut by_killer: Vec<Vec<(usize, u64)>> = vec![Vec::new(); earliest.len()];
    for dead in dead.iter().filter(|dead| dead.creator < dead.killer) {
        by_killer[dead.killer].push((dead.creator, dead.bytes));
    }
    // bytes made in each layer that died in the layers seen so far
    let mut died = vec![0_u64; earliest.len()];
    let mut best = vec![Best { saves: 0, merges: 0, first: 0, range_saves: 0 }];
    for last in 0..earliest.len() {
        for &(creator, bytes) in &by_killer[last] {
            died[creator] = died[creator].saturating_add(bytes);
        }
        let mut range_saves = 0_u64;
        let mut chosen: Option<Best> = None;
        for first in (earliest[last]..=last).rev() {
            range_saves = range_saves.saturating_add(died[first]);
            let candidate = Best {
                saves: best[first].saves.saturating_add(range_saves),
                merges: best[first].merges + last - first,
                first,
                range_saves,
            };
            let better = chosen.is_none_or(|chosen| {
                candidate.saves > chosen.saves || candidate.saves == chosen.saves && candidate.merges < chosen.merges
            });
            if better {
                chosen = Some(candidate);
            }
        }
        best.extend(chosen);
    }
    let mut ranges = Vec::new();
    let mut end = earliest.len();
    while end > 0 {
        let Best { first, range_saves, .. } = best[end];
        if range_saves > 0 {
            ranges.push(Range { first, last: end - 1, saves: range_saves });
        }
        end = first;
    }
    ranges.reverse();
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(layers: usize, dead: &[(usize, usize, u64)]) -> Vec<(usize, usize, u64)> {
        let dead: Vec<_> = dead.iter().map(|&(creator, killer, bytes)| DeadBytes { creator, killer, bytes }).collect();
        best(&dead, &vec![0; layers]).iter().map(|range| (range.first, range.last, range.saves)).collect()
    }

    #[test]
    fn ranges_reach_from_creator_to_killer_and_no_further() {
        assert_eq!(ranges(3, &[]), []);
        assert_eq!(ranges(0, &[]), []);
        assert_eq!(ranges(2, &[(0, 1, 7)]), [(0, 1, 7)]);
        assert_eq!(ranges(5, &[(1, 3, 2000)]), [(1, 3, 2000)], "neither pair of neighbours saves anything");
        assert_eq!(ranges(6, &[(0, 1, 5), (3, 4, 6)]), [(0, 1, 5), (3, 4, 6)]);
        assert_eq!(ranges(4, &[(0, 2, 5), (1, 3, 6)]), [(0, 3, 11)], "overlapping ranges become one");
        assert_eq!(ranges(4, &[(0, 1, 5), (2, 3, 6), (0, 3, 1)]), [(0, 3, 12)]);
        assert_eq!(ranges(2, &[(1, 1, 9)]), [], "what dies where it was made is not saved by chaining");
        assert_eq!(ranges(3, &[(0, 1, 0)]), [], "nothing is not a saving");
    }

    #[test]
    fn a_wall_keeps_the_better_side() {
        let dead = [(0, 1, 5), (1, 2, 6)].map(|(creator, killer, bytes)| DeadBytes { creator, killer, bytes });
        assert_eq!(best(&dead, &[0, 0, 1]), [Range { first: 1, last: 2, saves: 6 }]);
        assert_eq!(best(&dead, &[0, 1, 2]), []);
    }

    #[test]
    fn a_thousand_layers_are_no_burden() {
        let dead: Vec<_> = (1..1000).map(|killer| DeadBytes { creator: killer - 1, killer, bytes: 1 }).collect();
        assert_eq!(best(&dead, &vec![0; 1000]), [Range { first: 0, last: 999, saves: 999 }]);
    }
}
