//! Hostile archives that are analyzed, compared and loaded, without a container: a clear error or a confined result, in
//! bounded memory. The numbers are those of the list of attacks that docs/attacks.md follows.

use std::{
    io::{Read as _, Write as _},
    path::PathBuf,
    slice,
};

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use strata_fixtures::content::{self, ByteOrder};
use strata_image::Digest;
use tar::EntryType;

use crate::{
    common::Strata,
    hostile::{Header, entry, file, link, tar, within},
};

/// More than any of these needs, and less than what a bomb would take. Kilobytes of address space.
const MEMORY: u64 = 250_000;

/// Bytes of a file of zeros that would not fit.
const BOMB: u64 = 300 << 20;

/// An archive of one image with these layers, uncompressed tars or not, whose diff IDs are those of `tars`.
fn archive(strata: &Strata, layers: &[Vec<u8>], tars: &[Vec<u8>]) -> PathBuf {
    let diff_ids: Vec<String> = tars.iter().map(|tar| Digest::of(tar).to_string()).collect();
    let config = json!({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": diff_ids}});
    let names: Vec<String> = (0..layers.len()).map(|number| format!("{number}/layer.tar")).collect();
    let manifest = json!([{"Config": "c.json", "RepoTags": ["hostile:1"], "Layers": names}]);
    let mut entries = vec![file("c.json", config.to_string()), file("manifest.json", manifest.to_string())];
    entries.extend(names.iter().zip(layers).map(|(name, layer)| file(name, layer)));
    strata.file("hostile.tar", tar(&entries))
}

/// The same of layers that are given by their entries.
fn image(strata: &Strata, layers: &[Vec<Vec<u8>>]) -> PathBuf {
    let tars: Vec<Vec<u8>> = layers.iter().map(|entries| tar(entries)).collect();
    archive(strata, &tars, &tars)
}

/// What `analyze` says of it; every other command that reads it comes to an end as well, in bounded memory.
fn report(strata: &Strata, path: &std::path::Path) -> Result<Value, String> {
    let path = path.to_str().unwrap();
    let (read, said) = within(strata, MEMORY, &["analyze", "--format", "json", path]);
    for args in [vec!["analyze", path], vec!["compare", path, path], vec!["load", "-i", path]] {
        let (_, other) = within(strata, MEMORY, &args);
        assert!(!other.contains("panicked") && !other.contains("allocation"), "{args:?}: {other:.500}");
    }
    assert_eq!(strata.ok(["system", "check"]), "sound\n");
    if read { Ok(serde_json::from_str(&said).unwrap()) } else { Err(said) }
}

fn wasted(report: &Result<Value, String>) -> u64 {
    report.as_ref().unwrap()["wasted_bytes"].as_u64().unwrap()
}

fn refused(strata: &Strata, layers: &[Vec<Vec<u8>>], says: &[&str]) {
    let said = report(strata, &image(strata, layers)).unwrap_err();
    assert!(says.iter().all(|word| said.contains(word)), "{says:?}: {said}");
}

#[test]
fn attack_52_names_that_lead_out_of_the_root_are_names_in_it() {
    let strata = Strata::new();
    let names = ["../../etc/x", "/etc/x", "./../etc/x", "a/../../etc/x"];
    for name in names {
        // the second layer takes the file away where it is thought to be
        let layers = [vec![file(name, "content")], vec![file("etc/.wh.x", "")]];
        assert_eq!(wasted(&report(&strata, &image(&strata, &layers))), 7, "{name}");
    }
    let layers = [vec![file("..\\..\\x", "content")], vec![file(".wh.x", "")]];
    assert_eq!(wasted(&report(&strata, &image(&strata, &layers))), 0);
}

#[test]
fn attack_53_links_to_directories_are_followed_inside_the_image_alone() {
    let strata = Strata::new();
    let (_untouched, victim) = strata.victim();
    for target in [victim.as_str(), "/proc/self/root", "../../../.."] {
        for layers in [
            vec![vec![link("d", target), file("d/secret", "planted")]],
            vec![vec![link("d", target)], vec![file("d/secret", "planted")]],
        ] {
            let report = report(&strata, &image(&strata, &layers));
            // where the target is no directory of the image the link gives way to one, else the file is in the target
            assert_eq!(report.as_ref().unwrap()["live_bytes"], 7, "{target}: {report:?}");
        }
    }
    // a ring of links, and a chain too long to follow
    let ring = vec![link("a", "b"), link("b", "a"), file("a/f", "x")];
    let chain: Vec<Vec<u8>> = (0..100).map(|n| link(&format!("l{n}"), &format!("l{}", n + 1))).collect();
    for layers in [vec![ring], vec![[chain, vec![file("l0/f", "x")]].concat()]] {
        let outcome = report(&strata, &image(&strata, &layers));
        assert!(outcome.as_ref().is_ok_and(|it| it["live_bytes"] == 1) || outcome.is_err(), "{outcome:?}");
    }
}

#[test]
fn attack_54_hard_links_to_what_is_not_in_the_image_are_refused() {
    let strata = Strata::new();
    let hard = |target: &str| entry(EntryType::Link, "stolen", target, b"");
    for target in ["/etc/shadow", "../../etc/shadow", "stolen", "later", "d"] {
        refused(
            &strata,
            &[vec![entry(EntryType::Directory, "d", "", b""), hard(target), file("later", "x")]],
            &["stolen"],
        );
    }
    // across layers it is one more name of the file below: nothing is added, and nothing is lost while one is left
    let second_name = entry(EntryType::Link, "b", "a", b"");
    let layers = [vec![file("a", "content")], vec![second_name], vec![file(".wh.a", "")]];
    let report = report(&strata, &image(&strata, &layers));
    assert_eq!((wasted(&report), report.unwrap()["total_bytes"].as_u64()), (0, Some(7)));
}

#[test]
fn attack_55_whiteouts_reach_nothing_but_names_of_lower_layers() {
    let strata = Strata::new();
    for name in [".wh...", ".wh..", "d/.wh.", ".wh./"] {
        refused(&strata, &[vec![file("f", "x")], vec![file(name, "")]], &["wh."]);
    }
    // behind a link it takes away what the link leads to in the image; an opaque marker spares its own layer
    let below = vec![file("real/victim", "below"), link("d", "real")];
    let whiteout = [below.clone(), vec![file("d/.wh.victim", "")]];
    assert_eq!(wasted(&report(&strata, &image(&strata, &whiteout))), 5);
    let opaque = [below, vec![file("real/new", "own"), file("real/.wh..wh..opq", "")]];
    assert_eq!(wasted(&report(&strata, &image(&strata, &opaque))), 5);
}

#[test]
fn attack_56_a_root_that_is_no_directory_is_refused() {
    let strata = Strata::new();
    let (_untouched, victim) = strata.victim();
    for root in [link(".", &victim), link("./", &victim), file("./", ""), file(".", "x")] {
        let said = report(&strata, &image(&strata, &[vec![root, file("new", "x")]])).unwrap_err();
        assert!(said.contains("root") || said.contains("directory"), "{said}");
    }
}

#[test]
fn attack_57_devices_and_overlay_attributes_are_read_as_what_they_are() {
    let strata = Strata::new();
    // a device of numbers 0 and 0 is overlay's whiteout, and in a layer none: the file below is replaced, not removed
    let device = entry(EntryType::Char, "f", "", b"");
    let report = report(&strata, &image(&strata, &[vec![file("f", "below")], vec![device]])).unwrap();
    assert_eq!(report["waste"][0]["kind"], "type-change");
}

#[test]
fn attack_58_the_last_of_several_entries_of_a_name_counts() {
    let strata = Strata::new();
    let (_untouched, victim) = strata.victim();
    let long = "n".repeat(99);
    let layer = vec![
        file("f", "one"),
        file("f", "three"),
        file("t", "type"),
        entry(EntryType::Directory, "t", "", b""),
        link("t", &victim),
        file("T", "twin"),
        file(&long, "long"),
    ];
    let report = report(&strata, &image(&strata, &[layer])).unwrap();
    assert_eq!((&report["total_bytes"], &report["wasted_bytes"]), (&json!(20), &json!(7)));
    for (name, says) in [("", "directory"), ("a/\u{0}b", "f"), (".", "directory")] {
        let outcome = within(
            &strata,
            MEMORY,
            &["analyze", image(&strata, &[vec![file(name, "x"), file("f", "y")]]).to_str().unwrap()],
        );
        assert!(outcome.0 || outcome.1.contains(says), "{name:?}: {}", outcome.1);
    }
}

#[test]
fn attack_60_numbers_beyond_all_measure_cost_nothing() {
    let strata = Strata::new();
    let with = |change: &dyn Fn(&mut Header)| {
        let mut header = Header::of(&file("f", ""));
        change(&mut header);
        header.bytes()
    };
    // an exabyte that is not there; a negative size, a huge one, and one that is no number
    for layer in [
        with(&|it| it.size(&[0x80, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0])),
        with(&|it| it.size(&[0xff; 12])),
        with(&|it| it.size(b"777777777777")),
        with(&|it| it.size(b"9999xyz\0\0\0\0\0")),
        // an extended header of a gigabyte
        with(&|it| {
            it.kind(b'x');
            it.size(b"10000000000\0");
        }),
    ] {
        refused(&strata, &[vec![layer]], &["layer"]);
    }
    // times before and after all others are only times
    for time in [[0xff; 12], [0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]] {
        let outcome = report(&strata, &image(&strata, &[vec![with(&|it| it.mtime(&time))]]));
        assert!(outcome.is_ok(), "{outcome:?}");
    }
}

#[test]
fn attack_60_tars_and_streams_that_end_wrongly_are_named() {
    let strata = Strata::new();
    let whole = tar(&[file("f", "x".repeat(100_000))]);
    let gzip = |bytes: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let (first, second) = whole.split_at(50_000);
    let trailing = [whole.as_slice(), b"garbage"].concat();
    for (layer, tar, says) in [
        (gzip(first), first.to_vec(), Some("ends at byte 50000")),
        (whole[..1024].to_vec(), whole[..1024].to_vec(), Some("\"f\"")),
        (gzip(&whole)[..200].to_vec(), whole.clone(), Some("layer")),
        (gzip(second), whole.clone(), Some("layer")),
        // without its two blocks of zeros, with something after them, and in several members: all of these are in use
        (whole[..whole.len() - 1024].to_vec(), whole[..whole.len() - 1024].to_vec(), None),
        (trailing.clone(), trailing, None),
        ([gzip(first), gzip(second)].concat(), whole.clone(), None),
    ] {
        let outcome = report(&strata, &archive(&strata, &[layer], &[tar]));
        match says {
            Some(word) => assert!(outcome.as_ref().is_err_and(|said| said.contains(word)), "{word}: {outcome:?}"),
            None => assert_eq!(outcome.unwrap()["total_bytes"], 100_000),
        }
    }
}

#[test]
fn attack_60_a_bomb_of_any_compression_is_not_held_in_memory() {
    let strata = Strata::new();
    // a tar of one file of zeros, far larger than what may be held, and small when compressed
    let mut header = Header::of(&file("zeros", ""));
    header.size(format!("{BOMB:011o}\0").as_bytes());
    let header = header.bytes();
    let bomb = |writer: &mut dyn std::io::Write| {
        writer.write_all(&header).unwrap();
        std::io::copy(&mut std::io::repeat(0).take(BOMB + 1024), writer).unwrap();
    };
    let mut hasher = strata_image::digest::HashingWriter::new(std::io::sink());
    bomb(&mut hasher);
    let diff_id = hasher.finish().1.to_string();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    bomb(&mut gzip);
    let mut zstd = zstd::Encoder::new(Vec::new(), 1).unwrap();
    bomb(&mut zstd);

    let config = json!({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [diff_id]}});
    let manifest = json!([{"Config": "c.json", "RepoTags": ["bomb:1"], "Layers": ["l"]}]);
    let archive = |layer: Vec<u8>| {
        tar(&[file("c.json", config.to_string()), file("l", layer), file("manifest.json", manifest.to_string())])
    };
    let gzip = archive(gzip.finish().unwrap());
    // the archive itself once more compressed
    let mut outer = GzEncoder::new(Vec::new(), Compression::fast());
    outer.write_all(&gzip).unwrap();
    for bytes in [gzip, outer.finish().unwrap(), archive(zstd.finish().unwrap())] {
        let path = strata.file("bomb.tar", bytes);
        let (read, said) = within(&strata, MEMORY, &["analyze", "--format", "json", path.to_str().unwrap()]);
        assert!(read && said.contains(&format!("\"total_bytes\": {BOMB}")), "{said:.500}");
    }
}

#[test]
fn attack_60_very_many_links_and_very_deep_directories_are_bounded() {
    let strata = Strata::new();
    let links = (0..20_000).map(|n| link(&format!("l{n}"), &format!("l{}", n + 1))).collect();
    assert!(report(&strata, &image(&strata, &[links])).is_ok());
    // a path of 4096 bytes is the longest; the next is refused by name
    let deep = |bytes: usize| Header::long_name(&"d/".repeat(bytes / 2), &file("f", "x"));
    assert!(report(&strata, &image(&strata, &[vec![deep(4000)]])).is_ok());
    refused(&strata, &[vec![deep(5000)]], &["path"]);
}

#[test]
fn attack_60_databases_of_packages_claim_no_memory() {
    let strata = Strata::new();
    // a gigabyte and a half of paths in two megabytes
    let directory = format!("/{}/", "d".repeat(4000));
    let paths = content::rpm_header("paths", "1", "1", "noarch", 1, &vec![directory.as_str(); 400_000]);
    // a row of two columns that says that it has thirty million, all null
    let mut row = content::sqlite("Packages", &[vec![0; 32 << 20]]);
    let two = [6, 0, 0xa0, 0x80, 0x80, 0x0c];
    let at = row.windows(two.len()).position(|bytes| bytes == two).unwrap();
    row[at..at + 4].copy_from_slice(&[0x8e, 0x80, 0x80, 0]);
    for (name, database) in [
        ("Packages", content::berkeley(slice::from_ref(&paths), ByteOrder::Little)),
        ("Packages.db", content::ndb(slice::from_ref(&paths))),
        ("rpmdb.sqlite", content::sqlite("Packages", &[paths])),
        ("rpmdb.sqlite", row),
    ] {
        let path = image(&strata, &[vec![file(&format!("var/lib/rpm/{name}"), database)]]);
        let (read, said) = within(&strata, 2 * MEMORY, &["analyze", "--format", "json", path.to_str().unwrap()]);
        assert!(read && said.contains("\"packages\": []"), "{name}: {said:.500}");
    }
}

#[test]
fn attack_60_a_database_of_very_many_packages_is_read_to_a_bound() {
    let strata = Strata::new();
    for (name, stanza) in [
        ("lib/apk/db/installed", "P:a\nV:1\n\n"),
        ("var/lib/dpkg/status", "Package:a\nVersion:1\nStatus: i installed\n\n"),
    ] {
        let database = stanza.repeat((32 << 20) / stanza.len());
        let path = image(&strata, &[vec![file(name, database)]]);
        let path = path.to_str().unwrap();
        for args in [vec!["analyze", path], vec!["compare", path, path], vec!["audit", path]] {
            let (read, said) = within(&strata, 2 * MEMORY, &args);
            let warning = format!("warning: /{name}: with it the image claims more than 131072 packages");
            assert!(read && (args[0] != "analyze" || said.contains(&warning)), "{args:?}: {said:.500}");
        }
    }
}

#[test]
fn attack_62_and_63_documents_that_lie_are_refused_before_use() {
    let strata = Strata::new();
    let (_untouched, victim) = strata.victim();
    let layer = tar(&[file("f", "x")]);
    let digest = Digest::of(&layer).to_string();
    for (diff_id, says) in [
        ("md5:d41d8cd98f00b204e9800998ecf8427e".to_owned(), "md5"),
        (digest.to_uppercase(), "SHA256"),
        (digest[..30].to_owned(), "sha256"),
        (format!("sha256:../../..{victim}/secret"), "sha256"),
        (Digest::of(b"other").to_string(), "sha256"),
    ] {
        let config =
            json!({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [diff_id]}});
        let manifest = json!([{"Config": "c.json", "RepoTags": ["lies:1"], "Layers": ["l"]}]);
        let path = strata.file(
            "lies.tar",
            tar(&[file("c.json", config.to_string()), file("l", &layer), file("manifest.json", manifest.to_string())]),
        );
        let said = report(&strata, &path).unwrap_err();
        assert!(said.to_lowercase().contains(&says.to_lowercase()), "{says}: {said}");
    }
}

#[test]
fn attack_67_names_in_an_archive_do_not_lead_out_of_it() {
    let strata = Strata::new();
    let (_untouched, victim) = strata.victim();
    for layer in [format!("{victim}/secret"), format!("../../..{victim}/secret"), "../l".to_owned(), "-rf".to_owned()] {
        let manifest = json!([{"Config": layer, "RepoTags": ["out:1"], "Layers": [layer]}]);
        let path = strata.file("out.tar", tar(&[file("manifest.json", manifest.to_string())]));
        let said = report(&strata, &path).unwrap_err();
        assert!(!said.contains("untouched"), "{said}");
    }
}
