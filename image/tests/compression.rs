//! Streams that are compressed on several threads: equal bytes however many there are, and read by everyone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

use std::{
    io::{self, Read, Seek, SeekFrom, Write},
    num::NonZero,
    process::{Command, Stdio},
};

use proptest::prelude::*;
use strata_image::compression::{self, Compression, Effort};

/// More than one block, of text and of noise, which ends in the middle of a block.
fn sample() -> Vec<u8> {
    let line = |n: u64| format!("{n} {:x}\n", n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (n % 48));
    (0..400_000).flat_map(|n| line(n).into_bytes()).collect()
}

fn compressed(compression: Compression, effort: Effort, pieces: &[&[u8]]) -> Vec<u8> {
    let mut writer = compression::writer(compression, effort, Vec::new()).unwrap();
    for piece in pieces {
        writer.write_all(piece).unwrap();
        writer.flush().unwrap();
    }
    writer.finish().unwrap()
}

fn on(threads: usize) -> Effort {
    Effort { threads: NonZero::new(threads), ..Effort::default() }
}

fn decompressed(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    compression::reader(bytes).unwrap().1.read_to_end(&mut plain).unwrap();
    plain
}

#[test]
fn the_bytes_do_not_depend_on_the_number_of_threads() {
    let data = sample();
    assert!(data.len() > 6 << 20, "{} bytes do not keep several threads busy", data.len());
    for compression in [Compression::Gzip, Compression::Zstd] {
        let one = compressed(compression, on(1), &[&data]);
        assert_eq!(decompressed(&one), data);
        for threads in [2, 16, 1000] {
            assert!(compressed(compression, on(threads), &[&data]) == one, "{compression:?} on {threads} threads");
        }
        let pieces: Vec<_> = data.chunks(777_777).collect();
        assert!(compressed(compression, on(2), &pieces) == one, "{compression:?} written and flushed in pieces");
    }
}

#[test]
fn the_tools_of_the_formats_read_what_is_written() {
    let data = sample();
    for (compression, tool) in [(Compression::Gzip, "gzip"), (Compression::Zstd, "zstd")] {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&compressed(compression, on(2), &[&data])).unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        match Command::new(tool).arg("-dc").stdin(Stdio::from(file)).output() {
            Ok(output) => assert!(output.status.success() && output.stdout == data, "{tool}: {}", output.status),
            Err(error) if error.kind() == io::ErrorKind::NotFound => eprintln!("skipped: there is no {tool} here"),
            Err(error) => panic!("{tool}: {error}"),
        }
    }
}

#[test]
fn the_ends_of_blocks_are_no_special_places() {
    let data = sample();
    let block = 2 << 20;
    for length in [0, 1, block - 1, block, block + 1, 2 * block] {
        for compression in [Compression::Gzip, Compression::Zstd] {
            let stream = compressed(compression, on(2), &[&data[..length]]);
            assert!(decompressed(&stream) == data[..length], "{compression:?} {length}");
        }
    }
}

#[test]
fn a_higher_level_is_smaller_and_one_above_the_highest_is_the_highest() {
    let data = sample();
    for compression in [Compression::Gzip, Compression::Zstd] {
        let levels = compression.levels().unwrap();
        let size = |level| {
            let stream = compressed(compression, Effort { level: Some(level), ..on(2) }, &[&data[..300_000]]);
            assert_eq!(decompressed(&stream), data[..300_000], "{compression:?} {level}");
            stream.len()
        };
        assert!(size(*levels.start()) > size(*levels.end()), "{compression:?}");
        assert_eq!(size(*levels.end()), size(u32::MAX), "{compression:?}");
    }
}

#[test]
fn a_writer_below_that_fails_is_an_error() {
    struct Full(usize);
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let data = sample();
    let mut writer = compression::writer(Compression::Gzip, on(2), Full(10_000)).unwrap();
    let outcome = writer.write_all(&data).and_then(|()| writer.finish().map(drop));
    assert_eq!(outcome.unwrap_err().kind(), io::ErrorKind::StorageFull);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn everything_comes_back(data in prop::collection::vec(any::<u8>(), 0..5_000), repeat in 1_usize..600) {
        let data = data.repeat(repeat);
        for compression in [Compression::Gzip, Compression::Zstd] {
            prop_assert!(decompressed(&compressed(compression, on(2), &[&data])) == data);
        }
    }
}
