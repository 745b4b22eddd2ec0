//! `--verify-reproducible`: builds twice, nothing taken from the cache the second time, and names what differs.

use strata_analyzer::compare::{self, Comparison};

use crate::{
    Result,
    build::{Built, Event, Watcher, build},
    engine::Engine,
    options::{NoCache, Options},
};

/// Two builds of the same.
#[derive(Debug)]
pub struct Reproduced {
    /// The first, which has the names.
    pub first: Built,
    /// The second.
    pub second: Built,
    /// What differs; `None` when both are the same image.
    pub difference: Option<Comparison>,
}

/// Builds, builds everything again, and compares the images, times included.
///
/// # Errors
/// Those of [`build`], and what the comparison cannot read.
pub fn reproduce(engine: &Engine, options: &Options, progress: Watcher<'_>) -> Result<Reproduced> {
    let first = build(engine, &Options { no_cache: NoCache::Everything, ..options.clone() }, &mut *progress)?;
    progress(Event::Note("building everything a second time"));
    let again = Options { no_cache: NoCache::Everything, names: Vec::new(), cache_to: Vec::new(), ..options.clone() };
    let second = build(engine, &again, progress)?;
    let difference = if first.id == second.id {
        None
    } else {
        Some(compare::compare(
            &engine.image(first.id)?,
            &engine.image(second.id)?,
            &compare::Options { cache: Some(&engine.analysis), mtime: true, ..compare::Options::default() },
        )?)
    };
    Ok(Reproduced { first, second, difference })
}
