//! From what was typed to the images that it names.

use std::{
    collections::HashSet,
    io::BufRead,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use strata_analyzer::audit::Gathering;
use strata_image::{Error, Store, source::Each};

use super::Progress;
use crate::{look::error, places::Places};

/// Sources that are opened at once: each may hold a file open, and one that is compressed as a whole a temporary file as
/// large as the archive, until its layers are read.
const AT_ONCE: usize = 8;
/// Ends of the names of archives in a directory; other files are passed over.
const ENDS: [&str; 9] = [".tar", ".tar.gz", ".tgz", ".tar.zst", ".tzst", ".tar.xz", ".txz", ".tar.bz2", ".tbz2"];
/// Bytes of one line of a list: a path, and what names an image in it.
const MAX_LINE: usize = 16 << 10;

/// What is to be opened.
pub(super) enum Source {
    /// Every image of the store.
    Store,
    /// Images of the store by a pattern of their names.
    Pattern(String),
    /// Anything else, as it was named.
    Text(String),
    /// A directory that holds nothing to open, and why.
    Nothing(String, String),
}

/// The sources that arguments and lists name, each once.
pub(super) fn list(arguments: &[String], store: bool, places: &Places) -> Result<Vec<Source>> {
    let mut texts = Vec::new();
    for argument in arguments {
        if argument == "-" {
            texts.extend(lines(places.input()?)?);
        } else {
            texts.push(argument.clone());
        }
    }
    let mut sources = Vec::new();
    if store || arguments.is_empty() {
        sources.push(Source::Store);
    }
    let mut seen = HashSet::new();
    for text in texts {
        let path = Path::new(&text);
        let is_pattern = text.contains(['*', '?']) && !text.starts_with(['/', '.']) && !path.exists();
        if is_pattern {
            sources.push(Source::Pattern(text));
        } else if path.is_dir() && !path.join("oci-layout").exists() && !is_stored(&text, places)? {
            match archives(path) {
                Ok(found) => {
                    sources.extend(found.into_iter().filter(|path| seen.insert(path.clone())).map(Source::Text));
                }
                Err(error) => sources.push(Source::Nothing(text, said(&error))),
            }
        } else if seen.insert(text.clone()) {
            sources.push(Source::Text(text));
        }
    }
    Ok(sources)
}

fn is_stored(text: &str, places: &Places) -> Result<bool> {
    match places.store_to_read() {
        Some(store) if !text.starts_with(['/', '.']) => Ok(store.find(text)?.is_some()),
        _ => Ok(false),
    }
}

/// Said of whatever is no list: most often it is an archive, which `analyze` takes under the same name.
const NO_LIST: &str =
    "hint: - reads a list of sources, one a line; an archive on standard input is docker-archive:- or oci-archive:-";

/// The lines of standard input, but for empty ones.
fn lines(mut input: impl BufRead) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for number in 1.. {
        let mut line = Vec::new();
        let length = std::io::Read::take(&mut input, MAX_LINE as u64 + 1)
            .read_until(b'\n', &mut line)
            .context("cannot read the list on standard input")?;
        if length == 0 {
            break;
        }
        if length > MAX_LINE {
            bail!("line {number} of standard input is no source: it is longer than {MAX_LINE} bytes\n{NO_LIST}");
        }
        let Some(text) = String::from_utf8(line).ok().filter(|line| !line.contains('\0')) else {
            bail!("line {number} of standard input is no source: it is no text\n{NO_LIST}");
        };
        lines.push(text.trim_end_matches(['\n', '\r']).to_owned());
    }
    lines.retain(|line| !line.is_empty());
    Ok(lines)
}

