//! A step: an instruction that makes a layer. Two questions only: what does it depend on, and do it.

use std::path::Path;

use crate::{
    cause::Cause,
    draft::Draft,
    inputs::Inputs,
    run::{Run, mounts::Mounted},
    selection::Files,
    stack::Stack,
};

/// An instruction with its inputs resolved.
pub(crate) enum Step<'s> {
    /// A process changes the root filesystem.
    Run(Box<Run<'s>>),
    /// What changes is known without one.
    Draft(Box<dyn DraftStep + 's>),
}

impl Step<'_> {
    /// What decides what it does on top of a stack.
    pub(crate) fn inputs(&self, below: &Stack) -> Result<Inputs, Cause> {
        match self {
            Self::Run(run) => run.inputs(below),
            Self::Draft(draft) => draft.inputs(below),
        }
    }

    /// The files among its inputs, once those were asked for: for explanations, and not free.
    pub(crate) fn files(&self) -> Files {
        match self {
            Self::Run(run) => run.mounts.iter().flat_map(Mounted::files).collect(),
            Self::Draft(draft) => draft.files(),
        }
    }
}

/// A step whose changes can be thought up.
pub(crate) trait DraftStep {
    /// What decides what it does on top of a stack.
    fn inputs(&self, below: &Stack) -> Result<Inputs, Cause>;

    /// The files among that.
    fn files(&self) -> Files {
        Files::new()
    }

    /// Whether the layer is the same whatever is below, so that nothing of that is looked at.
    fn stands_alone(&self) -> bool {
        false
    }

    /// Changes the draft; temporary files lie in `partial`.
    fn draft(&self, draft: &mut Draft<'_>, partial: &Path) -> Result<(), Cause>;
}
