//! A cache that others filled, or that two write at once: nobody gets what is not theirs.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    process::Stdio,
    time::{Duration, SystemTime},
};

use serde_json::json;
use strata_fixtures::Privilege;

use crate::{
    common::Strata,
    hostile::{archive, file},
};

/// What the config of an image says.
fn config(strata: &Strata, name: &str) -> serde_json::Value {
    strata.json(["inspect", name])[0]["Config"].clone()
}

#[test]
fn cve_2024_24557_health_checks_and_triggers_are_never_those_of_another_build() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let dockerfile = |mark: &str| {
        format!(
            "FROM busybox\nHEALTHCHECK CMD {mark}\nONBUILD RUN {mark}\nVOLUME /{mark}\nSTOPSIGNAL {}\nRUN echo same >/f\n",
            mark.len()
        )
    };
    for mark in ["one", "three"] {
        strata.build("app", &dockerfile(mark));
        let config = config(&strata, "app");
        assert_eq!(config["Healthcheck"]["Test"], json!(["CMD-SHELL", mark]));
        assert_eq!(config["OnBuild"], json!([format!("RUN {mark}")]));
        assert_eq!(config["StopSignal"], json!(mark.len().to_string()));
    }
}

#[test]
fn cve_2024_24557_an_image_that_claims_a_step_does_not_stand_in_for_it() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let step = "echo good >/f";
    strata.build("first", &format!("FROM busybox\nRUN {step}\n"));
    let mut forged = strata.json(["inspect", "first"])[0]["Config"].clone();
    forged["Labels"] = json!({"claims": step});
    // the layer is evil, everything that is said of it is what the step would say
    let path = strata.file("forged.tar", archive("forged:latest", &[file("f", "evil\n")], &forged));
    strata.ok(["load", "-i", path.to_str().unwrap()]);
    strata.ok(["rmi", "first"]);
    strata.ok(["system", "prune", "-a", "-f"]);
    strata.ok(["load", "-i", path.to_str().unwrap()]);
    let base = strata_fixtures::busybox_tar().unwrap();
    strata.ok(["import", base.to_str().unwrap(), "busybox"]);
    strata.build("second", &format!("FROM busybox\nRUN {step}\n"));
    assert_eq!(strata.ok(["run", "--rm", "second", "cat", "/f"]), "good\n");
}

#[test]
fn mz822_mz824_and_mz873_what_runs_together_is_kept_apart() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    // each pair is one text when its parts are put together without their lengths
    let mut pairs = vec![
        ("ARG a=x\nARG b=yz\nRUN echo $a-$b >/f", "ARG a=xy\nARG b=z\nRUN echo $a-$b >/f"),
        ("ENV a=x b=y\nRUN echo \"$a|$b\" >/f", "ENV a=\"x b=y\"\nRUN echo \"$a|$b\" >/f"),
        (
            "RUN [\"sh\", \"-c\", \"echo $0$1 >/f\", \"a\", \"bc\"]",
            "RUN [\"sh\", \"-c\", \"echo $0,$1 >/f\", \"ab\", \"c\"]",
        ),
        ("COPY <<a <<b /d/\n1\na\n2\nb\nRUN cat /d/* >/f", "COPY <<a <<b /d/\n1\n2\na\nb\nRUN tail /d/* >/f"),
        ("COPY <<a /f\nbc\na", "COPY <<ab /f\nc\nab"),
        ("RUN <<a\necho x >/f\na", "RUN <<a\necho x  y >/f\na"),
    ];
    // with a single id there are no others
    if Privilege::held() >= Privilege::ManyIds {
        pairs.push((
            "USER 1:23\nWORKDIR /w\nUSER 0\nRUN stat -c %u:%g /w >/f",
            "USER 12:3\nWORKDIR /w\nUSER 0\nRUN stat -c %u:%g /w >/f",
        ));
    }
    for (one, other) in pairs {
        let contents = [one, other].map(|steps| {
            strata.build("app", &format!("FROM busybox\n{steps}\n"));
            strata.ok(["run", "--rm", "app", "cat", "/f"])
        });
        assert_ne!(contents[0], contents[1], "{one}");
    }
}

#[test]
fn two_builds_racing_on_one_name_leave_one_of_their_images() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let contexts: Vec<String> = (0..6)
        .map(|number| strata.context(&format!("FROM busybox\nRUN echo same >/s\nRUN echo {number} >/f && cp /s /t\n")))
        .collect();
    for _ in 0..3 {
        let builds: Vec<_> = contexts
            .iter()
            .map(|context| {
                let mut build = strata.command(["build", "-q", "--no-cache", "-t", "app", context]);
                build.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
            })
            .collect();
        let ids: BTreeSet<String> = builds
            .into_iter()
            .map(|build| {
                let output = build.wait_with_output().unwrap();
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
                String::from_utf8(output.stdout).unwrap().trim().to_owned()
            })
            .collect();
        let named = strata.json(["inspect", "app"])[0]["Id"].as_str().unwrap().to_owned();
        assert!(ids.contains(&named), "{named} is none of {ids:?}");
        assert_eq!(strata.ok(["system", "check"]), "sound\n");
        strata.ok(["run", "--rm", "app", "cat", "/f", "/s", "/t"]);
    }
}

#[test]
fn a_clock_that_goes_backwards_hides_no_change() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context = strata.context("FROM busybox\nCOPY f /f\n");
    let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    // the same length every time; the last two have one time, as files written within a tick have
    for (content, time) in [("a", 4_000_000_000), ("b", 1_000_000_000), ("c", 2_000_000_000), ("d", 2_000_000_000)] {
        let path = strata.file(&format!("{context}/f"), content);
        File::options().write(true).open(&path).unwrap().set_modified(at(time)).unwrap();
        strata.ok(["build", "-q", "-t", "app", &context]);
        assert_eq!(strata.ok(["run", "--rm", "app", "cat", "/f"]), content);
    }
    // a file that takes the place of another under its name, of the same length and time
    let path = strata.file("other", "e");
    File::options().write(true).open(&path).unwrap().set_modified(at(2_000_000_000)).unwrap();
    fs::rename(path, strata.work().join(&context).join("f")).unwrap();
    strata.ok(["build", "-q", "-t", "app", &context]);
    assert_eq!(strata.ok(["run", "--rm", "app", "cat", "/f"]), "e");
}
