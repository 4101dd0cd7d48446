//! One stack taken down: what stands in the way is dealt with, a deletion that fails is tried again, and given up only when
//! told to.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join;
use tokio::time::sleep;

use super::again::as_shown;
use super::{Left, Teardown};
use crate::cloud::CloudError;
use crate::cloud::cloudformation::events::ResourceEvent;
use crate::cloud::cloudformation::stack_status::StackStatus;
use crate::cloud::cloudformation::stacks::{Leaving, StackResource};
use crate::deployed::DeployedStack;
use crate::deployed::holdings::{Kind, of_stack, unmade};
use crate::engine::destroy::drain::drain;
use crate::engine::destroy::emptying::empty;
use crate::engine::destroy::{existing_bucket, mappings};
use crate::engine::event::Operation;
use crate::engine::operation::{self, Context, Target};
use crate::engine::outcome::{Abandoned, Failed, Failure, Kept, Outcome};
use crate::engine::plan::blocking;
use crate::engine::plan::blocking::Blocking;
use crate::engine::plan::pruned_data::prune_refusal;
use crate::observe::data::Data;

/// How often to try a delete that fails on something that is mended each time.
const ATTEMPTS: usize = 3;
/// How often to try one that fails on anything else: some things pass, such as an interface that is still attached.
const ATTEMPTS_IN_VAIN: usize = 2;
/// The time in between, for such a thing to pass.
const PAUSE: Duration = Duration::from_secs(3);

const GROUP: &str = "AWS::AutoScaling::AutoScalingGroup";

/// Takes it down, and says what it left where it is, also where it fails.
pub(super) async fn destroy(teardown: Teardown<'_>, stack: &DeployedStack, left: &mut Left) -> Result<Outcome, Failed> {
    let mut drained = false;
    let destroyed = take_down(teardown, stack, &mut drained, left).await;
    destroyed.map_err(|failed| match drained {
        true => say_that_workers_are_gone(failed),
        false => failed,
    })
}

/// `drained`: whether it has taken workers away.
async fn take_down(
    teardown: Teardown<'_>,
    stack: &DeployedStack,
    drained: &mut bool,
    left: &mut Left,
) -> Result<Outcome, Failed> {
    let context = teardown.context;
    let target = Target {
        stack: &stack.stack.name,
        part: &stack.part,
        id: &stack.stack.id,
        template: None,
        boot_reports: None,
        awaited: !stack.tags.needs.is_empty(),
    };
    let mut outcome = Outcome::Unchanged;
    let mut attempt = 0;
    let mut others = BTreeSet::new();
    loop {
        // Somebody else may have deleted it, each time.
        if as_shown(teardown, stack, target, &mut outcome).await?.is_none() {
            return Ok(outcome);
        }
        let resources = there(context.cloud.stack_resources(target.id).await)?;
        // Before workers are taken away for nothing, and once more when they are gone.
        Box::pin(spare_data(teardown, stack, &resources)).await?;
        drain_workers(teardown, target, &resources).await?;
        Box::pin(spare_data(teardown, stack, &resources)).await?;
        // On the emulator, groups are left as they are.
        *drained |= !context.cloud.local && resources.iter().any(|one| one.resource_type == GROUP);
        for name in unmade(context.cloud, target.id, &resources).await? {
            if others.insert(name.clone()) {
                context.tell.warn(format!(
                    "{}: {name} is left as it is: its creation failed, so it may have been there before",
                    target.stack
                ));
            }
        }
        let holdings = of_stack(stack, &resources, &others);
        for bucket in holdings.iter().filter(|one| one.kind == Kind::Bucket && !one.kept) {
            if as_shown(teardown, stack, target, &mut outcome).await?.is_none() {
                return Ok(outcome);
            }
            // Bucket names are given again: what another stack has taken in is its.
            let resources = there(context.cloud.stack_resources(target.id).await)?;
            if of_stack(stack, &resources, &others).contains(bucket) {
                // Stops by itself, once what is on its way is answered, and says how far it came.
                empty(context, &bucket.name, teardown.objects.get(&bucket.name).copied()).await?;
            }
        }
        left.keep(holdings.iter().filter(|one| one.kept).map(Kept::from));
        let now = loop {
            let Some(now) = as_shown(teardown, stack, target, &mut outcome).await? else {
                return Ok(outcome);
            };
            // That takes a while, and another deploy may name another bucket by then.
            if !existing_bucket::leave(teardown, stack, &now, &mut left.told).await? {
                break now;
            }
        };
        if now.protected == Some(true) {
            context.cloud.protect_stack(&now.id, false).await?;
        }
        attempt += 1;
        let failure = match delete(teardown, target, Leaving::Nothing).await? {
            Deletion::Done(outcome, _) => return Ok(outcome),
            Deletion::Busy(_) if attempt < ATTEMPTS => continue,
            Deletion::Busy(failure) => return Err(Failed::Failure(failure)),
            Deletion::Stuck(failure) => failure,
        };
        let blocking = blocking::find(context.cloud, target.id).await?;
        let mendable = |blocking: &Blocking| can_be_mended(blocking) && !others.contains(&blocking.physical_id);
        if is_tried_again(context, target, &blocking, attempt, blocking.iter().any(mendable)).await? {
            continue;
        }
        if !teardown.force || !(teardown.approve)(target.stack, &blocking) {
            return Err(Failed::Failure(with_help(failure, &blocking)));
        }
        if as_shown(teardown, stack, target, &mut outcome).await?.is_none() {
            return Ok(outcome);
        }
        let own = blocking.into_iter().filter(|one| !others.contains(&one.physical_id));
        return give_up(teardown, target, own.collect(), left).await;
    }
}

