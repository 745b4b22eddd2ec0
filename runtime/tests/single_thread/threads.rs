//! Containers started on many threads at once.

use std::{fs, thread};

use rustix::{io::Errno, process::WaitOptions};

use crate::rootfs::{Rootfs, command, shell};

tests![starts_on_many_threads_share_no_descriptor_and_leave_nothing,];

fn open_descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

fn starts_on_many_threads_share_no_descriptor_and_leave_nothing() {
    let roots: Vec<_> = (0..8).filter_map(|_| Rootfs::new()).collect();
    let before = open_descriptors();
    thread::scope(|scope| {
        for (thread, rootfs) in roots.iter().enumerate() {
            scope.spawn(move || {
                for round in 0..20 {
                    // it outlives what the others run meanwhile, whose output would not end if it had their pipes
                    let _sleeper = rootfs.start(&command(&["sleep", "1000"])).unwrap();
                    let marker = format!("{thread}-{round}");
                    let output = rootfs.run(&shell(&format!("echo {marker}; ls /proc/1/fd; true"))).unwrap();
                    assert_eq!(output.stdout, format!("{marker}\n0\n1\n2\n"));
                }
            });
        }
    });
    assert_eq!(open_descriptors(), before);
    assert_eq!(rustix::process::wait(WaitOptions::NOHANG).unwrap_err(), Errno::CHILD, "a child was not waited for");
    for rootfs in &roots {
        assert_eq!(fs::read_dir(rootfs.path().join("etc")).unwrap().count(), 0, "a mount point is left");
    }
}
