//! A store with a busybox base, a context to fill, and ways to see what a build gave.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use strata_builder::{Built, Engine, Error, Event, Options, build};
use strata_dockerfile::Severity;
use strata_image::{
    Image as _, ImageName, Store, Timestamp,
    config::{History, ImageConfig, RootFs},
    layer::LayerReader,
    manifest::{Descriptor, OCI_LAYER, Platform},
    store::StoredImage,
};
use strata_runtime::snapshot::Snapshots;
use tempfile::TempDir;

/// A root of strata's, and a context beside it.
pub(crate) struct Workshop {
    pub(crate) dir: TempDir,
    pub(crate) engine: Engine,
    pub(crate) options: Options,
    /// Everything that steps of the last build said.
    pub(crate) output: String,
    pub(crate) notes: Vec<String>,
}

impl Workshop {
    /// `None`, with the reason printed, where this process may not mount or give files to other owners.
    pub(crate) fn open() -> Option<Self> {
        if !rustix_is_root() {
            println!("skipped: only root can build with owners of every kind");
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        let engine = Engine {
            store: Store::open(&root).unwrap(),
            snapshots: Snapshots::open(&root).unwrap(),
            cache: root.join("cache"),
            analysis: root.join("analysis"),
        };
        if let Err(error) = engine.snapshots.view(&engine.snapshots.scratch()) {
            println!("skipped: this process may not mount: {error}");
            return None;
        }
        let context = dir.path().join("context");
        fs::create_dir(&context).unwrap();
        let workshop = Self {
            options: Options {
                context: context.into(),
                dockerfile_path: dir.path().join("Dockerfile"),
                names: vec![name("built")],
                ..Options::default()
            },
            dir,
            engine,
            output: String::new(),
            notes: Vec::new(),
        };
        workshop.import_busybox();
        Some(workshop)
    }

    fn import_busybox(&self) {
        let tar = strata_fixtures::busybox_tar().unwrap();
        let mut blob = self.engine.store.blob().unwrap();
        io::copy(&mut File::open(tar).unwrap(), &mut blob).unwrap();
        let (digest, size) = blob.commit().unwrap();
        let host = Platform::host();
        let created = Some(Timestamp::EPOCH.to_string());
        let config = ImageConfig {
            created: created.clone(),
            architecture: host.architecture,
            os: host.os,
            rootfs: RootFs { kind: "layers".to_owned(), diff_ids: vec![digest.into()] },
            history: vec![History { created, comment: Some("Imported".to_owned()), ..History::default() }],
            ..ImageConfig::default()
        };
        let layer = Descriptor {
            media_type: OCI_LAYER.to_owned(),
            digest,
            size,
            platform: None,
            annotations: BTreeMap::new(),
            other: BTreeMap::new(),
        };
        self.engine.store.put_image(&config, &[layer], &[name("busybox")]).unwrap();
    }

    pub(crate) fn context(&self) -> &Path {
        &self.options.context.path
    }

    /// Writes a file of the context, and the directories on the way.
    pub(crate) fn write(&self, path: &str, content: &str) -> PathBuf {
        let path = self.context().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn chmod(&self, path: &str, mode: u32) {
        fs::set_permissions(self.context().join(path), fs::Permissions::from_mode(mode)).unwrap();
    }

    pub(crate) fn build(&mut self, dockerfile: &str) -> Result<Built, Error> {
        self.options.dockerfile = dockerfile.as_bytes().to_vec();
        let (output, notes) = (&mut self.output, &mut self.notes);
        output.clear();
        notes.clear();
        build(&self.engine, &self.options, &mut |event| match event {
            Event::Output { bytes, .. } => output.push_str(&String::from_utf8_lossy(bytes)),
            Event::StepCached { number } => notes.push(format!("cached {number}")),
            Event::Note(note) => notes.push(note.to_owned()),
            _ => {}
        })
    }

    /// Builds what must build.
    pub(crate) fn built(&mut self, dockerfile: &str) -> Built {
        match self.build(dockerfile) {
            Ok(built) => built,
            Err(error) => panic!("{}\n{}", self.told(&error), self.output),
        }
    }

    /// Builds what must not build; gives what is said.
    pub(crate) fn fails(&mut self, dockerfile: &str) -> String {
        let error = self.build(dockerfile).expect_err("the build must fail");
        self.told(&error)
    }

    pub(crate) fn image(&self, built: &Built) -> StoredImage {
        self.engine.store.find(&built.id.to_string()).unwrap().unwrap()
    }

    /// Entries of one layer, counted from the last: `dir 0755 0:0 path`.
    pub(crate) fn layer_from_end(&self, built: &Built, from_end: usize) -> Vec<String> {
        let image = self.image(built);
        let layers = image.layers();
        let mut reader = LayerReader::new(layers[layers.len() - 1 - from_end].open().unwrap());
        let mut lines = Vec::new();
        while let Some(entry) = reader.next_entry().unwrap() {
            lines.push(format!("{:04o} {}:{} {}", entry.mode, entry.uid, entry.gid, entry.path));
        }
        lines
    }

    /// An error as the command line tells it: every problem with its place, then the reasons.
    pub(crate) fn told(&self, error: &Error) -> String {
        let line = |at: usize| {
            let before = &self.options.dockerfile[..at.min(self.options.dockerfile.len())];
            before.split(|byte| *byte == b'\n').count()
        };
        let mut text = match error {
            Error::Dockerfile { diagnostics } => {
                let problems: Vec<String> = diagnostics
                    .iter()
                    .filter(|diagnostic| diagnostic.severity == Severity::Error)
                    .map(|diagnostic| {
                        let help = diagnostic.help.as_deref().unwrap_or_default();
                        format!("Dockerfile:{}: {} {help}\n", line(diagnostic.span.start), diagnostic.message)
                    })
                    .collect();
                problems.concat()
            }
            Error::Step { span, message, hint, .. } => {
                let hint = hint.as_deref().unwrap_or_default();
                format!("Dockerfile:{}: {message}\n{hint}\n", line(span.start))
            }
            other => format!("{other}\n"),
        };
        let mut reason = std::error::Error::source(error);
        while let Some(error) = reason {
            text = format!("{text}{error}\n");
            reason = error.source();
        }
        text
    }
}

pub(crate) fn name(text: &str) -> ImageName {
    ImageName::parse(text).unwrap()
}

fn rustix_is_root() -> bool {
    rustix::process::geteuid().is_root()
}
