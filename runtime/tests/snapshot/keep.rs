//! How snapshots are kept, shared and removed.

use std::{fs, io::ErrorKind, path::Path, process::Command, thread};

use strata_image::{ChainId, DiffId};
use strata_runtime::snapshot::{Driver, Snapshots};

use crate::{
    layers::{file, tar},
    workshop::{Workshop, any_chain_id, at},
};

fn chain(tars: &[Vec<u8>]) -> Vec<ChainId> {
    ChainId::of_stack(tars.iter().map(|bytes| DiffId::of(bytes)))
}

fn layers() -> [Vec<u8>; 3] {
    [tar(&[file("a", "1")]), tar(&[file("b", "2")]), tar(&[file("c", "3")])]
}

#[test]
fn what_is_committed_is_found_again() {
    for workshop in Workshop::each() {
        let chain = chain(&layers());
        assert!(workshop.snapshots.existing(&chain).unwrap().is_none());
        let base = workshop.stack(&layers()[..2]).unwrap();
        assert_eq!(base.chain_id(), Some(chain[1]));
        assert!(workshop.snapshots.existing(&chain).unwrap().is_none(), "the last is not there");
        let active = workshop.changed(&base, |root| fs::write(root.join("c"), "3").unwrap());
        assert_eq!(active.parent().depth(), 2);
        let committed = active.commit(chain[2]).unwrap();
        assert_eq!((committed.depth(), committed.chain_id()), (3, Some(chain[2])));
        let again = workshop.again();
        let found = again.existing(&chain).unwrap().unwrap();
        let view = again.view(&found).unwrap();
        assert_eq!(fs::read_to_string(at(&view).join("c")).unwrap(), "3");
        assert_eq!(again.list().unwrap().len(), workshop.kept(2) + 1);
        assert_eq!(again.check().unwrap(), [""; 0]);
        assert_eq!(again.existing(&[]).unwrap().unwrap().depth(), 0);
    }
}

#[test]
fn a_view_cannot_be_written_to() {
    for workshop in Workshop::each() {
        for depth in 0..=3 {
            let stack = workshop.stack(&layers()[..depth]).unwrap();
            let view = workshop.snapshots.view(&stack).unwrap();
            assert_eq!(fs::read_dir(at(&view)).unwrap().count(), depth);
            // a copy is kept from writes by convention
            if workshop.driver == Driver::Overlay || depth == 0 {
                let error = fs::write(at(&view).join("x"), "").unwrap_err();
                let refusals = [ErrorKind::ReadOnlyFilesystem, ErrorKind::NotFound];
                assert!(refusals.contains(&error.kind()), "{depth} layers: {error}");
            }
        }
    }
}

#[test]
fn what_is_dropped_is_gone() {
    for workshop in Workshop::each() {
        let base = workshop.stack(&layers()).unwrap();
        let active = workshop.changed(&base, |root| {
            fs::create_dir_all(root.join("d/e/f")).unwrap();
        });
        assert_eq!(workshop.names().len(), workshop.kept(3) + 1);
        drop(active);
        assert_eq!(workshop.names().len(), workshop.kept(3));
        assert_eq!(workshop.shows(&layers()).len(), 3);
    }
}

#[test]
fn the_first_of_two_commits_wins() {
    for workshop in Workshop::each() {
        let chain_id = any_chain_id("x");
        let one = workshop.changed(&workshop.snapshots.scratch(), |root| {
            fs::write(root.join("one"), "").unwrap();
        });
        let two = workshop.changed(&workshop.snapshots.scratch(), |root| {
            fs::write(root.join("two"), "").unwrap();
        });
        one.commit(chain_id).unwrap();
        let winner = two.commit(chain_id).unwrap();
        let view = workshop.snapshots.view(&winner).unwrap();
        assert!(at(&view).join("one").exists());
        assert_eq!(workshop.names(), [workshop.name(chain_id)]);
    }
}

#[test]
fn many_unpack_the_same_layers_at_once() {
    for workshop in Workshop::each() {
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let snapshots = workshop.again();
                    let mine = Workshop { root: tempfile::tempdir().unwrap(), snapshots, driver: workshop.driver };
                    assert_eq!(mine.shows(&layers()).len(), 3);
                });
            }
        });
        assert_eq!(workshop.names().len(), workshop.kept(3));
    }
}

