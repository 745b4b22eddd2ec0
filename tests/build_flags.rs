//! The options of `strata build` that docker has too, through the binary.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::Strata;

#[test]
fn files_say_what_was_built() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context = strata.context("FROM busybox\nLABEL a=b\n");
    let id = strata.ok(["build", "-q", "-t", "app:1", "--iidfile", "id", "--metadata-file", "meta.json", &context]);
    assert_eq!(strata.read("id"), id.trim());
    let metadata: serde_json::Value = serde_json::from_str(&strata.read("meta.json")).unwrap();
    assert_eq!(metadata["containerimage.config.digest"], id.trim());
    assert_eq!(metadata["image.name"], "docker.io/library/app:1");
    // the digest is that of the manifest, which the store has as a blob
    let digest = metadata["containerimage.digest"].as_str().unwrap();
    assert_eq!(metadata["containerimage.descriptor"]["digest"], digest);
    let blob = strata.root().join("images/blobs/sha256").join(digest.strip_prefix("sha256:").unwrap());
    assert_eq!(metadata["containerimage.descriptor"]["size"], blob.metadata().unwrap().len());
}

#[test]
fn switches_may_have_values_as_for_docker() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context = strata.context("FROM busybox\nRUN date +%N >/f\n");
    let build = |flags: &[&str]| strata.ok(["build", "-q"].iter().chain(flags).chain(&[context.as_str()]));
    let first = build(&[]);
    assert_eq!(build(&["--no-cache=false", "--rm=true", "--force-rm", "--quiet"]), first);
    assert_ne!(build(&["--no-cache=true"]), first);
}

#[test]
fn options_that_change_nothing_are_accepted_and_say_so() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context = strata.context("FROM scratch\nLABEL a=b\n");
    let flags = ["--load", "--pull", "--compress", "--builder=default", "--provenance=false", "--sbom=false"];
    let shown = strata.ends(0, ["build"].iter().chain(&flags).chain(&[context.as_str()]));
    for said in ["--load: nothing to do", "--pull: base images come from the store", "--compress:", "--builder:"] {
        assert!(shown.contains(&format!("note: {said}")), "{shown}");
    }
    assert_eq!(strata.ends(0, ["build", "-q", "--pull", &context]).lines().count(), 1);
}

#[test]
fn options_that_cannot_be_followed_are_errors_that_name_them() {
    let strata = Strata::new();
    let context = strata.context("FROM scratch\nLABEL a=b\n");
    strata.file("key", "a private key");
    let cases = [
        ("--push", "no registries yet"),
        ("--provenance=true", "attestations"),
        ("--sbom", "attestations"),
        ("--attest=type=sbom", "attestations"),
        ("--cgroup-parent=x", "--cgroup-parent"),
        ("--security-opt=seccomp=unconfined", "--allow security.insecure"),
        ("--ssh=default=key", "neither the socket of an agent"),
        ("--add-host=h:host-gateway", "host-gateway"),
        ("--add-host=h:1.2.3", "no IP address"),
        ("--ulimit=files=1", "nofile"),
        ("--shm-size=big", "no size"),
        ("--network=bridge", "default, none and host"),
        ("--allow=device", "security.insecure"),
        ("--platform=linux/a/b/c", "OS/ARCHITECTURE"),
        ("--secret=src=x", "no id"),
        ("--secret=id=a,src=nowhere", "nowhere"),
        ("--secret=id=a,env=STRATA_TEST_UNSET", "STRATA_TEST_UNSET"),
        ("--label==x", "no name"),
        ("--jobs=0", "above 0"),
    ];
    for (flag, named) in cases {
        let shown = strata.ends(2, ["build", flag, &context]);
        assert!(shown.contains(named), "{flag}: {shown}");
    }
}

