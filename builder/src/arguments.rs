//! The arguments of COPY and ADD: expanded, and shown in history.

use std::fmt::Write as _;

use strata_dockerfile::{Copy, CopySource, Spanned, exclude::Excludes, expand, mode::ModeChange};

use crate::{
    cause::Cause,
    copy::Inline,
    vars::{Vars, word},
};

/// The words of a COPY or ADD, expanded.
pub(crate) struct Arguments {
    pub(crate) words: Vec<String>,
    pub(crate) inline: Vec<Inline>,
    pub(crate) destination: String,
    pub(crate) chown: Option<String>,
    pub(crate) chmod: Option<(String, ModeChange)>,
    pub(crate) checksum: Option<String>,
    pub(crate) exclude: Vec<String>,
    pub(crate) excludes: Excludes,
    pub(crate) parents: bool,
}

impl Arguments {
    pub(crate) fn expand(copy: &Copy, escape: char, vars: &Vars) -> Result<Self, Cause> {
        let mut words = Vec::new();
        let mut inline = Vec::new();
        for source in &copy.sources {
            match source {
                CopySource::Path(path) => words.push(word(path, escape, vars)?),
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
        let exclude = copy.exclude.iter().map(|pattern| word(pattern, escape, vars)).collect::<Result<Vec<_>, _>>()?;
        let chmod = flag(&copy.chmod)?.filter(|text| !text.is_empty());
        Ok(Self {
            words,
            inline,
            destination: word(&copy.destination, escape, vars)?,
            chown: flag(&copy.chown)?.filter(|text| !text.is_empty()),
            chmod: chmod.map(|text| Ok::<_, Cause>((text.clone(), ModeChange::parse(&text)?))).transpose()?,
            checksum: flag(&copy.checksum)?,
            excludes: Excludes::new(&exclude)?,
            exclude,
            parents: copy.parents.as_ref().is_some_and(|parents| parents.value),
        })
    }

    /// History's text. Like `BuildKit`'s it leaves out the flags that only select.
    pub(crate) fn text(&self, is_add: bool) -> String {
        let mut text = String::from(if is_add { "ADD" } else { "COPY" });
        if self.parents {
            text.push_str(" --parents");
        }
        if let Some(chown) = &self.chown {
            let _ = write!(text, " --chown={chown}");
        }
        if let Some((chmod, _)) = &self.chmod {
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
