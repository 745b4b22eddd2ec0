//! Commands that cannot be executed: which status, and which words.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
};

use strata_runtime::{
    Error,
    process::{ExecFailure, Mount, MountSource},
    user::User,
};

use crate::rootfs::{Rootfs, command};

fn write(path: &Path, content: &[u8], mode: u32) {
    fs::write(path, content).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// An ELF header for a 64-bit machine with one segment, the name of a loader.
fn elf(machine: u16, loader: &str) -> Vec<u8> {
    let mut head = vec![0_u8; 120];
    head[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    head[16] = 2;
    head[18..20].copy_from_slice(&machine.to_le_bytes());
    head[20] = 1;
    head[32] = 64;
    head[52] = 64;
    head[54] = 56;
    head[56] = 1;
    head[64] = 3;
    head[72] = 120;
    head[96] = u8::try_from(loader.len() + 1).unwrap();
    head.extend(loader.as_bytes());
    head.push(0);
    head
}

#[test]
fn each_failure_to_execute_has_its_status_and_its_cause() {
    let native = if cfg!(target_arch = "aarch64") { 183 } else { 62 };
    let rootfs = Rootfs::with(|root| {
        let bin = root.join("bin");
        write(&bin.join("bash-script"), b"#!/bin/bash\necho", 0o755);
        write(&bin.join("dos-script"), b"#!/bin/sh\r\necho\r\n", 0o755);
        write(&bin.join("text"), b"echo hello\n", 0o755);
        write(&bin.join("s390x"), &elf(22, "/lib/ld64.so.1"), 0o755);
        write(&bin.join("dynamic"), &elf(native, "/lib/ld-musl.so.1"), 0o755);
        write(&bin.join("data"), b"data", 0o644);
        fs::create_dir(bin.join("directory")).unwrap();
        symlink("/nowhere", bin.join("dangling")).unwrap();
        symlink("loop", bin.join("loop")).unwrap();
    });
    let Some(rootfs) = rootfs else { return };
    let cases = [
        ("nosuch", 127, "executable file not found in $PATH"),
        ("dangling", 127, "executable file not found in $PATH"),
        ("/bin/nosuch", 127, "no such file or directory"),
        ("/bin/data/nosuch", 126, "Not a directory (os error 20)"),
        ("bash-script", 127, "its interpreter \"/bin/bash\" is not in the image"),
        ("dos-script", 127, "its #! line ends with a carriage return after \"/bin/sh\" (Windows line endings)"),
        ("dynamic", 127, "its dynamic loader \"/lib/ld-musl.so.1\" is not in the image"),
        ("text", 126, "it is neither a program nor a script with a #! line"),
        ("s390x", 126, "it is a program for s390x, and this machine is "),
        ("data", 126, "permission denied"),
        ("/bin/directory", 126, "it is a directory"),
        ("directory", 126, "it is a directory"),
    ];
    for (name, expected_status, words) in cases {
        match rootfs.error(&command(&[name])) {
            Error::Exec { status, cause, .. } => {
                assert_eq!(status, expected_status, "{name}: {cause}");
                assert!(cause.to_string().starts_with(words), "{name}: {cause}");
            }
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn a_later_directory_of_path_is_used_when_an_earlier_one_has_no_program() {
    let rootfs = Rootfs::with(|root| {
        fs::create_dir_all(root.join("usr/bin/echo")).unwrap();
    });
    let Some(rootfs) = rootfs else { return };
    assert_eq!(rootfs.run(&command(&["echo", "found"])).unwrap().stdout, "found\n");
}

#[test]
fn a_user_without_permission_is_told_so() {
    let rootfs = Rootfs::with_every_id(|root| write(&root.join("bin/mine"), b"#!/bin/sh\n", 0o700));
    let Some(rootfs) = rootfs else { return };
    let mut spec = command(&["mine"]);
    spec.user = User { uid: 1000, ..User::default() };
    let error = rootfs.error(&spec);
    assert!(matches!(&error, Error::Exec { status: 126, cause: ExecFailure::Permission, .. }), "{error:?}");
}

#[test]
fn what_is_missing_or_wrong_in_a_specification_is_said() {
    let Some(rootfs) = Rootfs::new() else { return };
    let mut zero = command(&["true"]);
    zero.env.push("A=\0".into());
    let mut bind = command(&["true"]);
    bind.mounts.push(Mount {
        source: MountSource::Host("/no/such/place".into()),
        destination: "/mnt".into(),
        read_only: false,
    });
    let mut file = command(&["true"]);
    file.cwd = "/bin/busybox".into();
    let cases = [
        (command(&[]), "no command to run"),
        (command(&[""]), "no command to run"),
        (zero, "environment variable \"A=\\0\" contains a zero byte"),
        (bind, "cannot bind /no/such/place"),
        (file, "cannot change to the working directory /bin/busybox"),
    ];
    for (spec, words) in cases {
        assert_eq!(rootfs.error(&spec).to_string(), words);
    }
}
