//! ADD's files by http: what is asked of the server, what the cache keeps, and what no server can do.

use std::{
    collections::BTreeMap,
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    sync::mpsc,
};

use strata_builder::{
    Cancel,
    remote::{
        Fetcher, Proxies, RemoteError,
        http::{self, Checksum, Fetched, Progress},
    },
};
use strata_image::{Digest, Timestamp};

use crate::server::{Reply, Request, Server};

const DATE: &str = "Wed, 21 Oct 2015 07:28:00 GMT";

fn fetcher() -> (tempfile::TempDir, Fetcher) {
    let dir = tempfile::tempdir().unwrap();
    let fetcher = Fetcher::new(dir.path());
    (dir, fetcher)
}

fn fetch(fetcher: &Fetcher, url: &str) -> Result<Fetched, RemoteError> {
    http::fetch(fetcher, url, None, &mut |_| {})
}

fn content(fetched: &Fetched) -> String {
    let mut text = String::new();
    fetched.open().unwrap().read_to_string(&mut text).unwrap();
    text
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else {
        return Vec::new();
    };
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn error_text(error: &RemoteError) -> String {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Answers a conditional request as RFC 9110 wants it.
fn versioned(request: &Request, body: &str, etag: &str) -> Reply {
    if request.header("if-none-match") == Some(etag) {
        return Reply::new("304 Not Modified", "").with("ETag", etag);
    }
    Reply::ok(body).with("ETag", etag).with("Last-Modified", DATE)
}

#[test]
fn a_file_has_the_name_of_its_url_and_the_time_of_its_server() {
    let server = Server::start(|_| Reply::ok("hello").with("Last-Modified", DATE));
    let (_dir, fetcher) = fetcher();
    let mut seen = Vec::new();
    let fetched = http::fetch(&fetcher, &server.url("/a/tool.txt?x=/y"), None, &mut |progress| seen.push(progress));
    let fetched = fetched.unwrap();
    assert_eq!(fetched.name, "tool.txt");
    assert_eq!(fetched.digest, Digest::of(b"hello"));
    assert_eq!(fetched.size, 5);
    assert_eq!(fetched.modified, Some(Timestamp::from_seconds(1_445_412_480)));
    assert_eq!(content(&fetched), "hello");
    assert_eq!(seen.last(), Some(&Progress { received: 5, total: Some(5) }));
    let request = &server.requests()[0];
    assert_eq!(request.path(), "/a/tool.txt?x=/y");
    assert_eq!(request.header("accept-encoding"), None, "bodies must come as they are");
    assert!(files(&fetcher.partial).is_empty());
}

#[test]
fn what_has_not_changed_is_not_downloaded_again() {
    let server = Server::start(|request| versioned(request, "one", "\"v1\""));
    let (_dir, fetcher) = fetcher();
    let url = server.url("/file");
    assert!(!fetch(&fetcher, &url).unwrap().from_cache);
    let again = fetch(&fetcher, &url).unwrap();
    assert!(again.from_cache);
    assert_eq!(again.modified, Some(Timestamp::from_seconds(1_445_412_480)), "a 304 need not say it again");
    assert_eq!(content(&again), "one");
    assert_eq!(server.requests()[1].header("if-none-match"), Some("\"v1\""));
}

#[test]
fn without_an_etag_the_time_is_asked_for() {
    let server = Server::start(|request| match request.header("if-modified-since") {
        Some(DATE) => Reply::new("304 Not Modified", ""),
        _ => Reply::ok("one").with("Last-Modified", DATE),
    });
    let (_dir, fetcher) = fetcher();
    let url = server.url("/file");
    fetch(&fetcher, &url).unwrap();
    assert!(fetch(&fetcher, &url).unwrap().from_cache);
}

#[test]
fn a_server_that_knows_no_conditions_is_believed_by_its_strong_etag_only() {
    for (etag, from_cache) in [("\"v1\"", true), ("W/\"v1\"", false)] {
        let server = Server::start(move |_| Reply::ok("one").with("ETag", etag));
        let (_dir, fetcher) = fetcher();
        fetch(&fetcher, &server.url("/file")).unwrap();
        assert_eq!(fetch(&fetcher, &server.url("/file")).unwrap().from_cache, from_cache, "{etag}");
    }
}

#[test]
fn what_has_changed_is_downloaded_again() {
    let (_dir, fetcher) = fetcher();
    let (sender, receiver) = mpsc::channel::<(&str, &str)>();
    let server = Server::start(move |request| {
        let (body, etag) = receiver.recv().unwrap();
        versioned(request, body, etag)
    });
    for (body, etag) in [("one", "\"v1\""), ("two", "\"v2\"")] {
        sender.send((body, etag)).unwrap();
        let fetched = fetch(&fetcher, &server.url("/file")).unwrap();
        assert!(!fetched.from_cache);
        assert_eq!(content(&fetched), body);
    }
}

#[test]
fn a_body_that_was_lost_or_damaged_is_fetched_again() {
    let server = Server::start(|request| versioned(request, "one", "\"v1\""));
    let (_dir, fetcher) = fetcher();
    let url = server.url("/file");
    fetch(&fetcher, &url).unwrap();
    let body = files(&fetcher.cache.join("http/bodies")).remove(0);

    fs::remove_file(&body).unwrap();
    assert!(!fetch(&fetcher, &url).unwrap().from_cache);

    fs::write(&body, "ONE").unwrap();
    let damaged = fetch(&fetcher, &url).unwrap();
    assert!(damaged.open().is_err());
    let repaired = fetch(&fetcher, &url).unwrap();
    assert!(!repaired.from_cache);
    assert_eq!(content(&repaired), "one");

    for record in files(&fetcher.cache.join("http/urls")) {
        fs::write(record, "{").unwrap();
    }
    assert!(!fetch(&fetcher, &url).unwrap().from_cache);
}

#[test]
fn a_file_stays_readable_when_the_cache_is_emptied_meanwhile() {
    let server = Server::start(|_| Reply::ok("hello"));
    let (dir, fetcher) = fetcher();
    let fetched = fetch(&fetcher, &server.url("/file")).unwrap();
    fs::remove_dir_all(dir.path()).unwrap();
    assert_eq!((content(&fetched), content(&fetched)), ("hello".to_owned(), "hello".to_owned()));
}

#[test]
fn a_checksum_that_the_cache_has_asks_no_server() {
    let server = Server::start(|_| Reply::ok("hello"));
    let (_dir, fetcher) = fetcher();
    let url = server.url("/file");
    let checksum = Some(Checksum::from(Digest::of(b"hello")));
    http::fetch(&fetcher, &url, checksum, &mut |_| {}).unwrap();
    assert_eq!(server.requests().len(), 1);
    assert!(http::fetch(&fetcher, &url, checksum, &mut |_| {}).unwrap().from_cache);
    assert!(server.requests().is_empty());
}

#[test]
fn a_wrong_checksum_says_both_digests_and_keeps_nothing() {
    let server = Server::start(|_| Reply::ok("hello"));
    let (_dir, fetcher) = fetcher();
    let (found, expected) = (Digest::of(b"hello"), Digest::of(b"other"));
    let error = http::fetch(&fetcher, &server.url("/file"), Some(expected.into()), &mut |_| {}).unwrap_err();
    assert!(error.to_string().ends_with(&format!("digest mismatch {found}: {expected}")), "{error}");
    assert!(error.hint().unwrap().contains(&found.to_string()));
    assert!(files(&fetcher.cache.join("http/bodies")).is_empty());
    assert!(files(&fetcher.partial).is_empty());
}

#[test]
fn only_sha256_is_a_checksum() {
    let digits = "0".repeat(64);
    for text in ["md5:00", &format!("sha512:{digits}"), &digits, "sha256:", "sha256:xyz", &format!("SHA256:{digits}")] {
        let error = text.parse::<Checksum>().unwrap_err();
        assert!(error.to_string().starts_with("unsupported checksum"), "{text}: {error}");
    }
}

#[test]
fn an_answer_without_success_is_an_error_with_its_status() {
    for status in ["404 Not Found", "403 Forbidden", "500 Internal Server Error", "204 No Content", "304 Not Modified"]
    {
        let server = Server::start(move |_| Reply::new(status, ""));
        let (_dir, fetcher) = fetcher();
        let error = fetch(&fetcher, &server.url("/file")).unwrap_err();
        assert!(error.to_string().ends_with(status), "{error}");
    }
}

#[test]
fn a_body_that_breaks_off_is_an_error_and_leaves_nothing() {
    let server = Server::start(|_| Reply::ok("half").cut());
    let (_dir, fetcher) = fetcher();
    assert!(matches!(fetch(&fetcher, &server.url("/file")), Err(RemoteError::Http { .. })));
    assert!(files(&fetcher.partial).is_empty());
    assert!(files(&fetcher.cache.join("http/bodies")).is_empty());
}

#[test]
fn redirects_are_followed_and_the_first_url_gives_the_name() {
    let server = Server::start(|request| match request.path() {
        "/first" => Reply::redirect("/second/other?x"),
        "/second/other?x" => Reply::ok("there"),
        _ => Reply::new("404 Not Found", ""),
    });
    let (_dir, fetcher) = fetcher();
    let fetched = fetch(&fetcher, &server.url("/first")).unwrap();
    assert_eq!((fetched.name.as_str(), content(&fetched).as_str()), ("first", "there"));
}

#[test]
fn redirects_in_a_circle_end() {
    let server = Server::start(|_| Reply::redirect("/again"));
    let (_dir, fetcher) = fetcher();
    assert!(matches!(fetch(&fetcher, &server.url("/")), Err(RemoteError::Http { .. })));
    assert_eq!(server.requests().len(), 11);
}

/// CVE-2026-33747: a name from the server could lead out of the directory that the file is put into.
#[test]
fn cve_2026_33747_content_disposition_gives_no_name() {
    for name in ["../../etc/passwd", "/etc/passwd", "other", ".."] {
        let server = Server::start(move |_| {
            Reply::ok("x").with("Content-Disposition", format!("attachment; filename=\"{name}\""))
        });
        let (_dir, fetcher) = fetcher();
        assert_eq!(fetch(&fetcher, &server.url("/file")).unwrap().name, "file", "{name}");
        assert_eq!(fetch(&fetcher, &server.url("/")).unwrap().name, "__unnamed__", "{name}");
    }
}

#[test]
fn credentials_reach_their_host_only_and_no_message_or_file() {
    let other = Server::start(|_| Reply::new("404 Not Found", ""));
    let elsewhere = other.url("/x");
    let server = Server::start(move |_| Reply::redirect(elsewhere.clone()));
    let (_dir, fetcher) = fetcher();
    let url = format!("http://me:secret@{}/file", server.address());
    let text = error_text(&fetch(&fetcher, &url).unwrap_err());
    assert!(!text.contains("secret") && text.contains("xxxxx@"), "{text}");
    assert_eq!(server.requests()[0].header("authorization"), Some("Basic bWU6c2VjcmV0"));
    assert_eq!(other.requests()[0].header("authorization"), None);

    let server = Server::start(|_| Reply::ok("x"));
    let fetched = fetch(&fetcher, &format!("http://me:secret@{}/file", server.address())).unwrap();
    assert!(!format!("{fetched:?}").contains("secret"));
    let record = fs::read_to_string(&files(&fetcher.cache.join("http/urls"))[0]).unwrap();
    assert!(!record.contains("secret"));
}

#[test]
fn what_is_no_url_of_a_file_is_refused() {
    let (_dir, fetcher) = fetcher();
    for url in ["ftp://h/a", "http://", "http:///a", "https://h/a b", "file:///etc/passwd", "h/a"] {
        assert!(matches!(fetch(&fetcher, url), Err(RemoteError::Url { .. })), "{url}");
    }
}

#[test]
fn proxies_are_used_but_for_the_exceptions() {
    // a proxy is asked for a tunnel, and this one refuses
    let proxy = Server::start(|_| Reply::new("403 Forbidden", ""));
    let server = Server::start(|_| Reply::ok("direct"));
    let (_dir, mut fetcher) = fetcher();
    let mut args = BTreeMap::from([("HTTP_PROXY".to_owned(), format!("http://u:secret@{}", proxy.address()))]);
    fetcher.proxies = Proxies::of(&args, |_| None);
    let text = error_text(&fetch(&fetcher, &server.url("/file")).unwrap_err());
    assert!(!text.contains("secret"), "{text}");
    assert_eq!(proxy.requests()[0].line, format!("CONNECT {} HTTP/1.1", server.address()));

    args.insert("NO_PROXY".to_owned(), "example.org,127.0.0.1".to_owned());
    fetcher.proxies = Proxies::of(&args, |_| None);
    assert_eq!(content(&fetch(&fetcher, &server.url("/file")).unwrap()), "direct");
    assert!(proxy.requests().is_empty());

    args.insert("HTTP_PROXY".to_owned(), "socks5://127.0.0.1:1".to_owned());
    fetcher.proxies = Proxies::of(&args, |_| None);
    assert!(matches!(fetch(&fetcher, &server.url("/file")), Err(RemoteError::Proxy { .. })));
}

#[test]
fn a_build_that_is_stopped_waits_for_no_server() {
    let (sender, receiver) = mpsc::channel();
    let server = Server::start(move |_| {
        sender.send(()).unwrap();
        Reply::hangs()
    });
    let (_dir, mut fetcher) = fetcher();
    fetcher.cancel = Cancel::default();
    let cancel = fetcher.cancel.clone();
    let stopper = std::thread::spawn(move || {
        receiver.recv().unwrap();
        cancel.cancel();
    });
    assert!(matches!(fetch(&fetcher, &server.url("/file")), Err(RemoteError::Cancelled { .. })));
    stopper.join().unwrap();
    assert!(matches!(fetch(&fetcher, &server.url("/file")), Err(RemoteError::Cancelled { .. })));
    assert!(files(&fetcher.partial).is_empty());
}
