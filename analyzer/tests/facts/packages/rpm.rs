//! The databases that rpm has had.

use strata_analyzer::{Ledger, Packages, index::LayerIndex, packages::Manager};
use strata_fixtures::content::{self, ByteOrder};
use strata_image::{
    Image as _,
    layer::{EntryKind, LayerPath},
};

use super::{owner, packages, rows};
use crate::memory::{Memory, entry, file};

/// Headers of packages: of some files, of very many, and of none.
fn headers() -> Vec<Vec<u8>> {
    let many: Vec<String> = (0..200).map(|number| format!("/usr/share/doc/big/file-{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    vec![
        content::rpm_header("bash", "5.2.26", "3.fc40", "x86_64", 8_000_000, &["/usr/bin/bash", "/etc/skel/.bashrc"]),
        content::rpm_header("big", "1", "1", "noarch", 7, &many),
        content::rpm_header("zlib", "1.3", "2", "x86_64", 9, &["/usr/lib64/libz.so.1"]),
        content::rpm_header("meta", "2", "1", "", 0, &[]),
    ]
}

const ROWS: [&str; 4] = [
    "rpm bash 5.2.26-3.fc40 x86_64 Some(8000000) 2",
    "rpm big 1-1 noarch Some(7) 200",
    "rpm meta 2-1  Some(0) 0",
    "rpm zlib 1.3-2 x86_64 Some(9) 1",
];

/// A database of headers in each form, with the name that it has.
fn forms(headers: &[Vec<u8>]) -> [(&'static str, Vec<u8>); 4] {
    // the first record of Berkeley DB's says which number is the next
    let numbered = [&[vec![0, 0, 0, 5]], headers].concat();
    [
        ("rpmdb.sqlite", content::sqlite("Packages", headers)),
        ("Packages.db", content::ndb(headers)),
        ("Packages", content::berkeley(&numbered, ByteOrder::Little)),
        ("Packages", content::berkeley(&numbered, ByteOrder::Big)),
    ]
}

#[test]
fn packages_come_from_the_headers_of_every_form_of_database() {
    for (name, database) in forms(&headers()) {
        for directory in ["var/lib/rpm", "usr/lib/sysimage/rpm", "usr/share/rpm"] {
            let found = packages(&[&[(&format!("{directory}/{name}"), &database)]]);
            assert_eq!(rows(&found), ROWS, "{directory}/{name}");
            assert_eq!(owner(&found, "usr/share/doc/big/file-199"), Some((Manager::Rpm, "big".to_owned())));
        }
        assert_eq!(rows(&packages(&[&[(&format!("srv/rpm/{name}"), &database)]])), [""; 0], "srv/rpm/{name}");
    }
}

#[test]
fn names_of_files_stay_as_they_are() {
    let mut header = content::rpm_header("latin", "1", "1", "noarch", 1, &["/usr/caf?", "/usr/tab\tbed", "/usr/x"]);
    let at = header.windows(4).position(|bytes| bytes == b"caf?").unwrap();
    header[at + 3] = 0xe9;
    let found = packages(&[&[("var/lib/rpm/Packages.db", &content::ndb(&[header]))]]);
    assert_eq!(found.list()[0].files, [b"usr/caf\xe9".as_slice(), b"usr/x"]);
}

#[test]
fn of_several_databases_in_one_directory_the_one_that_rpm_reads_counts() {
    let one = |name: &str| forms(&[content::rpm_header(name, "1", "1", "noarch", 1, &[])]);
    let (sqlite, ndb, berkeley) = (&one("sqlite")[0].1, &one("ndb")[1].1, &one("berkeley")[2].1);
    let found = packages(&[&[("var/lib/rpm/Packages", berkeley), ("var/lib/rpm/Packages.db", ndb)]]);
    assert_eq!(rows(&found), ["rpm ndb 1-1 noarch Some(1) 0"]);
    let found = packages(&[&[("var/lib/rpm/Packages", berkeley), ("var/lib/rpm/rpmdb.sqlite", sqlite)]]);
    assert_eq!(rows(&found), ["rpm sqlite 1-1 noarch Some(1) 0"]);
    // the database went to another form and to another directory
    let found = packages(&[
        &[("var/lib/rpm/Packages", berkeley)],
        &[("var/lib/rpm/.wh.Packages", b""), ("usr/lib/sysimage/rpm/rpmdb.sqlite", sqlite)],
    ]);
    assert_eq!(rows(&found), ["rpm sqlite 1-1 noarch Some(1) 0"]);
}

#[test]
fn a_database_is_found_whichever_way_a_symlink_leads_to_it() {
    let symlink = entry("var/lib/rpm", EntryKind::Symlink("../../usr/lib/sysimage/rpm".into()));
    let directory = entry("usr/lib/sysimage/rpm", EntryKind::Directory);
    for (name, database) in forms(&headers()) {
        for place in ["usr/lib/sysimage/rpm", "var/lib/rpm"] {
            let base = [(directory.clone(), [].as_slice()), (symlink.clone(), &[])];
            let database = [file(&format!("{place}/{name}"), &database)];
            for layers in [vec![base.as_slice(), &database], vec![&[base.as_slice(), &database].concat()]] {
                let image = Memory::new(&layers);
                let found = Packages::of(&Ledger::fold(&LayerIndex::all(image.layers(), None).unwrap()).unwrap());
                assert_eq!(rows(&found), ROWS, "{place}/{name}, {} layers", layers.len());
                assert_eq!(found.list()[0].place, b"usr/lib/sysimage/rpm");
            }
        }
    }
}

#[test]
fn a_database_with_two_names_is_found_by_the_one_that_is_left() {
    let database = content::berkeley(&headers(), ByteOrder::Little);
    let link =
        entry("var/lib/rpm/Packages", EntryKind::HardLink(LayerPath::new(b"usr/lib/sysimage/rpm/Packages").unwrap()));
    let layer = [file("usr/lib/sysimage/rpm/Packages", &database), (link, &[])];
    let whiteout = [file("usr/lib/sysimage/.wh.rpm", b"")];
    let image = Memory::new(&[&layer, &whiteout]);
    let found = Packages::of(&Ledger::fold(&LayerIndex::all(image.layers(), None).unwrap()).unwrap());
    assert_eq!(rows(&found), ROWS);
    assert_eq!(found.list()[0].place, b"var/lib/rpm");
}

#[test]
fn damage_costs_what_is_damaged() {
    for (name, database) in forms(&headers()) {
        let mut read = 0;
        let path = format!("var/lib/rpm/{name}");
        for at in (0..database.len()).step_by(67) {
            let mut broken = database.clone();
            broken[at] = !broken[at];
            read += packages(&[&[(&path, &broken)]]).list().len();
            assert!(packages(&[&[(&path, &database[..at])]]).list().len() <= ROWS.len());
        }
        assert!(read > database.len() / 67 * 2, "{name}: {read}");
    }
}

#[test]
fn a_chain_of_pages_that_goes_round_ends() {
    let order = ByteOrder::Little;
    let database = content::berkeley(&[vec![1; 3000]], order);
    assert_eq!(database.len(), 512 * 9, "head, pair, and seven overflow pages");
    for length in [u32::MAX, 3001, 4000] {
        let mut round = database.clone();
        // the last overflow page goes on at the first
        round[512 * 8 + 16..512 * 8 + 20].copy_from_slice(&2_u32.to_le_bytes());
        let value = round[512..1024].windows(4).rposition(|bytes| bytes == 3000_u32.to_le_bytes()).unwrap();
        round[512 + value..516 + value].copy_from_slice(&length.to_le_bytes());
        assert_eq!(rows(&packages(&[&[("var/lib/rpm/Packages", &round)]])), [""; 0]);
    }
}

#[test]
fn what_is_claimed_of_few_bytes_is_bounded() {
    let directory = format!("/{}/", "d".repeat(4000));
    let files = vec![directory.as_str(); 1000];
    let header = content::rpm_header("claims", "1", "1", "noarch", 1, &files);
    let found = packages(&[&[("var/lib/rpm/Packages.db", &content::ndb(&[header]))]]);
    assert_eq!(rows(&found), [""; 0], "4 MB of paths are claimed of 9 kB");
    let many = vec![content::rpm_header("many", "1", "1", "noarch", 1, &[]); (1 << 17) + 1];
    let found = packages(&[&[("var/lib/rpm/Packages", &content::berkeley(&many, ByteOrder::Big))]]);
    assert_eq!(rows(&found), [""; 0], "no distribution has so many packages");
    let long = content::rpm_header(&"n".repeat(5000), "1", "1", "noarch", 1, &[]);
    for (name, database) in forms(&[long, headers().swap_remove(3)]) {
        let found = packages(&[&[(&format!("var/lib/rpm/{name}"), &database)]]);
        assert_eq!(rows(&found), [ROWS[2]], "no name is longer than a path");
    }
}

#[test]
fn slots_that_share_a_blob_tell_of_it_as_often_as_there_are_bytes_for() {
    let database = content::ndb(&[headers().swap_remove(1)]);
    let mut shared = database.clone();
    let slot = shared[32..48].to_vec();
    for at in (32..4096).step_by(16) {
        shared[at..at + 16].copy_from_slice(&slot);
    }
    let count = packages(&[&[("var/lib/rpm/Packages.db", &shared)]]).list().len();
    assert!((1..4).contains(&count), "{count}");
}
