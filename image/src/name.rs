//! Image names as a person writes them.
//!
//! What a person would leave out (`docker.io/library/`) is left out here, so that two spellings of one image are equal
//! after parsing.
//!
//! The grammar is that of distribution's `reference` package, which docker follows:
//!
//! ```text
//! [host[:port]/]component[/component]*[:tag][@digest]
//! component   [a-z0-9]+ joined by one of `.`, `_`, `__`, or any number of `-`
//! tag         [A-Za-z0-9_][A-Za-z0-9_.-]{0,127}
//! ```
//!
//! It is read here and not by oci-spec's `Reference`, which takes some hundred milliseconds for its first name (it
//! compiles a regular expression over all of Unicode, and so takes `app:é` for a name). That one is a second reader in
//! the tests.

use std::{cmp::Ordering, fmt, str::FromStr};

use crate::digest::Digest;

/// The tag of a name that has neither tag nor digest.
const DEFAULT_TAG: &str = "latest";

/// Docker's registry, which names do not mention.
const DEFAULT_REGISTRY: &str = "docker.io";

/// The folder of Docker's registry for names of a single word.
const OFFICIAL_FOLDER: &str = "library/";

/// Docker's registry as it was once called.
const LEGACY_REGISTRY: &str = "index.docker.io";

/// What digests and image IDs begin with.
const ALGORITHM: &str = "sha256";

/// The longest repository without its registry, and the longest tag (distribution, `reference/reference.go`).
const MAX_REPOSITORY: usize = 255;
const MAX_TAG: usize = 128;

/// The longest text looked at: a repository of 255, a tag of 128 and a digest, generously.
const MAX_NAME_BYTES: usize = 1024;

/// An image's name: a repository with a tag (`app:1`), a digest (`app@sha256:…`), or both.
///
/// ```
/// use strata_image::ImageName;
/// let name = ImageName::parse("docker.io/library/app")?;
/// assert_eq!(name, ImageName::parse("app:latest")?);
/// assert_eq!(name.to_string(), "app:latest");
/// assert_eq!(name.canonical(), "docker.io/library/app:latest");
/// # Ok::<(), strata_image::name::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ImageName {
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

/// Text that is not an image's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an image name: {reason}")]
pub struct NameError {
    /// The text as found, or its head when it is very long.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
}

impl ImageName {
    /// Reads a name: `app`, `app:1`, `docker.io/library/app:1`, `host:5000/team/app:1`, `app@sha256:…`.
    ///
    /// A name with neither tag nor digest gets the tag `latest`.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let refuse =
            |reason: &str| NameError { text: text.chars().take(MAX_NAME_BYTES).collect(), reason: reason.to_owned() };
        if text.len() > MAX_NAME_BYTES {
            return Err(refuse("it is too long"));
        }
        if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(refuse("64 hex digits are an image ID"));
        }
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (text, None),
        };
        // a colon before the last slash belongs to a port
        let (name, tag) = match name.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (name, None),
        };
        let digest = digest.map(Digest::from_str).transpose();
        let digest = digest.map_err(|error| refuse(error.reason))?;
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(refuse(
                "a tag has at most 128 letters, digits, `_`, `.` and `-`, and begins with neither of the last two",
            ));
        }
        let (registry, path) = match name.split_once('/') {
            Some((first, path)) if is_registry(first) => (first, path),
            _ => (DEFAULT_REGISTRY, name),
        };
        if !is_host(registry) {
            return Err(refuse("the registry is not of the form host[:port]"));
        }
        if path.len() > MAX_REPOSITORY {
            return Err(refuse("a repository has at most 255 characters"));
        }
        if path.chars().any(char::is_uppercase) {
            return Err(refuse("a repository must be lower case"));
        }
        if !path.split('/').all(is_component) {
            return Err(refuse("it is not of the form [host[:port]/]name[:tag][@digest]"));
        }
        let repository = familiar(registry, path);
        // `sha256:…` would be taken for an image ID (moby refuses to give such a tag too)
        if repository == ALGORITHM {
            return Err(refuse("`sha256` is the name of a digest algorithm"));
        }
        let tag = tag.or(digest.is_none().then_some(DEFAULT_TAG));
        Ok(Self { repository, tag: tag.map(str::to_owned), digest })
    }

    /// Gives the repository as a person writes it: `app`, `team/app`, `host:5000/app`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// Gives the tag; empty only in a name that has a digest instead.
    pub fn tag(&self) -> &str {
        self.tag.as_deref().unwrap_or_default()
    }

    /// Gives the manifest's digest, where the name has one.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// Gives the name in full: `docker.io/library/app:1`.
    pub fn canonical(&self) -> String {
        if is_registry(self.repository.split_once('/').map_or("", |(first, _)| first)) {
            return self.to_string();
        }
        let folder = if self.repository.contains('/') { "" } else { OFFICIAL_FOLDER };
        format!("{DEFAULT_REGISTRY}/{folder}{self}")
    }
}

impl fmt::Display for ImageName {
    /// Writes `app:1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

impl FromStr for ImageName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::parse(text)
    }
}

impl PartialOrd for ImageName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ImageName {
    /// By repository, then tag, then digest.
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |name: &Self| (name.repository.clone(), name.tag.clone(), name.digest);
        key(self).cmp(&key(other))
    }
}

