//! With `SOURCE_DATE_EPOCH` a build gives one image, whoever builds it, on however many threads, and kept apart in whichever
//! way.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests; what is skipped is said")]

mod common;

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, chown},
    path::Path,
    process::Command,
};

use common::Strata;

/// Owners, modes, links, deletions, stages, a context, an archive's times and directories that steps make.
const DOCKERFILE: &str = "FROM busybox AS made\n\
    RUN mkdir -p /out/d && echo one >/out/d/one && ln /out/d/one /out/link && chmod 4755 /out/d/one\n\
    FROM busybox\n\
    WORKDIR /w/x\n\
    COPY d /copied/\n\
    COPY --from=made --chmod=u=rwX,go=rX /out /made\n\
    RUN rm /bin/vi && touch /now && date +%s >/dev/null\n\
    RUN --mount=type=cache,target=/c echo kept >/c/file && cp /c/file /from-cache\n\
    LABEL l=1\n";

const EPOCH: &str = "1700000000";

/// A context that has this Dockerfile.
fn context(strata: &Strata) -> String {
    let context = strata.context(DOCKERFILE);
    for (name, content) in [("d/a", "a"), ("d/sub/b", "b")] {
        strata.file(&format!("{context}/{name}"), content);
    }
    for (name, mode) in [("d", 0o755), ("d/sub", 0o700), ("d/a", 0o644), ("d/sub/b", 0o600), ("Dockerfile", 0o644)] {
        let path = strata.work().join(&context).join(name);
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    context
}

fn id(output: &std::process::Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn the_number_of_threads_does_not_change_the_image() {
    let Some(strata) = Strata::with_base() else { return };
    let context = context(&strata);
    let build = |jobs: &str| {
        let mut command = strata.command(["build", "-q", "--no-cache", "--jobs", jobs, &context]);
        id(&command.env("SOURCE_DATE_EPOCH", EPOCH).env("RAYON_NUM_THREADS", jobs).output().unwrap())
    };
    assert_eq!(build("1"), build("16"));
}

#[test]
fn root_and_an_ordinary_user_get_the_same_image() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: only root can build as somebody else too");
        return;
    }
    let Some(strata) = Strata::with_base() else { return };
    let context = context(&strata);

    // a folder that the user can reach, with copies of all that is needed
    let home = tempfile::tempdir().unwrap();
    let nobody = 65_534;
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let copy = |from: &Path, name: &str| {
        let to = home.path().join(name);
        assert!(Command::new("cp").arg("-a").arg(from).arg(&to).status().unwrap().success());
        to
    };
    let binary = copy(strata.binary(), "strata");
    let base = copy(&strata_fixtures::busybox_tar().unwrap(), "base.tar");
    let context = copy(&strata.work().join(&context), "context");
    fs::set_permissions(&base, fs::Permissions::from_mode(0o644)).unwrap();
    for path in [home.path().to_owned(), context.join("d"), context.join("d/sub"), context.join("d/sub/b")] {
        chown(path, Some(nobody), Some(nobody)).unwrap();
    }
    let as_nobody = |args: &[&str]| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(&binary);
        command.args(["--root".as_ref(), home.path().join("root").as_os_str()]).args(args);
        command.env("SOURCE_DATE_EPOCH", EPOCH).env("HOME", home.path()).output().unwrap()
    };
    let imported = as_nobody(&["import", base.to_str().unwrap(), "busybox"]);
    if !imported.status.success() {
        println!("skipped: {}", String::from_utf8_lossy(&imported.stderr));
        return;
    }
    let built = as_nobody(&["build", "-q", context.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&built.stderr).into_owned();
    if !built.status.success() && said.contains("user namespace") {
        println!("skipped: {said}");
        return;
    }
    let as_root = |args: &[&str]| strata.command(args).env("SOURCE_DATE_EPOCH", EPOCH).output().unwrap();
    id(&as_root(&["import", base.to_str().unwrap(), "busybox"]));
    assert_eq!(id(&as_root(&["build", "-q", context.to_str().unwrap()])), id(&built));
}

#[test]
fn chroot_and_copies_give_the_same_root_filesystem() {
    let Some(strata) = Strata::with_base() else { return };
    if !rustix::process::geteuid().is_root() {
        println!("skipped: chroot alone is for root in a container");
        return;
    }
    let context = context(&strata);
    let build = |name: &str, how: &[&str]| {
        let mut command = strata.command(["build", "-q", "--no-cache", "-t", name]);
        id(&command.args(how).arg(&context).env("SOURCE_DATE_EPOCH", EPOCH).output().unwrap());
    };
    build("namespaces", &[]);
    build("chroot", &["--isolation", "chroot", "--snapshotter", "copy"]);
    strata.ok(["compare", "namespaces", "chroot"]);
}
