//! Which package a found file belongs to, by the databases of its time.

use strata_image::layer::EntryKind;

use crate::{
    memory::{Memory, entry, file},
    told,
};

fn database(packages: &[(&str, &str)]) -> Vec<u8> {
    let package = |(name, version): &(&str, &str)| format!("P:{name}\nV:{version}\nF:usr/bin\nR:{name}\n\n");
    packages.iter().map(package).collect::<String>().into_bytes()
}

const DATABASE: &str = "lib/apk/db/installed";

#[test]
fn what_dies_with_its_package_has_the_version_that_it_had() {
    let (with, without) = (database(&[("make", "4.3"), ("zoo", "2")]), database(&[("zoo", "2")]));
    let newer = database(&[("make", "4.4"), ("zoo", "2")]);
    let bottom: &[(&str, &[u8])] = &[("usr/bin/own", b"own")];
    let installed: &[(&str, &[u8])] = &[(DATABASE, &with), ("usr/bin/make", b"make")];
    let purged: &[(&str, &[u8])] = &[(DATABASE, &without), ("usr/bin/.wh.make", b""), ("usr/bin/.wh.own", b"")];
    let again: &[(&str, &[u8])] = &[(DATABASE, &newer), ("usr/bin/make", b"newer")];
    let mut rows = told(&[bottom, installed, purged, again], "A3");
    rows.sort();
    assert_eq!(rows, ["whiteout 0>2 3 /usr/bin/own", "whiteout 1>2 4 /usr/bin/make{make 4.3 (apk)}"]);
    assert_eq!(told(&[installed, again], "A1"), ["overwrite 0>1 4 /usr/bin/make{make 4.3 (apk)}"]);
    assert_eq!(
        told(&[again, &[(".wh.lib", b"")], &[("usr/bin/.wh.make", b"")]], "A3"),
        ["whiteout 0>2 5 /usr/bin/make"]
    );
}

#[test]
fn a_database_that_a_symlink_leads_to_tells_of_the_dead_too() {
    let database = database(&[("make", "4.3")]);
    let bottom = [
        (entry("usr/lib", EntryKind::Directory), [].as_slice()),
        (entry("lib", EntryKind::Symlink("usr/lib".into())), &[]),
        file(DATABASE, &database),
        file("usr/bin/make", b"make"),
    ];
    // another database changes, so that those of now are not those of then
    let top = [file("usr/bin/.wh.make", b""), file("usr/lib/x-1.dist-info/METADATA", b"Name: x\nVersion: 1\n")];
    let analysis = crate::analysis_of(&Memory::new(&[&bottom, &top]), None);
    let died = analysis.findings.iter().find(|finding| finding.rule == "A3").unwrap();
    assert_eq!(died.paths[0].package.as_deref(), Some("make 4.3 (apk)"));
}

#[test]
fn what_lives_or_is_written_again_is_of_the_package_that_is_there() {
    let database = database(&[("copy", "1"), ("zoo", "2")]);
    let bottom: &[(&str, &[u8])] = &[(DATABASE, &database), ("usr/bin/zoo", b"same")];
    assert_eq!(
        told(&[bottom, &[("usr/bin/zoo", b"same")]], "A2"),
        ["identical 0>1 4 /usr/bin/zoo{zoo 2 (apk)}"],
        "nobody changed the database"
    );
    let finding = |files: &[(&str, &[u8])]| {
        let entries: Vec<_> = files.iter().map(|(path, content)| file(path, content)).collect();
        let analysis = crate::analysis_of(&Memory::new(&[&entries]), None);
        analysis.findings.into_iter().find(|finding| finding.rule == "B1").unwrap()
    };
    let copy = finding(&[bottom[0], bottom[1], ("usr/bin/copy", b"same")]);
    assert_eq!(copy.paths[0].package.as_deref(), Some("copy 1 (apk)"));
    let copy = finding(&[bottom[0], bottom[1], ("srv/zoo", b"same")]);
    assert_eq!((copy.paths[0].path.as_str(), copy.paths[0].package.as_deref()), ("/srv/zoo", None));
}
