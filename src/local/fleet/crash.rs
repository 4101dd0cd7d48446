//! An instance of a local fleet that dies on the spot.

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::state::InstanceState;
use crate::error::{Error, Result};

/// Kills an instance's whole process group with SIGKILL, so that its worker can't do anything any more. Returns the
/// group's number.
///
/// # Errors
/// A failure, when it has no process.
pub fn crash(instance: &InstanceState) -> Result<i32> {
    let no_process = || {
        Error::failed(format!("{} has no process at the moment", instance.id))
            .with_help("a worker that has ended is started again in a moment: run the same command once more")
    };
    // 0 would be our own process group, 1 everybody's parent.
    let pid = instance.pid.filter(|pid| *pid > 1).ok_or_else(no_process)?;
    match killpg(Pid::from_raw(pid), Signal::SIGKILL) {
        Ok(()) => Ok(pid),
        Err(Errno::ESRCH) => Err(no_process()),
        Err(error) => Err(Error::failed(format!(
            "{}, process {pid}, can't be killed: {error}",
            instance.id
        ))),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::{CommandExt, ExitStatusExt};
    use std::process::Command;

    use jiff::Timestamp;

    use super::super::state::LifecycleState;
    use super::*;

    fn instance(pid: Option<i32>) -> InstanceState {
        InstanceState {
            id: "i-1".into(),
            zone: "us-east-2a".into(),
            lifecycle_state: LifecycleState::InService,
            pid,
            started: Timestamp::UNIX_EPOCH,
            version: String::new(),
            log: "log".into(),
            spot_notice: None,
        }
    }

    #[test]
    fn the_whole_group_dies() {
        // A worker whose child would outlive it.
        let mut worker = Command::new("sh")
            .args(["-c", "trap '' TERM; sleep 600 & wait"])
            .process_group(0)
            .spawn()
            .expect("a worker");
        let pid = i32::try_from(worker.id()).expect("a process id");
        assert_eq!(crash(&instance(Some(pid))).expect("killed"), pid);
        assert_eq!(worker.wait().expect("its end").signal(), Some(9));
        let group = Pid::from_raw(pid);
        // The child is somebody else's to bury, who may take a moment.
        while killpg(group, None).is_ok() {
            std::thread::yield_now();
        }
    }

    #[test]
    fn without_a_process_nothing_is_killed() {
        for pid in [None, Some(0), Some(1), Some(-1), Some(i32::MAX)] {
            let error = crash(&instance(pid)).expect_err("nothing to kill");
            assert!(error.to_string().contains("no process"), "{pid:?}: {error}");
        }
    }
}
