//! Queues that a stack lost a moment ago, as its events tell it.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::cloud::{Cloud, CloudError};
use crate::engine::plan::imports::Existing;

/// "If you delete a queue, you must wait at least 60 seconds before creating a queue with the same name"
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteQueue.html>).
pub const REST: Duration = Duration::from_secs(60);
const QUEUE: &str = "AWS::SQS::Queue";

/// When each was deleted, by its name. `stack` is an ARN.
///
/// # Errors
/// When AWS can't be asked.
pub async fn of(cloud: &Cloud, stack: &str, now: Timestamp) -> Result<BTreeMap<String, Timestamp>, CloudError> {
    let events = cloud.events_since(stack, now - REST).await?;
    let deleted = events
        .iter()
        .filter(|event| event.resource_type == QUEUE && event.status == "DELETE_COMPLETE");
    Ok(deleted
        .filter_map(|event| Some((name(&event.physical_id).to_owned(), event.at?)))
        .collect())
}

/// Without the queues that the stack has just deleted: for a while SQS may still find them.
pub(super) async fn leave_out(cloud: &Cloud, stack: &str, existing: Vec<Existing>, now: Timestamp) -> Vec<Existing> {
    if cloud.local || !existing.iter().any(|existing| existing.resource_type == QUEUE) {
        return existing;
    }
    // Best effort: what is there in truth is refused by CloudFormation.
    let deleted = of(cloud, stack, now).await.unwrap_or_default();
    let is_deleted = |existing: &Existing| deleted.contains_key(name(&existing.physical_id));
    existing.into_iter().filter(|existing| !is_deleted(existing)).collect()
}

/// Queues have URLs of several forms; they end in the name.
pub fn name(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or_default()
}
