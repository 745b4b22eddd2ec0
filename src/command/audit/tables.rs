//! The tables for a query engine, each a file in a folder, which appears whole or not at all.

use std::{fs::File, io::BufWriter, path::Path};

use anyhow::{Context as _, Result};
use strata_analyzer::{
    Finding,
    analysis::LayerLine,
    audit::{
        Audit, Gathering, ImageRow, Observer, Options,
        tables::{TABLES, Tables},
    },
    index::LayerIndex,
};
use tempfile::NamedTempFile;

use super::Progress;
use crate::command::file_mode;

/// Looks at everything that was gathered, and writes the tables into a folder while it does.
pub(super) fn write(
    gathering: Gathering,
    options: &Options<'_>,
    progress: &mut Progress,
    folder: &Path,
) -> Result<Audit> {
    let failed = || format!("cannot write to {}", folder.display());
    std::fs::create_dir_all(folder).with_context(failed)?;
    let file = || tempfile::Builder::new().permissions(file_mode()).tempfile_in(folder);
    let files =
        [file(), file(), file(), file()].into_iter().collect::<std::io::Result<Vec<_>>>().with_context(failed)?;
    let opened =
        files.iter().map(NamedTempFile::reopen).collect::<std::io::Result<Vec<File>>>().with_context(failed)?;
    let [images, layers, entries, findings] = <[File; 4]>::try_from(opened).map_err(|_| anyhow::anyhow!(failed()))?;
    let writers = [images, layers, entries, findings].map(BufWriter::new);
    let mut both = Both { tables: Tables::new(writers)?, progress };
    let audit = gathering.audit(options, &mut both)?;
    for file in both.tables.finish(&audit)? {
        let file = file.into_inner().map_err(std::io::IntoInnerError::into_error).with_context(failed)?;
        file.sync_all().with_context(failed)?;
    }
    for (file, table) in files.into_iter().zip(TABLES) {
        let path = folder.join(table.name).with_extension("parquet");
        let persisted = file.persist(&path).map_err(|error| error.error);
        persisted.with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(audit)
}

/// Writes, and shows how far it is.
struct Both<'a> {
    tables: Tables<BufWriter<File>>,
    progress: &'a mut Progress,
}

impl Observer for Both<'_> {
    fn progress(&mut self, done: usize, of: usize) {
        self.progress.progress(done, of);
    }

    fn image(&mut self, image: &ImageRow, layers: &[LayerLine], findings: &[Finding]) -> strata_analyzer::Result<()> {
        self.tables.image(image, layers, findings)
    }

    fn wants_layers(&self) -> bool {
        self.tables.wants_layers()
    }

    fn layer(&mut self, index: &LayerIndex) -> strata_analyzer::Result<()> {
        self.tables.layer(index)
    }
}
