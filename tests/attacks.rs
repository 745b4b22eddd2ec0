//! Hostile images, archives and contexts, through the binary: nothing outside the container, the context or the root
//! folder is read, written or left behind.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

mod common;

use std::{
    fs,
    os::unix::fs::symlink,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use common::Strata;
use serde_json::{Value, json};
use strata_image::Digest;
use tar::EntryType;

/// Far more than any of these commands needs, and far less than a test that waits for a pipe would take.
const PATIENCE: Duration = Duration::from_secs(60);

/// An entry whose name and link go into the tar as they are; the tar crate's own setters refuse hostile ones.
fn entry(kind: EntryType, name: &str, link: &str, content: &[u8]) -> Vec<u8> {
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

fn file(name: &str, content: impl AsRef<[u8]>) -> Vec<u8> {
    entry(EntryType::Regular, name, "", content.as_ref())
}

fn link(name: &str, target: &str) -> Vec<u8> {
    entry(EntryType::Symlink, name, target, b"")
}

fn tar(entries: &[Vec<u8>]) -> Vec<u8> {
    [entries.concat(), vec![0; 1024]].concat()
}

/// A `docker save` archive of the base and one more layer, with what `config` says of containers.
fn archive(name: &str, layer: &[Vec<u8>], config: &Value) -> Vec<u8> {
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
    fn hostile(&self, layer: &[Vec<u8>], config: &Value) {
        let path = self.file("hostile.tar", archive("hostile:latest", layer, config));
        self.ok(["load", "-i", path.to_str().unwrap()]);
    }

    /// What a command that must not wait for anything prints, and whether it succeeded.
    fn at_once(&self, args: &[&str]) -> (bool, String) {
        let mut child = self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let started = Instant::now();
        while child.try_wait().unwrap().is_none() {
            if started.elapsed() > PATIENCE {
                child.kill().unwrap();
                panic!("{args:?} waits");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let output = child.wait_with_output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&text).into_owned())
    }

    /// A folder of the host that nothing may change, and its path.
    fn victim(&self) -> (Victim, String) {
        let path = self.work().join("victim");
        fs::create_dir_all(&path).unwrap();
        fs::write(path.join("secret"), "untouched").unwrap();
        let text = path.to_str().unwrap().to_owned();
        (Victim(path), text)
    }
}

struct Victim(std::path::PathBuf);

impl Drop for Victim {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let names: Vec<_> = fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            assert_eq!(names, ["secret"]);
            assert_eq!(fs::read_to_string(self.0.join("secret")).unwrap(), "untouched");
        }
    }
}

/// Whether there is a FIFO now; where there is no `mkfifo` the reason is printed.
fn fifo(path: &std::path::Path) -> bool {
    let made = Command::new("mkfifo").arg(path).status().is_ok_and(|status| status.success());
    if !made {
        eprintln!("skipped: there is no mkfifo");
    }
    made
}

#[test]
fn a_workdir_in_proc_self_fd_reaches_no_descriptor_of_ours() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let links = [link("fd", "/proc/self/fd/7"), link("cwd", "/proc/self/cwd"), link("root", "/proc/1/root")];
    let paths = (3..12).map(|fd| format!("/proc/self/fd/{fd}"));
    for path in paths.chain(["/fd", "/cwd", "/root", "/dev/fd/5"].map(str::to_owned)) {
        strata.hostile(&links, &json!({"WorkingDir": path}));
        let said = strata.ends(125, ["run", "--rm", "hostile", "sh", "-c", "echo reached"]);
        assert!(said.contains(&path) && !said.contains("reached"), "{path}: {said}");
        let said = strata.ends(125, ["run", "--rm", "-w", &path, "hostile", "sh", "-c", "echo reached"]);
        assert!(said.contains(&path) && !said.contains("reached"), "{path}: {said}");
    }
}

