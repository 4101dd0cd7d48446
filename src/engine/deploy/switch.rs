//! Workers that take over from others.
//!
//! In one update, CloudFormation makes what takes messages for the new ones before it deletes that of the old ones, and it
//! deletes nothing when the new ones fail. A group proves itself by its instances' signals; a function runs only once it
//! gets messages, so it is tried before the group goes.

use super::handover::others_switched;
use super::stack::{Made, bring, throw_away};
use super::{Deployment, as_made};
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
        let planned_again = Box::pin(draw_up_again(deployment.planner(), stack, outputs));
        again = Some(deployment.context.prepare(&stack.name, planned_again).await?);
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
    let plan = Box::pin(draw_up_again(deployment.planner(), before, known));
    let plan = context.prepare(&before.name, plan).await?;
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
        return Err(Error::failed(format!("{} has no function that could be tried", before.name)).into());
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
