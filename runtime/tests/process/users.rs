//! Users, groups and what they may.

use strata_runtime::user::User;

use crate::rootfs::{Rootfs, shell};

#[test]
fn another_user_has_no_capabilities_but_dockers_bounding_set() {
    let Some(rootfs) = Rootfs::with_every_id(|_| {}) else { return };
    let mut spec = shell("id -u; id -g; id -G; grep Cap /proc/self/status");
    spec.user = User { uid: 1000, gid: 1001, groups: vec![2000, 1001, 3000], home: "/".into() };
    assert_eq!(
        rootfs.run(&spec).unwrap().stdout,
        "1000\n1001\n1001 2000 3000\nCapInh:\t0000000000000000\nCapPrm:\t0000000000000000\n\
         CapEff:\t0000000000000000\nCapBnd:\t00000000a80425fb\nCapAmb:\t0000000000000000\n"
    );
}

#[test]
fn a_user_can_reopen_its_streams_and_owns_the_working_directory_that_was_missing() {
    let Some(rootfs) = Rootfs::with_every_id(|_| {}) else { return };
    let mut spec = shell("echo hello > /dev/stdout; pwd; stat -c '%u:%g %a' . ..");
    spec.user = User { uid: 1000, ..User::default() };
    spec.cwd = "/new/one".into();
    let output = rootfs.run(&spec).unwrap();
    assert_eq!(output.stdout, "hello\n/new/one\n1000:0 755\n1000:0 755\n", "{output:?}");
}
