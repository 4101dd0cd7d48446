//! What was just done is believed to have been done: reads of CloudFormation may come too early, and then don't know a
//! stack yet, or show it as it was.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use crate::cloud::cloudformation::stack_status::StackStatus;
use crate::cloud::cloudformation::stacks::StackDescription;
use crate::cloud::{Cloud, CloudError};

/// How long a read may show things as they were. AWS's own waiter looks for a stack that was just made for as long
/// (`StackExists`, 20 times, five seconds apart: botocore, data/cloudformation/2010-05-15/waiters-2.json).
pub const STALE: Duration = Duration::from_secs(100);

const PAUSE: Duration = Duration::from_secs(1);
/// How often to look for a stack that may not be there.
const LOOKS: usize = 3;

/// The stack of this ARN, once a read shows it as it is known to be. It was there a moment ago, so it is there until a read
/// says that it is deleted. The last read is believed, and so is the next one once `stop()` says so. The local emulator's
/// reads are never early, but it forgets ARNs.
///
/// # Errors
/// When AWS can't be asked.
pub async fn stack(
    cloud: &Cloud,
    id: &str,
    is_as_known: impl Fn(&StackDescription) -> bool,
    stop: impl Fn() -> bool,
) -> Result<Option<StackDescription>, CloudError> {
    let began = Instant::now();
    loop {
        let found = cloud.stack(id).await?;
        let is_believed = match &found {
            Some(stack) => is_as_known(stack) || stack.status == StackStatus::DeleteComplete,
            None => cloud.local,
        };
        if is_believed || began.elapsed() >= STALE || stop() {
            return Ok(found);
        }
        sleep(PAUSE).await;
    }
}

/// The template of a stack that was found a moment ago. None while the stack has none, or when CloudFormation names none
/// until the end.
///
/// # Errors
/// When AWS can't be asked.
pub async fn template(cloud: &Cloud, stack: &StackDescription) -> Result<Option<String>, CloudError> {
    until_there(cloud, stack, || cloud.template(&stack.id)).await
}

/// The same, with what macros made of it.
///
/// # Errors
/// When AWS can't be asked.
pub async fn processed_template(cloud: &Cloud, stack: &StackDescription) -> Result<Option<String>, CloudError> {
    until_there(cloud, stack, || cloud.processed_template(&stack.id)).await
}

async fn until_there<Read>(
    cloud: &Cloud,
    stack: &StackDescription,
    read: impl Fn() -> Read,
) -> Result<Option<String>, CloudError>
where
    Read: Future<Output = Result<Option<String>, CloudError>>,
{
    let began = Instant::now();
    loop {
        let found = read().await?;
        let has_none = cloud.local || stack.status == StackStatus::ReviewInProgress;
        if found.is_some() || has_none || began.elapsed() >= STALE {
            return Ok(found);
        }
        sleep(PAUSE).await;
    }
}

/// Whether a read of this stack's template may still give that of before its last update: then only CloudFormation's change
/// set says whether the stack is as it should be. A stack that was only created has had no other template.
pub fn may_be_early(cloud: &Cloud, stack: &StackDescription, now: Timestamp) -> bool {
    let was_updated = stack.status != StackStatus::CreateComplete;
    let is_new = |updated: Timestamp| updated + STALE > now;
    !cloud.local && was_updated && stack.updated.is_some_and(is_new)
}

/// Whether a stack is there although a read just now didn't know it, while what it would hold is there. That takes a moment
/// longer where data was kept, but data that a stack holds is never taken for kept.
///
/// # Errors
/// When AWS can't be asked.
pub async fn is_there(cloud: &Cloud, name: &str) -> Result<bool, CloudError> {
    for _ in 0..LOOKS {
        if cloud.local {
            break;
        }
        sleep(PAUSE).await;
        let found = cloud.stack(name).await?;
        if found.is_some_and(|stack| stack.status != StackStatus::DeleteComplete) {
            return Ok(true);
        }
    }
    Ok(false)
}
