//! Limits that need control groups, and that nothing is left of these.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Instant,
};

use strata_runtime::{
    Error,
    process::{Exit, LimitFailure, Limits, Spec},
};

use crate::{
    caller::PATIENCE,
    role::program,
    rootfs::{Output, Rootfs, shell},
};

tests![
    memory_beyond_the_limit_kills,
    processes_beyond_the_limit_cannot_be_made,
    processors_are_those_asked_for,
    shares_and_quotas_of_the_processor_are_taken,
    a_value_that_the_kernel_refuses_leaves_no_group,
    groups_of_a_killed_caller_are_swept,
];

/// Runs a script with limits; `None` where the machine lets nobody have them.
fn run(script: &str, limits: Limits) -> Option<Output> {
    let rootfs = Rootfs::new()?;
    match rootfs.run(&Spec { limits, ..shell(script) }) {
        Ok(output) => {
            assert_eq!(groups_of(std::process::id()), [] as [PathBuf; 0]);
            Some(output)
        }
        Err(Error::Limit { limit, cause }) if !matches!(cause, LimitFailure::Value { .. }) => {
            eprintln!("skipped: cannot limit the {limit}: {cause}");
            None
        }
        Err(error) => panic!("{error:?}"),
    }
}

/// Every control group that a process made.
fn groups_of(process: u32) -> Vec<PathBuf> {
    fn collect(directory: &Path, prefix: &str, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if entry.file_name().to_string_lossy().starts_with(prefix) {
                    found.push(entry.path());
                }
                collect(&entry.path(), prefix, found);
            }
        }
    }
    let mut found = Vec::new();
    collect(Path::new("/sys/fs/cgroup"), &format!("strata-{process}-"), &mut found);
    found
}

fn memory_beyond_the_limit_kills() {
    let limits = Limits { memory: Some(16 << 20), memory_swap: Some(16 << 20), ..Limits::default() };
    let script = "dd if=/dev/zero of=/dev/shm/x bs=1048576 count=40; echo status $?";
    let Some(output) = run(script, limits) else { return };
    // the shell may be killed in the place of its child
    assert!(output.exit == Exit::Signal(9) || output.stdout == "status 137\n", "{output:?}");
}

fn processes_beyond_the_limit_cannot_be_made() {
    let limits = Limits { pids: Some(3), ..Limits::default() };
    let Some(output) = run("sleep 1000 & sleep 1000 & echo two; sleep 1000 & echo three", limits) else { return };
    assert!(output.stdout.starts_with("two\n") && !output.stdout.contains("three"), "{output:?}");
}

fn processors_are_those_asked_for() {
    let limits = Limits { cpuset_cpus: Some("0".into()), ..Limits::default() };
    let Some(output) = run("grep Cpus_allowed_list /proc/self/status", limits) else { return };
    assert_eq!(output.stdout, "Cpus_allowed_list:\t0\n");
}

fn shares_and_quotas_of_the_processor_are_taken() {
    let limits = Limits {
        cpu_shares: Some(512),
        cpu_quota: Some(1000),
        cpu_period: Some(100_000),
        cpuset_mems: Some("0".into()),
        ..Limits::default()
    };
    // a hundredth of a processor: most is waited for, once it has run for so long that the kernel looks
    let script = "i=0
        while read ran waited _ </proc/$$/schedstat && [ $waited -le $ran ] && [ $i -lt 100000 ]; do i=$((i+1)); done
        [ $waited -gt $ran ] && echo waited || echo ran $ran, waited $waited";
    let Some(output) = run(script, limits) else { return };
    assert_eq!(output.stdout, "waited\n", "{output:?}");
}

fn a_value_that_the_kernel_refuses_leaves_no_group() {
    let Some(rootfs) = Rootfs::new() else { return };
    let limits = Limits { cpuset_cpus: Some("4000-5000".into()), ..Limits::default() };
    let error = rootfs.error(&Spec { limits, ..shell("true") });
    match error {
        Error::Kernel { object, .. } => assert!(object.contains("4000-5000 is refused by /"), "{object}"),
        Error::Limit { limit, cause } => eprintln!("skipped: cannot limit the {limit}: {cause}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(groups_of(std::process::id()), [] as [PathBuf; 0]);
}

fn groups_of_a_killed_caller_are_swept() {
    let mut caller = program("memory", "echo started; sleep 1000").stdout(Stdio::piped()).spawn().unwrap();
    let mut byte = [0];
    let read = std::io::Read::read(caller.stdout.as_mut().unwrap(), &mut byte).unwrap();
    caller.kill().unwrap();
    caller.wait().unwrap();
    if read == 0 {
        // it said why on its own stderr
        return;
    }
    assert_ne!(groups_of(caller.id()), [] as [PathBuf; 0]);
    // the container dies with the caller, a moment later
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        let limits = Limits { memory: Some(64 << 20), ..Limits::default() };
        assert!(run("true", limits).is_some());
        if groups_of(caller.id()).is_empty() {
            return;
        }
    }
    panic!("left: {:?}", groups_of(caller.id()));
}
