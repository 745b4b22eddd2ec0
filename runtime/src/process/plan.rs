//! Everything that a container's first process needs, made before that process is: it may not allocate.

use std::{
    ffi::{CString, OsStr, OsString},
    fs,
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
        unix::ffi::OsStrExt,
    },
    path::{Component, Path},
};

use rustix::{
    fs::{Gid, OFlags, Uid, openat},
    io::{Errno, fcntl_dupfd_cloexec},
    mount::{OpenTreeFlags, open_tree},
    process::{Pid, PidfdFlags, getpid, pidfd_open},
    pty::{OpenptFlags, ioctl_tiocgptpeer, unlockpt},
    thread::{CapabilitySet, capabilities},
};
use strata_image::config::DEFAULT_PATH;

use super::{
    Isolation, Network, Security, Spec, Stdio,
    cgroup::Groups,
    chroot::{self, Loans},
    failure::kernel,
    filter,
    mount_points::{MountPoints, Stubs},
    mounts::{self, PlannedMount, Source},
    rlimits::{self, PlannedLimit},
    terminal::lend_size,
};
use crate::{
    Error, Result, capability,
    sys::{mount::MountChange, process::Strings},
    userns,
};

/// What the first process executes, step by step.
pub(super) struct Plan {
    /// A pidfd of this process, by which the first process sees whether we are still alive.
    pub(super) parent: OwnedFd,
    pub(super) root: OwnedFd,
    /// What the mount of the root filesystem becomes.
    pub(super) root_change: MountChange,
    /// The detached tmpfs of [`mounts::Source::Private`]; `None` for a process that has no namespaces ([`super::chroot`]).
    pub(super) private: Option<OwnedFd>,
    pub(super) mounts: Vec<PlannedMount>,
    pub(super) hostname: Vec<u8>,
    pub(super) loopback: bool,
    pub(super) streams: Streams,
    pub(super) uid: Uid,
    pub(super) gid: Gid,
    /// `None` where the user namespace forbids setting them.
    pub(super) groups: Option<Vec<Gid>>,
    pub(super) capabilities: CapabilitySet,
    /// Whether the other capabilities are taken out of the bounding set.
    pub(super) bounds: bool,
    /// The system call filter, if there is one.
    pub(super) filter: Option<&'static [libc::sock_filter]>,
    pub(super) rlimits: Vec<PlannedLimit>,
    /// Where the first process enters its control groups.
    pub(super) groups_entrances: Vec<OwnedFd>,
    /// The working directory and, before it, each directory on the way there.
    pub(super) working_directory: Vec<CString>,
    /// The paths at which the command may be, in the order of `PATH`.
    pub(super) candidates: Vec<CString>,
    /// Whether `candidates` come from `PATH`.
    pub(super) searched: bool,
    pub(super) args: Strings,
    pub(super) env: Strings,
    /// Every descriptor above, sorted, and that of the report pipe.
    pub(super) descriptors: Vec<RawFd>,
}

impl Plan {
    /// Lists what the first process may not close at once.
    pub(super) fn keep_open(&mut self, report: BorrowedFd<'_>) {
        let Streams { stdin, stdout, stderr, .. } = &self.streams;
        let streams = [stdin, stdout, stderr].into_iter().flatten();
        let mounts = self.mounts.iter().flat_map(|mount| match &mount.source {
            Source::Detached(tree) => [Some(tree), None],
            Source::Part { whole, found, .. } => [Some(whole), Some(found)],
            _ => [None, None],
        });
        let owned = [&self.parent, &self.root].into_iter().chain(&self.private).chain(&self.groups_entrances);
        self.descriptors = owned.chain(streams).chain(mounts.flatten()).map(AsRawFd::as_raw_fd).collect();
        self.descriptors.push(report.as_raw_fd());
        self.descriptors.sort_unstable();
    }
}

/// What becomes the standard streams; `None` leaves the one that there is.
#[derive(Default)]
pub(super) struct Streams {
    pub(super) stdin: Option<OwnedFd>,
    pub(super) stdout: Option<OwnedFd>,
    pub(super) stderr: Option<OwnedFd>,
    /// Makes stdin the controlling terminal.
    pub(super) terminal: bool,
}

/// What stays with us.
#[derive(Default)]
pub(super) struct OurSide {
    /// Where a [`Stdio::Piped`] container's stdout and stderr arrive.
    pub(super) output: Option<(OwnedFd, OwnedFd)>,
    /// Both ends of the container's terminal.
    pub(super) terminal: Option<TerminalPair>,
    /// The container's control groups.
    pub(super) groups: Groups,
}

/// Both ends of a pseudo-terminal.
pub(super) struct TerminalPair {
    pub(super) leader: OwnedFd,
    /// Kept open so that the leader sees no hang-up while the container may still open its terminal.
    pub(super) follower: OwnedFd,
}

