#![allow(clippy::unwrap_used)]
use super::*;

#[test]
fn repositories_are_told_from_other_sources() {
    for (text, remote) in [
        ("https://h/a.git", Some("https://h/a.git")),
        ("http://h:80/a/b.git", Some("http://h:80/a/b.git")),
        ("https://h/a.git/", None),
        ("https://h/a", None),
        ("https://h/a.tar.gz?x=.git", None),
        ("git://h/a", Some("git://h/a")),
        ("ssh://git@h:22/a", Some("ssh://git@h:22/a")),
        ("ssh://git:secret@h/a", Some("ssh://git@h/a")),
        ("git@h:o/a.git", Some("git@h:o/a.git")),
        ("git@h:o/a?b.git", Some("git@h:o/a?b.git")),
        ("h:o/a.git", None),
        ("./git@h:a", None),
        ("github.com/o/a", None),
        ("file:///a.git", None),
        ("ext::sh -c id", None),
        ("dir/a.git", None),
    ] {
        let source = Source::parse(text).unwrap();
        assert_eq!(source.map(|source| source.remote).as_deref(), remote, "{text}");
    }
}

#[test]
fn a_person_may_also_name_what_no_dockerfile_may() {
    for (text, remote) in [
        ("github.com/o/a", Some("https://github.com/o/a")),
        ("github.com/o/a.git#main", Some("https://github.com/o/a.git")),
        ("file:///srv/a.git", Some("file:///srv/a.git")),
        ("file://host/a.git", None),
        ("git@h:a", Some("git@h:a")),
        ("/srv/a.git", None),
    ] {
        let source = Source::parse_context(text).unwrap();
        assert_eq!(source.map(|source| source.remote).as_deref(), remote, "{text}");
    }
}

#[test]
fn fragment_and_query_say_what_is_meant() {
    let commit = "0123456789abcdef0123456789abcdef01234567";
    for (tail, reference, pinned, subdir, submodules, keeps) in [
        ("", None, None, "", true, None),
        ("#", None, None, "", true, None),
        ("#v1", Some("v1"), None, "", true, None),
        ("#:a/./b/", None, None, "a/b", true, None),
        ("#v1:/a", Some("v1"), None, "a", true, None),
        ("?ref=x/y&subdir=a%20b", Some("x/y"), None, "a b", true, None),
        ("?branch=main", Some("refs/heads/main"), None, "", true, None),
        ("?tag=v1&commit=0123456", Some("refs/tags/v1"), Some("0123456"), "", true, None),
        ("?checksum=ABCDEF0", None, Some("abcdef0"), "", true, None),
        ("?submodules=false&keep-git-dir", None, None, "", false, Some(true)),
        ("?keep-git-dir=0#v1", Some("v1"), None, "", true, Some(false)),
        ("?ref=v1#v1", Some("v1"), None, "", true, None),
        ("#0123456789abcdef0123456789abcdef01234567", Some(commit), None, "", true, None),
    ] {
        let source = Source::parse(&format!("https://h/a.git{tail}")).unwrap().unwrap();
        assert_eq!(source.remote, "https://h/a.git", "{tail}");
        assert_eq!((source.reference(), source.commit.as_deref()), (reference, pinned), "{tail}");
        assert_eq!((source.subdir(), source.submodules()), (subdir, submodules), "{tail}");
        assert_eq!(source.keep_git_dir(), keeps, "{tail}");
    }
}

#[test]
fn what_contradicts_or_is_unknown_is_refused() {
    for tail in [
        "?ref=a#b",
        "?branch=a&tag=a",
        "?ref=a&ref=b",
        "?ref=",
        "?subdir=a#x:b",
        "?commit=012345",
        "?commit=xyzxyzx",
        "?submodules=maybe",
        "?depth=1",
        "?ref=%FF",
    ] {
        assert!(Source::parse(&format!("https://h/a.git{tail}")).is_err(), "{tail}");
    }
}

#[test]
fn nothing_can_be_taken_for_an_option_or_lead_out() {
    for text in [
        "https://h/a.git#--upload-pack=id",
        "https://h/a.git?ref=-x",
        "https://h/a.git#a..b",
        "https://h/a.git#a*",
        "https://h/a.git#a b",
        "https://h/a.git#HEAD@{1}",
        "https://h/a.git#a\nb",
        "https://h/a.git#:..",
        "https://h/a.git#:a/../../b",
        "https://h/a.git?subdir=%2e%2e",
        "ssh://-oProxyCommand=id/a",
        "ssh://git@-oProxyCommand=id/a",
        "ssh://-x@h/a",
        "git://-h/a",
        "-u@h:a",
    ] {
        assert!(Source::parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_checksum_must_be_a_commit_and_agree_with_the_url() {
    let parse = |tail: &str| Source::parse(&format!("https://h/a.git{tail}")).unwrap().unwrap();
    for (tail, checksum, required) in [
        ("", "ABCDEF0123", Some("abcdef0123")),
        ("?commit=abcdef0", "abcdef0123", Some("abcdef0123")),
        ("?commit=abcdef0123", "abcdef0", Some("abcdef0123")),
        ("?commit=abcdef0", "1234567", None),
        ("", "sha256:abcdef0", None),
        ("", "abcdef", None),
    ] {
        let mut source = parse(tail);
        let outcome = source.require(checksum);
        assert_eq!(outcome.is_ok(), required.is_some(), "{tail} {checksum}");
        if let Some(required) = required {
            assert_eq!(source.commit.as_deref(), Some(required), "{tail} {checksum}");
        }
    }
}

#[test]
fn credentials_are_not_shown() {
    let source = Source::parse("https://me:secret@h/a.git").unwrap().unwrap();
    assert!(!format!("{source} {source:?}").contains("secret"));
    assert!(source.credentials.is_some());
    let error = Source::parse("https://me:secret@h/a.git?x=y").unwrap_err();
    assert!(!error.to_string().contains("secret"));
}
