//! The layer of one step: found in the cache, or made.

use std::{cell::LazyCell, os::fd::BorrowedFd, path::Path, sync::atomic::Ordering, time::Instant};

use strata_image::{ChainId, DiffId, Timestamp};

use super::{Builder, Place};
use crate::{
    Error, Result,
    below::Below,
    build::Event,
    cache::{LayerBlob, LayerRecord, PACKS},
    cause::Cause,
    draft::{
        Clock, Draft,
        packed::{self, Packed},
    },
    explain::{self, Site},
    fractions,
    inputs::Inputs,
    key::CacheKey,
    plan::PlannedStep,
    run::Scope,
    stack::{BuiltLayer, Stack},
    state::State,
    step::Step,
};

impl Builder<'_> {
    /// Makes the layer of a step, or finds it.
    pub(super) fn layer(&self, place: Place<'_>, state: &mut State, step: &Step<'_>, text: &str) -> Result<()> {
        let planned = place.planned;
        let at = |cause| planned.failed(cause);
        let mut inputs = step.inputs(&state.stack).map_err(at)?;
        inputs.optional("SOURCE_DATE_EPOCH", self.epoch.map(|epoch| epoch.to_string()).as_deref());
        inputs.optional("--rewrite-timestamp", self.latest().map(|_| "true"));
        let site = Site {
            project: &self.project,
            stage: &place.planned_stage.name,
            ordinal: place.ordinal,
            text: &planned.instruction.original,
        };
        let files = LazyCell::new(|| step.files());
        let found = if self.is_no_cache(place.planned_stage) {
            None
        } else {
            self.find(place, state, step, &inputs.key()).map_err(at)?
        };
        let record = if let Some(record) = found {
            self.tell(Event::StepCached { number: place.number });
            self.push(&mut state.stack, &record, None);
            record
        } else {
            let reasons = explain::reasons(self.cache, &site, &inputs, &files);
            self.tell(Event::StepMissed { number: place.number, reasons: &reasons });
            self.make(place, &site, state, step, &inputs)?
        };
        explain::remember(self.cache, &site, &inputs, &files);
        state.layer_steps.push(planned.index);
        state.record(text.to_owned(), Some(record.created));
        Ok(())
    }

    /// The record of a step that need not run.
    fn find(
        &self,
        place: Place<'_>,
        state: &State,
        step: &Step<'_>,
        key: &CacheKey,
    ) -> Result<Option<LayerRecord>, Cause> {
        let Some(mut record) =
            self.cache.get::<LayerRecord>(key).filter(|record| !self.gone.contains(&record.identity))
        else {
            return Ok(None);
        };
        match record.layer {
            // a layer that does not depend on what is below has another identity on each
            Some(layer) if self.cache.holds(&self.engine.store, layer)? => {
                self.cache.adopt(key, &record)?;
                if matches!(step, Step::Draft(draft) if draft.stands_alone()) {
                    record.identity = state.stack.identity_with(DiffId::from(layer.digest));
                }
                Ok(Some(record))
            }
            Some(_) => Ok(None),
            None if !self.packed.contains(&place.stage) => Ok(Some(record)),
            None => self.pack_unpacked(state, record, key),
        }
    }

    /// Packs what was not needed as a layer before.
    fn pack_unpacked(
        &self,
        state: &State,
        mut record: LayerRecord,
        key: &CacheKey,
    ) -> Result<Option<LayerRecord>, Cause> {
        let mut stack = state.stack.clone();
        stack.push_unpacked(record.identity, None);
        let snapshot = match stack.snapshot(&self.engine.snapshots) {
            Ok(snapshot) => snapshot,
            Err(Cause::Evaporated { .. }) => return Ok(None),
            Err(cause) => return Err(cause),
        };
        let mut blob = self.engine.store.blob()?;
        snapshot.diff(self.latest(), &mut blob)?;
        let (digest, size) = blob.commit()?;
        record.layer = Some(LayerBlob { digest, size });
        self.cache.put(key, &record)?;
        Ok(Some(record))
    }

    fn make(
        &self,
        place: Place<'_>,
        site: &Site<'_>,
        state: &mut State,
        step: &Step<'_>,
        inputs: &Inputs,
    ) -> Result<LayerRecord> {
        let at = |cause| place.planned.failed(cause);
        let _permit = self.permits.take();
        self.go_on().map_err(at)?;
        let started = Instant::now();
        self.ran.fetch_add(1, Ordering::Relaxed);
        let made = match step {
            Step::Draft(draft) => {
                let below = if draft.stands_alone() {
                    Below::default()
                } else {
                    state.stack.below(&self.engine.snapshots).map_err(at)?
                };
                let clock = Clock { now: self.now(), latest: self.latest() };
                let mut changes = Draft::new(&below, clock);
                draft.draft(&mut changes, &self.cache.partial()).map_err(at)?;
                let mut blob = self.engine.store.blob()?;
                let packs = explain::place(self.cache, PACKS, site);
                let earlier = Packed::open(&packs, &self.engine.store);
                let said = changes.pack(earlier, &mut blob).map_err(at)?;
                let (digest, size) = blob.commit()?;
                packed::note(&packs, &self.cache.partial(), digest, &said.contents);
                fractions::keep(self.cache, &digest, &said.fractions);
                let identity = state.stack.identity_with(DiffId::from(digest));
                let record = LayerRecord::new(identity, Some(LayerBlob { digest, size }), self.now().to_string());
                self.push(&mut state.stack, &record, None);
                (record, !changes.is_stale())
            }
            Step::Run(run) => (self.execute(place, state, run, inputs)?, true),
        };
        let (record, is_cacheable) = made;
        let record = record.lasted(started.elapsed());
        if is_cacheable {
            self.cache.put(&inputs.key(), &record)?;
        }
        Ok(record)
    }

    fn execute(
        &self,
        place: Place<'_>,
        state: &mut State,
        run: &crate::run::Run<'_>,
        inputs: &Inputs,
    ) -> Result<LayerRecord> {
        let at = |cause| place.planned.failed(cause);
        let snapshots = &self.engine.snapshots;
        let parent = state.stack.snapshot(snapshots).map_err(at)?;
        let active = snapshots.prepare(&parent)?;
        let number = place.number;
        let mut output = |stderr, bytes: &[u8]| self.tell(Event::Output { number, stderr, bytes });
        let partial = self.cache.partial();
        let mut scope = self.scope(active.root(), &partial, &mut output);
        if let Err(cause) = run.run(&mut scope) {
            if self.options.debug_shell && !matches!(cause, Cause::Stopped) {
                self.debug_shell(place, run, &parent);
            }
            return Err(at(cause));
        }
        let layer = if self.packed.contains(&place.stage) {
            let mut blob = self.engine.store.blob()?;
            active.diff(self.latest(), &mut blob).map_err(|error| not_a_layer(place.planned, error))?;
            let (digest, size) = blob.commit()?;
            Some(LayerBlob { digest, size })
        } else {
            None
        };
        let identity = match layer {
            Some(layer) => state.stack.identity_with(DiffId::from(layer.digest)),
            None => unpacked_identity(&inputs.key())
                .map_err(|source| at(Cause::Host { operation: "name the result of a step", source }))?,
        };
        let snapshot = active.commit(identity)?;
        let record = LayerRecord::new(identity, layer, self.now().to_string());
        self.push(&mut state.stack, &record, Some(snapshot));
        Ok(record)
    }

    /// What a process on a root filesystem may use.
    pub(super) fn scope<'s>(
        &'s self,
        root: BorrowedFd<'s>,
        partial: &'s Path,
        output: &'s mut dyn FnMut(bool, &[u8]),
    ) -> Scope<'s> {
        Scope {
            engine: self.engine,
            cache: self.cache,
            options: self.options,
            root,
            partial,
            stop: [&self.options.cancel, &self.failed],
            output,
        }
    }

    /// The time of what happens now: the epoch of the build where it has one.
    pub(super) fn now(&self) -> Timestamp {
        self.epoch.map_or_else(Timestamp::now, |seconds| Timestamp { seconds, nanoseconds: 0 })
    }

    pub(super) fn push(
        &self,
        stack: &mut Stack,
        record: &LayerRecord,
        snapshot: Option<strata_runtime::snapshot::Committed>,
    ) {
        match record.layer {
            Some(layer) => {
                let layer = BuiltLayer::new(&self.engine.store, &self.engine.cache, layer);
                stack.push(layer, record.identity, snapshot);
            }
            None => stack.push_unpacked(record.identity, snapshot),
        }
    }
}

/// A name for what was never packed: two runs of a step need not give the same, so each has its own.
fn unpacked_identity(key: &CacheKey) -> std::io::Result<ChainId> {
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(key.as_bytes());
    rustix::rand::getrandom(&mut bytes[32..], rustix::rand::GetRandomFlags::empty())?;
    Ok(ChainId::of(&bytes))
}

/// What the kernel or the store refuses is theirs; what no layer can say is the step's fault.
fn not_a_layer(planned: &PlannedStep, source: strata_runtime::Error) -> Error {
    match source {
        strata_runtime::Error::Kernel { .. } | strata_runtime::Error::Image(_) => Error::Runtime(source),
        source => planned.failed(Cause::Layer { source }),
    }
}
