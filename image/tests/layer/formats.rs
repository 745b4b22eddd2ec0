//! Everything that a layer may say, in every notation that tars have for it.

use std::io::Read;

use strata_image::{
    Timestamp,
    layer::{EntryKind, Format, LayerPath, LayerReader},
};

use crate::raw::{Block, END, extension, file, padded, pax, read, read_one};

fn path(text: &str) -> LayerPath {
    LayerPath::new(text.as_bytes()).unwrap()
}

#[test]
fn a_plain_file_is_read_with_everything_it_has() {
    let mut block = Block::new("./etc//motd", b'0', 5);
    block.put(265, b"user").put(297, b"group").put(100, b"0104755\0");
    let (entry, content) = read_one(&[block.done(), padded(b"hello")]);
    assert_eq!((entry.path, entry.kind), (path("etc/motd"), EntryKind::File));
    assert_eq!((entry.mode, entry.uid, entry.gid), (0o4755, 1000, 1001));
    assert_eq!(entry.mtime.to_string(), "2024-01-02T03:04:05Z");
    assert_eq!((entry.size, content.as_slice()), (5, b"hello".as_slice()));
    assert_eq!((entry.uname, entry.gname), ("user".into(), "group".into()));
    assert_eq!((entry.header_offset, entry.data_offset), (0, 512));
}

#[test]
fn every_type_is_known() {
    let device = |flag| Block::new("x", flag, 0).put(329, b"0000007\0").put(337, b"0000010\0").done();
    let link = |flag, target: &str| Block::new("x", flag, 0).link(target).done();
    let cases = [
        (file("x", b""), EntryKind::File),
        (Block::new("x", 0, 0).done(), EntryKind::File),
        (Block::new("x", b'7', 0).done(), EntryKind::File),
        (Block::new("x/", 0, 0).done(), EntryKind::Directory),
        (Block::new("x", b'5', 0).done(), EntryKind::Directory),
        (Block::new("x/", b'0', 0).done(), EntryKind::File),
        (link(b'1', "./a/../b"), EntryKind::HardLink(path("b"))),
        (link(b'2', "../b//c/"), EntryKind::Symlink("../b//c/".into())),
        (device(b'3'), EntryKind::CharDevice { major: 7, minor: 8 }),
        (device(b'4'), EntryKind::BlockDevice { major: 7, minor: 8 }),
        (Block::new("x", b'6', 0).done(), EntryKind::Fifo),
    ];
    for (tar, kind) in cases {
        let (entry, _) = read_one(&[tar]);
        assert_eq!((entry.path, entry.kind, entry.size), (path("x"), kind, 0));
    }
}

#[test]
fn only_files_have_content_whatever_their_size_says() {
    // Go reads no data behind a link with a size, so Docker does not either
    for flag in [b'1', b'2', b'3', b'4', b'5', b'6'] {
        let odd = Block::new("x", flag, 700).link("y").done();
        let entries = read(&[odd, file("next", b"1")].concat()).unwrap();
        assert_eq!(entries[0].0.size, 0);
        assert_eq!(entries[1].0.path, path("next"), "{}", char::from(flag));
    }
}

#[test]
fn a_ustar_prefix_is_a_part_of_the_name_and_gnus_times_are_not() {
    let ustar = Block::new("name", b'0', 0).put(345, b"some/prefix").done();
    assert_eq!(read_one(&[ustar]).0.path, path("some/prefix/name"));
    let gnu = Block::gnu("name", b'0', 0).put(345, b"14544676445\0").done();
    assert_eq!(read_one(&[gnu]).0.path, path("name"));
    let v7 = Block::new("name", b'0', 0).put(257, &[0; 8]).put(345, b"junk").done();
    assert_eq!(read_one(&[v7]).0.path, path("name"));
}

