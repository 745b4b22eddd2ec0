//! A root filesystem made around the machine's busybox, and commands run in it.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::Read as _,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::fs::symlink,
    },
    path::Path,
    process::{self, Command},
    sync::atomic::{AtomicU32, Ordering},
};

use rustix::mount::{OpenTreeFlags, open_tree};
use strata_runtime::{
    Error, Result,
    process::{Exit, Network, Running, Spec, start},
    userns::{self, Ids},
};

const BUSYBOX: [&str; 3] = ["/bin/busybox", "/usr/bin/busybox", "/bin/busybox.static"];

const APPLETS: [&str; 29] = [
    "sh", "cat", "ls", "id", "true", "false", "sleep", "grep", "echo", "hostname", "pwd", "kill", "touch", "mkdir",
    "mount", "umount", "stat", "ip", "stty", "tty", "readlink", "test", "head", "setsid", "dd", "ps", "mv", "mknod",
    "wc",
];

/// A directory that holds a root filesystem, and a detached mount of it.
pub(crate) struct Rootfs {
    directory: tempfile::TempDir,
    mount: OwnedFd,
}

/// What a command left.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) exit: Exit,
    pub(crate) stdout: String,
    #[expect(dead_code, reason = "seen when a test fails")]
    stderr: String,
}

impl Rootfs {
    /// Says why and gives nothing where the test cannot be run.
    pub(crate) fn new() -> Option<Self> {
        Self::with(|_| {})
    }

    /// As [`new`](Self::new), with `change` done to the directory first.
    pub(crate) fn with(change: impl FnOnce(&Path)) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        if !furnish(root) {
            return None;
        }
        change(root);
        let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
        match open_tree(rustix::fs::CWD, root, flags) {
            Ok(mount) => Some(Self { directory, mount }),
            Err(errno) => {
                eprintln!("skipped: the kernel refuses to clone a mount: {errno}");
                None
            }
        }
    }

    /// As [`with`](Self::with), for who may become anybody and make devices: root of the machine.
    pub(crate) fn with_every_id(change: impl FnOnce(&Path)) -> Option<Self> {
        if userns::ids() == Ids::All {
            return Self::with(change);
        }
        eprintln!("skipped: this user namespace has not every id");
        None
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn start(&self, spec: &Spec) -> Result<Running> {
        start(self.mount.as_fd(), spec)
    }

    pub(crate) fn run(&self, spec: &Spec) -> Result<Output> {
        let mut running = self.start(spec)?;
        let (stdout, stderr) = running.take_output().expect("the streams are piped");
        let read = |fd: OwnedFd| {
            let mut text = String::new();
            File::from(fd).read_to_string(&mut text).unwrap();
            text
        };
        let (stdout, stderr) = (read(stdout), read(stderr));
        Ok(Output { exit: running.wait()?, stdout, stderr })
    }

    /// What a shell script prints; it must succeed.
    pub(crate) fn shell(&self, script: &str) -> String {
        let output = self.run(&shell(script)).unwrap();
        assert_eq!(output.exit, Exit::Code(0), "{script}: {output:?}");
        output.stdout
    }

    pub(crate) fn error(&self, spec: &Spec) -> Error {
        match self.start(spec) {
            Err(error) => error,
            Ok(_) => panic!("{spec:?} was started"),
        }
    }
}

/// Puts busybox and empty directories into `root`; false, with the reason, where nothing can be run in it.
pub(crate) fn furnish(root: &Path) -> bool {
    let Some(busybox) = BUSYBOX.into_iter().map(Path::new).find(|path| is_static(path)) else {
        eprintln!("skipped: no static busybox on this machine (apt-get install busybox-static)");
        return false;
    };
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: this needs root");
        return false;
    }
    for name in ["bin", "etc", "tmp", "proc", "sys", "dev"] {
        fs::create_dir(root.join(name)).unwrap();
    }
    // by another process: a copy of ours, still open for writing in a child of another test, cannot be executed
    let copied = Command::new("cp").arg(busybox).arg(root.join("bin/busybox")).status();
    assert!(copied.unwrap().success());
    for applet in APPLETS {
        symlink("busybox", root.join("bin").join(applet)).unwrap();
    }
    true
}

/// A specification of a command as root, with pipes and without a network.
pub(crate) fn command(args: &[&str]) -> Spec {
    Spec {
        args: args.iter().map(OsString::from).collect(),
        env: vec!["PATH=/usr/bin:/bin".into(), "HOME=/".into()],
        hostname: "container".to_owned(),
        network: Network::None,
        ..Spec::default()
    }
}

pub(crate) fn shell(script: &str) -> Spec {
    command(&["sh", "-c", script])
}

/// Whether a program names no dynamic loader; reading all of it keeps this simple.
fn is_static(path: &Path) -> bool {
    fs::read(path).is_ok_and(|bytes| !bytes.windows(7).take(4096).any(|word| word == b"ld-linu"))
}

/// A number of seconds to sleep that no command line has but those of who asked for it, however many of these tests run.
pub(crate) fn marker() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(10_000);
    // of one width, so that none is a part of another
    format!("{}.{:07}", NUMBER.fetch_add(1, Ordering::Relaxed), process::id())
}

/// How many processes have `marker` in their command line.
pub(crate) fn processes_with(marker: &str) -> usize {
    let processes = fs::read_dir("/proc").unwrap();
    processes
        .filter_map(|entry| fs::read(entry.unwrap().path().join("cmdline")).ok())
        .filter(|line| {
            let line = String::from_utf8_lossy(line);
            line.contains(marker) && !line.contains("sh\0-c")
        })
        .count()
}
