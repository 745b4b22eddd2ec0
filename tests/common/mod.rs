//! What end-to-end tests share: a root folder of their own, the binary, and the base image.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "each test file uses a part of this"
)]

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// The wasteful example, whose lines 4 and 5 write and remove 50 MiB.
pub(crate) const EXAMPLE: &str = include_str!("../../fixtures/demo/Dockerfile");

/// Bytes that the example wastes.
pub(crate) const WASTE: u64 = 52_428_800;

/// How long something may take that comes by itself: never reached but by a failure.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Waits until something is so.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Command lines of processes that hold this text.
pub(crate) fn processes(text: &str) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").expect("/proc").filter_map(Result::ok);
    let lines = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines.filter(|line| line.contains(text)).collect()
}

/// strata with a root folder and a work folder of its own; both go with it.
pub(crate) struct Strata {
    dir: TempDir,
    binary: PathBuf,
}

impl Strata {
    /// With an empty root folder.
    pub(crate) fn new() -> Self {
        let binary =
            std::env::var_os("STRATA_TEST_BINARY").map_or_else(|| env!("CARGO_BIN_EXE_strata").into(), PathBuf::from);
        Self { dir: tempfile::tempdir().expect("a temporary folder"), binary }
    }

    /// With `busybox` in the store. `None`, the reason printed, where the kernel forbids what a build needs.
    pub(crate) fn with_base() -> Option<Self> {
        let namespaces =
            if rustix::process::geteuid().is_root() { ["unshare", "-m", "true"] } else { ["unshare", "-Urm", "true"] };
        let allowed = Command::new(namespaces[0]).args(&namespaces[1..]).stderr(Stdio::null()).status();
        if !allowed.is_ok_and(|status| status.success()) {
            eprintln!("skipped: the kernel refuses `{}` here", namespaces.join(" "));
            return None;
        }
        let strata = Self::new();
        let base = strata_fixtures::busybox_tar().expect("the busybox base");
        strata.ok(["import", base.to_str().expect("a plain path"), "busybox"]);
        Some(strata)
    }

    /// The program.
    pub(crate) fn binary(&self) -> &Path {
        &self.binary
    }

    /// The folder to work in; commands run there.
    pub(crate) fn work(&self) -> &Path {
        self.dir.path()
    }

    /// The root folder.
    pub(crate) fn root(&self) -> PathBuf {
        self.dir.path().join("root")
    }

    /// Writes a file, with its folders, and gives its path.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.work().join(name);
        std::fs::create_dir_all(path.parent().expect("below the work folder")).expect("a folder");
        std::fs::write(&path, content).expect("a file");
        path
    }

    /// Reads a file of the work folder.
    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.work().join(name)).expect("a file")
    }

    /// A context folder with this Dockerfile.
    pub(crate) fn context(&self, dockerfile: &str) -> String {
        let name = format!("context{}", std::fs::read_dir(self.work()).expect("the work folder").count());
        self.file(&format!("{name}/Dockerfile"), dockerfile);
        name
    }

    /// Builds this Dockerfile alone under a name, and gives the image ID.
    pub(crate) fn build(&self, name: &str, dockerfile: &str) -> String {
        let context = self.context(dockerfile);
        self.ok(["build", "-q", "-t", name, &context]).trim().to_owned()
    }

    pub(crate) fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(&self.binary);
        command.arg("--root").arg(self.root()).args(args).current_dir(self.work()).stdin(Stdio::null());
        command
    }

    /// The same, with the signals that end a build as a shell's foreground command has them, whoever started the tests: one
    /// that they were started to ignore would stay ignored.
    pub(crate) fn interruptible<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new("env");
        command.arg("--default-signal=INT,TERM,HUP").arg(&self.binary).arg("--root").arg(self.root()).args(args);
        command.current_dir(self.work()).stdin(Stdio::null());
        command
    }

    pub(crate) fn output<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Output {
        self.command(args).output().expect("strata starts")
    }

    /// Runs a command that must succeed, and gives its standard output.
    pub(crate) fn ok<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> String {
        let output = self.output(args);
        assert!(output.status.success(), "{}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    /// Runs a command that must end with this status, and gives all it printed.
    pub(crate) fn ends<S: AsRef<OsStr>>(&self, status: i32, args: impl IntoIterator<Item = S>) -> String {
        let output = self.output(args);
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        assert_eq!(output.status.code(), Some(status), "{text}");
        text
    }

    /// Runs a command that must succeed, and reads the JSON it printed.
    pub(crate) fn json<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> serde_json::Value {
        serde_json::from_str(&self.ok(args)).expect("JSON")
    }
}

impl Drop for Strata {
    /// Files of subordinate ids can be removed by strata alone.
    fn drop(&mut self) {
        if self.root().exists() {
            let images = self.output(["images", "-q", "--no-trunc"]).stdout;
            let ids = String::from_utf8_lossy(&images);
            let ids: Vec<&str> = ids.split_whitespace().collect();
            if !ids.is_empty() {
                self.output(["rmi", "-f"].into_iter().chain(ids));
            }
            self.output(["system", "prune", "--all", "--force"]);
        }
    }
}
