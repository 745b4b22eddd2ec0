//! RUN of a program for another processor, through the binary: by an interpreter of the kernel's `binfmt_misc`, or an error.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

mod common;

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use common::Strata;

/// A context whose image has a program for s390x, which says nothing but its head and a number of this process: what is
/// registered for it is for nothing else.
fn context(strata: &Strata) -> String {
    let context = strata.context("FROM scratch\nCOPY --chmod=755 program /program\nRUN [\"/program\"]\n");
    strata.file(&format!("{context}/program"), program());
    context
}

fn program() -> Vec<u8> {
    let mut head = vec![0; 64];
    head[..7].copy_from_slice(b"\x7fELF\x02\x02\x01");
    head[8..12].copy_from_slice(&std::process::id().to_be_bytes());
    head[16..20].copy_from_slice(&[0, 2, 0, 22]);
    [head, b"said by the interpreter\n".to_vec()].concat()
}

fn build(strata: &Strata, status: i32, context: &str) -> String {
    strata.ends(status, ["build", "--progress", "plain", "--platform", "linux/s390x", context])
}

/// An interpreter that the kernel has for the program until this is dropped.
struct Registered {
    binfmt: PathBuf,
    name: String,
}

impl Registered {
    /// Registers a program that shows the file that it is to interpret. `None`, with the reason, where that is forbidden.
    fn new(strata: &Strata, name: &str, flags: &str) -> Option<Self> {
        let binfmt = strata.work().join(name);
        fs::create_dir(&binfmt).unwrap();
        let mounted = Command::new("mount").args(["-t", "binfmt_misc", "none"]).arg(&binfmt).output();
        if !mounted.is_ok_and(|output| output.status.success()) {
            eprintln!("skipped: binfmt_misc cannot be mounted here");
            return None;
        }
        let registered = Self { binfmt, name: format!("strata-test-{name}-{}", std::process::id()) };
        let magic: Vec<String> = program()[..20].iter().map(|byte| format!("\\x{byte:02x}")).collect();
        let magic = magic.concat();
        let line = format!(":{}:M::{magic}::{}:{flags}", registered.name, interpreter(strata).display());
        if let Err(error) = fs::write(registered.binfmt.join("register"), line) {
            eprintln!("skipped: binfmt_misc takes no interpreter here: {error}");
            return None;
        }
        Some(registered)
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        let entry = self.binfmt.join(&self.name);
        if entry.exists() {
            fs::write(entry, "-1").unwrap();
        }
        let unmounted = Command::new("umount").arg(&self.binfmt).status();
        assert!(std::thread::panicking() || unmounted.is_ok_and(|status| status.success()));
    }
}

/// The busybox of the base image as `cat`.
fn interpreter(strata: &Strata) -> PathBuf {
    let path = strata.work().join("cat");
    if !path.exists() {
        let mut archive = tar::Archive::new(fs::File::open(strata_fixtures::busybox_tar().unwrap()).unwrap());
        let mut entries = archive.entries().unwrap().map(Result::unwrap);
        let is_busybox = |path: &Path| path.ends_with("bin/busybox");
        entries.find(|entry| is_busybox(&entry.path().unwrap())).unwrap().unpack(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    path
}

#[test]
fn a_program_for_another_processor_runs_by_what_the_kernel_has_for_it_or_is_an_error_that_says_so() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context = context(&strata);
    let shown = build(&strata, 1, &context);
    assert!(shown.contains("it is a program for s390x, and this machine is "), "{shown}");
    assert!(shown.contains("hint: ") && shown.contains("binfmt_misc"), "{shown}");

    // opened when it is registered: it need not be in the image
    let Some(registered) = Registered::new(&strata, "fixed", "F") else {
        return;
    };
    let shown = build(&strata, 0, &context);
    assert!(shown.contains("said by the interpreter"), "{shown}");
    drop(registered);

    let Some(_registered) = Registered::new(&strata, "looked-up", "") else {
        return;
    };
    let shown = strata.ends(1, ["build", "--no-cache", "--platform", "linux/s390x", &context]);
    assert!(shown.contains("the interpreter that binfmt_misc has for s390x is not in the image"), "{shown}");
}
