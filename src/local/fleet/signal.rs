//! Signals to workers.

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

/// Signals a process, or all of its group.
pub(super) fn send(pid: i32, signal: Signal, whole_group: bool) {
    // 0 would be our own process group, 1 everybody's parent.
    if pid <= 1 {
        return;
    }
    let pid = Pid::from_raw(pid);
    // An error means that it has just ended.
    let _ = if whole_group {
        killpg(pid, signal)
    } else {
        kill(pid, signal)
    };
}
