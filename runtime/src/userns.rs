//! Becoming root of a user namespace of one's own, for who is not root.
//!
//! ```text
//! /etc/subuid, /etc/subgid ─► ranges ─► unshare(user, mount) ─► newuidmap, newgidmap ─► uid 0, gid 0
//!                               └ none ─► unshare(user, mount) ─► the own id as 0 ───────┘
//! ```

use std::{
    env, fs,
    io::{self, Read, Write},
    process::{self, Command},
};

use nix::{
    sched::{CloneFlags, unshare},
    unistd::{Gid, Uid, User, getegid, geteuid, setresgid, setresuid},
};

use crate::{
    Error, Result,
    sys::userns::{Forked, fork_single_threaded},
};

/// The count of the one line that the first user namespace has in its maps.
const EVERY_ID: u32 = u32::MAX;

/// The programs that map ids which are not one's own, for users and for groups.
const MAPPERS: [&str; 2] = ["newuidmap", "newgidmap"];

/// What this process may do about owners.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ids {
    /// Root, with every id there is.
    All,
    /// Root of a user namespace that has this many ids beside the first.
    Subordinate(u32),
    /// A single id: every other owner is impossible.
    Single,
}

/// Ids outside, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    start: u32,
    count: u32,
}

/// Makes this process root: of the machine if it is that already, else of a new user namespace.
///
/// To be called first thing in `main` by commands that mount, unpack or run, while the process has a single thread. The
/// process ID stays. In the new namespace the own id is 0, and the ids that `/etc/subuid` and `/etc/subgid` give are
/// 1 and up (subuid(5); `newuidmap` and `newgidmap` set them). Without these there is the single id, and supplementary
/// groups cannot be changed (`user_namespaces(7)`).
///
/// # Errors
/// The kernel may forbid user namespaces; `newuidmap` may refuse what `/etc/subuid` says.
pub fn enter() -> Result<Ids> {
    let (uid, gid) = (geteuid(), getegid());
    if uid.is_root() {
        return Ok(ids());
    }
    match subordinate_ranges(uid)? {
        Some([uids, gids]) => {
            unshare_with_mappers(&[id_map(uid.as_raw(), &uids), id_map(gid.as_raw(), &gids)])?;
        }
        None => unshare_with_single_id(uid, gid)?,
    }
    let failed = "become root of the user namespace of";
    setresgid(Gid::from_raw(0), Gid::from_raw(0), Gid::from_raw(0)).map_err(Error::kernel(failed, gid))?;
    setresuid(Uid::from_raw(0), Uid::from_raw(0), Uid::from_raw(0)).map_err(Error::kernel(failed, uid))?;
    Ok(ids())
}

/// What can be seen in `/proc/self/uid_map` and `gid_map`: what [`enter`] made, or who started us.
pub fn ids() -> Ids {
    let mapped = |name| fs::read_to_string(name).map_or(EVERY_ID, |map| mapped_ids(&map));
    match mapped("/proc/self/uid_map").min(mapped("/proc/self/gid_map")) {
        EVERY_ID => Ids::All,
        0 | 1 => Ids::Single,
        count => Ids::Subordinate(count - 1),
    }
}

/// Ids that a map of `/proc` has (`user_namespaces(7)`: inside, outside, count).
fn mapped_ids(map: &str) -> u32 {
    let counts = map.lines().filter_map(|line| line.split_whitespace().nth(2)?.parse::<u32>().ok());
    counts.fold(0, u32::saturating_add)
}

/// The ids that this user may use beside the own, where the files give some and the programs that map them are there.
fn subordinate_ranges(uid: Uid) -> Result<Option<[Vec<Range>; 2]>> {
    // the programs refuse who has no name
    let user = User::from_uid(uid).map_err(Error::kernel("look up", format_args!("user {uid}")))?;
    let Some(User { name, .. }) = user else {
        return Ok(None);
    };
    let read = |path| fs::read_to_string(path).map(|text| ranges_of(&text, &name, uid.as_raw()));
    let (Ok(uids), Ok(gids)) = (read("/etc/subuid"), read("/etc/subgid")) else {
        return Ok(None);
    };
    let usable = !uids.is_empty() && !gids.is_empty() && MAPPERS.iter().all(|program| is_installed(program));
    Ok(usable.then_some([uids, gids]))
}