#[test]
fn names_without_room_for_a_nul_are_whole() {
    let (name, link) = ("n".repeat(100), "l".repeat(100));
    let (entry, _) = read_one(&[Block::new(&name, b'2', 0).link(&link).done()]);
    assert_eq!((entry.path, entry.kind), (path(&name), EntryKind::Symlink(link.into())));
}

#[test]
fn pax_records_override_the_header() {
    let long = "d/".repeat(150) + "f";
    let records: [(&str, &[u8]); 9] = [
        ("path", long.as_bytes()),
        ("size", b"5"),
        ("uid", b"4000000000"),
        ("gid", b"3000000000"),
        ("mtime", b"-3600.25"),
        ("uname", b"\xc3\xbc"),
        ("gname", b"g"),
        ("comment", b"nothing"),
        ("atime", b"1"),
    ];
    let mut block = Block::new("short", b'0', 99_999);
    let (entry, content) = read_one(&[pax(&records), block.put(265, b"x").done(), padded(b"hello")]);
    assert_eq!((entry.path, entry.size, content.as_slice()), (path(&long), 5, b"hello".as_slice()));
    assert_eq!((entry.uid, entry.gid), (4_000_000_000, 3_000_000_000));
    assert_eq!(entry.mtime, Timestamp { seconds: -3601, nanoseconds: 750_000_000 });
    assert_eq!((entry.uname, entry.gname), ("\u{fc}".into(), "g".into()));
    assert_eq!((entry.header_offset, entry.data_offset), (0, 1536));
}

#[test]
fn the_later_of_two_pax_headers_counts_and_empty_values_do_not() {
    let (entry, _) =
        read_one(&[pax(&[("path", b"one"), ("uid", b"1")]), pax(&[("path", b"two"), ("gid", b"")]), file("x", b"")]);
    assert_eq!((entry.path, entry.uid, entry.gid), (path("two"), 1000, 1001));
}

#[test]
fn pax_link_paths_name_the_targets_of_both_kinds_of_links() {
    let target = "t/".repeat(100) + "x";
    let records = pax(&[("linkpath", target.as_bytes())]);
    let [hard, soft] =
        [b'1', b'2'].map(|flag| read_one(&[records.clone(), Block::new("l", flag, 0).link("t").done()]).0.kind);
    assert_eq!(hard, EntryKind::HardLink(path(&target)));
    assert_eq!(soft, EntryKind::Symlink(target.into()));
}

#[test]
fn a_line_feed_in_a_pax_value_is_no_more_than_a_byte() {
    // a reader that splits at line feeds takes the second line for a record and shows a link to /etc/evil
    let spoof = pax(&[("comment", b"x\n22 linkpath=/etc/evil")]);
    let (entry, _) = read_one(&[spoof, Block::new("l", b'2', 0).link("harmless").done()]);
    assert_eq!(entry.kind, EntryKind::Symlink("harmless".into()));
}

#[test]
fn extended_attributes_hold_any_bytes() {
    let capability = b"\x01\0\0\x02\n\x0a=\xff 12 path=evil\n";
    let records: [(&str, &[u8]); 3] = [
        ("SCHILY.xattr.security.capability", capability),
        ("SCHILY.xattr.user.empty", b""),
        ("SCHILY.xattr.trusted.overlay.redirect", b"/etc"),
    ];
    let (entry, _) = read_one(&[pax(&records), file("x", b"")]);
    assert_eq!(entry.path, path("x"));
    let xattrs: Vec<_> = entry.xattrs.into_iter().collect();
    let expected = [("security.capability", capability.to_vec()), ("user.empty", Vec::new())];
    assert_eq!(xattrs, expected.map(|(name, value)| (name.into(), value)));
}

#[test]
fn global_headers_are_passed_over() {
    let global = extension(b'g', b"15 path=global\n18 uid=4000000000\n");
    let tar = [global.clone(), file("a", b"1"), global, file("b", b"2"), END.to_vec()].concat();
    let entries = read(&tar).unwrap();
    let seen: Vec<_> =
        entries.iter().map(|(entry, _)| (entry.path.to_string(), entry.uid, entry.header_offset)).collect();
    assert_eq!(seen, [("a".into(), 1000, 1024), ("b".into(), 1000, 3072)]);
}

