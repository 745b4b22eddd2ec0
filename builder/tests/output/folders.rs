//! The root filesystem as files, and as a tar.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
};

use strata_builder::output::Written;
use strata_image::layer::{Entry, EntryKind};

use super::made::{Made, directory, file, hard_link, special, symlink, tar_paths, time};

#[test]
fn a_folder_gets_the_merged_tree_with_modes_and_times_as_the_callers() {
    let made = Made::new();
    let owned = |(entry, content)| (Entry { uid: 4711, gid: 4711, ..entry }, content);
    let image = made.image(
        "amd64",
        &[
            vec![directory("etc", 0o750), file("etc/motd", "old"), file("etc/gone", "x"), file("etc/.wh..wh.x", "")],
            vec![
                file("etc/motd", "new"),
                file("etc/.wh.gone", ""),
                owned(file("home/a", "a")),
                hard_link("home/b", "home/a"),
                symlink("link", "/etc/motd"),
                special("pipe", EntryKind::Fifo),
                directory("shut", 0o500),
                file("shut/in", "in"),
            ],
        ],
    );
    let written = made.write(&[image], "@/out").unwrap();
    assert_eq!(written, Written::default());
    assert_eq!(
        made.list("out"),
        [
            "etc/ 750",
            "etc/motd 644 \"new\"",
            "home/ 755",
            "home/a 644 \"a\"",
            "home/b 644 \"a\"",
            "link -> /etc/motd",
            "pipe 666 special",
            "shut/ 500",
            "shut/in 644 \"in\"",
        ]
    );
    let at = |name: &str| made.path("out").join(name);
    for name in ["etc", "etc/motd", "home/a", "link", "pipe", "shut"] {
        assert_eq!(time(&at(name)), 1000, "{name}");
    }
    let [a, b] = ["home/a", "home/b"].map(|name| fs::metadata(at(name)).unwrap());
    assert_eq!((a.ino(), a.uid()), (b.ino(), fs::metadata(made.dir.path()).unwrap().uid()));
    fs::set_permissions(at("shut"), Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn files_that_are_there_stay_or_go_as_the_mode_says() {
    let made = Made::new();
    let image = made.image("amd64", &[vec![directory("d", 0o755), file("d/new", "1"), file("kept", "1")]]);
    for (mode, expected) in [
        ("", vec!["d/ 755", "d/new 644 \"1\"", "d/old 600 \"\"", "kept 644 \"1\"", "other/ 755", "other/x 600 \"\""]),
        (",mode=delete", vec!["d/ 755", "d/new 644 \"1\"", "kept 644 \"1\""]),
    ] {
        for folder in ["out/d", "out/other"] {
            fs::create_dir_all(made.path(folder)).unwrap();
            fs::set_permissions(made.path(folder), Permissions::from_mode(0o755)).unwrap();
        }
        for name in ["out/d/old", "out/other/x", "out/kept"] {
            fs::write(made.path(name), "").unwrap();
            fs::set_permissions(made.path(name), Permissions::from_mode(0o600)).unwrap();
        }
        made.write(&[image], &format!("type=local,dest=@/out{mode}")).unwrap();
        assert_eq!(made.list("out"), expected, "{mode}");
    }
}

#[test]
fn an_export_again_gives_the_same_even_through_shut_folders_and_other_types() {
    let made = Made::new();
    let first =
        made.image("amd64", &[vec![directory("a", 0o500), file("a/x", "1"), file("b", "1"), symlink("c", "a")]]);
    let second = made.image("amd64", &[vec![file("a", "2"), directory("b", 0o500), file("b/y", "2"), file("c", "2")]]);
    for _ in 0..2 {
        made.write(&[first], "@/out").unwrap();
        assert_eq!(made.list("out"), ["a/ 500", "a/x 644 \"1\"", "b 644 \"1\"", "c -> a"]);
        fs::set_permissions(made.path("out/a"), Permissions::from_mode(0o700)).unwrap();
        made.write(&[second], "@/out").unwrap();
        assert_eq!(made.list("out"), ["a 644 \"2\"", "b/ 500", "b/y 644 \"2\"", "c 644 \"2\""]);
        made.write(&[second], "@/out").unwrap();
        fs::set_permissions(made.path("out/b"), Permissions::from_mode(0o700)).unwrap();
    }
}

#[test]
fn holes_stay_holes() {
    let made = Made::new();
    let zeros = "\0".repeat(1 << 20);
    let image = made.image("amd64", &[vec![file("zeros", &zeros)]]);
    made.write(&[image], "@/out").unwrap();
    let metadata = fs::metadata(made.path("out/zeros")).unwrap();
    assert_eq!(metadata.len(), 1 << 20);
    assert!(metadata.blocks() * 512 < 1 << 20, "{} blocks", metadata.blocks());
}

#[test]
fn each_of_several_platforms_has_its_folder() {
    let made = Made::new();
    let images = [made.image("amd64", &[vec![file("a", "x")]]), made.image("arm64", &[vec![file("b", "y")]])];
    made.write(&images, "@/out").unwrap();
    let both = ["linux_amd64/ 755", "linux_amd64/a 644 \"x\"", "linux_arm64/ 755", "linux_arm64/b 644 \"y\""];
    assert_eq!(made.list("out"), both);
    fs::write(made.path("out/stale"), "").unwrap();
    fs::write(made.path("out/linux_arm64/stale"), "").unwrap();
    made.write(&images, "type=local,dest=@/out,mode=delete").unwrap();
    assert_eq!(made.list("out"), both);
    made.write(&images[..1], "type=local,dest=@/one,platform-split=true").unwrap();
    assert_eq!(made.list("one"), both[..2]);
    made.write(&images, "type=tar,dest=@/out.tar").unwrap();
    let paths = tar_paths(&fs::read(made.path("out.tar")).unwrap());
    assert_eq!(paths, ["linux_amd64", "linux_amd64/a", "linux_arm64", "linux_arm64/b"]);
    for form in ["tar", "local"] {
        let error = made.write(&images, &format!("type={form},dest=@/x,platform-split=false")).unwrap_err();
        assert!(error.contains("holds one platform, not 2"), "{error}");
    }
}

#[test]
fn a_tar_is_what_export_writes() {
    let made = Made::new();
    let image = made.image("amd64", &[vec![file("b", "x"), hard_link("a", "b")], vec![file(".wh.b", "")]]);
    made.write(&[image], "type=tar,dest=@/out.tar").unwrap();
    let mut expected = Vec::new();
    let stored = made.store.find(&image.to_string()).unwrap().unwrap();
    strata_image::rootfs::export(&stored, &mut expected).unwrap();
    assert_eq!(fs::read(made.path("out.tar")).unwrap(), expected);
    assert_eq!(tar_paths(&expected), ["a"]);
}
