//! What each RUN may use of the machine: docker's options for it.

use strata_runtime::process::{Limits, Ulimit};

use crate::command::size::bytes;

/// The options.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Limits of each step")]
pub(crate) struct LimitArgs {
    /// Limit of setrlimit(2): nofile, nproc, core, …; -1 is no limit
    #[arg(long, value_name = "NAME=SOFT[:HARD]", value_parser = ulimit)]
    ulimit: Vec<Ulimit>,

    /// Size of /dev/shm [default: 64m]
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    shm_size: Option<u64>,

    /// Memory: 512m, 2g
    #[arg(short, long, value_name = "BYTES", value_parser = bytes)]
    memory: Option<u64>,

    /// Memory and swap together; -1 is no limit
    #[arg(long, value_name = "BYTES", value_parser = swap, allow_hyphen_values = true)]
    memory_swap: Option<i64>,

    /// Share of the processors against others, 1024 being usual
    #[arg(short, long, value_name = "WEIGHT")]
    cpu_shares: Option<u64>,

    /// Microseconds of a period
    #[arg(long, value_name = "US")]
    cpu_period: Option<u64>,

    /// Microseconds of processor time in each period
    #[arg(long, value_name = "US", allow_hyphen_values = true)]
    cpu_quota: Option<i64>,

    /// Processors: 0-2,4
    #[arg(long, value_name = "LIST", value_parser = list)]
    cpuset_cpus: Option<String>,

    /// Memory nodes: 0-1
    #[arg(long, value_name = "LIST", value_parser = list)]
    cpuset_mems: Option<String>,
}

impl LimitArgs {
    pub(super) fn limits(&self) -> Limits {
        Limits {
            ulimits: self.ulimit.clone(),
            shm_size: self.shm_size,
            memory: self.memory,
            memory_swap: self.memory_swap,
            cpu_shares: self.cpu_shares,
            cpu_quota: self.cpu_quota,
            cpu_period: self.cpu_period,
            cpuset_cpus: self.cpuset_cpus.clone(),
            cpuset_mems: self.cpuset_mems.clone(),
            ..Limits::default()
        }
    }
}

/// The limits of `setrlimit(2)` that docker knows by name.
const ULIMITS: [&str; 15] = [
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
];

fn ulimit(text: &str) -> Result<Ulimit, String> {
    let (name, values) = text.split_once('=').ok_or("write NAME=SOFT[:HARD], as nofile=1024:2048")?;
    if !ULIMITS.contains(&name) {
        return Err(format!("there is no limit {name:?}; there is {}", ULIMITS.join(", ")));
    }
    let (soft, hard) = values.split_once(':').unwrap_or((values, values));
    let (soft, hard) = (limit(soft)?, limit(hard)?);
    if soft > hard {
        return Err("the soft limit is above the hard one".to_owned());
    }
    Ok(Ulimit { name: name.to_owned(), soft, hard })
}

/// A limit's value; `-1` is none, which the kernel writes as the largest number.
fn limit(text: &str) -> Result<u64, String> {
    if text == "-1" {
        return Ok(u64::MAX);
    }
    text.parse().map_err(|_| format!("{text:?} is no number"))
}

fn swap(text: &str) -> Result<i64, String> {
    if text == "-1" {
        return Ok(-1);
    }
    i64::try_from(bytes(text)?).map_err(|_| format!("{text:?} is too much"))
}

/// Numbers and ranges of them: what the kernel would refuse only once a step runs.
fn list(text: &str) -> Result<String, String> {
    let is_range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        matches!((first.parse::<u32>(), last.parse::<u32>()), (Ok(first), Ok(last)) if first <= last)
    };
    if text.split(',').all(is_range) { Ok(text.to_owned()) } else { Err("write numbers and ranges: 0-2,4".to_owned()) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::{list, swap, ulimit};

    #[test]
    fn swap_can_be_unlimited() {
        assert_eq!((swap("-1").unwrap(), swap("1k").unwrap()), (-1, 1024));
    }

    #[test]
    fn a_ulimit_has_a_known_name_and_its_soft_limit_is_not_above_the_hard_one() {
        let limit = ulimit("nofile=1024:2048").unwrap();
        assert_eq!((limit.name.as_str(), limit.soft, limit.hard), ("nofile", 1024, 2048));
        let limit = ulimit("core=-1").unwrap();
        assert_eq!((limit.soft, limit.hard), (u64::MAX, u64::MAX));
        for text in ["nofile", "files=1", "nofile=2:1", "nofile=x", "nofile=-1:5"] {
            assert!(ulimit(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sets_of_processors_are_numbers_and_ranges() {
        assert!(list("0-2,4").is_ok() && list("0").is_ok());
        assert!(list("").is_err() && list("2-0").is_err() && list("all").is_err());
    }
}
