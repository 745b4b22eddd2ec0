//! Hostile images as bases of builds, and archives that builds unpack.

use std::{fs, process::Command};

use serde_json::{Value, json};
use strata_fixtures::Privilege;
use tar::EntryType;

use crate::{
    common::Strata,
    hostile::{entry, file, link, tar},
};

#[test]
fn cve_2026_41579_links_in_place_of_kernel_folders_are_not_built_on() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let (_untouched, victim) = strata.victim();
    for name in ["dev", "proc", "sys"] {
        strata.hostile(&[link(name, &victim)], &json!({}));
        let said = strata.fails("FROM hostile\nRUN true\n");
        assert!(said.contains(&format!("/{name}: it is not an ordinary directory")), "{said}");
    }
}

#[test]
fn cve_2024_9676_user_tables_of_a_base_are_neither_waited_for_nor_read_without_end() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let huge = "r:x:0:0::/:/bin/sh\n".repeat(600_000);
    for table in
        [entry(EntryType::Fifo, "etc/passwd", "", b""), link("etc/passwd", "/dev/zero"), file("etc/passwd", huge)]
    {
        strata.hostile(&[table], &json!({}));
        for step in ["USER bob\nRUN true", "USER bob\nWORKDIR /w", "COPY --chown=bob Dockerfile /x"] {
            let said = strata.fails(&format!("FROM hostile\n{step}\n"));
            assert!(said.contains("bob") || said.contains("/etc/passwd"), "{said}");
        }
    }
}

#[test]
fn mz725_to_mz728_malformed_tables_and_configs_of_a_base_are_no_crash() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let garbage = b"\xff\xfe\n:::\nx\nbob:x:99999999999999999999:\nwheel:x:10:,,root,\n".as_slice();
    strata.hostile(&[file("etc/group", garbage), file("etc/passwd", garbage)], &json!({}));
    // with a single id there is no user 7
    if Privilege::held() >= Privilege::ManyIds {
        strata.builds("FROM hostile\nUSER 7:8\nRUN true\n");
    }
    assert!(!strata.fails("FROM hostile\nUSER bob\nRUN true\n").contains("panicked"));
    for config in [
        json!({"Env": ["NOVALUE", "=x", ""]}),
        json!({"WorkingDir": "../../relative"}),
        json!({"OnBuild": ["NOPE nope"]}),
        json!({"User": ":::"}),
        json!({"Volumes": {"": {}}, "ExposedPorts": {"": {}}}),
    ] {
        strata.hostile(&[], &config);
        let (_, said) = strata.at_once(&["build", &strata.context("FROM hostile\nRUN pwd\nCOPY Dockerfile d\n")]);
        assert!(!said.contains("panicked"), "{config}: {said}");
    }
}

#[test]
fn cve_2024_23650_documents_that_are_null_are_refused() {
    let strata = Strata::new();
    let null_config = json!([{"Config": "c.json", "RepoTags": null, "Layers": null}]);
    for manifest in [json!(null), json!([null]), json!([{}]), json!([]), null_config] {
        let archive = tar(&[file("c.json", "null"), file("manifest.json", manifest.to_string())]);
        let path = strata.file("null.tar", archive);
        let said = strata.ends(2, ["load", "-i", path.to_str().unwrap()]);
        assert!(!said.contains("panicked"), "{said}");
    }
}

