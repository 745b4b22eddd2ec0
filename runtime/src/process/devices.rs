//! `/dev`: docker's devices and links, terminals, shared memory and message queues.
//!
//! The tmpfs itself allows no devices, as no other mount of a sandbox does: those that a container has are bound
//! one by one, so that none that an image brings or `mknod(2)` makes can be opened. Docker's device cgroup does that,
//! which costs a group a container.

use std::{ffi::CString, os::fd::OwnedFd, path::Path};

use rustix::{
    fs::{Dev, FileType, Mode, OFlags, fstat, makedev, mkdirat, mknodat, openat, symlinkat},
    io::Errno,
    mount::MountAttrFlags,
};

use super::{
    Security, Spec,
    failure::kernel,
    file_system::{FileSystem, NOTHING_SPECIAL, NoSwap, tmpfs},
    mount_points::MountPoints,
    mounts::{PlannedMount, Source},
    private::Private,
    requested::copy_of_host,
};
use crate::{Error, Result, userns::Ids};

static MQUEUE: FileSystem = FileSystem { kind: c"mqueue", options: &[], attributes: NOTHING_SPECIAL };
static PTS: FileSystem = FileSystem {
    kind: c"devpts",
    options: &[(c"ptmxmode", c"0666"), (c"mode", c"0620"), (c"gid", c"5")],
    attributes: MountAttrFlags::MOUNT_ATTR_NOSUID.union(MountAttrFlags::MOUNT_ATTR_NOEXEC),
};
/// [`PTS`] where the group 5 does not exist in the user namespace.
static PTS_WITHOUT_GROUP: FileSystem =
    FileSystem { kind: c"devpts", options: &[(c"ptmxmode", c"0666"), (c"mode", c"0620")], attributes: PTS.attributes };

/// Docker's size of `/dev`, and of `/dev/shm` where nothing else is asked for.
const DEFAULT_SIZE: u64 = 64 * 1024 * 1024;

/// Character devices of every container: name, major and minor number (`Documentation/admin-guide/devices.txt`).
pub(super) const DEVICES: [(&str, u32, u32); 6] =
    [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)];

/// Character devices that BuildKit adds to an insecure step.
const INSECURE_DEVICES: [(&str, u32, u32); 6] = [
    ("kmsg", 1, 11),
    ("net/tun", 10, 200),
    ("cuse", 10, 203),
    ("fuse", 10, 229),
    ("kvm", 10, 232),
    ("loop-control", 10, 237),
];

/// Block devices `loop0` and up, of the major number 7, that an insecure step has.
const LOOPS: u32 = 128;

const LINKS: [(&str, &str); 6] = [
    ("/proc/self/fd", "fd"),
    ("/proc/self/fd/0", "stdin"),
    ("/proc/self/fd/1", "stdout"),
    ("/proc/self/fd/2", "stderr"),
    ("/proc/kcore", "core"),
    ("pts/ptmx", "ptmx"),
];

