//! Control groups: a leaf group for a container that has a limit which only a group can hold, and none for others, to
//! which they would cost time.
//!
//! ```text
//! Limits ─► settings ─► where the controllers are: v2 or v1, per controller ─► leaf groups ─► limits written
//!                                                      the first process enters them before all else ◄──┘
//! ```
//!
//! Groups have names such as `strata-<pid>-<number>`. They are removed after the container's end; what a killed process
//! left is swept when the next group is made beside it.

mod hierarchy;
mod settings;

use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io,
    os::fd::{AsFd as _, BorrowedFd},
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::Duration,
};

use self::{
    hierarchy::{Hierarchies, Version},
    settings::Setting,
};
use super::Limits;
use crate::{Error, Result};

/// What our groups' names begin with.
const PREFIX: &str = "strata-";

/// Tries to remove a group whose last process may still be on its way out of it.
const TRIES: u32 = 500;
const BETWEEN_TRIES: Duration = Duration::from_millis(2);

/// Why a limit cannot be had.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LimitFailure {
    /// No hierarchy of groups that is mounted has the controller.
    NoController {
        /// Its name.
        controller: &'static str,
    },
    /// Groups with the controller may not be made where this process is.
    Forbidden {
        /// The controller's name.
        controller: &'static str,
        /// The group in which one was to be made.
        directory: PathBuf,
    },
    /// The controller cannot be enabled, since the group has processes of its own.
    Busy {
        /// The controller's name.
        controller: &'static str,
        /// The group.
        directory: PathBuf,
    },
    /// The kernel does not count what is to be limited.
    NotCounted {
        /// The file of the group that is not there.
        file: &'static str,
    },
    /// The value makes no sense.
    Value {
        /// Why not.
        reason: &'static str,
    },
}

impl fmt::Display for LimitFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoController { controller } => {
                write!(f, "no mounted cgroup hierarchy has the controller {controller} (see /proc/cgroups)")
            }
            Self::Forbidden { controller, directory } => write!(
                f,
                "no group with the controller {controller} may be made in {}: be root, or have it delegated, as by \
                 systemd-run --user --scope --property=Delegate=yes",
                directory.display()
            ),
            Self::Busy { controller, directory } => write!(
                f,
                "the controller {controller} cannot be enabled in {}, which has processes of its own",
                directory.display()
            ),
            Self::NotCounted { file } => write!(f, "the kernel has no {file} (it counts swap with swapaccount=1)"),
            Self::Value { reason } => f.write_str(reason),
        }
    }
}

/// The groups of one container, removed when this is dropped.
#[derive(Debug, Default)]
pub(super) struct Groups(Vec<Group>);

/// A leaf group in one hierarchy.
#[derive(Debug)]
struct Group {
    path: PathBuf,
    /// Who writes `0` here enters the group.
    entrance: File,
}

impl Groups {
    /// Makes the groups that `limits` need.
    pub(super) fn new(limits: &Limits) -> Result<Self> {
        let mut groups = Self::default();
        let settings = settings::of(limits)?;
        if settings.is_empty() {
            return Ok(groups);
        }
        let hierarchies = Hierarchies::find()?;
        let number = next_number();
        for version in [Version::One, Version::Two] {
            let of_version = |setting: &&Setting| hierarchies.version_of(setting.controller) == Some(version);
            let mut rest: Vec<&Setting> = settings.iter().filter(of_version).collect();
            while let Some(first) = rest.first() {
                // one group for all settings whose controllers are in the same hierarchy
                let parent = hierarchies.directory(version, first)?;
                let (here, others): (Vec<_>, Vec<_>) =
                    rest.iter().partition(|setting| hierarchies.are_together(version, first, setting));
                groups.add(&hierarchies, version, &parent, &here, &number)?;
                rest = others;
            }
        }
        match settings.iter().find(|setting| hierarchies.version_of(setting.controller).is_none()) {
            None => Ok(groups),
            Some(setting) => Err(setting.failed(LimitFailure::NoController { controller: setting.controller })),
        }
    }

    fn add(
        &mut self,
        hierarchies: &Hierarchies,
        version: Version,
        parent: &Path,
        settings: &[&Setting],
        name: &str,
    ) -> Result<()> {
        let path = match version {
            Version::One => hierarchy::make_in(parent, name, settings)?,
            Version::Two => hierarchies.make_enabled(parent, name, settings)?,
        };
        if let Some(parent) = path.parent() {
            sweep(parent);
        }
        let entrance = OpenOptions::new().write(true).open(path.join("cgroup.procs"));
        let entrance = entrance.map_err(|source| {
            // best effort: the error is about something else
            let _ = fs::remove_dir(&path);
            Error::kernel("open", path.join("cgroup.procs").display())(source)
        })?;
        self.0.push(Group { path: path.clone(), entrance });
        if version == Version::One && settings.iter().any(|setting| setting.controller == "cpuset") {
            inherit_cpuset(&path)?;
        }
        settings.iter().try_for_each(|setting| setting.write(&path, version))
    }

    /// The files in which the first process writes `0` to enter the groups.
    pub(super) fn entrances(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.0.iter().map(|group| group.entrance.as_fd())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for _ in 0..TRIES {
            match fs::remove_dir(&self.path) {
                Err(error) if error.kind() == io::ErrorKind::ResourceBusy => thread::sleep(BETWEEN_TRIES),
                // gone; or the next process to make a group here tries again
                _ => return,
            }
        }
    }
}

fn next_number() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(1);
    format!("{PREFIX}{}-{}", process::id(), NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// A group of v1's cpuset takes no process before it has processors and memory nodes: those of its parent.
fn inherit_cpuset(group: &Path) -> Result<()> {
    let parent = group.parent().unwrap_or(group);
    for file in ["cpuset.cpus", "cpuset.mems"] {
        fs::read(parent.join(file))
            .and_then(|value| fs::write(group.join(file), value))
            .map_err(Error::kernel("set", group.join(file).display()))?;
    }
    Ok(())
}

/// Removes the groups of processes that are no more. What cannot be removed is in use.
fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split('-').next()?.parse::<u32>().ok());
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists()) {
            let _ = fs::remove_dir(entry.path());
        }
    }
}
