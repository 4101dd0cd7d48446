//! A worker's process: started, awaited, signalled.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::{Child, Command};

use super::group::Exit;
use super::place::Place;
use crate::error::{Error, Result};
use crate::local::home::cannot;

/// The process writes its own number before it becomes the program, so that there is no moment in which a worker lives
/// whose number isn't known.
const SCRIPT: &str = "echo $$ >\"$0\" && exec \"$1\"";

/// Starts the worker in its program's folder. It leads a process group of its own.
///
/// # Errors
/// Why it couldn't be started.
pub(super) fn start(place: &Place, program: &Path, variables: Vec<(OsString, OsString)>) -> Result<Child> {
    let lock = place
        .lock()?
        .ok_or_else(|| Error::failed("something that its last worker started is still running"))?;
    let log = place.open_log()?;
    let errors = log.try_clone().map_err(|error| cannot("write", &place.log(), &error))?;
    Command::new("/bin/sh")
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
        .map_err(|error| cannot("run", Path::new("/bin/sh"), &error))
}

/// Waits until the worker has ended, and ends what it leaves behind.
pub(super) async fn ended(mut child: Child) -> Exit {
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
    let ended = child.wait().await;
    if let Some(pid) = pid.filter(|pid| *pid > 1) {
        // At once: as long as a group has members its number isn't given away, and when it had none, it is not given
        // away so soon. An error means that there was nothing left.
        let _ = killpg(Pid::from_raw(pid), Signal::SIGKILL);
    }
    match ended {
        Ok(status) => exit(status),
        Err(error) => Exit::Ended(format!("it can't be told how: {error}")),
    }
}

fn exit(status: ExitStatus) -> Exit {
    if status.signal() == Some(Signal::SIGKILL as i32) {
        Exit::Killed
    } else {
        Exit::Ended(status.to_string())
    }
}
