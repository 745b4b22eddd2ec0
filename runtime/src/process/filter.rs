//! Docker's default system call filter, as a program for the kernel (`seccomp(2)`, classic BPF).
//!
//! ```text
//! convention ─► number ─► its range, by halving ─► allow │ EPERM │ ENOSYS │ look at an argument, by halving too
//! ```
//!
//! What docker's profile refuses fails with `EPERM`. What it does not know fails with `ENOSYS`, as runc has it: a C
//! library that is newer than the profile then does without. Another convention than the machine's own two ends the
//! process; x32 calls have numbers beyond all others.
//!
//! The kernel translates the program at every start, which takes it a third of a microsecond an instruction. So all
//! ranges with one answer jump to the same place.

mod table;

use std::sync::LazyLock;

use libc::sock_filter as Instruction;

use self::table::{CLONE3, Convention, LAST, REFUSED};

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("a sandbox needs a system call filter, and there is none for this kind of machine yet");

/// What programs of this machine, and of its 32-bit forebear, call by.
const NATIVE: [Convention; 2] =
    if cfg!(target_arch = "x86_64") { [table::X86_64, table::I386] } else { [table::AARCH64, table::ARM] };

/// The filter of every sandbox, made once.
pub(super) static DOCKER: LazyLock<Vec<Instruction>> = LazyLock::new(|| program(&NATIVE));

// struct seccomp_data (linux/seccomp.h): number, convention, instruction pointer, six arguments. Only the lower half of
// an argument is looked at, since the calls in question take an int.
const NUMBER: u32 = 0;
const CONVENTION: u32 = 4;
const FIRST_ARGUMENT: u32 = 16 + if cfg!(target_endian = "big") { 4 } else { 0 };

const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
const REFUSE: u32 = libc::SECCOMP_RET_ERRNO | libc::EPERM.cast_unsigned();
const UNKNOWN: u32 = libc::SECCOMP_RET_ERRNO | libc::ENOSYS.cast_unsigned();

/// Every `CLONE_NEW*` bit but that of time, which shares its bit with the signal to send at the end.
const NEW_NAMESPACES: u32 = 0x7e02_0000;

/// Linux, with addresses that are not random or of 32 bits or both (personality(2)), and the question which it is.
const PERSONALITIES: [(u32, u32); 5] =
    [(0, 0), (8, 8), (0x2_0000, 0x2_0000), (0x2_0008, 0x2_0008), (u32::MAX, u32::MAX)];

/// Address families that docker allows. Not among them are `AF_ALG` (CVE-2026-31431) and `AF_VSOCK`, which reaches the
/// host of a virtual machine past every network namespace, and what hardly a kernel has any more.
const FAMILIES: [(u32, u32); 8] = [(0, 11), (13, 18), (21, 22), (24, 24), (26, 33), (35, 36), (39, 39), (41, 45)];

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Answer {
    Allow,
    Refuse,
    Unknown,
    /// Allowed unless it makes namespaces.
    Clone,
    /// Allowed for [`PERSONALITIES`].
    Personality,
    /// Allowed for [`FAMILIES`].
    Socket,
}

fn answer(convention: &Convention, number: u32) -> Answer {
    let among = |ranges: &[(u32, u32)]| ranges.iter().any(|(first, last)| (*first..=*last).contains(&number));
    match number {
        _ if among(convention.beyond) => Answer::Allow,
        CLONE3 => Answer::Unknown,
        _ if number > LAST || among(convention.unassigned) => Answer::Unknown,
        _ if REFUSED.iter().any(|row| row.get(convention.column) == Some(&number)) => Answer::Refuse,
        _ if number == convention.clone => Answer::Clone,
        _ if number == convention.personality => Answer::Personality,
        _ if number == convention.socket => Answer::Socket,
        _ => Answer::Allow,
    }
}

fn program(conventions: &[Convention]) -> Vec<Instruction> {
    let mut program = vec![load(CONVENTION)];
    for convention in conventions {
        let calls = numbers(convention);
        program.extend(unless_equal(convention.audit, calls.len()));
        program.extend(calls);
    }
    program.push(give(libc::SECCOMP_RET_KILL_PROCESS));
    program
}

/// The numbers of a convention, which are loaded.
fn numbers(convention: &Convention) -> Vec<Instruction> {
    let borders = convention.beyond.iter().flat_map(|(first, last)| [*first, *last + 1]);
    let numbers = (0..=LAST + 1).chain(borders);
    look_at(NUMBER, numbers.map(|number| (number, answer(convention, number))))
}

