//! What must not be kept: secrets, agents, and credentials of proxies are looked for in everything that a build leaves.

use std::{fs, os::unix::net::UnixListener, path::Path};

use crate::common::Strata;

/// Files below a folder that hold one of these texts.
fn holding(folder: &Path, texts: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let kind = fs::symlink_metadata(&path).unwrap().file_type();
        if kind.is_dir() {
            found.extend(holding(&path, texts));
        } else if kind.is_file() {
            let content = fs::read(&path).unwrap();
            let holds = |text: &&str| content.windows(text.len()).any(|window| window == text.as_bytes());
            if texts.iter().any(holds) {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

/// Builds with these options, and finds none of the texts in what is printed, kept, saved and left in temporary files.
fn keeps_none(strata: &Strata, options: &[&str], dockerfile: &str, texts: &[&str]) {
    let temporary = strata.work().join("temporary");
    fs::create_dir_all(&temporary).unwrap();
    let context = strata.context(dockerfile);
    for cache in [&["--no-cache"][..], &[]] {
        let mut build = strata.command(["build", "-t", "kept"]);
        let output = build.args(options).args(cache).arg(&context).env("TMPDIR", &temporary).output().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(output.status.success(), "{said}");
        assert!(texts.iter().all(|text| !said.contains(text)), "{said}");
    }
    let archive = temporary.join("kept.tar");
    strata.ok(["save", "-o", archive.to_str().unwrap(), "kept"]);
    let shown = strata.ok(["history", "--no-trunc", "kept"]) + &strata.ok(["inspect", "kept"]);
    assert!(texts.iter().all(|text| !shown.contains(text)), "{shown}");
    for folder in [strata.root(), temporary] {
        assert_eq!(holding(&folder, texts), [""; 0]);
    }
}

#[test]
fn what_a_proxy_is_asked_with_is_kept_nowhere() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let options =
        ["--build-arg", "HTTPS_PROXY=http://me:pr0xy-pa55@127.0.0.1:1", "--build-arg", "no_proxy=pr0xy-exception"];
    let step = "RUN test -n \"$https_proxy\" && test -n \"$NO_PROXY\" && echo made >/f\n";
    keeps_none(
        &strata,
        &options,
        &format!("FROM busybox\n{step}COPY Dockerfile /d\n"),
        &["pr0xy-pa55", "pr0xy-exception"],
    );
}

#[test]
fn a_secret_is_kept_nowhere() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let secret = strata.file("outside/secret", "fi1e-secret\n");
    let file = format!("id=file,src={}", secret.display());
    let dockerfile = "FROM busybox\n\
        RUN --mount=type=secret,id=file wc -c </run/secrets/file >/size\n\
        RUN --mount=type=secret,id=file,target=/etc/deep/secret,mode=0444 test -s /etc/deep/secret\n\
        RUN --mount=type=secret,id=file,env=SECRET test -n \"$SECRET\"\n\
        RUN --mount=type=secret,id=env,env=SECRET,required=true test \"$SECRET\" != \"\" && test ! -e /run/secrets/env\n\
        RUN test ! -e /run/secrets && test ! -e /etc/deep && test -z \"$SECRET\"\n";
    let context = strata.context("FROM busybox\nRUN --mount=type=secret,id=file test -s /run/secrets/file && exit 3\n");
    let said = strata.ends(1, ["build", "--secret", &file, &context]);
    assert!(!said.contains("fi1e-secret"), "{said}");
    // one of the environment comes with its name
    let mut build = strata.command(["build", "--secret", &file, "--secret", "id=env,env=STRATA_TEST_SECRET"]);
    let output = build.arg(strata.context(dockerfile)).env("STRATA_TEST_SECRET", "env-secret").output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success() && !said.contains("env-secret"), "{said}");
    let env = strata.file("outside/env", "env-secret");
    let env = format!("id=env,src={}", env.display());
    keeps_none(&strata, &["--secret", &file, "--secret", &env], dockerfile, &["fi1e-secret", "env-secret"]);
}

#[test]
fn the_socket_of_an_agent_is_there_for_its_step_alone() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("agent-s0cket");
    let _agent = UnixListener::bind(&socket).unwrap();
    let ssh = format!("default={}", socket.display());
    let dockerfile = "FROM busybox\n\
        RUN --mount=type=ssh test -S \"$SSH_AUTH_SOCK\" && ls -l /proc/self/fd | grep -vq socket\n\
        RUN test -z \"$SSH_AUTH_SOCK\" && ! find / -xdev -type s | grep .\n";
    keeps_none(&strata, &["--ssh", &ssh], dockerfile, &["agent-s0cket"]);
}
