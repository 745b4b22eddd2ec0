//! The threads of a build, and how many of them may work at once.

use std::sync::{Condvar, Mutex, OnceLock};

use super::Builder;
use crate::{Error, Result, plan::PlannedStage, state::State};

/// How many steps may work at once.
pub(super) struct Permits {
    free: Mutex<usize>,
    returned: Condvar,
}

/// The right to work, until it is dropped.
pub(super) struct Permit<'p>(&'p Permits);

impl Permits {
    /// At least one.
    pub(super) fn new(number: usize) -> Self {
        Self { free: Mutex::new(number.max(1)), returned: Condvar::new() }
    }

    /// Waits for a permit.
    pub(super) fn take(&self) -> Permit<'_> {
        let free = self.free.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let waited = self.returned.wait_while(free, |free| *free == 0);
        *waited.unwrap_or_else(std::sync::PoisonError::into_inner) -= 1;
        Permit(self)
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(std::sync::PoisonError::into_inner) += 1;
        self.0.returned.notify_one();
    }
}

/// Says that a stage failed unless something else was said of it: those that wait for it must not wait for ever.
struct Outcome<'o>(&'o OnceLock<Option<State>>);

impl Drop for Outcome<'_> {
    fn drop(&mut self) {
        // it has its outcome already when the stage was finished
        let _ = self.0.set(None);
    }
}

impl Builder<'_> {
    /// Runs every needed stage; gives the target's state.
    pub(crate) fn run(&self) -> Result<State> {
        let needed: Vec<(usize, &PlannedStage)> =
            self.plan.stages.iter().enumerate().filter_map(|(index, stage)| Some((index, stage.as_ref()?))).collect();
        let mut failures = Vec::new();
        if let [(index, stage)] = needed[..] {
            failures.extend(self.run_stage(index, stage).err());
        } else {
            std::thread::scope(|scope| {
                let stages: Vec<_> =
                    needed.iter().map(|(index, stage)| scope.spawn(|| self.run_stage(*index, stage))).collect();
                for stage in stages {
                    let outcome = stage.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                    failures.extend(outcome.err());
                }
            });
        }
        self.save_contexts();
        // the others were stopped by the one that failed
        let first = failures.iter().position(|error| !matches!(error, Error::Cancelled)).unwrap_or(0);
        if first < failures.len() {
            return Err(failures.swap_remove(first));
        }
        self.finished(self.plan.target).map_err(|cause| self.at_target(cause))
    }

    fn run_stage(&self, index: usize, stage: &PlannedStage) -> Result<()> {
        let outcome = Outcome(&self.finished[index]);
        let state = self.stage(index, stage).inspect_err(|_| self.failed.cancel())?;
        let _ = outcome.0.set(Some(state));
        Ok(())
    }
}
