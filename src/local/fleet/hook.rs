//! A termination hook.

use std::time::Duration;

/// A group's lifecycle hook for instances that terminate. Both of its results mean the same: the instance goes on
/// terminating.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    pub name: String,
    /// How long an instance waits without a heartbeat. Here it is also how long its worker has until it is killed.
    pub heartbeat_timeout: Duration,
}
