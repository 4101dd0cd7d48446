//! A terminal to run the binary in.

use regex::Regex;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nix::fcntl::OFlag;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::Test;

/// How long a run may take: one that waits for an answer in vain is ended then, and its test fails.
const PATIENCE: Duration = Duration::from_secs(300);

/// What became of a run in a terminal.
pub struct Seen {
    pub code: i32,
    /// Everything that the terminal was sent.
    pub said: String,
    /// What stood on the screen when each question was found.
    pub screens: Vec<String>,
    /// Whether the terminal's settings are what they were before: raw mode left.
    pub restored: bool,
}

/// Runs the binary in a terminal so many columns wide, and gives each answer when its question is asked. Its exit code,
/// and everything that the terminal was sent.
pub fn in_a_terminal(test: &Test, columns: u16, answers: &[(&str, &str)]) -> (i32, String) {
    let seen = in_a_terminal_of(test, (columns, 50), answers, |_| ());
    (seen.code, seen.said)
}

/// The same in a terminal of so many columns and rows, where a question may also be found on the screen, however it was
/// put there. `watch` is told the process's id once the last answer is given; at once, where there is nothing to answer.
pub fn in_a_terminal_of(
    test: &Test,
    (columns, rows): (u16, u16),
    answers: &[(&str, &str)],
    mut watch: impl FnMut(i32),
) -> Seen {
    let size = nix::pty::Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    let (mut terminal, slave) = open(&size);
    let before = nix::sys::termios::tcgetattr(&terminal).expect("its settings");
    let mut command = test.command();
    let end = || Stdio::from(slave.try_clone().expect("the terminal"));
    command.env("TERM", "xterm").stdin(end()).stdout(end()).stderr(end());
    // A session of its own, with this as its terminal: so that Ctrl-C is a signal.
    // SAFETY: both calls are fit for the time between fork and exec.
    unsafe {
        command.pre_exec(|| {
            nix::unistd::setsid()?;
            nix::errno::Errno::result(nix::libc::ioctl(0, nix::libc::TIOCSCTTY as _, 0))?;
            Ok(())
        });
    }
    let mut child = command.spawn().expect("qfleet runs");
    // Only the child holds the terminal now, so that its end is seen.
    drop(command);
    drop(slave);
    let some = |size| std::num::NonZero::new(size).expect("a terminal has a size");
    let mut said = String::new();
    let mut screen = vt100::Parser::new(some(rows), some(columns), 0);
    let mut screens = Vec::new();
    let mut from = 0;
    let mut answers = answers.iter();
    let mut next = answers.next();
    let mut buffer = [0; 4096];
    let pid = i32::try_from(child.id()).expect("a process id");
    let (ended, end) = mpsc::channel::<()>();
    thread::spawn(move || {
        if end.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    });
    if next.is_none() {
        watch(pid);
    }
    // Reading fails once the child has closed its end.
    while let Ok(length @ 1..) = terminal.read(&mut buffer) {
        said.push_str(&String::from_utf8_lossy(&buffer[..length]));
        screen.process(&buffer[..length]);
        let shown = screen.screen().contents();
        if let Some((question, answer)) = next
            && let Some(end) = said[from..]
                .find(question)
                .map(|at| from + at + question.len())
                .or_else(|| shown.contains(question).then_some(said.len()))
        {
            terminal.write_all(&bytes(answer)).expect("answered");
            from = end;
            screens.push(shown);
            next = answers.next();
            if next.is_none() {
                watch(pid);
            }
        }
    }
    let code = child.wait().expect("it ends").code().unwrap_or(-1);
    drop(ended);
    assert!(next.is_none(), "not asked: {next:?}\n{said}");
    let after = nix::sys::termios::tcgetattr(&terminal).expect("its settings");
    Seen {
        code,
        said,
        screens,
        restored: before.local_flags == after.local_flags && before.input_flags == after.input_flags,
    }
}

/// What is typed: U+FFFD for a byte that is no character.
fn bytes(answer: &str) -> Vec<u8> {
    let of = |char: char| match char {
        char::REPLACEMENT_CHARACTER => vec![0xff],
        char => char.to_string().into_bytes(),
    };
    answer.chars().flat_map(of).collect()
}

/// A terminal, and its end for a process. Both are closed in every process that is started meanwhile by another test: as
/// long as one has the terminal, it isn't seen to end. `openpty` can't do that.
fn open(size: &nix::pty::Winsize) -> (File, File) {
    let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let master = nix::pty::posix_openpt(flags).expect("a terminal");
    nix::pty::grantpt(&master).expect("granted");
    nix::pty::unlockpt(&master).expect("unlocked");
    let name = nix::pty::ptsname_r(&master).expect("its name");
    // The standard library's files are closed so, too.
    let slave = File::options()
        .read(true)
        .write(true)
        .custom_flags(OFlag::O_NOCTTY.bits())
        .open(name)
        .expect("its other end");
    let master = File::from(OwnedFd::from(master));
    // SAFETY: the terminal is open, and the size is one.
    let set = unsafe { nix::libc::ioctl(master.as_raw_fd(), nix::libc::TIOCSWINSZ as _, size) };
    nix::errno::Errno::result(set).expect("its size");
    (master, slave)
}

/// Everything that lets a terminal move, colour and erase.
pub fn without_control(text: &str) -> String {
    let sequences = Regex::new("\x1b\\[[0-9;?]*[A-Za-z]").expect("a regular expression");
    sequences.replace_all(text, "").into_owned()
}
