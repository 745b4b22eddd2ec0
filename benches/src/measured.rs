//! How long a command takes and how much memory it holds, told by the kernel.
//!
//! The kernel knows the peak of all children of a process together. So every command is run by a process of its own,
//! which has no other child: this program again, with [`WORD`] before the command.

use std::{
    env,
    ffi::OsString,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use nix::sys::resource::{UsageWho, getrusage};

/// The first argument of a program that is to measure the command behind it.
pub const WORD: &str = "measure";

/// What a command needed.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// From its start to its end.
    pub time: Duration,
    /// The most memory that was its own or shared with others at any time (`ru_maxrss`), in bytes.
    pub peak: u64,
}

/// What a program does first: if its arguments begin with [`WORD`], it runs the command, prints what that needed for
/// [`Measured::of`], and has nothing else to do.
///
/// # Errors
/// When there is no command, or it cannot be run, or fails.
pub fn is_measuring() -> Result<bool> {
    let mut arguments = env::args_os().skip(1);
    if arguments.next().is_none_or(|first| first != WORD) {
        return Ok(false);
    }
    let command: Vec<OsString> = arguments.collect();
    let [program, arguments @ ..] = command.as_slice() else { bail!("there is nothing to measure") };
    let start = Instant::now();
    let status = Command::new(program).args(arguments).stdout(Stdio::null()).status();
    let time = start.elapsed();
    let status = status.with_context(|| format!("cannot run {command:?}"))?;
    if !status.success() {
        bail!("{command:?} failed: {status}");
    }
    let peak = getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss();
    #[expect(clippy::print_stdout, reason = "the answer to the process that asked")]
    {
        println!("{} {}", time.as_nanos(), peak * 1024);
    }
    Ok(true)
}

impl Measured {
    /// Runs a command, whose output goes nowhere.
    ///
    /// # Errors
    /// When it cannot be run, or fails.
    pub fn of(command: &[OsString]) -> Result<Self> {
        let measuring = Command::new(env::current_exe()?).arg(WORD).args(command).output()?;
        if !measuring.status.success() {
            bail!("{}", String::from_utf8_lossy(&measuring.stderr).trim());
        }
        let answer = String::from_utf8(measuring.stdout)?;
        let (time, peak) = answer.trim().split_once(' ').context("a measurement has two numbers")?;
        Ok(Self { time: Duration::from_nanos(time.parse()?), peak: peak.parse()? })
    }

    /// The median time and the highest peak.
    pub fn median(mut runs: Vec<Self>) -> Self {
        runs.sort_unstable_by_key(|run| run.time);
        Self { time: runs[runs.len() / 2].time, peak: runs.iter().map(|run| run.peak).max().unwrap_or_default() }
    }
}
