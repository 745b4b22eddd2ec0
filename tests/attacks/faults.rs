//! Disks that are full, and stores that cannot be written.

use std::process::{Command, Output};

use crate::common::Strata;

/// Runs a shell script in a mount namespace of its own, `$S` being strata with its root folder `$R`. `None`, the reason printed,
/// where mounting is forbidden.
fn apart(strata: &Strata, script: &str) -> Option<Output> {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can mount");
        return None;
    }
    let binary = strata.command(["help"]).get_program().to_owned();
    let root = strata.root();
    let script = format!("S() {{ \"$B\" --root \"$R\" \"$@\"; }}\n{script}");
    let mut shell = Command::new("unshare");
    shell.args(["-m", "sh", "-euc", &script]).env("B", binary).env("R", root).current_dir(strata.work());
    Some(shell.output().unwrap())
}

#[test]
fn a_full_disk_during_a_commit_leaves_no_half_of_an_image() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let base = strata_fixtures::busybox_tar().unwrap();
    strata.file("base.tar", std::fs::read(base).unwrap());
    for megabytes in [4, 6, 9, 13, 18, 40] {
        let context = format!("full{megabytes}");
        let dockerfile =
            format!("FROM busybox\nRUN head -c {megabytes}000000 /dev/urandom >/a\nRUN cp /a /b\nCOPY Dockerfile /c\n");
        strata.file(&format!("{context}/Dockerfile"), dockerfile);
    }
    // the disk holds some of them, and fills up in the snapshot or in the blob of others
    let script = r#"
        mount -t tmpfs -o size=24m none "$R"
        S import base.tar busybox >/dev/null
        for context in full*; do
            if S build -t "$context" "$context" >said 2>&1; then
                S run --rm "$context" cmp /a /b
                echo built
            else
                # busybox has words of its own for it
                grep -qiE 'space left|I/O error' said || { cat said; exit 7; }
                ! S images | grep -q "^$context " || exit 8
                echo full
            fi
            [ "$(S system check)" = sound ] || exit 9
            S rmi -f "$context" >/dev/null 2>&1 || true
            S system prune -a -f >/dev/null
            S import base.tar busybox >/dev/null
        done
        ! grep " $R/" /proc/self/mountinfo
    "#;
    let Some(output) = apart(&strata, script) else {
        return;
    };
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(
        output.status.success() && said.contains("built\n") && said.contains("full\n"),
        "{}: {said}",
        output.status
    );
}

#[test]
fn a_store_that_cannot_be_written_is_read_and_said_to_be_so() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context = strata.context("FROM busybox\nRUN true\n");
    let script = format!(
        r#"
        mount --bind "$R" "$R"
        mount -o remount,bind,ro "$R"
        S images | grep -q busybox || exit 7
        if S build -t app {context} >said 2>&1; then exit 8; fi
        grep -qi read-only said || {{ cat said; exit 9; }}
        ! grep -q panicked said
    "#
    );
    let Some(output) = apart(&strata, &script) else {
        return;
    };
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success(), "{}: {said}", output.status);
    strata.ok(["build", "-q", "-t", "app", &context]);
}