/// Adds `/dev` and what is mounted in it to `list`.
pub(super) fn prepare(
    spec: &Spec,
    terminal: bool,
    ids: Ids,
    pts: &OwnedFd,
    private: &Private,
    points: &mut MountPoints<'_>,
    list: &mut Vec<PlannedMount>,
) -> Result<()> {
    let target = points.ordinary_directory("dev")?;
    let failed = |errno: Errno| kernel("fill", "/dev", errno);
    let insecure = spec.security == Security::Insecure;
    let mut attributes = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_STRICTATIME;
    attributes.set(MountAttrFlags::MOUNT_ATTR_NODEV, !insecure);
    let dev =
        tmpfs(Some(DEFAULT_SIZE), 0o755, NoSwap::No, attributes).map_err(|errno| kernel("mount", "/dev", errno))?;
    for name in ["pts", "mqueue", "shm"] {
        mkdirat(&dev, name, Mode::from_raw_mode(0o755)).map_err(failed)?;
    }
    for (to, name) in LINKS {
        symlinkat(to, &dev, name).map_err(failed)?;
    }
    let mut devices = Vec::with_capacity(DEVICES.len());
    for (name, major, minor) in DEVICES {
        let number = makedev(major, minor);
        touch(&dev, name).map_err(failed)?;
        let source = match ids {
            Ids::All => private.device(name, number).map_err(failed)?,
            // who is root of a user namespace cannot make any
            _ => Source::Detached(host_device(name, number)?),
        };
        devices.push(PlannedMount::new(source, within_dev(name)?));
    }
    if insecure && ids == Ids::All {
        insecure_devices(&dev).map_err(failed)?;
    }
    if terminal {
        touch(&dev, "console").map_err(failed)?;
    }
    points.will_hold(&target, share(&dev, "/dev")?);
    list.push(PlannedMount::new(Source::Detached(dev), target));
    list.extend(devices);
    list.push(PlannedMount::new(Source::Detached(share(pts, "/dev/pts")?), c"dev/pts".into()));
    list.push(PlannedMount::new(Source::New(&MQUEUE), c"dev/mqueue".into()).optional());
    let shm_size = spec.limits.shm_size.filter(|size| *size > 0).unwrap_or(DEFAULT_SIZE);
    let shm = tmpfs(Some(shm_size), 0o1777, NoSwap::No, NOTHING_SPECIAL)
        .map_err(|errno| kernel("mount", "/dev/shm", errno))?;
    points.will_hold(c"dev/shm", share(&shm, "/dev/shm")?);
    list.push(PlannedMount::new(Source::Detached(shm), c"dev/shm".into()));
    if terminal {
        // the first terminal of a new devpts instance
        let first = Source::Within(c"dev/pts/0".into());
        list.push(PlannedMount::new(first, c"dev/console".into()));
    }
    Ok(())
}

/// The container's own devpts, detached.
pub(super) fn make_pts() -> Result<OwnedFd> {
    PTS.make().or_else(|error| match error {
        // the kernel refuses a group that the user namespace does not map
        Error::Kernel { ref source, .. } if source.kind() == std::io::ErrorKind::InvalidInput => {
            PTS_WITHOUT_GROUP.make()
        }
        other => Err(other),
    })
}

fn insecure_devices(dev: &OwnedFd) -> Result<(), Errno> {
    mkdirat(dev, "net", Mode::from_raw_mode(0o755))?;
    let mode = Mode::from_raw_mode(0o600);
    for (name, major, minor) in INSECURE_DEVICES {
        mknodat(dev, name, FileType::CharacterDevice, mode, makedev(major, minor))?;
    }
    for number in 0..LOOPS {
        mknodat(dev, format!("loop{number}"), FileType::BlockDevice, mode, makedev(7, number))?;
    }
    Ok(())
}

/// The host's device, verified: who controls `/dev` outside must not choose what `/dev/null` is inside
/// (CVE-2025-31133).
fn host_device(name: &str, number: Dev) -> Result<OwnedFd> {
    let path = Path::new("/dev").join(name);
    let device = copy_of_host(&path, false)?;
    let stat = fstat(&device).map_err(|errno| kernel("look at", &path, errno))?;
    let is_device = FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice;
    if is_device && stat.st_rdev == number {
        Ok(device)
    } else {
        Err(Error::MountPoint { path, reason: "the host's device of this name is another one" })
    }
}

fn share(mount: &OwnedFd, path: &str) -> Result<OwnedFd> {
    mount.try_clone().map_err(|source| kernel("share", path, source))
}

fn within_dev(name: &str) -> Result<CString> {
    CString::new(format!("dev/{name}")).map_err(|_| kernel("name", name, Errno::INVAL))
}

fn touch(directory: &OwnedFd, name: &str) -> Result<(), Errno> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
    openat(directory, name, flags, Mode::from_raw_mode(0o644)).map(drop)
}
