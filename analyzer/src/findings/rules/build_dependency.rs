//! B9: compilers and headers.

use crate::{
    findings::{
        About, Claim, Confidence, Hits, Level, Rule, Subject, Told,
        live::{Advisory, Directory, LiveFile, Whole, below},
    },
    packages::Manager,
};

/// B9.
pub(in crate::findings) struct BuildDependency;

impl Rule for BuildDependency {
    fn about(&self) -> &'static About {
        &About {
            id: "B9",
            name: "build-dependency",
            title: "Compilers, headers and static libraries",
            explanation: "What builds a program is most often larger than the program, and a gift to who breaks in.",
            detection: "Packages of dpkg, apk and rpm by their names: compilers, linkers, `make`, `cmake`, `*-dev`, \
                        `*-devel`, toolchains of Rust, Go, Java. Of files without a package: `/usr/include`, `*.a`, \
                        `*.o`, `/usr/local/go`, `.rustup`.",
            fix: "Build in a stage of its own and COPY the result; or install, build and remove in one RUN: `apk add \
                  --virtual .build`, `apk del .build`.",
            kinds: &[
                ("package", "packages that build"),
                ("headers", "headers of no package"),
                ("static-library", "`*.a` and `*.o` of no package"),
                ("toolchain", "of Go or Rust"),
            ],
            confidence: Confidence::Low,
            exact: false,
            level: Level::Note,
        }
    }

    fn message(&self, told: &Told<'_>) -> String {
        match told.kind() {
            "package" => format!("{} installs what only building needs: {}", told.creator(), told.packages()),
            _ => format!("{} has what only building needs: {}", told.creator(), told.directories()),
        }
    }
}

/// Names of packages.
const NAMES: &[&str] = &[
    "make",
    "cmake",
    "ninja-build",
    "meson",
    "autoconf",
    "automake",
    "libtool",
    "bison",
    "flex",
    "build-essential",
    "build-base",
    "linux-libc-dev",
    "linux-headers",
    "kernel-headers",
    "rustc",
    "rust",
    "cargo",
    "golang",
    "go",
    "maven",
    "gradle",
    "clang",
    "llvm",
    "dpkg-dev",
    "patch",
];
/// Names that have a version, or a target, behind them.
const FAMILIES: &[&str] = &["gcc", "g++", "cpp", "binutils", "clang", "llvm", "golang", "rustc"];
/// Ends of names.
const SUFFIXES: &[&str] = &["-dev", "-devel"];

impl Advisory for BuildDependency {
    fn looks_in(&self, _: &Directory<'_>) -> bool {
        true
    }

    fn claims(&self, file: &LiveFile<'_>, subject: &Subject<'_>) -> Option<Claim> {
        if let Some(directory) = below(file.path, "usr/local/go") {
            return Some(Claim::tree("toolchain", directory));
        }
        if let Some((home, rest)) = file.directory.in_home()
            && let Some(directory) = below(rest, ".rustup")
        {
            return Some(Claim::tree("toolchain", &file.path[..home.len() + 1 + directory.len()]));
        }
        if let Some(directory) = below(file.path, "usr/local/rustup") {
            return Some(Claim::tree("toolchain", directory));
        }
        let include = below(file.path, "usr/include").or_else(|| below(file.path, "usr/local/include"));
        let is_static = || file.name.ends_with(b".a") || file.name.ends_with(b".o");
        let claim = match include {
            Some(directory) => Claim::tree("headers", directory),
            None if is_static() => Claim::file("static-library"),
            None => return None,
        };
        subject.packages.owner(file.path).is_none().then_some(claim)
    }

    fn look(&self, whole: &Whole<'_>, hits: &mut Hits<'_>) {
        for package in whole.subject.packages.list() {
            let is_system = matches!(package.manager, Manager::Dpkg | Manager::Apk | Manager::Rpm);
            if is_system && builds(&package.name) {
                whole.add_package(&BuildDependency, "package", package, hits);
            }
        }
    }
}

/// Whether a package of this name is for building.
fn builds(name: &str) -> bool {
    let is_jdk = name.starts_with("openjdk") && (name.contains("-jdk") || name.contains("-devel"));
    // every system has these two, and what runs needs them
    let is_runtime =
        name.starts_with("gcc-") && name.ends_with("-base") || name.starts_with("llvm") && name.contains("libs");
    let is_family = FAMILIES
        .iter()
        .any(|family| name.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with('-')));
    !is_runtime
        && (NAMES.contains(&name) || is_family || is_jdk || SUFFIXES.iter().any(|suffix| name.ends_with(suffix)))
}

#[cfg(test)]
mod tests {
    use super::builds;

    #[test]
    fn names_tell_what_builds() {
        for name in ["gcc", "gcc-13", "g++-13-x86-64-linux-gnu", "libc6-dev", "zlib-devel", "openjdk-21-jdk-headless"] {
            assert!(builds(name), "{name}");
        }
        for name in ["gcc-13-base", "libgcc-s1", "makedev", "openjdk-21-jre", "libllvm17", "cargo-cult", "gccgo"] {
            assert!(!builds(name), "{name}");
        }
    }
}
