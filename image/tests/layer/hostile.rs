//! Layers that want to break their reader: each is an exact error that says where.

use std::io::{self, Read};

use strata_image::layer::{
    LayerReader, MAX_EXTENSION, MAX_NAME, MAX_PATH, MAX_SPARSE_SIZE, PathProblem, Problem, TarError,
};

use crate::raw::{Block, END, extension, file, padded, pax, read};

/// What is wrong, where, and with which entry.
fn problem(tar: &[Vec<u8>]) -> (u64, String, Problem) {
    match read(&tar.concat()) {
        Err(TarError::Entry { offset, name, problem }) => (offset, name.to_string(), problem),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_stream_that_ends_inside_an_entry_says_where() {
    let tar = [pax(&[("path", b"name")]), file("x", &[b'c'; 700])].concat();
    for length in 1..1536 + 700 {
        let expected = match length {
            1..512 | 1025..1536 => ("", "header"),
            512..=1023 => ("extension", "extended header"),
            1536.. => ("name", "content"),
            _ => continue, // between two entries
        };
        match read(&tar[..length]) {
            Err(TarError::Truncated { offset, name, part }) => {
                assert_eq!((name.to_string().as_str(), part), expected, "{length}");
                assert_eq!(offset, length as u64);
            }
            other => panic!("{length}: {other:?}"),
        }
    }
}

#[test]
fn content_that_ends_early_is_found_when_it_is_passed_over_too() {
    let tar = file("x", &[b'c'; 700]);
    let mut reader = LayerReader::new(&tar[..1000]);
    reader.next_entry().unwrap();
    match reader.next_entry() {
        Err(TarError::Truncated { offset: 1000, part: "content", .. }) => {}
        other => panic!("{other:?}"),
    }
    let mut reader = LayerReader::new(&tar[..1000]);
    reader.next_entry().unwrap();
    let error = reader.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
}

#[test]
fn garbage_where_a_header_should_be_is_an_error_with_its_offset() {
    let good = file("good", b"1234");
    assert_eq!(problem(&[good.clone(), vec![b'g'; 512]]).0, 1024);
    let mut bad = file("bad", b"");
    bad[0] ^= 1;
    assert_eq!(problem(&[good.clone(), bad]).2, Problem::Checksum);
    assert_eq!(
        problem(&[good.clone(), vec![0; 512], file("late", b"")]),
        (1024, String::new(), Problem::LoneZeroBlock)
    );
    assert_eq!(problem(&[vec![b'g'; 512]]).2, Problem::Number("checksum"));
}

#[test]
fn numbers_that_no_file_has_are_errors() {
    let negative = [0xff; 12];
    let huge = [0xbf; 12];
    let cases: [(usize, &[u8], &str); 8] = [
        (124, &negative, "size"),
        (124, &huge, "size"),
        (124, b"-0000000001\0", "size"),
        (124, b"0000000009z\0", "size"),
        (108, &[0xff; 8], "uid"),
        (116, b"xyz\0\0\0\0\0", "gid"),
        (136, &huge, "mtime"),
        (100, b"rwxr-xr-", "mode"),
    ];
    for (at, bytes, field) in cases {
        let block = Block::new("x", b'0', 0).put(at, bytes).done();
        assert_eq!(problem(&[block]), (0, "x".into(), Problem::Number(field)));
    }
    let device = Block::new("x", b'3', 0).put(329, &[0x80, 0, 0, 1, 0, 0, 0, 0]).done();
    assert_eq!(problem(&[device]).2, Problem::Number("device number"));
    for record in ["size", "uid", "gid"] {
        for value in [b"-1".as_slice(), b"9223372036854775808", b"1.5", b"0x10"] {
            let (_, _, problem) = problem(&[pax(&[(record, value)]), file("x", b"")]);
            assert!(matches!(problem, Problem::PaxRecord(_)), "{record}");
        }
    }
}

#[test]
fn a_size_of_an_exabyte_costs_no_memory() {
    let tar = [pax(&[("size", b"1152921504606846976")]), file("x", b"1234")].concat();
    assert!(matches!(read(&tar), Err(TarError::Truncated { part: "content", .. })));
}

#[test]
fn extended_headers_are_bounded() {
    for flag in [b'x', b'g', b'L', b'K'] {
        let size = usize::try_from(MAX_EXTENSION).unwrap() + 1;
        let announced = Block::new("big", flag, size).done();
        assert_eq!(problem(&[announced]), (0, "big".into(), Problem::ExtensionTooLarge(size as u64)));
        let absurd = Block::new("big", flag, 0)
            .put(124, &[0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])
            .done();
        assert!(matches!(problem(&[absurd]).2, Problem::ExtensionTooLarge(_)));
    }
    let value = vec![b'v'; 60_000];
    let records: Vec<(String, &[u8])> =
        (0..17).map(|number| (format!("SCHILY.xattr.user.{number}"), value.as_slice())).collect();
    let records: Vec<(&str, &[u8])> = records.iter().map(|(key, value)| (key.as_str(), *value)).collect();
    assert_eq!(read(&[pax(&records), file("x", b"")].concat()).unwrap()[0].0.xattrs.len(), 17);
}

#[test]
fn an_extended_header_without_an_entry_is_an_error() {
    for flag in [b'x', b'L', b'K'] {
        let data: &[u8] = if flag == b'x' { b"12 path=abc\n" } else { b"name\0" };
        assert_eq!(problem(&[extension(flag, data), END.to_vec()]).2, Problem::Dangling);
    }
}

#[test]
fn types_that_docker_does_not_unpack_are_errors() {
    for flag in [b'D', b'M', b'N', b'V', b'X', b'A', b'Z', b'8', b'\xff'] {
        assert_eq!(problem(&[Block::gnu("x", flag, 0).done()]), (0, "x".into(), Problem::TypeFlag(flag)));
    }
    // the old sparse format needs GNU's header
    assert_eq!(problem(&[Block::new("x", b'S', 0).done()]).2, Problem::TypeFlag(b'S'));
}

#[test]
fn paths_have_bounds() {
    let components = |count: usize| vec!["c".repeat(MAX_NAME); count].join("/");
    let longest = components(16);
    assert_eq!(longest.len(), MAX_PATH - 1);
    let at = |name: &str| read(&[pax(&[("path", name.as_bytes())]), file("x", b"")].concat()).map(|_| ());
    assert!(at(&longest).is_ok());
    let too_long = format!("{longest}/x");
    let name_too_long = "c".repeat(MAX_NAME + 1);
    for (name, expected) in [(&too_long, PathProblem::TooLong), (&name_too_long, PathProblem::NameTooLong)] {
        match at(name) {
            Err(TarError::Entry { offset: 1024.., problem, name: shown, .. }) => {
                assert_eq!(problem, Problem::Path(expected));
                assert!(name.as_bytes().starts_with(&shown) && shown.len() <= 256);
            }
            other => panic!("{other:?}"),
        }
    }
    let nul = extension(b'x', b"16 path=evil\0.txt\n");
    assert!(matches!(problem(&[nul, file("x", b"")]).2, Problem::PaxRecord(_)));
    let link = pax(&[("linkpath", name_too_long.as_bytes())]);
    let hard = Block::new("l", b'1', 0).link("x").done();
    assert_eq!(problem(&[link, hard]).2, Problem::Path(PathProblem::NameTooLong));
}

#[test]
fn links_must_lead_somewhere() {
    for flag in [b'1', b'2'] {
        assert_eq!(problem(&[Block::new("l", flag, 0).done()]), (0, "l".into(), Problem::LinkTarget));
    }
    let long = pax(&[("linkpath", &[b'x'; MAX_PATH + 1])]);
    assert_eq!(problem(&[long, Block::new("l", b'2', 0).link("x").done()]).2, Problem::LinkTarget);
}

#[test]
fn the_root_is_a_directory() {
    for flag in [b'0', b'1', b'2', b'3', b'6'] {
        for name in [".", "./", "/", "", "a/.."] {
            assert_eq!(problem(&[Block::new(name, flag, 0).link("etc").done()]).2, Problem::Root);
        }
    }
}

#[test]
fn sparse_files_cannot_claim_what_they_like() {
    let sparse = |flag: u8, size: usize, records: &[(&str, &[u8])]| {
        let header = Block::new("x", flag, size).link("y").done();
        problem(&[pax(records), header, padded(&vec![b'1'; size])]).2
    };
    let exabyte = MAX_SPARSE_SIZE + 1;
    assert_eq!(
        sparse(b'0', 0, &[("GNU.sparse.map", b"0,0"), ("GNU.sparse.size", exabyte.to_string().as_bytes())]),
        Problem::SparseSize(exabyte)
    );
    let maps: [&[u8]; 9] =
        [b"0", b"0,1,2", b"5,1,0,1", b"0,3,2,1", b"0,99", b"0,9", b"-1,1", b"9223372036854775807,1", b"x"];
    for map in maps {
        assert_eq!(sparse(b'0', 10, &[("GNU.sparse.map", map), ("GNU.sparse.size", b"50")]), Problem::SparseMap);
    }
    assert_eq!(sparse(b'0', 1, &[("GNU.sparse.major", b"2"), ("GNU.sparse.minor", b"0")]), Problem::SparseMap);
    assert_eq!(sparse(b'2', 0, &[("GNU.sparse.map", b"0,0"), ("GNU.sparse.size", b"0")]), Problem::SparseMap);
    for map in ["2\n0\n1\n", "1\n0\n", "999999999\n", "x\n", "1 0 1"] {
        let version: [(&str, &[u8]); 3] =
            [("GNU.sparse.major", b"1"), ("GNU.sparse.minor", b"0"), ("GNU.sparse.size", b"9")];
        let header = Block::new("x", b'0', 512).done();
        let problem = problem(&[pax(&version), header, padded(map.as_bytes()), END.to_vec()]).2;
        assert!(matches!(problem, Problem::SparseMap | Problem::SparseSegments), "{map}: {problem}");
    }
    let records: [(&str, &[u8]); 1] = [("GNU.sparse.numbytes", b"1")];
    assert!(matches!(sparse(b'0', 1, &records), Problem::PaxRecord(_)));
}

#[test]
fn an_endless_map_of_an_old_sparse_file_is_bounded() {
    let mut header = Block::gnu("x", b'S', 0);
    header.put(482, &[1]).put(483, b"00000000000\0");
    let mut extension = [0; 512];
    for pair in 0..21 {
        extension[24 * pair..][..24].copy_from_slice(b"00000000000\x0000000000000\0");
    }
    extension[504] = 1;
    let endless = io::Cursor::new(header.done()).chain(Endless(extension, 0));
    match LayerReader::new(endless).next_entry() {
        Err(TarError::Entry { problem, .. }) => assert_eq!(problem, Problem::SparseSegments),
        other => panic!("{other:?}"),
    }
}

/// The same block for ever.
struct Endless([u8; 512], usize);

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = buffer.len().min(512 - self.1);
        buffer[..count].copy_from_slice(&self.0[self.1..][..count]);
        self.1 = (self.1 + count) % 512;
        Ok(count)
    }
}

#[test]
fn a_failing_stream_is_told_with_its_offset() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("not the promised digest"))
        }
    }
    let mut reader = LayerReader::new(file("x", b"1234").chain_broken(Broken));
    reader.next_entry().unwrap();
    match reader.next_entry() {
        Err(TarError::Read { offset: 1024, source }) => assert_eq!(source.to_string(), "not the promised digest"),
        other => panic!("{other:?}"),
    }
    let mut ended = LayerReader::new(END.to_vec().chain_broken(Broken));
    assert!(ended.next_entry().unwrap().is_none());
    assert!(matches!(ended.finish(), Err(TarError::Read { offset: 1024, .. })));
}

trait ChainBroken {
    fn chain_broken<R: Read>(self, then: R) -> impl Read;
}

impl ChainBroken for Vec<u8> {
    fn chain_broken<R: Read>(self, then: R) -> impl Read {
        io::Cursor::new(self).chain(then)
    }
}
