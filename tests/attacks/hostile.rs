//! What the attacks are made with: entries that no honest tar has, images of them, and a folder of the host to be kept.

use std::{
    fs,
    io::{Read as _, Seek as _},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use strata_image::Digest;
use tar::EntryType;

use crate::common::{PATIENCE, Strata};

/// An entry whose name and link go into the tar as they are; the tar crate's own setters refuse hostile ones.
pub(crate) fn entry(kind: EntryType, name: &str, link: &str, content: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(0o755);
    header.set_size(content.len() as u64);
    let old = header.as_old_mut();
    old.name[..name.len()].copy_from_slice(name.as_bytes());
    old.linkname[..link.len()].copy_from_slice(link.as_bytes());
    header.set_cksum();
    let mut bytes = [header.as_bytes().as_slice(), content].concat();
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

pub(crate) fn file(name: &str, content: impl AsRef<[u8]>) -> Vec<u8> {
    entry(EntryType::Regular, name, "", content.as_ref())
}

pub(crate) fn link(name: &str, target: &str) -> Vec<u8> {
    entry(EntryType::Symlink, name, target, b"")
}

/// The header of an entry whose fields are whatever one likes; its checksum is right.
pub(crate) struct Header(Vec<u8>);

impl Header {
    /// Takes an entry; what follows the header stays as it is.
    pub(crate) fn of(entry: &[u8]) -> Self {
        Self(entry.to_vec())
    }

    pub(crate) fn size(&mut self, field: &[u8]) {
        self.0[124..136].copy_from_slice(&field[..12]);
    }

    pub(crate) fn mtime(&mut self, field: &[u8]) {
        self.0[136..148].copy_from_slice(&field[..12]);
    }

    pub(crate) fn kind(&mut self, flag: u8) {
        self.0[156] = flag;
    }

    pub(crate) fn bytes(mut self) -> Vec<u8> {
        self.0[148..156].fill(b' ');
        let sum: u32 = self.0[..512].iter().map(|&byte| u32::from(byte)).sum();
        self.0[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.0
    }

    /// Gives an entry a name of any length, as GNU tar does.
    pub(crate) fn long_name(name: &str, named: &[u8]) -> Vec<u8> {
        let mut header = Self::of(&file("././@LongLink", name));
        header.kind(b'L');
        [header.bytes(), named.to_vec()].concat()
    }
}

pub(crate) fn tar(entries: &[Vec<u8>]) -> Vec<u8> {
    [entries.concat(), vec![0; 1024]].concat()
}

/// A `docker save` archive of the base and one more layer, with what `config` says of containers.
pub(crate) fn archive(name: &str, layer: &[Vec<u8>], config: &Value) -> Vec<u8> {
    let base = fs::read(strata_fixtures::busybox_tar().unwrap()).unwrap();
    let layer = tar(layer);
    let diff_ids = [Digest::of(&base).to_string(), Digest::of(&layer).to_string()];
    let config = json!({
        "architecture": strata_image::manifest::Platform::host().architecture,
        "os": "linux",
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    });
    let manifest = json!([{"Config": "c.json", "RepoTags": [name], "Layers": ["0/layer.tar", "1/layer.tar"]}]);
    tar(&[
        file("c.json", config.to_string()),
        file("0/layer.tar", base),
        file("1/layer.tar", layer),
        file("manifest.json", manifest.to_string()),
    ])
}

impl Strata {
    /// Loads the image `hostile` of the base and one more layer.
    pub(crate) fn hostile(&self, layer: &[Vec<u8>], config: &Value) {
        let path = self.file("hostile.tar", archive("hostile:latest", layer, config));
        self.ok(["load", "-i", path.to_str().unwrap()]);
    }

    /// What a command that must not wait for anything prints, and whether it succeeded.
    pub(crate) fn at_once(&self, args: &[&str]) -> (bool, String) {
        let mut said = tempfile::tempfile().unwrap();
        let out = || Stdio::from(said.try_clone().unwrap());
        let mut child = self.command(args).stdout(out()).stderr(out()).spawn().unwrap();
        let started = Instant::now();
        while child.try_wait().unwrap().is_none() {
            if started.elapsed() > PATIENCE {
                child.kill().unwrap();
                panic!("{args:?} waits");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let mut text = Vec::new();
        said.rewind().unwrap();
        said.read_to_end(&mut text).unwrap();
        (child.wait().unwrap().success(), String::from_utf8_lossy(&text).into_owned())
    }

    /// Builds this Dockerfile alone, which must succeed at once; gives what is printed.
    pub(crate) fn builds(&self, dockerfile: &str) -> String {
        let (success, said) = self.at_once(&["build", &self.context(dockerfile)]);
        assert!(success, "{said}");
        said
    }

    /// Builds this Dockerfile alone, which must fail at once; gives what is printed.
    pub(crate) fn fails(&self, dockerfile: &str) -> String {
        let (success, said) = self.at_once(&["build", &self.context(dockerfile)]);
        assert!(!success && !said.contains("panicked"), "{said}");
        said
    }

    /// A folder of the host that nothing may change, and its path.
    pub(crate) fn victim(&self) -> (Victim, String) {
        let path = self.work().join("victim");
        fs::create_dir_all(&path).unwrap();
        fs::write(path.join("secret"), "untouched").unwrap();
        let text = path.to_str().unwrap().to_owned();
        (Victim(path), text)
    }
}

/// The folder that nothing may change: it is looked at when this is dropped.
pub(crate) struct Victim(std::path::PathBuf);

impl Drop for Victim {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let names: Vec<_> = fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            assert_eq!(names, ["secret"]);
            assert_eq!(fs::read_to_string(self.0.join("secret")).unwrap(), "untouched");
        }
    }
}

/// What a command prints that may have this much address space, and whether it succeeded.
pub(crate) fn within(strata: &Strata, kilobytes: u64, args: &[&str]) -> (bool, String) {
    let command = strata.command(args);
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("ulimit -v {kilobytes} && exec \"$@\""), "sh"]);
    let output = shell.arg(command.get_program()).args(command.get_args()).current_dir(strata.work()).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

/// Whether there is a FIFO now; where there is no `mkfifo` the reason is printed.
pub(crate) fn fifo(path: &std::path::Path) -> bool {
    let made = Command::new("mkfifo").arg(path).status().is_ok_and(|status| status.success());
    if !made {
        eprintln!("skipped: there is no mkfifo");
    }
    made
}
