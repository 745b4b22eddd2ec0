//! The first process of a container, from its birth to its `execve`.
//!
//! It is a copy of one thread of a process that may have had many: another may have held the allocator's
//! lock, for ever. So everything here is direct kernel calls on what [`Plan`] holds; nothing allocates,
//! locks or panics. The order of the steps is that of runc and crun, with the places marked where
//! hooks and sysctls belong.

use std::{
    convert::Infallible,
    ffi::CStr,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use nix::sched::{CloneFlags, unshare};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{
        AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, StatVfsMountFlags, Uid, chownat, fstat, mkdirat, openat,
        openat2, statat, statvfs,
    },
    io::Errno,
    mount::{
        MountPropagationFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags, mount_change, move_mount, open_tree,
        unmount,
    },
    process::{
        Signal, chdir, chroot, fchdir, ioctl_tiocsctty, pivot_root, set_parent_process_death_signal, setrlimit, setsid,
        umask,
    },
    thread::{
        CapabilitySet, CapabilitySets, clear_ambient_capability_set, remove_capability_from_bounding_set,
        set_capabilities, set_thread_groups, set_thread_res_gid, set_thread_res_uid,
    },
};

use super::{
    failure::{At, Failure, HEAD, Program, Step, send},
    mounts::{PlannedMount, Source},
    plan::{Plan, Streams},
    private::EMPTY,
    requested::copy_of,
};
use crate::sys::{mount, process as sys, seccomp};

/// `#!` lines that lead from one script to the next: what the kernel follows (`fs/exec.c`).
const MAX_INTERPRETERS: usize = 5;

/// Bytes of a `#!` line that the kernel reads (`BINPRM_BUF_SIZE`).
const SCRIPT_LINE: usize = 256;

/// Where what must be attached somewhere is until the old root goes: any directory that every machine has.
const PRIVATE_AT: &CStr = c"/proc";

type Done = Result<(), Failure>;

/// Runs in the child: becomes the command, or reports why not and returns.
pub(super) fn run(plan: &Plan, mut report: BorrowedFd<'_>) {
    let mut program = Program::MISSING;
    let Err(failure) = become_command(plan, &mut report, &mut program);
    send(report, failure, &program);
}

fn become_command(plan: &Plan, report: &mut BorrowedFd<'_>, program: &mut Program) -> Result<Infallible, Failure> {
    sys::close_all_but(&plan.descriptors).at(Step::Descriptors)?;
    sys::reset_signals();
    die_with_parent(plan).at(Step::Parent)?;
    setsid().at(Step::Session)?;
    sys::leave_session_keyring();
    // before the cgroup namespace is made, whose root is where the process is then
    for entrance in &plan.groups_entrances {
        rustix::io::write(entrance, b"0").at(Step::Group)?;
    }
    if let Some(private) = &plan.private {
        own_mounts(plan, private.as_fd())?;
        // hooks: createContainer
        enter_root().at(Step::Pivot)?;
        rustix::system::sethostname(&plan.hostname).at(Step::Hostname)?;
    } else {
        change_root(plan).at(Step::Pivot)?;
    }
    take_streams(&plan.streams)?;
    if plan.loopback {
        sys::loopback_up().at(Step::Loopback)?;
    }
    // sysctls
    umask(Mode::from_raw_mode(0o022));
    let entered = enter_working_directory(plan);
    for candidate in &plan.candidates {
        refuse_magic_links(candidate, 0)?;
    }
    for (index, rlimit) in plan.rlimits.iter().enumerate() {
        setrlimit(rlimit.resource, rlimit.limit).at_item(Step::Rlimit, index)?;
    }
    // while there are the capabilities that it needs
    if let Some(filter) = plan.filter {
        seccomp::load(filter).at(Step::Filter)?;
    }
    become_user(plan)?;
    match entered {
        Ok(()) => {}
        Err(Errno::LOOP) => return Err(Errno::LOOP).at(Step::Outside),
        // root need not have access where the user has it: an NFS or FUSE mount
        Err(Errno::ACCESS | Errno::PERM) => change_directory(plan).at(Step::WorkingDirectory)?,
        Err(errno) => return Err(errno).at(Step::WorkingDirectory),
    }
    if !sys::working_directory_is_reachable().at(Step::WorkingDirectory)? {
        return Err(Errno::XDEV).at(Step::Outside);
    }
    // changing ids made the kernel forget it
    die_with_parent(plan).at(Step::Parent)?;
    // hooks: startContainer
    *report = sys::keep_streams_and(*report).at(Step::Descriptors)?;
    execute(plan, program)
}

/// Makes the kernel kill this process, and with it all of the container, when the thread that started it
/// ends. Fails when that was before now.
fn die_with_parent(plan: &Plan) -> Result<(), Errno> {
    end_with_parent(plan, Signal::KILL)
}

