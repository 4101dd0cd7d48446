//! The names of queues that were deleted a moment ago, which SQS doesn't give back at once.

use std::time::Duration;

use jiff::Timestamp;

use crate::blueprint::{Stack, template};
use crate::cloud::cloudformation::change_set::Action;
use crate::cloud::{Cloud, CloudError};
use crate::engine::operation::Context;
use crate::engine::outcome::Failed;
use crate::engine::plan::StackPlan;
use crate::engine::plan::deleted_queues::{self, REST};

const QUEUE: &str = "AWS::SQS::Queue";

/// Whether an update makes a queue, for all that is known.
pub fn may_add(planned: &StackPlan) -> bool {
    let mut changes = planned.changes.iter();
    planned.changes.is_empty() || changes.any(|change| change.resource_type == QUEUE && change.action == Action::Add)
}

/// Waits, and says so, until the queues' names can be used again. The stack of this ARN had queues of the same names; or,
/// where the stack is made, an earlier one of its name.
///
/// # Errors
/// Interruption, and the end of the time to wait.
pub async fn wait(context: Context<'_>, stack: &Stack, id: Option<&str>, now: Timestamp) -> Result<(), Failed> {
    let names = names(&stack.body);
    if context.cloud.local || names.is_empty() {
        return Ok(());
    }
    // Best effort: without the permission to list stacks a deploy still works, and SQS itself says that a name is taken.
    let Ok(Some(left)) = left(context.cloud, stack, id, &names, now).await else {
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

/// None of one that CloudFormation works out.
fn names(body: &str) -> Vec<Option<String>> {
    let template = template::read(body).unwrap_or_default();
    let queues = template::section(&template, "Resources").filter(|(_, resource)| resource["Type"] == QUEUE);
    let names = queues.map(|(_, queue)| &queue["Properties"]["QueueName"]);
    let names = names.filter(|name| !name.is_null());
    names.map(|name| name.as_str().map(str::to_owned)).collect()
}

/// How long it takes until the names are free. A stack that only ever held change sets had no queues, and a queue that was
/// kept wasn't deleted.
async fn left(
    cloud: &Cloud,
    stack: &Stack,
    id: Option<&str>,
    names: &[Option<String>],
    now: Timestamp,
) -> Result<Option<Duration>, CloudError> {
    let left = |at: Timestamp| REST.checked_sub(now.duration_since(at).try_into().unwrap_or_default());
    let gone;
    let id = match id {
        Some(id) => id,
        None => {
            gone = cloud.last_deleted(&stack.name).await?;
            let Some(gone) = gone.as_ref().filter(|gone| left(gone.at).is_some()) else {
                return Ok(None);
            };
            &gone.id
        }
    };
    let deleted = deleted_queues::of(cloud, id, now).await?;
    let is_wanted = |name: &String| {
        names
            .iter()
            .any(|wanted| wanted.as_ref().is_none_or(|wanted| wanted == name))
    };
    let deleted = deleted.iter().filter(|(name, _)| is_wanted(name));
    Ok(deleted.map(|(_, at)| *at).max().and_then(left))
}
