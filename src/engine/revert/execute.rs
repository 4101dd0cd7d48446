//! What was drawn up, executed: each stack after those that it needs.

use std::collections::BTreeMap;

use super::scheduled_bounds::ScheduledBounds;
use super::{StackRevert, draw_up_stack, keeps};
use crate::cloud::cloudformation::change_set::{Action, Replacement};
use crate::cloud::cloudformation::revert::RevertedChange;
use crate::deployed::DeployedStack;
use crate::deployed::address::Address;
use crate::engine::event::Operation;
use crate::engine::graph;
use crate::engine::operation::{self, Context, Target};
use crate::engine::outcome::{Failed, Outcome, Report, StackReport};
use crate::engine::plan::drafts::Drafts;
use crate::error::Error;

/// Executes what was drawn up for these stacks: each after those that it needs.
pub async fn revert(
    context: Context<'_>,
    environment: &str,
    drafts: &Drafts,
    stacks: &[DeployedStack],
    reverts: &[StackRevert],
) -> Report {
    let ready: Vec<Ready<'_>> = reverts
        .iter()
        .filter_map(|revert| {
            Some(Ready {
                revert,
                draft: revert.draft.as_ref()?,
                deployed: stacks.iter().find(|stack| stack.part == revert.part)?,
            })
        })
        .collect();
    let is_part = |part: &&String| ready.iter().any(|ready| ready.deployed.part == **part);
    let needs: BTreeMap<String, Vec<String>> = ready
        .iter()
        .map(|ready| {
            let needs = ready.deployed.tags.needs.iter().filter(is_part);
            (ready.deployed.part.clone(), needs.cloned().collect())
        })
        .collect();
    let stop = || context.interrupt.asked();
    let mut finished = graph::run(&needs, ready.len().max(1), stop, |part| {
        revert_part(context, environment, drafts, &ready, part)
    })
    .await;
    let stacks = ready.iter().filter_map(|ready| {
        Some(StackReport {
            part: ready.deployed.part.clone(),
            stack: ready.deployed.stack.name.clone(),
            outcome: Outcome::from(finished.remove(&ready.deployed.part)?),
        })
    });
    Report::new(Address::new(context.cloud, environment), stacks.collect())
}

/// A stack that something is put back in, and the change set that does it.
#[derive(Clone, Copy)]
struct Ready<'a> {
    revert: &'a StackRevert,
    draft: &'a String,
    deployed: &'a DeployedStack,
}

async fn revert_part(
    context: Context<'_>,
    environment: &str,
    drafts: &Drafts,
    ready: &[Ready<'_>],
    part: String,
) -> std::result::Result<Outcome, Failed> {
    let Some(this) = ready.iter().find(|ready| ready.deployed.part == part) else {
        return Err(Error::failed(format!("`{part}` has no change set")).into());
    };
    let stack = &this.deployed.stack;
    let draft = context.prepare(&stack.name, for_the_fleet_as_it_is(context, environment, drafts, *this));
    let draft = draft.await?;
    let target = Target {
        stack: &stack.name,
        part: &part,
        id: &stack.id,
        template: None,
        boot_reports: None,
        awaited: ready.iter().any(|other| other.deployed.tags.needs.contains(&part)),
    };
    let scheduled = ScheduledBounds::of(context.cloud, this.deployed, this.revert).await?;
    let request = drafts.execute(&stack.name, context.cloud.execute_change_set(&draft, false));
    let done = operation::run(context, target, Operation::Update, request).await;
    if let Some(scheduled) = scheduled {
        scheduled.keep(context, &stack.name).await;
    }
    Ok(done?.0)
}

/// The change set that was drawn up; or another one like it, when the fleet has grown or shrunk since then.
async fn for_the_fleet_as_it_is(
    context: Context<'_>,
    environment: &str,
    drafts: &Drafts,
    ready: Ready<'_>,
) -> std::result::Result<String, Failed> {
    let Ready {
        revert,
        draft,
        deployed,
    } = ready;
    let cloud = context.cloud;
    let now = keeps(cloud, deployed, &revert.changes).await?;
    if now.is_none() || now == revert.keeps {
        return Ok(draft.clone());
    }
    cloud.delete_change_set(draft, None).await?;
    drafts.forget(&revert.stack);
    let again = draw_up_stack(cloud, environment, deployed, drafts).await?;
    match again.draft {
        Some(draft) if done(&again.changes) == done(&revert.changes) && again.newer == revert.newer => Ok(draft),
        _ => {
            let what = format!("{}: other changes would be made now than were shown", revert.stack);
            Err(Error::refused(what).with_help("run the same command again").into())
        }
    }
}

/// What is done to which resource.
fn done(changes: &[RevertedChange]) -> Vec<(&str, &Action, Replacement)> {
    let changes = changes.iter().map(|reverted| &reverted.change);
    changes
        .map(|change| (change.logical_id.as_str(), &change.action, change.replacement))
        .collect()
}
