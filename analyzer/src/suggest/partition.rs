//! Which neighbours to make one: the partition of a row of layers that is worth most, and merges least.

use serde::Serialize;

use super::{DeadBytes, cost::expected};

/// Neighbours that become one layer, first and last included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Range {
    pub(super) first: usize,
    pub(super) last: usize,
    pub(super) saves: u64,
}

/// A row of layers that may be merged.
pub(super) struct Row<'d> {
    /// What died in it, by the numbers of the row.
    pub(super) dead: &'d [DeadBytes],
    /// For each layer, the first one that may be in one range with it.
    pub(super) earliest: Vec<usize>,
    /// What it takes to make each layer again, in bytes; `None` where that is not known.
    pub(super) again: Vec<Option<u64>>,
    /// Steps of the image that make layers.
    pub(super) steps: usize,
}

/// The most that merging so many steps into others saves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Point {
    /// Steps fewer.
    pub merged: usize,
    /// Content bytes.
    pub saves_bytes: u64,
}

/// Points of a frontier that are looked for: more steps than that are merged for their sum, not one by one.
const MAX_MERGED: usize = 32;

/// The best partition of the first so many layers.
#[derive(Clone, Copy)]
struct Best {
    value: i128,
    merges: usize,
    /// Where its last range starts, and what that range saves.
    first: usize,
    range_saves: u64,
}

impl Row<'_> {
    fn by_killer(&self) -> Vec<Vec<(usize, u64)>> {
        let mut by_killer: Vec<Vec<(usize, u64)>> = vec![Vec::new(); self.earliest.len()];
        for dead in self.dead.iter().filter(|dead| dead.creator < dead.killer) {
            by_killer[dead.killer].push((dead.creator, dead.bytes));
        }
        by_killer
    }

    /// Calls `range` with the end of each range, its start and what it saves: ends and starts that are nearest first.
    fn ranges(&self, mut range: impl FnMut(usize, usize, u64)) {
        let by_killer = self.by_killer();
        // bytes made in each layer that died in the layers seen so far
        let mut died = vec![0_u64; self.earliest.len()];
        for (last, killed) in by_killer.iter().enumerate() {
            for &(creator, bytes) in killed {
                died[creator] = died[creator].saturating_add(bytes);
            }
            let mut saves = 0_u64;
            for first in (self.earliest[last]..=last).rev() {
                saves = saves.saturating_add(died[first]);
                range(last, first, saves);
            }
        }
    }
}

