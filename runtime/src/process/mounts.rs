//! What is mounted in a container besides its root filesystem, as docker has it: `/proc`, `/sys`, `/dev`, the
//! private `/etc/hosts` and `/etc/resolv.conf`, what is masked and what is read-only, and the caller's binds.
//!
//! All that can be made outside the container's namespaces is made here, as detached mounts; the rest is
//! left to the container's first process as [`Source::New`].

use std::{
    ffi::{CStr, CString},
    fs,
    io::{self, Read as _, Write as _},
    os::fd::{AsFd, OwnedFd},
    path::Path,
};

use rustix::{
    fs::{CWD, Dev, FileType, Mode, OFlags, fstat, makedev, mkdirat, mknodat, openat, symlinkat},
    io::Errno,
    mount::{
        FsMountFlags, FsOpenFlags, MountAttrFlags, OpenTreeFlags, fsconfig_create, fsconfig_set_string, fsmount,
        fsopen, open_tree,
    },
};

use super::{
    Bind, Network, Spec,
    failure::kernel,
    mount_points::{Kind, MountPoints},
};
use crate::{
    Error, Result,
    sys::{self, mount::MountChange},
};

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
    /// A file of the private tmpfs.
    Private(&'static CStr),
    /// A clone of something that is mounted in the container already.
    Within(CString),
    /// Nothing: an empty directory over a directory, the null device over anything else.
    Mask,
}

/// How to make a file system.
pub(super) struct FileSystem {
    pub(super) kind: &'static CStr,
    pub(super) options: &'static [(&'static CStr, &'static CStr)],
    pub(super) attributes: MountAttrFlags,
}

const NOTHING_SPECIAL: MountAttrFlags =
    MountAttrFlags::MOUNT_ATTR_NOSUID.union(MountAttrFlags::MOUNT_ATTR_NODEV).union(MountAttrFlags::MOUNT_ATTR_NOEXEC);

static PROC: FileSystem = FileSystem { kind: c"proc", options: &[], attributes: NOTHING_SPECIAL };
static SYSFS: FileSystem =
    FileSystem { kind: c"sysfs", options: &[], attributes: NOTHING_SPECIAL.union(MountAttrFlags::MOUNT_ATTR_RDONLY) };
static CGROUP: FileSystem =
    FileSystem { kind: c"cgroup2", options: &[], attributes: NOTHING_SPECIAL.union(MountAttrFlags::MOUNT_ATTR_RDONLY) };
static MQUEUE: FileSystem = FileSystem { kind: c"mqueue", options: &[], attributes: NOTHING_SPECIAL };
static DEV: FileSystem = FileSystem {
    kind: c"tmpfs",
    options: &[(c"mode", c"755"), (c"size", c"65536k")],
    attributes: MountAttrFlags::MOUNT_ATTR_NOSUID.union(MountAttrFlags::MOUNT_ATTR_STRICTATIME),
};
static PTS: FileSystem = FileSystem {
    kind: c"devpts",
    options: &[(c"ptmxmode", c"0666"), (c"mode", c"0620"), (c"gid", c"5")],
    attributes: MountAttrFlags::MOUNT_ATTR_NOSUID.union(MountAttrFlags::MOUNT_ATTR_NOEXEC),
};
/// [`PTS`] where the group 5 does not exist in the user namespace.
static PTS_WITHOUT_GROUP: FileSystem =
    FileSystem { kind: c"devpts", options: &[(c"ptmxmode", c"0666"), (c"mode", c"0620")], attributes: PTS.attributes };
static SHM: FileSystem =
    FileSystem { kind: c"tmpfs", options: &[(c"mode", c"1777"), (c"size", c"65536k")], attributes: NOTHING_SPECIAL };
static PRIVATE: FileSystem =
    FileSystem { kind: c"tmpfs", options: &[(c"mode", c"755"), (c"size", c"1m")], attributes: NOTHING_SPECIAL };

/// Character devices of every container: name, major and minor number (`Documentation/admin-guide/devices.txt`).
const DEVICES: [(&str, u32, u32); 6] =
    [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)];

const DEV_LINKS: [(&str, &str); 6] = [
    ("/proc/self/fd", "fd"),
    ("/proc/self/fd/0", "stdin"),
    ("/proc/self/fd/1", "stdout"),
    ("/proc/self/fd/2", "stderr"),
    ("/proc/kcore", "core"),
    ("pts/ptmx", "ptmx"),
];

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

/// A resolv.conf beyond this is not one.
const MAX_RESOLV_CONF: u64 = 1024 * 1024;

/// The name of the empty directory in the private tmpfs that masks directories.
pub(super) const EMPTY: &CStr = c"empty";

