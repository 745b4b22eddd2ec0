//! Rules that look at the image as a whole.

use strata_fixtures::{content, stack::Stack, tarball::Compression};
use strata_image::{History, Image as _, ImageConfig};

use crate::{
    analysis_of,
    memory::{Memory, file},
    row, rows_of, told,
};

/// What a rule says of a stack in the notation of `strata_fixtures::stack`.
fn stacked(layers: &str, rule: &str) -> Vec<String> {
    rows_of(&analysis_of(&Stack::parse("app:1", layers).unwrap(), None), rule)
}

#[test]
fn b1_counts_every_copy_but_the_first() {
    assert_eq!(stacked("a:5x b:5x c:5x n=a", "B1"), ["within-layer 0 10 /b=/a /c=/a"]);
    assert_eq!(stacked("a:5x / b:5x", "B1"), ["cross-layer 1 5 /b=/a"]);
    assert_eq!(stacked("a:5x b:5y c:0 d:0", "B1"), [""; 0]);
    let status = b"P:pkg\nV:1\nF:usr\nR:a\nR:b\n".as_slice();
    assert_eq!(
        told(&[&[("lib/apk/db/installed", status), ("usr/a", b"same"), ("usr/b", b"same")]], "B1"),
        ["same-package 0 4 /usr/b=/usr/a"]
    );
}

#[test]
fn b1_is_about_the_copy_that_came_later_whatever_its_name() {
    assert_eq!(stacked("zzz:5x / aaa:5x", "B1"), ["cross-layer 1 5 /aaa=/zzz"]);
    assert_eq!(stacked("m:5x / aaa:5x / zzz:5x -m", "B1"), ["cross-layer 2 5 /zzz=/aaa"], "what is gone is no copy");
    let image = Stack::parse("app:1", "share/perl/x:9q share/perl/y:8w / share/aperl/x:9q share/aperl/y:8w").unwrap();
    let analysis = analysis_of(&image, Some(1));
    let finding = analysis.findings.iter().find(|finding| finding.rule == "B1").unwrap();
    assert_eq!((finding.creator, finding.bytes, finding.base, finding.fixable), (Some(1), 17, false, true));
}

#[test]
fn b2_finds_links_that_became_copies() {
    assert_eq!(stacked("x:5 y=x / y:5z", "B2"), [""; 0], "another content is another file");
    assert_eq!(stacked("x:5q y=x / y:5q@0755", "B2"), ["copied-up 1 5 /y"]);
    assert_eq!(stacked("x:5q y=x / -x -y y:5q", "B2"), [""; 0], "no name keeps the first file");
    assert_eq!(stacked("x:5q y:5q / y:5q@0755", "B2"), [""; 0], "they never were links");
}

fn status(stanzas: &[(&str, &str)]) -> Vec<u8> {
    let stanza = |(name, rest): &(&str, &str)| {
        format!("Package: {name}\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n{rest}\n")
    };
    stanzas.iter().map(stanza).collect::<String>().into_bytes()
}

#[test]
fn b5_finds_what_only_recommendations_brought() {
    let states =
        b"Package: libb\nAuto-Installed: 1\n\nPackage: docs\nAuto-Installed: 1\n\nPackage: virt\nAuto-Installed: 1\n"
            .as_slice();
    let image = |depends: &str| {
        let status = status(&[
            ("tool", depends),
            ("libb", "Depends: mail-agent\n"),
            ("docs", ""),
            ("virt", "Provides: mail-agent (= 1)\n"),
        ]);
        told(
            &[&[
                ("var/lib/dpkg/status", &status),
                ("var/lib/apt/extended_states", states),
                ("var/lib/dpkg/info/docs.list", b"/.\n/usr\n/usr/docs-a\n/usr/docs-b\n"),
                ("var/lib/dpkg/info/libb.list", b"/usr/libb\n"),
                ("usr/docs-a", b"12345"),
                ("usr/docs-b", b"123"),
                ("usr/libb", b"1234567"),
            ]],
            "B5",
        )
    };
    assert_eq!(image("Depends: other | libb (>= 2)\nRecommends: docs\n"), ["dpkg 0 8 /usr/docs-a{docs 1 (dpkg)}"]);
    assert_eq!(image("Depends: libb, docs\n"), [""; 0]);
    let both = "dpkg 0 15 /usr/docs-a{docs 1 (dpkg)} /usr/libb{libb 1 (dpkg)}";
    assert_eq!(image("Recommends: docs\n"), [both]);
}

