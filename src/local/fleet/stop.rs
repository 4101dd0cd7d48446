//! Ending fleets from outside: the supervisor is told, and whatever it can't end is ended.

use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use schemars::JsonSchema;
use serde::Serialize;

use super::home::FleetHome;
use super::logs::owner;
use super::supervisor::DRAIN;
use super::{instance_folder, program};
use crate::deployed::address::Address;
use crate::error::{Error, Result};

/// More than a supervisor takes that drains its workers, asks again and kills them.
const PATIENCE: Duration = Duration::from_secs(DRAIN.as_secs() + 20);
/// From asking orphaned workers to killing them.
const ORPHANS: Duration = Duration::from_secs(10);
/// A supervisor that has just been started has no state yet.
const STARTING: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(100);

/// A fleet that was ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Stopped {
    pub environment: String,
    /// Whether a supervisor was running it.
    pub supervised: bool,
    /// Workers that had no supervisor any more, or that it couldn't end.
    pub orphans: usize,
}

/// What ending a fleet waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    pub environment: String,
    /// The instances whose workers still run.
    pub workers: Vec<String>,
    /// For how long they may go on, from when they were told.
    pub for_up_to: Duration,
}

/// The environments of which there is or was a fleet.
pub fn known() -> Result<Vec<String>> {
    FleetHome::all()
}

/// Those of which something runs: a supervisor, or what one left behind.
///
/// # Errors
/// When the user's state folder can't be read.
pub fn running() -> Result<Vec<String>> {
    let mut running = Vec::new();
    for environment in FleetHome::all()? {
        let Some(home) = FleetHome::existing(&environment)? else {
            continue;
        };
        if home.is_supervised()?
            || !instance_folder::alive(&home.instances())?.is_empty()
            || !instance_folder::alive(&home.programs())?.is_empty()
        {
            running.push(environment);
        }
    }
    Ok(running)
}

/// Ends the fleet of an environment, and the workers of one whose supervisor was killed. Blocks until nothing of it
/// runs, and tells what it waits for whenever that has changed. Nothing when nothing did.
///
/// # Errors
/// A failure, when it can't be ended.
pub fn stop(environment: &str, tell: impl Fn(&Waiting)) -> Result<Option<Stopped>> {
    let Some(home) = FleetHome::existing(environment)? else {
        return Ok(None);
    };
    let supervised = end_supervisor(&home, environment, tell)?;
    let stopped = |orphans| Stopped {
        environment: environment.to_owned(),
        supervised,
        orphans,
    };
    // Its environment was gone, and so it has cleared everything away.
    if FleetHome::existing(environment)?.is_none() {
        return Ok(supervised.then(|| stopped(0)));
    }
    // Held, so that no supervisor starts beside its predecessor's workers.
    let Some(_life) = home.supervise()? else {
        return Err(
            Error::failed(format!("a local fleet of {environment} was started again meanwhile"))
                .with_help("run the same command again"),
        );
    };
    home.forget_state();
    let orphans = end_left(&home, "")?;
    program::forget_others(&home.programs(), &[]);
    Ok((supervised || orphans > 0).then(|| stopped(orphans)))
}

/// How many workers of an environment live that have no supervisor any more, because it was killed.
///
/// # Errors
/// When the user's state folder can't be read.
pub fn orphans(address: &Address) -> Result<usize> {
    let Some(home) = FleetHome::existing(&address.environment)? else {
        return Ok(0);
    };
    if home.is_supervised()? {
        return Ok(0);
    }
    let owner = owner(&address.account, &address.region, "");
    let alive = instance_folder::alive(&home.instances())?;
    Ok(alive.iter().filter(|place| place.is_of(&owner)).count())
}

