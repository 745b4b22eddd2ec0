//! The layer of one step: found in the cache, or made.

use std::sync::Arc;

use strata_image::{DiffId, Timestamp};

use super::Builder;
use crate::{
    Error, Result,
    build::Event,
    cache::LayerRecord,
    cause::Cause,
    key::CacheKey,
    plan::PlannedStep,
    stack::BuiltLayer,
    state::State,
    step::{Scope, Step},
};

impl Builder<'_> {
    /// Makes the layer of a step, or finds it.
    pub(super) fn layer(
        &mut self,
        planned: &PlannedStep,
        state: &mut State,
        step: &dyn Step,
        text: &str,
    ) -> Result<()> {
        let key = step.key(state.stack.chain_id()).map_err(|cause| planned.failed(cause))?;
        let found = if self.options.no_cache { None } else { self.cache.get::<LayerRecord>(&key) };
        let record = match found.filter(|record| self.engine.store.contains(&record.layer)) {
            Some(record) => {
                (self.progress)(Event::StepCached { number: self.number });
                state.stack.push(self.built_layer(&record), None);
                record
            }
            None => self.run_step(planned, state, step, &key)?,
        };
        state.layer_steps.push(planned.index);
        state.record(text.to_owned(), Some(record.created));
        Ok(())
    }

    fn run_step(
        &mut self,
        planned: &PlannedStep,
        state: &mut State,
        step: &dyn Step,
        key: &CacheKey,
    ) -> Result<LayerRecord> {
        let snapshots = &self.engine.snapshots;
        let parent = state.stack.snapshot(snapshots)?;
        let active = snapshots.prepare(&parent)?;
        let (number, progress) = (self.number, &mut *self.progress);
        let now = match self.options.epoch {
            Some(seconds) => Timestamp { seconds, nanoseconds: 0 },
            None => Timestamp::now(),
        };
        let mut scope = Scope {
            root: active.root(),
            now,
            partial: &self.cache.partial(),
            is_cacheable: true,
            output: &mut |stderr, bytes| {
                progress(Event::Output { number, stderr, bytes });
            },
        };
        step.run(&mut scope).map_err(|cause| planned.failed(cause))?;
        let is_cacheable = scope.is_cacheable;
        self.ran += 1;

        let mut blob = self.engine.store.blob()?;
        active.diff(&mut blob).map_err(|error| not_a_layer(planned, error))?;
        let (digest, size) = blob.commit()?;
        let chain = state.stack.chain_with(DiffId::from(digest));
        let snapshot = active.commit(chain)?;
        let record = LayerRecord::new(digest, size, chain, Timestamp::now().to_string());
        if is_cacheable {
            self.cache.put(key, &record)?;
        }
        state.stack.push(self.built_layer(&record), Some(snapshot));
        Ok(record)
    }

    fn built_layer(&self, record: &LayerRecord) -> Arc<BuiltLayer> {
        Arc::new(BuiltLayer { store: self.engine.store.clone(), digest: record.layer, size: record.size })
    }
}

/// What the kernel or the store refuses is theirs; what no layer can say is the step's fault.
fn not_a_layer(planned: &PlannedStep, source: strata_runtime::Error) -> Error {
    match source {
        strata_runtime::Error::Kernel { .. } | strata_runtime::Error::Image(_) => Error::Runtime(source),
        source => planned.failed(Cause::Layer { source }),
    }
}
