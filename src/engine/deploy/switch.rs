//! Workers that take over from others.
//!
//! In one update, CloudFormation makes what takes messages for the new ones before it deletes that of the old ones, and it
//! deletes nothing when the new ones fail. A group proves itself by its instances' signals; a function runs only once it
//! gets messages, so it is tried before the group goes.

use futures_util::future::try_join;

use super::handover::others_switched;
use super::stack::{Made, bring, throw_away};
use super::{Deployment, as_made};
use crate::blueprint::as_deployed::instances_as_deployed;
use crate::blueprint::{Stack, outputs};
use crate::engine::outcome::{Failed, Outcome};
use crate::engine::plan::draw_up::draw_up_again;
use crate::engine::plan::{Outputs, StackAction, StackPlan};
use crate::error::Error;

/// An event without messages, as the function gets them from its queue.
const NO_MESSAGES: &str = r#"{"Records": []}"#;
/// How many of the log's last lines are shown.
const LOG_LINES: usize = 10;

/// Deploys a stack; where a function is to take over from instances, the function is tried before.
///
/// # Errors
/// As of [`bring`]; the function's; a refusal when somebody else has switched the workers meanwhile.
pub(super) async fn deploy_stack(
    deployment: Deployment<'_>,
    stack: &Stack,
    planned: &StackPlan,
    outputs: &Outputs,
) -> Result<(Outcome, Option<Made>), Failed> {
    let before = planned.switch.and_then(|switch| switch.before(stack));
    let before = before.filter(|_| planned.action == StackAction::Update);
    let mut again = None;
    if let Some(before) = before {
        // Their futures are large: a thread has a small stack.
        Box::pin(prove(deployment, before, planned, outputs)).await?;
        again = Some(draw_up(deployment, stack, outputs).await?);
    }
    let brought = Box::pin(bring(deployment, stack, planned, again, outputs)).await?;
    brought.ok_or_else(|| others_switched(stack).into())
}

/// Deploys everything but the switch, and tries the function; unless somebody else has switched the workers meanwhile.
/// Then there are no instances at work that could be spared.
///
/// # Errors
/// A failure with which the instances work on: of that deploy, or the function's.
async fn prove(deployment: Deployment<'_>, before: &Stack, planned: &StackPlan, known: &Outputs) -> Result<(), Failed> {
    let Deployment { context, .. } = deployment;
    let cloud = context.cloud;
    // It is for the switch, which comes later.
    throw_away(deployment, before, planned).await?;
    let kept;
    let mut before = before;
    let mut plan = draw_up(deployment, before, known).await?;
    if let Some(approved) = deployment.approved {
        approved.holds(planned, &plan, true)?;
    }
    if plan.rolling_update.is_some() {
        throw_away(deployment, before, &plan).await?;
        kept = instances_as_they_are(deployment, before).await?;
        before = kept.as_ref().unwrap_or(before);
        plan = draw_up(deployment, before, known).await?;
    }
    if let Some(rolling) = &plan.rolling_update {
        context.tell.warn(format!(
            "{}: before the function is tried, the instances are replaced ({}): what they are made of changes, too",
            before.name, rolling.instances
        ));
    }
    let mut made = None;
    if plan.action != StackAction::Unchanged {
        let Some((_, as_before)) = Box::pin(bring(deployment, before, planned, Some(plan), known)).await? else {
            return Ok(());
        };
        made = as_before;
    }
    let found = as_made(context, before, made).await?;
    let function = found.and_then(|found| found.outputs.get(outputs::FUNCTION).cloned());
    let Some(function) = function else {
        return Err(Error::failed(format!(
            "{} has no function that could be tried, so its instances work on",
            before.name
        ))
        .with_help("somebody changed the stack meanwhile: run the same command again")
        .into());
    };
    let invoked = context
        .prepare(&before.name, cloud.invoke(&function, NO_MESSAGES))
        .await?;
    let Some(error) = invoked.error else { return Ok(()) };
    let last = invoked.log.len().saturating_sub(LOG_LINES);
    let log: String = invoked.log[last..].iter().map(|line| format!("\n  {line}")).collect();
    Err(Error::failed(format!(
        "{}: the function {function} failed when it was invoked without messages, so the instances work on: {error}{log}",
        before.name
    ))
    .with_help("mend the function and deploy again, or set `active: instances`")
    .into())
}

async fn draw_up(deployment: Deployment<'_>, stack: &Stack, known: &Outputs) -> Result<StackPlan, Failed> {
    let planned = Box::pin(draw_up_again(deployment.planner(), stack, known));
    deployment.context.prepare(&stack.name, planned).await
}

/// This stack without any change to its instances: they are about to go, and may be what doesn't work.
async fn instances_as_they_are(deployment: Deployment<'_>, stack: &Stack) -> Result<Option<Stack>, Failed> {
    let Deployment { context, .. } = deployment;
    let read = try_join(context.cloud.stack(&stack.name), context.cloud.template(&stack.name));
    let (Some(found), Some(template)) = context.prepare(&stack.name, read).await? else {
        return Ok(None);
    };
    let values = found.parameters.into_iter();
    let values = values.map(|(name, parameter)| (name, parameter.resolved.unwrap_or(parameter.value)));
    Ok(instances_as_deployed(stack, &template, &values.collect()))
}
