//! A stack that begins with what was kept: it is imported before everything else. After that the stack is there and is
//! updated like any other, so that no rollback can take away what it took in.

use crate::blueprint::Stack;
use crate::cloud::cloudformation::stack_status::StackStatus;
use crate::engine::deploy::Deployment;
use crate::engine::deploy::execute::{delete_failed_create, execute};
use crate::engine::event::Operation;
use crate::engine::operation::{Context, Target, Waiting};
use crate::engine::outcome::Failed;
use crate::engine::plan::stack::draft_import;
use crate::engine::plan::{StackAction, StackPlan};

/// Imports what the plan found. False when something runs on the stack already.
///
/// # Errors
/// A refusal when CloudFormation wouldn't take in what was found; the import's failure.
pub(in crate::engine) async fn take_in(
    deployment: Deployment<'_>,
    stack: &Stack,
    planned: &StackPlan,
) -> Result<bool, Failed> {
    let Deployment { context, drafts, .. } = deployment;
    let draft = match &planned.draft {
        Some(draft) => Some(draft.clone()),
        // Beside what: that is to be read, and planned, again.
        None if planned.action == StackAction::Update => None,
        None => {
            let made = draft_import(deployment.planner(), stack, planned, None, None);
            context.prepare(&stack.name, made).await?
        }
    };
    let Some(draft) = draft else { return Ok(false) };
    let target = Target {
        stack: &stack.name,
        part: &stack.part,
        id: &draft.stack_id,
        template: None,
        boot_reports: None,
        awaited: true,
    };
    // The rest can only be begun after it, and it takes seconds.
    let waiting = Waiting {
        no_wait: false,
        ..context.waiting
    };
    let context = Context { waiting, ..context };
    match execute(context, drafts, target, Operation::Import, &draft).await {
        Ok(done) => Ok(done.is_some()),
        Err(failed) => {
            // No document says in which of the two a stack ends that wasn't there before. One that was is as it was.
            if planned.action != StackAction::Update
                && let Failed::Failure(failure) = &failed
                && let Some(StackStatus::RollbackComplete | StackStatus::ImportRollbackComplete) = failure.status
            {
                // The stack let go of what it had taken in: it is empty, and nothing shows that it is ours.
                delete_failed_create(deployment, stack, &draft.stack_id).await?;
            }
            Err(failed)
        }
    }
}
