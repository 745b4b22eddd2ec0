//! What a process may use of the machine.

use strata_runtime::{
    Error,
    process::{Limits, Spec, Ulimit},
    user::User,
};

use crate::rootfs::{Rootfs, shell};

fn limited(script: &str, limits: Limits) -> Spec {
    Spec { limits, ..shell(script) }
}

fn ulimits(limits: &[(&str, u64, u64)]) -> Limits {
    let ulimit = |(name, soft, hard): &(&str, u64, u64)| Ulimit { name: (*name).into(), soft: *soft, hard: *hard };
    Limits { ulimits: limits.iter().map(ulimit).collect(), ..Limits::default() }
}

#[test]
fn ulimits_are_set_for_root_and_for_others() {
    let Some(rootfs) = Rootfs::with_every_id(|_| {}) else { return };
    let limits = ulimits(&[("nofile", 100, 200), ("core", 0, 0), ("fsize", 4096, 8192), ("nofile", 101, 201)]);
    let script = "ulimit -n; ulimit -Hn; ulimit -c; grep 'Max file size' /proc/self/limits";
    for uid in [0, 1000] {
        let mut spec = limited(script, limits.clone());
        spec.user = User { uid, ..User::default() };
        let output = rootfs.run(&spec).unwrap();
        let words: Vec<_> = output.stdout.split_whitespace().collect();
        assert_eq!(words[..3], ["101", "201", "0"], "{output:?}");
        assert_eq!(words[words.len() - 3..], ["4096", "8192", "bytes"], "{output:?}");
    }
}

#[test]
fn a_ulimit_that_is_none_says_what_was_meant() {
    let Some(rootfs) = Rootfs::new() else { return };
    let error = rootfs.error(&limited("true", ulimits(&[("nofiles", 1, 1)]))).to_string();
    assert_eq!(error, "unknown ulimit \"nofiles\": did you mean nofile?");
    let error = rootfs.error(&limited("true", ulimits(&[("memory", 1, 1)]))).to_string();
    assert!(error.starts_with("unknown ulimit \"memory\": there are core, cpu,"), "{error}");
    let error = rootfs.error(&limited("true", ulimits(&[("nproc", 2, 1)]))).to_string();
    assert_eq!(error, "ulimit nproc: the soft limit 2 is beyond the hard limit 1");
}

#[test]
fn a_ulimit_beyond_what_we_have_is_an_error() {
    let Some(rootfs) = Rootfs::new() else { return };
    // never more than fs.nr_open, whoever asks
    let error = rootfs.error(&limited("true", ulimits(&[("nofile", 10, u64::MAX)])));
    assert!(matches!(&error, Error::UlimitForbidden { name: "nofile", hard: u64::MAX, .. }), "{error:?}");
    assert!(error.to_string().starts_with("ulimit nofile: the kernel does not allow a hard limit of -1 (this"));
}

#[test]
fn shared_memory_has_the_size_asked_for() {
    let Some(rootfs) = Rootfs::new() else { return };
    for (asked, expected) in [(2 * 1024 * 1024, "size=2048k"), (0, "size=65536k")] {
        let limits = Limits { shm_size: Some(asked), ..Limits::default() };
        let output = rootfs.run(&limited("grep /dev/shm /proc/self/mounts", limits)).unwrap();
        assert!(output.stdout.contains(expected), "{output:?}");
    }
}
