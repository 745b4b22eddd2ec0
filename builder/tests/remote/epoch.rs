//! `SOURCE_DATE_EPOCH` by the name of what is fetched.

use std::{collections::BTreeMap, error::Error as _};

use strata_builder::{
    Engine, Error, Options, build, contexts,
    options::{ContextDirectory, NamedContext},
    remote::Fetcher,
};
use strata_image::{
    Image, ImageName, Store, Timestamp,
    layer::{Entry, EntryKind, LayerPath, LayerWriter},
};
use strata_runtime::snapshot::Snapshots;
use tempfile::TempDir;

use super::{
    repository::{Repository, TIME, has_git},
    server::{Reply, Server},
};

struct Built {
    dir: TempDir,
    options: Options,
}

impl Built {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options = Options {
            context: ContextDirectory::from(dir.path().to_owned()),
            names: vec![ImageName::parse("app").unwrap()],
            ..Options::default()
        };
        Self { dir, options }
    }

    /// The time of the image that a Dockerfile makes, and the value that its stage sees.
    fn of(&self, dockerfile: &str) -> Result<(i64, String), Error> {
        let root = self.dir.path().join("root");
        let engine = Engine {
            store: Store::open(&root)?,
            snapshots: Snapshots::open(&root)?,
            cache: root.join("cache"),
            analysis: root.join("analysis"),
        };
        let seen = "FROM scratch\nARG SOURCE_DATE_EPOCH\nLABEL seen=$SOURCE_DATE_EPOCH\n";
        let dockerfile = format!("{dockerfile}{seen}").into_bytes();
        build(&engine, &Options { dockerfile, ..self.options.clone() }, &mut |_| {})?;
        let image = engine.store.find("app")?.unwrap();
        let config = image.config().unwrap();
        let created = config.created.as_deref().map_or(-1, |time| time.parse::<Timestamp>().unwrap().seconds);
        let seen = config.config.as_ref().unwrap().labels.as_ref().unwrap()["seen"].clone();
        Ok((created, seen))
    }

    fn seconds(&self, dockerfile: &str) -> i64 {
        let (created, seen) = self.of(dockerfile).unwrap();
        assert_eq!(created.to_string(), seen);
        created
    }
}

/// An archive whose newest file is of this time, and that has a newer folder.
fn archive(seconds: i64) -> Vec<u8> {
    let mut writer = LayerWriter::new(Vec::new());
    for (name, kind, seconds) in
        [("old", EntryKind::File, 1), ("new", EntryKind::File, seconds), ("d", EntryKind::Directory, seconds + 100)]
    {
        let path = LayerPath::new(name.as_bytes()).unwrap();
        let entry = Entry { mode: 0o755, mtime: Timestamp::from_seconds(seconds), ..Entry::new(path, kind) };
        writer.append(&entry, std::io::empty()).unwrap();
    }
    writer.finish().unwrap()
}

fn server() -> Server {
    Server::start(|request| match request.path() {
        "/dated" => Reply::ok(archive(500)).with("Last-Modified", "Wed, 21 Oct 2015 07:28:00 GMT"),
        "/archive" => Reply::ok(archive(500)),
        _ => Reply::ok("text"),
    })
}

#[test]
fn a_stage_is_as_old_as_the_one_thing_that_it_fetches() {
    let (built, server) = (Built::new(), server());
    let of = |path: &str| {
        let url = server.url("");
        format!("ARG SOURCE_DATE_EPOCH=Src\nARG U={url}\nFROM scratch AS src\nARG P={path}\nADD $U$P /\n")
    };
    assert_eq!(built.seconds(&of("/dated")), 1_445_412_480);
    assert_eq!(built.seconds(&of("/archive")), 500);
    // what has no time gives none
    assert_eq!(built.of(&of("/text")).unwrap().1, "");
}

#[test]
fn a_stage_is_as_old_as_the_commit_that_it_fetches() {
    if !has_git() {
        return;
    }
    let built = Built::new();
    let repository = Repository::new(&built.dir.path().join("a.git"));
    repository.commit("a", "a");
    let url = repository.url();
    let stage = format!("ARG SOURCE_DATE_EPOCH=src\nFROM scratch AS src\nADD {url} /\n");
    match built.of(&stage) {
        Ok((created, seen)) => assert_eq!((created, seen), (TIME, TIME.to_string())),
        // ADD takes no repositories of this machine
        Err(error) => assert!(error.to_string().contains("SOURCE_DATE_EPOCH"), "{error}"),
    }
}

#[test]
fn a_named_context_goes_before_a_stage_and_what_the_server_says_before_what_is_in_the_archive() {
    let (mut built, server) = (Built::new(), server());
    let stage = format!("ARG SOURCE_DATE_EPOCH=src\nFROM scratch AS src\nADD {} /\n", server.url("/archive"));
    let fetcher = Fetcher::new(&built.dir.path().join("cache"));
    for (path, seconds) in [("/dated", 1_445_412_480), ("/archive", 500)] {
        let text = format!("src={}", server.url(path));
        let (name, context) =
            contexts::named(&text, &fetcher, None, &strata_image::manifest::Platform::host(), &mut |_| {}).unwrap();
        built.options.named_contexts = BTreeMap::from([(name, context)]);
        assert_eq!(built.seconds(&stage), seconds);
    }
    let folder = NamedContext::Directory(built.dir.path().to_owned().into());
    built.options.named_contexts = BTreeMap::from([("src".to_owned(), folder)]);
    assert_eq!(built.of(&stage).unwrap().1, "", "a folder has no time");
    // a number that is given goes before all of it
    built.options.build_args = BTreeMap::from([("SOURCE_DATE_EPOCH".to_owned(), "7".to_owned())]);
    assert_eq!(built.seconds(&stage), 7);
}

#[test]
fn a_stage_that_does_more_than_fetch_has_no_time() {
    let (built, server) = (Built::new(), server());
    let url = server.url("/archive");
    for stage in [
        "FROM scratch AS src\nCOPY Dockerfile /\n".to_owned(),
        format!("FROM scratch AS src\nADD {url} /\nADD {url} /b\n"),
        format!("FROM scratch AS src\nADD {url} /\nWORKDIR /\n"),
        format!("FROM scratch AS src\nADD {url} {url} /d/\n"),
        format!("FROM other AS src\nADD {url} /\n"),
        "FROM scratch AS src\nADD file /\n".to_owned(),
        "FROM scratch AS src\n".to_owned(),
        "FROM scratch AS else\n".to_owned(),
    ] {
        let error = built.of(&format!("ARG SOURCE_DATE_EPOCH=src\n{stage}")).unwrap_err();
        assert!(matches!(error, Error::Epoch { .. }) && error.source().is_none(), "{stage}: {error}");
    }
}
