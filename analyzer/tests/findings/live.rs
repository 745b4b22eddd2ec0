//! Rules about single files that the image shows: each speaks of some paths, and is silent about others.

use crate::told;

/// A file of 100 bytes, and what a rule says of it.
type Spoken = (&'static str, &'static str);

/// The rule, what it says of files, and files that it says nothing of.
const PATHS: &[(&str, &[Spoken], &[&str])] = &[
    (
        "B3",
        &[
            ("var/lib/apt/lists/deb.debian.org_Packages", "lists 0 100 /var/lib/apt/lists"),
            ("var/cache/apt/archives/curl_8_amd64.deb", "archives 0 100 /var/cache/apt"),
            ("var/cache/apt/pkgcache.bin", "archives 0 100 /var/cache/apt"),
        ],
        &["var/lib/apt/lists/lock", "var/lib/apt/lists/partial/x", "var/lib/apt/extended_states", "srv/x.deb"],
    ),
    (
        "B4",
        &[
            ("var/cache/apk/APKINDEX.tar.gz", "apk 0 100 /var/cache/apk"),
            ("var/cache/dnf/fedora/repo.solv", "dnf 0 100 /var/cache/dnf"),
            ("var/cache/pacman/pkg/a.pkg.tar.zst", "pacman 0 100 /var/cache/pacman/pkg"),
            ("var/cache/zypp/solv/x", "zypper 0 100 /var/cache/zypp"),
        ],
        &["var/cache/apkx/a", "var/cache/man/index.db"],
    ),
    (
        "B6",
        &[
            ("root/.cache/pip/http/a", "pip 0 100 /root/.cache/pip"),
            ("home/me/.npm/_cacache/index/a", "npm 0 100 /home/me/.npm/_cacache"),
            ("usr/local/cargo/registry/cache/a.crate", "cargo 0 100 /usr/local/cargo/registry"),
            ("go/pkg/mod/cache/download/a", "go 0 100 /go/pkg/mod"),
            ("usr/lib/ruby/gems/3.3.0/cache/rails-7.gem", "gem 0 100 /usr/lib/ruby/gems/3.3.0/cache"),
        ],
        &["root/.cache/fontconfig/a", "srv/nobody/.cache/pip/a", "root/.npmrc", "etc/go/pkg/mod/a"],
    ),
    (
        "B7",
        &[
            ("usr/share/doc/curl/changelog.gz", "doc 0 100 /usr/share/doc"),
            ("usr/share/man/man1/ls.1.gz", "man 0 100 /usr/share/man"),
            ("usr/share/locale/fr/LC_MESSAGES/a.mo", "locale 0 100 /usr/share/locale"),
            ("usr/lib/locale/locale-archive", "locale 0 100 /usr/lib/locale/locale-archive"),
        ],
        &["usr/share/doc/curl/copyright", "usr/share/locale/en_GB/a.mo", "usr/share/zoneinfo/UTC", "doc/man"],
    ),
    (
        "B8",
        &[("app/.git/objects/ab/cd", "git 0 100 /app/.git"), ("app/.svn/wc.db", "svn 0 100 /app/.svn")],
        &["app/.gitignore", "app/.git", "app/x.git/config"],
    ),
    (
        "B9",
        &[
            ("usr/include/stdio.h", "headers 0 100 /usr/include"),
            ("usr/lib/libz.a", "static-library 0 100 /usr/lib/libz.a"),
            ("usr/local/go/bin/go", "toolchain 0 100 /usr/local/go"),
            ("root/.rustup/toolchains/x/bin/rustc", "toolchain 0 100 /root/.rustup"),
        ],
        &["usr/lib/libz.so", "usr/local/gopher/a", "usr/includes/a"],
    ),
    (
        "B10",
        &[
            ("tmp/build/x/y", "tmp 0 100 /tmp/build"),
            ("var/tmp/x", "tmp 0 100 /var/tmp/x"),
            ("etc/passwd~", "leftover 0 100 /etc/passwd~"),
            ("app/.DS_Store", "leftover 0 100 /app/.DS_Store"),
        ],
        &["app/tmp/x", "etc/passwd-", "app/orig"],
    ),
    (
        "B12",
        &[
            ("app/core.1234", "core 0 100 /app/core.1234"),
            ("hs_err_pid7.log", "report 0 100 /hs_err_pid7.log"),
            ("var/crash/_usr_bin_x.crash", "report 0 100 /var/crash/_usr_bin_x.crash"),
        ],
        &["app/core.js", "app/core", "app/core.", "usr/lib/vgcore.so"],
    ),
    (
        "B13",
        &[
            ("var/log/apt/history.log", "log 0 100 /var/log/apt/history.log"),
            ("app/npm-debug.log", "log 0 100 /app/npm-debug.log"),
            ("var/log/lastlog", "sparse 0 100 /var/log/lastlog"),
        ],
        &["app/log", "app/catalog", "hs_err_pid7.log"],
    ),
    (
        "B15",
        &[(
            "usr/lib/python3/site-packages/numpy/tests/test_a.py",
            "tests 0 100 /usr/lib/python3/site-packages/numpy/tests",
        )],
        &[
            "app/tests/test_a.py",
            "usr/lib/python3/site-packages/numpy/testing.py",
            "app/__pycache__/gone.cpython-312.pyc",
        ],
    ),
];

