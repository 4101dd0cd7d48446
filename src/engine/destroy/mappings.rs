//! Before a stack is deleted: Lambda stops receiving the messages of its queues, so that functions finish what they have
//! in hand while both queue and function are there, and are given the time to. When the destroy is stopped, the next deploy has Lambda receive again:
//! CloudFormation sets what the template changes, and it changes nothing.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

use crate::cloud::CloudError;
use crate::cloud::cloudformation::stacks::StackResource;
use crate::cloud::lambda::mappings::Mapping;
use crate::engine::event::Event;
use crate::engine::finishing;
use crate::engine::operation::Context;
use crate::engine::pace;
use crate::engine::plan::mappings::MAPPING;

/// How long to wait for a mapping, which takes a minute or so. After that CloudFormation deletes it as it is.
const PATIENCE: Duration = Duration::from_secs(180);

/// Disables every event source mapping among these resources, and waits until they are and until what their functions have
/// in hand is done, unless all is to go at once. What can't be done here is warned of and left to CloudFormation, which
/// deletes mappings in any state.
pub async fn disable(context: Context<'_>, stack: &str, resources: &[StackResource], at_once: bool) {
    let mappings = resources
        .iter()
        .filter(|resource| resource.resource_type == MAPPING && !resource.physical_id.is_empty());
    let disabled = mappings.map(async |mapping| {
        let uuid = &mapping.physical_id;
        let done = disable_one(context, stack, uuid, at_once).await;
        if let Err(error) = &done {
            let what = format!("{stack}: the event source mapping {uuid} is deleted as it is");
            return context.tell.warn(format!("{what}: {error}"));
        }
        if !matches!(done, Ok(Ended::Gone)) {
            context.tell.tell(Event::Disabling {
                stack: stack.to_owned(),
                mapping: uuid.clone(),
                done: matches!(done, Ok(Ended::Disabled(_))),
            });
        }
        if let Ok(Ended::Disabled(mapping)) = done
            && !at_once
            && let Err(error) = finish(context, stack, &mapping, resources).await
        {
            let what = "whether its function has finished isn't known";
            context.tell.warn(format!("{stack}: {what}: {error}"));
        }
    });
    join_all(disabled).await;
}

/// What came of a mapping.
enum Ended {
    Gone,
    /// It wasn't waited for, or not to the end.
    Asked,
    /// Lambda receives nothing through it.
    Disabled(Mapping),
}

/// Waits until the mapping's function has finished what it has of the stack's queue.
async fn finish(
    context: Context<'_>,
    stack: &str,
    mapping: &Mapping,
    resources: &[StackResource],
) -> Result<(), CloudError> {
    let queue = mapping.queue_arn.as_deref().and_then(|arn| arn.rsplit(':').next());
    let is_queue = |resource: &&StackResource| {
        resource.resource_type == "AWS::SQS::Queue" && resource.physical_id.rsplit('/').next() == queue
    };
    // A queue of somebody else's stays, and what is in it.
    let function = mapping.function_arn.as_deref().and_then(|arn| arn.rsplit(':').next());
    let (Some(queue), Some(function)) = (resources.iter().find(is_queue), function) else {
        return Ok(());
    };
    finishing::wait(context, stack, function, &queue.physical_id).await
}

async fn disable_one(context: Context<'_>, stack: &str, uuid: &str, at_once: bool) -> Result<Ended, CloudError> {
    let Context { cloud, tell, .. } = context;
    let began = Instant::now();
    let mut asked = false;
    let found = cloud.mapping(uuid).await?;
    // One that is disabled was marked before, or somebody else disabled it.
    if let Some(mapping) = found.as_ref().filter(|mapping| !mapping.is_disabled())
        && let Err(error) = cloud.mark_mapping(mapping).await
    {
        tell.warn(format!(
            "{stack}: that the event source mapping {uuid} receives could not be noted, so no deploy will enable it \
             again: {error}"
        ));
    }
    loop {
        let state = if asked {
            cloud.mapping(uuid).await.map(|mapping| Some(mapping?.state))
        } else {
            cloud.enable_mapping(uuid, false).await
        };
        match state {
            Ok(None) => return Ok(Ended::Gone),
            Ok(Some(state)) if state == "Deleting" => return Ok(Ended::Gone),
            Ok(Some(state)) if state == "Disabled" => break,
            Ok(Some(_)) => asked = true,
            // It is being created or updated: it can be asked for when that is over.
            Err(error) if error.is("ResourceInUseException") && !at_once && began.elapsed() < PATIENCE => {}
            Err(error) => return Err(error),
        }
        if asked && (at_once || began.elapsed() >= PATIENCE) {
            return Ok(Ended::Asked);
        }
        sleep(pace::short(cloud.local, began.elapsed())).await;
    }
    Ok(found.map_or(Ended::Gone, Ended::Disabled))
}

/// Has Lambda receive through it again, unless it does, and takes the mark off.
///
/// # Errors
/// When Lambda refuses.
pub async fn put_back(context: Context<'_>, stack: &str, mapping: &Mapping) -> Result<(), CloudError> {
    let Context { cloud, tell, .. } = context;
    let began = Instant::now();
    while mapping.is_disabled() {
        match cloud.enable_mapping(&mapping.uuid, true).await {
            Ok(_) => {
                let uuid = &mapping.uuid;
                tell.warn(format!(
                    "{stack}: the event source mapping {uuid} is enabled again: a destroy that was stopped had disabled it"
                ));
                break;
            }
            // It is still being disabled.
            Err(error) if error.is("ResourceInUseException") && began.elapsed() < PATIENCE => {
                sleep(pace::pause(began.elapsed(), None, true)).await;
            }
            Err(error) => return Err(error),
        }
    }
    cloud.unmark_mapping(mapping).await
}