/// All mounts of a container, and what they need.
pub(super) struct Mounts {
    pub(super) list: Vec<PlannedMount>,
    /// A detached tmpfs holding `empty` and the files that are bound into the container.
    pub(super) private: OwnedFd,
    /// The container's own devpts, detached.
    pub(super) pts: OwnedFd,
}

/// Makes the detached mounts and the mount points, and lists what is mounted where.
pub(super) fn prepare(
    spec: &Spec,
    terminal: bool,
    in_user_namespace: bool,
    points: &mut MountPoints<'_>,
) -> Result<Mounts> {
    let mut list = Vec::new();
    let proc = points.ordinary_directory("proc")?;
    list.push(PlannedMount::new(Source::New(&PROC), proc));
    list.push(PlannedMount::new(sys_source(spec.network, in_user_namespace)?, points.ordinary_directory("sys")?));
    list.push(PlannedMount::new(Source::New(&CGROUP), c"sys/fs/cgroup".into()).optional());

    let pts = make_pts()?;
    dev_mounts(in_user_namespace, terminal, &pts, points, &mut list)?;
    list.extend(protections());

    let private = make(&PRIVATE)?;
    mkdirat(&private, EMPTY, Mode::from_raw_mode(0o555))
        .map_err(|errno| kernel("make a directory in", "a private tmpfs", errno))?;
    let mut last = binds(&spec.binds, points)?;
    if spec.hosts {
        last.extend(network_files(spec, &private, points)?);
    }
    // a mount on a directory must not hide one made beneath it before
    last.sort_by_key(|mount| mount.target.as_bytes().split(|byte| *byte == b'/').count());
    list.extend(last);
    Ok(Mounts { list, private, pts })
}

impl PlannedMount {
    fn new(source: Source, target: CString) -> Self {
        Self { source, target, read_only: false, optional: false }
    }

    fn optional(self) -> Self {
        Self { optional: true, ..self }
    }
}

/// A sysfs of one's own needs a network namespace of one's own; a user namespace that shares the host's
/// network can only show the host's, which is bound then.
fn sys_source(network: Network, in_user_namespace: bool) -> Result<Source> {
    if network == Network::None || !in_user_namespace {
        return Ok(Source::New(&SYSFS));
    }
    clone_tree(Path::new("/sys"), true).map(Source::Detached)
}

fn dev_mounts(
    in_user_namespace: bool,
    terminal: bool,
    pts: &OwnedFd,
    points: &mut MountPoints<'_>,
    list: &mut Vec<PlannedMount>,
) -> Result<()> {
    let target = points.ordinary_directory("dev")?;
    let dev = make(&DEV)?;
    let failed = |errno: Errno| kernel("fill", "/dev", errno);
    for name in ["pts", "mqueue", "shm"] {
        mkdirat(&dev, name, Mode::from_raw_mode(0o755)).map_err(failed)?;
    }
    for (to, name) in DEV_LINKS {
        symlinkat(to, &dev, name).map_err(failed)?;
    }
    let mut devices = Vec::new();
    for (name, major, minor) in DEVICES {
        if in_user_namespace {
            touch(&dev, name).map_err(failed)?;
            devices.push((name, host_device(name, makedev(major, minor))?));
        } else {
            let mode = Mode::from_raw_mode(0o666);
            mknodat(&dev, name, FileType::CharacterDevice, mode, makedev(major, minor)).map_err(failed)?;
            rustix::fs::chmodat(&dev, name, mode, rustix::fs::AtFlags::empty()).map_err(failed)?;
        }
    }
    if terminal {
        touch(&dev, "console").map_err(failed)?;
    }
    points.will_hold(&target, share(&dev, "/dev")?);
    list.push(PlannedMount::new(Source::Detached(dev), target));
    for (name, tree) in devices {
        list.push(PlannedMount::new(Source::Detached(tree), within_dev(name)?));
    }
    let pts = pts.try_clone().map_err(|source| kernel("share", "/dev/pts", source))?;
    list.push(PlannedMount::new(Source::Detached(pts), c"dev/pts".into()));
    list.push(PlannedMount::new(Source::New(&MQUEUE), c"dev/mqueue".into()).optional());
    let shm = make(&SHM)?;
    points.will_hold(c"dev/shm", share(&shm, "/dev/shm")?);
    list.push(PlannedMount::new(Source::Detached(shm), c"dev/shm".into()));
    if terminal {
        // the first terminal of a new devpts instance
        let first = Source::Within(c"dev/pts/0".into());
        list.push(PlannedMount::new(first, c"dev/console".into()));
    }
    Ok(())
}

fn share(mount: &OwnedFd, path: &str) -> Result<OwnedFd> {
    mount.try_clone().map_err(|source| kernel("share", path, source))
}

