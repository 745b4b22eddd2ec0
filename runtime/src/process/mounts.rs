//! What is mounted in a container besides its root filesystem, as docker has it: `/proc`, `/sys`, `/dev`, the
//! private `/etc/hosts` and `/etc/resolv.conf`, what is masked and what is read-only, and the caller's binds.
//!
//! All that can be made outside the container's namespaces is made here, as detached mounts; the rest is
//! left to the container's first process as [`Source::New`].

use std::{
    ffi::{CStr, CString},
    os::fd::OwnedFd,
    path::Path,
};

use rustix::mount::MountAttrFlags;

use super::{
    Network, Security, Spec, devices,
    file_system::{FileSystem, NOTHING_SPECIAL},
    hosts,
    mount_points::{Kind, MountPoints},
    private::Private,
    requested,
};
use crate::{Result, sys::mount::MountChange, userns::Ids};

/// One mount of the plan. They are made in order.
pub(super) struct PlannedMount {
    pub(super) source: Source,
    /// Relative to the container's root, without links.
    pub(super) target: CString,
    /// Makes the mount read-only after it was taken from its source.
    pub(super) read_only: bool,
    /// Whether a kernel that has no such thing, or no such target, is fine.
    pub(super) optional: bool,
}

/// Where a mount comes from.
pub(super) enum Source {
    /// A new file system, which must be made inside the container's namespaces.
    New(&'static FileSystem),
    /// A detached mount that is ready.
    Detached(OwnedFd),
    /// A part of a detached mount, to be copied when that is attached: kernels before 6.15 copy nothing that is mounted
    /// nowhere.
    Part { whole: OwnedFd, found: OwnedFd, change: MountChange },
    /// A file of the private tmpfs.
    Private(CString),
    /// A clone of something that is mounted in the container already.
    Within(CString),
    /// Nothing: an empty directory over a directory, the null device over anything else.
    Mask,
}

pub(super) static PROC: FileSystem = FileSystem { kind: c"proc", options: &[], attributes: NOTHING_SPECIAL };
static WRITABLE_SYSFS: FileSystem = FileSystem { kind: c"sysfs", options: &[], attributes: NOTHING_SPECIAL };
static SYSFS: FileSystem = read_only(&WRITABLE_SYSFS);
static WRITABLE_CGROUP: FileSystem = FileSystem { kind: c"cgroup2", options: &[], attributes: NOTHING_SPECIAL };
static CGROUP: FileSystem = read_only(&WRITABLE_CGROUP);

const fn read_only(file_system: &FileSystem) -> FileSystem {
    FileSystem {
        kind: file_system.kind,
        options: file_system.options,
        attributes: file_system.attributes.union(MountAttrFlags::MOUNT_ATTR_RDONLY),
    }
}

/// Docker's masked paths (moby `oci/defaults.go`).
const MASKED: [&CStr; 11] = [
    c"proc/acpi",
    c"proc/asound",
    c"proc/interrupts",
    c"proc/kcore",
    c"proc/keys",
    c"proc/latency_stats",
    c"proc/sched_debug",
    c"proc/scsi",
    c"proc/timer_list",
    c"proc/timer_stats",
    c"sys/firmware",
];
/// The rest of them, which are only there where the hardware is.
const MASKED_POWER: &CStr = c"sys/devices/virtual/powercap";

/// Docker's read-only paths.
const READ_ONLY: [&CStr; 5] = [c"proc/bus", c"proc/fs", c"proc/irq", c"proc/sys", c"proc/sysrq-trigger"];

/// All mounts of a container, and what they need.
pub(super) struct Mounts {
    pub(super) list: Vec<PlannedMount>,
    /// The tmpfs of [`Source::Private`], detached.
    pub(super) private: OwnedFd,
    /// The container's own devpts, detached.
    pub(super) pts: OwnedFd,
}

/// Makes the detached mounts and the mount points, and lists what is mounted where.
pub(super) fn prepare(spec: &Spec, terminal: bool, ids: Ids, points: &mut MountPoints<'_>) -> Result<Mounts> {
    let insecure = spec.security == Security::Insecure;
    let mut list = Vec::new();
    let proc = points.ordinary_directory("proc")?;
    list.push(PlannedMount::new(Source::New(&PROC), proc));
    list.push(PlannedMount::new(sys_source(spec, ids)?, points.ordinary_directory("sys")?));
    let cgroup = if insecure { &WRITABLE_CGROUP } else { &CGROUP };
    list.push(PlannedMount::new(Source::New(cgroup), c"sys/fs/cgroup".into()).optional());

    let pts = devices::make_pts()?;
    let mut private = Private::new(&spec.mounts, ids)?;
    devices::prepare(spec, terminal, ids, &pts, &private, points, &mut list)?;
    if !insecure {
        list.extend(protections());
    }
    let mut last = requested::prepare(&spec.mounts, &mut private, points)?;
    if spec.hosts {
        last.extend(network_files(spec, &mut private, points)?);
    }
    // a mount on a directory must not hide one made beneath it before
    last.sort_by_key(|mount| mount.target.as_bytes().split(|byte| *byte == b'/').count());
    list.extend(last);
    Ok(Mounts { list, private: private.into_mount(), pts })
}

impl PlannedMount {
    pub(super) fn new(source: Source, target: CString) -> Self {
        Self { source, target, read_only: false, optional: false }
    }

    pub(super) fn optional(self) -> Self {
        Self { optional: true, ..self }
    }
}

/// A sysfs of one's own needs a network namespace of one's own; a user namespace that shares the host's
/// network can only show the host's, which is bound then.
fn sys_source(spec: &Spec, ids: Ids) -> Result<Source> {
    let writable = spec.security == Security::Insecure;
    if spec.network == Network::None || ids == Ids::All {
        return Ok(Source::New(if writable { &WRITABLE_SYSFS } else { &SYSFS }));
    }
    requested::copy_of_host(Path::new("/sys"), !writable).map(Source::Detached)
}

/// Masked and read-only paths. They come before the caller's binds, so that what they cover is the kernel's
/// own file system for certain.
fn protections() -> impl Iterator<Item = PlannedMount> {
    let masked = MASKED
        .into_iter()
        .map(CString::from)
        .chain(hardware_masks())
        .map(|path| PlannedMount { read_only: true, ..PlannedMount::new(Source::Mask, path).optional() });
    let read_only = READ_ONLY.into_iter().map(|path| PlannedMount {
        read_only: true,
        ..PlannedMount::new(Source::Within(path.into()), path.into()).optional()
    });
    masked.chain(read_only)
}

/// Paths under /sys that tell about power, and by it about what other programs compute (CVE-2020-8694).
fn hardware_masks() -> Vec<CString> {
    let mut masks = vec![CString::from(MASKED_POWER)];
    for cpu in 0.. {
        let path = format!("sys/devices/system/cpu/cpu{cpu}/thermal_throttle");
        if !Path::new("/").join(&path).exists() {
            break;
        }
        masks.extend(CString::new(path));
    }
    masks
}

/// Private copies of the two files that docker gives to every container, so that what is written to them
/// reaches neither the image nor the host.
fn network_files(spec: &Spec, private: &mut Private, points: &mut MountPoints<'_>) -> Result<Vec<PlannedMount>> {
    let mount = |(path, content): (&str, Vec<u8>)| {
        let path = Path::new(path);
        let source = private.file(path, &content, 0o644)?;
        Ok(PlannedMount::new(source, points.place(path, Kind::File)?))
    };
    hosts::files(spec)?.into_iter().map(mount).collect()
}
