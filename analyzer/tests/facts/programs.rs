//! ELF files, and files of zeros.

use strata_analyzer::facts::{Elf, Fact, Language};
use strata_fixtures::content::elf;

use crate::facts;

fn sizes(content: &[u8]) -> Option<Elf> {
    facts("app", content).into_iter().find_map(|fact| match fact {
        Fact::Elf(elf) => Some(elf),
        _ => None,
    })
}

const SECTIONS: &[(&str, &[u8])] = &[
    (".text", &[1; 3000]),
    (".debug_info", &[2; 700]),
    (".zdebug_line", &[2; 30]),
    (".symtab", &[3; 480]),
    (".strtab", &[4; 90]),
];

#[test]
fn symbols_and_debug_sections_are_counted_wherever_the_headers_stand() {
    for headers_first in [false, true] {
        let told = sizes(&elf(2, SECTIONS, headers_first)).unwrap();
        assert_eq!(
            told,
            Elf { symbols: 570, debug: 730, is_core: false, language: Language::Other },
            "{headers_first}"
        );
    }
}

#[test]
fn a_program_longer_than_what_is_read_at_once_is_understood() {
    let text = vec![1; 700_000];
    for headers_first in [false, true] {
        let sections = [&[(".text", text.as_slice())], SECTIONS].concat();
        let told = sizes(&elf(3, &sections, headers_first)).unwrap();
        assert_eq!((told.symbols, told.debug), (570, 730), "{headers_first}");
    }
}

#[test]
fn object_files_need_their_symbols_and_core_dumps_are_known() {
    assert_eq!(sizes(&elf(1, SECTIONS, false)).unwrap().symbols, 0);
    let core = sizes(&elf(4, &[], false)).unwrap();
    assert!(core.is_core);
    assert_eq!((core.symbols, core.debug), (0, 0));
}

#[test]
fn languages_that_strip_in_their_own_way_are_known() {
    let language = |section: &str| sizes(&elf(2, &[(section, &[1; 8])], true)).unwrap().language;
    assert_eq!(language(".gopclntab"), Language::Go);
    assert_eq!(language(".debug_gdb_scripts"), Language::Rust);
    assert_eq!(language(".text"), Language::Other);
}

#[test]
fn a_header_that_lies_costs_nothing_and_claims_no_more_than_there_is() {
    let sound = elf(2, SECTIONS, false);
    let size = sound.len() as u64;
    // every byte of the header and of the section headers, turned over
    for at in (0..64).chain(sound.len() - 448..sound.len()) {
        let mut broken = sound.clone();
        broken[at] = !broken[at];
        if let Some(told) = sizes(&broken) {
            assert!(told.symbols + told.debug <= size, "byte {at}: {told:?}");
        }
    }
    for length in [0, 3, 4, 63, 64, 65, sound.len() - 1] {
        let _ = sizes(&sound[..length]);
    }
}

#[test]
fn zeros_are_counted_in_blocks_and_told_when_they_are_most() {
    let zeros = |content: &[u8]| {
        facts("data", content).into_iter().find_map(|fact| match fact {
            Fact::Zeros(bytes) => Some(bytes),
            _ => None,
        })
    };
    assert_eq!(zeros(&vec![0; 300_001]), Some(300_001));
    let mut half = vec![0; 400_000];
    half[..150_000].fill(1);
    // 150,000 is within a block
    assert_eq!(zeros(&half), Some(400_000 - 151_552));
    half[..250_000].fill(1);
    assert_eq!(zeros(&half), None);
    assert_eq!(zeros(&[0; 1000]), None, "small files are not worth a hole");
}

#[test]
fn section_headers_of_a_size_that_nobody_writes_are_not_kept() {
    let mut program = elf(2, SECTIONS, false);
    program[58..60].copy_from_slice(&u16::MAX.to_le_bytes());
    assert_eq!(sizes(&program), None);
}
