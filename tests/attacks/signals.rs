//! Builds that are stopped by signals leave nothing.

use std::{
    fs::{self, File},
    process::{self, Child, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::common::{Strata, processes, until};

/// Names in a folder of the root folder that begin so; nothing where the folder is not there.
fn begun(strata: &Strata, folder: &str, prefix: &str) -> Vec<String> {
    let Ok(names) = fs::read_dir(strata.root().join(folder)) else {
        return Vec::new();
    };
    let names = names.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with(prefix)).collect()
}

/// A build that does not outlive a test that fails.
struct Build(Child);

impl Drop for Build {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn sigint_and_sigterm_end_all_steps_and_leave_nothing() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    for (signal, status) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        // other users may run this at the same time
        let seconds = format!("{status}{:07}", process::id());
        // two stages that run at once, one of which hears no signal, and a process in the background of each
        let context = strata.context(&format!(
            "FROM busybox AS a\nRUN trap '' INT TERM; sleep {seconds} & echo started-a; echo half >/half; sleep {seconds}\n\
             FROM busybox AS b\nRUN sleep {seconds} & echo started-b; sleep {seconds}\n\
             FROM busybox\nCOPY --from=a /half /a\nCOPY --from=b /half /b\n"
        ));
        let path = strata.file("said", "");
        let said = || fs::read_to_string(&path).unwrap();
        let out = || Stdio::from(File::options().append(true).open(&path).unwrap());
        let mut build = strata.interruptible(["build", "-t", "stopped", &context]);
        let mut build = Build(build.stdout(out()).stderr(out()).spawn().unwrap());
        until("both stages run", || {
            let said = said();
            said.contains("started-a\n") && (said.contains("started-b\n") || available() < 2)
        });
        let pid = Pid::from_raw(i32::try_from(build.0.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
        let mut ended = None;
        until("it ends", || {
            ended = build.0.try_wait().unwrap();
            ended.is_some()
        });
        assert_eq!(ended.unwrap().code(), Some(status), "{}", said());
        until("no process is left", || processes(&seconds).is_empty());
        for (folder, prefix) in [("snapshots", "active-"), ("snapshots", "dead-"), ("images/.ingest", "")] {
            assert_eq!(begun(&strata, folder, prefix), [""; 0], "{folder}");
        }
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        assert!(!mounts.contains(strata.root().to_str().unwrap()), "{mounts}");
        assert!(!strata.ok(["images"]).contains("stopped"));
        assert_eq!(strata.ok(["system", "check"]), "sound\n");
        // no lock is held
        strata.builds("FROM busybox\nRUN true\n");
    }
}

fn available() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
