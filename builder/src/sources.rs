//! Where the sources of COPY and ADD come from, opened when they are needed: for a step of the cache their digest may be known.

use bstr::BString;
use strata_runtime::snapshot::Snapshots;

use crate::{
    cache::{Cache, ContentRecord},
    cause::Cause,
    context::Context,
    key::{CacheKey, KeyWriter},
    selection::Origin,
    stack::Stack,
};

/// Where sources come from.
pub(crate) enum Sources<'a> {
    Context(&'a Context),
    /// A stage's or an image's layers. What they hold never changes, so digests of it are remembered.
    Stack {
        stack: Stack,
        snapshots: &'a Snapshots,
        cache: &'a Cache,
    },
}

impl Sources<'_> {
    pub(crate) fn open(&self) -> Result<Origin<'_>, Cause> {
        Ok(match self {
            Self::Context(context) => Origin::Context(context),
            Self::Stack { stack, snapshots, .. } => Origin::Stage(stack.view(snapshots)?),
        })
    }

    /// The digest of what the words select, if it is known.
    pub(crate) fn known_digest(&self, words: &[BString]) -> Option<String> {
        match self {
            Self::Context(_) => None,
            Self::Stack { stack, cache, .. } => {
                cache.get::<ContentRecord>(&selection_key(stack, words)).map(|record| record.content)
            }
        }
    }

    /// Remembers a digest where it cannot change.
    pub(crate) fn remember(&self, words: &[BString], digest: &str) -> Result<(), Cause> {
        match self {
            Self::Context(_) => {}
            Self::Stack { stack, cache, .. } => {
                cache.put(&selection_key(stack, words), &ContentRecord::new(digest.to_owned()))?;
            }
        }
        Ok(())
    }
}

fn selection_key(stack: &Stack, words: &[BString]) -> CacheKey {
    KeyWriter::on("selection", stack.chain_id()).list(words).finish()
}
