//! The real binary against the real emulator.

pub mod crash;
pub mod data_loss;
pub mod deploy;
pub mod dlq;
pub mod docs;
pub mod drift;
mod filters;
pub mod fleet_soak;
pub mod functions;
mod list;
pub mod local;
pub mod local_fleet;
pub mod local_plan;
pub mod logs_and_files;
pub mod nothing_left;
pub mod pipeline;
pub mod reap;
pub mod regions;
mod results;
pub mod schedules;
pub mod send;
pub mod status;
pub mod switching;
pub mod teardown;
pub mod whole_way;
