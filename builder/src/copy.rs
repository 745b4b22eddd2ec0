//! COPY and ADD: sources from the context, a stage, an image, elsewhere or the Dockerfile itself, into the layer being made.

mod target;

use std::{cell::OnceCell, path::Path, sync::Arc};

use bstr::{BString, ByteSlice as _};
use strata_dockerfile::{exclude::Excludes, mode::ModeChange};
use strata_image::ChainId;

use crate::{
    cause::Cause,
    draft::Draft,
    inputs::Inputs,
    key::KeyWriter,
    owner,
    place::{Place, Style},
    remote::http::Fetched,
    selection::{Files, How, Origin, Selection},
    sources::Sources,
    stack::Stack,
    step::DraftStep,
};
use target::Target;

/// A COPY or ADD with expanded arguments.
pub(crate) struct Copy<'a> {
    /// Which sources are extracted when they are archives.
    pub(crate) extract: Extract,
    pub(crate) picks: Vec<Pick<'a>>,
    /// `--parents`
    pub(crate) parents: bool,
    /// `--exclude`, as written and as understood.
    pub(crate) exclude: Vec<String>,
    pub(crate) excludes: Excludes,
    pub(crate) inline: Vec<Inline>,
    /// Absolute; a slash at its end means a directory.
    pub(crate) destination: BString,
    pub(crate) chown: Option<String>,
    /// As written and as understood.
    pub(crate) chmod: Option<(String, ModeChange)>,
    /// `--link`: the layer does not depend on what is below.
    pub(crate) link: bool,
    /// The owner that `chown` names, where what is below decides it and the layer does not see it.
    pub(crate) link_owner: Option<(u64, u64)>,
}

/// One source.
pub(crate) enum Pick<'a> {
    /// A path or pattern in a tree.
    Tree(TreePick<'a>),
    /// A file that a URL gave.
    Download(Fetched),
}

/// A path or pattern in a tree of sources.
pub(crate) struct TreePick<'a> {
    pub(crate) sources: Arc<Sources<'a>>,
    pub(crate) word: BString,
    /// What it means, once that was looked up for the key.
    pub(crate) selected: OnceCell<Vec<Selection>>,
}

impl<'a> TreePick<'a> {
    pub(crate) fn new(sources: Arc<Sources<'a>>, word: impl Into<BString>) -> Self {
        Self { sources, word: word.into(), selected: OnceCell::new() }
    }
}

/// Which sources are extracted when they are archives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extract {
    /// None: COPY, and ADD with `--unpack=false`.
    Nothing,
    /// Those of the context: ADD.
    Local,
    /// Every one: ADD with `--unpack=true`.
    Everything,
}

/// A file from a heredoc.
#[derive(Clone, Debug)]
pub(crate) struct Inline {
    pub(crate) name: String,
    pub(crate) content: String,
}