/// The same with another signal.
pub(super) fn end_with_parent(plan: &Plan, signal: Signal) -> Result<(), Errno> {
    set_parent_process_death_signal(Some(signal))?;
    let mut parent = [PollFd::new(&plan.parent, PollFlags::IN)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    match poll(&mut parent, Some(&now))? {
        0 => Ok(()),
        _ => Err(Errno::SRCH),
    }
}

/// A mount namespace of its own, the root filesystem in it, and everything mounted in that.
fn own_mounts(plan: &Plan, private: BorrowedFd<'_>) -> Done {
    unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWCGROUP)
        .map_err(|errno| Errno::from_raw_os_error(errno as i32))
        .at(Step::Unshare)?;
    // what the host unmounts must not stay busy here; what happens here never reaches the host
    let downstream = MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC;
    mount_change(c"/", downstream).at(Step::Propagation)?;

    // attached, so that its files can be cloned; it goes away with the old root, which it must not lie upon: each
    // unmount waits for all processors, for longer than all the rest of a start takes
    attach(private, PRIVATE_AT).at(Step::Root)?;
    let root = plan.root.as_fd();
    mount::set(root, plan.root_change).at(Step::Root)?;
    attach(root, c"/").at(Step::Root)?;
    for (index, mount) in plan.mounts.iter().enumerate() {
        match make_mount(private, root, mount) {
            Err(_) if mount.optional => {}
            result => result.at_item(Step::Mount, index)?,
        }
    }
    fchdir(root).at(Step::Pivot)
}

fn make_mount(private: BorrowedFd<'_>, root: BorrowedFd<'_>, planned: &PlannedMount) -> Result<(), Errno> {
    let target = beneath(root, &planned.target)?;
    let made;
    let tree = match &planned.source {
        Source::Detached(tree) => tree.as_fd(),
        Source::New(file_system) => {
            made = file_system.make_detached()?;
            made.as_fd()
        }
        Source::Part { whole, found, change } => {
            // it may be attached already, for another part of it; if it cannot be, there is no copy either
            let _ = attach(whole.as_fd(), PRIVATE_AT);
            made = copy_of(found.as_fd(), *change)?;
            made.as_fd()
        }
        Source::Private(name) => {
            made = clone_of(private, name)?;
            made.as_fd()
        }
        Source::Within(path) => {
            made = clone_of(beneath(root, path)?.as_fd(), c"")?;
            made.as_fd()
        }
        Source::Mask => {
            let mode = fstat(&target)?.st_mode;
            made = if FileType::from_raw_mode(mode) == FileType::Directory {
                clone_of(private, EMPTY)?
            } else {
                clone_of(beneath(root, c"dev/null")?.as_fd(), c"")?
            };
            made.as_fd()
        }
    };
    if planned.read_only {
        mount::set_read_only(tree)?;
    }
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(tree, c"", &target, c"", flags)
}

fn attach(tree: BorrowedFd<'_>, path: &CStr) -> Result<(), Errno> {
    move_mount(tree, c"", CWD, path, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
}

fn clone_of(directory: BorrowedFd<'_>, name: &CStr) -> Result<OwnedFd, Errno> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_EMPTY_PATH
        | OpenTreeFlags::AT_SYMLINK_NOFOLLOW;
    open_tree(directory, name, flags)
}

/// The plan's paths have no links, so any link on the way was put there since.
fn beneath(root: BorrowedFd<'_>, path: &CStr) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_SYMLINKS;
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat2(root, path, flags, Mode::empty(), resolve)
}

/// Makes the working directory, which is the new root, the root. That stacks the old one on it, which is let go with
/// all that is mounted in it, or `..` would lead there.
fn enter_root() -> Result<(), Errno> {
    pivot_root(c".", c".")?;
    unmount(c".", UnmountFlags::DETACH)?;
    chdir(c"/")
}

/// Makes a directory the root, where nothing can be mounted.
fn change_root(plan: &Plan) -> Result<(), Errno> {
    fchdir(&plan.root)?;
    chroot(c".")?;
    chdir(c"/")
}

fn take_streams(streams: &Streams) -> Done {
    if let Some(stdin) = &streams.stdin {
        rustix::stdio::dup2_stdin(stdin).at(Step::Streams)?;
    }
    if let Some(stdout) = &streams.stdout {
        rustix::stdio::dup2_stdout(stdout).at(Step::Streams)?;
    }
    if let Some(stderr) = &streams.stderr {
        rustix::stdio::dup2_stderr(stderr).at(Step::Streams)?;
    }
    match &streams.stdin {
        Some(terminal) if streams.terminal => ioctl_tiocsctty(terminal).at(Step::Terminal),
        _ => Ok(()),
    }
}

/// Enters the working directory, making it for the container's user where it is missing, as docker does.
fn enter_working_directory(plan: &Plan) -> Result<(), Errno> {
    match change_directory(plan) {
        Err(Errno::NOENT) => {}
        entered => return entered,
    }
    for directory in &plan.working_directory {
        match mkdirat(CWD, directory, Mode::from_raw_mode(0o755)) {
            Err(Errno::EXIST) => {}
            made => {
                made?;
                chownat(CWD, directory, Some(plan.uid), Some(plan.gid), AtFlags::SYMLINK_NOFOLLOW)?;
            }
        }
    }
    change_directory(plan)
}

/// Descriptors of ours are still open, so no magic link may lead to one of them (CVE-2024-21626).
fn change_directory(plan: &Plan) -> Result<(), Errno> {
    let Some(path) = plan.working_directory.last() else {
        return Ok(());
    };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    fchdir(openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_MAGICLINKS)?)
}