/// A stack that somebody else has deleted by now has no resources.
fn there(resources: Result<Vec<StackResource>, CloudError>) -> Result<Vec<StackResource>, CloudError> {
    match resources {
        Err(error) if error.is("ValidationError") && error.message.contains("does not exist") => Ok(Vec::new()),
        resources => resources,
    }
}

/// Refuses where something came into it since that was shown as empty.
async fn spare_data(teardown: Teardown<'_>, stack: &DeployedStack, resources: &[StackResource]) -> Result<(), Failed> {
    let Some(allowed) = teardown.spares else {
        return Ok(());
    };
    let cloud = teardown.context.cloud;
    let holdings = of_stack(stack, resources, &unmade(cloud, &stack.stack.id, resources).await?);
    let data = Data::read(cloud, &holdings, (teardown.now)()).await;
    match prune_refusal(&stack.part, &data, allowed) {
        Some(refusal) => Err(refusal.into()),
        None => Ok(()),
    }
}

/// Takes away what would keep its deletion waiting: instances, and functions that receive.
async fn drain_workers(teardown: Teardown<'_>, target: Target<'_>, resources: &[StackResource]) -> Result<(), Failed> {
    let context = teardown.context;
    let drained = async {
        let (stack, at_once) = (target.stack, teardown.no_drain);
        join(
            drain(context, target, resources, at_once, (teardown.now)()),
            mappings::disable(context, stack, resources, at_once),
        )
        .await;
        Ok::<_, Failed>(())
    };
    context.prepare(target.stack, drained).await
}

/// A stack that stays after all has no workers any more, which nobody would expect.
fn say_that_workers_are_gone(failed: Failed) -> Failed {
    let Failed::Failure(mut failure) = failed else {
        return failed;
    };
    if failure.refused {
        let gone =
            "its workers are gone until the next `qfleet deploy` of the environment's file, which brings them back";
        failure.help = Some(match failure.help.take() {
            Some(help) => format!("{help}; {gone}"),
            None => gone.to_owned(),
        });
    }
    Failed::Failure(failure)
}

impl Left {
    /// What an earlier attempt left: the stack no longer names it.
    fn keep(&mut self, kept: impl Iterator<Item = Kept>) {
        for one in kept {
            if !one.name.is_empty() && !self.kept.iter().any(|known| known.name == one.name) {
                self.kept.push(one);
            }
        }
    }
}

