//! Looks at what is deployed.

pub mod activities;
pub mod events;
pub mod live;
pub mod metrics;
pub mod stages;
pub mod status;
