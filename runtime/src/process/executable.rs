//! Why a program could not be executed. The kernel's "no such file or directory" may mean the program, the
//! interpreter of its `#!` line or its loader; "exec format error" may mean another architecture or a text
//! file. The program's first bytes tell.

use std::fmt;

use rustix::{fs::FileType, io::Errno};

use super::failure::{Failure, Program, Step};

/// `EM_*` of elf.h for the machines that images are made for.
const MACHINES: [(u16, &str); 10] = [
    (3, "386"),
    (8, "mips"),
    (20, "ppc"),
    (21, "ppc64"),
    (22, "s390x"),
    (40, "arm"),
    (62, "amd64"),
    (183, "arm64"),
    (243, "riscv"),
    (258, "loong64"),
];

/// The cause for which a command could not be started.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExecFailure {
    /// There is no file of that name, or none in the directories of `PATH`.
    NotFound {
        /// Whether `PATH` was searched.
        searched: bool,
    },
    /// The interpreter that its `#!` line names is not in the root filesystem.
    MissingInterpreter {
        /// The interpreter as written.
        interpreter: String,
    },
    /// Its `#!` line ends with a carriage return, so that the interpreter's name is wrong.
    CarriageReturn {
        /// The interpreter without the carriage return.
        interpreter: String,
    },
    /// The dynamic loader that the program asks for is not in the root filesystem.
    MissingLoader {
        /// The loader's path.
        loader: String,
    },
    /// It is a program for another kind of machine.
    Architecture {
        /// What it was made for, in Go's words where it has one.
        machine: String,
    },
    /// It is a program for another kind of machine, and the interpreter that `binfmt_misc` has for those is looked for in the
    /// root filesystem, where it is not.
    MissingEmulator {
        /// What it was made for, in Go's words where it has one.
        machine: String,
    },
    /// It is neither an ELF program nor begins with `#!`.
    Format,
    /// It is a directory.
    Directory,
    /// It has no permission to be executed by this user.
    Permission,
    /// It is on a mount that forbids execution.
    NoExecMount,
    /// It leads through a magic link of `/proc`, which could reach a program of the host (CVE-2019-5736).
    MagicLink,
    /// Anything else: the kernel's error number.
    Other(i32),
}

impl ExecFailure {
    /// The exit status that docker's `run` gives for it: 127 when something was not found, else 126.
    pub fn status(&self) -> u8 {
        match self {
            Self::NotFound { .. }
            | Self::MissingInterpreter { .. }
            | Self::CarriageReturn { .. }
            | Self::MissingLoader { .. }
            | Self::MissingEmulator { .. } => 127,
            _ => 126,
        }
    }
}

impl fmt::Display for ExecFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound { searched: true } => write!(f, "executable file not found in $PATH"),
            Self::NotFound { searched: false } => write!(f, "no such file or directory"),
            Self::MissingInterpreter { interpreter } => {
                write!(f, "its interpreter {interpreter:?} is not in the image")
            }
            Self::CarriageReturn { interpreter } => {
                write!(f, "its #! line ends with a carriage return after {interpreter:?} (Windows line endings)")
            }
            Self::MissingLoader { loader } => {
                write!(f, "its dynamic loader {loader:?} is not in the image")
            }
            Self::Architecture { machine } => {
                write!(f, "it is a program for {machine}, and this machine is {}", machine_name(native_machine()))
            }
            Self::MissingEmulator { machine } => {
                write!(f, "the interpreter that binfmt_misc has for {machine} is not in the image")
            }
            Self::Format => write!(f, "it is neither a program nor a script with a #! line"),
            Self::Directory => write!(f, "it is a directory"),
            Self::Permission => write!(f, "permission denied"),
            Self::NoExecMount => write!(f, "it is on a mount that forbids execution"),
            Self::MagicLink => write!(f, "it leads through a magic link of /proc"),
            Self::Other(errno) => write!(f, "{}", std::io::Error::from_raw_os_error(*errno)),
        }
    }
}

/// Finds the cause of a failed [`Step::Execute`] or [`Step::MagicLink`].
pub(super) fn cause(failure: Failure, program: &Program) -> ExecFailure {
    if failure.step == Step::MagicLink {
        return ExecFailure::MagicLink;
    }
    let head = program.head();
    let is = |kind: FileType| FileType::from_raw_mode(program.mode) == kind;
    match failure.errno {
        Errno::NOENT if program.mode == 0 => ExecFailure::NotFound { searched: failure.item == u32::MAX },
        Errno::NOENT => missing(head),
        Errno::NOEXEC => format(head),
        Errno::ACCESS | Errno::ISDIR if is(FileType::Directory) => ExecFailure::Directory,
        Errno::ACCESS if program.no_exec => ExecFailure::NoExecMount,
        Errno::ACCESS | Errno::PERM => ExecFailure::Permission,
        other => ExecFailure::Other(other.raw_os_error()),
    }
}

/// The file is there, so what is missing is what it needs.
fn missing(head: &[u8]) -> ExecFailure {
    if let Some(line) = head.strip_prefix(b"#!") {
        let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let word = line.split(|byte| matches!(byte, b' ' | b'\t')).find(|word| !word.is_empty()).unwrap_or_default();
        let text = |word: &[u8]| String::from_utf8_lossy(word).into_owned();
        return match word.strip_suffix(b"\r") {
            Some(word) => ExecFailure::CarriageReturn { interpreter: text(word) },
            None => ExecFailure::MissingInterpreter { interpreter: text(word) },
        };
    }
    if let Some(number) = machine(head).filter(|number| *number != native_machine()) {
        return ExecFailure::MissingEmulator { machine: machine_name(number) };
    }
    match loader(head) {
        Some(loader) => ExecFailure::MissingLoader { loader },
        None => ExecFailure::Other(Errno::NOENT.raw_os_error()),
    }
}

