//! Input beyond all measure: what it costs is bounded, and what is refused is refused before it is held.

use std::{fs::File, io::Write as _};

use flate2::{Compression, write::GzEncoder};
use serde_json::json;

use crate::{
    common::Strata,
    hostile::{file, tar, within},
};

/// Writes an archive of one image whose only layer is what `write` writes, compressed with gzip.
fn image_of(strata: &Strata, name: &str, write: impl FnOnce(&mut dyn FnMut(&[u8]))) -> String {
    let mut hasher = strata_image::digest::HashingWriter::new(std::io::sink());
    let mut layer = GzEncoder::new(Vec::new(), Compression::fast());
    write(&mut |bytes| {
        hasher.write_all(bytes).unwrap();
        layer.write_all(bytes).unwrap();
    });
    let diff_id = hasher.finish().1.to_string();
    let config = json!({"architecture": strata_image::manifest::Platform::host().architecture, "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [diff_id]}});
    let manifest = json!([{"Config": "c.json", "RepoTags": [name], "Layers": ["l.tar.gz"]}]);
    let archive = tar(&[
        file("c.json", config.to_string()),
        file("l.tar.gz", layer.finish().unwrap()),
        file("manifest.json", manifest.to_string()),
    ]);
    strata.file("bomb.tar", archive).to_str().unwrap().to_owned()
}

#[test]
fn a_gzip_bomb_is_not_held_in_memory() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let zeros = vec![0; 1 << 20];
    // after the end of the tar, where nobody looks but the digest
    let path = image_of(&strata, "bomb:1", |out| (0..300).for_each(|_| out(&zeros)));
    let (loaded, said) = within(&strata, 250_000, &["load", "-i", &path]);
    assert!(loaded || said.contains("bomb"), "{said}");
    let context = strata.context("FROM busybox\nADD zeros.gz /x/\n");
    let mut bomb =
        GzEncoder::new(File::create(strata.work().join(&context).join("zeros.gz")).unwrap(), Compression::fast());
    (0..300).for_each(|_| bomb.write_all(&zeros).unwrap());
    bomb.finish().unwrap();
    within(&strata, 250_000, &["build", "-q", &context]);
    assert_eq!(strata.ok(["system", "check"]), "sound\n");
}

#[test]
fn a_tar_of_very_many_entries_is_read_in_bounded_memory() {
    let strata = Strata::new();
    let path = image_of(&strata, "many:1", |out| {
        for number in 0..100_000 {
            out(&file(&format!("d/{}/{number}", number / 1000), ""));
        }
        out(&[0; 1024]);
    });
    let (read, said) = within(&strata, 300_000, &["analyze", "--format", "json", &path]);
    assert!(read, "{said}");
}

#[test]
fn a_dockerfile_beyond_all_measure_is_refused() {
    let strata = Strata::new();
    for (dockerfile, says) in [
        (format!("FROM scratch\nRUN {}\n", "x".repeat(1 << 20)), "65535"),
        ("# comment\n".repeat(2 << 20), "larger than"),
        (format!("FROM scratch\n{}", "ENV A=${A:-".repeat(10_000)), "65535"),
        (format!("FROM scratch\nENV A={}\n", "${A:-".repeat(10_000)), ""),
        (format!("FROM scratch\nCMD {}\n", "[".repeat(60_000)), ""),
    ] {
        let (_, said) = strata.at_once(&["build", &strata.context(&dockerfile)]);
        assert!(said.contains(says) && !said.contains("panicked") && !said.contains("overflow"), "{said:.500}");
    }
}

#[test]
fn stages_in_a_circle_are_refused() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    for dockerfile in [
        "FROM scratch AS a\nCOPY --from=a / /\n",
        "FROM scratch AS a\nCOPY --from=b / /\nFROM scratch AS b\nCOPY --from=a / /\n",
        "FROM b AS a\nFROM a AS b\n",
        "FROM a AS a\n",
        "FROM scratch\nCOPY --from=0 / /\n",
    ] {
        strata.fails(dockerfile);
    }
}

#[test]
fn bytes_that_are_no_text_are_refused_with_their_place() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    for bytes in [b"FROM busybox\nRUN echo \xff\n".as_slice(), b"FROM busybox\nCOPY \xc3\x28 /x\n"] {
        std::fs::create_dir_all(strata.work().join("bytes")).unwrap();
        strata.file("bytes/Dockerfile", bytes);
        let (success, said) = strata.at_once(&["build", "bytes"]);
        assert!(!success && said.contains("UTF-8"), "{said}");
    }
    let said = strata.fails("FROM busybox\nRUN echo a\0b\n");
    assert!(said.contains("Dockerfile:2"), "{said}");
}
