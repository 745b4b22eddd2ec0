//! B6: caches of compilers and of package managers of languages.

use crate::findings::{
    About, Claim, Confidence, Level, Rule, Subject, Told,
    live::{Advisory, Directory, LiveFile, below},
};

/// B6.
pub(in crate::findings) struct LanguageCache;

impl Rule for LanguageCache {
    fn about(&self) -> &'static About {
        &About {
            id: "B6",
            name: "language-cache",
            title: "Caches of compilers and package managers of languages",
            explanation: "pip, npm, cargo, go, maven and others keep what they downloaded and built, for a next run \
                          that a finished image does not have.",
            detection: "Live files in the directories where these programs keep their caches: below every home of \
                        `/etc/passwd`, and where official images put them (`/usr/local/cargo`, `/go/pkg/mod`, \
                        `/opt/conda/pkgs`).",
            fix: "Keep no cache: `pip install --no-cache-dir` or `PIP_NO_CACHE_DIR=1`, `npm cache clean --force`, \
                  `yarn cache clean`; or a cache mount on it; or build in another stage (hadolint DL3042, DL3060).",
            kinds: &[
                ("pip", "pip"),
                ("uv", "uv"),
                ("poetry", "poetry"),
                ("conda", "conda"),
                ("npm", "npm"),
                ("yarn", "yarn"),
                ("pnpm", "pnpm"),
                ("bun", "bun"),
                ("cargo", "cargo"),
                ("go", "go"),
                ("maven", "maven"),
                ("gradle", "gradle"),
                ("scala", "ivy, sbt and coursier"),
                ("gem", "gem and bundler"),
                ("composer", "composer"),
                ("nuget", "nuget"),
                ("hex", "hex and mix"),
                ("haskell", "cabal and stack"),
                ("dart", "dart"),
                ("ccache", "ccache and sccache"),
                ("bazel", "bazel"),
                ("models", "hugging face and torch"),
                ("browsers", "playwright, cypress and puppeteer"),
            ],
            confidence: Confidence::Medium,
            exact: false,
            level: Level::Warning,
        }
    }

    fn message(&self, told: &Told<'_>) -> String {
        format!("{} leaves a cache of {}: {}", told.creator(), told.kind(), told.directories())
    }
}

/// Directories below a home, and whose caches they are.
const IN_HOMES: &[(&str, &str)] = &[
    (".cache/pip", "pip"),
    (".cache/uv", "uv"),
    (".cache/pypoetry", "poetry"),
    (".conda/pkgs", "conda"),
    (".npm/_cacache", "npm"),
    (".cache/yarn", "yarn"),
    (".yarn/berry/cache", "yarn"),
    (".cache/pnpm", "pnpm"),
    (".local/share/pnpm/store", "pnpm"),
    (".bun/install/cache", "bun"),
    (".cargo/registry", "cargo"),
    (".cargo/git", "cargo"),
    (".cache/go-build", "go"),
    (".m2/repository", "maven"),
    (".gradle/caches", "gradle"),
    (".gradle/wrapper", "gradle"),
    (".ivy2", "scala"),
    (".sbt", "scala"),
    (".cache/coursier", "scala"),
    (".bundle/cache", "gem"),
    (".gem/specs", "gem"),
    (".composer/cache", "composer"),
    (".cache/composer", "composer"),
    (".nuget/packages", "nuget"),
    (".local/share/NuGet", "nuget"),
    (".hex", "hex"),
    (".cache/rebar3", "hex"),
    (".cabal/packages", "haskell"),
    (".stack", "haskell"),
    (".pub-cache", "dart"),
    (".ccache", "ccache"),
    (".cache/ccache", "ccache"),
    (".cache/sccache", "ccache"),
    (".cache/bazel", "bazel"),
    (".cache/huggingface", "models"),
    (".cache/torch", "models"),
    (".cache/ms-playwright", "browsers"),
    (".cache/Cypress", "browsers"),
    (".cache/puppeteer", "browsers"),
];
/// Directories where official images have them.
const ELSEWHERE: &[(&str, &str)] = &[
    ("usr/local/share/.cache/yarn", "yarn"),
    ("usr/local/cargo/registry", "cargo"),
    ("usr/local/cargo/git", "cargo"),
    ("go/pkg/mod", "go"),
    ("opt/conda/pkgs", "conda"),
    ("usr/local/bundle/cache", "gem"),
];

impl Advisory for LanguageCache {
    fn looks_in(&self, directory: &Directory<'_>) -> bool {
        directory.in_home().is_some()
            || directory.path.ends_with(b"/cache/")
            || ELSEWHERE.iter().any(|(place, _)| below(directory.path, place).is_some())
    }

    fn claims(&self, file: &LiveFile<'_>, _: &Subject<'_>) -> Option<Claim> {
        if let Some((home, rest)) = file.directory.in_home() {
            let found = IN_HOMES.iter().find_map(|(directory, kind)| Some((below(rest, directory)?, *kind)));
            if let Some((directory, kind)) = found {
                return Some(Claim::tree(kind, &file.path[..home.len() + 1 + directory.len()]));
            }
        }
        let found =
            ELSEWHERE.iter().find_map(|(directory, kind)| Some(Claim::tree(kind, below(file.path, directory)?)));
        found.or_else(|| gems(file.path))
    }
}

/// `…/gems/3.3.0/cache/rails-7.gem`: the archives that gems were installed from.
fn gems(path: &[u8]) -> Option<Claim> {
    let directory = &path[..path.iter().rposition(|&byte| byte == b'/')?];
    (path.ends_with(b".gem") && directory.ends_with(b"/cache")).then(|| Claim::tree("gem", directory))
}
