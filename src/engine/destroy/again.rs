//! What the question was about, read again before each deed: others go on working while workers drain and buckets empty.

use std::future::ready;

use super::Teardown;
use crate::cloud::cloudformation::stack_status::StackStatus;
use crate::cloud::cloudformation::stacks::StackDescription;
use crate::deployed::protection;
use crate::deployed::{DeployedStack, ours};
use crate::engine::believed;
use crate::engine::destroy::keep;
use crate::engine::event::Operation;
use crate::engine::operation::{self, Target};
use crate::engine::outcome::{Failed, Outcome};
use crate::engine::plan::decide;
use crate::environment::OnDestroy;
use crate::error::Error;

/// The stack, once nothing runs on it any more and if it still is what the question showed; `None` when it is gone. The
/// outcome is that of what was waited for.
///
/// # Errors
/// A refusal when it is protected now, somebody else's, or keeps other data than was shown.
pub(super) async fn as_shown(
    teardown: Teardown<'_>,
    stack: &DeployedStack,
    target: Target<'_>,
    outcome: &mut Outcome,
) -> Result<Option<StackDescription>, Failed> {
    let context = teardown.context;
    let name = target.stack;
    loop {
        // It was there when the environment was found, and no stack becomes an empty one again.
        let was_empty = stack.stack.status == StackStatus::ReviewInProgress;
        let is_as_known = |now: &StackDescription| was_empty || now.status != StackStatus::ReviewInProgress;
        let stop = || context.interrupt.asked();
        let now = believed::stack(context.cloud, target.id, is_as_known, stop).await?;
        let now = match (decide::destroy(now.as_ref().map(|now| &now.status)), now) {
            (decide::Destroy::Nothing, _) | (decide::Destroy::Delete, None) => return Ok(None),
            (decide::Destroy::Delete, Some(now)) => now,
            (decide::Destroy::Refuse(why), _) => return Err(Error::refused(format!("{name}: {why}")).into()),
            (decide::Destroy::Attach, _) => {
                (*outcome, _) = operation::run(context, target, Operation::Attach, ready(Ok(()))).await?;
                continue;
            }
        };
        context.may_begin(name)?;
        if let Some(refusal) = protection::refusal(&now, teardown.lifted) {
            return Err(refusal.into());
        }
        let whose = |stack| ours(stack).map(|tags| (tags.environment, tags.part));
        if whose(&now) != whose(&stack.stack) {
            let what = format!("{name} had other tags when this command began: nothing of it is deleted");
            return Err(Error::refused(what).with_help("run the same command again").into());
        }
        let fate = keep::on_destroy(context.cloud, &now).await?;
        let becomes = match (stack.tags.on_destroy, fate.on_destroy) {
            _ if stack.disposals != fate.disposals => {
                Some(("does otherwise with its data now than it did", "becomes of it"))
            }
            (shown, now) if shown == now => None,
            (_, OnDestroy::Keep) => Some(("keeps its data now, which was to go", "stays")),
            (_, OnDestroy::Empty) => Some(("would delete its data now, which was to stay", "is lost")),
        };
        let Some((what, shows)) = becomes else {
            return Ok(Some(now));
        };
        let what = format!("{name} {what} when this command began: nothing more of it is deleted");
        let help = format!("run the same command again: it shows what {shows}");
        return Err(Error::refused(what).with_help(help).into());
    }
}
