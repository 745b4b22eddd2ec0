//! Where the machine's control groups are, and where in them this process is: `/proc/self/mountinfo` and
//! `/proc/self/cgroup` (cgroups(7)). Both versions may be there at once, each controller in one of them.

use std::{
    fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use super::{LimitFailure, settings::Setting};
use crate::{Error, Result};

/// A version of control groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    One,
    Two,
}

/// The mounted hierarchies.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Hierarchies {
    one: Vec<Hierarchy>,
    two: Option<Hierarchy>,
}

#[derive(Debug, PartialEq, Eq)]
struct Hierarchy {
    /// Where its uppermost group that can be seen is.
    root: PathBuf,
    /// The group of this process.
    own: PathBuf,
    controllers: Vec<String>,
}

impl Hierarchies {
    pub(super) fn find() -> Result<Self> {
        let read = |path: &str| fs::read_to_string(path).map_err(Error::kernel("read", path));
        let mut found = parse(&read("/proc/self/mountinfo")?, &read("/proc/self/cgroup")?);
        if let Some(two) = &mut found.two {
            // a system without v2 controllers has none of this file's words
            let controllers = fs::read_to_string(two.root.join("cgroup.controllers")).unwrap_or_default();
            two.controllers = controllers.split_whitespace().map(str::to_owned).collect();
        }
        Ok(found)
    }

    pub(super) fn version_of(&self, controller: &str) -> Option<Version> {
        let has = |hierarchy: &Hierarchy| hierarchy.controllers.iter().any(|name| name == controller);
        if self.two.as_ref().is_some_and(has) {
            return Some(Version::Two);
        }
        self.one.iter().any(has).then_some(Version::One)
    }

    fn of(&self, version: Version, controller: &str) -> Option<&Hierarchy> {
        let has = |hierarchy: &&Hierarchy| hierarchy.controllers.iter().any(|name| name == controller);
        match version {
            Version::One => self.one.iter().find(has),
            Version::Two => self.two.as_ref().filter(has),
        }
    }

    /// The group of this process in the hierarchy of a setting's controller.
    pub(super) fn directory(&self, version: Version, setting: &Setting) -> Result<PathBuf> {
        let missing = || setting.failed(LimitFailure::NoController { controller: setting.controller });
        self.of(version, setting.controller).map(|hierarchy| hierarchy.own.clone()).ok_or_else(missing)
    }

    /// Whether one group can have both settings.
    pub(super) fn are_together(&self, version: Version, a: &Setting, b: &Setting) -> bool {
        self.of(version, a.controller) == self.of(version, b.controller)
    }

    /// Makes a group of v2 near `own`, the group of this process, with the controllers of `settings`.
    ///
    /// A group that has processes cannot give controllers to groups beneath it, unless it is the root. So the new one
    /// stands beside our own, or above where that cannot be: where an ancestor has the controllers or takes them.
    pub(super) fn make_enabled(&self, own: &Path, name: &str, settings: &[&Setting]) -> Result<PathBuf> {
        let root = self.two.as_ref().map_or(own, |two| &two.root);
        let first = if own == root { own } else { own.parent().unwrap_or(root) };
        let made = make_with_controllers(first, name, settings);
        let mut above = first.ancestors().skip(1).take_while(|ancestor| ancestor.starts_with(root));
        made.or_else(|error| {
            above.find_map(|ancestor| make_with_controllers(ancestor, name, settings).ok()).ok_or(error)
        })
    }
}

fn make_with_controllers(parent: &Path, name: &str, settings: &[&Setting]) -> Result<PathBuf> {
    let enabled = fs::read_to_string(parent.join("cgroup.subtree_control")).unwrap_or_default();
    for setting in settings {
        if enabled.split_whitespace().any(|controller| controller == setting.controller) {
            continue;
        }
        fs::write(parent.join("cgroup.subtree_control"), format!("+{}", setting.controller))
            .map_err(|error| refused(setting, parent, error))?;
    }
    make_in(parent, name, settings)
}

/// Makes a group for `settings`.
pub(super) fn make_in(parent: &Path, name: &str, settings: &[&Setting]) -> Result<PathBuf> {
    let path = parent.join(name);
    match (fs::create_dir(&path), settings.first()) {
        (Ok(()), _) => Ok(path),
        (Err(error), Some(setting)) => Err(refused(setting, parent, error)),
        (Err(error), None) => Err(Error::kernel("make", path.display())(error)),
    }
}

fn refused(setting: &Setting, directory: &Path, error: io::Error) -> Error {
    let (controller, directory) = (setting.controller, directory.to_owned());
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            setting.failed(LimitFailure::Forbidden { controller, directory })
        }
        ErrorKind::ResourceBusy => setting.failed(LimitFailure::Busy { controller, directory }),
        // the group above does not give it
        ErrorKind::NotFound => setting.failed(LimitFailure::NoController { controller }),
        _ => Error::kernel("make a control group in", directory.display())(error),
    }
}

