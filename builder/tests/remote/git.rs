//! Repositories as sources: what of them is checked out, and what they cannot make of the machine.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
};

use strata_builder::{
    Cancel,
    options::Secret,
    remote::{
        Fetcher, RemoteError,
        git::{self, Checkout, Commit, Source},
    },
};

use crate::{
    repository::{Daemon, Repository, TIME, has_git},
    server::{Reply, Server},
};

pub(crate) struct Ground {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) fetcher: Fetcher,
    pub(crate) repository: Repository,
}

/// A repository, and a cache for it; `None` without git.
pub(crate) fn ground() -> Option<Ground> {
    has_git().then(|| {
        let dir = tempfile::tempdir().unwrap();
        let fetcher = Fetcher::new(&dir.path().join("cache"));
        let repository = Repository::new(&dir.path().join("a.git"));
        Ground { dir, fetcher, repository }
    })
}

impl Ground {
    fn source(&self, tail: &str) -> Source {
        Source::parse_context(&format!("{}{tail}", self.repository.url())).unwrap().unwrap()
    }

    fn resolve(&self, tail: &str) -> Result<Commit, RemoteError> {
        git::resolve(&self.fetcher, &self.source(tail))
    }

    pub(crate) fn checkout(&self, tail: &str, keeps_git: bool) -> Result<Checkout, RemoteError> {
        checkout(&self.fetcher, &self.source(tail), keeps_git)
    }
}

fn checkout(fetcher: &Fetcher, source: &Source, keeps_git: bool) -> Result<Checkout, RemoteError> {
    git::checkout(fetcher, source, &git::resolve(fetcher, source)?, keeps_git)
}

/// Paths below a directory, sorted; those below `.git` are left out.
pub(crate) fn names(root: &Path) -> Vec<String> {
    let mut names = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            names.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            if path.is_dir() && !path.is_symlink() && path.file_name().unwrap() != ".git" {
                open.push(path);
            }
        }
    }
    names.sort();
    names
}

pub(crate) fn entries(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir).map(|entries| entries.map(|entry| entry.unwrap().path()).collect()).unwrap_or_default()
}

#[test]
fn branches_tags_and_commits_are_found() {
    let Some(ground) = ground() else { return };
    let repository = &ground.repository;
    let first = repository.commit("file", "one");
    repository.git(&["tag", "light"]);
    repository.git(&["tag", "--annotate", "--message=m", "v1"]);
    repository.git(&["branch", "both"]);
    repository.git(&["update-ref", "refs/pull/1/head", "HEAD"]);
    let second = repository.commit("file", "two");
    repository.git(&["tag", "both"]);
    repository.git(&["checkout", "--quiet", "-b", "side"]);
    let third = repository.commit("file", "three");
    repository.git(&["checkout", "--quiet", "main"]);
    for (tail, id) in [
        (String::new(), &second),
        ("#HEAD".into(), &second),
        ("#main".into(), &second),
        ("#side".into(), &third),
        ("#v1".into(), &first),
        ("#light".into(), &first),
        ("#both".into(), &first),
        ("?tag=both".into(), &second),
        ("?branch=both".into(), &first),
        ("#refs/tags/v1".into(), &first),
        ("#heads/side".into(), &third),
        ("#pull/1/head".into(), &first),
        (format!("#{first}"), &first),
        (format!("?commit={third}"), &third),
        (format!("?commit={}", &third[..7]), &third),
        (format!("?commit={}", first[..9].to_uppercase()), &first),
        (format!("?branch=side&commit={}", &third[..8]), &third),
    ] {
        let commit = ground.resolve(&tail).unwrap();
        assert_eq!(commit.id(), id, "{tail}");
        let checkout = ground.checkout(&tail, false).unwrap();
        assert_eq!(names(&checkout.path), ["file"], "{tail}");
    }
}

