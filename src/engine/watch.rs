//! Watches one operation of one stack to its end. Nothing else polls.

use std::time::Duration;

use tokio::time::Instant;

use super::event::{Event, Events};
use crate::cloud::events::ResourceEvent;
use crate::cloud::stack_status::StackStatus;
use crate::cloud::{Cloud, CloudError};

/// A stack whose operation is watched.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// Where it is.
    pub cloud: &'a Cloud,
    /// Its name.
    pub stack: &'a str,
    /// Its ARN.
    pub id: &'a str,
    /// Where events go.
    pub tell: &'a Events,
    /// Where instances report why they didn't start.
    pub boot_reports: Option<BootReports<'a>>,
}

/// Where instances report why they didn't start: a signal to CloudFormation carries no reason.
#[derive(Clone, Copy)]
pub struct BootReports<'a> {
    /// The artifacts bucket.
    pub bucket: &'a str,
    /// The stage.
    pub stage: &'a str,
}

/// How an operation ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// The stack's status.
    pub status: StackStatus,
    /// All events of the operation, oldest first.
    pub events: Vec<ResourceEvent>,
    /// What instances reported whose workers didn't start.
    pub log: Vec<String>,
}

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Without a new event for this long, the stack itself is asked, in case its last event was never written.
const QUIET: Duration = Duration::from_secs(30);

/// Watches the stack from the event `after` on, to the end of what runs.
///
/// # Errors
/// When AWS can't be asked any more, after its retries. The operation goes on.
pub async fn follow(watch: Watch<'_>, after: Option<String>) -> Result<Ended, CloudError> {
    let Watch {
        cloud,
        stack,
        id,
        tell,
        boot_reports,
    } = watch;
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
            if let Some(reports) = boot_reports
                && let Some(instance) = instance_that_failed(&resource)
            {
                log.extend(boot_report(cloud, reports, instance).await);
            }
            tell.tell(Event::Resource {
                stack: stack.to_owned(),
                resource: resource.clone(),
            });
            events.push(resource);
        }
        let status = events
            .iter()
            .rev()
            .find(|event| event.is_stack)
            .map(|event| StackStatus::from(event.status.as_str()));
        if let Some(status) = status
            && !status.is_in_progress()
            && status != StackStatus::ReviewInProgress
        {
            return Ok(Ended { status, events, log });
        }
        if news.elapsed() >= QUIET || (events.is_empty() && news.elapsed() >= LONGEST_PAUSE) {
            let status = cloud
                .stack(id)
                .await?
                .map_or(StackStatus::DeleteComplete, |stack| stack.status);
            // Right after ExecuteChangeSet a stale read may still say REVIEW_IN_PROGRESS.
            if !status.is_in_progress() && status != StackStatus::ReviewInProgress && news.elapsed() >= QUIET / 10 {
                return Ok(Ended { status, events, log });
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
    }
}

/// The instance in "Received FAILURE signal with UniqueId i-0123456789abcdef0".
fn instance_that_failed(event: &ResourceEvent) -> Option<&str> {
    let reason = event
        .reason
        .as_deref()
        .filter(|reason| reason.contains("FAILURE signal"))?;
    reason
        .split_whitespace()
        .map(|word| word.trim_matches('.'))
        .find(|word| word.starts_with("i-"))
}

/// Best effort: a report that can't be read must not hide the failure that it would explain.
async fn boot_report(cloud: &Cloud, reports: BootReports<'_>, instance: &str) -> Vec<String> {
    let key = format!("boot-failures/{}/{instance}.txt", reports.stage);
    let text = cloud
        .object_text(reports.bucket, &key)
        .await
        .ok()
        .flatten()
        .unwrap_or_default();
    text.lines().map(|line| format!("{instance}: {line}")).collect()
}
