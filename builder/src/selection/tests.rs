#![allow(clippy::unwrap_used)]
use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
};

use super::*;

fn context() -> (tempfile::TempDir, Origin) {
    let dir = tempfile::tempdir().unwrap();
    let write = |path: &str| {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "content").unwrap();
    };
    for path in
        ["a.txt", ".hidden.txt", "s/one/foo", "s/two/foo", "s/two/deep/bar", "[x]", "ignored/in", "ignored/kept"]
    {
        write(path);
    }
    symlink("/s/one", dir.path().join("link")).unwrap();
    symlink("../../../etc", dir.path().join("out")).unwrap();
    fs::write(dir.path().join(".dockerignore"), "ignored\n!ignored/kept\n").unwrap();
    let directory = dir.path().to_owned().into();
    let opened = Context::open(&directory, Path::new(""), dir.path()).unwrap();
    (dir, Origin::Context(Arc::new(opened)))
}

fn select(origin: &Origin, word: &str) -> Result<Vec<Selection>, Cause> {
    origin.select(word.as_bytes(), &How { parents: false, excludes: &Excludes::default() })
}

/// Where the sources are that a word selects.
fn selected(context: &Origin, word: &str) -> Vec<String> {
    let selections = select(context, word).unwrap();
    selections.iter().map(|selection| selection.real.to_string()).collect()
}

#[test]
fn words_select_what_buildkit_selects() {
    let (_dir, context) = context();
    for (word, expected) in [
        ("a.txt", vec!["a.txt"]),
        ("/s/../a.txt", vec!["a.txt"]),
        ("../../a.txt", vec!["a.txt"]),
        ("", vec![""]),
        ("*.txt", vec![".hidden.txt", "a.txt"]),
        ("**/*.txt", vec![]),
        ("s/*/foo", vec!["s/one/foo", "s/two/foo"]),
        ("s/t?o", vec!["s/two"]),
        ("[[]x]", vec!["[x]"]),
        ("link", vec!["s/one"]),
        ("link/foo", vec!["s/one/foo"]),
        ("lin*", vec!["s/one"]),
        ("nothing*", vec![]),
        ("ignored/*", vec!["ignored/kept"]),
    ] {
        assert_eq!(selected(&context, word), expected, "{word}");
    }
}

#[test]
fn what_is_not_there_says_which_line_hides_it() {
    let (_dir, context) = context();
    let line = |word: &str| match select(&context, word) {
        Err(Cause::NotFound { ignored, .. }) => ignored.map(|(_, line)| line),
        other => panic!("{word}: {other:?}"),
    };
    assert_eq!(line("nope"), None);
    assert_eq!(line("out"), None);
    assert_eq!(line("ignored/in"), Some(1));
    assert!(matches!(select(&context, "a["), Err(Cause::Pattern(_))));
}

#[test]
fn hidden_files_are_in_no_directory() {
    let (_dir, context) = context();
    let selections = select(&context, "ignored").unwrap();
    let paths: Vec<_> = selections[0].nodes.iter().map(|node| node.path.to_string()).collect();
    assert_eq!(paths, ["", "kept"]);
}

#[test]
fn digests_follow_content_and_not_times() {
    let (dir, context) = context();
    let digest = || {
        let mut selections = select(&context, "s").unwrap();
        context.digest(&mut selections[0]).unwrap()
    };
    let first = digest();
    let file = fs::File::options().write(true).open(dir.path().join("s/one/foo")).unwrap();
    file.set_modified(std::time::UNIX_EPOCH).unwrap();
    fs::hard_link(dir.path().join("s/one/foo"), dir.path().join("elsewhere")).unwrap();
    assert_eq!(digest(), first);
    let changes: [&dyn Fn(&Path); 5] = [
        &|s| fs::write(s.join("one/foo"), "Content").unwrap(),
        &|s| fs::set_permissions(s.join("one"), fs::Permissions::from_mode(0o700)).unwrap(),
        &|s| fs::rename(s.join("one/foo"), s.join("one/fop")).unwrap(),
        &|s| fs::create_dir(s.join("empty")).unwrap(),
        &|s| symlink("x", s.join("link")).unwrap(),
    ];
    let mut seen = vec![first];
    for (number, change) in changes.iter().enumerate() {
        change(&dir.path().join("s"));
        let changed = digest();
        assert!(!seen.contains(&changed), "change {number}");
        seen.push(changed);
    }
}