#[test]
fn b5_asks_once_who_provides_a_name() {
    // each of them would otherwise ask all of them
    let tools = vec![("tool", "Depends: any, any, any\nProvides: any\n"); 10_000];
    let (status, states) = (status(&tools), b"Package: docs\nAuto-Installed: 1\n".as_slice());
    let docs = b"\nPackage: docs\nStatus: install ok installed\nVersion: 1\n".as_slice();
    let status = [status.as_slice(), docs].concat();
    let files: &[(&str, &[u8])] = &[
        ("var/lib/dpkg/status", &status),
        ("var/lib/apt/extended_states", states),
        ("var/lib/dpkg/info/docs.list", b"/usr/docs\n"),
        ("usr/docs", b"12345"),
    ];
    assert_eq!(told(&[files], "B5"), ["dpkg 0 5 /usr/docs{docs 1 (dpkg)}"]);
}

#[test]
fn b9_knows_packages_that_build() {
    let installed = b"P:gcc\nV:13\nF:usr/bin\nR:gcc\nR:cc1\n\nP:musl\nV:1\nF:lib\nR:libc.so\n\nP:zlib-dev\nV:1\nF:usr/include\nR:zlib.h\n".as_slice();
    let files: &[(&str, &[u8])] = &[
        ("lib/apk/db/installed", installed),
        ("lib/libc.so", b"libc"),
        ("usr/bin/cc1", b"123456"),
        ("usr/bin/gcc", b"1234"),
        ("usr/include/zlib.h", b"12"),
    ];
    assert_eq!(
        told(&[files], "B9"),
        ["package 0 12 /usr/bin/gcc{gcc 13 (apk)} /usr/include/zlib.h{zlib-dev 1 (apk)}"],
        "a header of a package is the package's"
    );
}

#[test]
fn b11_finds_archives_beside_their_contents() {
    let members: &[(&str, &[u8])] = &[("d/a", &[b'a'; 900]), ("d/b", &[b'b'; 60])];
    let tar = content::tar(members, Compression::Gzip).unwrap();
    let zip = content::zip(members, true).unwrap();
    let size = tar.len();
    let beside: &[(&str, &[u8])] = &[("opt/a", members[0].1), ("opt/b", members[1].1), ("x.tar.gz", &tar)];
    assert_eq!(told(&[beside], "B11"), [format!("archive 0 {size} /x.tar.gz=/opt")]);
    assert_eq!(
        told(&[&[beside[0], ("x.zip", &zip)]], "B11"),
        [format!("archive 0 {} /x.zip=/opt", zip.len())],
        "nine tenths are enough"
    );
    assert_eq!(told(&[&[beside[1], beside[2]]], "B11"), [""; 0]);
    assert_eq!(told(&[beside, &[(".wh.x.tar.gz", b"")]], "B11"), [""; 0], "a dead archive is waste already");
}

