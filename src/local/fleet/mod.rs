//! The local fleet: real worker processes for the groups that the emulator only keeps records of. It plays Auto
//! Scaling and EC2 around them.
//!
//! ```text
//! emulator ─▶ sources ─▶ supervisor ─▶ group (a state machine) ─▶ effects ─▶ process, metadata, journal
//!                        ▲   ▲    │
//!   scaling (metrics and │   │    └─▶ state (for status, kill-worker)
//!   the controller) ─────┘   └─ autoscaling (the API: hooks, terminations)
//! ```

mod ages;
mod autoscaling;
mod balancer;
pub mod causes;
mod claim;
pub mod crash;
pub mod event;
mod group;
mod home;
mod hook;
mod ids;
mod install;
mod instance;
mod instance_folder;
mod journal;
mod log_times;
pub mod logs;
mod metadata;
mod pace;
mod process;
mod program;
mod restarts;
mod scaling;
mod secrets;
mod signal;
pub mod sources;
pub mod spot;
pub mod state;
pub mod stop;
pub mod supervisor;
mod surroundings;
mod zones;

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::deployed::address::Address;
use crate::error::{Error, Result};
pub use claim::Claim;
use home::FleetHome;
use instance_folder::InstanceFolder;
use state::{Activity, FleetState};

/// Where a detached supervisor of this environment writes.
pub fn log(environment: &str) -> Result<PathBuf> {
    Ok(FleetHome::make(environment)?.log())
}

/// The local fleet of an environment; none when no supervisor of it lives. (While one starts, none is there yet.)
///
/// # Errors
/// When the user's state folder can't be read.
pub fn find(environment: &str) -> Result<Option<FleetState>> {
    let Some(home) = FleetHome::existing(environment)? else {
        return Ok(None);
    };
    if !home.is_supervised()? {
        return Ok(None);
    }
    home.state()
}

/// The fleet of an environment whose supervisor was killed, as that wrote it last, with those of its instances whose workers run
/// on; none while a supervisor lives, or where nothing was written.
///
/// # Errors
/// When the user's state folder can't be read.
pub fn orphaned(address: &Address) -> Result<Option<FleetState>> {
    let Some(home) = FleetHome::existing(&address.environment)? else {
        return Ok(None);
    };
    if home.is_supervised()? {
        return Ok(None);
    }
    let Some(mut fleet) = home.state()?.filter(|fleet| fleet.address == *address) else {
        return Ok(None);
    };
    let alive = |id: &str| InstanceFolder::of(&home.instances(), id).is_alive();
    for group in &mut fleet.groups {
        group.instances.retain(|instance| alive(&instance.id));
    }
    Ok(Some(fleet))
}

/// The region in which the fleet of an environment runs, or ran last; none where it has run in several, and none runs.
///
/// # Errors
/// When the user's state folder can't be read.
pub fn region(environment: &str) -> Result<Option<String>> {
    let Some(home) = FleetHome::existing(environment)? else {
        return Ok(None);
    };
    if let Ok(Some(state)) = home.state() {
        return Ok(Some(state.address.region));
    }
    let mut regions: BTreeSet<String> = instance_folder::owners(&home.instances())?
        .iter()
        .filter_map(|owner| logs::region_of(owner))
        .collect();
    let one = regions.pop_last();
    Ok(one.filter(|_| regions.is_empty()))
}

/// The regions in which fleets run, or ran last.
///
/// # Errors
/// As of [`region`].
pub fn regions() -> Result<BTreeSet<String>> {
    let mut regions = BTreeSet::new();
    for environment in FleetHome::all()? {
        regions.extend(region(&environment)?);
    }
    Ok(regions)
}

/// The command that starts the fleet of an environment as it was started last; none where there never was one, or the
/// environment was destroyed since.
pub fn command(environment: &str) -> Option<String> {
    FleetHome::existing(environment).ok()??.command()
}

/// The scaling activities of an environment's local fleet, the newest first. They outlive the fleet.
///
/// # Errors
/// When the journal is there but can't be read.
pub fn activities(environment: &str) -> Result<Vec<Activity>> {
    match FleetHome::existing(environment)? {
        Some(home) => journal::read(&home.journal()),
        None => Ok(Vec::new()),
    }
}

/// The error of a second fleet.
pub fn runs_already(environment: &str) -> Error {
    Error::refused(format!("a local fleet of {environment} runs already")).with_help(format!(
        "watch it with `qfleet status --name {environment} --local --watch`; end it with `qfleet local down --name \
             {environment}`"
    ))
}

/// What to do about a fleet that was looked for in another region.
pub fn runs_elsewhere(of: &Address) -> String {
    format!(
        "the fleet of {} runs in {}: add --region {}",
        of.environment, of.region, of.region
    )
}
