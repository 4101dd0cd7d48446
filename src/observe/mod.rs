//! Looks at what is deployed.

pub mod activities;
pub mod data;
pub mod drift;
pub mod events;
pub mod live;
pub mod local_fleet;
pub mod metrics;
pub mod replacement;
pub mod stages;
pub mod status;
pub mod victim;
pub mod watch;