#[test]
fn b17_counts_each_extra_of_a_module_once() {
    let package = |name: &str, version: &str| format!(r#"{{"name": "{name}", "version": "{version}"}}"#).into_bytes();
    let lock = br#"{"packages": {"": {}, "node_modules/a": {}, "node_modules/dev": {"dev": true}}}"#;
    let (a1, a2, dev) = (package("a", "1"), package("a", "2"), package("dev", "1"));
    let files: &[(&str, &[u8])] = &[
        ("app/node_modules/.package-lock.json", lock),
        ("app/node_modules/a/index.js", b"run"),
        ("app/node_modules/a/index.js.map", b"12345"),
        ("app/node_modules/a/package.json", &a1),
        ("app/node_modules/a/test/t.js", b"1234567"),
        ("app/node_modules/b/node_modules/a/index.js", b"older"),
        ("app/node_modules/b/node_modules/a/package.json", &a2),
        ("app/node_modules/dev/index.js.map", b"map"),
        ("app/node_modules/dev/package.json", &dev),
        ("app/test/t.js.map", b"not of a module"),
    ];
    let mut rows = told(&[files], "B17");
    rows.sort();
    assert_eq!(
        rows,
        [
            format!("dev 0 {} /app/node_modules/dev", 3 + dev.len()),
            format!("duplicate 0 {} /app/node_modules/b/node_modules/a", 5 + a2.len()),
            "source-map 0 5 /app/node_modules/a/index.js.map{a 1 (npm)}".to_owned(),
            "tests 0 7 /app/node_modules/a/test".to_owned(),
        ]
    );
    assert_eq!(
        told(&[&[("app/node_modules/a/index.js", b"x"), ("app/node_modules/a/package.json", &a1)]], "B17"),
        [""; 0]
    );
}

#[test]
fn b18_finds_layers_that_change_nothing() {
    let kinds = |layers: &str| -> Vec<(&'static str, Option<usize>)> {
        let analysis = analysis_of(&Stack::parse("app:1", layers).unwrap(), None);
        analysis
            .findings
            .iter()
            .filter(|finding| finding.rule == "B18")
            .map(|finding| (finding.kind, finding.creator))
            .collect()
    };
    assert_eq!(kinds("d/ a:1 / d/"), [("directories", Some(1))]);
    assert_eq!(kinds("d/ a:1 / e/"), [], "a new directory is a change");
    assert_eq!(kinds("d/ a:1 / d/ -a"), []);
    assert_eq!(kinds("d/ a:1 / d/ b:1"), []);
    let image = Memory::new(&[&[file("a", b"x")], &[]]);
    assert_eq!(rows_of(&analysis_of(&image, None), "B18"), ["empty 1 1024 "]);
}

/// An image with a history.
fn with_history(layers: &[&[(&str, &[u8])]], history: &[(&str, &str)]) -> Memory {
    let entries: Vec<Vec<_>> =
        layers.iter().map(|files| files.iter().map(|(path, content)| file(path, content)).collect()).collect();
    let layers: Vec<&[_]> = entries.iter().map(Vec::as_slice).collect();
    let history = history
        .iter()
        .map(|(created, text)| History {
            created: Some((*created).to_owned()),
            created_by: Some((*text).to_owned()),
            ..History::default()
        })
        .collect();
    Memory::new(&layers).and_config(ImageConfig { history, ..ImageConfig::default() })
}

#[test]
fn b19_looks_at_what_a_copy_of_the_context_brought() {
    let layers: &[&[(&str, &[u8])]] = &[
        &[("app/node_modules/base", b"base")],
        &[
            ("app/.env", b"A=1"),
            ("app/main.js", b"run"),
            ("app/node_modules/x/y", b"12345"),
            ("app/target/debug/x", b"12"),
        ],
    ];
    let image = |text: &str| with_history(layers, &[("2024-01-01T00:00:00Z", "base"), ("2024-01-01T00:00:01Z", text)]);
    let mut rows = rows_of(&analysis_of(&image("COPY . /app # buildkit"), None), "B19");
    rows.sort();
    assert_eq!(rows, ["build 1 2 /app/target", "dependencies 1 5 /app/node_modules", "secret 1 3 /app/.env"]);
    assert_eq!(rows_of(&analysis_of(&image("RUN npm ci"), None), "B19"), [""; 0]);
    assert_eq!(rows_of(&analysis_of(&image("COPY /app /app # buildkit"), None), "B19"), [""; 0], "may be of a stage");
}

#[test]
fn b20_finds_a_base_that_is_copied_again() {
    let names: Vec<String> = (0..60).map(|number| format!("usr/f{number:02}")).collect();
    let contents: Vec<String> = (0..60).map(|number| format!("content {number:02}")).collect();
    let base: Vec<(&str, &[u8])> =
        names.iter().zip(&contents).map(|(name, content)| (name.as_str(), content.as_bytes())).collect();
    let copied: Vec<String> = names.iter().map(|name| format!("rootfs/{name}")).collect();
    let copy: Vec<(&str, &[u8])> =
        copied.iter().zip(&contents).map(|(name, content)| (name.as_str(), content.as_bytes())).collect();
    let image = |text: &str, copy: &[(&str, &[u8])]| {
        let history = [("2024-01-01T00:00:00Z", "base"), ("2024-01-01T00:00:01Z", text)];
        rows_of(&analysis_of(&with_history(&[&base, copy], &history), None), "B20")
    };
    assert_eq!(image("COPY --from=build / /rootfs", &copy), ["repeated 1 600 "]);
    assert_eq!(image("RUN cp -a / /rootfs", &copy), [""; 0]);
    assert_eq!(image("COPY --from=build / /rootfs", &copy[..40]), [""; 0], "a few equal files are an accident");
}

#[test]
fn b21_finds_a_layer_that_is_there_twice_and_what_the_archive_holds_for_nothing() {
    let rows = stacked("a:100 / b:100 / a:100", "B21");
    assert_eq!(rows.len(), 1);
    assert!(rows[0].starts_with("repeated-layer 2 "), "{rows:?}");
    assert_eq!(stacked("a:100 / b:100 / d/ / d/", "B21"), [""; 0], "empty layers are B18's");
    let image = Stack::parse("app:1", "a:100").unwrap();
    let unreachable = [("blobs/sha256/0123".to_owned(), 700)];
    let options = strata_analyzer::analysis::Options { unreachable: &unreachable, ..Default::default() };
    let analysis = strata_analyzer::analyze(&image, &options).unwrap();
    assert_eq!(rows_of(&analysis, "B21"), ["unreachable  700 /blobs/sha256/0123"]);
}

#[test]
fn b22_weighs_headers_against_contents() {
    let many: Vec<String> = (0..1300).map(|number| format!("f{number}:{}", number % 7)).collect();
    let rows = stacked(&many.join(" "), "B22");
    assert_eq!(rows.len(), 1);
    let large: Vec<String> = (0..1100).map(|number| format!("f{number}:4096")).collect();
    assert_eq!(stacked(&large.join(" "), "B22"), [""; 0], "the contents are worth it");
    assert_eq!(stacked("a:1 b:1 c:1", "B22"), [""; 0], "too little");
}

#[test]
fn b23_finds_dependencies_behind_a_copy_of_everything() {
    let layers: &[&[(&str, &[u8])]] =
        &[&[("base", b"b")], &[("app/main.js", b"run")], &[("app/node_modules/x", b"12345")]];
    let times = ["2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z", "2024-01-02T00:00:34Z"];
    let image = |first: &str, second: &str| {
        let history = [(times[0], "base"), (times[1], first), (times[2], second)];
        analysis_of(&with_history(layers, &history), Some(1))
    };
    let analysis = image("COPY . /app # buildkit", "RUN /bin/sh -c npm  ci # buildkit");
    assert_eq!(rows_of(&analysis, "B23"), ["dependencies 2 5 "]);
    let message = &analysis.findings.iter().find(|finding| finding.rule == "B23").unwrap().message;
    assert!(message.contains("which took 34 s"), "{message}");
    assert_eq!(rows_of(&image("COPY . /app", "RUN apt-get install -y curl"), "B23"), ["system 2 5 "]);
    for (first, second) in [
        ("COPY package.json /app/", "RUN npm ci"),
        ("COPY . /app", "RUN make"),
        ("COPY --from=build . /app", "RUN npm ci"),
        ("RUN npm ci", "COPY . /app"),
    ] {
        assert_eq!(rows_of(&image(first, second), "B23"), [""; 0], "{first} {second}");
    }
}

#[test]
fn s1_tells_of_secrets_that_were_deleted() {
    let key = b"-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----\n".as_slice();
    let bottom: &[(&str, &[u8])] = &[("root/.ssh/id_rsa", key), ("a.pem", b"-----BEGIN CERTIFICATE-----\n")];
    let gone: &[(&str, &[u8])] = &[("root/.ssh/.wh.id_rsa", b""), (".wh.a.pem", b"")];
    assert_eq!(told(&[bottom, gone], "S1"), ["private-key 0>1 58 /root/.ssh/id_rsa"]);
    assert_eq!(told(&[bottom], "S1"), [""; 0], "what lives is no surprise");
    let entries: Vec<_> = bottom.iter().map(|(path, content)| file(path, content)).collect();
    let image = Memory::new(&[&entries, &[file("root/.ssh/.wh.id_rsa", b"")]]);
    let analysis = analysis_of(&image, None);
    let finding = analysis.findings.iter().find(|finding| finding.rule == "S1").unwrap();
    assert_eq!(finding.level, strata_analyzer::findings::Level::Error);
    assert!(row(finding).starts_with("S1 private-key"), "{}", row(finding));
    assert_eq!(image.layers().len(), 2);
}
