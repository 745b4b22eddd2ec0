//! What is written to the files of a group for each limit, in the two versions' words.

use std::{fs::OpenOptions, io, io::Write as _, path::Path};

use super::{super::Limits, LimitFailure, hierarchy::Version};
use crate::{Error, Result};

/// Less memory than this is refused by docker: no process would start.
const LEAST_MEMORY: u64 = 6 * 1024 * 1024;

/// Shares of a processor that are usual in v1, and the weight that is in v2.
const USUAL_SHARES: u64 = 1024;
const USUAL_WEIGHT: u64 = 100;

/// The period of v2 where none is asked for, in microseconds: the kernel's.
const USUAL_PERIOD: u64 = 100_000;

/// One limit.
#[derive(Debug)]
pub(super) struct Setting {
    /// The limit's name.
    pub(super) limit: &'static str,
    pub(super) controller: &'static str,
    /// Files and what is written to them, in this order.
    one: Vec<(&'static str, String)>,
    two: Vec<(&'static str, String)>,
    /// Whether a kernel that does not know the file is fine.
    optional: bool,
}

impl Setting {
    fn new(limit: &'static str, controller: &'static str) -> Self {
        Self { limit, controller, one: Vec::new(), two: Vec::new(), optional: false }
    }

    fn one(mut self, file: &'static str, value: &dyn ToString) -> Self {
        self.one.push((file, value.to_string()));
        self
    }

    fn two(mut self, file: &'static str, value: &dyn ToString) -> Self {
        self.two.push((file, value.to_string()));
        self
    }

    /// A file that both versions have.
    fn both(self, file: &'static str, value: &dyn ToString) -> Self {
        let value = value.to_string();
        self.one(file, &value).two(file, &value)
    }

    pub(super) fn failed(&self, cause: LimitFailure) -> Error {
        Error::Limit { limit: self.limit, cause }
    }

    pub(super) fn write(&self, group: &Path, version: Version) -> Result<()> {
        let files = match version {
            Version::One => &self.one,
            Version::Two => &self.two,
        };
        for (file, value) in files {
            let path = group.join(file);
            let written =
                OpenOptions::new().write(true).open(&path).and_then(|mut file| file.write_all(value.as_bytes()));
            match written {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound && self.optional => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Err(self.failed(LimitFailure::NotCounted { file }));
                }
                Err(source) => {
                    return Err(Error::Kernel {
                        operation: "set a limit:",
                        object: format!("{value} is refused by {}", path.display()),
                        source,
                    });
                }
            }
        }
        Ok(())
    }
}

/// The settings that `limits` ask for.
pub(super) fn of(limits: &Limits) -> Result<Vec<Setting>> {
    let mut settings = memory(limits)?;
    if let Some(shares) = limits.cpu_shares {
        let weight = (shares.saturating_mul(USUAL_WEIGHT) / USUAL_SHARES).clamp(1, 10_000);
        settings
            .push(Setting::new("share of the processors", "cpu").one("cpu.shares", &shares).two("cpu.weight", &weight));
    }
    if limits.cpu_quota.is_some() || limits.cpu_period.is_some() {
        let mut setting = Setting::new("processor time", "cpu");
        if let Some(period) = limits.cpu_period {
            setting = setting.one("cpu.cfs_period_us", &period);
        }
        if let Some(quota) = limits.cpu_quota {
            setting = setting.one("cpu.cfs_quota_us", &quota);
        }
        let quota = limits.cpu_quota.filter(|quota| *quota > 0).map_or("max".to_owned(), |quota| quota.to_string());
        settings.push(setting.two("cpu.max", &format!("{quota} {}", limits.cpu_period.unwrap_or(USUAL_PERIOD))));
    }
    for (limit, file, set) in
        [("processors", "cpuset.cpus", &limits.cpuset_cpus), ("memory nodes", "cpuset.mems", &limits.cpuset_mems)]
    {
        settings.extend(set.as_ref().map(|set| Setting::new(limit, "cpuset").both(file, set)));
    }
    settings.extend(limits.pids.map(|pids| Setting::new("number of processes", "pids").both("pids.max", &pids)));
    Ok(settings)
}

/// Memory, and swap: v1 limits both together, v2 swap alone. Without a word about swap there is as much of it as of
/// memory, as with docker.
fn memory(limits: &Limits) -> Result<Vec<Setting>> {
    let wrong = |limit, reason| Err(Error::Limit { limit, cause: LimitFailure::Value { reason } });
    let Some(memory) = limits.memory else {
        return match limits.memory_swap {
            None | Some(-1) => Ok(Vec::new()),
            Some(_) => wrong("swap", "it takes a limit of the memory too"),
        };
    };
    if memory < LEAST_MEMORY {
        return wrong("memory", "the least is 6 MiB");
    }
    let setting = Setting::new("memory", "memory").one("memory.limit_in_bytes", &memory).two("memory.max", &memory);
    let swap = Setting { optional: limits.memory_swap.is_none(), ..Setting::new("swap", "memory") };
    let (total, file_of_one, file_of_two) = (limits.memory_swap, "memory.memsw.limit_in_bytes", "memory.swap.max");
    let swap = match total.map(u64::try_from) {
        Some(Err(_)) => swap.one(file_of_one, &-1).two(file_of_two, &"max"),
        Some(Ok(total)) if total < memory => {
            return wrong("swap", "the limit of memory and swap together is below that of memory");
        }
        Some(Ok(total)) => swap.one(file_of_one, &total).two(file_of_two, &(total - memory)),
        None => swap.one(file_of_one, &memory.saturating_mul(2)).two(file_of_two, &memory),
    };
    Ok(vec![setting, swap])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// `file=value` of each version.
    fn words(limits: &Limits) -> [String; 2] {
        let settings = of(limits).unwrap();
        let words = |files: fn(&Setting) -> &Vec<(&'static str, String)>| {
            let all: Vec<_> = settings.iter().flat_map(files).map(|(file, value)| format!("{file}={value}")).collect();
            all.join(", ")
        };
        [words(|setting| &setting.one), words(|setting| &setting.two)]
    }

    #[test]
    fn each_limit_is_written_in_the_words_of_its_version() {
        let none = Limits::default();
        for (limits, one, two) in [
            (
                Limits { memory: Some(8 << 20), ..none.clone() },
                "memory.limit_in_bytes=8388608, memory.memsw.limit_in_bytes=16777216",
                "memory.max=8388608, memory.swap.max=8388608",
            ),
            (
                Limits { memory: Some(8 << 20), memory_swap: Some(8 << 20), ..none.clone() },
                "memory.limit_in_bytes=8388608, memory.memsw.limit_in_bytes=8388608",
                "memory.max=8388608, memory.swap.max=0",
            ),
            (
                Limits { memory: Some(8 << 20), memory_swap: Some(-1), ..none.clone() },
                "memory.limit_in_bytes=8388608, memory.memsw.limit_in_bytes=-1",
                "memory.max=8388608, memory.swap.max=max",
            ),
            (Limits { cpu_shares: Some(1024), ..none.clone() }, "cpu.shares=1024", "cpu.weight=100"),
            (Limits { cpu_shares: Some(2), ..none.clone() }, "cpu.shares=2", "cpu.weight=1"),
            (Limits { cpu_quota: Some(50_000), ..none.clone() }, "cpu.cfs_quota_us=50000", "cpu.max=50000 100000"),
            (
                Limits { cpu_quota: Some(-1), cpu_period: Some(1000), ..none.clone() },
                "cpu.cfs_period_us=1000, cpu.cfs_quota_us=-1",
                "cpu.max=max 1000",
            ),
            (
                Limits { cpuset_cpus: Some("0-1".into()), pids: Some(9), ..none.clone() },
                "cpuset.cpus=0-1, pids.max=9",
                "cpuset.cpus=0-1, pids.max=9",
            ),
            (none, "", ""),
        ] {
            assert_eq!(words(&limits), [one, two]);
        }
    }

    #[test]
    fn limits_that_make_no_sense_are_refused() {
        for (memory, swap, words) in [
            (Some(4096), None, "cannot limit the memory: the least is 6 MiB"),
            (None, Some(1 << 30), "cannot limit the swap: it takes a limit of the memory too"),
            (
                Some(1 << 30),
                Some(1 << 20),
                "cannot limit the swap: the limit of memory and swap together is below that of memory",
            ),
        ] {
            let error = of(&Limits { memory, memory_swap: swap, ..Limits::default() }).unwrap_err();
            assert_eq!(error.to_string(), words);
        }
    }
}
