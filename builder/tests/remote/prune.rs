//! What was fetched is measured and removed with the cache.

use std::fs;

use strata_builder::{
    Engine,
    cache::{self, Keep, Kind},
    remote::http,
};
use strata_image::Store;
use strata_runtime::snapshot::Snapshots;

use crate::{
    git::{Ground, entries, ground, names},
    server::{Reply, Server},
};

/// Bytes of what was fetched.
fn fetched(ground: &Ground) -> u64 {
    let usage = cache::usage(&ground.fetcher.cache, &engine(ground).store).unwrap();
    usage.iter().filter(|usage| matches!(usage.kind, Kind::Http | Kind::Git)).map(|usage| usage.size).sum()
}

fn prune(ground: &Ground) -> u64 {
    engine(ground).prune_cache(&Keep::default()).unwrap()
}

fn engine(ground: &Ground) -> Engine {
    let root = ground.dir.path().join("root");
    Engine {
        store: Store::open(&root).unwrap(),
        snapshots: Snapshots::open(&root).unwrap(),
        cache: ground.fetcher.cache.clone(),
        analysis: root.join("analysis"),
    }
}

#[test]
fn the_cache_can_be_measured_and_emptied() {
    let Some(ground) = ground() else { return };
    assert_eq!((fetched(&ground), prune(&ground)), (0, 0), "there is none yet");
    ground.repository.commit("file", "text");
    let checkout = ground.checkout("", false).unwrap();
    let server = Server::start(|_| Reply::ok("hello"));
    http::fetch(&ground.fetcher, &server.url("/file"), None, &mut |_| {}).unwrap();
    let size = fetched(&ground);
    assert!(size > 5);
    assert_eq!((prune(&ground), fetched(&ground)), (size, 0));
    assert_eq!(names(&checkout.path), ["file"], "what is in use stays");
    assert_eq!(names(&ground.checkout("", false).unwrap().path), ["file"]);
}

#[test]
fn a_repository_in_use_is_not_removed() {
    let Some(ground) = ground() else { return };
    ground.repository.commit("file", "text");
    ground.checkout("", false).unwrap();
    let lock = entries(&ground.fetcher.cache.join("git")).remove(0).join("lock");
    let held = fs::File::open(lock).unwrap();
    rustix::fs::flock(&held, rustix::fs::FlockOperation::LockExclusive).unwrap();
    assert_eq!(prune(&ground), 0);
    // a program that another test starts has the descriptor too, until it is executed
    rustix::fs::flock(&held, rustix::fs::FlockOperation::Unlock).unwrap();
    assert!(prune(&ground) > 0);
}
