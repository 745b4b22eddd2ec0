//! What helps an analysis beyond the image itself: the same options, files and folders wherever an image is analysed.

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use strata_analyzer::{
    analysis::{Candidate, Options},
    settings::{self, Settings},
    suggest::Times,
};
use strata_builder::{cache::Durations, contexts, remote::Fetcher};
use strata_image::{Digest, Image, Store, source::Each};

use crate::{
    command::slim::worth::Worth,
    look::{error, say, text},
    places::Places,
};

/// Options that say where to look.
#[derive(clap::Args, Debug)]
pub(crate) struct Inputs {
    /// The Dockerfile it was built from, to name lines and propose edits [default: ./Dockerfile when the image's history matches it]
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,

    #[command(flatten)]
    pub(super) worth: Worth,

    /// The image it was built on, whose waste is counted apart [default: an image of the store with the same layers, or what the history tells]
    #[arg(long, value_name = "IMAGE")]
    base: Option<String>,

    /// What to suppress, with reasons, and the gate's limits [default: ./strata.toml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// What was found there, for one image.
pub(crate) struct Gathered {
    name: String,
    cache: Option<PathBuf>,
    settings: Settings,
    dockerfile: Option<(String, Vec<u8>)>,
    /// Whether it was named, and not just there.
    is_asked: bool,
    times: Option<Durations>,
    worth: Worth,
    base: Option<Candidate>,
    bases: Vec<Candidate>,
    unreachable: Vec<(String, u64)>,
}

impl Inputs {
    /// As [`settings`], of `--config`.
    pub(crate) fn settings(&self) -> Result<Settings> {
        settings(self.config.as_deref())
    }

    /// Looks for everything else. `name` is what the image was called.
    pub(crate) fn gather(
        &self,
        settings: Settings,
        image: &dyn Image,
        name: &str,
        places: &Places,
    ) -> Result<Gathered> {
        let dockerfile = dockerfile(self.file.as_deref(), places)?;
        let base = self.base.as_deref().map(|base| candidate(base, image, places)).transpose()?;
        // a root filesystem is no archive of images
        let unreachable = match image.config() {
            Some(_) => strata_image::source::unreachable(name, places.store_to_read())?,
            None => Vec::new(),
        };
        let (bases, damaged) = candidates(places)?;
        damaged.into_iter().for_each(Damaged::warn);
        Ok(Gathered {
            name: name.to_owned(),
            cache: places.analysis(),
            settings,
            dockerfile,
            is_asked: self.file.is_some(),
            times: places.build_cache().ok().map(|cache| Durations::of(&cache)),
            worth: self.worth,
            base,
            bases,
            unreachable,
        })
    }
}

/// The settings that are named, or else those here, if there are any.
pub(crate) fn settings(file: Option<&Path>) -> Result<Settings> {
    let path = file.unwrap_or(Path::new(settings::FILE));
    let text = match std::fs::read_to_string(path) {
        Err(error) if file.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Settings::default());
        }
        read => read.with_context(|| format!("cannot read {}", path.display()))?,
    };
    let by = path.display().to_string();
    Settings::parse(&text, &by).with_context(|| format!("cannot use {by}"))
}

impl Gathered {
    /// The name of the Dockerfile, where it was asked for.
    pub(super) fn asked_dockerfile(&self) -> Option<&str> {
        self.dockerfile.as_ref().filter(|_| self.is_asked).map(|(name, _)| name.as_str())
    }

    /// All of it as the analysis takes it.
    pub(crate) fn options(&self) -> Options<'_> {
        Options {
            cache: self.cache.as_deref(),
            dockerfile: self.dockerfile.as_ref().map(|(name, bytes)| (name.as_str(), bytes.as_slice())),
            times: self.times.as_ref().filter(|_| self.worth.second() > 0).map(|times| times as &dyn Times),
            second: self.worth.second(),
            min_saving: self.worth.min_saving(),
            name: Some(&self.name),
            base: self.base.as_ref(),
            bases: &self.bases,
            suppressions: &self.settings.ignore,
            unreachable: &self.unreachable,
            ..Options::default()
        }
    }
}

/// The Dockerfile that is named, or else the one here, if there is one.
pub(crate) fn dockerfile(file: Option<&Path>, places: &Places) -> Result<Option<(String, Vec<u8>)>> {
    // this folder is no remote: nothing is fetched, and nothing kept
    let fetcher = Fetcher::new(&places.build_cache().unwrap_or_default());
    let here = contexts::open(".".as_ref(), &mut std::io::empty(), &fetcher, false, &mut |_| {})?;
    let mut input: Box<dyn Read> = match file {
        Some(file) if file == Path::new("-") => Box::new(places.input()?),
        _ => Box::new(std::io::empty()),
    };
    let read = match (here.dockerfile(file, &mut input), file) {
        (Err(_), None) => return Ok(None),
        (read, _) => read?,
    };
    Ok(Some((read.name, read.bytes)))
}

/// The image that `--base` names; it must be one that the image can have been built on.
fn candidate(text: &str, image: &dyn Image, places: &Places) -> Result<Candidate> {
    let base = places.image(text)?;
    let diff_ids = base.layers().iter().map(|layer| layer.diff_id()).collect();
    let candidate = Candidate { name: text.to_owned(), digest: None, diff_ids };
    if !candidate.is_below(image) {
        bail!("{text} is not the base: the image does not have its layers at the bottom, and more above them");
    }
    Ok(candidate)
}

/// The images of the store, as those that others may be built on, and those that cannot be read.
pub(crate) fn candidates(places: &Places) -> Result<(Vec<Candidate>, Vec<Damaged>)> {
    let (mut candidates, mut damaged) = (Vec::new(), Vec::new());
    for Each { text: name, image } in places.store_to_read().map(Store::each).transpose()?.unwrap_or_default() {
        match image {
            Ok(image) => candidates.push(Candidate {
                name,
                digest: image.raw_manifest().map(|raw| Digest::of(raw).to_string()),
                diff_ids: image.layers().iter().map(|layer| layer.diff_id()).collect(),
            }),
            Err(error) => damaged.push(Damaged { name, error }),
        }
    }
    Ok((candidates, damaged))
}

/// An image of the store that cannot be read.
pub(crate) struct Damaged {
    name: String,
    error: strata_image::Error,
}

impl Damaged {
    /// Says so where nothing else does: the image that is looked at may be built on it.
    pub(crate) fn warn(self) {
        let name = text::safe(&self.name);
        let (why, _) = error::split(&self.error.into());
        say(&format!(
            "strata: warning: {name} of the store is not looked at as a base, since it cannot be read: {why}"
        ));
    }
}
