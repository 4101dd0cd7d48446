//! A termination hook.

use std::time::Duration;

/// A group's lifecycle hook for instances that terminate. It ends in either result the same: the instance goes on
/// terminating.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    pub name: String,
    /// How long an instance waits without a heartbeat; and its worker, here, until it is killed.
    pub heartbeat_timeout: Duration,
}
