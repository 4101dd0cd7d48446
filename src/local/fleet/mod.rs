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
mod causes;
pub mod crash;
pub mod event;
mod group;
mod home;
mod hook;
mod ids;
mod instance;
mod journal;
mod metadata;
mod pace;
mod place;
mod process;
mod program;
mod restarts;
mod scaling;
mod sources;
pub mod spot;
pub mod state;
pub mod stop;
pub mod supervisor;
mod surroundings;
mod zones;

use std::path::PathBuf;

use crate::error::{Error, Result};

/// Where a detached supervisor of this environment writes.
pub fn log(environment: &str) -> Result<PathBuf> {
    Ok(home::FleetHome::make(environment)?.log())
}

/// The error of a second fleet.
pub fn runs_already(environment: &str) -> Error {
    Error::refused(format!("a local fleet of {environment} runs already"))
        .with_help("watch it with `qfleet status ENV --local --watch`; end it with `qfleet local down`")
}