fn format(head: &[u8]) -> ExecFailure {
    match machine(head) {
        Some(number) if number != native_machine() => ExecFailure::Architecture { machine: machine_name(number) },
        Some(_) => ExecFailure::Other(Errno::NOEXEC.raw_os_error()),
        None => ExecFailure::Format,
    }
}

fn machine_name(number: u16) -> String {
    MACHINES
        .iter()
        .find(|(known, _)| *known == number)
        .map_or_else(|| format!("ELF machine {number}"), |(_, name)| (*name).to_owned())
}

const fn native_machine() -> u16 {
    if cfg!(target_arch = "aarch64") {
        183
    } else if cfg!(target_arch = "riscv64") {
        243
    } else {
        62
    }
}

/// `e_machine` of an ELF file, in the byte order that the file declares.
fn machine(head: &[u8]) -> Option<u16> {
    let elf = Elf::new(head)?;
    u16::try_from(elf.number(18, 2)?).ok()
}

/// The path in the `PT_INTERP` segment (gABI, "Program Header").
fn loader(head: &[u8]) -> Option<String> {
    const PT_INTERP: u64 = 3;
    let elf = Elf::new(head)?;
    // e_phoff, e_phentsize and e_phnum, then p_offset and p_filesz
    let (table, size, count) = if elf.wide { (32, 54, 56) } else { (28, 42, 44) };
    let (table, size, count) = (elf.number(table, elf.word())?, elf.number(size, 2)?, elf.number(count, 2)?);
    let (offset, length) = if elf.wide { (8, 32) } else { (4, 16) };
    for index in 0..count {
        let at = usize::try_from(table.checked_add(index * size)?).ok()?;
        if elf.number(at, 4)? != PT_INTERP {
            continue;
        }
        let start = usize::try_from(elf.number(at.checked_add(offset)?, elf.word())?).ok()?;
        let length = usize::try_from(elf.number(at.checked_add(length)?, elf.word())?).ok()?;
        let path = head.get(start..start.checked_add(length)?)?;
        let path = path.split(|byte| *byte == 0).next()?;
        return Some(String::from_utf8_lossy(path).into_owned());
    }
    None
}

/// The beginning of an ELF file.
struct Elf<'a> {
    head: &'a [u8],
    wide: bool,
    big_endian: bool,
}

impl<'a> Elf<'a> {
    fn new(head: &'a [u8]) -> Option<Self> {
        head.starts_with(b"\x7fELF").then_some(())?;
        Some(Self { head, wide: *head.get(4)? == 2, big_endian: *head.get(5)? == 2 })
    }

    /// Bytes of an address.
    fn word(&self) -> usize {
        if self.wide { 8 } else { 4 }
    }

    fn number(&self, at: usize, length: usize) -> Option<u64> {
        let bytes = self.head.get(at..at.checked_add(length)?)?;
        let fold = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Some(if self.big_endian { bytes.iter().fold(0, fold) } else { bytes.iter().rev().fold(0, fold) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elf(machine: u16, loader: Option<&str>) -> Vec<u8> {
        let mut head = vec![0; 64];
        head[..6].copy_from_slice(b"\x7fELF\x02\x01");
        head[18..20].copy_from_slice(&machine.to_le_bytes());
        head[32..40].copy_from_slice(&64_u64.to_le_bytes());
        head[54..56].copy_from_slice(&56_u16.to_le_bytes());
        if let Some(loader) = loader {
            head[56..58].copy_from_slice(&1_u16.to_le_bytes());
            let mut segment = vec![0; 56];
            segment[..4].copy_from_slice(&3_u32.to_le_bytes());
            segment[8..16].copy_from_slice(&120_u64.to_le_bytes());
            segment[32..40].copy_from_slice(&(loader.len() as u64 + 1).to_le_bytes());
            head.extend(segment);
            head.extend(loader.as_bytes());
            head.push(0);
        }
        head
    }

    #[test]
    fn the_head_of_a_file_tells_what_is_missing() {
        let text = |text: &str| text.to_owned();
        let cases = [
            (b"#! /bin/bash -e\necho".to_vec(), ExecFailure::MissingInterpreter { interpreter: text("/bin/bash") }),
            (b"#!/bin/sh\r\necho".to_vec(), ExecFailure::CarriageReturn { interpreter: text("/bin/sh") }),
            (
                elf(native_machine(), Some("/lib64/ld-linux-x86-64.so.2")),
                ExecFailure::MissingLoader { loader: text("/lib64/ld-linux-x86-64.so.2") },
            ),
            (elf(22, Some("/lib/ld64.so.1")), ExecFailure::MissingEmulator { machine: text("s390x") }),
        ];
        for (head, expected) in cases {
            assert_eq!(missing(&head), expected);
        }
    }

    #[test]
    fn the_head_of_a_file_tells_what_it_was_made_for() {
        assert_eq!(format(&elf(22, None)), ExecFailure::Architecture { machine: "s390x".into() });
        assert_eq!(format(b"echo hello"), ExecFailure::Format);
        assert_eq!(format(b""), ExecFailure::Format);
    }

    #[test]
    fn a_head_with_absurd_offsets_is_no_panic() {
        let mut head = elf(62, Some("/lib/ld.so"));
        for at in [32, 72, 96] {
            let mut broken = head.clone();
            broken[at..at + 8].copy_from_slice(&u64::MAX.to_le_bytes());
            assert_eq!(loader(&broken), None);
        }
        head.truncate(70);
        assert_eq!(loader(&head), None);
    }
}
