//! Packages of each manager, and whose a file is.

mod rpm;

use strata_analyzer::{
    Ledger, Packages,
    index::LayerIndex,
    packages::{MAX_PACKAGES, Manager},
};
use strata_image::Image as _;

use crate::memory::{Memory, file};

fn packages(layers: &[&[(&str, &[u8])]]) -> Packages {
    let layers: Vec<Vec<_>> =
        layers.iter().map(|files| files.iter().map(|(path, content)| file(path, content)).collect()).collect();
    let layers: Vec<&[_]> = layers.iter().map(Vec::as_slice).collect();
    let image = Memory::new(&layers);
    Packages::of(&Ledger::fold(&LayerIndex::all(image.layers(), None).unwrap()).unwrap())
}

fn rows(packages: &Packages) -> Vec<String> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let row = |package: &strata_analyzer::packages::Package| {
        format!(
            "{} {} {} {} {:?} {}",
            package.manager,
            package.name,
            package.version,
            text(&package.arch),
            package.size,
            package.files.len()
        )
    };
    packages.list().iter().map(row).collect()
}

fn owner(packages: &Packages, path: &str) -> Option<(Manager, String)> {
    packages.owner(path.as_bytes()).map(|package| (package.manager, package.name.clone()))
}

const STATUS: &[u8] = b"Package: curl\nStatus: install ok installed\nInstalled-Size: 500\nArchitecture: amd64\n\
Version: 8.5.0-2\nDepends: libc6 (>= 2.34), libcurl4t64 (= 8.5.0-2)\nDescription: a tool\n with: a line\n\n\
Package: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n\n\
Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.39\n";

#[test]
fn dpkg_packages_are_those_that_are_installed() {
    let found = packages(&[&[
        ("var/lib/dpkg/status", STATUS),
        ("var/lib/dpkg/info/curl.list", b"/.\n/usr\n/usr/bin\n/usr/bin/curl\n"),
        ("var/lib/dpkg/info/libc6:amd64.list", b"/.\n/lib/x86_64-linux-gnu/libc.so.6\n"),
    ]]);
    assert_eq!(rows(&found), ["dpkg curl 8.5.0-2 amd64 Some(512000) 3", "dpkg libc6 2.39 amd64 None 1",]);
    assert_eq!(owner(&found, "usr/bin/curl"), Some((Manager::Dpkg, "curl".to_owned())));
    let merged = owner(&found, "usr/lib/x86_64-linux-gnu/libc.so.6");
    assert_eq!(merged, Some((Manager::Dpkg, "libc6".to_owned())), "/lib is /usr/lib");
    assert_eq!(owner(&found, "usr/bin/other"), None);
}

#[test]
fn packages_of_all_databases_together_are_bounded() {
    let apk = |number: usize| "P:a\nV:1\n\n".repeat(number).into_bytes();
    for (number, cut_at) in [(MAX_PACKAGES - 2, None), (MAX_PACKAGES - 1, Some(b"var/lib/dpkg/status".as_slice()))] {
        let found = packages(&[&[("lib/apk/db/installed", &apk(number)), ("var/lib/dpkg/status", STATUS)]]);
        assert_eq!((found.list().len(), found.cut_at()), (MAX_PACKAGES, cut_at));
    }
    let found = packages(&[&[("lib/apk/db/installed", &apk(MAX_PACKAGES + 9)), ("var/lib/dpkg/status", STATUS)]]);
    assert_eq!(found.cut_at(), Some(b"lib/apk/db/installed".as_slice()));
}

#[test]
fn only_what_the_image_shows_counts() {
    let found = packages(&[
        &[("var/lib/dpkg/status", STATUS)],
        &[("var/lib/dpkg/status", b"Package: libc6\nStatus: install ok installed\nVersion: 2.40\n")],
    ]);
    assert_eq!(rows(&found), ["dpkg libc6 2.40  None 0"]);
}

#[test]
fn distroless_images_have_a_file_a_package() {
    let found = packages(&[&[
        ("var/lib/dpkg/status.d/base-files", b"Package: base-files\nVersion: 12\nArchitecture: arm64\n"),
        ("var/lib/dpkg/status.d/base-files.md5sums", b"0123456789abcdef0123456789abcdef  etc/debian_version\n"),
    ]]);
    assert_eq!(rows(&found), ["dpkg base-files 12 arm64 None 1"]);
    assert_eq!(owner(&found, "etc/debian_version"), Some((Manager::Dpkg, "base-files".to_owned())));
}

