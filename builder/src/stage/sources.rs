//! Where a step's sources are: contexts, stages and images.

use std::sync::Arc;

use strata_image::Image as _;

use super::Builder;
use crate::{
    Result,
    cause::Cause,
    context::Context,
    options::NamedContext,
    plan::{Base, PlannedStep},
    sources::Sources,
    stack::Stack,
};

impl Builder<'_> {
    /// What a `--from`, or its absence, means.
    pub(super) fn sources(&self, planned: &PlannedStep, from: Option<&Base>) -> Result<Arc<Sources<'_>>> {
        let stack = |stack| Sources::stack(stack, &self.engine.snapshots, self.cache);
        let at = |cause| planned.failed(cause);
        Ok(Arc::new(match from {
            None => Sources::context(self.context()?),
            Some(Base::Named(name)) => match self.options.named_contexts.get(name) {
                Some(NamedContext::Directory(_)) => Sources::context(self.named_context(name)?),
                Some(NamedContext::Image(image)) => stack(Stack::of(image.layers())),
                None => return Err(at(Cause::NoImage { name: name.clone() })),
            },
            Some(from) => stack(self.stack_of(from).map_err(at)?),
        }))
    }

    /// The layers of a stage or an image that files are taken from.
    pub(super) fn stack_of(&self, from: &Base) -> Result<Stack, Cause> {
        match from {
            Base::Scratch => Ok(Stack::default()),
            Base::Stage(index) => Ok(self.finished(*index)?.stack),
            Base::Image(name) | Base::Named(name) => {
                if let Some(NamedContext::Image(image)) = self.options.named_contexts.get(name) {
                    return Ok(Stack::of(image.layers()));
                }
                let image = self.engine.store.find(name)?;
                Ok(Stack::of(image.ok_or_else(|| Cause::NoImage { name: name.clone() })?.layers()))
            }
        }
    }

    /// The build's context.
    pub(super) fn context(&self) -> Result<Arc<Context>> {
        if let Some(context) = self.context.get() {
            return Ok(Arc::clone(context));
        }
        let context =
            Arc::new(Context::open(&self.options.context, &self.options.dockerfile_path, &self.engine.cache)?);
        Ok(Arc::clone(self.context.get_or_init(|| context)))
    }

    /// A directory of `--build-context`, with an ignore file of its own.
    pub(super) fn named_context(&self, name: &str) -> Result<Arc<Context>> {
        let mut opened = self.named.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(context) = opened.get(name) {
            return Ok(Arc::clone(context));
        }
        let Some(NamedContext::Directory(directory)) = self.options.named_contexts.get(name) else {
            return self.context();
        };
        let context = Arc::new(Context::open(directory, std::path::Path::new(""), &self.engine.cache)?);
        opened.insert(name.to_owned(), Arc::clone(&context));
        Ok(context)
    }

    /// Remembers what the files of the contexts hold.
    pub(super) fn save_contexts(&self) {
        if let Some(context) = self.context.get() {
            context.save_index();
        }
        let named = self.named.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        named.values().for_each(|context| context.save_index());
    }
}
