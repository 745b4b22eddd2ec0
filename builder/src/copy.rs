//! COPY and ADD: sources from the context, a stage, an image or the Dockerfile itself, into the step's root filesystem.

mod target;

use std::cell::OnceCell;

use bstr::{BString, ByteSlice as _};
use strata_image::ChainId;

use crate::{
    cause::Cause,
    key::{CacheKey, KeyWriter},
    place::{Place, Style},
    selection::{Origin, Selection},
    sources::Sources,
    step::{Scope, Step},
};
use target::Target;

/// A COPY or ADD with expanded arguments.
pub(crate) struct Copy<'a> {
    /// Archives are extracted.
    pub(crate) extract: bool,
    /// `None` for an instruction with heredocs only.
    pub(crate) sources: Option<Sources<'a>>,
    /// Paths and patterns in the sources' tree.
    pub(crate) words: Vec<BString>,
    /// What they mean, once that was looked up for the key.
    pub(crate) selected: OnceCell<Vec<Selection>>,
    pub(crate) inline: Vec<Inline>,
    /// Absolute; a slash at its end means a directory.
    pub(crate) destination: BString,
    pub(crate) chown: Option<String>,
    pub(crate) chmod: Option<u32>,
    /// The time of directories that are made, where the build has one.
    pub(crate) epoch: Option<i64>,
}

/// A file from a heredoc.
#[derive(Clone, Debug)]
pub(crate) struct Inline {
    pub(crate) name: String,
    pub(crate) content: String,
}

impl Copy<'_> {
    fn select(&self, origin: &Origin<'_>) -> Result<Vec<Selection>, Cause> {
        let mut selections = Vec::new();
        for word in &self.words {
            selections.extend(origin.select(word)?);
        }
        Ok(selections)
    }

    fn content_digest(&self, sources: &Sources<'_>) -> Result<String, Cause> {
        if let Some(known) = sources.known_digest(&self.words) {
            return Ok(known);
        }
        let origin = sources.open()?;
        let selections = self.select(&origin)?;
        let mut key = KeyWriter::new("sources");
        for selection in &selections {
            key.field(&origin.digest(selection)?);
        }
        let digest = key.finish().to_string();
        sources.remember(&self.words, &digest)?;
        let _ = self.selected.set(selections);
        Ok(digest)
    }

    /// Copies, or extracts, what the words select.
    fn place_sources(&self, sources: &Sources<'_>, target: &mut Target<'_>) -> Result<(), Cause> {
        let origin = sources.open()?;
        let looked_up;
        let selections = if let Some(selections) = self.selected.get() {
            selections
        } else {
            looked_up = self.select(&origin)?;
            &looked_up
        };
        target.accepts(selections, self.inline.len())?;
        for selection in selections {
            if !(self.extract && target.extract(&origin, selection)?) {
                target.copy(&origin, selection)?;
            }
        }
        Ok(())
    }
}

impl Step for Copy<'_> {
    fn key(&self, parent: Option<ChainId>) -> Result<CacheKey, Cause> {
        let mut key = KeyWriter::on(if self.extract { "add" } else { "copy" }, parent);
        key.list(&self.words).field(&self.destination);
        key.optional(self.chown.as_ref().map(String::as_bytes));
        key.optional_number(self.chmod.map(i64::from)).optional_number(self.epoch);
        if let Some(sources) = &self.sources {
            key.field(self.content_digest(sources)?.as_bytes());
        }
        key.number(self.inline.len() as u64);
        for inline in &self.inline {
            key.field(inline.name.as_bytes()).field(inline.content.as_bytes());
        }
        Ok(key.finish())
    }

    fn run(&self, scope: &mut Scope<'_>) -> Result<(), Cause> {
        let style = Style {
            owner: self
                .chown
                .as_ref()
                .map(|text| {
                    strata_runtime::user::resolve_owner(scope.root, text)
                        .map_err(|source| Cause::User { text: text.clone(), source })
                })
                .transpose()?,
            mode: self.chmod,
            now: scope.now,
        };
        let mut target =
            Target { place: Place::new(scope.root, style), style, destination: self.destination.as_bstr() };
        match &self.sources {
            Some(sources) => self.place_sources(sources, &mut target)?,
            None => target.accepts(&[], self.inline.len())?,
        }
        for inline in &self.inline {
            target.inline(inline, scope.now)?;
        }
        scope.is_cacheable &= !target.place.is_stale();
        Ok(())
    }
}

/// The destination as an absolute path below the working directory; what names a directory ends with a slash.
pub(crate) fn destination(workdir: &str, text: &str) -> BString {
    let names_directory =
        matches!(text, "" | "." | "..") || text.ends_with('/') || text.ends_with("/.") || text.ends_with("/..");
    let mut path = if text.starts_with('/') {
        crate::golang::clean_absolute(text)
    } else {
        crate::golang::clean_absolute(&format!("{workdir}/{text}"))
    };
    if names_directory && path != "/" {
        path.push('/');
    }
    path.into()
}

/// Reads `--chmod`.
pub(crate) fn parse_mode(text: &str) -> Result<u32, Cause> {
    if !text.is_empty() && text.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '+' | '-' | '=')) {
        return Err(Cause::Unsupported { feature: "a symbolic --chmod".to_owned() });
    }
    u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o7777).ok_or_else(|| Cause::Value {
        what: "--chmod",
        text: text.to_owned(),
        reason: "it should be an octal string and between 0 and 07777".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_are_absolute_and_keep_their_slash() {
        for (workdir, text, expected) in [
            ("/", "x", "/x"),
            ("/w", "x/", "/w/x/"),
            ("/w", "", "/w/"),
            ("/w", ".", "/w/"),
            ("/w/", "./", "/w/"),
            ("/", ".", "/"),
            ("/w", "/app/.", "/app/"),
            ("/w", "../x", "/x"),
            ("/w", "/a//b/../c", "/a/c"),
            ("/w", "/", "/"),
        ] {
            assert_eq!(destination(workdir, text), expected, "{workdir} {text}");
        }
    }

    #[test]
    fn modes_are_octal_and_at_most_twelve_bits() {
        assert!(matches!(parse_mode("644"), Ok(0o644)));
        assert!(matches!(parse_mode("04711"), Ok(0o4711)));
        for text in ["64a", "10000", "", "8"] {
            assert!(matches!(parse_mode(text), Err(Cause::Value { .. })), "{text}");
        }
        for text in ["u=rwX,go=rX", "+x", "a+x,o-w"] {
            assert!(matches!(parse_mode(text), Err(Cause::Unsupported { .. })), "{text}");
        }
    }
}
