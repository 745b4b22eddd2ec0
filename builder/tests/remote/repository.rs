//! Git repositories that tests make, and a `git://` server for them on this machine's loopback.

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

/// The time of every commit.
pub(crate) const TIME: i64 = 1_600_000_000;

pub(crate) struct Repository {
    pub(crate) path: PathBuf,
}

/// Whether git is there; says why the test is skipped when it is not.
pub(crate) fn has_git() -> bool {
    let found = Command::new("git").arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        eprintln!("skipped: git is not installed");
    }
    found
}

impl Repository {
    pub(crate) fn new(path: &Path) -> Self {
        std::fs::create_dir_all(path).unwrap();
        let repository = Self { path: path.to_owned() };
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository
    }

    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .args(arguments)
            .current_dir(&self.path)
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .envs([("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_CONFIG_GLOBAL", "/dev/null"), ("HOME", "/nonexistent")])
            .envs(["AUTHOR", "COMMITTER"].into_iter().flat_map(|who| {
                [("NAME", "t"), ("EMAIL", "t@t"), ("DATE", "1600000000 +0000")]
                    .map(|(what, value)| (format!("GIT_{who}_{what}"), value))
            }))
            .output()
            .unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Writes a file, commits everything, and gives the commit.
    pub(crate) fn commit(&self, file: &str, text: &str) -> String {
        let path = self.path.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", file]);
        self.git(&["rev-parse", "HEAD"])
    }

    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.path.display())
    }
}

/// Serves the repositories below a directory, until it is dropped.
pub(crate) struct Daemon {
    address: SocketAddr,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Daemon {
    /// `None` where this git has no daemon, with the reason why the test is skipped.
    pub(crate) fn start(base: &Path) -> Option<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let has_daemon = Command::new("git").args(["daemon", "--help-is-no-option"]).output();
        let usage = String::from_utf8(has_daemon.unwrap().stderr).unwrap();
        if !usage.contains("--inetd") {
            eprintln!("skipped: this git has no daemon");
            return None;
        }
        let stopped = Arc::<AtomicBool>::default();
        let base = base.to_owned();
        let thread = std::thread::spawn({
            let stopped = stopped.clone();
            move || {
                for stream in listener.incoming() {
                    if stopped.load(Ordering::SeqCst) {
                        return;
                    }
                    serve(&base, stream.unwrap());
                }
            }
        });
        Some(Self { address, stopped, thread: Some(thread) })
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("git://{}/{path}", self.address)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        // wakes it
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(base: &Path, stream: TcpStream) {
    let output = OwnedFd::from(stream.try_clone().unwrap());
    let status = Command::new("git")
        .args(["-c", "safe.directory=*", "daemon", "--inetd", "--export-all"])
        .arg(format!("--base-path={}", base.display()))
        .arg(base)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .stdin(OwnedFd::from(stream))
        .stdout(output)
        .stderr(Stdio::null())
        .status();
    // a client that asks for what is not there ends it with an error
    let _ = status.unwrap();
}
