//! Changes what is deployed, and tells what it does.

pub mod approved;
pub mod believed;
pub mod cause;
pub mod deploy;
pub mod destroy;
pub mod event;
pub mod existing_bucket;
mod finishing;
pub mod graph;
mod hash;
pub mod kill_worker;
pub mod operation;
pub mod outcome;
pub mod pace;
pub mod plan;
pub mod recover;
pub mod revert;
pub mod told;
pub mod watch;
