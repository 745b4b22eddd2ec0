//! Identities by content: distinct types that are never interchangeable.
//!
//! Bytes flow through [`Hasher`], [`HashingWriter`] or [`VerifyingReader`]; text comes in through `FromStr`, strictly:
//! `sha256:` and 64 lower-case hex digits, as the image-spec's descriptor chapter wants them. Other algorithms are
//! refused by name, so that nothing is used before it was verified.

mod stream;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

pub use stream::{Hasher, HashingReader, HashingWriter, VerifyError, VerifyingReader};

/// Text that is not a digest of the one algorithm that images use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a digest: {reason}")]
pub struct DigestError {
    /// The text as found, cut after [`DIGEST_ERROR_TEXT`] characters.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// Characters of a refused digest that an error repeats: a hostile one may be megabytes long.
pub const DIGEST_ERROR_TEXT: usize = 160;

impl DigestError {
    fn new(text: &str, reason: &'static str) -> Self {
        let text = text.chars().take(DIGEST_ERROR_TEXT).collect();
        Self { text, reason }
    }
}

macro_rules! identities {
    ($($(#[$doc:meta])* $name:ident;)*) => { $(
        $(#[$doc])*
        ///
        /// Written as `sha256:` and 64 lower-case hex digits, and read from nothing else.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; 32]);

        impl $name {
            /// Takes the 32 bytes of a SHA-256 that was computed elsewhere.
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// Gives the 32 bytes.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }

            /// Gives 64 lower-case hex digits, without `sha256:`.
            pub fn hex(&self) -> String {
                hex(&self.0)
            }

            /// Hashes bytes in memory.
            pub fn of(bytes: &[u8]) -> Self {
                Self(Sha256::digest(bytes).into())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "sha256:{}", self.hex())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = DigestError;

            fn from_str(text: &str) -> Result<Self, DigestError> {
                parse(text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )* };
}

identities! {
    /// The SHA-256 of bytes as they are stored: a blob, a manifest, a layer as compressed.
    Digest;
    /// The SHA-256 of a layer's uncompressed tar (image-spec, config, `rootfs.diff_ids`).
    DiffId;
    /// The identity of a stack of layers, by the image-spec's rule (config, "Layer `ChainID`").
    ChainId;
    /// The SHA-256 of an image's config: what docker and podman call the image's ID.
    ImageId;
}

impl ChainId {
    /// Gives the chain ID of a single layer, which is its diff ID.
    pub const fn first(layer: DiffId) -> Self {
        Self(layer.0)
    }

    /// Gives the chain ID of this stack with one layer more on top.
    #[must_use]
    pub fn then(self, next: DiffId) -> Self {
        Self::of(format!("{self} {next}").as_bytes())
    }

    /// Gives the chain IDs of every prefix of a stack, bottom first; as many as there are layers.
    pub fn of_stack(diff_ids: impl IntoIterator<Item = DiffId>) -> Vec<Self> {
        let mut chain: Vec<Self> = Vec::new();
        for layer in diff_ids {
            chain.push(chain.last().map_or(Self::first(layer), |below| below.then(layer)));
        }
        chain
    }
}

impl From<Digest> for DiffId {
    /// For bytes that are known to be an uncompressed layer.
    fn from(digest: Digest) -> Self {
        Self(digest.0)
    }
}

impl From<DiffId> for Digest {
    /// For a layer that is stored uncompressed.
    fn from(diff_id: DiffId) -> Self {
        Self(diff_id.0)
    }
}

impl From<Digest> for ImageId {
    /// For bytes that are known to be a config.
    fn from(digest: Digest) -> Self {
        Self(digest.0)
    }
}

impl From<ImageId> for Digest {
    /// The digest of the config blob.
    fn from(id: ImageId) -> Self {
        Self(id.0)
    }
}

fn hex(bytes: &[u8; 32]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|nibble| char::from(DIGITS[usize::from(nibble)])).collect()
}

fn parse(text: &str) -> Result<[u8; 32], DigestError> {
    let Some((algorithm, digits)) = text.split_once(':') else {
        return Err(DigestError::new(text, "`sha256:` and 64 hex digits are wanted"));
    };
    match algorithm {
        "sha256" => {}
        "sha384" | "sha512" => {
            return Err(DigestError::new(text, "only sha256 is supported, not other lengths of SHA-2"));
        }
        _ => return Err(DigestError::new(text, "only sha256 is supported")),
    }
    if digits.len() != 64 {
        return Err(DigestError::new(text, "64 hex digits must follow `sha256:`"));
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        let (Some(high), Some(low)) = (nibble(pair[0]), nibble(pair[1])) else {
            return Err(DigestError::new(text, "hex digits must be 0-9 and lower-case a-f"));
        };
        *byte = high << 4 | low;
    }
    Ok(bytes)
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn a_digest_reads_and_writes_the_same_text() {
        assert_eq!(Digest::of(b"").to_string(), EMPTY);
        assert_eq!(EMPTY.parse::<Digest>().unwrap(), Digest::of(b""));
        assert_eq!(serde_json::to_string(&Digest::of(b"")).unwrap(), format!("{EMPTY:?}"));
        assert_eq!(serde_json::from_str::<DiffId>(&format!("{EMPTY:?}")).unwrap(), DiffId::of(b""));
    }

    #[test]
    fn everything_but_lower_case_sha256_is_refused() {
        let upper = EMPTY.to_uppercase().replace("SHA256", "sha256");
        let short = &EMPTY[..EMPTY.len() - 1];
        let long = format!("{EMPTY}0");
        let sha512 = format!("sha512:{}", "0".repeat(128));
        let path = format!("sha256:../../{}", "x".repeat(58));
        for (text, reason) in [
            ("", "wanted"),
            (&EMPTY[7..], "wanted"),
            ("md5:d41d8cd98f00b204e9800998ecf8427e", "only sha256"),
            (sha512.as_str(), "other lengths"),
            (upper.as_str(), "lower-case"),
            (short, "64 hex digits"),
            (long.as_str(), "64 hex digits"),
            (path.as_str(), "lower-case"),
            ("sha256:../../x", "64 hex digits"),
        ] {
            let error = text.parse::<Digest>().unwrap_err();
            assert!(error.reason.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn an_error_repeats_only_the_head_of_a_hostile_text() {
        let error = "x".repeat(1 << 20).parse::<Digest>().unwrap_err();
        assert_eq!(error.text.len(), DIGEST_ERROR_TEXT);
    }

    #[test]
    fn chain_ids_follow_the_rule_of_the_image_spec() {
        let layers = [DiffId::of(b"a"), DiffId::of(b"b"), DiffId::of(b"c")];
        let chain = ChainId::of_stack(layers);
        assert_eq!(chain[0].to_string(), layers[0].to_string());
        assert_eq!(chain[1], ChainId::of(format!("{} {}", layers[0], layers[1]).as_bytes()));
        assert_eq!(chain[2], chain[1].then(layers[2]));
        assert!(ChainId::of_stack([]).is_empty());
    }
}
