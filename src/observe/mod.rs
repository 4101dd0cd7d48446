//! Looks at what is deployed.

pub mod activities;
pub mod alerts;
pub mod backlog;
pub mod data;
pub mod details;
pub mod drift;
pub mod events;
pub mod expired;
pub mod expiry;
pub mod files;
pub mod finding;
pub mod findings;
pub mod instances;
pub mod leftovers;
pub mod list;
pub mod live;
pub mod local_fleet;
pub mod logs;
pub mod metrics;
pub mod operation;
pub mod reads;
pub mod replacement;
pub mod status;
pub mod trend;
pub mod victim;
pub mod watch;
