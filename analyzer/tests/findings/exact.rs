//! A1 to A11: each dead byte has one of them.

use strata_image::layer::Entry;

use crate::{
    analysis_of, exact,
    memory::{Memory, file},
    row,
};

#[test]
fn a1_is_another_content_under_the_same_name() {
    assert_eq!(exact("a:100 / a:300", 0), ["A1 overwrite 0>1 100 /a"]);
    assert_eq!(exact("a:100 / b:100", 0), [""; 0]);
}

#[test]
fn a2_says_what_changed_about_the_file() {
    let kind = |change: &dyn Fn(&mut Entry)| {
        let (mut entry, content) = file("f", b"same");
        change(&mut entry);
        let image = Memory::new(&[&[file("f", b"same")], &[(entry, content)]]);
        let findings = analysis_of(&image, None).findings;
        let exact = findings.iter().filter(|finding| finding.exact);
        let rows: Vec<_> = exact.map(|finding| (finding.rule, finding.kind, finding.bytes)).collect();
        assert_eq!(rows.len(), 1, "{rows:?}");
        rows[0]
    };
    assert_eq!(kind(&|_| {}), ("A2", "identical", 4));
    assert_eq!(kind(&|entry| entry.mode = 0o755), ("A2", "chmod", 4));
    assert_eq!(kind(&|entry| entry.uid = 7), ("A2", "chown", 4));
    assert_eq!(kind(&|entry| entry.gid = 7), ("A2", "chown", 4));
    assert_eq!(kind(&|entry| (entry.gid, entry.mode) = (7, 0o700)), ("A2", "chmod+chown", 4));
    assert_eq!(kind(&|entry| entry.mtime.seconds = 7), ("A2", "touch", 4));
    let capability =
        |entry: &mut Entry| drop(entry.xattrs.insert(strata_image::layer::CAPABILITY.into(), vec![1, 0, 0, 2]));
    assert_eq!(kind(&capability), ("A2", "xattr", 4));
}

#[test]
fn a3_is_a_file_that_was_deleted_itself() {
    assert_eq!(exact("a:100 d/b:50 d/c:20 / -a -d/b", 0), ["A3 whiteout 0>1 150 /a /d/b"]);
}

#[test]
fn a4_is_told_once_at_the_top_most_directory() {
    assert_eq!(
        exact("d/e/x:400 d/y:600 / d/z:50 / -d -d/e", 0),
        ["A4 whiteout 0>2 1000 /d", "A4 whiteout 1>2 50 /d"],
        "one finding for each layer that made it"
    );
}

#[test]
fn a5_is_told_at_the_opaque_directory() {
    assert_eq!(exact("d/e/x:400 d/y:600 / d! d/z:50", 0), ["A5 opaque 0>1 1000 /d"]);
}

#[test]
fn a6_is_something_else_in_a_files_place() {
    assert_eq!(exact("d/x:400 / d:50", 0), ["A6 type-change 0>1 400 /d/x"]);
    assert_eq!(exact("d:400 / d/x:50", 0), ["A6 type-change 0>1 400 /d"]);
}

#[test]
fn a7_finds_moved_files_and_whole_directories() {
    assert_eq!(exact("old:700q k:300 / -old new:700q", 0), ["A7 file 0>1 700 /old=/new"]);
    assert_eq!(
        exact("d/e/x:400 d/y:600 / -d n/e/x:400d n/e/x2:1 n/y:5", 0),
        ["A4 whiteout 0>1 1000 /d"],
        "other contents are no move"
    );
    assert_eq!(
        exact("d/e/x:400q d/y:600r / -d n/e/x:400q n/y:600r", 0),
        ["A7 directory 0>1 1000 /d=/n"],
        "a directory is told as one"
    );
    assert_eq!(
        exact("a:5q b:5q / -a -b c:5q", 0),
        ["A3 whiteout 0>1 5 /b", "A7 file 0>1 5 /a=/c"],
        "one new file explains one that is gone"
    );
    assert_eq!(
        exact("a:5q b:5q / -a b:5q@0755", 0),
        ["A2 chmod 0>1 5 /b", "A3 whiteout 0>1 5 /a"],
        "a file that was there under its name is not where another went"
    );
}

