//! Mounts of steps: what their sources, targets and options can reach, and what is cleaned up after them.

use std::{fs, process::Stdio};

use serde_json::json;
use tar::EntryType;

use crate::{
    common::Strata,
    hostile::{entry, link},
};

#[test]
fn cve_2024_1753_a_bind_source_that_is_a_link_to_the_root_shows_the_images_root() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let (_untouched, victim) = strata.victim();
    let links = [
        link("root", "/"),
        link("up", "../../../../../../../.."),
        link("straight", &victim),
        link("proc-root", "/proc/1/root"),
        entry(EntryType::Directory, "d", "", b""),
        link("d/up", "../../../../../.."),
    ];
    strata.hostile(&links, &json!({}));
    for source in ["/root", "/up", "/straight", "/proc-root", "/d/up", "../../..", "/d/../../../..", "/proc/self/root"]
    {
        for path in [format!("/m{victim}"), "/m".to_owned()] {
            let (_, said) = strata.at_once(&[
                "build",
                "--no-cache",
                &strata.context(&format!(
                    "FROM busybox\nRUN --mount=type=bind,from=hostile,source={source},target=/m,rw cat {path}/secret; \
                 echo evil >{path}/secret; touch {path}/new; true\n"
                )),
            ]);
            assert!(!said.contains("untouched"), "{source}: {said}");
        }
    }
}

#[test]
fn cve_2024_9407_options_of_the_kernel_cannot_be_smuggled_in() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    for option in
        ["bind-propagation=rshared", "bind-propagation=shared,z", "relabel=shared", "volume-opt=o=bind", "U=true"]
    {
        for kind in ["bind", "cache", "tmpfs"] {
            let said = strata.fails(&format!("FROM busybox\nRUN --mount=type={kind},target=/m,{option} true\n"));
            assert!(said.contains("Dockerfile:2"), "{kind} {option}: {said}");
        }
    }
}

/// Files of this name below the work folder, but for the root folder.
fn strays(strata: &Strata, name: &str) -> Vec<String> {
    let found = std::process::Command::new("find")
        .arg(strata.work())
        .args(["-path"])
        .arg(strata.root())
        .args(["-prune", "-o", "-name", name, "-print"])
        .output()
        .unwrap();
    String::from_utf8_lossy(&found.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn cve_2024_9675_an_id_of_a_cache_is_no_path() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let (_untouched, victim) = strata.victim();
    let long = "x".repeat(5000);
    for id in ["../../..", "../victim", "/", ".", "..", "a/../../b", "a/b/c", &victim, &long, "a b", "\\x", "-rf", "*"]
    {
        for source in ["", ",source=../../..", ",source=/"] {
            let context = strata.context(&format!(
                "FROM busybox\nRUN --mount=type=cache,target=/m,\"id={id}\"{source} touch /m/marker; cat /m/secret; true\n"
            ));
            let (_, said) = strata.at_once(&["build", "--no-cache", &context]);
            assert!(!said.contains("untouched") && !said.contains("panicked"), "{id}: {said}");
        }
    }
    assert_eq!(strays(&strata, "marker"), [""; 0]);
    assert_eq!(strata.ok(["system", "check"]), "sound\n");
}

#[test]
fn cve_2024_23651_and_cve_2024_11218_a_source_that_is_swapped_meanwhile_shows_nothing_of_the_host() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let (_untouched, victim) = strata.victim();
    let look = "RUN --mount=type=cache,id=shared,source=sub,target=/m \
                cat /m/secret /m/victim/secret; echo evil >/m/secret; rm -rf /m/new; ls /m | head -n 3; true\n";
    let dockerfile = format!(
        "FROM busybox AS swaps\n\
         RUN --mount=type=cache,id=shared,target=/c for i in $(seq 2000); do \
         rm -rf /c/sub; mkdir /c/sub; rm -rf /c/sub; ln -s {victim} /c/sub; rm -f /c/sub; ln -s / /c/sub; done; echo x >/swapped\n\
         FROM busybox AS looks\n{}\n\
         FROM busybox\nCOPY --from=swaps /swapped /\nCOPY --from=looks /etc/passwd /x\n",
        look.repeat(12)
    );
    // a source that is not there at the moment may fail the build
    for _ in 0..3 {
        let (_, said) = strata.at_once(&["build", "--no-cache", &strata.context(&dockerfile)]);
        assert!(!said.contains("untouched"), "{said}");
    }
    assert_eq!(strata.ok(["system", "check"]), "sound\n");
}

