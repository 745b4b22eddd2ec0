//! How people write a repository and the part of it that they mean.
//!
//! | form | |
//! |---|---|
//! | `https://HOST/PATH.git`, `http://…` | the `.git` tells it from a file |
//! | `git://HOST/PATH`, `ssh://[USER@]HOST/PATH`, `USER@HOST:PATH` | |
//! | `github.com/OWNER/NAME`, `file:///PATH` | of a context only, which a person names |
//! | …`#REF:SUBDIR` | a branch, a tag or a whole commit; a directory |
//! | …`?ref=`, `branch=`, `tag=`, `commit=` (or `checksum=`), `subdir=`, `submodules=`, `keep-git-dir=` | the same and more |

use std::fmt;

use percent_encoding::percent_decode_str;

use crate::remote::{
    RemoteError,
    address::{Credentials, redacted, split_credentials},
};

/// Digits of a commit that are enough to mean one: git's own least for short names is 4, which anybody can forge.
const MIN_COMMIT: usize = 7;

/// A repository and what of it is meant. Shown, it is the repository without credentials.
#[derive(Clone)]
pub struct Source {
    /// What git is given, without credentials.
    pub(super) remote: String,
    pub(super) credentials: Option<Credentials>,
    /// A branch, a tag, another name, or a whole commit.
    pub(super) reference: Option<String>,
    /// Hex digits that the commit must begin with.
    pub(super) commit: Option<String>,
    /// Clean and relative; empty for the whole.
    pub(super) subdir: String,
    pub(super) submodules: bool,
    pub(super) keep_git_dir: Option<bool>,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redacted(&self.remote))
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("remote", &redacted(&self.remote))
            .field("reference", &self.reference)
            .field("commit", &self.commit)
            .field("subdir", &self.subdir)
            .field("submodules", &self.submodules)
            .field("keep_git_dir", &self.keep_git_dir)
            .finish_non_exhaustive()
    }
}

impl Source {
    /// Reads what an ADD names; `None` when it is no repository.
    ///
    /// # Errors
    /// A repository with parts that cannot be: unknown or contradicting queries, names that could be taken for options.
    ///
    /// ```
    /// use strata_builder::remote::git::Source;
    ///
    /// let source = Source::parse("https://me:secret@example.org/a.git#v1:docs")?.unwrap();
    /// assert_eq!(source.to_string(), "https://example.org/a.git");
    /// assert_eq!((source.reference(), source.subdir()), (Some("v1"), "docs"));
    /// assert!(Source::parse("https://example.org/a.tar.gz")?.is_none());
    /// assert!(Source::parse("https://example.org/a.git?what=ever").is_err());
    /// # Ok::<(), strata_builder::remote::RemoteError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Option<Self>, RemoteError> {
        let (address, fragment) = split_at(text, '#');
        let scheme = address.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        let is_repository = match scheme.as_deref() {
            Some("git" | "ssh") => true,
            Some("http" | "https") => split_at(address, '?').0.as_bytes().ends_with(b".git"),
            Some(_) => false,
            None => is_scp_like(address),
        };
        if !is_repository {
            return Ok(None);
        }
        let (remote, query) = match scheme {
            Some(_) => split_at(address, '?'),
            // there is no query in what ssh calls a path
            None => (address, ""),
        };
        Self::with_parts(text, remote, query, fragment).map(Some)
    }

    /// Reads what a person names on the command line: also `github.com/OWNER/NAME`, and repositories of this machine, which
    /// no Dockerfile may reach for.
    ///
    /// # Errors
    /// As [`Source::parse`].
    pub fn parse_context(text: &str) -> Result<Option<Self>, RemoteError> {
        let (address, fragment) = split_at(text, '#');
        let (remote, query) = split_at(address, '?');
        if remote.starts_with("github.com/") {
            return Self::with_parts(text, &format!("https://{remote}"), query, fragment).map(Some);
        }
        if remote.starts_with("file:///") {
            return Self::with_parts(text, remote, query, fragment).map(Some);
        }
        Self::parse(text)
    }

    /// Requires the commit to begin with these digits: `--checksum` of ADD.
    ///
    /// # Errors
    /// What is no head of a commit, and one that contradicts the URL's.
    pub fn require(&mut self, checksum: &str) -> Result<(), RemoteError> {
        let refused = |reason| RemoteError::Checksum { text: checksum.to_owned(), reason };
        let digits = commit_digits(checksum)
            .ok_or_else(|| refused("the checksum of a repository is a commit, of at least 7 hex digits"))?;
        match &self.commit {
            Some(commit) if !commit.starts_with(&digits) && !digits.starts_with(commit.as_str()) => {
                return Err(refused("the URL names another commit"));
            }
            Some(commit) if commit.len() >= digits.len() => {}
            _ => self.commit = Some(digits),
        }
        Ok(())
    }

    /// The branch, tag or whole commit that was asked for.
    pub fn reference(&self) -> Option<&str> {
        self.reference.as_deref()
    }

    /// The directory that was asked for; empty for the whole.
    pub fn subdir(&self) -> &str {
        &self.subdir
    }

    /// Whether submodules are checked out too.
    pub fn submodules(&self) -> bool {
        self.submodules
    }

    /// Whether a `.git` stays, where the URL says so.
    pub fn keep_git_dir(&self) -> Option<bool> {
        self.keep_git_dir
    }

    pub(super) fn is_local(&self) -> bool {
        self.remote.starts_with("file:")
    }

    fn with_parts(text: &str, remote: &str, query: &str, fragment: &str) -> Result<Self, RemoteError> {
        let refused = |reason: String| RemoteError::Url { url: redacted(text), reason };
        let (remote, credentials) = if remote.starts_with("ssh://") {
            // the user is no secret, and ssh takes no password from a URL
            (without_password(remote), None)
        } else {
            split_credentials(remote)
        };
        let host = remote.split_once("://").map_or(remote.as_str(), |(_, rest)| rest);
        let host = host.rsplit_once('@').map_or(host, |(user, host)| if user.starts_with('-') { user } else { host });
        if remote.starts_with('-') || host.starts_with('-') || remote.contains(char::is_control) {
            return Err(refused("it could be taken for an option".to_owned()));
        }
        let mut source = Self {
            remote,
            credentials,
            reference: None,
            commit: None,
            subdir: String::new(),
            submodules: true,
            keep_git_dir: None,
        };
        let (reference, subdir) = split_at(fragment, ':');
        let mut parts = Parts { reference: non_empty(reference), ..Parts::default() };
        parts.subdir = non_empty(subdir);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            parts.query(pair, &mut source).map_err(refused)?;
        }
        if let Some(reference) = parts.reference {
            if !is_reference(&reference) {
                return Err(refused(format!("{reference:?} is not the name of a branch, a tag or a commit")));
            }
            source.reference = Some(reference);
        }
        source.subdir = match parts.subdir {
            Some(subdir) => clean_subdir(&subdir)
                .ok_or_else(|| refused(format!("the subdirectory {subdir:?} leads out of the repository")))?,
            None => String::new(),
        };
        Ok(source)
    }
}

