//! A program in a terminal of its own: what it writes, and when.
//!
//! An answer is over when the program has written something and then nothing more for `SILENCE`; its time is that of the
//! last byte. So nothing is known here of how a program draws.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    os::fd::OwnedFd,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use nix::pty::{OpenptyResult, Winsize, openpty};

/// How long nothing comes after an answer: a frame is written at once, and a program that is busy between two writes of
/// one frame would have to be so for longer than any frame takes.
const SILENCE: Duration = Duration::from_millis(60);
/// How long a program may be silent before it has answered.
const PATIENCE: Duration = Duration::from_secs(120);

/// The program and the other end of its terminal.
pub struct Terminal {
    child: Child,
    keys: File,
    written: Receiver<(Instant, Vec<u8>)>,
}

/// What a program wrote for one reason.
pub struct Answer {
    /// From the reason to the last byte.
    pub time: Duration,
    /// All of it.
    pub text: String,
}

impl Terminal {
    /// Starts a program in a terminal of that size; gives it with its first answer, whose time is counted from before the
    /// start of the process.
    ///
    /// # Errors
    /// When there are no terminals, or the program cannot be run, or writes nothing.
    pub fn start(command: &mut Command, columns: u16, rows: u16) -> Result<(Self, Answer)> {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let OpenptyResult { master, slave } = openpty(Some(&size), None)?;
        let output = File::from(master.try_clone()?);
        let (sender, written) = channel();
        thread::spawn(move || {
            let (mut output, mut buffer) = (output, vec![0; 1 << 16]);
            // the read fails when the program has gone
            while let Ok(length @ 1..) = output.read(&mut buffer) {
                if sender.send((Instant::now(), buffer[..length].to_vec())).is_err() {
                    return;
                }
            }
        });
        let ends: [OwnedFd; 3] = [slave.try_clone()?, slave.try_clone()?, slave];
        let [input, out, errors] = ends;
        command.env("TERM", "xterm-256color").env_remove("NO_COLOR").stdin(input).stdout(out).stderr(errors);
        let start = Instant::now();
        let child = command.spawn()?;
        // the terminal ends with the last process that has it, and the command would keep it
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut terminal = Self { child, keys: File::from(master), written };
        let answer = terminal.answer(start)?;
        Ok((terminal, answer))
    }

    /// Sends a key, as the bytes that a terminal sends for it, and waits for the answer.
    ///
    /// # Errors
    /// When the program does not answer.
    pub fn press(&mut self, key: &str) -> Result<Answer> {
        let start = Instant::now();
        self.keys.write_all(key.as_bytes())?;
        self.answer(start)
    }

    fn answer(&mut self, start: Instant) -> Result<Answer> {
        let mut bytes = Vec::new();
        let mut last = start;
        loop {
            let wait = if bytes.is_empty() { PATIENCE } else { SILENCE };
            match self.written.recv_timeout(wait) {
                Ok((at, more)) => {
                    last = at;
                    bytes.extend(more);
                }
                Err(_) if bytes.is_empty() => bail!("the program has nothing to say"),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        Ok(Answer { time: last - start, text: String::from_utf8_lossy(&bytes).into_owned() })
    }

    /// Sends a last key and waits for the end of the program.
    ///
    /// # Errors
    /// When it does not end well.
    pub fn leave(mut self, key: &str) -> Result<()> {
        self.keys.write_all(key.as_bytes())?;
        let status = self.child.wait()?;
        if !status.success() {
            bail!("the program ended with {status}");
        }
        Ok(())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // one that has ended already cannot be killed
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
