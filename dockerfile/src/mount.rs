//! RUN's `--mount=`: options taken apart when the file is read, typed when the step's variables are known.
//!
//! ```text
//! type=cache,"target=/a,b",sharing=$S       the flag's value
//! type=cache   target=/a,b   sharing=$S     RunMount: options, cut as Go's encoding/csv does
//! Cache { target: "/a,b", sharing: ... }    Mount: values expanded, checked, defaults filled in
//! ```
//!
//! What can be checked without the variables is checked while the file is read, so that a misspelt option is found before
//! anything is built. BuildKit looks at options in their order, so that `size=1m,type=tmpfs` is an error there; here the
//! type counts wherever it stands. An option that BuildKit takes and does nothing with is a warning, and so is one that is
//! given twice, of which the last counts.

pub mod csv;
mod options;
#[cfg(test)]
mod tests;

use crate::{
    Diagnostic, Span, Spanned,
    expand::{self, Env},
    ignore,
};

/// A `--mount=` as written: its options in order, unexpanded.
#[derive(Clone, Debug)]
pub struct RunMount {
    /// The whole value.
    pub text: Spanned<String>,
    /// Its options.
    pub options: Vec<MountOption>,
}

/// One option of a `--mount=`: `name=value`, or a bare `name`.
#[derive(Clone, Debug)]
pub struct MountOption {
    /// The name in lower case.
    pub name: Spanned<String>,
    /// What follows `=`, variables, quotes and escapes still in it.
    pub value: Option<Spanned<String>>,
}

/// What a `--mount=` asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mount {
    /// Files of the context, of a stage or of an image.
    Bind {
        /// The stage, named context or image; `None` for the build's own context.
        from: Option<String>,
        /// The path in it; may be empty for all of it, and is to be clamped to it.
        source: String,
        /// Where it appears; relative to WORKDIR, empty for WORKDIR itself.
        target: String,
        /// `false` lets the step write; what it writes is dropped.
        read_only: bool,
    },
    /// A directory that outlives the build.
    Cache {
        /// Which one: `id=`, or else the cleaned target.
        id: String,
        /// Whose files it begins with; `None` for an empty directory.
        from: Option<String>,
        /// The path in the cache, or in what it begins with; to be clamped to it.
        source: String,
        /// Where it appears; relative to WORKDIR, empty for WORKDIR itself.
        target: String,
        /// Whether the step may only read it.
        read_only: bool,
        /// Who else may use it at the same time.
        sharing: Sharing,
        /// Permission bits and owner of a directory made for it; BuildKit's default is 0755 and root.
        access: Access,
    },
    /// An empty directory in memory.
    Tmpfs {
        /// Where it appears; relative to WORKDIR, empty for WORKDIR itself.
        target: String,
        /// Its limit in bytes.
        size: Option<u64>,
        /// Whether the step may only read it.
        read_only: bool,
    },
    /// A file, or a variable, that the caller of the build keeps.
    Secret {
        /// Which one; never empty.
        id: String,
        /// The file's place: `None` when the secret is a variable only.
        target: Option<String>,
        /// The variable that holds the secret.
        env: Option<String>,
        /// Whether the build fails without it.
        required: bool,
        /// Permission bits and owner of the file; the default is 0400 and root.
        access: Access,
    },
    /// A socket of the caller's SSH agent.
    Ssh {
        /// Which one; `default` when the mount does not say.
        id: String,
        /// The socket's place, where the mount says.
        target: Option<String>,
        /// Whether the build fails without it.
        required: bool,
        /// Permission bits and owner of the socket; the default is 0600 and root.
        access: Access,
    },
}

/// Who may use a cache directory at the same time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sharing {
    /// Everybody.
    #[default]
    Shared,
    /// One step; another one that comes meanwhile gets a directory of its own.
    Private,
    /// One step; others wait.
    Locked,
}

/// Permission bits and owner, where a mount gives them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// At most 07777.
    pub mode: Option<u32>,
    /// The owner's number.
    pub uid: Option<u32>,
    /// The group's number.
    pub gid: Option<u32>,
}

impl RunMount {
    /// Takes a value apart and checks what needs no variables; `None` if it cannot be cut at all.
    pub(crate) fn read(text: &Spanned<String>, escape: char, diagnostics: &mut Vec<Diagnostic>) -> Option<Self> {
        // quotes, escapes and continuations that were removed leave no way back to the single bytes
        let whole = text.value.len() != text.span.end - text.span.start;
        let span = |start: usize, end: usize| {
            if whole { text.span } else { Span { start: text.span.start + start, end: text.span.start + end } }
        };
        let fields = match csv::fields(&text.value) {
            Ok(fields) => fields,
            Err(error) => {
                let place = span(error.at, text.value.len());
                diagnostics.push(Diagnostic::error("invalid-mount", place, format!("invalid mount: {}", error.what)));
                return None;
            }
        };
        let options = fields
            .into_iter()
            .map(|field| {
                let (name, value) = match field.text.split_once('=') {
                    Some((name, value)) => (name, Some(value)),
                    None => (field.text.as_str(), None),
                };
                let (name_end, value_start) = if field.quoted {
                    (field.end, field.start)
                } else {
                    (field.start + name.len(), field.start + name.len() + 1)
                };
                MountOption {
                    name: Spanned { value: name.to_lowercase(), span: span(field.start, name_end) },
                    value: value.map(|value| Spanned { value: value.to_owned(), span: span(value_start, field.end) }),
                }
            })
            .collect();
        let mount = Self { text: text.clone(), options };
        let nothing_is_set = |_: &str| None;
        let (_, problems) = options::check(&mount, |value| {
            let expanded = expand::word(&value.value, escape, &nothing_is_set);
            match expanded {
                Ok(expanded) if expanded.used.is_empty() => Ok(Some(expanded.text)),
                // a `?` modifier is an error only as long as nothing is set
                Err(_) if value.value.contains('$') => Ok(None),
                Ok(_) => Ok(None),
                Err(error) => Err(error),
            }
        });
        diagnostics.extend(problems);
        Some(mount)
    }

    /// The stage, named context or image that `from=` names, in which there can be no variables.
    pub fn from(&self) -> Option<&Spanned<String>> {
        let named = self.options.iter().rev().find(|option| option.name.value == "from")?;
        named.value.as_ref().filter(|value| !value.value.is_empty())
    }

    /// Expands the values and says what is asked for.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn expand(&self, escape: char, env: &dyn Env) -> Result<Mount, Diagnostic> {
        let expand = |value: &Spanned<String>| Ok(Some(expand::word(&value.value, escape, env)?.text));
        let (mount, problems) = options::check(self, expand);
        match problems.into_iter().find(Diagnostic::is_error) {
            Some(problem) => Err(problem),
            None => mount.ok_or_else(|| {
                Diagnostic::error("invalid-mount", self.text.span, "the type of this mount is not known")
            }),
        }
    }
}

/// The path as Go's `path.Clean` gives it.
fn clean(path: &str) -> String {
    let cleaned = String::from_utf8_lossy(&ignore::clean(path.as_bytes())).into_owned();
    if path.starts_with('/') && cleaned != "/" { format!("/{cleaned}") } else { cleaned }
}
