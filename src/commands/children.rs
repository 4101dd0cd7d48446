//! Processes that this one started and that must not outlive it: a program's `build`, cfn-lint, and a profile's
//! `credential_process` that never ends. The SDK starts that one, and leaves it when it isn't waited for any more.

use std::fs;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpgrp, getpid};

/// A process, its parent and its group.
#[derive(Debug, Clone, Copy)]
struct Process {
    pid: i32,
    parent: i32,
    group: i32,
}

/// Sends SIGTERM to what this process started, and to what that started. What may outlive it, as the emulator and workers,
/// has a process group of its own.
pub fn end() {
    signal(Signal::SIGTERM);
}

/// The same with what doesn't end by SIGTERM.
pub fn kill_all() {
    signal(Signal::SIGKILL);
}

fn signal(signal: Signal) {
    let (own, group) = (getpid().as_raw(), getpgrp().as_raw());
    for pid in descendants(own, group, &all()) {
        // It may have ended meanwhile.
        let _ = kill(Pid::from_raw(pid), signal);
    }
}

fn descendants(of: i32, group: i32, all: &[Process]) -> Vec<i32> {
    let mut found = vec![of];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        let children = all
            .iter()
            .filter(|one| one.parent == parent && one.group == group && one.pid != parent);
        found.extend(children.map(|one| one.pid));
        next += 1;
    }
    found.split_off(1)
}

/// Every process that may be seen.
fn all() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return listed();
    };
    let stat = |name: &std::ffi::OsStr| {
        let pid = name.to_str()?.parse().ok()?;
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // <https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html>: pid (name) state parent group …
        let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(1);
        let mut number = || fields.next()?.parse().ok();
        Some(Process {
            pid,
            parent: number()?,
            group: number()?,
        })
    };
    entries.flatten().filter_map(|entry| stat(&entry.file_name())).collect()
}

/// The same where there is no /proc.
fn listed() -> Vec<Process> {
    let ps = std::process::Command::new("ps")
        .args(["-A", "-o", "pid=", "-o", "ppid=", "-o", "pgid="])
        .output();
    let text = ps.map(|ps| String::from_utf8_lossy(&ps.stdout).into_owned());
    let line = |line: &str| {
        let mut fields = line.split_ascii_whitespace();
        let mut number = || fields.next()?.parse().ok();
        Some(Process {
            pid: number()?,
            parent: number()?,
            group: number()?,
        })
    };
    text.unwrap_or_default().lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_it_started_in_its_own_group_ends() {
        let process = |pid, parent, group| Process { pid, parent, group };
        let all = [
            process(1, 0, 1),
            process(50, 1, 50),
            // It, and its neighbour in a pipe.
            process(100, 50, 100),
            process(101, 50, 100),
            // A shell, and what it runs.
            process(110, 100, 100),
            process(111, 110, 100),
            // The emulator, and what it runs.
            process(120, 100, 120),
            process(121, 120, 120),
        ];
        assert_eq!(descendants(100, 100, &all), [110, 111]);
        assert_eq!(descendants(121, 120, &all), [] as [i32; 0]);
    }

    #[test]
    fn the_process_itself_is_among_all() {
        let (own, parent) = (getpid().as_raw(), nix::unistd::getppid().as_raw());
        for all in [all(), listed()] {
            let found = all.iter().find(|one| one.pid == own).expect("this process");
            assert_eq!((found.parent, found.group), (parent, getpgrp().as_raw()));
        }
    }
}
