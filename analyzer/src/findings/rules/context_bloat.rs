//! B19: what a COPY brings that the image does not need.

use strata_dockerfile::Kind;

use crate::findings::{
    About, Claim, Confidence, Hits, Level, Rule, Subject, Told,
    live::{Advisory, Whole, each_file, hit, up_to},
};

/// B19.
pub(in crate::findings) struct ContextBloat;

impl Rule for ContextBloat {
    fn about(&self) -> &'static About {
        &About {
            id: "B19",
            name: "context-bloat",
            title: "What a COPY of the whole context brings along",
            explanation: "A COPY of a directory brings all that stands in it: dependencies that are installed again, \
                          results of builds, caches of tools, secrets.",
            detection: "Live files that a COPY or ADD of the context made, in directories such as `node_modules`, \
                        `target/debug`, `.venv`, `.idea`, or with names such as `.env`, `*.pem`, `Dockerfile`. Without \
                        a Dockerfile, only of a COPY of `.`.",
            fix: "Name them in `.dockerignore`, or COPY less: the files that the program needs.",
            kinds: &[
                ("dependencies", "installed packages"),
                ("build", "results of builds"),
                ("cache", "caches and settings of tools"),
                ("secret", "by its name"),
                ("recipe", "what the image is made from"),
            ],
            confidence: Confidence::Low,
            exact: false,
            level: Level::Note,
        }
    }

    fn message(&self, told: &Told<'_>) -> String {
        format!("{} copies what the image may not need, {}: {}", told.creator(), told.kind(), told.directories())
    }
}

/// Directories that a context has for the sake of building, and what is in them.
const DIRECTORIES: &[(&str, &str)] = &[
    ("node_modules", "dependencies"),
    (".venv", "dependencies"),
    ("venv", "dependencies"),
    ("bower_components", "dependencies"),
    (".tox", "cache"),
    (".nox", "cache"),
    (".pytest_cache", "cache"),
    (".mypy_cache", "cache"),
    (".ruff_cache", "cache"),
    (".parcel-cache", "cache"),
    (".gradle", "cache"),
    (".terraform", "cache"),
    (".nyc_output", "cache"),
    (".idea", "cache"),
    (".vscode", "cache"),
];

impl Advisory for ContextBloat {
    fn look(&self, whole: &Whole<'_>, hits: &mut Hits<'_>) {
        let subject = whole.subject;
        let copies: Vec<bool> = (0..subject.layers.len()).map(|layer| copies_context(subject, layer)).collect();
        if !copies.contains(&true) {
            return;
        }
        each_file(subject, &mut |path, size, inode| {
            if copies[inode.layer as usize]
                && let Some(claim) = bloat(path)
            {
                hits.add(&ContextBloat, hit(claim, path, size, inode));
            }
        });
    }
}

/// Whether a COPY or ADD of the context made a layer. Of a history, which does not tell a stage from the context, only
/// that of a whole directory is believed.
fn copies_context(subject: &Subject<'_>, layer: usize) -> bool {
    if let Some(Some(instruction)) = subject.steps.get(layer) {
        return matches!(&instruction.kind, Kind::Copy(copy) if copy.from.is_none())
            || matches!(instruction.kind, Kind::Add(_));
    }
    let text = subject.instruction(layer).unwrap_or_default();
    let text = text.split("#(nop)").last().unwrap_or_default().trim_start();
    text.strip_prefix("COPY ").is_some_and(|words| words.starts_with(". ") || words.starts_with("./ "))
}

fn bloat(path: &[u8]) -> Option<Claim> {
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    let names: Vec<&str> = DIRECTORIES.iter().map(|(name, _)| *name).collect();
    if let Some((directory, _)) = up_to(path, &names) {
        let (_, kind) = DIRECTORIES.iter().find(|(name, _)| directory.ends_with(name.as_bytes()))?;
        return Some(Claim::tree(kind, directory));
    }
    if let Some((target, rest)) = up_to(path, &["target"])
        && (rest.starts_with(b"debug/") || rest.starts_with(b"release/"))
    {
        return Some(Claim::tree("build", target));
    }
    let is_secret = name.starts_with(b".env") || name.ends_with(b".pem") || name.ends_with(b".key");
    let is_recipe =
        matches!(name, b".dockerignore" | b"docker-compose.yml" | b"compose.yaml") || name.starts_with(b"Dockerfile");
    match (is_secret, is_recipe) {
        (true, _) => Some(Claim::file("secret")),
        (_, true) => Some(Claim::file("recipe")),
        _ => None,
    }
}
