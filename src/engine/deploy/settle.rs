//! Before a deploy: operations that are running already are watched to their end.

use std::future::ready;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::try_join_all;

use crate::blueprint::Blueprint;
use crate::deployed::ours;
use crate::engine::event::Operation;
use crate::engine::operation::{self, Context, Target};
use crate::engine::outcome::{Failed, Unattended};
use crate::engine::plan::decide;
use crate::engine::plan::decide::History;
use crate::error::{Error, Result};

/// Waits until no stack of the blueprint has an operation running. Only stacks of this environment are waited for.
///
/// # Errors
/// A refusal when something runs and is not to be waited for (`attach`, or `--no-wait`); failures of AWS; interruption
/// and the end of the time to wait, which leave the operations running.
pub async fn settle(context: Context<'_>, blueprint: &Blueprint, attach: bool) -> Result<()> {
    let look = try_join_all(blueprint.stacks.iter().map(|stack| context.cloud.stack(&stack.name)));
    let found = context.interrupt.unless_stopped(look).await?;
    let busy: Vec<_> = blueprint
        .stacks
        .iter()
        .zip(found)
        .filter_map(|(stack, found)| Some((stack, found?)))
        .filter(|(_, found)| ours(found).is_some_and(|tags| tags.environment == blueprint.environment))
        // What runs is waited for, whatever the stack has been through.
        .filter(|(_, found)| decide::deploy(Some(&found.status), History::WasComplete) == decide::Deploy::Attach)
        .collect();
    if busy.is_empty() {
        // What looked busy has just ended, or a stale read hides that it has just begun: not to be asked again at once.
        let pause = tokio::time::sleep(Duration::from_secs(1)).map(Ok::<_, Error>);
        context.interrupt.unless_stopped(pause).await?;
    }
    if let Some((stack, found)) = busy.first()
        && (!attach || context.waiting.no_wait)
    {
        return Err(
            Error::refused(format!("{} is {}: an operation is running", stack.name, found.status))
                .with_help("wait until it has ended, or leave out --no-attach and --no-wait to have it waited for"),
        );
    }
    let running: Vec<Target<'_>> = busy
        .iter()
        .map(|(stack, found)| Target::busy(stack, &found.id))
        .collect();
    wait_for(context, &running).await
}

/// Watches what runs on these stacks to its end, whatever it comes to.
///
/// # Errors
/// Failures of AWS; interruption and the end of the time to wait, which leave the operations running.
pub(in crate::engine) async fn wait_for(context: Context<'_>, running: &[Target<'_>]) -> Result<()> {
    let waiting = running
        .iter()
        .map(|target| operation::run(context, *target, Operation::Attach, ready(Ok(()))));
    match try_join_all(waiting).await {
        Ok(_) => Ok(()),
        Err(Failed::Stopped | Failed::Unattended(_, Unattended::Interrupted)) => Err(Error::Interrupted),
        Err(Failed::Unattended(..) | Failed::Starting(..)) => {
            let names: Vec<&str> = running.iter().map(|target| target.stack).collect();
            let what = format!("{}: what runs there took longer than --timeout", names.join(", "));
            Err(Error::failed(what).with_help("it goes on in CloudFormation; the same command waits for it again"))
        }
        Err(Failed::Failure(failure)) => Err(Error::failed(failure.message)),
    }
}