/// Checks the specification and makes everything that can be made ahead.
pub(super) fn prepare(root: BorrowedFd<'_>, spec: &Spec) -> Result<(Plan, OurSide, Guests)> {
    let search = search(spec)?;
    let args = c_strings(&spec.args, "argument")?;
    let env = c_strings(&spec.env, "environment variable")?;
    let working_directory = working_directory(&spec.cwd)?;
    let groups = groups(spec)?;
    let rlimits = rlimits::prepare(&spec.limits.ulimits)?;

    let sandbox = spec.security == Security::Sandbox;
    let permitted = permitted()?;
    let capabilities = if sandbox { permitted.intersection(capability::DEFAULT) } else { permitted };
    let is_apart = spec.isolation == Isolation::Namespaces;
    let Surroundings { root, private, mounts, pts, guests } =
        if is_apart { surroundings(root, spec)? } else { chroot::prepare(root, spec)? };
    let (streams, mut ours) = streams(spec, pts.as_ref())?;
    ours.groups = Groups::new(&spec.limits)?;
    let entrances = ours.groups.entrances().map(|entrance| entrance.try_clone_to_owned());
    let entrances = entrances.collect::<Result<_, _>>().map_err(|source| kernel("share", "a control group", source))?;
    let plan = Plan {
        parent: own_pidfd()?,
        root,
        root_change: MountChange { read_only: spec.read_only, no_devices: sandbox, ..MountChange::default() },
        private,
        mounts,
        hostname: spec.hostname.clone().into_bytes(),
        loopback: spec.network == Network::None,
        streams,
        uid: Uid::from_raw(spec.user.uid),
        gid: Gid::from_raw(spec.user.gid),
        groups,
        capabilities: if is_apart { capabilities } else { capabilities.difference(CapabilitySet::SYS_CHROOT) },
        bounds: is_apart || permitted.contains(CapabilitySet::SETPCAP),
        filter: (sandbox && (is_apart || permitted.contains(CapabilitySet::SYS_ADMIN)))
            .then(|| filter::DOCKER.as_slice()),
        rlimits,
        groups_entrances: entrances,
        working_directory,
        candidates: search.candidates,
        searched: search.searched,
        args: Strings::new(args),
        env: Strings::new(env),
        descriptors: Vec::new(),
    };
    Ok((plan, ours, guests))
}

/// What is around a process, one way or the other.
pub(super) struct Surroundings {
    pub(super) root: OwnedFd,
    pub(super) private: Option<OwnedFd>,
    pub(super) mounts: Vec<PlannedMount>,
    /// The terminals of which it may get one.
    pub(super) pts: Option<OwnedFd>,
    pub(super) guests: Guests,
}

/// What is in the root filesystem for the time of the process only.
pub(super) struct Guests {
    // in this order they are dropped
    pub(super) loans: Option<Loans>,
    pub(super) stubs: Stubs,
}

impl Guests {
    /// Sees them off when the process has ended of itself.
    pub(super) fn settle(mut self) -> Result<()> {
        self.loans.map_or(Ok(()), |loans| loans.settle(&mut self.stubs))
    }
}

/// Mounts, and the places for them.
fn surroundings(root: BorrowedFd<'_>, spec: &Spec) -> Result<Surroundings> {
    let terminal = matches!(spec.stdio, Stdio::Terminal { .. });
    let mut points = MountPoints::new(root);
    let mounts = mounts::prepare(spec, terminal, userns::ids(), &mut points)?;
    Ok(Surroundings {
        root: root_mount(root).map_err(|errno| kernel("share", "the root filesystem", errno))?,
        private: Some(mounts.private),
        mounts: mounts.list,
        pts: Some(mounts.pts),
        guests: Guests { loans: None, stubs: points.into_stubs() },
    })
}

/// A mount of the root filesystem for this container alone. Kernels before 6.15 cannot clone a detached
/// mount; there it is the caller's own, which can be given to a container once.
fn root_mount(root: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH;
    match open_tree(root, c"", flags) {
        Err(Errno::INVAL) => fcntl_dupfd_cloexec(root, 0),
        cloned => cloned,
    }
}

fn own_pidfd() -> Result<OwnedFd> {
    pidfd_open(getpid(), PidfdFlags::empty()).map_err(|errno| kernel("watch", "this process", errno))
}

fn permitted() -> Result<CapabilitySet> {
    capabilities(None::<Pid>)
        .map(|sets| sets.permitted)
        .map_err(|errno| kernel("read", "the capabilities of this process", errno))
}

/// All groups of the process, its primary one among them (CVE-2023-25173).
fn groups(spec: &Spec) -> Result<Option<Vec<Gid>>> {
    let path = "/proc/self/setgroups";
    let allowed = fs::read_to_string(path).map_err(|source| kernel("read", path, source))?;
    if allowed.trim_end() == "deny" {
        let wanted = spec.user.groups.iter().any(|gid| *gid != spec.user.gid);
        return if wanted { Err(Error::GroupsForbidden { groups: spec.user.groups.clone() }) } else { Ok(None) };
    }
    let others = spec.user.groups.iter().filter(|gid| **gid != spec.user.gid);
    let all = std::iter::once(&spec.user.gid).chain(others);
    Ok(Some(all.map(|gid| Gid::from_raw(*gid)).collect()))
}

