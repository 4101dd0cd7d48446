//! Before a deploy, or a plan that waits: operations that are running already are watched to their end.

use std::future::ready;
use std::sync::Mutex;
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
use crate::error::{Error, Reason, Result, exit_code};

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
/// A refusal when something runs and is not to be waited for (`attach`); that nothing was begun, with `--no-wait`; failures
/// of AWS; interruption and the end of the time to wait, which leave the operations running.
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
        && !attach
    {
        return Err(
            Error::refused(format!("{} is {}: an operation is running", stack.name, found.status))
                .because(Reason::Busy)
                .with_help("wait until it has ended, or leave out --no-attach to have it waited for"),
        );
    }
    let running: Vec<Target<'_>> = busy
        .iter()
        .map(|(stack, found)| Target::busy(stack, &found.id))
        .collect();
    if context.waiting.no_wait && !running.is_empty() {
        return Err(not_waited_for(&running));
    }
    wait_for(context, &running).await
}

/// What `--no-wait` comes to where something runs already: nobody knows yet what is to be done after it.
pub(in crate::engine) fn not_waited_for(running: &[Target<'_>]) -> Error {
    let names: Vec<String> = running.iter().map(|target| target.stack.to_owned()).collect();
    let what = format!("an operation is running on {}: nothing was begun", names.join(", "));
    Error::failed(what)
        .with_help("run the same command again when it has ended, or without --no-wait, which waits for it")
        .unattended(exit_code::NOT_ALL_BEGUN, names)
}

/// Watches what runs on these stacks to its end, whatever it comes to.
///
/// # Errors
/// Failures of AWS; interruption and the end of the time to wait, which leave the operations running.
pub(in crate::engine) async fn wait_for(context: Context<'_>, running: &[Target<'_>]) -> Result<()> {
    let names = running.iter().map(|target| target.stack.to_owned());
    let goes_on = Mutex::new(names.collect::<Vec<String>>());
    let waiting = running.iter().map(async |target| {
        operation::run(context, *target, Operation::Attach, ready(Ok(()))).await?;
        if let Ok(mut goes_on) = goes_on.lock() {
            goes_on.retain(|stack| stack != target.stack);
        }
        Ok::<_, Failed>(())
    });
    let ended = try_join_all(waiting).await;
    let goes_on = goes_on.lock().map(|goes_on| goes_on.clone()).unwrap_or_default();
    let names = goes_on.join(", ");
    let again = "it goes on in CloudFormation; the same command waits for it again";
    match ended {
        Ok(_) => Ok(()),
        Err(Failed::Stopped) => Err(Error::Interrupted),
        Err(Failed::Unattended(_, Unattended::Interrupted)) => {
            let what = format!("interrupted while it waited for what runs on {names}");
            Err(Error::failed(what)
                .with_help(again)
                .unattended(exit_code::INTERRUPTED, goes_on))
        }
        Err(Failed::Unattended(..) | Failed::Starting(..)) => {
            let what = format!("{names}: what runs there took longer than --timeout");
            Err(Error::failed(what)
                .with_help(again)
                .unattended(exit_code::FAILED, goes_on))
        }
        Err(Failed::Failure(failure)) => Err(Error::failed(failure.message)),
    }
}
