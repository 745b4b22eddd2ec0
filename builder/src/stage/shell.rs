//! `--debug-shell`: when a RUN fails, a shell in the state before it.

use strata_runtime::snapshot::Committed;

use super::{Builder, Place};
use crate::{build::Event, cause::Cause, run::Run};

impl Builder<'_> {
    /// Runs a shell on a root filesystem as the step found it, with the step's environment, user and mounts. Nothing else is
    /// told meanwhile, and what the shell changes is gone afterwards. A shell that cannot be had is no reason to hide why the
    /// step failed.
    pub(super) fn debug_shell(&self, place: Place<'_>, run: &Run<'_>, parent: &Committed) {
        let mut watcher = self.watcher.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        (*watcher)(Event::Shell { number: place.number, begins: true });
        let ended = self.shell(run, parent);
        (*watcher)(Event::Shell { number: place.number, begins: false });
        if let Err(cause) = ended {
            (*watcher)(Event::Note(&format!("no shell: {cause}")));
        }
    }

    fn shell(&self, run: &Run<'_>, parent: &Committed) -> Result<(), Cause> {
        let active = self.engine.snapshots.prepare(parent)?;
        let (partial, mut output) = (self.cache.partial(), |_, _: &[u8]| {});
        let scope = self.scope(active.root(), &partial, &mut output);
        run.shell(&scope)
    }
}
