//! Before a deploy, or a plan that waits: operations that are running already are watched to their end.

use std::future::ready;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{join, try_join_all};

use crate::blueprint::Blueprint;
use crate::deployed::ours;
use crate::engine::event::Operation;
use crate::engine::operation::{self, Context, Target};
use crate::engine::outcome::{Failed, Unattended};
use crate::engine::plan::Plan;
use crate::engine::plan::decide;
use crate::engine::plan::decide::History;
use crate::engine::plan::draw_up::draw_up;
use crate::engine::plan::planner::Planner;
use crate::engine::plan::surplus::Surplus;
use crate::error::{Error, Result};

/// Draws up a plan once nothing runs on its stacks, with what left the file. `attach`: what runs is waited for.
///
/// # Errors
/// As of [`draw_up`] and [`settle`].
pub async fn draw_up_settled(context: Context<'_>, planner: Planner<'_>, prunes: bool, attach: bool) -> Result<Plan> {
    let Planner {
        cloud,
        blueprint,
        drafts,
        now,
        ..
    } = planner;
    loop {
        // Their futures are large: a thread has a small stack.
        let plan = Box::pin(draw_up(planner));
        let surplus = Box::pin(Surplus::find(cloud, blueprint, prunes, now));
        let look = join(plan, surplus).map(Ok::<_, Error>);
        let (plan, surplus) = context.interrupt.unless_stopped(look).await?;
        let plan = Plan {
            surplus,
            prunes,
            ..plan?
        };
        if !plan.is_busy() {
            return Ok(plan);
        }
        drafts.discard_in_time(cloud, context.interrupt).await?;
        settle(context, blueprint, attach).await?;
    }
}

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