/// What fragment and query may both say, and must not say differently.
#[derive(Default)]
struct Parts {
    reference: Option<String>,
    subdir: Option<String>,
}

impl Parts {
    fn query(&mut self, pair: &str, source: &mut Source) -> Result<(), String> {
        let (name, value) = split_at(pair, '=');
        let value = percent_decode_str(value).decode_utf8().map_err(|_| format!("{pair:?} is not UTF-8"))?;
        let needed = || non_empty(&value).ok_or_else(|| format!("query {name:?} has no value"));
        match name {
            "ref" => set(&mut self.reference, name, needed()?),
            "branch" => set(&mut self.reference, name, format!("refs/heads/{}", needed()?)),
            "tag" => set(&mut self.reference, name, format!("refs/tags/{}", needed()?)),
            "subdir" => set(&mut self.subdir, name, needed()?),
            "commit" | "checksum" => {
                let value = needed()?;
                let digits = commit_digits(&value)
                    .ok_or_else(|| format!("{value:?} is not a commit: it has at least 7 hex digits"))?;
                set(&mut source.commit, name, digits)
            }
            "submodules" => {
                source.submodules = flag(name, &value)?;
                Ok(())
            }
            "keep-git-dir" => {
                source.keep_git_dir = Some(flag(name, &value)?);
                Ok(())
            }
            _ => Err(format!("unexpected query {name:?}")),
        }
    }
}

fn set(field: &mut Option<String>, name: &str, value: String) -> Result<(), String> {
    match field.replace(value) {
        Some(earlier) if field.as_deref() != Some(&earlier) => {
            Err(format!("{name} conflicts with {earlier:?}, which the URL says too"))
        }
        _ => Ok(()),
    }
}

/// As Go reads a boolean; without a value it is yes.
fn flag(name: &str, value: &str) -> Result<bool, String> {
    match value {
        "" | "1" | "t" | "T" | "true" | "True" | "TRUE" => Ok(true),
        "0" | "f" | "F" | "false" | "False" | "FALSE" => Ok(false),
        _ => Err(format!("invalid boolean value {value:?} of {name}")),
    }
}

/// `git@host:path`: a user, a host, and no slash before the colon.
fn is_scp_like(text: &str) -> bool {
    let is_word = |text: &str, others: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c))
    };
    text.split_once(':').is_some_and(|(login, path)| {
        let named = login.split_once('@');
        !path.is_empty() && named.is_some_and(|(user, host)| is_word(user, "-_.") && is_word(host, "-."))
    })
}

fn without_password(url: &str) -> String {
    let (plain, credentials) = split_credentials(url);
    let user = url["ssh://".len()..].split([':', '@', '/']).next().unwrap_or_default();
    match (credentials, plain.split_once("://")) {
        (Some(_), Some((scheme, rest))) if !user.is_empty() => format!("{scheme}://{user}@{rest}"),
        _ => plain,
    }
}

/// A name that git takes for nothing but a name (`git-check-ref-format(1)`).
fn is_reference(name: &str) -> bool {
    let is_plain = |c: char| !c.is_control() && !matches!(c, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\');
    let is_part = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.as_bytes().ends_with(b".lock");
    !name.starts_with('-')
        && !name.ends_with('.')
        && name != "@"
        && !name.contains("..")
        && !name.contains("@{")
        && name.chars().all(is_plain)
        && name.split('/').all(is_part)
}

/// Whether a name is that of a commit, whole: of SHA-1 or SHA-256.
pub(super) fn is_full_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn commit_digits(text: &str) -> Option<String> {
    let is_commit = (MIN_COMMIT..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_commit.then(|| text.to_ascii_lowercase())
}

fn clean_subdir(text: &str) -> Option<String> {
    let parts: Vec<_> = text.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let is_inside = !parts.contains(&"..") && !text.contains('\0');
    is_inside.then(|| parts.join("/"))
}

fn split_at(text: &str, separator: char) -> (&str, &str) {
    text.split_once(separator).unwrap_or((text, ""))
}

fn non_empty(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// What [`Source::parse`] makes of texts.
#[cfg(test)]
mod tests;
