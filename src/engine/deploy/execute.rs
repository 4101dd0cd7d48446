//! The operations of a deploy, each begun and watched to its end.

use std::sync::atomic::{AtomicBool, Ordering};

use super::Deployment;
use crate::blueprint::Stack;
use crate::cloud::CloudError;
use crate::cloud::cloudformation::events::ResourceEvent;
use crate::cloud::cloudformation::stack_status::StackStatus;
use crate::engine::event::Operation;
use crate::engine::operation::{self, Context, Target};
use crate::engine::outcome::{Failed, Outcome};
use crate::engine::plan::drafts::{Draft, Drafts};

/// Executes a change set, and watches what comes of it: with its events. None when it can't be executed any more: somebody else executed
/// another one, or threw this one away.
///
/// # Errors
/// As of [`operation::run`].
pub(super) async fn execute(
    context: Context<'_>,
    drafts: &Drafts,
    target: Target<'_>,
    operation: Operation,
    draft: &Draft,
) -> Result<Option<(Outcome, Vec<ResourceEvent>)>, Failed> {
    let is_void = AtomicBool::new(false);
    let request = async {
        let execute = context.cloud.execute_change_set(&draft.id, draft.keep_failed);
        let executed = drafts.execute(target.stack, execute).await;
        executed.inspect_err(|error| is_void.store(cannot_be_executed(error), Ordering::Relaxed))
    };
    match operation::run(context, target, operation, request).await {
        Err(Failed::Failure(_)) if is_void.load(Ordering::Relaxed) => Ok(None),
        ended => ended.map(|(outcome, ended)| Some((outcome, ended.events))),
    }
}

/// "ChangeSet [arn:…] does not exist", "… cannot be executed in its current execution status of [OBSOLETE]"
fn cannot_be_executed(error: &CloudError) -> bool {
    error.is("ChangeSetNotFound") || error.is("InvalidChangeSetStatus")
}

/// Whether the change set of a stack that is to be made is still to be executed. On AWS all such change sets are of one stack,
/// and CloudFormation throws the others away when one is executed. The emulator makes a new stack for each of them, which takes
/// the place of the last one, and would execute one after the other, so this does there what AWS does. No when another run has
/// executed its change set by now, or has thrown the stack away: this one's is thrown away then.
///
/// # Errors
/// When the emulator can't be asked.
pub(super) async fn is_first(
    context: Context<'_>,
    drafts: &Drafts,
    stack: &str,
    draft: &Draft,
) -> Result<bool, CloudError> {
    let cloud = context.cloud;
    if !cloud.local {
        return Ok(true);
    }
    // In this order: of two runs that both do this, no more than one finds its own change set afterwards, and an empty stack.
    for other in cloud.change_sets(stack).await? {
        if other.id != draft.id {
            cloud.delete_change_set(&other.id, None).await?;
        }
    }
    match cloud.stack(stack).await? {
        Some(now) if now.status == StackStatus::ReviewInProgress => Ok(true),
        _ => {
            cloud.delete_change_set(&draft.id, None).await?;
            drafts.forget(stack);
            Ok(false)
        }
    }
}

pub(super) async fn delete_failed_create(deployment: Deployment<'_>, stack: &Stack, id: &str) -> Result<(), Failed> {
    let target = Target {
        stack: &stack.name,
        part: &stack.part,
        id,
        template: Some(stack),
        boot_reports: None,
        awaited: true,
    };
    let role = deployment.options.manner.role_arn.as_deref();
    let request = deployment.context.cloud.delete_stack(id, role);
    operation::run(deployment.context, target, Operation::Delete, request)
        .await
        .map(drop)
}
