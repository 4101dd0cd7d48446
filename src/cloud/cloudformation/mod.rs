//! CloudFormation: stacks, change sets, events, drift.

pub mod change_set;
pub(in crate::cloud) mod changes;
pub mod drift;
pub mod events;
pub mod holder;
pub(in crate::cloud) mod local_changes;
pub mod operations;
pub mod revert;
pub mod stack_status;
pub mod stacks;