#[test]
fn an_identity_has_everything_that_the_files_depend_on() {
    let id = "0123456789abcdef0123456789abcdef01234567";
    let dir = tempfile::tempdir().unwrap();
    let fetcher = Fetcher::new(dir.path());
    let identity = |url: &str, keeps_git| {
        let source = Source::parse(url).unwrap().unwrap();
        // a whole commit asks nobody
        source.identity(&git::resolve(&fetcher, &source).unwrap(), keeps_git)
    };
    let of = |tail: &str| identity(&format!("https://h/a.git{tail}"), false);
    let plain = of(&format!("#{id}"));
    assert_eq!(plain, of(&format!("?commit={id}")));
    assert_eq!(plain, identity(&format!("https://me:secret@h/a.git#{id}"), false));
    for tail in [format!("#{id}:sub"), format!("?ref={id}&submodules=0"), format!("?ref={id}&keep-git-dir")] {
        assert_ne!(of(&tail), plain, "{tail}");
    }
    assert_ne!(identity(&format!("https://h/b.git#{id}"), false), plain, "submodules may be relative");
    let alone = |host: &str| identity(&format!("https://{host}/a.git?ref={id}&submodules=0"), false);
    assert_eq!(alone("a.example"), alone("mirror.example"));
}

#[test]
fn a_name_that_leads_to_another_commit_or_to_none_is_an_error() {
    let Some(ground) = ground() else { return };
    let first = ground.repository.commit("file", "one");
    ground.repository.commit("file", "two");
    assert!(matches!(ground.resolve("#nope"), Err(RemoteError::NoReference { .. })));
    assert!(matches!(ground.resolve(&format!("#{}", &first[..7])), Err(RemoteError::NoReference { .. })), "short");
    assert!(matches!(ground.resolve("?commit=0123456"), Err(RemoteError::NoReference { .. })));
    let error = ground.resolve(&format!("?branch=main&commit={first}")).unwrap_err();
    assert!(matches!(&error, RemoteError::CommitMismatch { expected, .. } if *expected == first), "{error}");
    let nothing = "0123456789012345678901234567890123456789";
    assert!(matches!(ground.checkout(&format!("#{nothing}"), false), Err(RemoteError::NoReference { .. })));
}

#[test]
fn a_checkout_has_the_times_of_its_commit_and_no_git_dir() {
    let Some(ground) = ground() else { return };
    fs::write(ground.repository.path.join("run"), "#!/bin/sh").unwrap();
    fs::set_permissions(ground.repository.path.join("run"), fs::Permissions::from_mode(0o700)).unwrap();
    symlink("run", ground.repository.path.join("link")).unwrap();
    ground.repository.commit("dir/file", "text");
    let checkout = ground.checkout("", false).unwrap();
    assert_eq!(checkout.time, TIME);
    assert_eq!(names(&checkout.path), ["dir", "dir/file", "link", "run"]);
    for (name, mode) in [("dir", 0o40755), ("dir/file", 0o100_644), ("run", 0o100_755), ("link", 0o120_777)] {
        let metadata = fs::symlink_metadata(checkout.path.join(name)).unwrap();
        assert_eq!((metadata.mode(), metadata.mtime()), (mode, TIME), "{name}");
    }
    assert_eq!(fs::metadata(&checkout.path).unwrap().mtime(), TIME);
    drop(checkout);
    assert!(entries(&ground.fetcher.partial).is_empty());
}

#[test]
fn a_commit_that_was_fetched_needs_its_server_no_more() {
    let Some(ground) = ground() else { return };
    let id = ground.repository.commit("file", "text");
    ground.checkout("", false).unwrap();
    fs::remove_dir_all(&ground.repository.path).unwrap();
    assert_eq!(names(&ground.checkout(&format!("#{id}"), false).unwrap().path), ["file"]);
    let error = ground.resolve("").unwrap_err();
    assert!(matches!(error, RemoteError::Git { operation: "list the refs of", .. }), "{error}");
}

#[test]
fn a_git_dir_that_is_kept_is_of_one_commit_and_always_the_same() {
    let Some(ground) = ground() else { return };
    ground.repository.commit("file", "one");
    let id = ground.repository.commit("file", "two");
    ground.repository.git(&["tag", "v2"]);
    let kept = ground.checkout("#v2", true).unwrap();
    let repository = Repository { path: kept.path.clone() };
    assert_eq!(repository.git(&["rev-parse", "HEAD"]), id);
    assert_eq!(repository.git(&["rev-list", "--count", "HEAD"]), "1");
    assert_eq!(repository.git(&["describe", "--tags"]), "v2");
    assert_eq!(repository.git(&["config", "remote.origin.url"]), ground.repository.url());

    let again = ground.checkout("#v2", true).unwrap();
    let fresh = ground.checkout("?tag=v2&keep-git-dir", false).unwrap();
    assert_eq!(fs::read(again.path.join(".git/index")).unwrap(), fs::read(fresh.path.join(".git/index")).unwrap());
    assert_eq!(repository.git(&["status", "--porcelain"]), "");
    assert!(!ground.checkout("?tag=v2&keep-git-dir=false", true).unwrap().path.join(".git").exists());
}