#[test]
fn links_in_an_image_make_nothing_on_the_host() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let (_untouched, victim) = strata.victim();
    for name in ["dev", "proc", "sys"] {
        strata.hostile(&[link(name, &victim)], &json!({}));
        let said = strata.ends(125, ["run", "--rm", "hostile", "true"]);
        assert!(said.contains(&format!("/{name}: it is not an ordinary directory")), "{said}");
    }
    // a working directory and a volume below a link are those of the image
    let inside = entry(EntryType::Directory, victim.trim_start_matches('/'), "", b"");
    strata.hostile(&[link("out", &victim), inside], &json!({"WorkingDir": "/out/made"}));
    assert_eq!(strata.ok(["run", "--rm", "hostile", "pwd"]).trim(), format!("{victim}/made"));
    strata.file("mine/seen", "");
    let volume = ["run", "--rm", "-v", "./mine:/out/v", "hostile", "ls", "/out/v"];
    assert_eq!(strata.ok(volume).trim(), "seen");
    // nothing is made through a link that leads nowhere in the image
    strata.hostile(&[link("out", &victim)], &json!({"WorkingDir": "/out/made"}));
    strata.ends(125, ["run", "--rm", "hostile", "pwd"]);
    let context = strata.context("FROM hostile\nWORKDIR /out/dir\nCOPY Dockerfile /out/copied\nRUN touch here\n");
    strata.ok(["build", "-q", &context]);
}

#[test]
fn devices_that_an_image_replaces_by_links_are_not_those_of_the_container() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let pattern = "/proc/sys/kernel/core_pattern";
    let before = fs::read(pattern).unwrap();
    let trap = ["dev/null", "dev/console", "dev/ptmx", "dev/pts"].map(|name| link(name, pattern));
    strata.hostile(&[&[entry(EntryType::Directory, "dev", "", b"")], trap.as_slice()].concat(), &json!({}));
    let script = "test -c /dev/null && test -d /dev/pts && echo x > /dev/null; cat /proc/kcore /proc/keys | wc -c; \
                  (echo x > /proc/sysrq-trigger) 2>/dev/null || (echo x > /proc/sys/kernel/domainname) 2>/dev/null || echo kept";
    assert_eq!(strata.ok(["run", "--rm", "hostile", "sh", "-c", script]), "0\nkept\n");
    assert_eq!(fs::read(pattern).unwrap(), before);
}

#[test]
fn user_tables_that_are_no_files_are_not_waited_for() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let huge = "r:x:0:0::/:/bin/sh\n".repeat(600_000);
    for (table, reason) in [
        (entry(EntryType::Fifo, "etc/passwd", "", b""), "not a regular file"),
        (entry(EntryType::Directory, "etc/passwd", "", b""), "not a regular file"),
        (file("etc/passwd", huge), "too large"),
    ] {
        strata.hostile(&[table], &json!({}));
        for user in ["0", "bob"] {
            let (success, said) = strata.at_once(&["run", "--rm", "-u", user, "hostile", "true"]);
            assert!(!success && said.to_lowercase().contains(reason), "{said}");
        }
    }
    // links end in the image, where none of these is
    let (_untouched, victim) = strata.victim();
    for target in ["/dev/zero", "/proc/self/fd/0", &format!("{victim}/secret")] {
        strata.hostile(&[link("etc/passwd", target), link("etc/group", target)], &json!({}));
        let (success, said) = strata.at_once(&["run", "--rm", "-u", "bob", "hostile", "true"]);
        assert!(!success && said.contains("no matching entries"), "{target}: {said}");
    }
}

#[test]
fn users_that_are_nearly_root_are_not_root() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    for user in ["1000:abc", "-1", "4294967296", "4294967295", "0 ", " 0", "+0", "0x0", "root:x", "0:0:0"] {
        strata.hostile(&[], &json!({"User": user}));
        let said = strata.ends(125, ["run", "--rm", "hostile", "sh", "-c", "echo reached"]);
        assert!(!said.contains("reached"), "{user:?}: {said}");
    }
}

