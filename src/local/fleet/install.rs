//! A program's script `install`, run here as on an instance: once, in the program's folder, before its first `run`.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use nix::sys::signal::Signal;
use tokio::process::Command;

use super::instance_folder::InstanceFolder;
use super::process::SCRIPT;
use super::signal::send;
use super::surroundings;
use crate::error::{Error, Result};
use crate::local::home::cannot;
use crate::local::python;

/// How many of its last lines an error shows.
const LINES: usize = 12;

/// Whether a program has one that is to be run: not where the machine's own python3 runs it, which has what it needs.
pub(super) fn is_wanted(program: &Path) -> bool {
    let install = program.join("install").metadata();
    let is_there = install.is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0);
    is_there && !python::runs(program)
}

/// Runs it with the worker's settings. What it says is in `install.log` of `place`; its home is there, too. It ends with this
/// future. Like a worker it holds a lock and leaves its number, by which the next supervisor finds one that a killed one left
/// behind.
///
/// # Errors
/// When it can't be run or fails: with its last lines.
pub(super) async fn run(program: &Path, place: &Path, settings: &[(String, String)]) -> Result<()> {
    let (log, home, install) = (place.join("install.log"), place.join("home"), program.join("install"));
    fs::create_dir_all(&home).map_err(|error| cannot("make the folder", &home, &error))?;
    let output = File::create(&log).map_err(|error| cannot("write", &log, &error))?;
    let errors = output.try_clone().map_err(|error| cannot("write", &log, &error))?;
    let variables: Vec<(OsString, OsString)> = surroundings::of_install(settings, &home, |name| std::env::var_os(name));
    let running = InstanceFolder::at(place);
    let lock = running.lock()?.ok_or_else(|| {
        Error::failed(format!(
            "an `install` from before is still running in {}",
            place.display()
        ))
        .with_help("end it, then run the same command again")
    })?;
    let mut started = Command::new("/bin/sh")
        .args(["-c", SCRIPT])
        .arg(running.pid_file())
        .arg(&install)
        .current_dir(program)
        .env_clear()
        .envs(variables)
        .stdin(Stdio::from(lock))
        .stdout(Stdio::from(output))
        .stderr(Stdio::from(errors))
        .process_group(0)
        .spawn()
        .map_err(|error| cannot("run", &install, &error))?;
    let group = Group(started.id());
    let ended = started.wait().await;
    drop(group);
    let ended = ended.map_err(|error| cannot("run", &install, &error))?;
    if ended.success() {
        return Ok(());
    }
    let said = fs::read_to_string(&log).unwrap_or_default();
    let lines: Vec<&str> = said.lines().collect();
    let last = lines[lines.len().saturating_sub(LINES)..].join("\n  ");
    Err(
        Error::failed(format!("the program's `install` failed here ({ended}):\n  {last}")).with_help(
            "what only an instance needs, such as packages of its system, leave out where QFLEET_LOCAL is set; or have \
             on this machine what the program needs, and run `qfleet local up` with --no-install",
        ),
    )
}

/// A process that leads its group, which ends with this, with all that is in it.
struct Group(Option<u32>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.0.and_then(|pid| i32::try_from(pid).ok()) {
            send(pid, Signal::SIGKILL, true);
        }
    }
}
