//! Waiting for conditions: the clock only ends what waits in vain.

use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::kill;
use nix::unistd::Pid;

/// Far more than anything takes that is waited for, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(120);

/// Looks until it is so.
#[track_caller]
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        sleep(Duration::from_millis(5));
    }
}

/// Whether a process is there; one that has ended and that nobody has buried is not.
pub fn lives(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    match stat {
        Ok(stat) => !stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .trim_start()
            .starts_with('Z'),
        Err(_) => cfg!(not(target_os = "linux")) && kill(Pid::from_raw(pid), None).is_ok(),
    }
}
