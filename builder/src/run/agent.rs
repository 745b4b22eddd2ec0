//! `--mount=type=ssh`: a socket of the step's own that leads to the caller's agent, and is gone with the step.

use std::{
    fs::Permissions,
    io,
    net::Shutdown,
    os::{
        fd::AsFd as _,
        unix::{
            fs::{PermissionsExt as _, chown},
            net::{UnixListener, UnixStream},
        },
    },
    path::{Path, PathBuf},
    thread::JoinHandle,
};

use rustix::event::{PollFd, PollFlags, poll};
use tempfile::TempDir;

use crate::cancel::Cancel;

/// A forwarded agent; dropping it closes the socket.
pub(super) struct Forwarded {
    socket: PathBuf,
    stop: Cancel,
    listener: Option<JoinHandle<()>>,
    _directory: TempDir,
}

impl Forwarded {
    /// Where the socket is on the host.
    pub(super) fn socket(&self) -> &Path {
        &self.socket
    }
}

impl Drop for Forwarded {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(listener) = self.listener.take() {
            // it has nothing to say: a connection that broke is its peer's to notice
            let _ = listener.join();
        }
    }
}

/// Listens at a new socket with these permissions, and passes every connection on to the agent.
pub(super) fn forward(
    agent: &Path,
    partial: &Path,
    mode: u32,
    owner: (Option<u32>, Option<u32>),
) -> io::Result<Forwarded> {
    let directory = tempfile::Builder::new().prefix("agent-").tempdir_in(partial)?;
    let socket = directory.path().join("socket");
    // the path of a socket has 108 bytes at most, and a descriptor's is short
    let folder = std::fs::File::open(directory.path())?;
    let short = format!("/proc/self/fd/{}/socket", std::os::fd::AsRawFd::as_raw_fd(&folder));
    let listener = UnixListener::bind(short)?;
    std::fs::set_permissions(&socket, Permissions::from_mode(mode))?;
    chown(&socket, owner.0, owner.1)?;
    listener.set_nonblocking(true)?;
    let stop = Cancel::default();
    let (agent, switch) = (agent.to_owned(), stop.clone());
    let listener = std::thread::Builder::new().spawn(move || listen(&listener, &agent, &switch))?;
    Ok(Forwarded { socket, stop, listener: Some(listener), _directory: directory })
}

fn listen(listener: &UnixListener, agent: &Path, stop: &Cancel) {
    let Some(stopped) = stop.signal() else { return };
    std::thread::scope(|scope| {
        while !stop.is_cancelled() {
            let mut ready = [
                PollFd::from_borrowed_fd(listener.as_fd(), PollFlags::IN),
                PollFd::from_borrowed_fd(stopped, PollFlags::IN),
            ];
            if poll(&mut ready, None).is_err() {
                continue;
            }
            if let Ok((client, _)) = listener.accept() {
                scope.spawn(move || {
                    // a connection that fails is closed, which its client sees
                    let _ = connect(&client, agent, stop);
                });
            }
        }
    });
}

/// Passes bytes both ways until both sides have closed, or the step ends.
fn connect(client: &UnixStream, agent: &Path, stop: &Cancel) -> io::Result<()> {
    let agent = UnixStream::connect(agent)?;
    client.set_nonblocking(false)?;
    let stopped = stop.signal().ok_or(io::ErrorKind::Unsupported)?;
    let mut ways = vec![(client, &agent), (&agent, client)];
    let mut buffer = [0; 16 * 1024];
    while !ways.is_empty() {
        let watched = ways.iter().map(|(from, _)| from.as_fd()).chain([stopped]);
        let mut ready: Vec<PollFd<'_>> = watched.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
        match poll(&mut ready, None) {
            Err(rustix::io::Errno::INTR) => continue,
            result => result?,
        };
        if stop.is_cancelled() {
            return Ok(());
        }
        let ready: Vec<bool> = ready.iter().map(|fd| !fd.revents().is_empty()).collect();
        let mut open = Vec::new();
        for ((mut from, mut to), is_ready) in ways.into_iter().zip(ready) {
            if is_ready {
                let read = io::Read::read(&mut from, &mut buffer)?;
                if read == 0 {
                    to.shutdown(Shutdown::Write)?;
                    continue;
                }
                io::Write::write_all(&mut to, &buffer[..read])?;
            }
            open.push((from, to));
        }
        ways = open;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::{Read as _, Write as _};

    use super::*;

    #[test]
    fn what_either_side_says_reaches_the_other_and_the_socket_goes_with_the_step() {
        let dir = tempfile::tempdir().unwrap();
        let agent = UnixListener::bind(dir.path().join("agent")).unwrap();
        let server = std::thread::spawn(move || {
            let (mut client, _) = agent.accept().unwrap();
            let mut said = String::new();
            client.read_to_string(&mut said).unwrap();
            client.write_all(format!("heard {said}").as_bytes()).unwrap();
        });
        let forwarded = forward(&dir.path().join("agent"), dir.path(), 0o600, (None, None)).unwrap();
        let socket = forwarded.socket().to_owned();
        let mut client = UnixStream::connect(&socket).unwrap();
        client.write_all(b"a question").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "heard a question");
        server.join().unwrap();
        drop(forwarded);
        assert!(!socket.exists());
    }
}
