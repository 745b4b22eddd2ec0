//! Hostile images.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
};

use strata_runtime::{
    Error,
    process::{ExecFailure, Exit, Mount, MountSource},
};

use crate::rootfs::{Rootfs, command, shell};

#[test]
fn a_link_at_dev_proc_or_sys_is_refused_and_the_host_is_untouched() {
    for name in ["dev", "proc", "sys"] {
        let outside = tempfile::tempdir().unwrap();
        let rootfs = Rootfs::with(|root| {
            fs::remove_dir(root.join(name)).unwrap();
            symlink(outside.path(), root.join(name)).unwrap();
        });
        let Some(rootfs) = rootfs else { return };
        assert_eq!(
            rootfs.error(&command(&["true"])).to_string(),
            format!("cannot mount on /{name}: it is not an ordinary directory")
        );
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    }
}

#[test]
fn there_is_nothing_above_the_root() {
    let rootfs = Rootfs::with(|root| symlink("../../..", root.join("up")).unwrap());
    let Some(rootfs) = rootfs else { return };
    let inside = rootfs.shell("ls /; cat /proc/1/mounts");
    for path in ["/..", "/up", "/../../..", "/proc/1/root/.."] {
        let seen = rootfs.shell(&format!("ls {path}; cat {path}/proc/1/mounts"));
        assert_eq!(seen, inside, "{path}");
    }
}

#[test]
fn links_on_the_way_to_a_mount_point_stay_inside() {
    let outside = tempfile::tempdir().unwrap();
    let rootfs = Rootfs::with(|root| {
        symlink("../../../../..", root.join("up")).unwrap();
        symlink(outside.path(), root.join("absolute")).unwrap();
        symlink("dangling/further", root.join("first")).unwrap();
    });
    let Some(rootfs) = rootfs else { return };
    let source = tempfile::tempdir().unwrap();
    fs::write(source.path().join("seen"), "").unwrap();
    for destination in ["/up/mnt", "/absolute/mnt", "/first/mnt", "/x/../../mnt"] {
        let mut spec = shell(&format!("ls {destination}"));
        spec.mounts.push(Mount {
            source: MountSource::Host(source.path().into()),
            destination: destination.into(),
            read_only: false,
        });
        let output = rootfs.run(&spec).unwrap();
        // a path with a name that is not there cannot be walked with ..
        if !destination.contains("x/..") {
            assert_eq!(output.stdout, "seen\n", "{destination}: {output:?}");
        }
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
        assert!(!rootfs.path().join("dangling").exists());
    }
}

#[test]
fn a_loop_of_links_at_a_mount_point_is_an_error() {
    let rootfs = Rootfs::with(|root| {
        symlink("b", root.join("a")).unwrap();
        symlink("a", root.join("b")).unwrap();
    });
    let Some(rootfs) = rootfs else { return };
    let mut spec = command(&["true"]);
    spec.mounts.push(Mount { source: MountSource::Host("/tmp".into()), destination: "/a/x".into(), read_only: false });
    assert!(matches!(rootfs.error(&spec), Error::Kernel { source, .. } if source.raw_os_error() == Some(40)));
}

#[test]
fn nothing_can_be_mounted_in_proc_not_even_through_a_link() {
    let rootfs = Rootfs::with(|root| symlink("/proc/self", root.join("link")).unwrap());
    let Some(rootfs) = rootfs else { return };
    for destination in ["/proc", "/proc/self/attr", "/sys/x", "/x/../proc", "/link/y"] {
        let mut spec = command(&["true"]);
        spec.mounts.push(Mount {
            source: MountSource::Host("/tmp".into()),
            destination: destination.into(),
            read_only: false,
        });
        let error = rootfs.error(&spec);
        assert!(matches!(error, Error::MountPoint { .. }), "{destination}: {error}");
        assert_eq!(fs::read_dir(rootfs.path().join("proc")).unwrap().count(), 0);
    }
}

#[test]
fn hosts_and_resolver_as_links_are_mounted_inside() {
    let outside = tempfile::tempdir().unwrap();
    let victim = outside.path().join("victim");
    fs::write(&victim, "secret").unwrap();
    let rootfs = Rootfs::with(|root| {
        symlink(&victim, root.join("etc/hosts")).unwrap();
        symlink("../run/resolver/stub.conf", root.join("etc/resolv.conf")).unwrap();
    });
    let Some(rootfs) = rootfs else { return };
    let seen = rootfs.shell("cat /etc/hosts; echo changed > /etc/hosts; cat /etc/resolv.conf >/dev/null");
    assert!(seen.contains("container"), "{seen}");
    assert_eq!(fs::read_to_string(&victim).unwrap(), "secret");
    assert!(!rootfs.path().join("run").exists());
}

#[test]
fn a_working_directory_in_proc_never_reaches_a_descriptor_of_ours() {
    let rootfs = Rootfs::with(|root| symlink("/proc/self/fd/7", root.join("link")).unwrap());
    let Some(rootfs) = rootfs else { return };
    let _directory = fs::File::open("/").unwrap();
    let paths = (3..20).map(|fd| format!("/proc/self/fd/{fd}")).chain(["/link".to_owned()]);
    for path in paths {
        let mut spec = command(&["/bin/pwd"]);
        spec.cwd = path.clone().into();
        let error = rootfs.error(&spec);
        assert!(matches!(error, Error::OutsideRoot { .. } | Error::Kernel { .. }), "{path}: {error:?}");
        assert!(error.to_string().contains(&path), "{error}");
    }
}

#[test]
fn a_command_that_leads_to_our_own_program_is_not_executed() {
    let rootfs = Rootfs::with(|root| {
        symlink("/proc/self/exe", root.join("bin/link")).unwrap();
        for (name, line) in [("script", "#!/proc/self/exe"), ("second", "#! /bin/script x")] {
            let path = root.join("bin").join(name);
            fs::write(&path, line).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    });
    let Some(rootfs) = rootfs else { return };
    for name in ["/proc/self/exe", "/proc/1/exe", "/proc/self/fd/5", "link", "script", "second"] {
        let error = rootfs.error(&command(&[name]));
        let Error::Exec { status, cause, .. } = &error else {
            panic!("{name}: {error:?}");
        };
        assert!(matches!(cause, ExecFailure::MagicLink | ExecFailure::NotFound { .. }), "{name}: {cause:?}");
        assert!(*status >= 126, "{name}");
    }
    assert_eq!(rootfs.run(&shell("readlink /proc/1/exe")).unwrap().exit, Exit::Code(0));
}

#[test]
fn mounts_made_inside_are_forbidden() {
    let Some(rootfs) = Rootfs::new() else { return };
    let output = rootfs.run(&shell("mount -t tmpfs none /tmp || umount /proc/sys || umount /dev")).unwrap();
    assert_ne!(output.exit, Exit::Code(0));
}
