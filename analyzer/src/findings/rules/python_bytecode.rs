//! B15: what Python makes of its sources, and tests of packages.

use strata_image::layer::LayerPath;

use crate::findings::{
    About, Claim, Confidence, Level, Rule, Subject, Told,
    live::{Advisory, Directory, LiveFile, up_to},
};

/// B15.
pub(in crate::findings) struct PythonBytecode;

impl Rule for PythonBytecode {
    fn about(&self) -> &'static About {
        &About {
            id: "B15",
            name: "python-bytecode",
            title: "Bytecode and tests of Python packages",
            explanation: "Python compiles what it imports and keeps that beside the source. It can do so again; \
                          without it the first start takes longer.",
            detection: "Live `*.pyc` in a `__pycache__` beside whose directory the source lives; files of `test` and \
                        `tests` directories in `site-packages` and `dist-packages`.",
            fix: "Set `PYTHONDONTWRITEBYTECODE=1` while building, or `pip install --no-compile`, where the start-up \
                  time is not needed.",
            kinds: &[("bytecode", "compiled from a source that is there"), ("tests", "tests of a package")],
            confidence: Confidence::Low,
            exact: false,
            level: Level::Note,
        }
    }

    fn message(&self, told: &Told<'_>) -> String {
        format!("{} has {} of Python: {}", told.creator(), told.kind(), told.files())
    }
}

/// Directories of packages.
const PACKAGES: &[&str] = &["site-packages", "dist-packages"];

impl Advisory for PythonBytecode {
    fn looks_in(&self, directory: &Directory<'_>) -> bool {
        directory.path.ends_with(b"__pycache__/") || up_to(directory.path, PACKAGES).is_some()
    }

    fn claims(&self, file: &LiveFile<'_>, subject: &Subject<'_>) -> Option<Claim> {
        if file.name.ends_with(b".pyc") {
            return has_source(file, subject).then(|| Claim::file("bytecode"));
        }
        let (_, package) = up_to(file.path, PACKAGES)?;
        let (tests, _) = up_to(package, &["tests", "test"])?;
        let end = file.path.len() - package.len() + tests.len();
        Some(Claim::tree("tests", &file.path[..end]))
    }
}

/// Whether `d/__pycache__/name.cpython-312.pyc` comes of `d/name.py`.
fn has_source(file: &LiveFile<'_>, subject: &Subject<'_>) -> bool {
    let directory = &file.path[..file.path.len() - file.name.len()];
    let name = file.name.split(|&byte| byte == b'.').next().unwrap_or_default();
    let source = directory.strip_suffix(b"__pycache__/").map(|directory| [directory, name, b".py"].concat());
    let source = source.and_then(|source| LayerPath::new(&source).ok());
    source.is_some_and(|source| subject.ledger.view().get(&source).is_some())
}
