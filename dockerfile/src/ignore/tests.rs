#![allow(clippy::unwrap_used)]
use super::*;

fn excluded(patterns: &str, path: &str) -> bool {
    IgnoreSet::parse(patterns.as_bytes()).unwrap().excluded_by(path.as_bytes()).is_some()
}

#[test]
fn one_pattern_excludes_a_path_or_its_parent() {
    for (pattern, path, expected) in [
        ("**", "file", true),
        ("**/", "dir/file", true),
        ("**/**", "dir/file", true),
        ("dir/**", "dir/file", true),
        ("dir/**", "dir/dir2/file", true),
        ("dir/**", "dir", false),
        ("**/dir", "dir", true),
        ("**/dir", "dir/file", true),
        ("**/dir", "xdir", false),
        ("**/dir2/*", "dir/dir2/file", true),
        ("**/dir2/**", "dir/dir2/dir3/file", true),
        ("**file", "file", true),
        ("**file", "dir/dir/file", true),
        ("**file", "dir/xfile", true),
        ("**/file*", "dir/dir/file.txt", true),
        ("**/file*txt", "dir/dir/file.txt", true),
        ("**/file*.txt*", "dir/dir/file.txt", true),
        ("**/**/*.txt", "dir/dir/file.txt", true),
        ("**/**/*.txt", "file.txt", true),
        ("**/**/*.txt2", "dir/dir/file.txt", false),
        ("a**/*.txt", "a/file.txt", true),
        ("a**/*.txt", "a/dir/dir/file.txt", true),
        ("a/*.txt", "a/dir/file.txt", false),
        ("a/*.txt**", "a/file.txt", true),
        ("a[b-d]e", "ace", true),
        ("a[b-d]e", "aae", false),
        ("a[^b-d]e", "aze", true),
        (".*", ".foo", true),
        (".*", "foo", false),
        ("abc.def", "abcZdef", false),
        ("abc?def", "abcZdef", true),
        ("abc?def", "abcdef", false),
        ("a\\\\", "a\\", true),
        ("a\\*b", "a*b", true),
        ("a\\*b", "axb", false),
        ("**/.foo", "bar.foo", false),
        ("a(b)c/def", "a(b)c/def", true),
        ("a.|)$(}+{bc", "a.|)$(}+{bc", true),
        ("*a**b", "aab", true),
        ("a**b", "ax/b", true),
        ("a**b", "axb", false),
        // the reference's own rows, 153 to 158
        ("b", "b", true),
        ("b", "a/b", false),
        ("**/b", "x/y/b", true),
        ("/a", "a", true),
        ("a/", "a/c", true),
        ("./a/../top.md", "top.md", true),
        ("../a", "a", false),
        (".", "a", false),
        ("/", "a", false),
        ("*.md", "a/top.md", false),
        ("A", "a", false),
        ("a/*", "a", false),
        ("a/*", "a/x", true),
        (" # x ", "# x", true),
        ("# x", "# x", false),
        ("\u{feff}a\r\n", "a", true),
    ] {
        assert_eq!(excluded(pattern, path), expected, "{pattern:?} {path}");
    }
}

#[test]
fn the_last_pattern_that_matches_decides() {
    for (patterns, path, expected) in [
        ("!a/b/f\na", "a/b/f", true),
        ("a\n!a/b\na/b/c", "a/b/f3", false),
        ("a\n!a/b\na/b/c", "a/b/c", true),
        ("a\n!a/b\na/b/c", "a/x", true),
        ("*\n!a/b/f", "a/b/f", false),
        ("*\n!a/b/f", "a/b/g", true),
        ("subdir\n!*/sub1*", "subdir/sub1.txt", false),
        ("volume/\n!**/oneline.txt", "volume/data/oneline.txt", false),
        ("**\n!util/docker/web", "util/docker/web/foo", false),
        ("**\n!util/docker/web\nutil/docker/web/foo", "util/docker/web/foo", true),
        ("**\n! dist/*.whl", "dist/a-1+b.whl", false),
        ("d/f\n!d", "d/f", true),
        ("d\n!d", "d/f", false),
    ] {
        assert_eq!(excluded(patterns, path), expected, "{patterns:?} {path}");
    }
}

#[test]
fn the_deciding_line_is_named() {
    let set = IgnoreSet::parse(b"# c\n\na\n!a/b\na/b/c\n").unwrap();
    assert_eq!(set.excluded_by(b"a/x"), Some(3));
    assert_eq!(set.excluded_by(b"a/b/c"), Some(5));
    assert_eq!(set.excluded_by(b"a/b"), None);
    assert!(!set.is_empty());
    assert!(IgnoreSet::parse(b"# only\n").unwrap().is_empty());
}

#[test]
fn lines_that_are_no_patterns_are_errors() {
    for (text, line) in [("!", 1), ("a\n! \n", 2), ("a/[", 1), ("x\n\n\\", 3)] {
        let error = IgnoreSet::parse(text.as_bytes()).unwrap_err();
        assert_eq!(error.line, line, "{text:?}");
    }
    let long = vec![b'a'; MAX_LINE_BYTES + 1];
    assert!(IgnoreSet::parse(&long).is_err());
}

#[test]
fn only_directories_that_can_hold_an_exception_need_a_visit() {
    for (patterns, dir, expected) in [
        ("a", "a", false),
        ("a\n!b", "a", false),
        ("a\n!a/b", "a", true),
        ("a\n!a/b", "a/b", false),
        ("a\n!a/b/c", "a/b", true),
        ("a\n!ab/c", "a", false),
        ("a\n!*/b", "a", true),
        ("a\n!*/b", "a/x", false),
        ("a\n!**/b", "a/x/y", true),
        ("a\n!a/**", "a/x", true),
        ("a\n!b/**", "a", false),
        ("a\n!a**", "a/x", true),
        ("a\n!a/?/*.md", "a/x", true),
        ("a\n!a/?/*.md", "a/xx", false),
        ("a\n!x*/**/b", "a", false),
        ("a\n!a*/**/b", "a/z", true),
    ] {
        let set = IgnoreSet::parse(patterns.as_bytes()).unwrap();
        assert_eq!(set.may_reinclude_below(dir.as_bytes()), expected, "{patterns:?} {dir}");
    }
}

#[test]
fn bytes_that_are_not_utf8_are_matched_as_they_are() {
    let set = IgnoreSet::parse(b"\xff*\n?\xfe").unwrap();
    assert!(set.excluded_by(b"\xffabc").is_some());
    assert!(set.excluded_by(b"\xe9\xfe").is_some());
    assert!(set.excluded_by(b"abc").is_none());
}
