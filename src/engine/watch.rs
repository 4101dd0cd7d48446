//! Watches one operation of one stack to its end. Nothing else polls.

use std::time::Duration;

use tokio::time::Instant;

use super::believed::STALE;
use super::event::{Event, Events, Operation};
use super::pace;
use crate::cloud::cloudformation::events::ResourceEvent;
use crate::cloud::cloudformation::operations::Token;
use crate::cloud::cloudformation::stack_status::StackStatus;
use crate::cloud::{Cloud, CloudError};

/// A stack whose operation is watched.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    pub cloud: &'a Cloud,
    pub stack: &'a str,
    /// Its part of the environment.
    pub part: &'a str,
    pub id: &'a str,
    pub tell: &'a Events,
    /// Where instances report why they didn't start.
    pub boot_reports: Option<BootReports<'a>>,
    /// Whether other operations begin when this one has ended.
    pub awaited: bool,
}

/// Where instances report why they didn't start: a signal to CloudFormation carries no reason.
#[derive(Clone, Copy)]
pub struct BootReports<'a> {
    pub bucket: &'a str,
    pub stage: &'a str,
}

/// How an operation ended.
#[derive(Debug, Clone)]
pub struct Ended {
    pub status: StackStatus,
    /// All events of the operation, oldest first.
    pub events: Vec<ResourceEvent>,
    /// What instances reported whose workers didn't start.
    pub log: Vec<String>,
}

/// Without a new event for this long, the stack itself is asked, in case its last event was never written.
const QUIET: Duration = Duration::from_secs(30);
/// The same before the first event of the stack itself; then at longer and longer intervals.
const FIRST: Duration = Duration::from_secs(3);

/// What was there before an operation began.
#[derive(Debug, Clone, Default)]
pub struct Before {
    /// The id of the newest event: what comes after it belongs to the operation.
    pub after: Option<String>,
    /// How long the last operation of the same kind took.
    pub last: Option<Duration>,
    /// The stack's status, unless the operation was running already.
    pub status: Option<StackStatus>,
    /// The stack's statuses until then, oldest first, as far as they were read: those of what runs already are among them.
    pub went_through: Vec<StackStatus>,
}

/// Looks before an operation of this kind begins, in one call. What is to be created only waits for its change set so far:
/// there is nothing to look at.
///
/// # Errors
/// When AWS can't be asked.
pub async fn before(cloud: &Cloud, id: &str, operation: Operation) -> Result<Before, CloudError> {
    if matches!(operation, Operation::Create | Operation::Import) {
        return Ok(Before {
            status: Some(StackStatus::ReviewInProgress),
            ..Before::default()
        });
    }
    let events = cloud.recent_events(id).await?;
    let of_stack = events.iter().filter(|event| event.is_stack);
    let went_through: Vec<StackStatus> = of_stack.map(|event| StackStatus::from(event.status.as_str())).collect();
    Ok(Before {
        status: went_through.last().filter(|_| operation != Operation::Attach).cloned(),
        after: events.last().map(|event| event.id.clone()),
        last: last_took(&events, operation),
        went_through,
    })
}

/// How long the last finished operation of this kind took, if its beginning and its end are among these events.
fn last_took(events: &[ResourceEvent], operation: Operation) -> Option<Duration> {
    let (begin, end) = match operation {
        Operation::Update => ("UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"),
        Operation::Create | Operation::Import | Operation::Delete | Operation::Attach | Operation::Rollback => {
            return None;
        }
    };
    let of_stack: Vec<&ResourceEvent> = events.iter().filter(|event| event.is_stack).collect();
    let ended = of_stack.iter().rposition(|event| event.status == end)?;
    let began = of_stack[..ended].iter().rposition(|event| event.status == begin)?;
    let took = of_stack[ended].at?.duration_since(of_stack[began].at?);
    took.try_into().ok()
}

/// Watches the stack to the end of what runs. `token` is that of the request, when there was one.
///
/// # Errors
/// When AWS can't be asked any more, after its retries. The operation goes on.
pub async fn follow(watch: Watch<'_>, before: Before, token: Token) -> Result<Ended, CloudError> {
    let Watch {
        cloud,
        stack,
        part,
        id,
        tell,
        boot_reports,
        awaited,
    } = watch;
    let began = Instant::now();
    let mut last_seen = before.after.clone();
    // What others began is under way; a deletion that they began isn't begun again.
    let mut has_begun = matches!(before.status, None | Some(StackStatus::DeleteInProgress));
    let mut unseen: Vec<ResourceEvent> = Vec::new();
    let mut events: Vec<ResourceEvent> = Vec::new();
    let mut log = Vec::new();
    let (mut heard, mut first) = (began, FIRST);
    let pause = async || {
        let pause = if cloud.local {
            pace::LOCAL
        } else {
            pace::pause(began.elapsed(), before.last, awaited)
        };
        tokio::time::sleep(pause).await;
    };
    if before.status.is_some() && !cloud.local {
        // It was requested a moment ago. The emulator has done it by now.
        pause().await;
    }
    loop {
        unseen.extend(cloud.events_after(id, last_seen.as_deref()).await?);
        last_seen = unseen.last().map(|event| event.id.clone()).or(last_seen);
        // What was newest before the request may have been read too early: what comes first is of an earlier operation.
        let begins = |event: &ResourceEvent| token.begins(event) || is_of_the_end(event);
        if !has_begun && let Some(begin) = unseen.iter().position(begins) {
            has_begun = true;
            unseen.drain(..begin);
        }
        for resource in has_begun.then(|| unseen.drain(..)).into_iter().flatten() {
            // Of the time before the operation.
            if resource.is_stack && StackStatus::from(resource.status.as_str()) == StackStatus::ReviewInProgress {
                continue;
            }
            heard = Instant::now();
            if let Some(reports) = boot_reports
                && let Some(instance) = instance_that_failed(&resource)
            {
                log.extend(boot_report(cloud, reports, instance).await);
            }
            tell.tell(Event::Resource {
                stack: stack.to_owned(),
                part: part.to_owned(),
                resource: resource.clone(),
            });
            events.push(resource);
        }
        let last = events.iter().rev().find(|event| event.is_stack);
        if let Some(status) = last.map(|event| StackStatus::from(event.status.as_str()))
            && has_ended(&status)
        {
            return Ok(Ended { status, events, log });
        }
        let quiet = if last.is_none() { first } else { QUIET };
        if heard.elapsed() >= quiet {
            let now = cloud.stack(id).await?.map(|stack| stack.status);
            let may_be_stale = !cloud.local && began.elapsed() < STALE;
            let status = match now {
                // It was asked for by its ARN: that is the truth.
                Some(StackStatus::DeleteComplete) => Some(StackStatus::DeleteComplete),
                // As it was before it was made.
                None if may_be_stale => None,
                None => Some(StackStatus::DeleteComplete),
                // As it was before what was requested began.
                Some(status) if may_be_stale && (!has_begun || before.status.as_ref() == Some(&status)) => None,
                status => status,
            };
            if let Some(status) = status.filter(has_ended) {
                return Ok(Ended { status, events, log });
            }
            heard = Instant::now();
            first = (first * 2).min(QUIET);
        }
        pause().await;
    }
}

/// Nothing comes after a deletion, whoever asked for it.
fn is_of_the_end(event: &ResourceEvent) -> bool {
    event.is_stack && event.status == StackStatus::DeleteComplete.as_str()
}

pub(super) fn has_ended(status: &StackStatus) -> bool {
    !status.is_in_progress() && *status != StackStatus::ReviewInProgress
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