/// The first argument, which may lie in some ranges.
fn only(allowed: &[(u32, u32)]) -> Vec<Instruction> {
    let start = [(0, Answer::Refuse)].into_iter();
    let border = |(first, last): &(u32, u32)| {
        let after = last.checked_add(1).map(|after| (after, Answer::Refuse));
        [Some((*first, Answer::Allow)), after]
    };
    look_at(FIRST_ARGUMENT, start.chain(allowed.iter().flat_map(border).flatten()))
}

/// Loads a value and answers by where it lies: each answer holds from its value to the next one's.
fn look_at(offset: u32, answers: impl Iterator<Item = (u32, Answer)>) -> Vec<Instruction> {
    let mut ranges: Vec<(u32, Answer)> = Vec::new();
    for (first, answer) in answers {
        // what begins where the one before does takes its place
        ranges.pop_if(|(before, _)| *before == first);
        if ranges.last().is_none_or(|(_, before)| *before != answer) {
            ranges.push((first, answer));
        }
    }
    let mut answers: Vec<Answer> = ranges.iter().map(|(_, answer)| *answer).collect();
    answers.sort_unstable();
    answers.dedup();
    let mut program = vec![load(offset)];
    let mut ends = Ends { search: ranges.len() - 1, starts: Vec::new() };
    let mut code_of_answers = Vec::new();
    for answer in answers {
        ends.starts.push((answer, code_of_answers.len()));
        code_of_answers.extend(code(answer));
    }
    let mut search = Vec::new();
    ends.halve(&ranges, &mut search);
    program.extend(search);
    program.extend(code_of_answers);
    program
}

/// Where a search ends.
struct Ends {
    /// Instructions of the search, after which the answers stand.
    search: usize,
    /// Where each answer starts among them.
    starts: Vec<(Answer, usize)>,
}

impl Ends {
    /// Adds a jump in the middle of `ranges`, then those in its halves.
    fn halve(&self, ranges: &[(u32, Answer)], search: &mut Vec<Instruction>) {
        let (lower, upper) = ranges.split_at(ranges.len() / 2);
        let (false, Some((border, _))) = (lower.is_empty(), upper.first()) else {
            return;
        };
        let at = search.len();
        search.push(jump(libc::BPF_JGE, *border, 0, 0));
        self.halve(lower, search);
        let (upper_starts, next) = (search.len(), at + 1);
        self.halve(upper, search);
        if let Some(branch) = search.get_mut(at) {
            branch.jf = distance(next, self.of(lower).unwrap_or(next));
            branch.jt = distance(next, self.of(upper).unwrap_or(upper_starts));
        }
    }

    /// Where the answer for `ranges` starts, if there is one range.
    fn of(&self, ranges: &[(u32, Answer)]) -> Option<usize> {
        let [(_, answer)] = ranges else { return None };
        let (_, start) = self.starts.iter().find(|(known, _)| known == answer)?;
        Some(self.search + start)
    }
}

/// Conditional jumps go over 255 instructions at most; a search has less, as the tests show for each of ours.
fn distance(from: usize, to: usize) -> u8 {
    u8::try_from(to - from).unwrap_or(u8::MAX)
}

fn code(answer: Answer) -> Vec<Instruction> {
    match answer {
        Answer::Allow => vec![give(ALLOW)],
        Answer::Refuse => vec![give(REFUSE)],
        Answer::Unknown => vec![give(UNKNOWN)],
        Answer::Clone => {
            vec![load(FIRST_ARGUMENT), jump(libc::BPF_JSET, NEW_NAMESPACES, 0, 1), give(REFUSE), give(ALLOW)]
        }
        Answer::Personality => only(&PERSONALITIES),
        Answer::Socket => only(&FAMILIES),
    }
}

/// Goes over the next `length` instructions unless what was loaded is `value`.
fn unless_equal(value: u32, length: usize) -> [Instruction; 2] {
    [jump(libc::BPF_JEQ, value, 1, 0), skip(length)]
}

fn load(offset: u32) -> Instruction {
    instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, offset)
}

fn jump(condition: u32, value: u32, when_true: u8, when_false: u8) -> Instruction {
    instruction(libc::BPF_JMP | condition | libc::BPF_K, when_true, when_false, value)
}

fn skip(length: usize) -> Instruction {
    instruction(libc::BPF_JMP | libc::BPF_JA, 0, 0, u32::try_from(length).unwrap_or(u32::MAX))
}

fn give(answer: u32) -> Instruction {
    instruction(libc::BPF_RET | libc::BPF_K, 0, 0, answer)
}

fn instruction(code: u32, jt: u8, jf: u8, k: u32) -> Instruction {
    // all codes of classic BPF are below 256
    Instruction { code: u16::try_from(code).unwrap_or(u16::MAX), jt, jf, k }
}

#[cfg(test)]
mod tests;
