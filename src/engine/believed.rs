//! What was just done is believed to have been done: reads of CloudFormation may come too early, and then don't know a
//! stack yet, or show it as it was.

use std::time::Duration;

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

/// The stack of this ARN, once it is as it's known to be: it was there a moment ago, so it's there until its ARN is said to
/// be deleted. What is said in the end is believed, and so is what is said once `stop()` says so. The local emulator, whose
/// reads are never early, forgets ARNs.
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
    let began = Instant::now();
    loop {
        let found = cloud.template(&stack.id).await?;
        let has_none = cloud.local || stack.status == StackStatus::ReviewInProgress;
        if found.is_some() || has_none || began.elapsed() >= STALE {
            return Ok(found);
        }
        sleep(PAUSE).await;
    }
}

/// Whether a stack is there though a read just now didn't know it: what it would hold is there. Data that was kept waits a
/// moment longer for its new stack by that, but isn't taken for kept while a stack holds it.
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