#[test]
fn cve_2024_23652_the_place_of_a_mount_is_not_removed_on_the_host() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let (_untouched, victim) = strata.victim();
    for (target, moved) in [("/new/secret", "/new"), ("/deep/new/secret", "/deep/new"), ("/deep/secret/dir", "/deep")] {
        for kind in ["bind,source=Dockerfile", "tmpfs", "cache", "bind,from=busybox,source=/etc"] {
            // the parent of the mount is moved away, and a link to the host takes its place
            let dockerfile = format!(
                "FROM busybox\nRUN --mount=type={kind},target={target} mv {moved} /was && ln -s {victim} {moved}\n"
            );
            strata.at_once(&["build", "--no-cache", &strata.context(&dockerfile)]);
        }
    }
}

#[test]
fn cve_2024_23653_no_way_to_ask_goes_around_the_entitlements() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    for (flag, entitlement) in [("--security=insecure", "security.insecure"), ("--network=host", "network.host")] {
        let step = format!("RUN {flag} echo reached");
        strata.hostile(&[], &json!({"OnBuild": [step]}));
        for dockerfile in [
            format!("FROM busybox\n{step}\n"),
            format!("FROM busybox\nRUN {flag} <<E\necho reached\nE\n"),
            format!("FROM busybox AS a\n{step}\nFROM busybox\nCOPY --from=a /etc/passwd /x\n"),
            format!("FROM busybox AS a\nONBUILD {step}\nFROM a\n"),
            "FROM hostile\n".to_owned(),
        ] {
            let said = strata.fails(&dockerfile);
            assert!(said.contains(entitlement) && !said.contains("| reached"), "{dockerfile}: {said}");
        }
    }
}

#[test]
fn cve_2025_52881_nothing_is_mounted_over_proc() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    strata.hostile(&[link("p", "/proc"), link("q", "proc/self/attr")], &json!({}));
    for target in ["/proc", "/proc/self/attr", "/proc/sys/kernel", "/p", "/q"] {
        strata.fails(&format!("FROM hostile\nRUN --mount=type=tmpfs,target={target} true\n"));
    }
}

#[test]
fn two_builds_racing_on_one_cache_lose_no_write() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let count = "RUN --mount=type=cache,id=count,target=/c,sharing=locked \
                 n=$(cat /c/n 2>/dev/null || echo 0); sleep 0.1; echo $((n+1)) >/c/n\n";
    let contexts: Vec<String> = (0..4)
        .map(|number| strata.context(&format!("FROM busybox\nENV number={number}\n{}", count.repeat(2))))
        .collect();
    let builds: Vec<_> = contexts
        .iter()
        .map(|context| {
            let mut build = strata.command(["build", "-q", "--no-cache", context]);
            build.stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().unwrap()
        })
        .collect();
    for mut build in builds {
        assert!(build.wait().unwrap().success());
    }
    let context = strata.context("FROM busybox\nRUN --mount=type=cache,id=count,target=/c cp /c/n /n\n");
    strata.ok(["build", "-q", "-t", "counted", &context]);
    assert_eq!(strata.ok(["run", "--rm", "counted", "cat", "/n"]), "8\n");
}

#[test]
fn a_context_that_is_mounted_writable_stays_as_it_was() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context =
        strata.context("FROM busybox\nRUN --mount=target=/m,rw rm -rf /m/f /m/Dockerfile; echo evil >/m/g; true\n");
    strata.file(&format!("{context}/f"), "mine");
    strata.ok(["build", "-q", &context]);
    let dir = strata.work().join(&context);
    assert_eq!(fs::read_to_string(dir.join("f")).unwrap(), "mine");
    assert_eq!(fs::read_dir(dir).unwrap().count(), 2);
}