#[test]
fn layers_that_want_out_of_their_root_stay_in_it() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let (_untouched, victim) = strata.victim();
    let up = format!("../../../../../../../..{victim}");
    let hard = |target: &str| entry(EntryType::Link, "stolen", target, b"");
    // what is refused, and what lands inside; `export` and `run` read layers in two ways and must agree on both
    for (layer, stays) in [
        (vec![file(&format!("{up}/new"), "x")], true),
        (vec![file(&format!("{victim}/secret"), "x")], true),
        (vec![link("d", &victim), file("d/secret", "x"), file("d/.wh.secret", "")], true),
        (vec![link("d", &up), file("d/.wh..wh..opq", "")], true),
        (vec![hard(&format!("{victim}/secret"))], false),
        (vec![hard(&format!("{up}/secret"))], false),
        (vec![link("d", &victim), hard("d/secret")], false),
        (vec![file(".wh...", "")], false),
        (vec![file(".wh..", "")], false),
        (vec![file("d/.wh.", "")], false),
        (vec![link(".", &victim), file("new", "x")], false),
        (vec![file("./", "")], false),
    ] {
        strata.hostile(&layer, &json!({}));
        let ends = |status: i32| if stays { 0 } else { status };
        strata.ends(ends(125), ["run", "--rm", "hostile", "true"]);
        let out = strata.work().join("out.tar");
        let export = strata.output(["export", "-o", out.to_str().unwrap(), "hostile"]);
        assert_eq!((export.status.success(), out.exists()), (stays, stays));
        let compared = strata.output(["compare", "hostile", "busybox"]).status.code();
        assert_eq!(compared == Some(2), !stays);
        let _ = fs::remove_file(out);
    }
}

#[test]
fn an_image_takes_no_variable_of_the_callers() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    strata.hostile(&[], &json!({"Env": ["PATH=/bin", "STRATA_TEST_SECRET", "*", "=x"]}));
    for args in [["run", "--rm", "hostile", "env"].to_vec(), {
        fs::create_dir(strata.work().join("c")).unwrap();
        strata.file("c/Dockerfile", "FROM hostile\nRUN env\n");
        ["build", "c"].to_vec()
    }] {
        let output = strata.command(args).env("STRATA_TEST_SECRET", "leaked").output().unwrap();
        assert!(output.status.success());
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(text.contains("PATH=/bin") && !text.contains("leaked"), "{text}");
    }
}

#[test]
fn odd_configs_are_run_or_refused_and_never_cut_short() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let nothing = json!({"Env": null, "Cmd": null, "Entrypoint": null, "Labels": null, "Volumes": null, "User": null,
                         "WorkingDir": null, "ExposedPorts": null, "OnBuild": null, "Healthcheck": null, "Shell": null});
    for (config, status, says) in [
        (nothing, 0, "ran"),
        (Value::Null, 0, "ran"),
        (json!({"WorkingDir": "../../tmp"}), 0, "ran"),
        (json!({"Volumes": {"/": {}, "/proc": {}, "../x": {}}}), 0, "ran"),
        (json!({"ExposedPorts": {"99999999/tcp": {}}, "StopSignal": "SIGNOPE"}), 0, "ran"),
        (json!({"Entrypoint": ["/bin/sh\0x"]}), 125, "zero byte"),
        (json!({"Env": ["A=b\0c"]}), 125, "zero byte"),
        (json!({"WorkingDir": "/a\0b"}), 125, "zero byte"),
    ] {
        strata.hostile(&[], &config);
        let said = strata.ends(status, ["run", "--rm", "hostile", "sh", "-c", "echo ran"]);
        assert!(said.contains(says), "{config}: {said}");
    }
    for config in [json!({"Cmd": "sh"}), json!({"Env": [null]}), json!({"Labels": {"a": "x".repeat(17 << 20)}})] {
        let path = strata.file("refused.tar", archive("refused:1", &[], &config));
        strata.ends(2, ["load", "-i", path.to_str().unwrap()]);
    }
}