#[test]
fn a_subdirectory_is_all_that_is_seen() {
    let Some(ground) = ground() else { return };
    ground.repository.commit("a/b/file", "text");
    ground.repository.commit("other", "text");
    let checkout = ground.checkout("#main:a/b", true).unwrap();
    assert_eq!(names(&checkout.path), ["file"]);
    for (subdir, reason) in [("nope", "is not in the repository"), ("other", "is not a directory")] {
        let error = ground.checkout(&format!("?subdir={subdir}"), false).unwrap_err();
        assert!(error.to_string().ends_with(reason), "{error}");
    }
}

/// CVE-2026-33748: a subdirectory that a link stands for could be one of the machine.
#[test]
fn cve_2026_33748_a_subdirectory_behind_a_link_is_refused() {
    let Some(ground) = ground() else { return };
    symlink("/etc", ground.repository.path.join("etc")).unwrap();
    symlink("real", ground.repository.path.join("inside")).unwrap();
    ground.repository.commit("real/deep/file", "text");
    for subdir in ["etc", "etc/ssl", "inside", "inside/deep"] {
        let error = ground.checkout(&format!("#main:{subdir}"), false).unwrap_err();
        assert!(matches!(&error, RemoteError::Subdirectory { .. }), "{subdir}: {error}");
        assert!(entries(&ground.fetcher.partial).is_empty(), "{subdir}");
    }
}

#[test]
fn submodules_come_along_unless_they_are_not_wanted() {
    let Some(ground) = ground() else { return };
    let Some(daemon) = Daemon::start(ground.dir.path()) else { return };
    let inner = Repository::new(&ground.dir.path().join("inner.git"));
    inner.commit("deep", "text");
    ground.repository.commit("file", "text");
    fs::write(
        ground.repository.path.join(".gitmodules"),
        "[submodule \"in\"]\n\tpath = sub/in\n\turl = ../inner.git\n",
    )
    .unwrap();
    let id = inner.git(&["rev-parse", "HEAD"]);
    ground.repository.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{id},sub/in")]);
    ground.repository.git(&["add", ".gitmodules"]);
    ground.repository.git(&["commit", "--quiet", "--message=submodule"]);
    let source = |tail: &str| Source::parse(&daemon.url(&format!("a.git{tail}"))).unwrap().unwrap();

    let with = checkout(&ground.fetcher, &source(""), false).unwrap();
    assert_eq!(names(&with.path), [".gitmodules", "file", "sub", "sub/in", "sub/in/deep"]);
    let without = checkout(&ground.fetcher, &source("?submodules=0"), false).unwrap();
    assert_eq!(names(&without.path), [".gitmodules", "file", "sub", "sub/in"]);
    let kept = checkout(&ground.fetcher, &source(""), true).unwrap();
    assert!(kept.path.join("sub/in/.git").exists() && kept.path.join("sub/in/deep").exists());
}

/// CVE-2022-39253 and its kind: what a repository names in turn is not for it to read.
#[test]
fn a_submodule_reaches_no_repository_of_the_machine_and_runs_nothing() {
    let Some(ground) = ground() else { return };
    let private = Repository::new(&ground.dir.path().join("private.git"));
    let id = private.commit("secret", "text");
    let witness = ground.dir.path().join("witness");
    ground.repository.commit("file", "text");
    for url in [private.url(), private.path.display().to_string(), format!("ext::touch {}", witness.display())] {
        let text = format!("[submodule \"in\"]\n\tpath = in\n\turl = {url}\n");
        fs::write(ground.repository.path.join(".gitmodules"), text).unwrap();
        ground.repository.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{id},in")]);
        ground.repository.git(&["add", ".gitmodules"]);
        ground.repository.git(&["commit", "--quiet", "--message=submodule"]);
        let error = ground.checkout("", false).unwrap_err();
        assert!(matches!(&error, RemoteError::Git { message, .. } if message.contains("not allowed")), "{error}");
        assert!(!witness.exists());
    }
}

