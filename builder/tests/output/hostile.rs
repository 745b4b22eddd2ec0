//! Images, and folders that are written to, made to lead somewhere else.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink as link},
};

use strata_image::layer::{Entry, EntryKind};

use super::made::{Made, directory, file, special, symlink};

#[test]
fn links_of_the_image_do_not_lead_out() {
    let made = Made::new();
    let victim = made.path("victim");
    fs::create_dir(&victim).unwrap();
    let absolute = victim.to_str().unwrap();
    let image = made.image(
        "amd64",
        &[
            vec![symlink("out", absolute), symlink("up", "../victim"), symlink("file", "../victim/secret")],
            vec![file("out/evil", "x"), file("up/evil", "x"), file("file", "x")],
        ],
    );
    made.write(&[image], "@/dest").unwrap();
    assert_eq!(fs::read_dir(&victim).unwrap().count(), 0);
    assert_eq!(fs::read_to_string(made.path("dest").join(absolute.trim_start_matches('/')).join("evil")).unwrap(), "x");
    assert_eq!(fs::read_to_string(made.path("dest/victim/evil")).unwrap(), "x");
    assert_eq!(fs::read_to_string(made.path("dest/file")).unwrap(), "x");
}

#[test]
fn links_in_the_folder_are_replaced_and_not_followed() {
    let made = Made::new();
    let victim = made.path("victim");
    fs::create_dir(&victim).unwrap();
    fs::write(victim.join("secret"), "s").unwrap();
    let dest = made.path("dest");
    fs::create_dir(&dest).unwrap();
    link(&victim, dest.join("etc")).unwrap();
    link(victim.join("secret"), dest.join("a")).unwrap();
    link(victim.join("missing"), dest.join("b")).unwrap();
    fs::hard_link(victim.join("secret"), dest.join("c")).unwrap();
    link(&victim, dest.join("stale")).unwrap();
    let image = made.image(
        "amd64",
        &[vec![directory("etc", 0o755), file("etc/secret", "n"), file("a", "n"), file("b", "n"), file("c", "n")]],
    );
    for mode in ["copy", "delete"] {
        made.write(&[image], &format!("type=local,dest=@/dest,mode={mode}")).unwrap();
        assert_eq!(made.list("victim").len(), 1);
        assert_eq!(fs::read_to_string(victim.join("secret")).unwrap(), "s");
        assert!(fs::symlink_metadata(dest.join("etc")).unwrap().is_dir());
        assert_eq!(fs::read_to_string(dest.join("etc/secret")).unwrap(), "n");
        assert_eq!(fs::read_to_string(dest.join("c")).unwrap(), "n");
        assert_eq!(dest.join("stale").exists(), mode == "copy");
    }
}

#[test]
fn a_platform_folder_that_is_a_link_is_not_followed() {
    let made = Made::new();
    let victim = made.path("victim");
    fs::create_dir(&victim).unwrap();
    fs::create_dir(made.path("dest")).unwrap();
    link(&victim, made.path("dest/linux_amd64")).unwrap();
    let image = made.image("amd64", &[vec![file("a", "n")]]);
    made.write(&[image], "type=local,dest=@/dest,platform-split=true").unwrap();
    assert_eq!(fs::read_dir(&victim).unwrap().count(), 0);
    assert_eq!(fs::read_to_string(made.path("dest/linux_amd64/a")).unwrap(), "n");
}

#[test]
fn an_architecture_that_is_a_path_stays_a_name() {
    let made = Made::new();
    let image = made.image("../../up", &[vec![file("a", "n")]]);
    made.write(&[image], "type=local,dest=@/deep/dest,platform-split=true").unwrap();
    assert_eq!(fs::read_to_string(made.path("deep/dest/linux_.._.._up/a")).unwrap(), "n");
}

#[test]
fn a_setuid_file_of_another_does_not_become_one_of_the_callers() {
    let made = Made::new();
    let setuid = |path: &str, uid: u64| (Entry { mode: 0o6755, uid, gid: uid, ..file(path, "").0 }, "x");
    let image = made.image("amd64", &[vec![setuid("theirs", 123_456)]]);
    made.write(&[image], "@/dest").unwrap();
    assert_eq!(made.list("dest"), ["theirs 755 \"x\""]);
}

#[test]
fn devices_are_left_out_and_counted() {
    let made = Made::new();
    let image = made.image(
        "amd64",
        &[vec![
            special("disk", EntryKind::BlockDevice { major: 8, minor: 0 }),
            special("mem", EntryKind::CharDevice { major: 1, minor: 1 }),
            file("a", "n"),
        ]],
    );
    let written = made.write(&[image], "@/dest").unwrap();
    assert_eq!(written.devices_left_out, 2);
    assert_eq!(made.list("dest"), ["a 644 \"n\""]);
}

#[test]
fn the_root_of_the_machine_is_not_emptied() {
    let made = Made::new();
    let image = made.image("amd64", &[vec![file("a", "n")]]);
    link("/", made.path("root-link")).unwrap();
    for path in ["/", "/tmp/..", "@/root-link"] {
        let error = made.write(&[image], &format!("type=local,dest={path},mode=delete")).unwrap_err();
        assert!(error.contains("would remove everything in /"), "{path}: {error}");
    }
}

#[test]
fn a_damaged_layer_leaves_no_archive() {
    let made = Made::new();
    let image = made.image("amd64", &[vec![file("a", "n")]]);
    let stored = made.store.find(&image.to_string()).unwrap().unwrap();
    let layer = made.store.blob_path(&stored.manifest().layers[0].digest);
    let mut bytes = fs::read(&layer).unwrap();
    bytes[512] ^= 1;
    fs::write(&layer, bytes).unwrap();
    fs::write(made.path("old.tar"), "old").unwrap();
    fs::set_permissions(made.path("old.tar"), fs::Permissions::from_mode(0o600)).unwrap();
    for form in ["docker", "oci", "tar"] {
        for name in ["old.tar", "new.tar"] {
            let error = made.write(&[image], &format!("type={form},dest=@/{name}")).unwrap_err();
            assert!(error.contains("should have digest"), "{error}");
        }
    }
    let mut left: Vec<_> = fs::read_dir(made.dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["old.tar", "root"]);
    assert_eq!(fs::read_to_string(made.path("old.tar")).unwrap(), "old");
}
