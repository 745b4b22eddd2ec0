//! Platforms as people write them.

use std::{collections::BTreeMap, str::FromStr};

use super::Platform;

/// A text that names no platform.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no platform: write OS/ARCHITECTURE[/VARIANT], as linux/arm64")]
pub struct PlatformError {
    /// What was written.
    pub text: String,
}

impl FromStr for Platform {
    type Err = PlatformError;

    /// Reads `linux/arm64`, `linux/arm/v7`, a processor alone, or `local` for this machine. A processor may have the name that
    /// its makers or the kernel give it; the variants that every such processor has are left out.
    ///
    /// ```
    /// use strata_image::manifest::Platform;
    ///
    /// let written = |text: &str| text.parse::<Platform>().map(|platform| platform.to_string());
    /// assert_eq!(written("linux/aarch64")?, "linux/arm64");
    /// assert_eq!(written("arm")?, "linux/arm/v7");
    /// assert!(written("linux/amd64/v3/x").is_err());
    /// # Ok::<(), strata_image::manifest::PlatformError>(())
    /// ```
    fn from_str(text: &str) -> Result<Self, PlatformError> {
        if text == "local" {
            return Ok(Self::host());
        }
        let lower = text.to_ascii_lowercase();
        let parts: Vec<&str> = lower.split('/').collect();
        let (os, architecture, variant) = match parts[..] {
            [architecture] => ("linux", architecture, None),
            [os, architecture] => (os, architecture, None),
            [os, architecture, variant] => (os, architecture, Some(variant)),
            _ => return Err(PlatformError { text: text.to_owned() }),
        };
        let is_word = |word: &str| {
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        };
        if !is_word(os) || !is_word(architecture) || !variant.is_none_or(is_word) {
            return Err(PlatformError { text: text.to_owned() });
        }
        let (architecture, variant) = usual(architecture, variant);
        Ok(Self {
            os: os.to_owned(),
            architecture: architecture.to_owned(),
            variant: variant.map(str::to_owned),
            other: BTreeMap::new(),
        })
    }
}

/// Go's names, and only variants that tell something.
fn usual<'a>(architecture: &'a str, variant: Option<&'a str>) -> (&'a str, Option<&'a str>) {
    match (architecture, variant) {
        ("x86_64" | "x86-64" | "amd64", None | Some("v1")) => ("amd64", None),
        ("x86_64" | "x86-64", variant) => ("amd64", variant),
        ("aarch64" | "arm64", None | Some("8" | "v8")) => ("arm64", None),
        ("aarch64", variant) => ("arm64", variant),
        ("i386" | "i686" | "x86", _) => ("386", None),
        ("armhf", _) | ("arm", None | Some("7")) => ("arm", Some("v7")),
        ("armel", _) | ("arm", Some("6")) => ("arm", Some("v6")),
        ("arm", Some("5")) => ("arm", Some("v5")),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::Platform;

    #[test]
    fn names_of_processors_are_many_and_platforms_are_one() {
        let cases = [
            ("linux/amd64", "linux/amd64"),
            ("linux/amd64/v1", "linux/amd64"),
            ("linux/amd64/v3", "linux/amd64/v3"),
            ("x86_64", "linux/amd64"),
            ("linux/arm64/v8", "linux/arm64"),
            ("Linux/AArch64", "linux/arm64"),
            ("linux/arm", "linux/arm/v7"),
            ("linux/arm/v6", "linux/arm/v6"),
            ("armel", "linux/arm/v6"),
            ("i386", "linux/386"),
            ("plan9/mips", "plan9/mips"),
        ];
        for (text, platform) in cases {
            assert_eq!(text.parse::<Platform>().unwrap().to_string(), platform, "{text}");
        }
        assert_eq!("local".parse::<Platform>().unwrap(), Platform::host());
        for text in ["", "linux/", "/amd64", "a/b/c/d", "linux/am d64", "linux/\u{1b}"] {
            assert!(text.parse::<Platform>().is_err(), "{text}");
        }
    }
}
