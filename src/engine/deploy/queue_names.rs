//! The names of queues that were deleted a moment ago, which SQS doesn't give back at once.

use std::time::Duration;

use jiff::Timestamp;

use crate::blueprint::{self, Stack};
use crate::cloud::{Cloud, CloudError};
use crate::engine::operation::Context;
use crate::engine::outcome::Failed;

/// "If you delete a queue, you must wait at least 60 seconds before creating a queue with the same name"
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteQueue.html>).
const REST: Duration = Duration::from_secs(60);
const QUEUE: &str = "AWS::SQS::Queue";

/// Waits, and says so, until the queues' names can be used again. An earlier stack of the same name had queues of the same
/// names.
///
/// # Errors
/// Interruption, and the end of the time to wait.
pub async fn wait(context: Context<'_>, stack: &Stack, now: Timestamp) -> Result<(), Failed> {
    let resources = blueprint::resources(&stack.body);
    if context.cloud.local || !resources.iter().any(|(_, resource_type)| resource_type == QUEUE) {
        return Ok(());
    }
    // Best effort: without the permission to list stacks a deploy still works, and SQS itself says that a name is taken.
    let Ok(Some(left)) = left(context.cloud, &stack.name, now).await else {
        return Ok(());
    };
    context.tell.warn(format!(
        "{}: waiting {} s, because SQS gives a queue's name back 60 s after its deletion",
        stack.name,
        left.as_secs() + 1
    ));
    let rest = async {
        tokio::time::sleep(left).await;
        Ok::<_, Failed>(())
    };
    context.prepare(&stack.name, rest).await
}

/// How long it takes until the names are free. A stack that only ever held change sets had no queues, and a queue that was
/// kept wasn't deleted.
async fn left(cloud: &Cloud, stack: &str, now: Timestamp) -> Result<Option<Duration>, CloudError> {
    let Some(deleted) = cloud.last_deleted(stack).await? else {
        return Ok(None);
    };
    let left = |at: Timestamp| REST.checked_sub(now.duration_since(at).try_into().unwrap_or_default());
    if left(deleted.at).is_none() {
        return Ok(None);
    }
    let since = now - REST;
    let events = cloud.events_since(&deleted.id, since).await?;
    let queues = events
        .iter()
        .filter(|event| event.resource_type == QUEUE && event.status == "DELETE_COMPLETE");
    Ok(queues.filter_map(|event| event.at).max().and_then(left))
}
