//! The arguments of COPY and ADD: expanded, checked for what is not there yet, and shown in history.

use std::fmt::Write as _;

use bstr::BString;
use strata_dockerfile::{Copy, CopySource, Spanned, expand};

use crate::{
    cause::Cause,
    copy::Inline,
    vars::{Vars, word},
};

/// The words of a COPY or ADD, expanded.
pub(crate) struct Arguments {
    pub(crate) words: Vec<BString>,
    pub(crate) inline: Vec<Inline>,
    pub(crate) destination: String,
    pub(crate) chown: Option<String>,
    pub(crate) chmod: Option<String>,
}

impl Arguments {
    pub(crate) fn expand(copy: &Copy, extract: bool, escape: char, vars: &Vars) -> Result<Self, Cause> {
        reject_unsupported(copy, extract)?;
        let mut words = Vec::new();
        let mut inline = Vec::new();
        for source in &copy.sources {
            match source {
                CopySource::Path(path) => {
                    let path = word(path, escape, vars)?;
                    reject_url(&path, extract)?;
                    words.push(BString::from(path));
                }
                CopySource::Heredoc(heredoc) => inline.push(Inline {
                    name: heredoc.name.clone(),
                    content: if heredoc.expand {
                        expand::heredoc(&heredoc.content, vars)
                            .map_err(|source| Cause::Expand { text: heredoc.name.clone(), source })?
                            .text
                    } else {
                        heredoc.content.clone()
                    },
                }),
            }
        }
        let flag = |flag: &Option<Spanned<String>>| flag.as_ref().map(|flag| word(flag, escape, vars)).transpose();
        Ok(Self {
            words,
            inline,
            destination: word(&copy.destination, escape, vars)?,
            chown: flag(&copy.chown)?,
            chmod: flag(&copy.chmod)?,
        })
    }

    /// History's text.
    pub(crate) fn text(&self, extract: bool) -> String {
        let mut text = String::from(if extract { "ADD" } else { "COPY" });
        if let Some(chown) = &self.chown {
            let _ = write!(text, " --chown={chown}");
        }
        if let Some(chmod) = &self.chmod {
            let _ = write!(text, " --chmod={chmod}");
        }
        for word in &self.words {
            let _ = write!(text, " {word}");
        }
        for inline in &self.inline {
            let _ = write!(text, " <<{}", inline.name);
        }
        let _ = write!(text, " {} # buildkit", self.destination);
        text
    }
}

fn reject_unsupported(copy: &Copy, extract: bool) -> Result<(), Cause> {
    let name = if extract { "ADD" } else { "COPY" };
    let is_set = |flag: &Option<Spanned<bool>>| flag.as_ref().is_some_and(|flag| flag.value);
    let flags = [
        ("--link", is_set(&copy.link)),
        ("--parents", is_set(&copy.parents)),
        ("--exclude", !copy.exclude.is_empty()),
        ("--checksum", copy.checksum.is_some()),
        ("--keep-git-dir", is_set(&copy.keep_git_dir)),
        ("--unpack", copy.unpack.is_some()),
    ];
    match flags.iter().find(|(_, set)| *set) {
        Some((flag, _)) => Err(Cause::Unsupported { feature: format!("{name} {flag}") }),
        None => Ok(()),
    }
}

fn reject_url(path: &str, extract: bool) -> Result<(), Cause> {
    let begins = |schemes: &[&str]| schemes.iter().any(|scheme| path.starts_with(scheme));
    let is_url = begins(&["http://", "https://"]);
    let is_git = begins(&["git://", "git@", "ssh://"]);
    if is_url && !extract {
        return Err(Cause::Value {
            what: "a source of COPY",
            text: path.to_owned(),
            reason: "source can't be a URL for COPY".to_owned(),
        });
    }
    if extract && (is_url || is_git) {
        let feature = if is_git { "ADD of a git repository" } else { "ADD of a URL" };
        return Err(Cause::Unsupported { feature: feature.to_owned() });
    }
    Ok(())
}
