//! A command that goes on until something ends it, and its lines as they come.

use std::io::{BufRead, BufReader};
use std::process::Child;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::Test;

/// The binary as it runs.
pub struct Following {
    /// Its folder lives as long as it does.
    _test: Test,
    child: Child,
    lines: Receiver<String>,
}

impl Following {
    /// Starts it.
    pub fn start(test: Test) -> Self {
        let mut child = test.spawn();
        let (sender, lines) = channel();
        let stdout = child.stdout.take().expect("a pipe");
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Following {
            _test: test,
            child,
            lines,
        }
    }

    /// Starts it for a reader that goes away at once. Exit code and standard error.
    pub fn unread(test: &Test) -> (i32, String) {
        let mut child = test.spawn();
        drop(child.stdout.take());
        ended(child)
    }

    /// Reads on until a line has this in it.
    pub fn until(&self, words: &str) -> Vec<String> {
        let mut seen = Vec::new();
        while !seen.last().is_some_and(|line: &String| line.contains(words)) {
            match self.lines.recv_timeout(Duration::from_secs(60)) {
                Ok(line) => seen.push(line),
                Err(_) => panic!("no {words} in {seen:#?}"),
            }
        }
        seen
    }

    /// All lines until it ends.
    pub fn rest(&self) -> Vec<String> {
        self.lines.iter().collect()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).expect("a process id");
        kill(Pid::from_raw(pid), signal).expect("signalled");
    }

    /// Exit code and standard error.
    pub fn end(self) -> (i32, String) {
        ended(self.child)
    }
}

fn ended(child: Child) -> (i32, String) {
    let ended = child.wait_with_output().expect("it ends");
    (
        ended.status.code().unwrap_or(-1),
        String::from_utf8_lossy(&ended.stderr).into_owned(),
    )
}