#[test]
fn a8_is_a_path_that_a_layer_has_twice() {
    assert_eq!(exact("a:100 a:300", 0), ["A8 duplicate-entry 0>0 100 /a"]);
}

#[test]
fn a9_is_the_same_again_after_a_deletion() {
    assert_eq!(exact("a:100 / -a / a:100", 0), ["A9 whiteout 0>1 100 /a"]);
    assert_eq!(exact("a:100 / -a a:100", 0), ["A9 whiteout 0>1 100 /a"]);
    assert_eq!(exact("a:100 / -a / a:100z", 0), ["A3 whiteout 0>1 100 /a"], "another content is none");
    assert_eq!(exact("a:100 / a:7 / -a / k:1", 0), ["A1 overwrite 0>1 100 /a", "A3 whiteout 1>2 7 /a"]);
}

#[test]
fn a10_is_what_package_managers_write_anew() {
    assert_eq!(
        exact(
            "var/lib/dpkg/status:100 var/cache/debconf/config.dat:10 etc/ld.so.cache:5 / \
               var/lib/dpkg/status:120 var/cache/debconf/config.dat:12 etc/ld.so.cache:6",
            0
        ),
        ["A10 dpkg 0>1 110 /var/lib/dpkg/status /var/cache/debconf/config.dat", "A10 ldconfig 0>1 5 /etc/ld.so.cache"]
    );
    assert_eq!(exact("lib/apk/db/installed:9 / lib/apk/db/installed:10", 0), ["A10 apk 0>1 9 /lib/apk/db/installed"]);
    assert_eq!(
        exact("var/lib/dpkg/status:100 / -var/lib/dpkg/status", 0),
        ["A3 whiteout 0>1 100 /var/lib/dpkg/status"],
        "deleted is not written anew"
    );
    assert_eq!(
        exact("var/lib/dpkg/statuses:1 / var/lib/dpkg/statuses:2", 0),
        ["A1 overwrite 0>1 1 /var/lib/dpkg/statuses"]
    );
}

#[test]
fn a11_is_the_bases_file_that_a_layer_above_killed() {
    assert_eq!(
        exact("a:100 d/b:50 c:5 / c:6 / a:90 -d", 2),
        ["A1 overwrite 0>1 5 /c", "A11 overwrite 0>2 100 /a", "A11 whiteout 0>2 50 /d"]
    );
    assert_eq!(exact("a:100 / a:90", 0), ["A1 overwrite 0>1 100 /a"], "without a base it is a file like any other");
}

#[test]
fn a11_knows_what_an_install_writes_and_what_is_the_same_again() {
    let layers = "var/lib/dpkg/status:100 etc/ld.so.cache:7 a:50x b:40y / var/lib/dpkg/status:110 etc/ld.so.cache:7 a:50x b:40y@0700";
    let image = strata_fixtures::stack::Stack::parse("app:1", layers).unwrap();
    let analysis = analysis_of(&image, Some(1));
    let told: Vec<_> = analysis.findings.iter().map(|finding| finding.message.as_str()).collect();
    assert_eq!(
        told,
        [
            "layer 1 writes the base image's databases of packages anew: 2 files, such as /var/lib/dpkg/status (107B)",
            "layer 1 has files of the base image again, as they were: /a (50B)",
            "layer 1 changes attributes of files of the base image: /b (40B)",
        ]
    );
    assert!(analysis.findings.iter().all(|finding| !finding.fix.contains("does not have it")), "{analysis:?}");
}

#[test]
fn only_what_lies_above_the_base_is_fixable_and_only_what_lies_in_it_is_the_bases() {
    let image = strata_fixtures::stack::Stack::parse("app:1", "a:100 c:5 / c:6 a:90 / n:1 / n:2").unwrap();
    let analysis = analysis_of(&image, Some(1));
    let told: Vec<_> = analysis.findings.iter().map(|finding| (row(finding), finding.base, finding.fixable)).collect();
    assert_eq!(
        told,
        [("A1 overwrite 2>3 1 /n".to_owned(), false, true), ("A11 overwrite 0>1 105 /a /c".to_owned(), false, false)]
    );
    let analysis = analysis_of(&image, Some(2));
    let told: Vec<_> = analysis.findings.iter().map(|finding| (finding.rule, finding.base, finding.fixable)).collect();
    assert_eq!(told, [("A1", false, true), ("A1", true, false)]);
}