#[test]
fn cve_2024_3727_a_digest_is_no_path() {
    let strata = Strata::new();
    let (_untouched, victim) = strata.victim();
    for digest in
        [format!("sha256:../../../../..{victim}/secret"), "sha256:..".into(), "../x:y".into(), "md5:00".into()]
    {
        let manifest = json!({"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": 9});
        let index = json!({"schemaVersion": 2, "manifests": [manifest]});
        let archive =
            tar(&[file("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#), file("index.json", index.to_string())]);
        let path = strata.file("digest.tar", archive);
        let said = strata.ends(2, ["load", "-i", path.to_str().unwrap()]);
        assert!(!said.contains("untouched"), "{said}");
    }
}

/// The ways out of a tree that an archive can try, to a folder of the host.
fn ways_out(victim: &str) -> Vec<Vec<Vec<u8>>> {
    let up = format!("../../../../../../../..{victim}");
    let hard = |target: &str| entry(EntryType::Link, "stolen", target, b"");
    vec![
        vec![file(&format!("{up}/new"), "x")],
        vec![file(&format!("{victim}/secret"), "x")],
        vec![link("d", victim), file("d/secret", "x")],
        vec![link("d", &up), file("d/new", "x")],
        vec![link("d", victim), entry(EntryType::Directory, "d", "", b""), file("d/new", "x")],
        vec![hard(&format!("{victim}/secret"))],
        vec![hard(&format!("{up}/secret"))],
        vec![link("d", victim), hard("d/secret")],
        vec![link("d", "/proc/self/root"), file(&format!("d{victim}/new"), "x")],
    ]
}

#[test]
fn cve_2020_10696_and_cg326_2_an_archive_writes_through_no_link_to_the_host() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let (_untouched, victim) = strata.victim();
    for entries in ways_out(&victim) {
        let context = strata.context("FROM busybox\nADD a.tar /x/\nRUN cat /x/d/secret /x/stolen || true\n");
        strata.file(&format!("{context}/a.tar"), tar(&entries));
        // it lands inside, or the build stops; the folder of the host is looked at in the end
        let (_, said) = strata.at_once(&["build", &context]);
        assert!(!said.contains("untouched"), "{said}");
    }
}

#[test]
fn cg326_1_layers_of_an_image_that_is_copied_from_stay_in_their_root() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let (_untouched, victim) = strata.victim();
    for entries in ways_out(&victim) {
        strata.hostile(&entries, &json!({}));
        for source in ["/", "/d/", "/stolen", "/../../.."] {
            let dockerfile =
                format!("FROM busybox\nCOPY --from=hostile {source} /x/\nRUN cat /x/d/secret /x/stolen || true\n");
            let (_, said) = strata.at_once(&["build", "--no-cache", &strata.context(&dockerfile)]);
            assert!(!said.contains("untouched"), "{said}");
        }
    }
}

#[test]
fn cg326_3_a_link_with_too_many_dots_ends_at_the_root_and_works() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    strata.hostile(&[link("l", "../../../../../../tmp")], &json!({}));
    strata.builds("FROM hostile\nCOPY Dockerfile /l/x\nWORKDIR /l/made\nRUN test -f /tmp/x && test -d /tmp/made\n");
}

#[test]
fn mz560_a_trigger_copies_over_nothing_of_the_builders() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let binary = strata.command(["help"]).get_program().to_owned();
    let before = fs::read(&binary).unwrap();
    let program = std::path::Path::new(&binary).to_str().unwrap();
    strata.hostile(&[], &json!({"OnBuild": [format!("COPY Dockerfile {program}"), "COPY Dockerfile /proc/self/exe"]}));
    strata.builds("FROM hostile\n");
    assert!(fs::read(&binary).unwrap() == before);
}

#[test]
fn mz775_layers_of_one_digest_hold_nothing_up() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context =
        strata.context("FROM busybox\nRUN true\nRUN true\nCOPY Dockerfile /f\nCOPY Dockerfile /f\nRUN true\n");
    let archive = strata.work().join("same.tar");
    let archive = archive.to_str().unwrap();
    for args in [
        vec!["build", "-q", "-t", "same", &context],
        vec!["save", "-o", archive, "same"],
        vec!["rmi", "same"],
        vec!["load", "-i", archive],
        vec!["run", "--rm", "same", "test", "-f", "/f"],
    ] {
        let (success, said) = strata.at_once(&args);
        assert!(success, "{args:?}: {said}");
    }
}

#[test]
fn cve_2024_23652_what_is_cleaned_up_after_a_step_is_not_on_the_host() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let host = strata.work().join("host");
    fs::create_dir(&host).unwrap();
    for name in ["hosts", "resolv.conf", "hostname"] {
        fs::write(host.join(name), "kept").unwrap();
    }
    // the places of the mounts of the step are made in /etc, and removed after it: by then /etc is a link to the host
    let dockerfile = format!("FROM busybox\nRUN rm -rf /etc\nRUN mv /etc /was && ln -s {} /etc\n", host.display());
    strata.at_once(&["build", &strata.context(&dockerfile)]);
    for name in ["hosts", "resolv.conf", "hostname"] {
        assert_eq!(fs::read_to_string(host.join(name)).unwrap(), "kept", "{name}");
    }
}

