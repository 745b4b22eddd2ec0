//! Users and groups of a container: `USER`, `-u` and `--chown`, looked up in the image's own `/etc/passwd` and
//! `/etc/group`.
//!
//! The files are the image's, so they may be anything: they are opened beneath the root filesystem, must be
//! regular, and are read up to a limit; lines that are no entries are passed over, and numbers are
//! strict: an entry with a damaged id is an error, never id 0 (CVE-2026-30892).

use std::{fmt, os::fd::BorrowedFd};

use crate::{Error, Result, beneath};

/// The largest `/etc/passwd` or `/etc/group` that is read: the limit that `BuildKit` has.
const MAX_FILE: u64 = 10 * 1024 * 1024;

/// The largest user or group ID: beyond, programs that keep ids in signed 32-bit numbers break, and
/// 4294967295 means "unchanged" to the kernel. moby has the same limit.
const MAX_ID: u32 = i32::MAX.cast_unsigned();

/// Who a process runs as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The user ID.
    pub uid: u32,
    /// The primary group ID.
    pub gid: u32,
    /// Supplementary group IDs; the process has the primary one among its groups too.
    pub groups: Vec<u32>,
    /// The home directory that `/etc/passwd` has for the user ID; `/` when it has none.
    pub home: String,
}

/// Root, without supplementary groups.
impl Default for User {
    fn default() -> Self {
        Self { uid: 0, gid: 0, groups: Vec::new(), home: "/".to_owned() }
    }
}

/// What is wrong with the text of a user or group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UserFailure {
    /// No such name in `/etc/passwd`.
    NoSuchUser,
    /// No such name in `/etc/group`.
    NoSuchGroup,
    /// The number is beyond 2147483647.
    OutOfRange,
    /// The entry of that name has no valid number.
    DamagedEntry,
    /// There is a second colon.
    Malformed,
}

impl fmt::Display for UserFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSuchUser => "no matching entries in the image's /etc/passwd",
            Self::NoSuchGroup => "no matching entries in the image's /etc/group",
            Self::OutOfRange => "ids are numbers from 0 to 2147483647",
            Self::DamagedEntry => "its entry in the image has no valid number",
            Self::Malformed => "it is not of the form user, user:group or :group",
        })
    }
}

/// Looks up `name`, `number`, either with `:group`, as `USER` and `run -u` mean them; the empty text is root.
///
/// A user that `/etc/passwd` has brings its primary group, and, unless a group is named, all groups that list it
/// in `/etc/group`. A number that it has not is that user with group 0.
///
/// # Errors
/// [`Error::User`] for unknown names and numbers out of range; a file that cannot be read.
pub fn resolve(root: BorrowedFd<'_>, text: &str) -> Result<User> {
    let failed = |cause| failure(text, cause);
    let files: ReadFile<'_> = &mut |path, limit| beneath::read_small_file(root, path, limit);
    let (user, group) = split(text).map_err(failed)?;
    let passwd = Passwd(read(files, b"etc/passwd")?);
    let wanted = if user.is_empty() { Wanted::Id(0) } else { Wanted::new(user).map_err(failed)? };
    let entry = passwd.find(wanted).map_err(failed)?;
    let mut found = match (entry, wanted) {
        (Some(entry), _) => User { uid: entry.uid, gid: entry.gid, groups: Vec::new(), home: entry.home.to_owned() },
        (None, Wanted::Id(uid)) => User { uid, ..User::default() },
        (None, Wanted::Name(_)) => return Err(failed(UserFailure::NoSuchUser)),
    };
    match (group, entry) {
        (Some(group), _) => found.gid = group_id(files, group).map_err(|error| error.about(text))?,
        (None, Some(entry)) => {
            found.groups = Groups(read(files, b"etc/group")?).of_member(entry.name);
        }
        (None, None) => {}
    }
    Ok(found)
}

/// Looks up what `--chown` names: `name` brings its primary group, a number is user and group alike, `:group` is
/// root with that group.
///
/// # Errors
/// As [`resolve`].
pub fn resolve_owner(root: BorrowedFd<'_>, text: &str) -> Result<(u32, u32)> {
    resolve_owner_in(&mut |path, limit| beneath::read_small_file(root, path, limit), text)
}

/// Reads a file of an image, of a path below its root and at most so many bytes; `None` when there is none.
pub type ReadFile<'r> = &'r mut dyn FnMut(&[u8], u64) -> Result<Option<Vec<u8>>>;

/// The same in an image that is not mounted.
///
/// # Errors
/// As [`resolve`].
pub fn resolve_owner_in(files: ReadFile<'_>, text: &str) -> Result<(u32, u32)> {
    let failed = |cause| failure(text, cause);
    let (user, group) = split(text).map_err(failed)?;
    let (uid, own_group) = match Wanted::new(user).map_err(failed)? {
        Wanted::Name("") => (0, 0),
        Wanted::Id(uid) => (uid, uid),
        wanted @ Wanted::Name(name) => {
            let passwd = Passwd(read(files, b"etc/passwd")?);
            match passwd.find(wanted).map_err(failed)? {
                Some(entry) => (entry.uid, entry.gid),
                // an image without any names still has root
                None if name == "root" => (0, 0),
                None => return Err(failed(UserFailure::NoSuchUser)),
            }
        }
    };
    let gid = match group.map(|group| group_id(files, group)) {
        Some(Err(GroupError::Failure(UserFailure::NoSuchGroup))) if group == Some("root") => 0,
        Some(gid) => gid.map_err(|error| error.about(text))?,
        None => own_group,
    };
    Ok((uid, gid))
}

