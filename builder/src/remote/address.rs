//! The parts of URLs that matter here: credentials, which are taken out before anything else sees the URL, and names.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use percent_encoding::percent_decode_str;

/// What stands in a shown URL where credentials stood.
const MASK: &str = "xxxxx";

/// User and password of a URL, decoded.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    user: Vec<u8>,
    password: Vec<u8>,
}

impl Credentials {
    /// The value of the `Authorization` header that says the same (RFC 7617).
    pub(crate) fn basic(&self) -> String {
        Self::basic_of(&self.user, &self.password)
    }

    /// The same of a user and a password that stand in no URL.
    pub(crate) fn basic_of(user: &[u8], password: &[u8]) -> String {
        format!("Basic {}", BASE64_STANDARD.encode([user, b":", password].concat()))
    }
}

/// Takes the credentials out of `scheme://user:password@host/…`.
pub(crate) fn split_credentials(url: &str) -> (String, Option<Credentials>) {
    let Some((scheme, userinfo, rest)) = userinfo(url) else {
        return (url.to_owned(), None);
    };
    let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
    let decoded = |text: &str| percent_decode_str(text).collect();
    let credentials = Credentials { user: decoded(user), password: decoded(password) };
    (format!("{scheme}://{rest}"), Some(credentials))
}

/// A URL as it may be shown. Of `ssh://` the user stays, who is no secret; elsewhere a user alone may be a token.
///
/// ```
/// use strata_builder::remote::redacted;
///
/// assert_eq!(redacted("https://me:secret@example.org/a"), "https://xxxxx@example.org/a");
/// assert_eq!(redacted("https://token@example.org/a"), "https://xxxxx@example.org/a");
/// assert_eq!(redacted("ssh://git:secret@example.org/a"), "ssh://git:xxxxx@example.org/a");
/// assert_eq!(redacted("git@example.org:a"), "git@example.org:a");
/// ```
pub fn redacted(url: &str) -> String {
    let Some((scheme, userinfo, rest)) = userinfo(url) else {
        return url.to_owned();
    };
    let shown = match userinfo.split_once(':') {
        Some((user, _)) if scheme == "ssh" => format!("{user}:{MASK}"),
        None if scheme == "ssh" => userinfo.to_owned(),
        _ => MASK.to_owned(),
    };
    format!("{scheme}://{shown}@{rest}")
}

/// Scheme, user information, and what follows the `@`. A password with a slash in it that should be `%2F` is still one: what
/// could be credentials is treated as such.
fn userinfo(url: &str) -> Option<(&str, &str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let end = if let Some(at) = authority.rfind('@') {
        at
    } else {
        // `user:pa/ss@host`: a port would be a number
        let (_, port) = authority.split_once(':')?;
        let is_port = port.bytes().all(|byte| byte.is_ascii_digit());
        if is_port {
            return None;
        }
        rest.find('@')?
    };
    Some((scheme, &rest[..end], &rest[end + 1..]))
}

/// The host of a URL that has no credentials, with its port.
pub(crate) fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_found_wherever_a_person_may_have_put_them() {
        for (url, shown) in [
            ("https://example.org/a@b", "https://example.org/a@b"),
            ("https://example.org:8080/a@b", "https://example.org:8080/a@b"),
            ("https://u:p@example.org:8080/a@b?c=d@e", "https://xxxxx@example.org:8080/a@b?c=d@e"),
            ("https://u@corp.example:p@example.org/", "https://xxxxx@example.org/"),
            ("https://u:pa/ss@example.org/", "https://xxxxx@example.org/"),
            ("https://example.org?a=b@c", "https://example.org?a=b@c"),
            ("https://@example.org/", "https://xxxxx@example.org/"),
            ("ssh://git@example.org/a", "ssh://git@example.org/a"),
        ] {
            assert_eq!(redacted(url), shown, "{url}");
        }
    }

    #[test]
    fn credentials_become_the_header_that_says_the_same() {
        let (url, credentials) = split_credentials("https://me:a%40b@example.org/x");
        assert_eq!(url, "https://example.org/x");
        let header = credentials.map(|credentials| credentials.basic());
        assert_eq!(header.as_deref(), Some("Basic bWU6YUBi"));
        assert!(split_credentials("https://example.org/x").1.is_none());
    }

    #[test]
    fn the_host_has_its_port() {
        for (url, found) in [("https://a.example:81/x", "a.example:81"), ("http://b?x", "b"), ("git://c", "c")] {
            assert_eq!(host(url), found, "{url}");
        }
    }
}