#[test]
fn an_archive_cannot_give_names_that_mean_something_else() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let good = strata.json(["inspect", "busybox"])[0]["Id"].as_str().unwrap().to_owned();
    for name in [&good, &format!("docker.io/library/{good}"), &good[7..], "../x", "-rf", "/x", "a\nb", "\u{1b}[2J"] {
        let path = strata.file("names.tar", archive(name, &[file("planted", "")], &json!({})));
        let said = strata.ends(2, ["load", "-i", path.to_str().unwrap()]);
        assert!(said.contains("is not an image name") && !said.contains('\u{1b}'), "{said}");
        assert_eq!(strata.json(["inspect", &good])[0]["Id"], good.as_str());
    }
}

#[test]
fn nothing_of_an_image_drives_the_terminal() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let evil = "\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}31m\r";
    let config = json!({"Cmd": [evil], "Labels": {evil: evil}, "Env": [format!("A={evil}")], "User": evil,
                        "WorkingDir": format!("/{evil}"), "Healthcheck": {"Test": [evil]}});
    let layer = ["a", "b"].map(|name| file(&format!("{name}{evil}"), evil.repeat(1000)));
    strata.hostile(&[&layer, [link(&format!("l{evil}"), evil)].as_slice()].concat(), &config);
    let context = strata.context(&format!("FROM hostile\nLABEL x=\"{evil}\"\nRUN echo '{evil}'; rm -f /a* /b*\n"));
    // the step cannot run as that user: its error shows the user and the line
    let mut shown = vec![strata.ends(1, ["build", &context])];
    for args in [
        vec!["images"],
        vec!["history", "hostile"],
        vec!["history", "--no-trunc", "hostile"],
        vec!["inspect", "hostile"],
        vec!["analyze", "hostile"],
        vec!["analyze", "--format", "json", "hostile"],
        vec!["compare", "hostile", "busybox"],
        vec!["compare", "--format", "json", "hostile", "busybox"],
        vec!["run", "--rm", "hostile"],
    ] {
        let output = strata.output(args);
        shown.push(String::from_utf8([output.stdout, output.stderr].concat()).unwrap());
    }
    // an archive whose manifest names a layer so
    let manifest = json!([{"Config": evil, "RepoTags": null, "Layers": [evil]}]);
    let path = strata.file("names.tar", tar(&[file("manifest.json", manifest.to_string())]));
    shown.push(strata.ends(2, ["load", "-i", path.to_str().unwrap()]));
    for text in shown {
        let bad = text.chars().find(|c| c.is_control() && *c != '\n');
        assert_eq!(bad, None, "{text:?}");
    }
}

#[test]
fn a_context_leads_nowhere_outside_and_holds_nobody_up() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    strata.file("outside/Dockerfile", "FROM busybox\n# secret\nBOGUS\n");
    strata.file("context/real", "FROM busybox\n");
    let path = strata.work().join("context/Dockerfile");
    for target in ["../outside/Dockerfile", "/etc/passwd", "/dev/zero", "/proc/self/environ", "Dockerfile"] {
        symlink(target, &path).unwrap();
        let (success, said) = strata.at_once(&["build", "context"]);
        assert!(!success && said.contains("cannot read the Dockerfile"), "{target}: {said}");
        fs::remove_file(&path).unwrap();
    }
    // inside it may lead anywhere, and the caller may name any file
    symlink("real", &path).unwrap();
    strata.ok(["build", "-q", "context"]);
    strata.ends(1, ["build", "-f", "outside/Dockerfile", "context"]);
    fs::remove_file(&path).unwrap();

    if !fifo(&path) {
        return;
    }
    let (success, said) = strata.at_once(&["build", "context"]);
    assert!(!success && said.contains("not a regular file"), "{said}");
    fs::remove_file(&path).unwrap();
    fs::write(&path, "FROM busybox\nCOPY . /x/\nRUN test -p /x/pipe\n").unwrap();
    fifo(&strata.work().join("context/pipe"));
    let (success, said) = strata.at_once(&["build", "context"]);
    assert!(success, "{said}");
    fifo(&strata.work().join("context/Dockerfile.dockerignore"));
    let (success, said) = strata.at_once(&["build", "--no-cache", "context"]);
    assert!(!success && said.contains("Dockerfile.dockerignore"), "{said}");
}
