//! A process apart from the machine by `chroot(2)` alone, where the kernel allows neither namespaces nor mounts: as root in
//! a container without privileges.
//!
//! ```text
//! we ─► keeper ─► chroot ─► the command and its children
//!         └ ends when we do, or the command does; then it ends every process that came of it
//! ```
//!
//! What is mounted elsewhere is lent here (see [`loans`]): put into the tree before, and taken out of it afterwards.
//!
//! | what | is |
//! |---|---|
//! | `/proc`, `/sys` | empty directories |
//! | `/dev` | docker's devices and a directory `shm`; no terminals, no links to `/proc` |
//! | processes, IPC, hostname, cgroups | the machine's; processes end with the command all the same |
//! | a read-only mount | a copy; what is written to it is lost |
//! | a writable mount | a copy; what changed is copied back when the command has ended, and not when it is killed |
//! | a tmpfs | a directory on disk without a limit of its size |
//! | a file in memory | a file on disk, with its mode, until the command has ended |
//! | capabilities | docker's, without `CAP_SYS_CHROOT`, with which a process leaves; of the bounding set, as far as we may change it |
//! | system calls | filtered as far as we may load a filter, besides what filters us |
//! | a network of its own, a read-only root | an error |
//! | limits of cgroups | kept where there are cgroups that we may use, an error elsewhere |
//!
//! It keeps nobody from the machine who is root and wants to get there: `chroot` was never a wall against root. The wall is
//! the container that all of this runs in.

mod keeper;
mod loans;

use std::os::fd::{BorrowedFd, OwnedFd};

use nix::sys::signal::{SigSet, SigmaskHow};
use rustix::fs::{CWD, Mode, OFlags, openat};

pub(super) use self::{keeper::END, loans::Loans};
use super::{
    Network, Spec, Stdio,
    failure::kernel,
    mount_points::MountPoints,
    plan::{Guests, Plan, Surroundings},
};
use crate::{Error, Result, sys};

/// Furnishes the tree.
pub(super) fn prepare(root: BorrowedFd<'_>, spec: &Spec) -> Result<Surroundings> {
    refuse(spec)?;
    let pts = match spec.stdio {
        Stdio::Terminal { .. } => Some(open_pts()?),
        Stdio::Inherit { .. } | Stdio::Piped => None,
    };
    let mut points = MountPoints::new(root);
    let loans = loans::lend(root, spec, &mut points)?;
    let root = root.try_clone_to_owned().map_err(|source| kernel("share", "the root filesystem", source))?;
    let guests = Guests { loans: Some(loans), stubs: points.into_stubs() };
    Ok(Surroundings { root, private: None, mounts: Vec::new(), pts, guests })
}

/// Starts the keeper, which starts the command; its pidfd.
pub(super) fn spawn(plan: &Plan, report: BorrowedFd<'_>) -> Result<OwnedFd> {
    let failed = |source: std::io::Error| kernel("make", "the process that keeps the command", source);
    // until it waits for them, no signal may end it: its children would be nobody's
    let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_BLOCK).map_err(|errno| failed(errno.into()))?;
    let child = sys::process::spawn(0, &|| keeper::run(plan, report));
    before.thread_set_mask().map_err(|errno| failed(errno.into()))?;
    Ok(child.map_err(failed)?.pidfd)
}

/// What cannot be kept must not seem to be.
fn refuse(spec: &Spec) -> Result<()> {
    let needs =
        [(spec.network == Network::None, "a step without a network"), (spec.read_only, "a read-only root filesystem")];
    match needs.into_iter().find(|(is_asked_for, _)| *is_asked_for) {
        Some((_, what)) => Err(Error::NeedsNamespaces { what }),
        None => Ok(()),
    }
}

fn open_pts() -> Result<OwnedFd> {
    let path = "/dev/pts";
    openat(CWD, path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .map_err(|errno| kernel("open", path, errno))
}