/// Gives the ranges that are worth most in sum, which is what they save less what they cost; among those that are worth
/// the same, the ones that merge fewest layers.
///
/// Savings are super-additive, so pairs of neighbours would not do: a file made in 1 and killed in 3 needs 1 to 3 although
/// 1 with 2 and 2 with 3 save nothing. Takes time in the square of the number of layers.
pub(super) fn best(row: &Row<'_>) -> Vec<Range> {
    let mut best = vec![Best { value: 0, merges: 0, first: 0, range_saves: 0 }];
    // of the range that is being made longer: its weights, each times the later layers of it; `None`: one is not known
    let mut cost: Option<u128> = Some(0);
    row.ranges(|last, first, range_saves| {
        cost = if first == last {
            Some(0)
        } else {
            let again = |weight: u64| u128::from(weight) * (last - first) as u128;
            cost.zip(row.again[first]).map(|(cost, weight)| cost.saturating_add(again(weight)))
        };
        let cost = cost.filter(|_| row.again[last].is_some()).map_or(0, |cost| expected(cost, row.steps));
        let candidate = Best {
            value: best[first].value + i128::from(range_saves) - i128::from(cost),
            merges: best[first].merges + last - first,
            first,
            range_saves,
        };
        match best.get_mut(last + 1) {
            None => best.push(candidate),
            Some(chosen)
                if candidate.value > chosen.value
                    || candidate.value == chosen.value && candidate.merges < chosen.merges =>
            {
                *chosen = candidate;
            }
            Some(_) => {}
        }
    });
    let mut ranges = Vec::new();
    let mut end = row.earliest.len();
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

/// What merging at most 0, 1, 2 … layers of one row into others saves at best, whatever it costs.
pub(super) fn frontier(row: &Row<'_>) -> Vec<u64> {
    let most = MAX_MERGED.min(row.earliest.len().saturating_sub(1));
    let mut best = vec![vec![0_u64; most + 1]];
    row.ranges(|last, first, saves| {
        if best.len() == last + 1 {
            best.push(vec![0; most + 1]);
        }
        let merges = last - first;
        for merged in merges..=most {
            let sum = best[first][merged - merges].saturating_add(saves);
            best[last + 1][merged] = best[last + 1][merged].max(sum);
        }
    });
    best.pop().unwrap_or_default()
}

/// The frontier of several rows together: only the points that save more than all before them.
pub(super) fn joined(rows: &[Vec<u64>]) -> Vec<Point> {
    let mut sum = vec![0_u64];
    for row in rows {
        let length = (sum.len() + row.len()).saturating_sub(1).clamp(1, MAX_MERGED + 1);
        let mut next = vec![0_u64; length];
        for (merged, saved) in sum.iter().enumerate() {
            for (more, saves) in row.iter().enumerate().take(length.saturating_sub(merged)) {
                next[merged + more] = next[merged + more].max(saved.saturating_add(*saves));
            }
        }
        sum = next;
    }
    let mut points: Vec<Point> = Vec::new();
    for (merged, saves_bytes) in sum.into_iter().enumerate() {
        if saves_bytes > points.last().map_or(0, |point| point.saves_bytes) {
            points.push(Point { merged, saves_bytes });
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dead(dead: &[(usize, usize, u64)]) -> Vec<DeadBytes> {
        dead.iter().map(|&(creator, killer, bytes)| DeadBytes { creator, killer, bytes }).collect()
    }

    fn row(dead: &[DeadBytes], earliest: Vec<usize>) -> Row<'_> {
        let again = vec![None; earliest.len()];
        Row { dead, again, steps: earliest.len(), earliest }
    }

    fn ranges(layers: usize, bytes: &[(usize, usize, u64)]) -> Vec<(usize, usize, u64)> {
        let ranges = best(&row(&dead(bytes), vec![0; layers]));
        ranges.iter().map(|range| (range.first, range.last, range.saves)).collect()
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
        let dead = dead(&[(0, 1, 5), (1, 2, 6)]);
        assert_eq!(best(&row(&dead, vec![0, 0, 1])), [Range { first: 1, last: 2, saves: 6 }]);
        assert_eq!(best(&row(&dead, vec![0, 1, 2])), []);
    }

    #[test]
    fn what_costs_more_than_it_saves_is_left_apart() {
        let dead = dead(&[(0, 1, 50), (2, 3, 6)]);
        let of = |again: [Option<u64>; 4]| {
            let row = Row { again: again.to_vec(), ..row(&dead, vec![0; 4]) };
            best(&row).iter().map(|range| (range.first, range.last)).collect::<Vec<_>>()
        };
        // one change in ten builds, of one in four steps: a fortieth
        assert_eq!(of([Some(0), Some(0), Some(0), Some(0)]), [(0, 1), (2, 3)]);
        assert_eq!(of([Some(0), Some(0), Some(280), Some(0)]), [(0, 1)]);
        assert_eq!(of([Some(0), Some(0), Some(239), Some(9999)]), [(0, 1), (2, 3)], "the last is made again anyway");
        assert_eq!(of([Some(2_040), Some(0), Some(280), Some(0)]), []);
        assert_eq!(of([Some(2_040), None, Some(280), None]), [(0, 1), (2, 3)], "without times the bytes decide");
    }

    #[test]
    fn a_frontier_has_the_most_for_each_number_of_steps() {
        let of = |layers: usize, bytes: &[(usize, usize, u64)]| frontier(&row(&dead(bytes), vec![0; layers]));
        let one = of(6, &[(0, 2, 100), (3, 4, 30), (4, 5, 5)]);
        assert_eq!(one, [0, 30, 100, 130, 135, 135]);
        assert_eq!(of(0, &[]), [0]);
        let points: Vec<_> =
            joined(&[one, of(2, &[(0, 1, 40)])]).iter().map(|point| (point.merged, point.saves_bytes)).collect();
        assert_eq!(points, [(1, 40), (2, 100), (3, 140), (4, 170), (5, 175)]);
        assert_eq!(joined(&[]), []);
    }

    #[test]
    fn a_thousand_layers_are_no_burden() {
        let dead: Vec<_> = (1..1000).map(|killer| DeadBytes { creator: killer - 1, killer, bytes: 1 }).collect();
        let row = row(&dead, vec![0; 1000]);
        assert_eq!(best(&row), [Range { first: 0, last: 999, saves: 999 }]);
        assert_eq!(frontier(&row).last(), Some(&32));
    }
}
