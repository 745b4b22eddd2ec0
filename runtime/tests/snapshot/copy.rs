//! Snapshots that are copied, where nothing can be mounted.

use std::{
    fs::{self, File, FileTimes},
    io::{Seek as _, SeekFrom, Write as _},
    os::{
        fd::OwnedFd,
        unix::fs::{MetadataExt as _, PermissionsExt},
    },
    path::Path,
    time::{Duration, SystemTime},
};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use strata_image::{ChainId, DiffId};
use strata_runtime::{
    Error,
    snapshot::{Driver, Snapshots},
    userns::{self, Ids},
};

use crate::{
    layers::{file, said, tar},
    workshop::{Workshop, any_chain_id, at},
};

fn chain(tars: &[Vec<u8>]) -> Vec<ChainId> {
    ChainId::of_stack(tars.iter().map(|bytes| DiffId::of(bytes)))
}

fn layers() -> [Vec<u8>; 3] {
    [tar(&[file("a", "1")]), tar(&[file("b", "2")]), tar(&[file("c", "3")])]
}

#[test]
fn a_time_that_is_set_back_hides_no_change() {
    let workshop = Workshop::with(Driver::Copy);
    let base = workshop.changed(&workshop.snapshots.scratch(), |root| fs::write(root.join("f"), "before").unwrap());
    let base = base.commit(any_chain_id("base")).unwrap();
    let active = workshop.changed(&base, |root| {
        let modified = fs::metadata(root.join("f")).unwrap().modified().unwrap();
        let mut file = File::options().write(true).open(root.join("f")).unwrap();
        file.write_all(b"after!").unwrap();
        file.set_times(FileTimes::new().set_modified(modified)).unwrap();
    });
    let mut layer = Vec::new();
    active.diff(None, &mut layer).unwrap();
    assert_eq!(said(&layer), ["- f"]);
}

#[test]
fn a_copy_has_all_that_its_original_has() {
    let workshop = Workshop::with(Driver::Copy);
    let time = SystemTime::UNIX_EPOCH + Duration::from_nanos(1_234_567_890_123_456_789);
    let set_time = |path: &Path| File::open(path).unwrap().set_modified(time).unwrap();
    let base = workshop.changed(&workshop.snapshots.scratch(), |root| {
        fs::create_dir(root.join("d")).unwrap();
        let mut sparse = File::create(root.join("d/sparse")).unwrap();
        sparse.write_all(b"begin").unwrap();
        sparse.seek(SeekFrom::Start(5_000_000)).unwrap();
        sparse.write_all(b"end").unwrap();
        sparse.set_len(9_000_000).unwrap();
        fs::hard_link(root.join("d/sparse"), root.join("link")).unwrap();
        rustix::fs::setxattr(root.join("d"), "user.note", b"kept", rustix::fs::XattrFlags::empty()).unwrap();
        mknodat(CWD, root.join("fifo"), FileType::Fifo, Mode::from_raw_mode(0o640), 0).unwrap();
        if userns::ids() == Ids::All {
            std::os::unix::fs::chown(root.join("fifo"), Some(5), Some(6)).unwrap();
        }
        fs::set_permissions(root.join("d/sparse"), PermissionsExt::from_mode(0o4711)).unwrap();
        for path in ["d/sparse", "d", "."] {
            set_time(&root.join(path));
        }
    });
    let base = base.commit(any_chain_id("base")).unwrap();
    let active = workshop.snapshots.prepare(&base).unwrap();
    let (original, copy) = (workshop.snapshots.view(&base).unwrap(), at(&active.root()));
    for path in [".", "d", "d/sparse", "link", "fifo"] {
        let (a, b) = (fs::symlink_metadata(at(&original).join(path)), fs::symlink_metadata(copy.join(path)));
        let (a, b) = (a.unwrap(), b.unwrap());
        let what = |of: &fs::Metadata| (of.mode(), of.uid(), of.gid(), of.nlink(), of.mtime(), of.mtime_nsec());
        assert_eq!(what(&a), what(&b), "{path}");
        assert_ne!(a.ino(), b.ino(), "{path}");
    }
    let sparse = fs::metadata(copy.join("d/sparse")).unwrap();
    assert!(sparse.blocks() * 512 < 1_000_000, "{} blocks", sparse.blocks());
    assert_eq!(sparse.ino(), fs::metadata(copy.join("link")).unwrap().ino());
    assert_eq!(fs::read(copy.join("link")).unwrap(), fs::read(at(&original).join("link")).unwrap());
    let mut note = [0; 8];
    let length = rustix::fs::getxattr(copy.join("d"), "user.note", note.as_mut_slice()).unwrap();
    assert_eq!(&note[..length], b"kept");
    // and none of it is a change
    let mut layer = Vec::new();
    active.diff(None, &mut layer).unwrap();
    assert_eq!(said(&layer), [""; 0]);
}

#[test]
fn what_is_written_to_a_copy_does_not_reach_its_original() {
    let workshop = Workshop::with(Driver::Copy);
    let base = workshop.stack(&layers()).unwrap();
    let active = workshop.changed(&base, |root| {
        File::options().append(true).open(root.join("a")).unwrap().write_all(b"more").unwrap();
    });
    let view = workshop.snapshots.view(active.parent()).unwrap();
    assert_eq!(fs::read_to_string(at(&view).join("a")).unwrap(), "1");
}