/// The archives and layouts in a directory, in the order of their names.
fn archives(directory: &Path) -> Result<Vec<String>> {
    let failed = || format!("cannot read {}", directory.display());
    let mut found: Vec<PathBuf> = Vec::new();
    for entry in directory.read_dir().with_context(failed)? {
        let path = entry.with_context(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let is_archive = ENDS.iter().any(|end| name.ends_with(end)) && !path.is_dir();
        if is_archive || path.join("oci-layout").exists() {
            found.push(path);
        }
    }
    if found.is_empty() {
        bail!(
            "there is no archive of images in it, by the ends of their names ({}); a root filesystem is named rootfs:{}",
            ENDS.join(", "),
            directory.display()
        );
    }
    found.sort();
    let text = |path: PathBuf| {
        let text = path.into_os_string().into_string();
        text.ok().with_context(|| format!("a name in {} is not UTF-8", directory.display()))
    };
    found.into_iter().map(text).collect()
}

/// Opens the sources one after the other, and has their layers read.
pub(super) fn gather(sources: &[Source], places: &Places, gathering: &mut Gathering, progress: &mut Progress) {
    let mut seen = HashSet::new();
    for (number, sources_at_once) in sources.chunks(AT_ONCE).enumerate() {
        let mut images = Vec::new();
        for (place, source) in sources_at_once.iter().enumerate() {
            progress.reads(source.text(), number * AT_ONCE + place + 1, sources.len());
            match open(source, places) {
                Ok(found) => {
                    for Each { text, image } in found {
                        if !seen.insert(text.clone()) {
                            continue;
                        }
                        match image {
                            Ok(image) => images.push((text, image)),
                            Err(error) => gathering.fail(text, said(&error.into())),
                        }
                    }
                }
                Err(error) => gathering.fail(source.text().to_owned(), said(&error)),
            }
        }
        gathering.take(images);
    }
}

impl Source {
    fn text(&self) -> &str {
        match self {
            Self::Store => "the store",
            Self::Pattern(text) | Self::Text(text) | Self::Nothing(text, _) => text,
        }
    }
}

/// All images of the store, where there is one.
fn stored(places: &Places) -> Result<Vec<Each>> {
    Ok(places.store_to_read().map(Store::each).transpose()?.unwrap_or_default())
}

fn open(source: &Source, places: &Places) -> Result<Vec<Each>> {
    match source {
        Source::Store => stored(places),
        Source::Pattern(pattern) => {
            let is_called = |each: &Each| match &each.image {
                Ok(image) => image.names().iter().any(|name| matches(pattern, &name.to_string())),
                Err(_) => matches(pattern, &each.text),
            };
            let found: Vec<Each> = stored(places)?.into_iter().filter(is_called).collect();
            if found.is_empty() {
                bail!("no image of the store has a name like that\nhint: `strata images` lists what is there");
            }
            Ok(found)
        }
        Source::Nothing(_, why) => bail!("{why}"),
        Source::Text(text) => places.images(text),
    }
}

/// An error with its causes, and without hints. What was asked for stands before it already.
fn said(error: &anyhow::Error) -> String {
    match error.downcast_ref() {
        Some(Error::NotFound { tried, .. }) => tried.join(", and "),
        _ => error::split(error).0,
    }
}

/// Whether a name is of a pattern: `*` stands for any characters, `?` for one. A pattern without a tag means all tags.
fn matches(pattern: &str, name: &str) -> bool {
    let has_tag = pattern.rsplit('/').next().is_some_and(|last| last.contains(':'));
    let repository = name.rsplit_once(':').map_or(name, |(repository, _)| repository);
    is_like(pattern, name) || !has_tag && is_like(pattern, repository)
}

/// Goes back to the last `*` alone, which takes one character more: all before it matched already.
fn is_like(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut position) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while position < text.len() {
        match pattern.get(at) {
            Some('*') => {
                back = Some((at, position));
                at += 1;
            }
            Some(&c) if c == '?' || c == text[position] => (at, position) = (at + 1, position + 1),
            _ => {
                let Some((star, from)) = back else { return false };
                back = Some((star, from + 1));
                (at, position) = (star + 1, from + 1);
            }
        }
    }
    pattern[at..].iter().all(|&c| c == '*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_any_characters_and_a_missing_tag_for_all() {
        for (pattern, name) in [
            ("*", "ghcr.io/team/app:1"),
            ("app:*", "app:1"),
            ("app*", "app:1"),
            ("ap?", "app:1"),
            ("ghcr.io/*/app", "ghcr.io/a/b/app:2"),
            ("*:1.?", "app:1.2"),
            ("*a*b*", "xaxbx:1"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in
            [("app:2*", "app:1"), ("ap", "app:1"), ("?", "app:1"), ("*:1", "app:1.2"), ("b*", "ab:1")]
        {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }
}