/// The user and, when there is a colon, the group. `user:` means `user`, as for moby.
fn split(text: &str) -> Result<(&str, Option<&str>), UserFailure> {
    match text.split_once(':') {
        None => Ok((text, None)),
        Some((user, "")) => Ok((user, None)),
        Some((_, group)) if group.contains(':') => Err(UserFailure::Malformed),
        Some((user, group)) => Ok((user, Some(group))),
    }
}

/// A user or group as it is asked for. What looks like a number is one, even if there is such a name
/// (CVE-2016-3697).
#[derive(Clone, Copy)]
enum Wanted<'a> {
    Id(u32),
    Name(&'a str),
}

impl<'a> Wanted<'a> {
    fn new(text: &'a str) -> Result<Self, UserFailure> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(Self::Name(text));
        }
        id(text).map(Self::Id).ok_or(UserFailure::OutOfRange)
    }
}

/// A decimal number without sign or blanks, in range.
fn id(text: &str) -> Option<u32> {
    let strict = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|id| strict && *id <= MAX_ID)
}

/// A failure that wants the whole text that was asked for.
enum GroupError {
    Failure(UserFailure),
    Other(Error),
}

impl GroupError {
    fn about(self, text: &str) -> Error {
        match self {
            Self::Failure(cause) => failure(text, cause),
            Self::Other(error) => error,
        }
    }
}

fn group_id(files: ReadFile<'_>, group: &str) -> Result<u32, GroupError> {
    match Wanted::new(group).map_err(GroupError::Failure)? {
        Wanted::Id(gid) => Ok(gid),
        Wanted::Name(name) => {
            let groups = Groups(read(files, b"etc/group").map_err(GroupError::Other)?);
            match groups.find(name).map_err(GroupError::Failure)? {
                Some(gid) => Ok(gid),
                None => Err(GroupError::Failure(UserFailure::NoSuchGroup)),
            }
        }
    }
}

fn failure(text: &str, cause: UserFailure) -> Error {
    Error::User { text: text.to_owned(), cause }
}

/// The text of a file of the image; empty when there is none.
fn read(files: ReadFile<'_>, path: &[u8]) -> Result<String> {
    let bytes = files(path, MAX_FILE)?.unwrap_or_default();
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// passwd(5): `name:password:uid:gid:comment:home:shell`.
struct Passwd(String);

#[derive(Clone, Copy)]
struct PasswdEntry<'a> {
    name: &'a str,
    uid: u32,
    gid: u32,
    home: &'a str,
}

impl Passwd {
    /// The first entry that matches. One that matches by name must be whole.
    fn find(&self, wanted: Wanted<'_>) -> Result<Option<PasswdEntry<'_>>, UserFailure> {
        for line in entries(&self.0) {
            let fields: Vec<&str> = line.split(':').collect();
            let &[name, _, uid, gid, ref rest @ ..] = fields.as_slice() else {
                continue;
            };
            let home = rest.get(1).copied().filter(|home| !home.is_empty());
            let entry =
                id(uid).zip(id(gid)).map(|(uid, gid)| PasswdEntry { name, uid, gid, home: home.unwrap_or("/") });
            match (wanted, entry) {
                (Wanted::Name(wanted), entry) if wanted == name => {
                    return entry.ok_or(UserFailure::DamagedEntry).map(Some);
                }
                (Wanted::Id(wanted), Some(entry)) if wanted == entry.uid => return Ok(Some(entry)),
                _ => {}
            }
        }
        Ok(None)
    }
}

/// group(5): `name:password:gid:member,member`.
struct Groups(String);

impl Groups {
    fn find(&self, wanted: &str) -> Result<Option<u32>, UserFailure> {
        let found = self.parsed().find(|(name, _, _)| *name == wanted);
        found.map(|(_, gid, _)| id(gid).ok_or(UserFailure::DamagedEntry)).transpose()
    }

    /// The groups that list a user, in the file's order. A damaged one gives no membership.
    fn of_member(&self, user: &str) -> Vec<u32> {
        let listed = self.parsed().filter(|(_, _, members)| members.split(',').any(|member| member.trim() == user));
        let mut groups = Vec::new();
        for gid in listed.filter_map(|(_, gid, _)| id(gid)) {
            if !groups.contains(&gid) {
                groups.push(gid);
            }
        }
        groups
    }

    fn parsed(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        entries(&self.0).filter_map(|line| {
            let mut fields = line.splitn(4, ':');
            let (name, _, gid) = (fields.next()?, fields.next()?, fields.next()?);
            Some((name, gid, fields.next().unwrap_or_default()))
        })
    }
}

fn entries(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests;
