//! An instance of a local fleet that dies on the spot.

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::instance_folder::InstanceFolder;
use super::state::InstanceState;
use crate::error::{Error, Result};

/// Kills an instance's whole process group with SIGKILL, so that its worker can't do anything any more, and leaves a note
/// for its supervisor that it was done on purpose. Returns the group's number.
///
/// # Errors
/// A failure, when it has no process, somebody else has just killed it, or the note can't be left.
pub fn crash(instance: &InstanceState) -> Result<i32> {
    let no_process = || {
        Error::failed(format!("{} has no process at the moment", instance.id))
            .with_help("a worker that has ended is started again in a moment: run the same command once more")
    };
    let place = place(instance);
    if place.as_ref().is_some_and(InstanceFolder::has_crashed) {
        return Err(is_replaced(instance));
    }
    let pid = process(instance).ok_or_else(no_process)?;
    let group = Pid::from_raw(pid);
    if killpg(group, None) == Err(Errno::ESRCH) {
        return Err(no_process());
    }
    // Of several at once, one kills it.
    if let Some(place) = place
        && !place.note_crash()?
    {
        return Err(is_replaced(instance));
    }
    match killpg(group, Signal::SIGKILL) {
        Ok(()) => Ok(pid),
        Err(Errno::ESRCH) => Err(no_process()),
        Err(error) => Err(Error::failed(format!(
            "{}, process {pid}, can't be killed: {error}",
            instance.id
        ))),
    }
}

/// Somebody else has just killed it.
fn is_replaced(instance: &InstanceState) -> Error {
    let what = format!("{} was killed a moment ago, and is being replaced", instance.id);
    Error::failed(what).with_help("once another one is in service, run the same command for that one")
}

/// Whether its worker is dead, though its supervisor may not have noticed yet.
pub fn is_dead(instance: &InstanceState) -> bool {
    let has_crashed = place(instance).is_some_and(|place| place.has_crashed());
    has_crashed || process(instance).is_none_or(|pid| killpg(Pid::from_raw(pid), None) == Err(Errno::ESRCH))
}

/// 0 would be our own process group, 1 everybody's parent.
fn process(instance: &InstanceState) -> Option<i32> {
    instance.pid.filter(|pid| *pid > 1)
}

fn place(instance: &InstanceState) -> Option<InstanceFolder> {
    instance.log.parent().map(InstanceFolder::at)
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::{CommandExt, ExitStatusExt};
    use std::path::Path;
    use std::process::{Child, Command};

    use jiff::Timestamp;

    use super::super::state::LifecycleState;
    use super::*;

    fn instance(folder: &Path, pid: Option<i32>) -> InstanceState {
        InstanceState {
            id: "i-1".into(),
            zone: "us-east-2a".into(),
            lifecycle_state: LifecycleState::InService,
            pid,
            started: Timestamp::UNIX_EPOCH,
            version: String::new(),
            log: folder.join("worker.log"),
            spot_notice: None,
        }
    }

    /// A worker in a process group of its own, and its instance.
    fn worker(script: &str, folder: &Path) -> (Child, i32, InstanceState) {
        let worker = Command::new("sh")
            .args(["-c", script])
            .process_group(0)
            .spawn()
            .expect("a worker");
        let pid = i32::try_from(worker.id()).expect("a process id");
        (worker, pid, instance(folder, Some(pid)))
    }

    #[test]
    fn the_whole_group_dies() {
        let folder = tempfile::tempdir().expect("a folder");
        // Its child would outlive it.
        let (mut worker, pid, instance) = worker("trap '' TERM; sleep 600 & wait", folder.path());
        assert!(!is_dead(&instance));
        assert_eq!(crash(&instance).expect("killed"), pid);
        assert!(is_dead(&instance), "before anybody has buried it");
        assert_eq!(worker.wait().expect("its end").signal(), Some(9));
        let group = Pid::from_raw(pid);
        // The child is somebody else's to bury, who may take a moment.
        while killpg(group, None).is_ok() {
            std::thread::yield_now();
        }
    }

    #[test]
    fn of_several_at_once_one_kills_and_the_others_say_that_it_is_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut worker, _, instance) = worker("exec sleep 600", folder.path());
        let results: Vec<Result<i32>> = std::thread::scope(|scope| {
            let all: Vec<_> = (0..6).map(|_| scope.spawn(|| crash(&instance))).collect();
            all.into_iter().map(|one| one.join().expect("ends")).collect()
        });
        worker.wait().expect("its end");
        let (killed, others): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
        assert_eq!(killed.len(), 1);
        for other in others.into_iter().filter_map(Result::err) {
            let said = other.to_string();
            assert!(
                said.ends_with("was killed a moment ago, and is being replaced"),
                "{said}"
            );
        }
    }

    #[test]
    fn without_a_process_nothing_is_killed() {
        let folder = tempfile::tempdir().expect("a folder");
        for pid in [None, Some(0), Some(1), Some(-1), Some(i32::MAX)] {
            let instance = instance(folder.path(), pid);
            assert!(is_dead(&instance), "{pid:?}");
            let error = crash(&instance).expect_err("nothing to kill");
            assert!(error.to_string().contains("no process"), "{pid:?}: {error}");
        }
    }
}
