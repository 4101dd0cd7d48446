//! What there is of the emulator, without starting it.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::emulator::{self, DEFAULT_PORT};
use super::endpoint::{check_loopback, obstacle, version_at};
use super::executable;
use crate::error::{Error, Result};

/// An emulator that runs, or could.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub version: Option<String>,
    /// Its endpoint; none while it doesn't run.
    pub runs_at: Option<String>,
    /// Why it can't be started on its port.
    pub obstacle: Option<String>,
}

/// The user's own.
///
/// # Errors
/// It isn't installed; or it runs, and can't be found any more.
pub fn of_own() -> Result<Found> {
    let program = executable::find()?;
    if let Some(running) = emulator::status()? {
        return Ok(Found {
            version: running.version,
            runs_at: Some(running.endpoint),
            obstacle: None,
        });
    }
    Ok(Found {
        version: version_of(&program),
        runs_at: None,
        obstacle: obstacle(DEFAULT_PORT),
    })
}

/// The one that listens there.
///
/// # Errors
/// None does, or the endpoint isn't on this machine.
pub fn at(endpoint: &str) -> Result<Found> {
    check_loopback(endpoint)?;
    let version = version_at(endpoint);
    if version.is_none() {
        return Err(Error::failed(format!("no emulator answers at {endpoint}"))
            .with_help("start it there, or leave --endpoint-url out to use qfleet's own"));
    }
    Ok(Found {
        version,
        runs_at: Some(endpoint.to_owned()),
        obstacle: None,
    })
}

/// It has no option that says it: the Python that runs it knows.
fn version_of(program: &Path) -> Option<String> {
    const SCRIPT: &str = "import importlib.metadata as found; print(found.version('ministack'))";
    let text = fs::read(program).ok()?;
    let text = String::from_utf8_lossy(&text);
    let python = text.lines().next()?.strip_prefix("#!")?.trim().to_owned();
    let asked = Command::new(python)
        .args(["-I", "-c", SCRIPT])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let said = asked.ok().filter(|output| output.status.success())?;
    let version = String::from_utf8_lossy(&said.stdout).trim().to_owned();
    (!version.is_empty()).then_some(version)
}
