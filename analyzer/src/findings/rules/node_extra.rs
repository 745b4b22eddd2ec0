//! B17: what comes with node modules and does not run.

use std::collections::{HashMap, HashSet};

use crate::{
    findings::{
        About, Claim, Confidence, Hits, Level, Rule, Subject, Told,
        live::{Advisory, Whole, each_file, hit, up_to},
    },
    packages::{Manager, Package, module},
};

/// B17.
pub(in crate::findings) struct NodeExtra;

impl Rule for NodeExtra {
    fn about(&self) -> &'static About {
        &About {
            id: "B17",
            name: "node-extra",
            title: "Development dependencies and extras of node modules",
            explanation: "Modules that only development needs, several versions of one module, source maps, tests and \
                          documentation are often most of a `node_modules`.",
            detection: "Live files in `node_modules`: of modules that `package-lock.json` marks as `dev`; of a module \
                        whose name another directory has with another version; `*.map`; files below a `test`, `tests`, \
                        `__tests__`, `docs`, `example` or `examples` of a module. Each file is counted once, in this \
                        order.",
            fix: "Install with `npm ci --omit=dev`; `npm dedupe`; leave out source maps where the program is bundled.",
            kinds: &[
                ("dev", "only development needs them"),
                ("duplicate", "another version of the module is there too"),
                ("source-map", "source maps"),
                ("tests", "tests, examples and documentation"),
            ],
            confidence: Confidence::Medium,
            exact: false,
            level: Level::Note,
        }
    }

    fn message(&self, told: &Told<'_>) -> String {
        format!(
            "{} has {} in node modules: {}",
            told.creator(),
            match told.kind() {
                "dev" => "development dependencies",
                "duplicate" => "further versions of modules",
                "source-map" => "source maps",
                _ => "tests and documentation",
            },
            told.directories()
        )
    }
}

impl Advisory for NodeExtra {
    fn look(&self, whole: &Whole<'_>, hits: &mut Hits<'_>) {
        let subject = whole.subject;
        let modules: Vec<&Package> =
            subject.packages.list().iter().filter(|package| package.manager == Manager::Npm).collect();
        if modules.is_empty() {
            return;
        }
        let dev = development(subject);
        let further = further_versions(&modules);
        each_file(subject, &mut |path, size, inode| {
            let Some(module) = module(path) else {
                return;
            };
            let dev_module = enclosing(path).find(|directory| dev.contains(*directory));
            let claim = if let Some(directory) = dev_module {
                Claim::tree("dev", directory)
            } else if further.contains(module) {
                Claim::tree("duplicate", module)
            } else if path.ends_with(b".map") {
                Claim::file("source-map")
            } else if let Some((tests, _)) = up_to(path.get(module.len() + 1..).unwrap_or_default(), EXTRAS) {
                Claim::tree("tests", &path[..module.len() + 1 + tests.len()])
            } else {
                return;
            };
            hits.add(&NodeExtra, hit(claim, path, size, inode));
        });
    }
}

/// Directories of a module that do not run.
const EXTRAS: &[&str] = &["test", "tests", "__tests__", "docs", "example", "examples"];

/// The directories of the modules that lock files mark as needed in development alone.
fn development(subject: &Subject<'_>) -> HashSet<Vec<u8>> {
    let mut directories = HashSet::new();
    for (path, lines) in subject.kept {
        let Some(root) = path
            .strip_suffix(b"node_modules/.package-lock.json")
            .or_else(|| path.strip_suffix(b"package-lock.json").filter(|root| !root.ends_with(b".")))
        else {
            continue;
        };
        let below = |line: &[u8]| [root, line].concat();
        directories.extend(lines.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).map(below));
    }
    directories
}

/// The directories of modules of which another version stands at a shorter path.
fn further_versions<'p>(modules: &[&'p Package]) -> HashSet<&'p [u8]> {
    let mut by_name: HashMap<&str, Vec<&Package>> = HashMap::new();
    for module in modules {
        by_name.entry(&module.name).or_default().push(module);
    }
    let mut further = HashSet::new();
    for mut places in by_name.into_values().filter(|places| places.len() > 1) {
        places.sort_by_key(|package| (package.place.len(), &package.place));
        let first = &places[0].version;
        further
            .extend(places.iter().filter(|package| package.version != *first).map(|package| package.place.as_slice()));
    }
    further
}

/// The directories of all modules around a path, the innermost first.
fn enclosing(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::successors(module(path), |inner| {
        let parent = &inner[..inner.windows(13).rposition(|window| window == b"node_modules/")?];
        module(parent)
    })
}
