//! Whether this process may make namespaces and mount in them, found out by doing it once.

use std::{fs, io, sync::OnceLock};

use nix::sched::{CloneFlags, unshare};
use rustix::{
    fs::CWD,
    io::Errno,
    mount::{MountAttrFlags, MountPropagationFlags, MoveMountFlags, mount_change, move_mount},
    process::{Pid, WaitId, WaitIdOptions, waitid},
    thread::{CapabilitySet, capabilities},
};

use super::{Isolation, file_system, mounts};
use crate::{Error, Result, sys};

impl Isolation {
    /// The isolation that is `asked_for`; else namespaces, or `chroot(2)` where this process can have those not and that
    /// yes: with why not, to be told once to who would rather have namespaces.
    pub fn choose(asked_for: Option<Self>) -> (Self, Option<&'static Error>) {
        match (asked_for, Self::refusal()) {
            (Some(isolation), _) => (isolation, None),
            // who cannot have either is told so when it is tried
            (None, Some(refusal)) if may_chroot() => (Self::Chroot, Some(refusal)),
            (None, _) => (Self::Namespaces, None),
        }
    }

    /// Why this process cannot have [`Namespaces`](Self::Namespaces), if it cannot. It is tried once.
    pub fn refusal() -> Option<&'static Error> {
        static REFUSAL: OnceLock<Option<Error>> = OnceLock::new();
        REFUSAL.get_or_init(|| if is_unfettered() { None } else { try_namespaces().err() }).as_ref()
    }
}

fn may_chroot() -> bool {
    permitted().is_some_and(|permitted| permitted.contains(CapabilitySet::SYS_CHROOT))
}

fn permitted() -> Option<CapabilitySet> {
    capabilities(None::<Pid>).ok().map(|sets| sets.permitted)
}

/// Whether nothing can be in the way: then nothing has to be tried.
fn is_unfettered() -> bool {
    let is_unfiltered = fs::read_to_string("/proc/self/status")
        .is_ok_and(|status| status.lines().any(|line| line.split_whitespace().eq(["Seccomp:", "0"])));
    // of AppArmor; elsewhere there is no such file, or it is not to be read
    let is_confined = fs::read_to_string("/proc/self/attr/current").is_ok_and(|label| !label.starts_with("unconfined"));
    is_unfiltered && !is_confined && permitted().is_some_and(|permitted| permitted.contains(CapabilitySet::SYS_ADMIN))
}

/// What the first process of a container does first, done by one that then ends.
fn try_namespaces() -> Result<()> {
    let failed = |source: io::Error| Error::kernel("make", "namespaces and mounts in them")(source);
    let namespaces = libc::CLONE_NEWPID | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS;
    // error numbers of the kernel fit into an exit status
    let child = sys::process::spawn(namespaces, &|| match try_mounts() {
        Ok(()) => sys::process::exit(0),
        Err(errno) => sys::process::exit(errno.raw_os_error()),
    })
    .map_err(failed)?;
    loop {
        match waitid(WaitId::Pid(child.pid), WaitIdOptions::EXITED) {
            Err(Errno::INTR) => {}
            Err(errno) => return Err(failed(errno.into())),
            Ok(status) => {
                return match status.and_then(|status| status.exit_status()) {
                    Some(0) => Ok(()),
                    Some(errno) => Err(failed(io::Error::from_raw_os_error(errno))),
                    // killed: a filter may do that
                    None => Err(failed(Errno::PERM.into())),
                };
            }
        }
    }
}

/// Runs in the child: no allocation.
fn try_mounts() -> Result<(), Errno> {
    unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWCGROUP)
        .map_err(|errno| Errno::from_raw_os_error(errno as i32))?;
    mount_change(c"/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)?;
    mounts::PROC.make_detached()?;
    let tmpfs = file_system::FileSystem { kind: c"tmpfs", options: &[], attributes: MountAttrFlags::empty() };
    move_mount(tmpfs.make_detached()?, c"", CWD, c"/", MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
}