/// Lines of subuid(5), `USER:START:COUNT`, where the user is given by name or by number.
fn ranges_of(text: &str, name: &str, uid: u32) -> Vec<Range> {
    let range = |line: &str| {
        let mut fields = line.trim().splitn(3, ':');
        let owner = fields.next()?;
        let (start, count) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        let ours = owner == name || owner.parse() == Ok(uid);
        (ours && count > 0).then_some(Range { start, count })
    };
    text.lines().filter_map(range).collect()
}

fn is_installed(program: &str) -> bool {
    env::var_os("PATH").is_some_and(|path| env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}

/// The arguments of `newuidmap` and `newgidmap`: triples of inside, outside, count.
fn id_map(own: u32, ranges: &[Range]) -> Vec<String> {
    let mut inside = 1_u32;
    let mut map = vec![0, own, 1];
    for range in ranges {
        map.extend([inside, range.start, range.count]);
        inside = inside.saturating_add(range.count);
    }
    map.iter().map(ToString::to_string).collect()
}

/// Unshares, while a copy of this process that stays outside waits to run the programs that map ids.
fn unshare_with_mappers(maps: &[Vec<String>; 2]) -> Result<()> {
    const OBJECT: &str = "the helper that maps the ids of a user namespace";
    let parent = process::id().to_string();
    let (mut wait_end, mut go_end) = io::pipe().map_err(Error::kernel("make a pipe for", OBJECT))?;
    match fork_single_threaded().map_err(Error::kernel("fork", OBJECT))? {
        Forked::Child => {
            drop(go_end);
            // the end of the pipe without a byte: there is no namespace to map
            let go = wait_end.read_exact(&mut [0]).is_ok();
            process::exit(if go { run_mappers(&parent, maps) } else { 0 })
        }
        Forked::Parent(helper) => {
            drop(wait_end);
            let unshared = unshare_namespaces();
            if unshared.is_ok() {
                go_end.write_all(&[1]).map_err(Error::kernel("wake", OBJECT))?;
            }
            drop(go_end);
            let status = helper.wait().map_err(Error::kernel("wait for", OBJECT))?;
            unshared?;
            match status {
                Some(0) => Ok(()),
                Some(2) => Err(Error::IdMapping { program: MAPPERS[1] }),
                _ => Err(Error::IdMapping { program: MAPPERS[0] }),
            }
        }
    }
}

/// 0, or the place in [`MAPPERS`], from 1, of the program that failed.
fn run_mappers(parent: &str, maps: &[Vec<String>; 2]) -> i32 {
    let ran = |(program, map): (&str, &Vec<String>)| {
        Command::new(program).arg(parent).args(map).status().is_ok_and(|status| status.success())
    };
    let mut steps = MAPPERS.into_iter().zip(maps).zip(1..);
    steps.find_map(|(step, place)| (!ran(step)).then_some(place)).unwrap_or(0)
}

fn unshare_with_single_id(uid: Uid, gid: Gid) -> Result<()> {
    unshare_namespaces()?;
    let write = |path, text: String| fs::write(path, text).map_err(Error::kernel("write", path));
    write("/proc/self/setgroups", "deny".to_owned())?;
    write("/proc/self/gid_map", format!("0 {gid} 1"))?;
    write("/proc/self/uid_map", format!("0 {uid} 1"))
}

fn unshare_namespaces() -> Result<()> {
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS)
        .map_err(Error::kernel("make", "a user namespace, which this needs for who is not root"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn ranges_are_found_by_name_and_by_number() {
        let text = "root:1:2\nann:100000:65536\n1000:300000:10\n10000:7:7\nann:broken\n# ann:1:1\nann:5:0\n";
        let ours = [Range { start: 100_000, count: 65_536 }, Range { start: 300_000, count: 10 }];
        assert_eq!(ranges_of(text, "ann", 1000), ours);
        assert_eq!(ranges_of(text, "bob", 1000), ours[1..]);
        assert_eq!(ranges_of(text, "bob", 1), []);
    }

    #[test]
    fn ranges_lie_one_after_the_other_inside() {
        let ranges = [Range { start: 100_000, count: 65_536 }, Range { start: 300_000, count: 10 }];
        assert_eq!(id_map(1000, &ranges).join(" "), "0 1000 1 1 100000 65536 65537 300000 10");
    }

    #[test]
    fn a_map_is_counted() {
        for (map, count) in [
            ("         0          0 4294967295\n", u32::MAX),
            ("0 1000 1\n1 100000 65536\n", 65_537),
            ("0 1000 1\n", 1),
            ("", 0),
        ] {
            assert_eq!(mapped_ids(map), count, "{map:?}");
        }
    }
}
