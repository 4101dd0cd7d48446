//! What a bucket that is there already was made to tell.

use schemars::JsonSchema;
use serde::Serialize;

/// What was done to the notifications of a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub struct Told {
    pub bucket: String,
    /// How many of ours were added.
    pub added: usize,
    /// How many of ours were taken out.
    pub removed: usize,
    /// How many of others are in it, which stay as they are.
    pub others: usize,
}
