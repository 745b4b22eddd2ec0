//! Layers that want out of their root, or to steer the file system below it. Each line is an attack that unpackers met.

use std::fs;

use strata_image::layer::{Entry, EntryKind};

use crate::{
    layers::{directory, file, hard_link, path, symlink, tar},
    workshop::{Workshop, at, seen},
};

/// A directory of the host beside the root, which no layer may touch.
struct Host(tempfile::TempDir);

impl Host {
    fn new() -> Self {
        let host = tempfile::tempdir().unwrap();
        fs::write(host.path().join("victim"), "untouched").unwrap();
        Self(host)
    }

    fn path(&self) -> String {
        self.0.path().to_str().unwrap().to_owned()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(seen(self.0.path()), [r#"0644 victim "untouched""#]);
        }
    }
}

#[test]
fn links_lead_nowhere_outside() {
    for workshop in Workshop::each() {
        let host = Host::new();
        let out = host.path();
        let up = format!("{}{}", "../".repeat(40), out.trim_start_matches('/'));
        for target in [&out, &up, &format!("/proc/self/root{out}"), &format!("/proc/1/root{out}")] {
            let link = symlink("d", target);
            for attack in [
                vec![file("d/new", "x")],
                vec![file("d/victim", "x")],
                vec![directory("d/new")],
                vec![symlink("d/new", "x")],
                vec![file("d/.wh.victim", "")],
                vec![file("d/.wh..wh..opq", "")],
                vec![hard_link("stolen", "d/victim"), file("d/new", "")],
            ] {
                // in one layer, and from one to the next
                let together = tar(&[std::slice::from_ref(&link), attack.as_slice()].concat());
                let _ = workshop.stack(&[together]);
                let _ = workshop.stack(&[tar(std::slice::from_ref(&link)), tar(&attack)]);
            }
        }
    }
}

#[test]
fn what_goes_through_a_link_to_outside_lands_inside() {
    for workshop in Workshop::each() {
        let layer = tar(&[symlink("d", "/../../outside"), file("d/f", "1")]);
        assert_eq!(workshop.shows(&[layer]), ["0777 d -> /../../outside", "0755 outside/", r#"0644 outside/f "1""#]);
    }
}

#[test]
fn a_file_in_place_of_a_link_does_not_go_through_it() {
    for workshop in Workshop::each() {
        let host = Host::new();
        let victim = format!("{}/victim", host.path());
        for top in [file("x", "new"), hard_link("x", "other"), directory("x")] {
            let bottom = tar(&[symlink("x", &victim), file("other", "o")]);
            workshop.stack(&[bottom, tar(&[top])]).unwrap();
        }
    }
}

#[test]
fn hard_links_to_what_is_not_there_are_refused() {
    for workshop in Workshop::each() {
        for attack in [
            vec![hard_link("x", "../../../etc/passwd")],
            vec![hard_link("x", "later"), file("later", "")],
            vec![hard_link("x", "x")],
            vec![directory("d"), hard_link("x", "d")],
            vec![symlink("a", "b"), symlink("b", "a"), file("a/x", "")],
        ] {
            workshop.stack(&[tar(&attack)]).expect_err(&format!("{attack:?}"));
            assert!(workshop.names().is_empty());
        }
    }
}

#[test]
fn only_whiteouts_that_name_something_are_taken() {
    for workshop in Workshop::each() {
        for name in [".wh.", ".wh..", ".wh...", "d/.wh...", "d/.wh."] {
            let layers = [tar(&[file("kept", ""), directory("d")]), tar(&[file(name, "")])];
            workshop.stack(&layers).expect_err(name);
        }
    }
}

#[test]
fn attributes_and_devices_that_steer_overlay_are_not_let_in() {
    for workshop in Workshop::each() {
        let mut opaque = directory("d");
        for (name, value) in [
            ("trusted.overlay.opaque", "y"),
            ("user.overlay.opaque", "y"),
            ("trusted.overlay.redirect", "/secret"),
            ("user.overlay.redirect", "/secret"),
        ] {
            opaque.0.xattrs.insert(name.into(), value.into());
        }
        let bottom = tar(&[directory("d"), file("d/kept", "1"), directory("secret"), file("secret/key", "1")]);
        assert_eq!(
            workshop.shows(&[bottom.clone(), tar(&[opaque])]),
            ["0755 d/", r#"0644 d/kept "1""#, "0755 secret/", r#"0644 secret/key "1""#]
        );
        let whiteout = (Entry::new(path("d/kept"), EntryKind::CharDevice { major: 0, minor: 0 }), "");
        workshop.stack(&[bottom, tar(&[whiteout])]).unwrap_err();
    }
}

#[test]
fn a_root_that_is_no_directory_is_refused() {
    for workshop in Workshop::each() {
        let mut layer = tar(&[file("x", "")]);
        // LayerWriter would not write it: the name becomes ".", and the checksum follows
        layer[0] = b'.';
        let sum: u32 = layer[..512]
            .iter()
            .enumerate()
            .map(|(n, b)| if (148..156).contains(&n) { 32 } else { u32::from(*b) })
            .sum();
        layer[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        workshop.stack(&[layer]).unwrap_err();
    }
}

#[test]
fn owners_that_the_kernel_has_no_number_for_are_refused() {
    for workshop in Workshop::each() {
        for uid in [u64::from(u32::MAX), 1 << 32] {
            let entry = Entry { uid, ..file("x", "").0 };
            assert!(workshop.stack(&[tar(&[(entry, "")])]).unwrap_err().to_string().contains("/etc/subuid"));
        }
    }
}

#[test]
fn trees_far_deeper_than_any_stack_are_hidden() {
    for workshop in Workshop::each() {
        let deep = "d/".repeat(1200);
        let bottom = tar(&[file(&format!("{deep}old"), "1")]);
        let top = tar(&[file(&format!("{deep}new"), "2"), file(".wh..wh..opq", "")]);
        let stack = workshop.stack(&[bottom, top]).unwrap();
        let view = workshop.snapshots.view(&stack).unwrap();
        assert_eq!(fs::read_dir(at(&view).join(&deep)).unwrap().count(), 1);
    }
}