/// Until the `execve`, `/proc/self/exe` is our own program, outside the container. A command, or the
/// interpreter of a script, that leads there would run it inside, and could later write to it
/// (CVE-2019-5736); so nothing on the way to a program may be a magic link.
fn refuse_magic_links(path: &CStr, depth: usize) -> Done {
    let resolve = ResolveFlags::NO_MAGICLINKS;
    let look = OFlags::PATH | OFlags::CLOEXEC;
    let file = match openat2(CWD, path, look, Mode::empty(), resolve) {
        Err(Errno::LOOP) => return Err(Errno::LOOP).at(Step::MagicLink),
        // not here, or not to be reached: execve says so
        Err(_) => return Ok(()),
        Ok(file) => file,
    };
    let regular = |mode| FileType::from_raw_mode(mode) == FileType::RegularFile;
    if depth == MAX_INTERPRETERS || !fstat(&file).is_ok_and(|stat| regular(stat.st_mode)) {
        return Ok(());
    }
    let mut line = [0_u8; SCRIPT_LINE + 1];
    let read = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let Ok(script) = openat2(CWD, path, read, Mode::empty(), resolve) else {
        return Ok(());
    };
    let Some(buffer) = line.get_mut(..SCRIPT_LINE) else {
        return Ok(());
    };
    if rustix::io::read(&script, buffer).is_err() {
        return Ok(());
    }
    match interpreter(&mut line) {
        Some(interpreter) => refuse_magic_links(interpreter, depth + 1),
        None => Ok(()),
    }
}

/// The interpreter that a `#!` line names. `line` ends with a zero byte of its own.
fn interpreter(line: &mut [u8]) -> Option<&CStr> {
    let blanks = line.strip_prefix(b"#!")?.iter();
    let blanks = blanks.take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let name = line.get_mut(2 + blanks..)?;
    let end = name.iter().position(|byte| matches!(byte, b' ' | b'\t' | b'\n' | 0))?;
    *name.get_mut(end)? = 0;
    CStr::from_bytes_until_nul(name).ok().filter(|name| !name.is_empty())
}

/// Bounding set, groups, ids, then the other sets. Another user than root keeps none, as with docker.
fn become_user(plan: &Plan) -> Done {
    for number in 0..u64::BITS {
        let capability = CapabilitySet::from_bits_retain(1 << number);
        if !plan.bounds || plan.capabilities.contains(capability) {
            continue;
        }
        match remove_capability_from_bounding_set(capability) {
            // beyond the last that this kernel knows
            Err(Errno::INVAL) => break,
            result => result.at(Step::Bounding)?,
        }
    }
    if let Some(groups) = &plan.groups {
        set_thread_groups(groups).at(Step::Groups)?;
    }
    set_thread_res_gid(plan.gid, plan.gid, plan.gid).at(Step::Gid)?;
    set_thread_res_uid(plan.uid, plan.uid, plan.uid).at(Step::Uid)?;
    let kept = if plan.uid == Uid::ROOT { plan.capabilities } else { CapabilitySet::empty() };
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    set_capabilities(None, sets).at(Step::Capabilities)?;
    clear_ambient_capability_set().at(Step::Capabilities)
}

/// Tries the candidates in order, as `execvp` does.
fn execute(plan: &Plan, program: &mut Program) -> Result<Infallible, Failure> {
    let mut failure =
        Failure { step: Step::Execute, item: if plan.searched { u32::MAX } else { 0 }, errno: Errno::NOENT };
    for (index, candidate) in plan.candidates.iter().enumerate() {
        let errno = sys::execute(candidate, &plan.args, &plan.env);
        let exists = statat(CWD, candidate, AtFlags::empty());
        match errno {
            Errno::NOENT | Errno::NOTDIR if exists.is_err() && plan.searched => continue,
            _ => {}
        }
        failure.errno = errno;
        failure.item = u32::try_from(index).unwrap_or(u32::MAX);
        *program = look_at(candidate);
        // like a shell, go on to find one that can be executed
        if errno != Errno::ACCESS {
            break;
        }
    }
    Err(failure)
}

/// What the parent needs in order to say why a program could not be executed.
fn look_at(path: &CStr) -> Program {
    let mut program = Program::MISSING;
    if let Ok(stat) = statat(CWD, path, AtFlags::empty()) {
        program.mode = stat.st_mode;
    }
    if let Ok(stat) = statvfs(path) {
        program.no_exec = stat.f_flag.contains(StatVfsMountFlags::NOEXEC);
    }
    if FileType::from_raw_mode(program.mode) == FileType::RegularFile {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let mut head = [0_u8; HEAD];
        if let Ok(file) = openat(CWD, path, flags, Mode::empty())
            && let Ok(length) = rustix::io::read(&file, &mut head)
        {
            program.head = head;
            program.head_length = length;
        }
    }
    program
}
