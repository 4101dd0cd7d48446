//! Does things to stacks, and tells what it does in events.

pub mod blocking;
pub mod cause;
pub mod decide;
pub mod deploy;
pub mod destroy;
pub mod draft;
pub mod drain;
pub mod event;
pub mod fleet;
pub mod foreign;
pub mod graph;
pub mod history;
pub mod imports;
pub mod interrupt;
pub mod keep;
pub mod operation;
pub mod outcome;
pub mod pace;
pub mod plan;
pub mod planner;
pub mod protection;
mod queue_names;
pub mod recover;
pub mod revert;
pub mod settle;
pub mod unchanged;
pub mod watch;
