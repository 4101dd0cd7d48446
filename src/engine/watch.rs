//! Watches one operation of one stack to its end. Nothing else polls.

use std::time::Duration;

use tokio::time::Instant;

use super::event::{Event, Events};
use crate::cloud::events::ResourceEvent;
use crate::cloud::stack_status::StackStatus;
use crate::cloud::{Cloud, CloudError};

/// How an operation ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// The stack's status.
    pub status: StackStatus,
    /// All events of the operation, oldest first.
    pub events: Vec<ResourceEvent>,
    /// The last lines of the logs of instances whose workers failed, read before a rollback deletes them.
    pub log: Vec<String>,
}

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Without a new event for this long, the stack itself is asked, in case its last event was never written.
const QUIET: Duration = Duration::from_secs(30);
const LOG_LINES: i32 = 15;

/// Watches the stack (by ARN) from the event `after` on.
///
/// # Errors
/// When AWS can't be asked any more, after its retries. The operation goes on.
pub async fn follow(cloud: &Cloud, stack: &str, id: &str, after: Option<String>, tell: &Events) -> Result<Ended, CloudError> {
    let mut events: Vec<ResourceEvent> = Vec::new();
    let mut log = Vec::new();
    let mut last_seen = after;
    let mut pause = FIRST_PAUSE;
    let mut news = Instant::now();
    loop {
        let new = cloud.events_after(id, last_seen.as_deref()).await?;
        if let Some(newest) = new.last() {
            last_seen = Some(newest.id.clone());
            pause = FIRST_PAUSE;
            news = Instant::now();
        }
        for resource in new {
            if says_worker_failed(&resource) {
                log.extend(worker_log(cloud, id, &resource).await);
            }
            tell.tell(Event::Resource { stack: stack.to_owned(), resource: resource.clone() });
            events.push(resource);
        }
        let status = events.iter().rev().find(|event| event.is_stack).map(|event| StackStatus::from(event.status.as_str()));
        if let Some(status) = status
            && !status.is_in_progress()
            && status != StackStatus::ReviewInProgress
        {
            return Ok(Ended { status, events, log });
        }
        if news.elapsed() >= QUIET || (events.is_empty() && news.elapsed() >= LONGEST_PAUSE) {
            let status = cloud.stack(id).await?.map_or(StackStatus::DeleteComplete, |stack| stack.status);
            // Right after ExecuteChangeSet a stale read may still say REVIEW_IN_PROGRESS.
            if !status.is_in_progress() && status != StackStatus::ReviewInProgress && news.elapsed() >= QUIET / 10 {
                return Ok(Ended { status, events, log });
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
    }
}

fn says_worker_failed(event: &ResourceEvent) -> bool {
    event.resource_type == "AWS::AutoScaling::AutoScalingGroup"
        && event.reason.as_deref().is_some_and(|reason| reason.contains("FAILURE signal"))
}

/// Best effort: a log that can't be read must not hide the failure that it would explain.
async fn worker_log(cloud: &Cloud, id: &str, event: &ResourceEvent) -> Vec<String> {
    let Ok(resources) = cloud.stack_resources(id).await else { return Vec::new() };
    let Some(group) = resources.iter().find(|resource| resource.resource_type == "AWS::Logs::LogGroup") else {
        return Vec::new();
    };
    // "Received FAILURE signal with UniqueId i-0123456789abcdef0"; streams are named after the instance.
    let reason = event.reason.as_deref().unwrap_or_default();
    let instance = reason.split_whitespace().find(|word| word.starts_with("i-")).unwrap_or_default();
    cloud.last_log_lines(&group.physical_id, instance, LOG_LINES).await.unwrap_or_default()
}
