//! The paths that databases write, as the image's paths are, within a bound.
//!
//! A path is put together of parts that many may share: a folder before all names in it, a list that several packages
//! have. A small database could so tell of more than there is memory; none that is true comes near the bound.

use strata_image::layer::LayerPath;

/// Bytes of paths for each byte of all databases and of their own paths.
const TAKEN: usize = 8;
/// What a path takes beside its bytes.
const EACH: usize = 32;

/// Reads paths until all together are too many.
pub(super) struct Paths {
    left: usize,
}

impl Paths {
    /// For databases with their paths.
    pub(super) fn told_by(kept: &[(Vec<u8>, &[u8])]) -> Self {
        let bytes = kept.iter().fold(0, |sum: usize, (path, text)| sum.saturating_add(path.len() + text.len()));
        Self { left: bytes.saturating_mul(TAKEN) }
    }

    /// Gives what is written without slashes at its ends, and nothing for the root and for what is no path.
    pub(super) fn all<P: AsRef<[u8]>>(&mut self, written: impl IntoIterator<Item = P>) -> Vec<Vec<u8>> {
        let mut paths = Vec::new();
        for path in written {
            let path = path.as_ref();
            let Some(left) = self.left.checked_sub(path.len() + EACH) else {
                self.left = 0;
                break;
            };
            self.left = left;
            if let Some(path) = LayerPath::new(path).ok().filter(|path| !path.is_root()) {
                paths.push(path.as_bytes().to_vec());
            }
        }
        paths
    }
}
