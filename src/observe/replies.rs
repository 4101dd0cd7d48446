//! Replies that wait for those who sent the jobs.

use schemars::JsonSchema;
use serde::Serialize;

use crate::cloud::sqs::queues::QueueDepth;

/// Replies that nobody has fetched, in messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Replies {
    pub waiting: Option<QueueDepth>,
    /// Those that were received a thousand times and are nobody's.
    pub dead_letters: Option<QueueDepth>,
}