#[test]
fn a_containerfile_is_a_dockerfile() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    strata.file("project/Containerfile", "FROM scratch\nLABEL from=containerfile\n");
    strata.ok(["build", "-q", "-t", "app", "project"]);
    strata.file("project/Dockerfile", "FROM scratch\nLABEL from=dockerfile\n");
    strata.ok(["build", "-q", "-t", "other", "project"]);
    let label = |name: &str| strata.json(["inspect", name])[0]["Config"]["Labels"]["from"].clone();
    assert_eq!((label("app"), label("other")), ("containerfile".into(), "dockerfile".into()));
}

#[test]
fn a_build_is_proved_reproducible_or_what_differs_is_named() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context = strata.context("FROM busybox\nRUN mkdir /d && echo same >/d/f\n");
    let verify = |context: &str, epoch: &str| {
        let mut command = strata.command(["build", "--verify-reproducible", context]);
        let output = command.env("SOURCE_DATE_EPOCH", epoch).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (status, shown) = verify(&context, "1700000000");
    assert!(status == Some(0) && shown.contains("built twice: the images are equal"), "{shown}");
    // without an epoch the content alone counts
    let (status, shown) = verify(&context, "");
    assert!(status == Some(0) && shown.contains("times are not compared"), "{shown}");

    let context = strata.context("FROM busybox\nRUN cat /proc/sys/kernel/random/uuid >/id; echo same >/f\n");
    let (status, shown) = verify(&context, "1700000000");
    assert!(status == Some(1) && shown.contains("/id: content") && !shown.contains("/f:"), "{shown}");
    assert_eq!(strata.ok(["images", "-q"]).lines().count(), 4, "of each build that was verified one image is left");
}

#[test]
fn a_cache_goes_to_another_root_and_misses_are_explained() {
    let (Some(here), Some(there)) = (Strata::with_base(), Strata::with_base()) else {
        return;
    };
    let text = "FROM busybox\nRUN date +%N >/f\nARG V=1\nRUN echo $V >/v\n";
    let (context, other) = (here.context(text), there.context(text));
    let cache = here.work().join("cache");
    let to = format!("type=local,dest={},mode=max", cache.display());
    let from = format!("type=local,src={}", cache.display());
    here.ok(["build", "-q", "--cache-to", &to, &context]);
    let shown = there.ends(0, ["build", "--cache-from", &from, "--cache-from", "type=local,src=none", &other]);
    assert_eq!(shown.matches(" CACHED\n").count(), 2, "{shown}");
    assert!(shown.contains("there is no cache in none yet"), "{shown}");
    let shown = there.ends(0, ["build", "--explain-cache", "--build-arg", "V=2", &other]);
    assert!(shown.contains("not cached: the variable V changed from \"1\" to \"2\""), "{shown}");
}

#[test]
fn several_platforms_become_one_index_and_this_machines_image_has_the_name() {
    let strata = Strata::new();
    let context = strata.context("FROM scratch\nARG TARGETARCH\nCOPY f /$TARGETARCH\n");
    strata.file(&format!("{context}/f"), "");
    let platforms = "linux/amd64,linux/arm64,linux/amd64";
    strata.ok(["build", "-t", "app", "--platform", platforms, "-o", "type=oci,dest=app.tar", &context]);
    let mut archive = tar::Archive::new(std::fs::File::open(strata.work().join("app.tar")).unwrap());
    let mut documents = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut text = String::new();
        if std::io::Read::read_to_string(&mut entry.unwrap(), &mut text).is_ok() {
            documents.push(text);
        }
    }
    let index = documents.iter().find(|text| text.contains("\"manifests\"") && text.contains("arm64")).unwrap();
    assert_eq!(index.matches("\"architecture\"").count(), 2, "{index}");
    let inspected = strata.json(["inspect", "app"]);
    assert_eq!(inspected[0]["Architecture"], strata_image::manifest::Platform::host().architecture);
}

#[test]
fn a_debug_shell_needs_a_terminal() {
    let strata = Strata::new();
    let context = strata.context("FROM scratch\n");
    assert!(strata.ends(2, ["build", "--debug-shell", &context]).contains("needs a terminal"));
}