#[test]
fn the_layers_of_an_image_are_one_copy_and_the_topmost_is_enough() {
    let workshop = Workshop::with(Driver::Copy);
    let chain = chain(&layers());
    let stack = workshop.stack(&layers()).unwrap();
    assert_eq!((stack.depth(), stack.chain_id()), (3, Some(chain[2])));
    assert_eq!(workshop.names(), [workshop.name(chain[2])]);
    assert_eq!(workshop.again().existing(&chain).unwrap().unwrap().depth(), 3);
    assert!(workshop.again().existing(&chain[..2]).unwrap().is_none());
    assert_eq!(workshop.snapshots.check().unwrap(), [""; 0]);
    // what is below it is not there to compare with
    assert!(matches!(stack.diff(None, &mut Vec::new()), Err(Error::Kernel { .. })));
}

#[test]
fn the_layer_of_a_committed_snapshot_can_be_written_later() {
    for workshop in Workshop::each() {
        let chain = chain(&layers());
        let base = workshop.stack(&layers()[..2]).unwrap();
        let active = workshop.changed(&base, |root| {
            fs::remove_file(root.join("a")).unwrap();
            fs::write(root.join("c"), "3").unwrap();
        });
        let (mut at_once, mut later, mut elsewhere) = (Vec::new(), Vec::new(), Vec::new());
        active.diff(None, &mut at_once).unwrap();
        let committed = active.commit(chain[2]).unwrap();
        committed.diff(None, &mut later).unwrap();
        let found = workshop.again().existing(&chain).unwrap().unwrap();
        found.diff(None, &mut elsewhere).unwrap();
        assert_eq!(said(&at_once), ["x a", "- c"]);
        assert!(at_once == later && at_once == elsewhere);
        // a collection that keeps it keeps what it is compared with
        drop((base, committed, found));
        workshop.snapshots.gc(&chain[2..]).unwrap();
        workshop.again().existing(&chain).unwrap().unwrap().diff(None, &mut Vec::new()).unwrap();
    }
}

#[test]
fn a_directory_that_began_as_a_snapshot_keeps_what_is_written_to_it() {
    for workshop in Workshop::each() {
        let base = workshop.stack(&layers()).unwrap();
        let kept = tempfile::tempdir_in(workshop.root.path()).unwrap();
        let open = |name: &str| {
            fs::create_dir_all(kept.path().join(name)).unwrap();
            OwnedFd::from(File::open(kept.path().join(name)).unwrap())
        };
        let (upper, work) = (open("fs"), open("work"));
        fs::set_permissions(kept.path().join("fs"), PermissionsExt::from_mode(0o750)).unwrap();
        for round in 0..2 {
            let shown = workshop.snapshots.above(&base, &upper, &work).unwrap();
            assert_eq!(fs::metadata(at(&shown)).unwrap().mode() & 0o777, 0o750);
            assert_eq!(fs::read_dir(at(&shown)).unwrap().count(), 3, "round {round}");
            if round == 0 {
                fs::write(at(&shown).join("a"), "written").unwrap();
                fs::remove_file(at(&shown).join("b")).unwrap();
                fs::write(at(&shown).join("new"), "").unwrap();
            } else {
                assert_eq!(fs::read_to_string(at(&shown).join("a")).unwrap(), "written");
            }
        }
        let view = workshop.snapshots.view(&base).unwrap();
        assert_eq!(fs::read_to_string(at(&view).join("a")).unwrap(), "1");
    }
}

#[test]
fn neither_driver_takes_what_the_other_committed() {
    let Some(overlay) = Workshop::with_overlay() else {
        return;
    };
    let copying = Snapshots::open_with(overlay.root.path(), Driver::Copy).unwrap();
    let chain = chain(&layers());
    drop(overlay.stack(&layers()).unwrap());
    assert!(copying.existing(&chain).unwrap().is_none());
    let copying = Workshop { snapshots: copying, driver: Driver::Copy, ..overlay };
    assert_eq!(copying.shows(&layers()).len(), 3);
    assert_eq!(copying.snapshots.list().unwrap().len(), 4);
    copying.snapshots.gc(&[chain[0]]).unwrap();
    assert_eq!(copying.names(), [chain[0].hex()]);
}

#[test]
fn a_device_that_stands_for_a_deleted_file_is_an_error() {
    if userns::ids() != Ids::All {
        return println!("skipped: only root makes devices");
    }
    let workshop = Workshop::with(Driver::Copy);
    let active = workshop.snapshots.prepare(&workshop.stack(&layers()).unwrap()).unwrap();
    if let Err(errno) = mknodat(active.root(), "d", FileType::CharacterDevice, Mode::RUSR, 0) {
        return println!("skipped: this file system has no such device: {errno}");
    }
    let error = active.diff(None, &mut Vec::new()).unwrap_err();
    assert_eq!(error.to_string(), "the name /d would be a whiteout in the layer");
}

#[test]
fn the_driver_is_what_this_machine_can() {
    let root = tempfile::tempdir().unwrap();
    let snapshots = Snapshots::open(root.path()).unwrap();
    let overlay_works = Workshop::with_overlay().is_some();
    assert_eq!(snapshots.driver().unwrap() == Driver::Overlay, overlay_works);
    assert_eq!(snapshots.refusal().unwrap().is_none(), overlay_works);
    let forced = Snapshots::open_with(root.path(), Driver::Copy).unwrap();
    assert_eq!(forced.driver().unwrap(), Driver::Copy);
    assert!(forced.refusal().unwrap().is_none(), "it was asked for");
    assert_eq!(fs::read_dir(root.path().join("snapshots")).unwrap().count(), 1, "the epoch alone is left");
}
