//! How long the steps took that made layers, as their records say.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::OnceLock,
    time::Duration,
};

use strata_analyzer::suggest::Times;
use strata_image::{DiffId, Digest};

use super::{LayerRecord, record, records};

/// The times of all steps of a build cache, read once somebody asks for one.
#[derive(Debug)]
pub struct Durations {
    dir: PathBuf,
    known: OnceLock<HashMap<Digest, Duration>>,
}

impl Durations {
    /// Of the cache in this directory, which need not be there.
    pub fn of(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), known: OnceLock::new() }
    }

    /// Where several steps made one layer, the longest time: what a build on another machine may have to wait.
    fn read(&self) -> HashMap<Digest, Duration> {
        let mut known = HashMap::new();
        // without its records a layer has no time, which is no error
        for path in records(&self.dir).unwrap_or_default() {
            if let Some(LayerRecord { layer: Some(layer), milliseconds: Some(milliseconds), .. }) = record::peek(&path)
            {
                let time = known.entry(layer.digest).or_insert(Duration::ZERO);
                *time = (*time).max(Duration::from_millis(milliseconds));
            }
        }
        known
    }
}

impl Times for Durations {
    fn of_layer(&self, layer: DiffId) -> Option<Duration> {
        self.known.get_or_init(|| self.read()).get(&Digest::from(layer)).copied()
    }
}
