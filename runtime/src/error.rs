//! What the kernel side can refuse: each variant names the operation and the object.

use std::{io, path::PathBuf};

use crate::{
    process::{ExecFailure, LimitFailure},
    user::UserFailure,
};

/// Why a snapshot, a container or a process could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The kernel refused a call.
    #[error("cannot {operation} {object}")]
    Kernel {
        /// What was tried, as it reads after "cannot".
        operation: &'static str,
        /// What it was tried on: a path, a layer, a mount.
        object: String,
        /// The kernel's answer.
        source: io::Error,
    },
    /// A layer or an image could not be read or written.
    #[error(transparent)]
    Image(#[from] strata_image::Error),
    /// The kernel refused to stack layers.
    #[error("cannot mount an overlay of {layers} layers{}", detail(.message))]
    Overlay {
        /// Number of read-only layers.
        layers: usize,
        /// What the file system itself said, perhaps nothing.
        message: String,
        /// The kernel's answer.
        source: io::Error,
    },
    /// A layer holds an entry that no root filesystem can hold.
    #[error("{path} in the layer {layer}: {reason}")]
    LayerEntry {
        /// Diff ID of the layer.
        layer: String,
        /// Path of the entry.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A step made a name that would delete another one in the layer.
    #[error("the name /{path} would be a whiteout in the layer")]
    WhiteoutName {
        /// The name's path.
        path: String,
    },
    /// A file belongs to an id that this user namespace does not have.
    #[error("{path} belongs to {uid}:{gid}, and there are not enough ids in /etc/subuid and /etc/subgid")]
    UnmappedOwner {
        /// Path inside the root filesystem.
        path: String,
        /// Its owner.
        uid: u64,
        /// Its group.
        gid: u64,
    },
    /// `newuidmap` or `newgidmap` refused the ids of `/etc/subuid` and `/etc/subgid`.
    #[error("cannot map the ids of /etc/subuid and /etc/subgid: {program} failed")]
    IdMapping {
        /// The program that failed; its own words are on the standard error.
        program: &'static str,
    },
    /// A command could not be executed in its container.
    #[error("cannot run {}: {cause}", program.display())]
    Exec {
        /// The command: where it was found, or its name when it was not.
        program: PathBuf,
        /// The exit status that docker's `run` gives for the cause: 126 or 127.
        status: u8,
        /// Why.
        cause: ExecFailure,
    },
    /// A process without a command, or with an empty one.
    #[error("no command to run")]
    NoCommand,
    /// A string that the kernel takes has a zero byte in it.
    #[error("{what} {text:?} contains a zero byte")]
    ZeroByte {
        /// What the string is for.
        what: &'static str,
        /// The string.
        text: String,
    },
    /// Something cannot be mounted at a place.
    #[error("cannot mount on {}: {reason}", path.display())]
    MountPoint {
        /// The place, as it was given.
        path: PathBuf,
        /// Why not.
        reason: &'static str,
    },
    /// A line of `/etc/hosts` would not be one.
    #[error("the host {name:?} cannot have the address {address:?}: it takes a name without blanks and an IP address")]
    ExtraHost {
        /// The name.
        name: String,
        /// The address.
        address: String,
    },
    /// A limit that needs a control group cannot be had.
    #[error("cannot limit the {limit}: {cause}")]
    Limit {
        /// What is to be limited.
        limit: &'static str,
        /// Why it cannot be.
        cause: LimitFailure,
    },
    /// There is no limit of this name.
    #[error("unknown ulimit {name:?}{}", did_you_mean(*.nearest, .known))]
    UnknownUlimit {
        /// The name as it was given.
        name: String,
        /// The name that was probably meant.
        nearest: Option<&'static str>,
        /// All names.
        known: String,
    },
    /// A limit whose soft value is beyond the hard one.
    #[error("ulimit {name}: the soft limit {soft} is beyond the hard limit {hard}")]
    UlimitOrder {
        /// The limit's name.
        name: &'static str,
        /// What the process would have.
        soft: u64,
        /// What it could raise it to.
        hard: u64,
    },
    /// A hard limit that the kernel does not let this process set.
    #[error("ulimit {name}: the kernel does not allow a hard limit of {} (this process has {})", limit(*.hard), limit(*.own))]
    UlimitForbidden {
        /// The limit's name.
        name: &'static str,
        /// What was asked for.
        hard: u64,
        /// What this process has itself.
        own: u64,
    },
    /// A process is to be kept apart by `chroot` alone, and something that it is to have needs more.
    #[error("{what} needs namespaces and mounts, which chroot isolation does without")]
    NeedsNamespaces {
        /// What it is to have.
        what: &'static str,
    },
    /// A working directory leads out of the container.
    #[error("working directory {} is outside the container's root filesystem", path.display())]
    OutsideRoot {
        /// The working directory.
        path: PathBuf,
    },
    /// Supplementary groups cannot be set where a user namespace has a single group.
    #[error("supplementary groups {groups:?} cannot be set in a user namespace that has a single id")]
    GroupsForbidden {
        /// The groups.
        groups: Vec<u32>,
    },
    /// A user or group cannot be used.
    #[error("user {text:?}: {cause}")]
    User {
        /// The user as it was given: `name`, `name:group`, numbers.
        text: String,
        /// What is wrong.
        cause: UserFailure,
    },
}

/// What this crate's functions give.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// What the image library says, of whichever of its parts.
    pub(crate) fn image<E: Into<strata_image::Error>>(error: E) -> Self {
        Self::Image(error.into())
    }

    /// Names the operation and the object of a kernel call that failed.
    pub(crate) fn kernel<E: Into<io::Error>>(operation: &'static str, object: impl ToString) -> impl FnOnce(E) -> Self {
        move |source| Self::Kernel { operation, object: object.to_string(), source: source.into() }
    }
}

fn did_you_mean(nearest: Option<&str>, known: &str) -> String {
    nearest.map_or_else(|| format!(": there are {known}"), |nearest| format!(": did you mean {nearest}?"))
}

/// A value as docker writes it.
fn limit(value: u64) -> String {
    if value == u64::MAX { "-1".to_owned() } else { value.to_string() }
}

fn detail(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(": {message}") }
}
