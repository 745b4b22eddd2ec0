//! What the caller is, has and does, and what of it reaches a container.

use std::time::{Duration, Instant};

use crate::{
    role::program,
    rootfs::{Rootfs, marker, processes_with},
};

/// Far more than processes need to end.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

tests![groups_of_the_caller_do_not_leak_in, nothing_survives_a_killed_caller,];

fn groups_of_the_caller_do_not_leak_in() {
    if Rootfs::new().is_none() {
        return;
    }
    let output = program("groups", "id -G").output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(stdout.contains("caller: [12345, 54321]"), "{stdout}");
    assert!(stdout.lines().any(|line| line == "0"), "{stdout}");
}

fn nothing_survives_a_killed_caller() {
    if Rootfs::new().is_none() {
        return;
    }
    for role in ["inherit", "user", "terminal", "chroot", "chroot terminal"] {
        let marker = marker();
        let mut child = program(role, &format!("sleep {marker} & setsid sleep {marker} & sleep {marker}"))
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        while processes_with(&marker) < 3 {
            assert_eq!(child.try_wait().unwrap(), None, "{role}");
            std::thread::sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let end = Instant::now() + PATIENCE;
        while processes_with(&marker) > 0 {
            assert!(Instant::now() < end, "{role}: a process survives");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