#[test]
fn filters_and_hooks_that_a_repository_brings_do_not_run() {
    let Some(ground) = ground() else { return };
    let witness = ground.dir.path().join("witness");
    let script = format!("#!/bin/sh\ntouch {}\n", witness.display());
    for name in [".githooks/post-checkout", "hooks/post-checkout"] {
        ground.repository.commit(name, &script);
        fs::set_permissions(ground.repository.path.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    ground.repository.commit(".gitattributes", "* filter=evil\n");
    ground.repository.commit(".gitconfig", &format!("[filter \"evil\"]\n\tsmudge = touch {}\n", witness.display()));
    ground.checkout("", false).unwrap();
    ground.checkout("", true).unwrap();
    assert!(!witness.exists());
}

/// CVE-2023-26054: credentials of a repository's URL were shown.
#[test]
fn cve_2023_26054_credentials_are_sent_and_never_shown() {
    if !has_git() {
        return;
    }
    let server = Server::start(|_| Reply::new("403 Forbidden", "").with("X", "y"));
    let dir = tempfile::tempdir().unwrap();
    let mut fetcher = Fetcher::new(dir.path());
    let source = Source::parse(&format!("http://me:secret@{}/a.git", server.address())).unwrap().unwrap();
    let error = git::resolve(&fetcher, &source).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
    assert_eq!(server.requests()[0].header("authorization"), Some("Basic bWU6c2VjcmV0"));

    fetcher.secrets.insert("GIT_AUTH_TOKEN".to_owned(), Secret(Arc::from(b"token".as_slice())));
    let source = Source::parse(&server.url("/a.git")).unwrap().unwrap();
    let error = git::resolve(&fetcher, &source).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("token"), "{error}");
    assert_eq!(server.requests()[0].header("authorization"), Some("Basic eC1hY2Nlc3MtdG9rZW46dG9rZW4="));
}

#[test]
fn a_server_that_gives_no_single_commits_gives_everything() {
    let Some(ground) = ground() else { return };
    let first = ground.repository.commit("file", "one");
    ground.repository.commit("file", "two");
    // over plain HTTP there are files only: no server that could choose commits
    ground.repository.git(&["update-server-info"]);
    let base = ground.repository.path.join(".git");
    let server = Server::start(move |request| {
        let path = request.path().split('?').next().unwrap().trim_start_matches("/a.git/");
        fs::read(base.join(path)).map_or_else(|_| Reply::new("404 Not Found", ""), Reply::ok)
    });
    for (tail, text) in [(String::new(), "two"), (format!("#{first}"), "one")] {
        let source = Source::parse(&server.url(&format!("/a.git{tail}"))).unwrap().unwrap();
        let checkout = checkout(&ground.fetcher, &source, false).unwrap();
        assert_eq!(fs::read_to_string(checkout.path.join("file")).unwrap(), text, "{tail}");
    }
}

#[test]
fn locks_that_a_killed_build_left_do_not_stop_the_next() {
    let Some(ground) = ground() else { return };
    ground.repository.commit("file", "one");
    ground.checkout("", false).unwrap();
    ground.repository.commit("file", "two");
    let cached = entries(&ground.fetcher.cache.join("git")).remove(0).join("repo");
    fs::write(cached.join("shallow.lock"), "").unwrap();
    let checkout = ground.checkout("", false).unwrap();
    assert_eq!(fs::read_to_string(checkout.path.join("file")).unwrap(), "two");
}

#[test]
fn a_build_that_is_stopped_waits_for_no_git() {
    if !has_git() {
        return;
    }
    let (sender, receiver) = mpsc::channel();
    let server = Server::start(move |_| {
        sender.send(()).unwrap();
        Reply::hangs()
    });
    let dir = tempfile::tempdir().unwrap();
    let mut fetcher = Fetcher::new(dir.path());
    fetcher.cancel = Cancel::default();
    let cancel = fetcher.cancel.clone();
    let source = Source::parse(&server.url("/a.git")).unwrap().unwrap();
    let stopper = std::thread::spawn(move || {
        receiver.recv().unwrap();
        cancel.cancel();
    });
    assert!(matches!(git::resolve(&fetcher, &source), Err(RemoteError::Cancelled { .. })));
    stopper.join().unwrap();
}
