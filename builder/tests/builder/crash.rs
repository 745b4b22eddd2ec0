//! A build that is killed at any instant leaves nothing that a later one could see.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use strata_builder::{Engine, Options, build, cache::Keep};
use strata_image::{Store, store::StoredImage};
use strata_runtime::snapshot::Snapshots;

use crate::workshop::{Workshop, name};

/// Where the build to be killed finds its root, and a mark that keeps its steps out of the cache.
const ROOT: &str = "STRATA_CRASH_ROOT";
const MARK: &str = "STRATA_CRASH_MARK";
const KILLS: u64 = 15;

fn dockerfile(mark: &str) -> String {
    format!(
        "FROM busybox AS a\nRUN echo {mark} && dd if=/dev/urandom of=/a bs=64k count=16\nWORKDIR /w\nRUN sleep 0.01; echo b >b\n\
         FROM busybox\nCOPY --from=a /a /w /c/\nRUN rm /c/a && echo d >/d\n"
    )
}

/// Not a test of its own: the process that is killed.
#[test]
#[ignore = "started by a_killed_build_is_as_if_it_had_never_started"]
fn victim() {
    let (Ok(root), Ok(mark)) = (std::env::var(ROOT), std::env::var(MARK)) else {
        return;
    };
    let engine = engine(Path::new(&root));
    let options =
        Options { dockerfile: dockerfile(&mark).into_bytes(), names: vec![name("victim")], ..Options::default() };
    build(&engine, &options, &mut |_| {}).unwrap();
}

fn engine(root: &Path) -> Engine {
    Engine {
        store: Store::open(root).unwrap(),
        snapshots: Snapshots::open(root).unwrap(),
        cache: root.join("cache"),
        analysis: root.join("analysis"),
    }
}

#[test]
fn a_killed_build_is_as_if_it_had_never_started() {
    let Some(mut workshop) = Workshop::open() else {
        return;
    };
    let root = workshop.dir.path().join("root");
    let before = workshop.engine.store.size().unwrap();
    let bases: Vec<_> = workshop.engine.store.images().unwrap().iter().map(StoredImage::image_id).collect();
    for round in 0..KILLS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::victim", "--ignored"])
            .env(ROOT, &root)
            .env(MARK, round.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(7 + round * 13));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(workshop.engine.store.check().unwrap().is_empty(), "round {round}");
        assert!(workshop.engine.snapshots.check().unwrap().is_empty(), "round {round}");
    }
    workshop.built(&dockerfile("last"));
    let partial: Vec<_> = fs::read_dir(workshop.engine.cache.join("partial")).unwrap().collect();
    assert!(partial.is_empty(), "{partial:?}");
    workshop.engine.prune_cache(&Keep::default()).unwrap();
    // a victim that lived long enough to get its name took it from the one before
    for image in workshop.engine.store.images().unwrap() {
        if !bases.contains(&image.image_id()) {
            workshop.engine.store.remove(&image.image_id(), true).unwrap();
        }
    }
    workshop.engine.collect_garbage().unwrap();
    assert_eq!(workshop.engine.store.size().unwrap(), before);
}

#[test]
fn builds_share_a_store() {
    let Some(workshop) = Workshop::open() else {
        return;
    };
    let root = workshop.dir.path().join("root");
    let ids: Vec<_> = std::thread::scope(|scope| {
        let builds: Vec<_> = (0..4)
            .map(|number| {
                let root = &root;
                scope.spawn(move || {
                    let options = Options {
                        dockerfile: b"FROM busybox\nRUN sleep 0.05; echo a >/a\nENV x=y\nCMD [\"a\"]\n".to_vec(),
                        names: vec![name(&format!("shared:{number}"))],
                        epoch: Some(0),
                        ..Options::default()
                    };
                    build(&engine(root), &options, &mut |_| {}).unwrap().id
                })
            })
            .collect();
        builds.into_iter().map(|build| build.join().unwrap()).collect()
    });
    assert_eq!(ids.len(), 4);
    assert!(workshop.engine.store.check().unwrap().is_empty());
    for number in 0..4 {
        assert!(workshop.engine.store.find(&format!("shared:{number}")).unwrap().is_some());
    }
}