#[test]
fn apk_packages_have_their_files_by_folder() {
    let found = packages(&[&[(
        "lib/apk/db/installed",
        b"P:musl\nV:1.2.5-r0\nA:x86_64\nI:667648\nF:lib\nR:ld-musl-x86_64.so.1\nZ:Q1x\nR:libc.so\n\nP:zlib\nV:1.3\nF:usr/lib\nR:libz.so.1\n",
    )]]);
    assert_eq!(rows(&found), ["apk musl 1.2.5-r0 x86_64 Some(667648) 2", "apk zlib 1.3  None 1"]);
    assert_eq!(owner(&found, "lib/libc.so"), Some((Manager::Apk, "musl".to_owned())));
}

#[test]
fn pip_packages_have_what_their_record_lists() {
    let site = "usr/lib/python3/site-packages";
    let found = packages(&[&[
        (&format!("{site}/six-1.16.dist-info/METADATA"), b"Metadata-Version: 2.1\nName: six\nVersion: 1.16\n\ntext"),
        (
            &format!("{site}/six-1.16.dist-info/RECORD"),
            b"six.py,sha256=x,34549\n../../../bin/six,,10\n\"odd,name.py\",,1\nsix-1.16.dist-info/RECORD,,\n",
        ),
        (&format!("{site}/old.egg-info/PKG-INFO"), b"Name: old\nVersion: 2\n"),
    ]]);
    assert_eq!(rows(&found), ["pip old 2  None 0", "pip six 1.16  Some(34560) 4"]);
    for path in ["usr/lib/python3/site-packages/six.py", "usr/bin/six", "usr/lib/python3/site-packages/odd,name.py"] {
        assert_eq!(owner(&found, path), Some((Manager::Pip, "six".to_owned())), "{path}");
    }
}

#[test]
fn npm_packages_own_all_that_lies_below_them() {
    let package = |name: &str| format!(r#"{{"name": "{name}", "version": "1.0.0"}}"#).into_bytes();
    let found = packages(&[&[
        ("app/node_modules/a/package.json", &package("a")),
        ("app/node_modules/a/node_modules/@s/b/package.json", &package("@s/b")),
        ("app/package.json", &package("app")),
    ]]);
    assert_eq!(rows(&found), ["npm @s/b 1.0.0  None 1", "npm a 1.0.0  None 1"]);
    assert_eq!(owner(&found, "app/node_modules/a/lib/index.js"), Some((Manager::Npm, "a".to_owned())));
    assert_eq!(owner(&found, "app/node_modules/a/node_modules/@s/b/x.js"), Some((Manager::Npm, "@s/b".to_owned())));
    assert_eq!(owner(&found, "app/index.js"), None);
}

/// Bytes of paths that all packages of one layer are said to have, and bytes of what says so.
fn paths_told(files: &[(&str, &[u8])]) -> (usize, usize) {
    let found = packages(&[files]);
    let told = found.list().iter().flat_map(|package| &package.files).map(Vec::len).sum();
    (told, files.iter().map(|(path, content)| path.len() + content.len()).sum())
}

#[test]
fn a_part_that_many_paths_share_does_not_make_a_small_database_large() {
    let folder = "a-folder-of-some-length/".repeat(160);
    let apk = format!("P:one\nV:1\nF:{folder}\n{}", "R:file\n".repeat(5_000));
    let (told, there) = paths_told(&[("lib/apk/db/installed", apk.as_bytes())]);
    assert!(folder.len() < told && told < 10 * there, "{told} of {there}");

    let status = "Package: one\nStatus: install ok installed\nVersion: 1\n\n".repeat(1_000);
    let list = "/usr/share/doc/one/copyright\n".repeat(1_000);
    let database = [("var/lib/dpkg/status", status.as_bytes()), ("var/lib/dpkg/info/one.list", list.as_bytes())];
    let (told, there) = paths_told(&database);
    assert!(list.len() / 2 < told && told < 10 * there, "{told} of {there}");

    let deep = format!("usr/{folder}");
    let (metadata, record) = (format!("{deep}one.dist-info/METADATA"), format!("{deep}one.dist-info/RECORD"));
    let (told, there) =
        paths_told(&[(&metadata, b"Name: one\nVersion: 1\n"), (&record, "a,,\n".repeat(5_000).as_bytes())]);
    assert!(deep.len() < told && told < 10 * there, "{told} of {there}");
}