/// How the request to delete a stack ended.
enum Deletion {
    /// It is gone; with the events of it.
    Done(Outcome, Vec<ResourceEvent>),
    /// Nothing was done: somebody else began something on it just now.
    Busy(Box<Failure>),
    Stuck(Box<Failure>),
}

async fn delete(teardown: Teardown<'_>, target: Target<'_>, leaving: Leaving) -> Result<Deletion, Failed> {
    let Teardown { context, role_arn, .. } = teardown;
    let busy = AtomicBool::new(false);
    let request = async {
        let asked = context.cloud.delete_stack_leaving(target.id, role_arn, leaving).await;
        asked.inspect_err(|error| busy.store(is_busy(error), Ordering::Relaxed))
    };
    match operation::run(context, target, Operation::Delete, request).await {
        Ok((outcome, ended)) => Ok(Deletion::Done(outcome, ended.events)),
        Err(Failed::Failure(failure)) if busy.load(Ordering::Relaxed) => Ok(Deletion::Busy(failure)),
        Err(Failed::Failure(failure)) if failure.status == Some(StackStatus::DeleteFailed) => {
            Ok(Deletion::Stuck(failure))
        }
        Err(failed) => Err(failed),
    }
}

/// "Stack [arn:…] cannot be deleted while in status UPDATE_IN_PROGRESS"
fn is_busy(error: &CloudError) -> bool {
    error.is("ValidationError") && error.message.contains("cannot be deleted while in status")
}

/// Whether there is another attempt after this one; says so, with the causes.
async fn is_tried_again(
    context: Context<'_>,
    target: Target<'_>,
    blocking: &[Blocking],
    attempt: usize,
    mendable: bool,
) -> Result<bool, Failed> {
    if attempt >= if mendable { ATTEMPTS } else { ATTEMPTS_IN_VAIN } {
        return Ok(false);
    }
    let again = if mendable { "" } else { ", in case that passes" };
    for blocking in blocking {
        context
            .tell
            .warn(format!("{}: {blocking}; tried again{again}", target.stack));
    }
    if !mendable && !context.cloud.local {
        let pause = async {
            sleep(PAUSE).await;
            Ok::<_, Failed>(())
        };
        context.prepare(target.stack, pause).await?;
    }
    Ok(true)
}

/// Whether what is done before each attempt takes away what this failed on: a bucket filled up again, an instance was
/// protected again.
fn can_be_mended(blocking: &Blocking) -> bool {
    matches!(blocking.resource_type.as_str(), "AWS::S3::Bucket" | GROUP)
}

fn with_help(mut failure: Box<Failure>, blocking: &[Blocking]) -> Box<Failure> {
    let names: Vec<String> = blocking
        .iter()
        .map(|one| format!("{} ({})", one.physical_id, one.resource_type))
        .collect();
    failure.help = Some(format!(
        "put right what keeps {}, and run the same command again; or give it up with --force, which leaves it behind",
        names.join(", ")
    ));
    failure
}

/// Deletes a stack that is DELETE_FAILED without what it fails on.
async fn give_up(
    teardown: Teardown<'_>,
    target: Target<'_>,
    blocking: Vec<Blocking>,
    left: &mut Left,
) -> Result<Outcome, Failed> {
    match delete(teardown, target, Leaving::WhatFails).await? {
        Deletion::Done(outcome, events) => {
            left.abandoned = abandoned(target.stack, blocking, &events);
            Ok(outcome)
        }
        Deletion::Busy(failure) | Deletion::Stuck(failure) => Err(Failed::Failure(failure)),
    }
}

/// What was given up, without what went after all.
fn abandoned(stack: &str, blocking: Vec<Blocking>, events: &[ResourceEvent]) -> Vec<Abandoned> {
    let went = |blocking: &Blocking| {
        let mut of_resource = events.iter().filter(|event| event.logical_id == blocking.logical_id);
        of_resource.any(|event| event.status == "DELETE_COMPLETE")
    };
    let left = blocking.into_iter().filter(|blocking| !went(blocking));
    left.map(|blocking| Abandoned {
        stack: stack.to_owned(),
        resource_type: blocking.resource_type,
        name: blocking.physical_id,
        reason: blocking.reason,
    })
    .collect()
}
