//! A worker's process: started, awaited, signalled.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use tokio::process::Command;

use super::group::Exit;
use super::place::Place;
use crate::error::{Error, Result};
use crate::local::home::cannot;

/// The process writes its own number before it becomes the program, so that there is no moment in which a worker lives
/// whose number isn't known. The lock comes in as standard input and goes on as a descriptor that programs leave alone.
const SCRIPT: &str = "exec 9<&0 </dev/null; echo $$ >\"$0\" && exec \"$1\"";

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

/// Starts the worker in its program's folder. `tell` is called once it has ended.
///
/// # Errors
/// Why it couldn't be started.
pub(super) fn start(
    place: &Place,
    program: &Path,
    variables: Vec<(OsString, OsString)>,
    tell: impl FnOnce(Exit) + Send + 'static,
) -> Result<Started> {
    let lock = place
        .lock()?
        .ok_or_else(|| Error::failed("something that its last worker started is still running"))?;
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
        pid: pid.ok_or_else(|| Error::failed("it has ended already"))?,
        has_ended: Arc::default(),
    };
    let (pid, has_ended) = (started.pid, Arc::clone(&started.has_ended));
    tokio::spawn(async move {
        let ended = child.wait().await;
        has_ended.store(true, Ordering::Release);
        // What it leaves behind. At once: as long as a group has members its number isn't given away, and when it had
        // none, it is not given away so soon.
        send(pid, Signal::SIGKILL, true);
        tell(match ended {
            Ok(status) => exit(status),
            Err(error) => Exit::Ended(format!("it can't be told how: {error}")),
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
