//! What a command sees.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
};

use strata_runtime::{
    Error,
    process::{ExecFailure, Limits, Network, Spec, Ulimit},
    user::User,
};

use crate::{
    rootfs::marker,
    tree::{Tree, chrooted, shell},
};

#[test]
fn its_root_is_the_tree_and_nothing_leads_out_of_it() {
    let Some(tree) = Tree::with(|root| symlink("../../..", root.join("up")).unwrap()) else { return };
    assert_eq!(tree.shell("cd /; pwd; echo *"), "/\nbin dev etc proc sys tmp up\n");
    for path in ["/up", "/..", "/bin/../../..", "/up/sys/../.."] {
        assert_eq!(tree.shell(&format!("ls {path}")), tree.shell("ls /"), "{path}");
    }
    assert_eq!(tree.shell("ls -A /proc /sys"), "/proc:\n\n/sys:\n");
}

/// CVE-2021-3602: buildah's chroot isolation gave steps the environment of the host.
#[test]
fn the_environment_is_what_was_given_and_nothing_more() {
    let Some(tree) = Tree::new() else { return };
    let mut spec = chrooted(&["/bin/busybox", "env"]);
    spec.env = vec!["B=2".into(), "A=1".into()];
    assert_eq!(tree.run(&spec).unwrap().1, "B=2\nA=1\n");
}

#[test]
fn only_the_standard_streams_are_open() {
    let Some(tree) = Tree::new() else { return };
    let _directory = fs::File::open("/").unwrap();
    // a shell can use a descriptor that is open, whatever it is
    let script = "for fd in 0 1 2 3 4 5 6 7 8 9; do (eval \": >&$fd\") 2>/dev/null && echo $fd; done; true";
    assert_eq!(tree.shell(script), "0\n1\n2\n");
}

#[test]
fn user_groups_umask_and_directory_are_those_asked_for() {
    let Some(tree) = Tree::new() else { return };
    assert_eq!(tree.shell("id -u; id -G; umask"), "0\n0\n0022\n");
    let mut spec = shell("id -u; id -G; pwd; stat -c %u:%g .; touch /x 2>/dev/null || echo refused");
    spec.user = User { uid: 1000, gid: 1001, groups: vec![5, 6], ..User::default() };
    spec.cwd = "/made/here".into();
    assert_eq!(tree.run(&spec).unwrap().1, "1000\n1001 5 6\n/made/here\n1000:1001\nrefused\n");
}

#[test]
fn capabilities_are_dockers_without_that_to_leave() {
    let Some(tree) = Tree::new() else { return };
    // what a process may do is seen from outside: there is no /proc inside
    let marker = marker();
    let running = tree.start(&chrooted(&["sleep", &marker])).unwrap();
    let status = status_of(&format!("sleep\0{marker}")).expect("it runs");
    let set = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        u64::from_str_radix(line.trim_start_matches(':').trim(), 16).unwrap()
    };
    let docker = 0xa804_25fb;
    for name in ["CapPrm", "CapEff", "CapBnd"] {
        assert_eq!(set(name) & !docker, 0, "{name}");
        assert_eq!(set(name) & (1 << 18), 0, "{name} has CAP_SYS_CHROOT");
    }
    assert_eq!((set("CapInh"), set("CapAmb")), (0, 0));
    drop(running);
}

fn status_of(command: &str) -> Option<String> {
    let processes = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
    let mut found = processes.filter(|path| {
        fs::read(path.join("cmdline"))
            .is_ok_and(|line| String::from_utf8_lossy(&line).trim_end_matches('\0') == command)
    });
    found.next().and_then(|path| fs::read_to_string(path.join("status")).ok())
}

#[test]
fn dev_has_dockers_devices_for_the_time_of_the_command() {
    let Some(tree) = Tree::with(|root| fs::write(root.join("dev/of-the-image"), "").unwrap()) else { return };
    assert_eq!(tree.shell("cd /dev; echo *"), "full null random shm tty urandom zero\n");
    assert_eq!(
        tree.shell("cd /dev; stat -c '%n %F %a %t:%T' full null zero"),
        "full character special file 666 1:7\nnull character special file 666 1:3\nzero character special file 666 1:5\n"
    );
    tree.shell("echo x > /dev/null; test $(head -c 3 /dev/zero | wc -c) = 3; echo > /dev/shm/file; touch /dev/new");
    let names: Vec<_> =
        fs::read_dir(tree.path().join("dev")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["of-the-image"]);
}

#[test]
fn hosts_and_resolver_are_private() {
    let Some(tree) = Tree::with(|root| fs::write(root.join("etc/hosts"), "of the image").unwrap()) else { return };
    let mut spec = shell("cat /etc/hosts; echo 1.2.3.4 other >> /etc/hosts; echo >> /etc/resolv.conf");
    spec.extra_hosts = vec![("db".into(), "10.0.0.7".into())];
    let (_, seen) = tree.run(&spec).unwrap();
    assert!(seen.starts_with("127.0.0.1\tlocalhost container\n") && seen.contains("10.0.0.7\tdb\n"), "{seen}");
    assert_eq!(fs::read_to_string(tree.path().join("etc/hosts")).unwrap(), "of the image");
    assert!(!tree.path().join("etc/resolv.conf").exists());
    let resolv_conf = fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    assert_eq!(tree.shell("cat /etc/resolv.conf"), resolv_conf);
}

#[test]
fn what_chroot_cannot_keep_is_an_error() {
    let Some(tree) = Tree::new() else { return };
    for (spec, what) in [
        (Spec { network: Network::None, ..chrooted(&["true"]) }, "a step without a network"),
        (Spec { read_only: true, ..chrooted(&["true"]) }, "a read-only root filesystem"),
    ] {
        let error = tree.error(&spec).to_string();
        assert_eq!(error, format!("{what} needs namespaces and mounts, which chroot isolation does without"));
    }
    assert_eq!(fs::read_dir(tree.path().join("dev")).unwrap().count(), 0);
}

#[test]
fn ulimits_are_set() {
    let Some(tree) = Tree::new() else { return };
    let ulimits = vec![Ulimit { name: "nofile".into(), soft: 50, hard: 60 }];
    let spec = Spec { limits: Limits { ulimits, ..Limits::default() }, ..shell("ulimit -n; ulimit -H -n") };
    assert_eq!(tree.run(&spec).unwrap().1, "50\n60\n");
}

#[test]
fn why_a_command_cannot_be_executed_is_told() {
    let tree = Tree::with(|root| {
        fs::write(root.join("bin/script"), "#!/bin/nosuch\n").unwrap();
        fs::set_permissions(root.join("bin/script"), fs::Permissions::from_mode(0o755)).unwrap();
    });
    let Some(tree) = tree else { return };
    let before = tree.inventory();
    for (name, expected) in [
        ("nosuch", ExecFailure::NotFound { searched: true }),
        ("script", ExecFailure::MissingInterpreter { interpreter: "/bin/nosuch".into() }),
        ("/etc", ExecFailure::Directory),
    ] {
        let error = tree.error(&chrooted(&[name]));
        assert!(matches!(&error, Error::Exec { cause, .. } if *cause == expected), "{name}: {error}");
    }
    assert_eq!(tree.inventory(), before);
}