fn within_dev(name: &str) -> Result<CString> {
    CString::new(format!("dev/{name}")).map_err(|_| kernel("name", name, Errno::INVAL))
}

/// The host's device, verified: who controls `/dev` outside must not choose what `/dev/null` is inside
/// (CVE-2025-31133).
fn host_device(name: &str, number: Dev) -> Result<OwnedFd> {
    let path = Path::new("/dev").join(name);
    let device = clone_tree(&path, false)?;
    let stat = fstat(&device).map_err(|errno| kernel("look at", &path, errno))?;
    let is_device = FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice;
    if is_device && stat.st_rdev == number {
        Ok(device)
    } else {
        Err(Error::MountPoint { path, reason: "the host's device of this name is another one" })
    }
}

fn make_pts() -> Result<OwnedFd> {
    make(&PTS).or_else(|error| match error {
        // the kernel refuses a group that the user namespace does not map
        Error::Kernel { ref source, .. } if source.kind() == io::ErrorKind::InvalidInput => make(&PTS_WITHOUT_GROUP),
        other => Err(other),
    })
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

fn binds(binds: &[Bind], points: &mut MountPoints<'_>) -> Result<Vec<PlannedMount>> {
    let mut list = Vec::new();
    for bind in binds {
        let tree = clone_tree(&bind.source, bind.read_only)?;
        let stat = fstat(&tree).map_err(|errno| kernel("look at", &bind.source, errno))?;
        let is_directory = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        let kind = if is_directory { Kind::Directory } else { Kind::File };
        let target = points.place(&bind.destination, kind)?;
        if is_directory {
            // a writable one, in case that another bind's mount point has to be made in it
            points.will_hold(&target, clone_tree(&bind.source, false)?);
        }
        list.push(PlannedMount::new(Source::Detached(tree), target));
    }
    Ok(list)
}

/// Private copies of the two files that docker gives to every container, so that what is written to them
/// reaches neither the image nor the host.
fn network_files(spec: &Spec, private: &OwnedFd, points: &mut MountPoints<'_>) -> Result<Vec<PlannedMount>> {
    let hosts = format!("127.0.0.1\tlocalhost {}\n::1\tlocalhost ip6-localhost ip6-loopback\n", spec.hostname);
    let resolv_conf = Path::new("/etc/resolv.conf");
    let mut servers = Vec::new();
    match fs::File::open(resolv_conf) {
        Ok(file) => file.take(MAX_RESOLV_CONF).read_to_end(&mut servers).map(drop),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
    .map_err(|source| kernel("read", resolv_conf, source))?;
    let mut list = Vec::new();
    for (name, path, content) in
        [(c"hosts", "/etc/hosts", hosts.as_bytes()), (c"resolv.conf", "/etc/resolv.conf", servers.as_slice())]
    {
        write_file(private, name, content).map_err(|source| kernel("make", path, source))?;
        let target = points.place(Path::new(path), Kind::File)?;
        list.push(PlannedMount::new(Source::Private(name), target));
    }
    Ok(list)
}

fn write_file(directory: &OwnedFd, name: &CStr, content: &[u8]) -> io::Result<()> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
    let file = openat(directory, name, flags, Mode::from_raw_mode(0o644))?;
    rustix::fs::fchmod(&file, Mode::from_raw_mode(0o644))?;
    fs::File::from(file).write_all(content)
}

fn touch(directory: &OwnedFd, name: &str) -> Result<(), Errno> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
    openat(directory, name, flags, Mode::from_raw_mode(0o644)).map(drop)
}

/// A detached copy of the host's mounts at a path, private to the container.
fn clone_tree(path: &Path, read_only: bool) -> Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
    let failed = |errno: Errno| kernel("bind", path, errno);
    let tree = open_tree(CWD, path, flags).map_err(failed)?;
    let change = MountChange { read_only, private: true, recursive: true };
    sys::mount::set(tree.as_fd(), change).map_err(failed)?;
    Ok(tree)
}

fn make(file_system: &'static FileSystem) -> Result<OwnedFd> {
    make_detached(file_system).map_err(|errno| kernel("mount", file_system.kind.to_string_lossy().as_ref(), errno))
}

/// Makes a file system as a detached mount. Also called in the container's first process: no allocation.
pub(super) fn make_detached(file_system: &FileSystem) -> Result<OwnedFd, Errno> {
    let context = fsopen(file_system.kind, FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_set_string(context.as_fd(), c"source", file_system.kind)?;
    for (key, value) in file_system.options {
        fsconfig_set_string(context.as_fd(), *key, *value)?;
    }
    fsconfig_create(context.as_fd())?;
    fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, file_system.attributes)
}