/// Drops what a person would not write, unless what is left would mean another registry.
fn familiar(registry: &str, path: &str) -> String {
    if ![DEFAULT_REGISTRY, LEGACY_REGISTRY].contains(&registry) {
        return format!("{registry}/{path}");
    }
    match (path.strip_prefix(OFFICIAL_FOLDER), path.split_once('/')) {
        (Some(name), _) if !name.contains('/') => name.to_owned(),
        (_, Some((first, _))) if is_registry(first) => format!("{DEFAULT_REGISTRY}/{path}"),
        _ => path.to_owned(),
    }
}

/// Tells a registry from a folder (distribution, `splitDockerDomain`).
fn is_registry(first: &str) -> bool {
    first == "localhost" || first.contains(['.', ':'])
}

/// Whether a text is `host[:port]`: names separated by dots, or an address.
fn is_host(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let is_label = |label: &str| {
        let inner = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        inner && !label.is_empty() && !label.starts_with('-') && !label.ends_with('-')
    };
    let is_named = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => !address.is_empty() && address.bytes().all(|b| b.is_ascii_hexdigit() || b == b':'),
        None => host.split('.').all(is_label),
    };
    is_named && port.is_none_or(|port| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()))
}

fn is_tag(tag: &str) -> bool {
    tag.len() <= MAX_TAG
        && tag.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
}

/// Whether a text is runs of lower-case letters and digits with separators between, and nothing else.
fn is_component(text: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_separator = |text: &str| matches!(text, "." | "_" | "__") || text.bytes().all(|b| b == b'-');
    text.starts_with(is_letter) && text.ends_with(is_letter) && text.split(is_letter).all(is_separator)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use oci_spec::distribution::Reference;

    use super::*;

    #[test]
    fn names_are_written_as_a_person_writes_them() {
        for (text, short, canonical) in [
            ("app", "app:latest", "docker.io/library/app:latest"),
            ("app:1.2", "app:1.2", "docker.io/library/app:1.2"),
            ("docker.io/library/app:1", "app:1", "docker.io/library/app:1"),
            ("index.docker.io/library/app:1", "app:1", "docker.io/library/app:1"),
            ("docker.io/team/app:1", "team/app:1", "docker.io/team/app:1"),
            ("library/app:1", "app:1", "docker.io/library/app:1"),
            ("localhost/app:1", "localhost/app:1", "localhost/app:1"),
            ("localhost:5000/app", "localhost:5000/app:latest", "localhost:5000/app:latest"),
            ("[::1]:5000/app", "[::1]:5000/app:latest", "[::1]:5000/app:latest"),
            ("a--b/c__d/e.f_g:_.-", "a--b/c__d/e.f_g:_.-", "docker.io/a--b/c__d/e.f_g:_.-"),
            ("ghcr.io/a/b/c:d", "ghcr.io/a/b/c:d", "ghcr.io/a/b/c:d"),
            ("docker.io/localhost/app:1", "docker.io/localhost/app:1", "docker.io/localhost/app:1"),
        ] {
            let name = ImageName::parse(text).unwrap();
            assert_eq!((name.to_string().as_str(), name.canonical().as_str()), (short, canonical), "{text}");
            assert_eq!(ImageName::parse(short).unwrap(), name, "{text}");
            assert_eq!(ImageName::parse(canonical).unwrap(), name, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn the_second_reader_agrees(
            registry in "([hH]1?(-x)?[.]y?(:[0-9]{0,2})?/|localhost/|docker[.]io/|)",
            path in "[a-c._-]{0,4}(/[a-c._/-]{0,4})?",
            tag in "(:[a-cA-C_.-]{0,4})?",
        ) {
            let text = format!("{registry}{path}{tag}");
            let theirs = text.parse::<Reference>().ok();
            let ours = ImageName::parse(&text).ok();
            let canonical = theirs.map(|reference| reference.whole());
            proptest::prop_assert_eq!(ours.map(|name| name.canonical()), canonical, "{}", text);
        }
    }

    #[test]
    fn a_name_may_have_a_digest() {
        let digest = Digest::of(b"x");
        let name = ImageName::parse(&format!("app@{digest}")).unwrap();
        assert_eq!((name.repository(), name.tag(), name.digest()), ("app", "", Some(&digest)));
        assert_eq!(name.canonical(), format!("docker.io/library/app@{digest}"));
        let both = ImageName::parse(&format!("app:1@{digest}")).unwrap();
        assert_eq!((both.tag(), both.to_string()), ("1", format!("app:1@{digest}")));
    }

    #[test]
    fn what_could_be_mistaken_for_something_else_is_refused() {
        let hex = "a".repeat(64);
        let id = format!("sha256:{hex}");
        let long = "a/".repeat(400) + "b";
        let tag = format!("app:{}", "t".repeat(129));
        let sha512 = format!("app@sha512:{}", "0".repeat(128));
        for text in [
            "",
            "../x",
            "a/../b",
            "-rf",
            "/app",
            "app:",
            "app:-1",
            "app\n",
            "app:1\nx",
            "app 1",
            "App",
            "a//b",
            "\u{1b}[31mapp",
            "app@sha256:00",
            hex.as_str(),
            id.as_str(),
            "sha256",
            "docker.io/library/sha256:1",
            long.as_str(),
            tag.as_str(),
            sha512.as_str(),
        ] {
            assert!(ImageName::parse(text).is_err(), "{text:?}");
        }
        assert!(ImageName::parse("Team/app").unwrap_err().reason.contains("lower case"));
    }
}