/// Reads the two files; the controllers of v2 are not in them.
fn parse(mountinfo: &str, cgroup: &str) -> Hierarchies {
    let mut found = Hierarchies::default();
    for mount in mountinfo.lines().filter_map(Mount::parse) {
        for line in cgroup.lines() {
            // hierarchy's number, its controllers, our group in it
            let mut fields = line.splitn(3, ':').skip(1);
            let (Some(controllers), Some(group)) = (fields.next(), fields.next()) else { continue };
            let controllers: Vec<String> =
                controllers.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
            let hierarchy = || {
                // a mount may show a part of the hierarchy, and a namespace hide where we are in it
                let below = Path::new(group).strip_prefix(mount.root).unwrap_or(Path::new(""));
                let own = if below.as_os_str().is_empty() { mount.point.clone() } else { mount.point.join(below) };
                Hierarchy { root: mount.point.clone(), own, controllers: controllers.clone() }
            };
            if mount.version == Version::Two && controllers.is_empty() {
                found.two.get_or_insert_with(hierarchy);
            } else if mount.version == Version::One
                && controllers.first().is_some_and(|name| mount.options.split(',').any(|option| option == name))
                && !found.one.iter().any(|known| known.controllers == controllers)
            {
                found.one.push(hierarchy());
            }
        }
    }
    found
}

/// A line of mountinfo that is about control groups (`proc_pid_mountinfo(5)`).
struct Mount<'a> {
    version: Version,
    root: &'a str,
    point: PathBuf,
    options: &'a str,
}

impl<'a> Mount<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (mount, file_system) = line.split_once(" - ")?;
        let mut fields = mount.split(' ').skip(3);
        let (root, point) = (fields.next()?, fields.next()?);
        let mut fields = file_system.split(' ');
        let version = match fields.next()? {
            "cgroup" => Version::One,
            "cgroup2" => Version::Two,
            _ => return None,
        };
        Some(Self { version, root, point: point.into(), options: fields.nth(1)? })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::process::{Limits, cgroup::settings};

    #[test]
    fn hybrid_hierarchies_are_found_with_the_group_of_this_process() {
        let mountinfo = "\
            30 25 0:26 / /sys/fs/cgroup tmpfs rw - tmpfs tmpfs rw,mode=755\n\
            31 30 0:27 / /sys/fs/cgroup/cpu rw,nosuid - cgroup cgroup rw,cpu,cpuacct\n\
            32 30 0:28 /machine /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
            33 30 0:29 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n\
            34 30 0:30 / /sys/fs/cgroup/unified rw shared:9 - cgroup2 cgroup2 rw\n\
            99 30 0:27 / /elsewhere rw,nosuid - cgroup cgroup rw,cpu,cpuacct\n";
        let cgroup = "4:memory:/machine/inner\n2:cpu,cpuacct:/\n1:name=systemd:/x\n0::/user.slice/one\n";
        let found = parse(mountinfo, cgroup);
        let two = found.two.as_ref().unwrap();
        assert_eq!((two.root.as_path(), two.own.as_path()), unified("user.slice/one"));
        for (controller, own) in [
            ("cpu", "/sys/fs/cgroup/cpu"),
            ("memory", "/sys/fs/cgroup/memory/inner"),
            ("cpuacct", "/sys/fs/cgroup/cpu"),
        ] {
            assert_eq!(found.version_of(controller), Some(Version::One));
            assert_eq!(found.of(Version::One, controller).unwrap().own, Path::new(own));
        }
        assert_eq!(found.version_of("pids"), None);
    }

    fn unified(own: &str) -> (&'static Path, &'static Path) {
        let root = Path::new("/sys/fs/cgroup/unified");
        (root, Box::leak(root.join(own).into_boxed_path()))
    }

    /// Directories and files in the shape of a hierarchy: what is chosen, not what the kernel makes of it.
    #[test]
    fn a_group_of_v2_is_made_beside_our_own_or_above() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        let own = root.join("slice/scope");
        fs::create_dir_all(&own).unwrap();
        let two = Hierarchy { root: root.into(), own: own.clone(), controllers: vec!["pids".into()] };
        let hierarchies = Hierarchies { one: Vec::new(), two: Some(two) };
        let limits = Limits { pids: Some(1), ..Limits::default() };
        let settings = settings::of(&limits).unwrap();
        let settings: Vec<_> = settings.iter().collect();

        // only the root gives the controller
        fs::write(root.join("cgroup.subtree_control"), "cpu pids\n").unwrap();
        fs::create_dir(root.join("slice/cgroup.subtree_control")).unwrap();
        let made = hierarchies.make_enabled(&own, "group", &settings).unwrap();
        assert_eq!(made, root.join("group"));

        fs::remove_dir(root.join("slice/cgroup.subtree_control")).unwrap();
        fs::write(root.join("slice/cgroup.subtree_control"), "").unwrap();
        let made = hierarchies.make_enabled(&own, "group", &settings).unwrap();
        assert_eq!(made, root.join("slice/group"));
        assert_eq!(fs::read_to_string(root.join("slice/cgroup.subtree_control")).unwrap(), "+pids");
    }
}
