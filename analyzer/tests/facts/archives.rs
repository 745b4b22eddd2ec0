//! Archives, sound and hostile.

use strata_analyzer::facts::{Archive, Fact};
use strata_fixtures::{content, tarball::Compression};

use crate::{facts, index};

const FILES: &[(&str, &[u8])] = &[("d/a", b"first content"), ("empty", b""), ("d/b", b"second content")];

fn archive(path: &str, content: &[u8]) -> Option<Archive> {
    facts(path, content).into_iter().find_map(|fact| match fact {
        Fact::Archive(archive) => Some(archive),
        _ => None,
    })
}

/// Whether an archive tells the contents of [`FILES`], by the hashes that they have as files of the layer.
fn is_told(path: &str, content: &[u8]) {
    let layer = index(FILES);
    let told = archive(path, content).unwrap_or_else(|| panic!("{path} says nothing"));
    let members: Vec<_> = told.members.iter().map(|member| (member.hash, member.size)).collect();
    let files = [0, 2].map(|entry| (*layer.hash(entry).unwrap(), layer.size(entry)));
    assert_eq!(members, files, "{path}");
    assert!(told.is_whole, "{path}");
}

#[test]
fn members_have_the_hashes_of_files() {
    let tar = |compression| content::tar(FILES, compression).unwrap();
    is_told("a.tar", &tar(Compression::None));
    is_told("a.tar.gz", &tar(Compression::Gzip));
    is_told("a.TGZ", &tar(Compression::Gzip));
    is_told("a.tar.xz", &tar(Compression::Xz));
    is_told("a.tar.zst", &tar(Compression::Zstd));
    is_told("a.tar.bz2", &tar(Compression::Bzip2));
    is_told("a.whl", &content::zip(FILES, true).unwrap());
    is_told("a.jar", &content::zip(FILES, false).unwrap());
    is_told("a.deb", &content::deb(&tar(Compression::None)).unwrap());
}

#[test]
fn a_large_archive_is_read_beside_the_pass() {
    // does not compress, so that the archive is large too
    let mut state = 1_u64;
    let noise: Vec<u8> = (0..3_000_000)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state.to_be_bytes()[0]
        })
        .collect();
    let tar = content::tar(&[("noise", &noise)], Compression::Gzip).unwrap();
    assert!(tar.len() > 2_000_000);
    let told = archive("a.tgz", &tar).unwrap();
    assert_eq!((told.members.len(), told.members[0].size, told.is_whole), (1, 3_000_000, true));
    let layer = index(&[("noise", &noise)]);
    assert_eq!(&told.members[0].hash, layer.hash(0).unwrap());
}

#[test]
fn what_breaks_off_or_is_no_archive_says_what_it_has() {
    let zip = content::zip(FILES, true).unwrap();
    let told = archive("a.zip", &zip[..zip.len() - 30]).unwrap();
    assert!(!told.is_whole);
    assert_eq!(told.members.len(), 1);
    for name in ["a.zip", "a.tar", "a.deb", "a.tar.gz"] {
        let told = archive(name, b"this is only called an archive").unwrap();
        assert_eq!((told.members.len(), told.is_whole), (0, false), "{name}");
    }
    for (name, content) in [("a.zip", &zip), ("a.deb", &content::deb(b"no tar").unwrap())] {
        for length in 1..content.len() {
            let _ = archive(name, &content[..length]);
        }
    }
}

#[test]
fn a_bomb_is_left_when_the_budget_is_spent() {
    let mut bomb = claims_8_gib();
    let told = archive("bomb.tar.gz", &bomb).unwrap();
    assert!(!told.is_whole);
    assert!(told.members.is_empty());
    bomb.truncate(100);
    assert!(archive("bomb.zip", &bomb).is_some());
}

/// A tar whose only file claims 8 GiB, and has a few.
fn claims_8_gib() -> Vec<u8> {
    let mut header = content::tar(&[("zeros", b"x")], Compression::None).unwrap()[..512].to_vec();
    header[124..136].copy_from_slice(b"77777777777\0");
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header.resize(1 << 20, 0);
    header
}
