//! Before a stack is deleted: Lambda stops receiving the messages of its queues, so that functions finish what they have
//! in hand while both queue and function are there.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

use super::operation::Context;
use super::pace;
use crate::cloud::CloudError;
use crate::cloud::stacks::StackResource;

/// For how long a mapping is waited for: it takes a minute or so. CloudFormation deletes it as it is then.
const PATIENCE: Duration = Duration::from_secs(180);

/// Disables every event source mapping among these resources, and waits until they are, unless all is to go at once. What
/// can't be done here is warned of and left to CloudFormation, which deletes mappings in any state.
pub async fn disable(context: Context<'_>, stack: &str, resources: &[StackResource], at_once: bool) {
    let mappings = resources
        .iter()
        .filter(|resource| resource.resource_type == "AWS::Lambda::EventSourceMapping");
    let disabled = mappings.map(async |mapping| {
        let uuid = &mapping.physical_id;
        let done = disable_one(context, uuid, at_once).await;
        context.tell.warn(match done {
            Ok(Ended::Gone) => return,
            Ok(Ended::Asked) => format!("{stack}: the event source mapping {uuid} is being disabled"),
            Ok(Ended::Disabled) => format!("{stack}: the event source mapping {uuid} was disabled"),
            Err(error) => format!("{stack}: the event source mapping {uuid} is deleted as it is: {error}"),
        });
    });
    join_all(disabled).await;
}

/// What came of a mapping.
enum Ended {
    /// There is none.
    Gone,
    /// It wasn't waited for, or not to the end.
    Asked,
    /// Lambda receives nothing through it.
    Disabled,
}

async fn disable_one(context: Context<'_>, uuid: &str, at_once: bool) -> Result<Ended, CloudError> {
    let cloud = context.cloud;
    let began = Instant::now();
    let mut asked = false;
    loop {
        let state = if asked {
            cloud.mapping_state(uuid).await
        } else {
            cloud.disable_mapping(uuid).await
        };
        match state {
            Ok(None) => return Ok(Ended::Gone),
            Ok(Some(state)) if state == "Deleting" => return Ok(Ended::Gone),
            Ok(Some(state)) if state == "Disabled" => return Ok(Ended::Disabled),
            Ok(Some(_)) => asked = true,
            // It is being created or updated: it can be asked for when that is over.
            Err(error) if error.is("ResourceInUseException") && !at_once && began.elapsed() < PATIENCE => {}
            Err(error) => return Err(error),
        }
        if asked && (at_once || began.elapsed() >= PATIENCE) {
            return Ok(Ended::Asked);
        }
        let pause = if cloud.local {
            pace::LOCAL
        } else {
            pace::pause(began.elapsed(), None, true)
        };
        sleep(pause).await;
    }
}
