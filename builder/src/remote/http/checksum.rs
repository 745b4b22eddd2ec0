//! `--checksum=sha256:…` of ADD.

use std::str::FromStr;

use strata_image::Digest;

use crate::remote::RemoteError;

/// The digest that a file must have.
///
/// ```
/// use strata_builder::remote::http::Checksum;
///
/// assert!(format!("sha256:{}", "0".repeat(64)).parse::<Checksum>().is_ok());
/// let error = "md5:d41d8cd98f00b204e9800998ecf8427e".parse::<Checksum>().unwrap_err();
/// assert!(error.to_string().starts_with("unsupported checksum"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checksum(Digest);

impl Checksum {
    /// The digest.
    pub fn digest(self) -> Digest {
        self.0
    }
}

impl From<Digest> for Checksum {
    fn from(digest: Digest) -> Self {
        Self(digest)
    }
}

impl FromStr for Checksum {
    type Err = RemoteError;

    fn from_str(text: &str) -> Result<Self, RemoteError> {
        let reason = match text.split_once(':') {
            Some(("sha256", _)) => "it is not sha256: and 64 lower-case hex digits",
            _ => "only sha256: is known",
        };
        text.parse().map(Self).map_err(|_| RemoteError::Checksum { text: text.to_owned(), reason })
    }
}