#[test]
fn gnu_long_names_and_links_are_read() {
    let (name, link) = ("n/".repeat(120) + "x", "l/".repeat(120) + "y");
    let tar = [
        extension(b'K', format!("{link}\0").as_bytes()),
        extension(b'L', format!("{name}\0junk").as_bytes()),
        Block::gnu("n/n/n", b'2', 0).link("l/l/l").done(),
    ];
    let (entry, _) = read_one(&tar);
    assert_eq!((entry.path, entry.kind), (path(&name), EntryKind::Symlink(link.into())));
    assert_eq!((entry.header_offset, entry.data_offset), (0, 2560));
}

#[test]
fn gnu_numbers_in_base_256_are_read() {
    let mut block = Block::gnu("x", b'0', 0);
    block
        .put(108, &[0x80, 0, 0, 0, 0xee, 0x6b, 0x28, 0])
        .put(124, &[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3])
        .put(136, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xf1, 0xf0]);
    let (entry, content) = read_one(&[block.done(), padded(b"abc")]);
    assert_eq!((entry.uid, content.as_slice()), (4_000_000_000, b"abc".as_slice()));
    assert_eq!(entry.mtime, Timestamp::from_seconds(-3600));
}

/// Ten bytes at 1000 and five at 4000 of a file of 5000, in each of GNU's four notations.
fn sparse_tars() -> [(&'static str, Vec<u8>); 4] {
    let stored = padded(b"0123456789abcde");
    let mut old = Block::gnu("dir/sparse", b'S', 15);
    let pairs = [(386, 1000), (398, 10), (410, 4000), (422, 5), (434, 5000), (446, 0), (483, 5000)];
    for (at, number) in pairs {
        old.put(at, format!("{number:011o}\0").as_bytes());
    }
    let named: [(&str, &[u8]); 2] = [("GNU.sparse.name", b"dir/sparse"), ("GNU.sparse.realsize", b"5000")];
    let v0: [(&str, &[u8]); 7] = [
        ("GNU.sparse.size", b"5000"),
        ("GNU.sparse.numblocks", b"2"),
        ("GNU.sparse.offset", b"1000"),
        ("GNU.sparse.numbytes", b"10"),
        ("GNU.sparse.offset", b"4000"),
        ("GNU.sparse.numbytes", b"5"),
        ("path", b"dir/sparse"),
    ];
    let v1: [(&str, &[u8]); 3] =
        [("GNU.sparse.major", b"0"), ("GNU.sparse.minor", b"1"), ("GNU.sparse.map", b"1000,10,4000,5,5000,0")];
    let v2: [(&str, &[u8]); 2] = [("GNU.sparse.major", b"1"), ("GNU.sparse.minor", b"0")];
    let temporary = |size| Block::new("dir/GNUSparseFile.7/sparse", b'0', size).done();
    [
        ("old", [old.done(), stored.clone()].concat()),
        ("0.0", [pax(&v0), temporary(15), stored.clone()].concat()),
        ("0.1", [pax(&[v1.as_slice(), &named].concat()), temporary(15), stored.clone()].concat()),
        (
            "1.0",
            [
                pax(&[v2.as_slice(), &named].concat()),
                temporary(512 + 15),
                padded(b"3\n1000\n10\n4000\n5\n5000\n0\n"),
                stored,
            ]
            .concat(),
        ),
    ]
}

#[test]
fn sparse_files_have_their_name_their_size_and_their_holes() {
    let mut expected = vec![0; 5000];
    expected[1000..1010].copy_from_slice(b"0123456789");
    expected[4000..4005].copy_from_slice(b"abcde");
    for (format, tar) in sparse_tars() {
        let whole = [tar.clone(), file("next", b"x")].concat();
        let entries = read(&whole).unwrap();
        let (entry, content) = &entries[0];
        assert_eq!((&entry.path, entry.size), (&path("dir/sparse"), 5000), "{format}");
        assert!(*content == expected, "{format}");
        assert_eq!(whole[usize::try_from(entry.data_offset).unwrap()..][..4], *b"0123", "{format}");
        assert_eq!(entries[1].0.path, path("next"), "{format}");
    }
}

#[test]
fn an_old_sparse_file_may_need_more_than_its_header() {
    let mut block = Block::gnu("sparse", b'S', 30);
    for pair in 0..4 {
        block.put(386 + 24 * pair, format!("{:011o}\0{:011o}\0", pair * 100, 1).as_bytes());
    }
    block.put(482, &[1]).put(483, format!("{:011o}\0", 3000).as_bytes());
    let mut extensions = Vec::new();
    for first in [4, 25] {
        let mut extension = [0; 512];
        for pair in 0..(30 - first).min(21) {
            let text = format!("{:011o}\0{:011o}\0", (first + pair) * 100, 1);
            extension[24 * pair..][..24].copy_from_slice(text.as_bytes());
        }
        extension[504] = u8::from(first == 4);
        extensions.extend_from_slice(&extension);
    }
    let (entry, content) = read_one(&[block.done(), extensions, padded(&[b'x'; 30])]);
    assert_eq!((entry.size, entry.data_offset), (3000, 3 * 512));
    assert!((0..3000).all(|at| content[at] == if at % 100 == 0 { b'x' } else { 0 }));
}

#[test]
fn what_is_not_read_is_passed_over() {
    let content = vec![b'x'; 300_000];
    let mut tars = vec![file("a", &content), file("b", b"12345"), file("c", b"")];
    tars.extend(sparse_tars().map(|(_, tar)| tar));
    let tar = [tars.concat(), END.to_vec(), b"what follows the end is not looked at".to_vec()].concat();
    let mut reader = LayerReader::new(tar.as_slice());
    let mut offset = 0;
    for (number, part) in tars.iter().enumerate() {
        let entry = reader.next_entry().unwrap().unwrap();
        assert_eq!(entry.header_offset, offset);
        offset += part.len() as u64;
        let mut some = vec![0; number * 2];
        let count = reader.read(&mut some).unwrap();
        assert!(count <= some.len());
    }
    assert!(reader.next_entry().unwrap().is_none());
    assert!(reader.next_entry().unwrap().is_none());
    assert_eq!(reader.read(&mut [0; 9]).unwrap(), 0);
    assert!(reader.finish().unwrap().into_inner().is_empty());
}

#[test]
fn a_content_is_seen_where_it_lies_before_it_is_read() {
    let sparse = sparse_tars().map(|(_, tar)| tar);
    let long = vec![b'x'; 300_000];
    let mut tars = vec![file("a", b"12345"), file("b", b"67"), file("c", b""), file("d", &long)];
    tars.extend(sparse);
    let tar = [tars.concat(), Block::new("cut", b'0', 5).done(), b"123".to_vec()].concat();
    let mut reader = LayerReader::new(tar.as_slice());
    reader.next_entry().unwrap();
    assert_eq!(reader.peek_content().unwrap(), Some(&b"12345"[..]));
    let mut content = String::new();
    reader.read_to_string(&mut content).unwrap();
    assert_eq!((content.as_str(), reader.peek_content().unwrap()), ("12345", None));
    reader.next_entry().unwrap();
    assert_eq!(reader.peek_content().unwrap(), Some(&b"67"[..]));
    // what was only seen is passed over
    reader.next_entry().unwrap();
    assert_eq!(reader.peek_content().unwrap(), Some(&b""[..]));
    for _ in &tars[3..] {
        let entry = reader.next_entry().unwrap().unwrap();
        assert_eq!(reader.peek_content().unwrap(), None, "{}", entry.path);
    }
    assert_eq!(reader.next_entry().unwrap().unwrap().path, path("cut"));
    assert_eq!(reader.peek_content().unwrap(), None);
}

#[test]
fn the_end_may_be_missing() {
    let entry = file("a", b"1234");
    for end in [&[][..], &[0; 512], &END, &[0; 10_240]] {
        assert_eq!(read(&[&entry, end].concat()).unwrap().len(), 1);
    }
    assert_eq!(read(&entry[..516]).unwrap().len(), 1);
    assert_eq!(read(b"").unwrap().len(), 0);
    assert_eq!(read(&END).unwrap().len(), 0);
}

#[test]
fn names_that_are_no_text_are_kept_as_they_are() {
    let mut block = Block::new("", b'0', 0);
    block.put(0, b"caf\xe9/\xff\x01\n");
    assert_eq!(read_one(&[block.done()]).0.path.as_bytes(), b"caf\xe9/\xff\x01\n");
    let (entry, _) = read_one(&[pax(&[("path", b"\xff=\n")]), file("x", b"")]);
    assert_eq!(entry.path.as_bytes(), b"\xff=\n");
}

#[test]
fn paths_stay_below_the_root() {
    let cases = [
        ("../../etc/cron.d/x", "etc/cron.d/x"),
        ("/etc/x", "etc/x"),
        ("./../x", "x"),
        ("a/../../x", "x"),
        ("a//b/./c/", "a/b/c"),
        ("..\\x", "..\\x"),
        ("...", "..."),
        ("..a/b..", "..a/b.."),
    ];
    for (name, expected) in cases {
        assert_eq!(read_one(&[file(name, b"")]).0.path.as_bytes(), expected.as_bytes());
        let hard = Block::new("l", b'1', 0).link(name).done();
        assert_eq!(read_one(&[hard]).0.kind, EntryKind::HardLink(path(expected)));
    }
    for root in [".", "./", "/", "", "a/.."] {
        assert!(read_one(&[Block::new(root, b'5', 0).done()]).0.path.is_root());
    }
}

#[test]
fn headers_are_kept_where_they_are_asked_for() {
    let old = Block::new("./a", b'0', 0).put(257, &[0; 8]).put(100, b"0100644\0").done();
    let gnu = Block::gnu("b", b'0', 0).put(345, b"00000000007\0").put(357, b"00000000010\0").done();
    let records: [(&str, &[u8]); 3] = [("atime", b"1.5"), ("comment", b"x"), ("path", b"/c/")];
    let tar = [
        old,
        gnu,
        [pax(&records), Block::new("d", b'5', 0).done()].concat(),
        [extension(b'L', b"//e\0"), Block::gnu("e", b'0', 0).done()].concat(),
        file("f", b""),
    ];
    let tar = [tar.concat(), END.to_vec()].concat();
    let mut reader = LayerReader::new(tar.as_slice()).keep_raw();
    let mut found = Vec::new();
    while reader.next_entry().unwrap().is_some() {
        let raw = reader.raw().unwrap();
        let seconds = |time: Option<Timestamp>| time.map(|time| (time.seconds, time.nanoseconds));
        let records = raw.records.len();
        found.push((
            raw.path.to_string(),
            raw.format(),
            raw.mode_bits(),
            seconds(raw.atime()),
            records,
            raw.long_names,
        ));
    }
    assert_eq!(
        found,
        [
            ("./a".to_owned(), Format::V7, 0o100_000, None, 0, false),
            ("b".to_owned(), Format::Gnu, 0, Some((7, 0)), 0, false),
            ("/c/".to_owned(), Format::Pax, 0, Some((1, 500_000_000)), 3, false),
            ("//e".to_owned(), Format::Gnu, 0, None, 0, true),
            ("f".to_owned(), Format::Ustar, 0, None, 0, false),
        ]
    );
    let mut reader = LayerReader::new(tar.as_slice());
    reader.next_entry().unwrap();
    assert_eq!(reader.raw(), None);
}