/// The environments that have such workers, of fleets that ran on this emulator; of all fleets without one.
///
/// # Errors
/// When the user's state folder can't be read.
pub fn orphaned(endpoint: Option<&str>) -> Result<Vec<String>> {
    let mut orphaned = Vec::new();
    for environment in FleetHome::all()? {
        let Some(home) = FleetHome::existing(&environment)? else {
            continue;
        };
        if home.is_supervised()? || instance_folder::alive(&home.instances())?.is_empty() {
            continue;
        }
        // What it wrote last is there still: it had no time to remove it.
        let ran_at = home.state().ok().flatten().map(|state| state.endpoint);
        let is_other = |endpoint: &str| ran_at.as_deref().is_some_and(|ran_at| ran_at != endpoint);
        if !endpoint.is_some_and(is_other) {
            orphaned.push(environment);
        }
    }
    Ok(orphaned)
}

/// Ends the workers that a fleet of this environment left behind, whose supervisor was killed. Returns how many there were:
/// none while somebody runs its fleet, who has ended them.
///
/// # Errors
/// When the user's state folder can't be read.
pub fn end_orphans(environment: &str) -> Result<usize> {
    let Some(home) = FleetHome::existing(environment)? else {
        return Ok(0);
    };
    match home.supervise()? {
        Some(_life) => end_left(&home, ""),
        None => Ok(0),
    }
}

/// Those of an owner. Whoever calls holds the lock.
fn end_left(home: &FleetHome, owner: &str) -> Result<usize> {
    instance_folder::end_orphans(&home.programs(), "", Duration::ZERO)?;
    instance_folder::end_orphans(&home.instances(), owner, ORPHANS)
}

/// Removes what the ended fleet of an environment left that was destroyed, and ends the workers that it left; nothing while a
/// fleet of it runs. Returns how many workers there were.
///
/// # Errors
/// When the user's state folder can't be read.
pub fn forget(address: &Address) -> Result<usize> {
    let Some(home) = FleetHome::existing(&address.environment)? else {
        return Ok(0);
    };
    if home.is_supervised()? {
        return Ok(0);
    }
    let Some(_life) = home.supervise()? else {
        return Ok(0);
    };
    let owner = owner(&address.account, &address.region, "");
    let orphans = end_left(&home, &owner)?;
    home.forget(&owner)?;
    Ok(orphans)
}

/// Says whether there was one.
fn end_supervisor(home: &FleetHome, environment: &str, tell: impl Fn(&Waiting)) -> Result<bool> {
    let began = Instant::now();
    let pid = loop {
        if !home.is_supervised()? {
            return Ok(false);
        }
        match home.state()?.map(|state| state.pid) {
            // 0 would be our own process group, 1 everybody's parent.
            Some(pid) if pid > 1 => break Pid::from_raw(pid),
            _ if began.elapsed() > STARTING => {
                return Err(
                    Error::failed(format!("the local fleet of {environment} is just being started"))
                        .with_help("run the same command again in a moment"),
                );
            }
            _ => sleep(PAUSE),
        }
    };
    let mut told = None;
    for (signal, patience) in [(Signal::SIGTERM, PATIENCE), (Signal::SIGKILL, Duration::from_secs(5))] {
        // An error means that it has just ended, which its lock shows next.
        let _ = kill(pid, signal);
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if !home.is_supervised()? {
                return Ok(true);
            }
            let waiting = Waiting {
                environment: environment.to_owned(),
                workers: workers(home),
                for_up_to: DRAIN,
            };
            if !waiting.workers.is_empty() && told.as_ref() != Some(&waiting) {
                tell(&waiting);
                told = Some(waiting);
            }
            sleep(PAUSE);
        }
    }
    Err(Error::failed(format!(
        "the local fleet of {environment}, process {pid}, doesn't end"
    )))
}

/// The instances that the supervisor says are there; none when its state can't be read just now.
fn workers(home: &FleetHome) -> Vec<String> {
    let state = home.state().ok().flatten();
    let groups = state.into_iter().flat_map(|state| state.groups);
    let instances = groups.flat_map(|group| group.instances);
    instances.map(|instance| instance.id).collect()
}
