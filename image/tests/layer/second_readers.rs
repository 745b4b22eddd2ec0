//! Other readers and writers of tars, and where they differ from ours.

use std::io::{self, Read};

use bstr::ByteSlice;
use strata_image::layer::{Entry, EntryKind};
use tar_core::parse::{Limits, ParseEvent, Parser};

use crate::raw::{Block, END, extension, file, padded, pax, read};

/// Path, type, size as stored, link target, owner, attributes: what both readers say.
type Seen = (Vec<u8>, u8, u64, Option<Vec<u8>>, (u64, u64), Vec<(Vec<u8>, Vec<u8>)>);

fn by_tar_core(tar: &[u8]) -> Vec<Seen> {
    let mut parser = Parser::new(Limits::default());
    let (mut seen, mut at) = (Vec::new(), 0);
    loop {
        let (consumed, entry) = match parser.parse(&tar[at..]).unwrap() {
            ParseEvent::End { .. } => return seen,
            ParseEvent::GlobalExtensions { consumed, .. } => {
                at += consumed;
                continue;
            }
            ParseEvent::Entry { consumed, entry } | ParseEvent::SparseEntry { consumed, entry, .. } => {
                (consumed, entry)
            }
            ParseEvent::NeedData { .. } => panic!("the tar ends early"),
        };
        let path = strata_image::layer::LayerPath::new(&entry.path).unwrap();
        let mut xattrs: Vec<_> = entry.xattrs.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
        xattrs.sort();
        let link = entry.link_target.as_ref().map(|link| link.to_vec());
        seen.push((
            path.as_bytes().to_vec(),
            entry.header.as_bytes()[156],
            entry.size,
            link,
            (entry.uid, entry.gid),
            xattrs,
        ));
        at += consumed + usize::try_from(entry.size).unwrap().next_multiple_of(512);
    }
}

fn by_us(tar: &[u8]) -> Vec<Seen> {
    let seen = |entry: Entry| {
        let (flag, link) = match entry.kind {
            EntryKind::File => (b'0', None),
            EntryKind::HardLink(target) => (b'1', Some(target.as_bytes().to_vec())),
            EntryKind::Symlink(target) => (b'2', Some(target.into())),
            EntryKind::CharDevice { .. } => (b'3', None),
            EntryKind::BlockDevice { .. } => (b'4', None),
            EntryKind::Directory => (b'5', None),
            EntryKind::Fifo => (b'6', None),
        };
        let xattrs = entry.xattrs.into_iter().map(|(name, value)| (name.into(), value)).collect();
        (entry.path.as_bytes().to_vec(), flag, entry.size, link, (entry.uid, entry.gid), xattrs)
    };
    read(tar).unwrap().into_iter().map(|(entry, _)| seen(entry)).collect()
}

#[test]
fn tar_core_sees_the_same_entries() {
    let long = "n/".repeat(130) + "x";
    let tar = [
        Block::new("d/", b'5', 0).done(),
        file("d/a", &[b'a'; 1300]),
        Block::new("d/b", b'1', 0).link("d/a").done(),
        pax(&[("path", long.as_bytes()), ("uid", b"4000000000"), ("SCHILY.xattr.user.x", b"1\n2")]),
        file("short", b"123"),
        extension(b'L', format!("{long}y\0").as_bytes()),
        Block::gnu("short", b'0', 0).done(),
        pax(&[("linkpath", b"t/\xff")]),
        Block::new("l", b'2', 0).link("t").done(),
        extension(b'g', b"15 path=global\n"),
        pax(&[("size", b"5")]),
        Block::new("big", b'0', 99).done(),
        padded(b"12345"),
        Block::gnu("base256", b'0', 0).put(108, &[0x80, 0, 0, 0, 0xee, 0x6b, 0x28, 0]).done(),
        Block::new("p", b'6', 0).done(),
        Block::new("name", b'0', 0).put(345, b"a/prefix").done(),
        END.to_vec(),
    ]
    .concat();
    let ours = by_us(&tar);
    assert_eq!(ours.len(), 10);
    assert_eq!(ours, by_tar_core(&tar));
}

#[test]
fn tar_core_sees_what_our_writer_wrote() {
    let (_, mut go) = strata_image::compression::reader(include_bytes!("written-by-go.tar.gz").as_slice()).unwrap();
    let mut tar = Vec::new();
    go.read_to_end(&mut tar).unwrap();
    // tar-core 0.1 has no times before 1970
    let before_1970 = tar.find(b"20 mtime=-315619200\n").unwrap();
    tar[before_1970..][..20].copy_from_slice(b"20 mtime=8315619200\n");
    assert_eq!(by_us(&tar), by_tar_core(&tar));
}

#[test]
fn what_the_tar_crate_writes_is_read() {
    let mut builder = tar::Builder::new(Vec::new());
    let long = "n/".repeat(130) + "x";
    let mut header = tar::Header::new_gnu();
    header.set_size(4);
    header.set_mode(0o640);
    header.set_uid(4_000_000_000);
    header.set_mtime(u64::MAX >> 20);
    builder.append_data(&mut header, &long, b"1234".as_slice()).unwrap();
    let mut link = tar::Header::new_gnu();
    link.set_entry_type(tar::EntryType::Symlink);
    link.set_size(0);
    builder.append_link(&mut link, "l", &long).unwrap();
    builder.append_pax_extensions([("SCHILY.xattr.user.x", b"1\n2".as_slice())]).unwrap();
    let mut plain = tar::Header::new_ustar();
    plain.set_size(0);
    builder.append_data(&mut plain, "plain", io::empty()).unwrap();
    let entries = read(&builder.into_inner().unwrap()).unwrap();

    assert_eq!(entries[0].0.path.as_bytes(), long.as_bytes());
    assert_eq!(
        (entries[0].0.uid, entries[0].0.mode, entries[0].1.as_slice()),
        (4_000_000_000, 0o640, b"1234".as_slice())
    );
    assert_eq!(entries[0].0.mtime.seconds, i64::MAX >> 19);
    assert_eq!(entries[1].0.kind, EntryKind::Symlink(long.into()));
    assert_eq!(entries[2].0.xattrs[b"user.x".as_bstr()], b"1\n2");
}

#[test]
fn the_tar_crate_reads_what_we_write_and_is_spoofed_where_we_are_not() {
    let spoof = pax(&[("comment", b"x\n22 linkpath=/etc/evil")]);
    let tar = [spoof, Block::new("l", b'2', 0).link("harmless").done(), END.to_vec()].concat();
    let mut archive = tar::Archive::new(tar.as_slice());
    let theirs = archive.entries().unwrap().next().unwrap().unwrap();
    assert_eq!(theirs.link_name_bytes().unwrap().as_bstr(), "/etc/evil");
    assert_eq!(read(&tar).unwrap()[0].0.kind, EntryKind::Symlink("harmless".into()));
}
