//! What the writer makes of entries.

use std::io::{self, Read};

use strata_image::{
    Timestamp, compression,
    layer::{Entry, EntryKind, LayerPath, LayerReader, LayerWriter, Problem, TarError},
};

use crate::raw::read;

fn path(text: &str) -> LayerPath {
    LayerPath::new(text.as_bytes()).unwrap()
}

fn written(entry: &Entry) -> Vec<u8> {
    let mut writer = LayerWriter::new(Vec::new());
    let content = vec![b'c'; usize::try_from(entry.size).unwrap()];
    writer.append(entry, content.as_slice()).unwrap();
    writer.finish().unwrap()
}

#[test]
fn the_bytes_are_those_of_go() {
    // written by BuildKit: long names that split and that do not, non-ASCII and non-UTF-8 names, large ids, times
    // before 1970 and after 2242, long link targets, devices, hard links, a whiteout
    let (_, mut compressed) = compression::reader(include_bytes!("written-by-go.tar.gz").as_slice()).unwrap();
    let mut original = Vec::new();
    compressed.read_to_end(&mut original).unwrap();
    let mut reader = LayerReader::new(original.as_slice());
    let mut writer = LayerWriter::new(Vec::new());
    let mut entries = 0;
    while let Some(entry) = reader.next_entry().unwrap() {
        writer.append(&entry, &mut reader).unwrap();
        entries += 1;
    }
    assert_eq!(entries, 25);
    assert!(writer.finish().unwrap() == original);
}

#[test]
fn a_whiteout_is_an_empty_file_without_any_rights() {
    let mut writer = LayerWriter::new(Vec::new());
    writer.whiteout(&path("etc/motd")).unwrap();
    writer.whiteout(&path("top")).unwrap();
    let entries = read(&writer.finish().unwrap()).unwrap();
    let names: Vec<_> = entries.iter().map(|(entry, _)| entry.path.to_string()).collect();
    assert_eq!(names, ["etc/.wh.motd", ".wh.top"]);
    for (entry, content) in entries {
        assert_eq!((entry.kind, entry.mode, entry.uid, entry.gid), (EntryKind::File, 0, 0, 0));
        assert_eq!((entry.mtime, content.len()), (Timestamp::EPOCH, 0));
    }
    let mut writer = LayerWriter::new(io::sink());
    assert!(matches!(writer.whiteout(&LayerPath::root()), Err(TarError::Entry { problem: Problem::Whiteout, .. })));
    assert!(matches!(writer.whiteout(&path(&"n".repeat(252))), Err(TarError::Path { .. })));
}

#[test]
fn ustar_says_what_it_can() {
    let mut plain = Entry::new(path("usr/bin/x"), EntryKind::File);
    (plain.size, plain.mode, plain.uid, plain.gid) = (1000, 0o4755, 0o777_7777, 5);
    plain.mtime = Timestamp { seconds: 0o777_7777_7777, nanoseconds: 999_999_999 };
    let bytes = written(&plain);
    assert_eq!(bytes.len(), 512 + 1024 + 1024);
    assert_eq!(bytes[..9], *b"usr/bin/x");
    assert_eq!(bytes[100..148], *b"0004755\x007777777\x000000005\x0000000001750\x0077777777777\0");
    assert_eq!(bytes[156], b'0');
    assert_eq!(
        bytes[257..345],
        *b"ustar\x0000".iter().chain(&[0; 64]).chain(b"0000000\x000000000\0").copied().collect::<Vec<_>>()
    );
}

#[test]
fn records_are_sorted_and_there_only_when_needed() {
    let mut entry = Entry::new(path("x"), EntryKind::File);
    entry.uid = 2_097_152;
    entry.mtime = Timestamp::from_seconds(-1);
    entry.xattrs = [("user.b", b"2"), ("security.capability", b"\n"), ("user.a", b"1")]
        .map(|(name, value)| (name.into(), value.to_vec()))
        .into();
    entry.gname = "\u{e4}".into();
    let bytes = written(&entry);
    let records = "38 SCHILY.xattr.security.capability=\n\n\
                   25 SCHILY.xattr.user.a=1\n25 SCHILY.xattr.user.b=2\n\
                   12 gname=\u{e4}\n12 mtime=-1\n15 uid=2097152\n";
    assert_eq!(&bytes[512..512 + records.len()], records.as_bytes());
    assert_eq!(bytes[..14], *b"PaxHeaders.0/x");
    let (read, _) = &read(&bytes).unwrap()[0];
    assert_eq!(Entry { data_offset: 0, ..read.clone() }, entry);
}

#[test]
fn the_root_and_directories_end_in_a_slash() {
    assert_eq!(written(&Entry::new(LayerPath::root(), EntryKind::Directory))[..3], *b"./\0");
    assert_eq!(written(&Entry::new(path("d"), EntryKind::Directory))[..3], *b"d/\0");
}

#[test]
fn what_a_tar_cannot_say_is_an_error() {
    let problem = |entry: &Entry, content: &[u8]| match LayerWriter::new(Vec::new()).append(entry, content) {
        Err(TarError::Entry { problem, .. }) => problem,
        other => panic!("{other:?}"),
    };
    let file = Entry::new(path("x"), EntryKind::File);
    assert_eq!(problem(&Entry { size: 5, ..file.clone() }, b"123"), Problem::ContentTooShort(2));
    assert_eq!(problem(&Entry::new(LayerPath::root(), EntryKind::File), b""), Problem::Root);
    for target in ["", "a\0b"] {
        assert_eq!(problem(&Entry::new(path("l"), EntryKind::Symlink(target.into())), b""), Problem::LinkTarget);
    }
    for name in ["", "user.a=b", "user.\0"] {
        let xattrs = [(name.into(), Vec::new())].into();
        assert_eq!(problem(&Entry { xattrs, ..file.clone() }, b""), Problem::XattrName(name.into()));
    }
    let device = EntryKind::CharDevice { major: 1 << 21, minor: 0 };
    assert_eq!(problem(&Entry::new(path("c"), device), b""), Problem::Number("device number"));
}

#[test]
fn content_is_cut_at_the_size_of_the_entry() {
    let mut writer = LayerWriter::new(Vec::new());
    writer.append(&Entry { size: 3, ..Entry::new(path("x"), EntryKind::File) }, io::repeat(b'x')).unwrap();
    assert_eq!(read(&writer.finish().unwrap()).unwrap()[0].1, b"xxx");
}

#[test]
fn a_stream_that_does_not_take_bytes_is_told() {
    let mut small = [0; 700];
    let mut writer = LayerWriter::new(small.as_mut_slice());
    let entry = Entry { size: 500, ..Entry::new(path("x"), EntryKind::File) };
    match writer.append(&entry, io::repeat(0)) {
        Err(TarError::Write { offset: 512, path, .. }) => assert_eq!(path, "x"),
        other => panic!("{other:?}"),
    }
}
