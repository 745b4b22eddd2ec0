//! The ledgers of many stacks of layers, in the order of their diff IDs: what two neighbours have in common is folded once.
//!
//! ```text
//! a b c │ a b d e │ a b d f │ g         fold a, b; keep; c │ go on from a b: d; keep; e │ go on from a b d: f │ g
//! ```

use std::sync::Arc;

use strata_image::DiffId;

use super::{
    gather::causes,
    indexes::Indexes,
    packages::{Installed, Sums},
};
use crate::{Ledger, Packages, findings::LowerContents, ledger::Folding, packages};

/// Accounts that are kept at once. Each has the memory of a view; where more are wanted, a fork costs the layers since the
/// last that is kept.
const MAX_KEPT: usize = 16;

/// What is kept on the way from one stack to the next: the accounts of stacks that are the lower part of it, the higher
/// ones last.
pub(super) struct Stacks<'a> {
    indexes: &'a Indexes,
    kept: Vec<Kept>,
    /// Of no layers.
    nothing: Installed,
    /// The stack before.
    last: Vec<DiffId>,
    /// Layers that do not go together, and why.
    broken: Option<(Vec<DiffId>, String)>,
    sums: Sums,
}

struct Kept {
    folding: Folding,
    installed: Installed,
    /// Once somebody asked.
    contents: Option<Arc<LowerContents>>,
}

/// One stack, folded.
pub(super) struct Stacked {
    pub(super) ledger: Ledger,
    /// The contents of the layers that were to be kept, where they are.
    pub(super) lower: Option<(usize, Arc<LowerContents>)>,
}

impl<'a> Stacks<'a> {
    pub(super) fn new(indexes: &'a Indexes) -> Self {
        Self {
            indexes,
            kept: Vec::new(),
            nothing: Installed::default(),
            last: Vec::new(),
            broken: None,
            sums: Sums::default(),
        }
    }

    /// The ledger of a stack. The account is kept where the next stack goes another way, and at `keep` layers.
    ///
    /// # Errors
    /// Says which layer does not fit on those below it.
    pub(super) fn fold(&mut self, layers: &[DiffId], next: Option<&[DiffId]>, keep: usize) -> Result<Stacked, String> {
        let with_last = common(&self.last, layers);
        while self.kept.last().is_some_and(|kept| kept.folding.len() > with_last) {
            self.end_last();
        }
        self.last = layers.to_vec();
        if let Some((_, message)) = self.broken.as_ref().filter(|(broken, _)| layers.starts_with(broken)) {
            return Err(message.clone());
        }
        let with_next = next.map_or(0, |next| common(layers, next));
        let mut folding = self.kept.last().map(|kept| kept.folding.fork()).unwrap_or_default();
        for (depth, &id) in layers.iter().enumerate().skip(folding.len()) {
            let pushed = self.indexes.get(id).and_then(|index| folding.push(&index));
            if let Err(error) = pushed {
                let message = causes(&error);
                self.broken = Some((layers[..=depth].to_vec(), message.clone()));
                return Err(message);
            }
            if (depth + 1 == with_next || depth + 1 == keep) && self.kept.len() < MAX_KEPT {
                self.keep(folding.fork());
            }
        }
        let lower = self.kept.iter_mut().find(|kept| kept.folding.len() == keep && keep > 0).map(|kept| {
            let contents = kept
                .contents
                .get_or_insert_with(|| Arc::new(LowerContents::of(kept.folding.indexes(), kept.folding.view())));
            (keep, Arc::clone(contents))
        });
        Ok(Stacked { ledger: folding.finish(), lower })
    }

    /// What the stack that was folded last has installed, which is counted.
    pub(super) fn installed(&mut self, ledger: &Ledger, kept: &[(Vec<u8>, &[u8])]) -> Arc<Packages> {
        let Self { kept: stack, nothing, sums, .. } = self;
        let (below, since) = match stack.last_mut() {
            Some(last) => (&mut last.installed, last.folding.len()),
            None => (nothing, 0),
        };
        let installed = Installed::of(kept, below);
        sums.came(&installed, below, ledger.view(), since);
        sums.image(&installed, below);
        installed.packages()
    }

    /// Everything that was installed.
    pub(super) fn finish(mut self) -> Sums {
        while !self.kept.is_empty() {
            self.end_last();
        }
        self.sums
    }

    fn keep(&mut self, folding: Folding) {
        let (below, since) = self.kept.last().map_or((&self.nothing, 0), |last| (&last.installed, last.folding.len()));
        let installed = Installed::of(&packages::kept_in(folding.indexes(), folding.view()), below);
        self.sums.came(&installed, below, folding.view(), since);
        self.kept.push(Kept { folding, installed, contents: None });
    }

    fn end_last(&mut self) {
        if let Some(last) = self.kept.pop() {
            let below = self.kept.last_mut().map_or(&mut self.nothing, |below| &mut below.installed);
            self.sums.end(&last.installed, below);
        }
    }
}

/// How many layers two stacks have in common, from the bottom.
fn common(a: &[DiffId], b: &[DiffId]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}
