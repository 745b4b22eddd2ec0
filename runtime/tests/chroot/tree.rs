//! A root filesystem that is a plain directory, and commands run in it.

use std::{
    fs::{self, File},
    io::Read as _,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::fs::MetadataExt as _,
    },
    path::{Path, PathBuf},
};

use strata_runtime::{
    Error, Result,
    process::{Exit, Isolation, Network, Running, Spec, start},
};

use crate::rootfs::{command, furnish};

/// A directory `root` that holds a root filesystem, in a directory of its own.
pub(crate) struct Tree {
    directory: tempfile::TempDir,
    root: File,
}

impl Tree {
    /// Says why and gives nothing where the test cannot be run.
    pub(crate) fn new() -> Option<Self> {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&Path)) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("root");
        fs::create_dir(&path).unwrap();
        if !furnish(&path) {
            return None;
        }
        change(&path);
        Some(Self { root: File::open(path).unwrap(), directory })
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("root")
    }

    /// What is beside the root filesystem.
    pub(crate) fn beside(&self) -> usize {
        fs::read_dir(self.directory.path()).unwrap().count() - 1
    }

    pub(crate) fn start(&self, spec: &Spec) -> Result<Running> {
        start(self.root.as_fd(), spec)
    }

    /// How it ended and what it printed.
    pub(crate) fn run(&self, spec: &Spec) -> Result<(Exit, String)> {
        let mut running = self.start(spec)?;
        let (stdout, stderr) = running.take_output().expect("the streams are piped");
        let read = |fd: OwnedFd| {
            let mut text = String::new();
            File::from(fd).read_to_string(&mut text).unwrap();
            text
        };
        let text = read(stdout) + &read(stderr);
        Ok((running.wait()?, text))
    }

    /// What a shell script prints; it must succeed.
    pub(crate) fn shell(&self, script: &str) -> String {
        let (exit, text) = self.run(&shell(script)).unwrap();
        assert_eq!(exit, Exit::Code(0), "{script}: {text}");
        text
    }

    pub(crate) fn error(&self, spec: &Spec) -> Error {
        match self.start(spec) {
            Err(error) => error,
            Ok(_) => panic!("{spec:?} was started"),
        }
    }

    /// Everything in the tree but its programs: path, mode, owner, inode, time of modification and content.
    pub(crate) fn inventory(&self) -> Vec<String> {
        let root = self.path();
        let mut lines = Vec::new();
        let mut pending = vec![root.clone()];
        while let Some(path) = pending.pop() {
            let metadata = fs::symlink_metadata(&path).unwrap();
            let mut line = format!(
                "{} {:o} {}:{} #{} {}.{}",
                path.strip_prefix(&root).unwrap().display(),
                metadata.mode(),
                metadata.uid(),
                metadata.gid(),
                metadata.ino(),
                metadata.mtime(),
                metadata.mtime_nsec(),
            );
            if metadata.is_dir() {
                pending.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            } else if metadata.is_file() && !path.ends_with("bin/busybox") {
                line += &fs::read_to_string(&path).unwrap();
            }
            lines.push(line);
        }
        lines.sort();
        lines
    }
}

/// A specification of a command as root, with pipes and the network there is.
pub(crate) fn chrooted(args: &[&str]) -> Spec {
    Spec { isolation: Isolation::Chroot, network: Network::Host, ..command(args) }
}

pub(crate) fn shell(script: &str) -> Spec {
    chrooted(&["sh", "-c", script])
}
