//! Which of many findings a list of few places tells.

use std::cmp::Reverse;

/// One place in so many goes to the largest.
const SHARE: usize = 4;

/// Chooses what a list of so many places tells of more that stand in the order of findings. The first `errors` are told, however
/// few the places are. Of the places that are left three quarters go to what comes next, and one to the largest of the rest: many
/// small findings hide no large one of a lower level.
///
/// `bytes` are 0 of what is not told for its size. Gives the numbers of what is told, in order.
pub fn chosen(bytes: &[u64], errors: usize, places: usize) -> Vec<usize> {
    let errors = errors.min(bytes.len());
    let left = places.saturating_sub(errors).min(bytes.len() - errors);
    let largest = left.div_ceil(SHARE);
    let first = errors + left - largest;
    let mut others: Vec<usize> = (first..bytes.len()).collect();
    others.sort_by_key(|&number| (Reverse(bytes[number]), number));
    let mut told: Vec<usize> = (0..first).chain(others.into_iter().take(largest)).collect();
    told.sort_unstable();
    told
}

#[cfg(test)]
mod tests {
    use super::chosen;

    #[test]
    fn neither_an_error_nor_the_largest_is_left_out() {
        assert_eq!(chosen(&[1, 2, 3], 0, 4), [0, 1, 2]);
        assert_eq!(chosen(&[1, 2, 3, 9], 0, 4), [0, 1, 2, 3]);
        assert_eq!(chosen(&[1, 1, 1, 1, 9, 1, 7, 8], 0, 8), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(chosen(&[1, 1, 1, 1, 9, 1, 7, 8], 0, 4), [0, 1, 2, 4]);
        assert_eq!(chosen(&[1, 1, 1, 1, 9, 1, 7, 8, 1], 0, 5), [0, 1, 2, 4, 7]);
        assert_eq!(chosen(&[1, 1, 1, 1, 9], 3, 2), [0, 1, 2]);
        assert_eq!(chosen(&[1, 1, 1, 1, 9], 3, 4), [0, 1, 2, 4]);
        assert_eq!(chosen(&[1, 1, 1, 1, 9], 4, 4), [0, 1, 2, 3]);
        assert_eq!(chosen(&[], 0, 4), [] as [usize; 0]);
        assert_eq!(chosen(&[5], 0, 0), [] as [usize; 0]);
    }
}
