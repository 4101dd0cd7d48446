//! CloudFormation: stacks, change sets, events, drift.

pub mod change_set;
pub mod changes;
pub mod drift;
pub mod events;
pub mod holder;
pub(in crate::cloud) mod local_changes;
pub mod operations;
pub mod revert;
pub mod stack_status;
pub mod stacks;

use super::CloudError;

/// CloudFormation has no error code of its own for a stack that isn't there: a `ValidationError` that says so.
fn does_not_exist(error: &CloudError) -> bool {
    error.is("ValidationError") && error.message.contains("does not exist")
}
