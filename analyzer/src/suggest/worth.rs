//! How much a suggestion must save to be made.

use crate::size_text;

/// The least that a suggestion must save: so many bytes, or such a part of all layers. Either is enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MinSaving {
    /// Content bytes; `None`: no number of them is enough.
    pub bytes: Option<u64>,
    /// Thousandths of the content bytes of all layers; `None`: no part of them is enough.
    pub permille: Option<u64>,
}

impl MinSaving {
    /// What nobody needs to be asked about: 1 MiB is what a slow line carries in a second, and a hundredth of an image
    /// is as much to a small one as that is to a large one.
    pub const WORTHWHILE: Self = Self { bytes: Some(1 << 20), permille: Some(10) };

    /// Whether that many bytes, of an image of so many, are enough. Without either bound anything is.
    pub fn admits(self, saves: u64, total: u64) -> bool {
        let is_large = self.bytes.is_some_and(|least| saves >= least);
        let part = u128::from(saves) * 1_000;
        let is_part = self.permille.is_some_and(|least| part >= u128::from(total) * u128::from(least));
        is_large || is_part || self == Self::default()
    }

    /// Why that many are not.
    pub(super) fn reason(self) -> String {
        let percent = |permille: u64| match permille % 10 {
            0 => format!("{}%", permille / 10),
            tenth => format!("{}.{tenth}%", permille / 10),
        };
        let bounds: Vec<String> =
            [self.bytes.map(size_text), self.permille.map(|permille| format!("{} of the image", percent(permille)))]
                .into_iter()
                .flatten()
                .collect();
        format!("it saves less than {}", bounds.join(" and "))
    }
}

#[cfg(test)]
mod tests {
    use super::MinSaving;

    #[test]
    fn either_bound_is_enough_and_what_meets_it_exactly_passes() {
        let least = MinSaving::WORTHWHILE;
        assert!(least.admits(1 << 20, u64::MAX) && least.admits(10, 1_000));
        assert!(!least.admits((1 << 20) - 1, 1 << 30) && !least.admits(9, 1_000));
        assert!(MinSaving::default().admits(0, 1_000));
        assert_eq!(least.reason(), "it saves less than 1.05MB and 1% of the image");
    }
}
