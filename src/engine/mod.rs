//! Does things to stacks, and tells what it does in events.

pub mod believed;
pub mod cause;
pub mod deploy;
pub mod destroy;
pub mod event;
pub mod graph;
pub mod operation;
pub mod outcome;
pub mod pace;
pub mod plan;
pub mod recover;
pub mod revert;
pub mod watch;
