//! What happened to a name between two layers.

use super::{Type, Version};

/// What happened to a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mark {
    /// It is not there, and was not: nothing to show.
    #[default]
    Absent,
    /// As it was; of a directory: so is all that is below.
    Unmodified,
    /// It was not there.
    Added,
    /// Content, link target, device or type are other ones; of a directory: something below it changed.
    Modified,
    /// The content is the same, written again: with another mode, owner, time or attribute, or with none of these.
    Metadata,
    /// It is no longer there.
    Removed,
}

impl Mark {
    /// Compares what a name was with what it is; either may be `None` or gone.
    pub(super) fn between(before: Option<&Version>, after: Option<&Version>) -> Self {
        let alive = |version: Option<&Version>| version.is_some_and(|version| version.inode.is_some());
        match (before, after) {
            (Some(old), Some(new)) if alive(before) && alive(after) => changed(old, new),
            _ if alive(after) => Self::Added,
            _ if alive(before) => Self::Removed,
            _ => Self::Absent,
        }
    }

    /// Whether something happened.
    pub fn is_change(self) -> bool {
        !matches!(self, Self::Absent | Self::Unmodified)
    }
}

fn changed(old: &Version, new: &Version) -> Mark {
    if old.inode == new.inode {
        Mark::Unmodified
    } else if old.kind != new.kind || old.content != new.content {
        Mark::Modified
    } else if new.kind == Type::Directory && old.attributes == new.attributes {
        // layers repeat the directories above what they change, with the time of the change
        Mark::Unmodified
    } else {
        Mark::Metadata
    }
}