struct Search {
    candidates: Vec<CString>,
    searched: bool,
}

/// Where the command may be: itself when it is a path, else in the directories of the container's `PATH`.
fn search(spec: &Spec) -> Result<Search> {
    let command = spec.args.first().filter(|command| !command.is_empty());
    let command = command.ok_or(Error::NoCommand)?.as_bytes();
    if command.contains(&b'/') {
        return Ok(Search { candidates: vec![c_string(command, "argument")?], searched: false });
    }
    let path = spec.env.iter().find_map(|variable| variable.as_bytes().strip_prefix(b"PATH="));
    let candidates = path
        .unwrap_or(DEFAULT_PATH.as_bytes())
        .split(|byte| *byte == b':')
        .map(|directory| {
            // POSIX: an empty name is the working directory
            let directory = if directory.is_empty() { b".".as_slice() } else { directory };
            c_string(&[directory, command].join(&b'/'), "argument")
        })
        .collect::<Result<_>>()?;
    Ok(Search { candidates, searched: true })
}

fn working_directory(path: &Path) -> Result<Vec<CString>> {
    let mut way = std::path::PathBuf::from("/");
    let mut list = vec![c_string(b"/", "working directory")?];
    for component in path.components() {
        if let Component::Normal(_) | Component::ParentDir = component {
            way.push(component);
            list.push(c_string(way.as_os_str().as_bytes(), "working directory")?);
        }
    }
    Ok(list)
}

fn c_strings(strings: &[OsString], what: &'static str) -> Result<Vec<CString>> {
    strings.iter().map(|string| c_string(string.as_bytes(), what)).collect()
}

fn c_string(bytes: &[u8], what: &'static str) -> Result<CString> {
    CString::new(bytes)
        .map_err(|_| Error::ZeroByte { what, text: OsStr::from_bytes(bytes).to_string_lossy().into_owned() })
}

fn streams(spec: &Spec, pts: Option<&OwnedFd>) -> Result<(Streams, OurSide)> {
    let failed = |source: std::io::Error| kernel("make", "the standard streams", source);
    match spec.stdio {
        Stdio::Inherit { stdin } => {
            let stdin = (!stdin).then(empty_input).transpose().map_err(failed)?;
            let streams = Streams { stdin, ..Streams::default() };
            Ok((streams, OurSide::default()))
        }
        Stdio::Piped => {
            let (stdout, our_stdout) = output_pipe(spec).map_err(failed)?;
            let (stderr, our_stderr) = output_pipe(spec).map_err(failed)?;
            let streams = Streams {
                stdin: Some(empty_input().map_err(failed)?),
                stdout: Some(stdout),
                stderr: Some(stderr),
                terminal: false,
            };
            let ours = OurSide { output: Some((our_stdout, our_stderr)), ..OurSide::default() };
            Ok((streams, ours))
        }
        Stdio::Terminal { .. } => {
            let pair = pts
                .ok_or(Errno::NOTTY)
                .and_then(|pts| terminal(spec, pts))
                .map_err(|errno| kernel("make", "the container's terminal", errno))?;
            let share = || pair.follower.try_clone().map_err(failed);
            let streams =
                Streams { stdin: Some(share()?), stdout: Some(share()?), stderr: Some(share()?), terminal: true };
            let ours = OurSide { terminal: Some(pair), ..OurSide::default() };
            Ok((streams, ours))
        }
    }
}

/// A pipe at its end, as a build's steps have it for their input.
fn empty_input() -> std::io::Result<OwnedFd> {
    let (reader, _) = std::io::pipe()?;
    Ok(reader.into())
}

fn output_pipe(spec: &Spec) -> std::io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = std::io::pipe()?;
    let writer = OwnedFd::from(writer);
    give(&writer, spec);
    Ok((writer, reader.into()))
}

/// The pair comes from the container's own devpts and is opened without any path, so that no name in the
/// container can stand for another terminal (CVE-2025-52565).
fn terminal(spec: &Spec, pts: &OwnedFd) -> Result<TerminalPair, Errno> {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let leader = openat(pts.as_fd(), c"ptmx", flags, rustix::fs::Mode::empty())?;
    unlockpt(&leader)?;
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let follower = ioctl_tiocgptpeer(&leader, flags)?;
    give(&follower, spec);
    lend_size(&leader);
    Ok(TerminalPair { leader, follower })
}

/// Lets the container's user reopen a stream by `/dev/stdout`. An id that is not mapped is reported when
/// the process is to become it.
fn give(stream: &OwnedFd, spec: &Spec) {
    let _ = rustix::fs::fchown(stream, Some(Uid::from_raw(spec.user.uid)), None);
}
