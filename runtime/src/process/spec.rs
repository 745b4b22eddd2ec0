//! What a container is to run, and what it gets: checked, and made as far as can be, before a process is.

use std::{ffi::OsString, os::fd::OwnedFd, path::PathBuf, sync::Arc};

use super::{Network, Stdio};
use crate::user::User;

/// Something that is seen in the container at a path of its own.
#[derive(Clone, Debug)]
pub struct Mount {
    /// The path in the container. Links in it never lead out of the container's root. It is made when it is missing, and
    /// removed afterwards.
    pub destination: PathBuf,
    /// Whether the container may not write to it, nor to any mount beneath it.
    pub read_only: bool,
    /// Where it comes from.
    pub source: MountSource,
}

/// Where a [`Mount`] comes from.
#[derive(Clone, Debug)]
pub enum MountSource {
    /// A file or directory of the host, with everything mounted beneath it.
    Host(PathBuf),
    /// A file or directory of a tree, which is a mount of its own or a directory of the host. Links in `path` and `..` never
    /// lead out of the tree, and no device in it can be opened.
    ///
    /// A mount that is attached nowhere can be given to any number of containers by Linux 6.15, and to one by earlier ones.
    Tree {
        /// The tree's root directory.
        root: Arc<OwnedFd>,
        /// What of it, empty for all.
        path: PathBuf,
    },
    /// An empty tmpfs, without setuid bits and devices.
    Tmpfs {
        /// Bytes it may hold; half of the memory when it is `None`.
        size: Option<u64>,
        /// Permission bits of its root.
        mode: u32,
    },
    /// A file that is in memory only, not even in the swap where that can be had, and is gone with the container.
    File {
        /// What is in it, 500 KiB at most.
        content: Arc<[u8]>,
        /// Permission bits.
        mode: u32,
        /// Owner, as seen in the container.
        uid: u32,
        /// Group, as seen in the container.
        gid: u32,
    },
}

/// How far a process is kept from the kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Security {
    /// Docker's capabilities, system calls, masked and read-only paths. Of the devices, only docker's can be opened.
    #[default]
    Sandbox,
    /// Every capability that the caller has, no filter, nothing masked or read-only, `BuildKit`'s devices.
    Insecure,
}

/// How a process is kept apart from the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Isolation {
    /// In namespaces of its own.
    #[default]
    Namespaces,
    /// By `chroot(2)` alone, where the kernel forbids mounts and namespaces.
    Chroot,
}

/// What a container may use of the machine.
///
/// All but ulimits and `shm_size` take a control group, which is made when one of them is there: by root, or where the
/// controller is delegated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// `setrlimit(2)`. The last of a name counts.
    pub ulimits: Vec<Ulimit>,
    /// Bytes of `/dev/shm`; 64 MiB by default.
    pub shm_size: Option<u64>,
    /// Bytes of memory.
    pub memory: Option<u64>,
    /// Bytes of memory and swap together, `-1` for no limit; twice the memory by default.
    pub memory_swap: Option<i64>,
    /// Weight of its share of the processors, 1024 being usual.
    pub cpu_shares: Option<u64>,
    /// Microseconds of processor time in each period.
    pub cpu_quota: Option<i64>,
    /// Microseconds of a period.
    pub cpu_period: Option<u64>,
    /// Processors it may run on, as `0-2,4`.
    pub cpuset_cpus: Option<String>,
    /// Memory nodes it may use, as `0-2,4`.
    pub cpuset_mems: Option<String>,
    /// How many processes it may have.
    pub pids: Option<u64>,
}

/// One limit of `setrlimit(2)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ulimit {
    /// Its name, as docker writes it: `nofile`, `nproc`, `core`, …
    pub name: String,
    /// What the process has.
    pub soft: u64,
    /// What it may raise it to; `u64::MAX` in either is no limit.
    pub hard: u64,
}

/// What a container is to run, and how. All of it is checked, and what can be is made, before a process is.
#[derive(Clone, Debug)]
pub struct Spec {
    /// The command and its arguments. A command without a slash is looked for in the container's `PATH`.
    pub args: Vec<OsString>,
    /// The whole environment, as `K=V`: nothing is added.
    pub env: Vec<OsString>,
    /// The working directory, made for the user when it is missing.
    pub cwd: PathBuf,
    /// Who runs it. Other users than root have no capabilities.
    pub user: User,
    /// The name of the machine.
    pub hostname: String,
    /// What network it has.
    pub network: Network,
    /// What it sees beside its root filesystem.
    pub mounts: Vec<Mount>,
    /// Whether its root filesystem is read-only.
    pub read_only: bool,
    /// Whether it has private copies of `/etc/hosts` (localhost and its hostname) and `/etc/resolv.conf` (the
    /// host's). Writes to them go nowhere.
    ///
    /// Files and directories that had to be made in the root filesystem to mount something on are removed
    /// afterwards, without a trace in the times of the directories they stood in. Only `/dev`, `/proc` and
    /// `/sys` stay, as docker leaves them in layers.
    pub hosts: bool,
    /// More lines of its private `/etc/hosts`: name and address.
    pub extra_hosts: Vec<(String, String)>,
    /// How far it is kept from the kernel.
    pub security: Security,
    /// How it is kept apart from the machine.
    pub isolation: Isolation,
    /// What it may use of the machine.
    pub limits: Limits,
    /// Whether the signals that the starting thread gets are passed on to the process, from its start to its end: all but
    /// those that concern only ourselves. Other threads of the caller must have them blocked.
    pub forward_signals: bool,
    /// Where its standard streams go.
    pub stdio: Stdio,
}

impl Default for Spec {
    /// No command yet, as root in `/`, on the caller's network, in a sandbox, with pipes.
    fn default() -> Self {
        Self {
            args: Vec::new(),
            env: Vec::new(),
            cwd: PathBuf::from("/"),
            user: User::default(),
            hostname: String::new(),
            network: Network::Host,
            mounts: Vec::new(),
            read_only: false,
            hosts: true,
            extra_hosts: Vec::new(),
            security: Security::default(),
            isolation: Isolation::default(),
            limits: Limits::default(),
            forward_signals: false,
            stdio: Stdio::Piped,
        }
    }
}
