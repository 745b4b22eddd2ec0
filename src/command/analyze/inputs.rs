//! What helps an analysis beyond the image itself: the same options, files and folders wherever an image is analysed.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use strata_analyzer::{
    analysis::{Candidate, Options},
    settings::{self, Settings},
};
use strata_builder::{cache::Durations, contexts, remote::Fetcher};
use strata_image::Image;

use crate::{command::slim::worth::Worth, places::Places};

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
    cache: PathBuf,
    settings: Settings,
    dockerfile: Option<(String, Vec<u8>)>,
    times: Durations,
    worth: Worth,
    base: Option<Candidate>,
    bases: Vec<Candidate>,
    unreachable: Vec<(String, u64)>,
}

impl Inputs {
    /// The settings that are named, or else those here, if there are any.
    pub(crate) fn settings(&self) -> Result<Settings> {
        let file = self.config.as_deref();
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
            Some(_) => strata_image::source::unreachable(name, Some(&places.store()?))?,
            None => Vec::new(),
        };
        Ok(Gathered {
            name: name.to_owned(),
            cache: places.analysis(),
            settings,
            dockerfile,
            times: Durations::of(&places.build_cache()),
            worth: self.worth,
            base,
            bases: candidates(places)?,
            unreachable,
        })
    }
}

impl Gathered {
    /// All of it as the analysis takes it.
    pub(crate) fn options(&self) -> Options<'_> {
        Options {
            cache: Some(&self.cache),
            dockerfile: self.dockerfile.as_ref().map(|(name, bytes)| (name.as_str(), bytes.as_slice())),
            times: (self.worth.second() > 0).then_some(&self.times),
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
    let fetcher = Fetcher::new(&places.build_cache());
    let here = contexts::open(".".as_ref(), &mut std::io::empty(), &fetcher, false, &mut |_| {})?;
    let read = match (here.dockerfile(file, &mut std::io::stdin()), file) {
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

/// The images of the store.
fn candidates(places: &Places) -> Result<Vec<Candidate>> {
    let candidate = |image: &strata_image::store::StoredImage| Candidate {
        name: image.names().first().map_or_else(|| image.image_id().to_string(), ToString::to_string),
        digest: Some(image.manifest_digest().to_string()),
        diff_ids: image.layers().iter().map(|layer| layer.diff_id()).collect(),
    };
    Ok(places.store()?.images()?.iter().map(candidate).collect())
}
