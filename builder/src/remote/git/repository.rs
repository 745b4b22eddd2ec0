//! The cache's bare repository of one source, and what is fetched into it: single commits, without their history.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Duration,
};

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};

use super::{
    Commit,
    command::{Git, Reach},
};
use crate::{cache::note_use, remote::RemoteError};

/// How long to wait before looking again whether another build has done with the repository.
const LOCK_INTERVAL: Duration = Duration::from_millis(50);

/// What git says when a server gives no single commit, or knows no shallow fetches: a reason to fetch more, not an end.
const REFUSALS: [&str; 4] = ["not our ref", "unadvertised object", "couldn't find remote ref", "shallow"];

/// Every branch and tag, under names that no fetch of a single commit touches.
const EVERYTHING: [&str; 2] = ["+refs/heads/*:refs/strata/heads/*", "+refs/tags/*:refs/strata/tags/*"];

/// The bare repository, which nobody else uses meanwhile.
pub(super) struct Repository<'a> {
    git: &'a Git<'a>,
    path: PathBuf,
    _lock: File,
}

/// Asks the server which commit a name means; without a name, which one its `HEAD` is.
pub(super) fn ask(git: &Git<'_>, name: Option<&str>) -> Result<Commit, RemoteError> {
    let candidates = match name {
        None | Some("HEAD") => vec!["HEAD".to_owned()],
        Some(name) if name.starts_with("refs/") => vec![name.to_owned()],
        // as git-checkout does: a branch goes before a tag
        Some(name) => vec![format!("refs/heads/{name}"), format!("refs/tags/{name}"), format!("refs/{name}")],
    };
    let mut arguments = vec!["ls-remote".to_owned(), "--quiet".into(), "--".into(), git.source.remote.clone()];
    for candidate in &candidates {
        arguments.extend([candidate.clone(), format!("{candidate}^{{}}")]);
    }
    let listed = git.run("list the refs of", &mut git.command(Reach::Source), arguments)?;
    let lines: Vec<(&str, &str)> = listed.lines().filter_map(|line| line.split_once('\t')).collect();
    let id_of = |wanted: &str| lines.iter().find(|(_, name)| *name == wanted).map(|(id, _)| *id);
    let found = candidates.iter().find_map(|name| {
        // what an annotated tag is about goes before the tag itself
        let id = id_of(&format!("{name}^{{}}")).or_else(|| id_of(name))?;
        super::source::is_full_id(id).then(|| Commit { id: id.to_owned(), reference: Some(name.clone()) })
    });
    found.ok_or_else(|| missing(git, name.unwrap_or("HEAD")))
}

fn missing(git: &Git<'_>, reference: &str) -> RemoteError {
    RemoteError::NoReference { repository: git.source.to_string(), reference: reference.to_owned() }
}

impl<'a> Repository<'a> {
    /// Opens the repository, making it when it is missing, and waits until no other build uses it.
    pub(super) fn open(git: &'a Git<'a>) -> Result<Self, RemoteError> {
        let key = blake3::hash(git.source.remote.as_bytes()).to_hex();
        let dir = git.fetcher.cache.join("git").join(key.as_str());
        fs::create_dir_all(&dir).map_err(RemoteError::local("make", &dir))?;
        let dir = fs::canonicalize(&dir).map_err(RemoteError::local("open", &dir))?;
        let lock = lock(git, &dir.join("lock"))?;
        note_use(&lock);
        let repository = Self { git, path: dir.join("repo"), _lock: lock };
        if !repository.path.exists() {
            repository.make()?;
        }
        Ok(repository)
    }

