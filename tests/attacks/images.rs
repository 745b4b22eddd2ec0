//! Hostile images and archives of images, read, run, written out and built on.

use std::fs;

use serde_json::{Value, json};
use tar::EntryType;

use crate::{
    common::Strata,
    hostile::{archive, entry, file, link, tar},
};

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
