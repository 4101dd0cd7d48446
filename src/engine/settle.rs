//! Before a deploy: operations that are running already are watched to their end.

use futures_util::future::try_join_all;
use tokio::time::Instant;

use super::decide;
use super::event::{Event, Events, Operation};
use super::interrupt::Interrupt;
use super::watch::{self, Watch};
use crate::blueprint::Blueprint;
use crate::blueprint::tags;
use crate::cloud::Cloud;
use crate::error::{Error, Result};

/// Waits until no stack of the blueprint has an operation running. Only stacks of this environment are waited for.
///
/// # Errors
/// Failures of AWS; interruption, which leaves the operations running.
pub async fn settle(cloud: &Cloud, blueprint: &Blueprint, tell: &Events, interrupt: &Interrupt) -> Result<()> {
    let waiting = try_join_all(blueprint.stacks.iter().map(|stack| async {
        let Some(found) = cloud.stack(&stack.name).await? else {
            return Ok(());
        };
        let ours = found.tags.get(tags::ENVIRONMENT) == Some(&blueprint.environment);
        if !ours || decide::deploy(Some(&found.status)) != decide::Deploy::Attach {
            return Ok(());
        }
        let (name, part, operation) = (stack.name.clone(), stack.part.clone(), Operation::Attach);
        let after = cloud.newest_event(&found.id).await?;
        let started = Instant::now();
        tell.tell(Event::OperationStarted {
            stack: name.clone(),
            part: part.clone(),
            operation,
        });
        let watch = Watch {
            cloud,
            stack: &stack.name,
            id: &found.id,
            tell,
            boot_reports: None,
        };
        let ended = watch::follow(watch, after).await?;
        let succeeded = ended.status.is_well();
        let seconds = started.elapsed().as_secs_f64();
        tell.tell(Event::OperationEnded {
            stack: name,
            part,
            operation,
            succeeded,
            status: ended.status,
            seconds,
        });
        Ok::<_, Error>(())
    }));
    tokio::select! {
        result = waiting => result.map(drop),
        () = interrupt.wait() => Err(Error::Interrupted),
    }
}