#[test]
fn paths_say_what_a_file_is() {
    let content = [b'x'; 100];
    for (rule, spoken, silent) in PATHS {
        for (path, row) in *spoken {
            assert_eq!(told(&[&[(path, &content)]], rule), [*row], "{rule} {path}");
        }
        for path in *silent {
            assert_eq!(told(&[&[(path, &content)]], rule), [""; 0], "{rule} {path}");
        }
    }
}

#[test]
fn b6_knows_the_homes_of_the_image() {
    let passwd = b"root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/srv/app:/bin/sh\n".as_slice();
    let cache = ("srv/app/.cache/uv/a", b"content".as_slice());
    assert_eq!(told(&[&[("etc/passwd", passwd), cache]], "B6"), ["uv 0 7 /srv/app/.cache/uv"]);
    assert_eq!(told(&[&[cache]], "B6"), [""; 0]);
}

#[test]
fn b12_knows_a_core_dump_by_its_content() {
    let core = strata_fixtures::content::elf(4, &[], false);
    assert_eq!(told(&[&[("app/dump", &core)]], "B12"), [format!("core 0 {} /app/dump", core.len())]);
    let program = strata_fixtures::content::elf(2, &[], false);
    assert_eq!(told(&[&[("app/dump", &program)]], "B12"), [""; 0]);
}

#[test]
fn b14_finds_files_of_zeros() {
    let zeros = vec![0; 3 << 20];
    assert_eq!(told(&[&[("data", &zeros)]], "B14"), ["all 0 3145728 /data"]);
    let mut most = zeros.clone();
    most[..1 << 20].fill(1);
    assert_eq!(told(&[&[("data", &most)]], "B14"), ["most 0 2097152 /data"]);
    most[..2 << 20].fill(1);
    assert_eq!(told(&[&[("data", &most)]], "B14"), [""; 0]);
    assert_eq!(told(&[&[("var/log/lastlog", &zeros)]], "B14"), [""; 0], "B13 has a better fix");
    most[..400_000].fill(0);
    assert_eq!(told(&[&[("data", &most[..500_000])]], "B14"), [""; 0], "too small");
}

#[test]
fn b15_wants_the_source_to_be_there() {
    let bytecode = ("app/__pycache__/a.cpython-312.pyc", b"bytes".as_slice());
    let source = ("app/a.py", b"a source".as_slice());
    assert_eq!(told(&[&[bytecode, source]], "B15"), ["bytecode 0 5 /app/__pycache__/a.cpython-312.pyc"]);
    assert_eq!(told(&[&[bytecode]], "B15"), [""; 0]);
}

#[test]
fn b16_counts_what_a_debugger_needs() {
    let elf = |kind, mark: &str| {
        strata_fixtures::content::elf(
            kind,
            &[(mark, &[1; 8]), (".debug_info", &[2; 6000]), (".symtab", &[3; 480]), (".strtab", &[4; 90])],
            false,
        )
    };
    assert_eq!(told(&[&[("app", &elf(2, ".text"))]], "B16"), ["program 0 6570 /app"]);
    assert_eq!(told(&[&[("app", &elf(2, ".gopclntab"))]], "B16"), ["go 0 6570 /app"]);
    assert_eq!(told(&[&[("app", &elf(3, ".debug_gdb_scripts"))]], "B16"), ["rust 0 6578 /app"]);
    assert_eq!(told(&[&[("usr/lib/debug/app", &elf(3, ".text"))]], "B16"), ["debug-file 0 6570 /usr/lib/debug/app"]);
    assert_eq!(told(&[&[("app.o", &elf(1, ".text"))]], "B16"), [""; 0], "an object file needs its symbols");
    let few = strata_fixtures::content::elf(2, &[(".symtab", &[3; 480]), (".strtab", &[4; 90])], false);
    assert_eq!(told(&[&[("app", &few)]], "B16"), [""; 0]);
}

#[test]
fn what_is_dead_is_no_advice() {
    let list = [("var/lib/apt/lists/a", b"content".as_slice())];
    assert_eq!(told(&[&list, &[("var/lib/apt/lists/.wh.a", b"")]], "B3"), [""; 0]);
    assert_eq!(told(&[&[("other", b"x")], &list], "B3"), ["lists 1 7 /var/lib/apt/lists"], "the layer that made it");
}
