//! All of it as root has it in a container without privileges: with docker's capabilities, and with as few as will do.

use std::{
    env, fs,
    io::{Cursor, ErrorKind},
    os::fd::AsRawFd as _,
    path::Path,
    process::{self, Command},
};

use strata_image::{ChainId, layer::LayerReader};
use strata_runtime::{
    process::{Exit, Isolation, Mount, MountSource, start},
    snapshot::{Driver, Snapshots},
};

use crate::{rootfs::furnish, tree::shell};

/// Set when these tests run without privileges.
const INSIDE: &str = "STRATA_TESTS_POWERLESS";

const DOCKER: &str = "-all,+chown,+dac_override,+fsetid,+fowner,+mknod,+net_raw,+setgid,+setuid,+setfcap,+setpcap,\
                      +net_bind_service,+sys_chroot,+kill,+audit_write";
const FEW: &str = "-all,+chown,+dac_override,+fsetid,+fowner,+mknod,+setgid,+setuid,+sys_chroot,+kill";

#[test]
fn everything_holds_without_privileges() {
    if env::var_os(INSIDE).is_some() {
        return;
    }
    for bounding in [DOCKER, FEW] {
        let mut command = Command::new("setpriv");
        command.args(["--bounding-set", bounding, "--inh-caps", "-all", "--"]).arg(env::current_exe().unwrap());
        command.env(INSIDE, "1");
        if bounding == FEW {
            // who may not change the bounding set passes it on
            command.args(["--skip", "capabilities_are_dockers"]);
        }
        match command.output() {
            Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout)),
            Err(error) if error.kind() == ErrorKind::NotFound => return eprintln!("skipped: there is no setpriv(1)"),
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn chroot_and_copies_are_chosen_where_mounts_are_forbidden() {
    let root = tempfile::tempdir().unwrap();
    let snapshots = Snapshots::open(root.path()).unwrap();
    let (isolation, refusal) = Isolation::choose(None);
    let is_powerless = env::var_os(INSIDE).is_some();
    assert_eq!(isolation == Isolation::Chroot, is_powerless || refusal.is_some());
    if is_powerless {
        assert_eq!(refusal.unwrap().to_string(), "cannot make namespaces and mounts in them");
        assert_eq!(snapshots.driver().unwrap(), Driver::Copy);
        assert_eq!(snapshots.refusal().unwrap().unwrap().to_string(), "cannot open the overlay file system");
    }
    for asked_for in [Isolation::Namespaces, Isolation::Chroot] {
        let (chosen, refusal) = Isolation::choose(Some(asked_for));
        assert!(chosen == asked_for && refusal.is_none());
    }
}

/// What a step in a snapshot leaves in its layer: with both drivers, as far as they can be had.
#[test]
fn a_step_leaves_its_own_changes_in_the_layer() {
    let cache = tempfile::tempdir().unwrap();
    for driver in [Driver::Overlay, Driver::Copy] {
        let root = tempfile::tempdir().unwrap();
        let snapshots = Snapshots::open_with(root.path(), driver).unwrap();
        let active = match snapshots.prepare(&snapshots.scratch()) {
            Ok(active) => active,
            Err(error) => {
                eprintln!("skipped with {driver:?}: {error}");
                continue;
            }
        };
        let path = format!("/proc/{}/fd/{}", process::id(), active.root().as_raw_fd());
        if !furnish(Path::new(&path)) {
            return;
        }
        fs::create_dir_all(Path::new(&path).join("cache/of/the/image")).unwrap();
        fs::write(Path::new(&path).join("etc/hosts"), "of the image").unwrap();
        let base = active.commit(ChainId::of(b"base")).unwrap();

        let active = snapshots.prepare(&base).unwrap();
        let mut spec = shell("echo new > /etc/new; rm -r /tmp; echo x > /dev/shm/x; echo x > /cache/x");
        spec.mounts.push(Mount {
            source: MountSource::Host(cache.path().into()),
            destination: "/cache".into(),
            read_only: false,
        });
        let mut running = start(active.root(), &spec).unwrap();
        drop(running.take_output());
        assert_eq!(running.wait().unwrap(), Exit::Code(0));
        let mut layer = Vec::new();
        active.diff(None, &mut layer).unwrap();
        assert_eq!(paths(layer), ["etc", "etc/new", ".wh.tmp"], "{driver:?}");
    }
}

fn paths(layer: Vec<u8>) -> Vec<String> {
    let mut reader = LayerReader::new(Cursor::new(layer));
    std::iter::from_fn(|| reader.next_entry().unwrap()).map(|entry| entry.path.to_string()).collect()
}