impl Copy<'_> {
    fn how(&self) -> How<'_> {
        How { parents: self.parents, excludes: &self.excludes }
    }

    fn content_inputs(&self, inputs: &mut Inputs) -> Result<(), Cause> {
        for pick in &self.picks {
            match pick {
                Pick::Tree(pick) => self.tree_inputs(pick, inputs)?,
                Pick::Download(file) => {
                    inputs.text(&format!("the content of {}", file.name), &file.digest.to_string());
                }
            }
        }
        Ok(())
    }

    fn tree_inputs(&self, pick: &TreePick<'_>, inputs: &mut Inputs) -> Result<(), Cause> {
        let parents: &[&[u8]] = if self.parents { &[b"yes"] } else { &[] };
        let exclude: Vec<&[u8]> = self.exclude.iter().map(String::as_bytes).collect();
        let selecting = [("words", &[pick.word.as_slice()][..]), ("parents", parents), ("exclude", &exclude)];
        let name = format!("the content of {}", pick.word);
        if let Some(known) = pick.sources.known_digest(&selecting) {
            inputs.text(&name, &known);
            return Ok(());
        }
        let origin = pick.sources.open()?;
        let mut selections = origin.select(&pick.word, &self.how())?;
        let mut key = KeyWriter::new("sources");
        for selection in &mut selections {
            key.field(&origin.digest(selection)?);
        }
        let digest = key.finish().to_string();
        pick.sources.remember(&selecting, &digest)?;
        inputs.text(&name, &digest);
        let _ = pick.selected.set(selections);
        Ok(())
    }

    /// Copies, or extracts, what the picks select.
    fn place_sources(&self, target: &mut Target<'_, '_>, partial: &Path) -> Result<(), Cause> {
        let mut files = self.inline.len();
        let mut picked = Vec::new();
        for pick in &self.picks {
            match pick {
                Pick::Tree(pick) => {
                    let origin = pick.sources.open()?;
                    if pick.selected.get().is_none() {
                        let _ = pick.selected.set(origin.select(&pick.word, &self.how())?);
                    }
                    let selections = pick.selected.get().map(Vec::as_slice).unwrap_or_default();
                    picked.push(Picked::Tree(origin, selections));
                }
                Pick::Download(file) => {
                    files += 1;
                    picked.push(Picked::Download(file));
                }
            }
        }
        target.accepts(picked.iter().flat_map(Picked::selections), files)?;
        for picked in picked {
            match picked {
                Picked::Tree(origin, selections) => {
                    for selection in selections {
                        let extract = self.extract != Extract::Nothing;
                        if !(extract && target.extract(&origin, selection, partial)?) {
                            target.copy(&origin, selection)?;
                        }
                    }
                }
                Picked::Download(file) => {
                    target.download(file, self.extract == Extract::Everything, partial)?;
                }
            }
        }
        Ok(())
    }
}

/// A source that is open.
enum Picked<'p> {
    Tree(Arc<Origin>, &'p [Selection]),
    Download(&'p Fetched),
}

impl<'p> Picked<'p> {
    fn selections(&self) -> &'p [Selection] {
        match self {
            Self::Tree(_, selections) => selections,
            Self::Download(_) => &[],
        }
    }
}

impl DraftStep for Copy<'_> {
    fn inputs(&self, below: &Stack) -> Result<Inputs, Cause> {
        let below: Option<ChainId> = if self.link { None } else { below.identity() };
        let kind = match self.extract {
            Extract::Nothing => "copy",
            Extract::Local => "add",
            Extract::Everything => "unpack",
        };
        let mut inputs = Inputs::new(if self.link { "link" } else { kind }, below);
        let words = self.picks.iter().map(|pick| match pick {
            Pick::Tree(pick) => pick.word.as_slice(),
            Pick::Download(file) => file.name.as_bytes(),
        });
        let words: Vec<&[u8]> = words.collect();
        inputs.text("the instruction", kind).list("the sources", &words).bytes("the destination", &self.destination);
        inputs.text("--parents", if self.parents { "true" } else { "false" }).list("--exclude", &self.exclude);
        inputs.optional("--chown", self.chown.as_deref());
        if let Some((uid, gid)) = self.link_owner {
            inputs.text("the owner", &format!("{uid}:{gid}"));
        }
        inputs.optional("--chmod", self.chmod.as_ref().map(|(text, _)| text.as_str()));
        self.content_inputs(&mut inputs)?;
        for inline in &self.inline {
            inputs.text(&format!("the heredoc {}", inline.name), &inline.content);
        }
        Ok(inputs)
    }

    fn files(&self) -> Files {
        let selections = self.picks.iter().filter_map(|pick| match pick {
            Pick::Tree(pick) => pick.selected.get(),
            Pick::Download(_) => None,
        });
        selections.flatten().flat_map(Selection::files).collect()
    }

    fn stands_alone(&self) -> bool {
        self.link
    }

    fn draft(&self, draft: &mut Draft<'_>, partial: &Path) -> Result<(), Cause> {
        let owner = match (&self.chown, self.link_owner) {
            (_, Some(owner)) => Some(owner),
            (Some(chown), None) => Some(owner::resolve(draft, chown)?),
            (None, None) => None,
        };
        let style = Style { owner, mode: self.chmod.as_ref().map(|(_, change)| change.clone()) };
        let mut target = Target { place: Place::new(draft, style), destination: self.destination.as_bstr() };
        self.place_sources(&mut target, partial)?;
        for inline in &self.inline {
            target.inline(inline)?;
        }
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
}