    /// Makes the repository beside its place, so that one that is there is whole.
    fn make(&self) -> Result<(), RemoteError> {
        let failed = || RemoteError::local("make", &self.path);
        let new = self.path.with_extension("new");
        for old in [&new, &self.path] {
            match fs::remove_dir_all(old) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed()(error)),
                _ => {}
            }
        }
        let mut command = self.git.command(Reach::Local);
        self.git.run("make a repository for", command.args(["init", "--quiet", "--bare", "--"]), [&new])?;
        fs::rename(&new, &self.path).map_err(failed())
    }

    fn command(&self, reach: Reach) -> Command {
        self.git.in_repository(reach, &self.path)
    }

    fn has(&self, id: &str) -> Result<bool, RemoteError> {
        let object = format!("{id}^{{commit}}");
        let said = self.git.ask(self.command(Reach::Local).args(["cat-file", "-e", &object]))?;
        Ok(said.status.success())
    }

    /// The whole name of a commit by its head: of all that branches and tags reach.
    pub(super) fn find(&self, head: &str) -> Result<String, RemoteError> {
        let object = format!("{head}^{{commit}}");
        let search = || {
            let mut command = self.command(Reach::Local);
            let said = self.git.ask(command.args(["rev-parse", "--verify", "--quiet", "--end-of-options", &object]))?;
            Ok(said.status.success().then(|| said.output.trim().to_owned()))
        };
        if let Some(id) = search()? {
            return Ok(id);
        }
        self.fetch_everything()?;
        search()?.ok_or_else(|| missing(self.git, head))
    }

    /// Fetches a commit, unless it is there: alone; or by its name, from a server that gives only what it has names for; or
    /// with everything else.
    pub(super) fn fetch(&self, commit: &Commit) -> Result<(), RemoteError> {
        if self.has(&commit.id)? {
            return Ok(());
        }
        for name in [Some(&commit.id), commit.reference.as_ref()].into_iter().flatten() {
            let said = self.fetch_with(&["--depth=1"], &[name])?;
            if said.status.success() {
                if self.has(&commit.id)? {
                    return Ok(());
                }
            } else if !REFUSALS.iter().any(|refusal| said.message.contains(refusal)) {
                return Err(self.git.failed("fetch", said));
            }
        }
        self.fetch_everything()?;
        if self.has(&commit.id)? { Ok(()) } else { Err(missing(self.git, &commit.id)) }
    }

    fn fetch_everything(&self) -> Result<(), RemoteError> {
        let is_shallow = self.path.join("shallow").exists();
        let options: &[&str] = if is_shallow { &["--unshallow"] } else { &[] };
        let said = self.fetch_with(options, &EVERYTHING)?;
        if said.status.success() { Ok(()) } else { Err(self.git.failed("fetch", said)) }
    }

    /// Fetches; when a killed build has left locks of git's in the repository, into a new one.
    fn fetch_with<S: AsRef<str>>(&self, options: &[&str], refspecs: &[S]) -> Result<super::command::Said, RemoteError> {
        let fetch = || {
            let mut command = self.command(Reach::Source);
            command.args(["fetch", "--quiet", "--force", "--no-tags", "--update-shallow"]).args(options);
            command.arg("--").arg(&self.git.source.remote).args(refspecs.iter().map(AsRef::as_ref));
            self.git.ask(&mut command)
        };
        let said = fetch()?;
        if said.status.success() || !said.message.contains("File exists") {
            return Ok(said);
        }
        self.make()?;
        fetch()
    }

    /// When a commit was made, in seconds since 1970.
    pub(super) fn time(&self, commit: &Commit) -> Result<i64, RemoteError> {
        let mut command = self.command(Reach::Local);
        command.args(["log", "-1", "--no-show-signature", "--format=%ct", "--end-of-options"]);
        let text = self.git.run("read the time of", &mut command, [&commit.id])?;
        // git writes a number; a commit that says nonsense is of 1970, as for git
        Ok(text.trim().parse().unwrap_or_default())
    }

    /// Puts the files of a commit into `root`, which is made. `scratch` holds what git needs for that and nobody afterwards.
    pub(super) fn check_out(
        &self,
        commit: &Commit,
        scratch: &Path,
        root: &Path,
        keeps_git: bool,
    ) -> Result<(), RemoteError> {
        let git = self.git;
        let git_dir = if keeps_git { root.join(".git") } else { scratch.join("git") };
        fs::create_dir(root).map_err(RemoteError::local("make", root))?;
        let command = |reach| {
            let mut command = git.in_repository(reach, &git_dir);
            command.env("GIT_WORK_TREE", root).current_dir(root);
            command
        };
        let run = |arguments: &[&str]| git.run("check out", &mut command(Reach::Local), arguments).map(drop);
        run(&["init", "--quiet"])?;
        // relative submodules are relative to it
        run(&["config", "remote.origin.url", &git.source.remote])?;
        if keeps_git {
            run(&["config", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*"])?;
            let mut fetch = command(Reach::Local);
            fetch.args(["fetch", "--quiet", "--depth=1", "--no-tags", "--"]).arg(&self.path);
            git.run("check out", &mut fetch, [&commit.id])?;
        } else {
            self.lend(&git_dir)?;
        }
        run(&["read-tree", "--reset", "-u", &commit.id])?;
        if git.source.submodules && fs::symlink_metadata(root.join(".gitmodules")).is_ok() {
            let arguments = ["submodule", "--quiet", "update", "--init", "--recursive", "--depth=1"];
            git.run("check out the submodules of", &mut command(Reach::Submodules), arguments)?;
        }
        if keeps_git {
            run(&["update-ref", "--no-deref", "HEAD", &commit.id])?;
            let named = commit.reference.as_deref();
            if let Some(name) = named.filter(|name| name.starts_with("refs/heads/") || name.starts_with("refs/tags/")) {
                run(&["update-ref", name, &commit.id])?;
            }
            let forget = |name: &str| fs::remove_file(git_dir.join(name));
            // an index made without looking at the files has none of their inodes and times in it
            forget("index").map_err(RemoteError::local("remove the index in", &git_dir))?;
            run(&["read-tree", &commit.id])?;
            forget("FETCH_HEAD").map_err(RemoteError::local("remove FETCH_HEAD in", &git_dir))?;
        }
        Ok(())
    }

    /// Lets another repository see our objects, where they lie.
    fn lend(&self, git_dir: &Path) -> Result<(), RemoteError> {
        let alternates = git_dir.join("objects/info/alternates");
        let lend = || {
            let objects = self.path.join("objects");
            fs::write(&alternates, [objects.as_os_str().as_encoded_bytes(), b"\n"].concat())?;
            let shallow = self.path.join("shallow");
            if shallow.exists() {
                fs::copy(shallow, git_dir.join("shallow"))?;
            }
            Ok::<_, io::Error>(())
        };
        lend().map_err(RemoteError::local("write", &alternates))
    }
}

/// Locks a file, without being deaf to the build's end.
fn lock(git: &Git<'_>, path: &Path) -> Result<File, RemoteError> {
    let failed = || RemoteError::local("lock", path);
    let file = File::options().create(true).truncate(false).write(true).open(path).map_err(failed())?;
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(Errno::WOULDBLOCK | Errno::INTR) => {}
            Err(errno) => return Err(failed()(errno.into())),
        }
        if git.fetcher.cancel.is_cancelled() {
            return Err(RemoteError::Cancelled { url: git.source.to_string() });
        }
        thread::sleep(LOCK_INTERVAL);
    }
}