#[test]
fn collection_keeps_what_is_asked_for_and_what_is_in_use() {
    for workshop in Workshop::each() {
        let chain = chain(&layers());
        let other = tar(&[file("other", &"x".repeat(100_000))]);
        let in_use = workshop.stack(std::slice::from_ref(&other)).unwrap();
        for depth in 1..=3 {
            drop(workshop.stack(&layers()[..depth]).unwrap());
        }
        assert_eq!(workshop.snapshots.gc(&[chain[2]]).unwrap(), 0, "two stand below the one that is kept");
        assert!(workshop.snapshots.gc(&[chain[0]]).unwrap() > 0);
        assert!(workshop.snapshots.existing(&chain[..1]).unwrap().is_some());
        assert!(workshop.snapshots.existing(&chain[..2]).unwrap().is_none());
        let view = workshop.snapshots.view(&in_use).unwrap();
        assert!(at(&view).join("other").exists());
        drop((view, in_use));
        assert!(workshop.snapshots.gc(&[]).unwrap() >= 100_000);
        assert!(workshop.names().is_empty());
    }
}

#[test]
fn what_the_dead_left_is_swept_and_what_the_living_write_is_not() {
    for workshop in Workshop::each() {
        let living = workshop.changed(&workshop.stack(&layers()).unwrap(), |root| {
            fs::write(root.join("x"), "").unwrap();
        });
        let snapshots = workshop.root.path().join("snapshots");
        fs::create_dir_all(snapshots.join("active-0000/fs/a/b")).unwrap();
        fs::create_dir_all(snapshots.join("active-0000/work/work")).unwrap();
        fs::create_dir_all(snapshots.join("active-0001")).unwrap();
        fs::create_dir_all(snapshots.join("dead-0000/fs/a/b")).unwrap();
        let deep = snapshots.join("dead-0000/fs").join("d/".repeat(900));
        fs::create_dir_all(&deep).unwrap();
        assert_eq!(workshop.snapshots.check().unwrap(), [""; 0], "they are no problems");
        workshop.again();
        assert_eq!(workshop.names().len(), workshop.kept(3) + 1);
        living.commit(any_chain_id("living")).unwrap();
    }
}

#[test]
fn snapshots_of_another_boot_are_not_trusted() {
    for workshop in Workshop::each() {
        let chain = chain(&layers());
        drop(workshop.stack(&layers()).unwrap());
        let file = workshop.root.path().join("snapshots/epoch");
        let present = fs::read_to_string(&file).unwrap();
        fs::write(&file, "another boot\n").unwrap();
        let snapshots = workshop.again();
        assert!(snapshots.existing(&chain[..1]).unwrap().is_none());
        assert!(workshop.names().is_empty());
        assert_eq!(fs::read_to_string(&file).unwrap(), present);
    }
}

#[test]
fn damage_is_found_by_who_only_reads() {
    for workshop in Workshop::each() {
        let chain = chain(&layers());
        for depth in 1..=3 {
            drop(workshop.stack(&layers()[..depth]).unwrap());
        }
        let of = |chain_id: ChainId| workshop.root.path().join("snapshots").join(workshop.name(chain_id));
        fs::remove_dir_all(of(chain[0])).unwrap();
        fs::write(of(chain[1]).join("made"), "{").unwrap();
        fs::remove_dir_all(of(chain[2]).join("fs")).unwrap();
        let before = tree(workshop.root.path());
        let snapshots = Snapshots::open_existing(workshop.root.path()).unwrap().unwrap();
        let problems = snapshots.check().unwrap();
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert_eq!(tree(workshop.root.path()), before);
        fs::write(of(chain[1]).join("made"), format!("{{\"parent\":\"{}\"}}", chain[0])).unwrap();
        assert!(snapshots.check().unwrap().iter().any(|problem| problem.contains("missing")));
        assert!(Snapshots::open_existing(&workshop.root.path().join("nowhere")).unwrap().is_none());
    }
}

fn tree(root: &Path) -> Vec<u8> {
    Command::new("find").arg(root).output().unwrap().stdout
}

#[test]
fn no_mount_is_ever_seen() {
    for workshop in Workshop::each() {
        let before = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let active = workshop.changed(&workshop.stack(&layers()).unwrap(), |_| {});
        let view = workshop.snapshots.view(active.parent()).unwrap();
        assert_eq!(fs::read_to_string("/proc/self/mountinfo").unwrap(), before);
        drop(view);
    }
}
