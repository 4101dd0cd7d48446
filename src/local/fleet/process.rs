//! A worker's process: started, awaited, signalled.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use nix::sys::signal::Signal;
use tokio::process::Command;
use tokio::time::{MissedTickBehavior, interval};

use super::group::Exit;
use super::instance_folder::InstanceFolder;
use super::log_times::{Growth, LOOKS};
use super::signal::send;
use crate::error::{Error, Result};
use crate::local::home::cannot;

/// The process writes its own number before it becomes the program, so that there is no moment in which a worker lives
/// whose number isn't known. The lock comes in as standard input and goes on as a descriptor that programs leave alone.
pub(super) const SCRIPT: &str = "exec 9<&0 </dev/null; echo $$ >\"$0\" && exec \"$1\"";

/// A worker that was started.
#[derive(Debug)]
pub(super) struct Started {
    /// Its process, which leads a process group of its own.
    pub pid: i32,
    has_ended: Arc<AtomicBool>,
}

impl Started {
    /// Signals the program, or all of its process group; unless it has ended, so that a number that has passed to a
    /// stranger is never signalled.
    pub fn signal(&self, signal: Signal, whole_group: bool) {
        if !self.has_ended.load(Ordering::Acquire) {
            send(self.pid, signal, whole_group);
        }
    }
}

/// Starts the worker in its program's folder, and notes when it writes to its log. `tell` is called once it has ended.
///
/// # Errors
/// Why it couldn't be started.
pub(super) fn start(
    place: &InstanceFolder,
    program: &Path,
    variables: Vec<(OsString, OsString)>,
    tell: impl FnOnce(Exit) + Send + 'static,
) -> Result<Started> {
    let lock = place.lock()?.ok_or_else(|| {
        Error::failed("something that its last worker started is still running, and has the instance's folder")
            .with_help("have the program end what it starts when it gets SIGTERM")
    })?;
    let log = place.open_log()?;
    let errors = log.try_clone().map_err(|error| cannot("write", &place.log(), &error))?;
    let shell = Path::new("/bin/sh");
    let mut child = Command::new(shell)
        .args(["-c", SCRIPT])
        .arg(place.pid_file())
        .arg(program.join("run"))
        .current_dir(program)
        .env_clear()
        .envs(variables)
        .stdin(Stdio::from(lock))
        .stdout(Stdio::from(log))
        .stderr(Stdio::from(errors))
        .process_group(0)
        .spawn()
        .map_err(|error| cannot("run", shell, &error))?;
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
    let started = Started {
        pid: pid.ok_or_else(|| Error::failed("the worker ended before it could be watched"))?,
        has_ended: Arc::default(),
    };
    let (pid, has_ended) = (started.pid, Arc::clone(&started.has_ended));
    let mut growth = Growth::of(place.log());
    tokio::spawn(async move {
        let mut looks = interval(LOOKS);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let ended = loop {
            tokio::select! {
                ended = child.wait() => break ended,
                _ = looks.tick() => growth.note(Timestamp::now()),
            }
        };
        growth.note(Timestamp::now());
        has_ended.store(true, Ordering::Release);
        // Kills what it leaves behind. At once: a group's number isn't given away while the group has members, nor so
        // soon after it had its last.
        send(pid, Signal::SIGKILL, true);
        tell(match ended {
            Ok(status) => exit(status),
            Err(error) => Exit::Ended(format!("how is not known: {error}")),
        });
    });
    Ok(started)
}

fn exit(status: ExitStatus) -> Exit {
    if status.signal() == Some(Signal::SIGKILL as i32) {
        Exit::Killed
    } else {
        Exit::Ended(status.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    use tokio::sync::oneshot;
    use tokio::time::{sleep, timeout};

    use super::*;

    /// A worker with this script for a program, once it has written the file `up` in its state folder.
    async fn worker(folder: &Path, script: &str) -> (InstanceFolder, Started, oneshot::Receiver<Exit>) {
        let run = folder.join("run");
        fs::write(&run, format!("#!/bin/sh\n{script}\n")).expect("writes");
        fs::set_permissions(&run, fs::Permissions::from_mode(0o755)).expect("sets the mode");
        let place = InstanceFolder::of(folder, "i-1");
        place.make().expect("makes it");
        let variables = vec![
            ("PATH".into(), std::env::var_os("PATH").unwrap_or_default()),
            ("STATE".into(), place.state().into()),
        ];
        let (tell, told) = oneshot::channel();
        let started = start(&place, folder, variables, |exit| drop(tell.send(exit))).expect("starts");
        while !place.state().join("up").exists() {
            sleep(Duration::from_millis(5)).await;
        }
        (place, started, told)
    }

    async fn until_dead(place: &InstanceFolder) {
        let dead = async {
            while place.is_alive() {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(60), dead)
            .await
            .expect("something of it lives");
    }

    #[tokio::test]
    async fn what_a_worker_leaves_behind_ends_with_it() {
        let folder = tempfile::tempdir().expect("a folder");
        // What it starts holds the lock for as long as it lives.
        let script = "sleep 600 & echo bye; touch $STATE/up; exit 3";
        let (place, started, told) = worker(folder.path(), script).await;
        assert_eq!(told.await, Ok(Exit::Ended("exit status: 3".into())));
        assert_eq!(place.last_words(0), "bye\n");
        until_dead(&place).await;
        // Its number may be another's by now, who must not be signalled.
        started.signal(Signal::SIGKILL, true);
    }

    #[tokio::test]
    async fn a_worker_that_closes_its_standard_input_is_still_known_to_live() {
        let folder = tempfile::tempdir().expect("a folder");
        let script = "exec <&-; touch $STATE/up; sleep 600; true";
        let (place, started, told) = worker(folder.path(), script).await;
        assert!(place.is_alive());
        assert!(
            start(&place, folder.path(), Vec::new(), drop).is_err(),
            "a second one beside it"
        );
        started.signal(Signal::SIGKILL, true);
        assert_eq!(told.await, Ok(Exit::Killed));
        until_dead(&place).await;
    }

    #[tokio::test]
    async fn a_program_that_cannot_be_run_says_why() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("run"), "#!/nowhere/interpreter\n").expect("writes");
        fs::set_permissions(folder.path().join("run"), fs::Permissions::from_mode(0o755)).expect("sets the mode");
        let place = InstanceFolder::of(folder.path(), "i-1");
        place.make().expect("makes it");
        let (tell, told) = oneshot::channel();
        start(&place, folder.path(), Vec::new(), |exit| drop(tell.send(exit))).expect("starts");
        assert!(matches!(told.await, Ok(Exit::Ended(how)) if how.starts_with("exit status: 12")));
        assert!(place.last_words(0).contains("run"), "{}", place.last_words(0));
    }
}