#[test]
fn cve_2021_3602_no_variable_of_the_caller_is_in_a_step() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context = strata.context("FROM busybox\nARG STRATA_TEST_ARG\nRUN env\n");
    let mut build = strata.command(["build", "--no-cache", &context]);
    for name in ["STRATA_TEST_SECRET", "STRATA_TEST_ARG", "TRACEPARENT", "OTEL_TRACES_EXPORTER", "LD_PRELOAD_NOT"] {
        build.env(name, "leaked");
    }
    let output = build.output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success() && said.contains("PATH=") && !said.contains("leaked"), "{said}");
}

/// What a step prints when strata was started by `setpriv` with these options; nothing, the reason printed, where it cannot be.
fn under(strata: &Strata, options: &[&str], step: &str) -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can give itself groups and capabilities");
        return None;
    }
    let build = strata.command(["build", "--no-cache", &strata.context(&format!("FROM busybox\nRUN {step}\n"))]);
    let mut setpriv = Command::new("setpriv");
    setpriv.args(options).arg(build.get_program()).args(build.get_args()).current_dir(strata.work());
    let Ok(output) = setpriv.output() else {
        eprintln!("skipped: there is no setpriv");
        return None;
    };
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success(), "{said}");
    Some(said)
}

#[test]
fn cve_2023_25173_no_group_of_the_caller_is_in_a_step() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    if let Some(said) = under(&strata, &["--groups", "12345,54321"], "echo groups: $(id -G).") {
        assert!(said.contains("groups: 0."), "{said}");
    }
}

#[test]
fn cve_2022_27651_no_inheritable_capability_is_in_a_step() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let step = "grep -E '^Cap(Inh|Amb)' /proc/self/status | grep -vq '0000000000000000$' || echo none of them";
    if let Some(said) = under(&strata, &["--inh-caps", "+chown,+net_raw"], step) {
        assert!(said.contains("none of them\n"), "{said}");
    }
}

#[test]
fn cve_2026_57231_an_environment_without_values_takes_nothing_from_the_caller() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    strata.hostile(&[], &json!({"Env": ["STRATA_TEST_SECRET", "*", "STRATA_TEST_*"]}));
    let context = strata.context("FROM hostile\nENV copy=${STRATA_TEST_SECRET}\nRUN env\n");
    let output = strata.command(["build", &context]).env("STRATA_TEST_SECRET", "leaked").output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(!said.contains("leaked"), "{said}");
}

#[test]
fn a_layer_that_is_not_what_its_digest_says_is_never_built_on() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let config = json!({"architecture": "amd64", "os": "linux", "config": Value::Null,
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{}", "0".repeat(64))]}});
    let manifest = json!([{"Config": "c.json", "RepoTags": ["wrong:1"], "Layers": ["l.tar"]}]);
    let entries = |layer: Vec<u8>| {
        tar(&[file("c.json", config.to_string()), file("l.tar", layer), file("manifest.json", manifest.to_string())])
    };
    let cut_gzip = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x4b].to_vec();
    for layer in [tar(&[file("x", "y")]), Vec::new(), cut_gzip] {
        let path = strata.file("wrong.tar", entries(layer));
        // what is compressed is looked at when it is used
        strata.output(["load", "-i", path.to_str().unwrap()]);
        for dockerfile in ["FROM wrong:1\nRUN true\n", "FROM busybox\nCOPY --from=wrong:1 / /x\n"] {
            strata.fails(dockerfile);
        }
    }
}

#[test]
fn devices_are_not_made_without_root_and_not_left_out_in_silence() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    if rustix::process::geteuid().is_root() {
        eprintln!("skipped: root may make devices");
        return;
    }
    let mut device = entry(EntryType::Char, "device", "", b"");
    device.resize(512, 0);
    let context = strata.context("FROM busybox\nADD a.tar /x/\n");
    strata.file(&format!("{context}/a.tar"), tar(&[device]));
    let said = strata.ends(1, ["build", &context]);
    assert!(said.contains("device"), "{said}");
}
