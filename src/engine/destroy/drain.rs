//! Before a stage's stack is deleted: its group is left without instances, and workers are given the time to finish.
//!
//! CloudFormation would do that itself when it deletes the group, but it waits for ever for an instance that is protected
//! from scale-in, and an hour or more for a worker that never completes its hook.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use tokio::time::Instant;

use crate::cloud::CloudError;
use crate::cloud::autoscaling::bounds::{Bounds, SCHEDULED_ACTIONS};
use crate::cloud::autoscaling::draining::HookResult;
use crate::cloud::autoscaling::groups::{Group, Instance};
use crate::cloud::autoscaling::scaling::LifecycleHook;
use crate::cloud::cloudformation::stacks::StackResource;
use crate::engine::event::Event;
use crate::engine::operation::{Context, Target};
use crate::engine::pace;

/// How long instances are given to reach their hook, after the workers' time: Auto Scaling takes a moment, and one that
/// was being launched comes up first.
const GRACE: Duration = Duration::from_secs(120);
const TERMINATING: &str = "autoscaling:EC2_INSTANCE_TERMINATING";

/// Takes the instances of every group among these resources away: a refresh is cancelled, the group shrunk to nothing,
/// protection taken off, and its workers are waited for as long as their hook's heartbeat timeout; then the hooks of
/// those that still wait are completed. With `at_once`, they are completed without waiting. The worker's messages aren't
/// lost by that: SQS shows them again.
///
/// What can't be done here is warned of and left to CloudFormation, which may do it with a role of its own. The local
/// emulator deletes a group with all that is in it, so nothing is done there.
///
/// It is `now`.
pub async fn drain(
    context: Context<'_>,
    target: Target<'_>,
    resources: &[StackResource],
    at_once: bool,
    now: Timestamp,
) {
    let stack = target.stack;
    if context.cloud.local {
        return;
    }
    let groups = resources.iter().filter(|resource| {
        resource.resource_type == "AWS::AutoScaling::AutoScalingGroup" && !resource.physical_id.is_empty()
    });
    let scheduled = resources
        .iter()
        .any(|resource| resource.resource_type == "AWS::AutoScaling::ScheduledAction");
    let drained = groups.map(async |group| {
        if let Err(error) = drain_group(context, target, group, (scheduled, at_once), now).await {
            context.tell.warn(format!(
                "{stack}: {} is left to CloudFormation to be emptied: {error}",
                group.physical_id
            ));
        }
    });
    join_all(drained).await;
}

async fn drain_group(
    context: Context<'_>,
    target: Target<'_>,
    resource: &StackResource,
    (scheduled, at_once): (bool, bool),
    now: Timestamp,
) -> Result<(), CloudError> {
    let Context { cloud, tell, .. } = context;
    let (stack, group) = (target.stack, resource.physical_id.as_str());
    let Some(found) = cloud.group(group).await? else {
        return Ok(());
    };
    if !is_made_by(target.id, &resource.status, found.made_by()) {
        tell.warn(format!("{stack}: {group} is left as it is: this stack did not make it"));
        return Ok(());
    }
    // Else its next time could launch instances while the others go.
    let stops_schedule = scheduled && !found.suspended_processes.iter().any(|one| one == SCHEDULED_ACTIONS);
    let taken_down_from = found.taken_down_from();
    // What an earlier destroy noted and no deploy has undone stays noted: since then the schedule changed nothing.
    let still_stopped = found
        .schedule_stopped
        .filter(|_| !stops_schedule || taken_down_from.is_some());
    let schedule_stopped = still_stopped.or(stops_schedule.then_some(now));
    let (bounds, instances) = (found.bounds(), found.instances);
    match cloud.cancel_refresh(group).await {
        Ok(true) => tell.warn(format!("{stack}: the instance refresh of {group} was cancelled")),
        Ok(false) => {}
        Err(error) => tell.warn(format!("{stack}: {error}")),
    }
    // When this is stopped, the next deploy knows by the mark what to put back. A group without bounds has it already, or
    // was lowered by somebody else.
    if (bounds != Bounds::NONE || stops_schedule)
        && let Err(error) = cloud
            .mark_bounds(group, taken_down_from.unwrap_or(bounds), schedule_stopped)
            .await
    {
        tell.warn(format!(
            "{stack}: the bounds of {group} ({} to {} instances) could not be noted, so no deploy will put them back: {error}",
            bounds.min, bounds.max
        ));
    }
    if stops_schedule && let Err(error) = cloud.stop_schedule(group).await {
        tell.warn(format!("{stack}: the schedule of {group} goes on meanwhile: {error}"));
    }
    // First, so that an instance that comes up meanwhile isn't protected.
    let shrunk = cloud.shrink_group(group).await;
    unprotect(context, stack, group, &instances).await?;
    shrunk?;
    let hooks = cloud.lifecycle_hooks(group).await?;
    let patience = if at_once { Duration::ZERO } else { patience(&hooks) };
    let began = Instant::now();
    let mut left = usize::MAX;
    let mut completed = BTreeSet::new();
    loop {
        let Some(Group { instances, .. }) = cloud.group(group).await? else {
            return Ok(());
        };
        let held: Vec<&Instance> = instances.iter().filter(|instance| is_held(instance)).collect();
        if held.len() != left {
            left = held.len();
            tell.tell(Event::Draining {
                stack: stack.to_owned(),
                group: group.to_owned(),
                instances_left: left,
            });
        }
        if held.is_empty() {
            return Ok(());
        }
        unprotect(context, stack, group, &instances).await?;
        if began.elapsed() >= patience {
            for instance in held {
                complete(context, (stack, group), &hooks, instance, &mut completed).await?;
            }
        }
        if began.elapsed() >= patience + GRACE {
            tell.warn(format!(
                "{stack}: instances left in {group}: {left}; CloudFormation goes on with them"
            ));
            return Ok(());
        }
        tokio::time::sleep(pace::pause(began.elapsed(), None, true)).await;
    }
}

/// One that failed to be created may have been there before under its name, or have been made and not have started in time:
/// only its tag tells.
fn is_made_by(stack: &str, status: &str, made_by: Option<&str>) -> bool {
    match made_by {
        Some(made_by) => made_by == stack,
        None => !matches!(status, "CREATE_FAILED" | "DELETE_FAILED"),
    }
}

async fn unprotect(context: Context<'_>, stack: &str, group: &str, instances: &[Instance]) -> Result<(), CloudError> {
    let protected = instances.iter().filter(|instance| instance.can_be_unprotected());
    let ids: Vec<String> = protected.map(|instance| instance.id.clone()).collect();
    if ids.is_empty() {
        return Ok(());
    }
    context.cloud.unprotect_instances(group, &ids).await?;
    context
        .tell
        .warn(format!("{stack}: scale-in protection was taken off {}", ids.join(", ")));
    Ok(())
}

/// Completes the hooks that an instance waits in, once.
async fn complete(
    context: Context<'_>,
    (stack, group): (&str, &str),
    hooks: &[LifecycleHook],
    instance: &Instance,
    completed: &mut BTreeSet<String>,
) -> Result<(), CloudError> {
    let Some((transition, result)) = waits_for(&instance.lifecycle_state) else {
        return Ok(());
    };
    if !completed.insert(instance.id.clone()) {
        return Ok(());
    }
    for hook in hooks.iter().filter(|hook| hook.transition == transition) {
        let cloud = context.cloud;
        cloud.complete_hook(group, &hook.name, &instance.id, result).await?;
        context.tell.warn(format!(
            "{stack}: {} was not waited for any longer: its hook `{}` is completed",
            instance.id, hook.name
        ));
    }
    Ok(())
}

/// How long a worker that says nothing may take: what its hook gives it.
fn patience(hooks: &[LifecycleHook]) -> Duration {
    let terminating = hooks.iter().filter(|hook| hook.transition == TERMINATING);
    terminating.map(|hook| hook.heartbeat_timeout).max().unwrap_or_default()
}

/// The hooks that an instance in this state waits in, and how they end for a group that goes
/// (<https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-lifecycle.html>).
fn waits_for(state: &str) -> Option<(&'static str, HookResult)> {
    match state {
        "Terminating:Wait" => Some((TERMINATING, HookResult::Continue)),
        "Pending:Wait" => Some(("autoscaling:EC2_INSTANCE_LAUNCHING", HookResult::Abandon)),
        _ => None,
    }
}

/// Whether an instance hasn't left yet: it works, comes up or waits. One that is past its hook goes by itself, and
/// one in standby only with its group.
fn is_held(instance: &Instance) -> bool {
    !matches!(
        instance.lifecycle_state.as_str(),
        "Terminating" | "Terminating:Proceed" | "Terminated" | "Standby" | "Detaching" | "Detached"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_let_go_and_what_goes_by_itself_is_not_waited_for() {
        let held = |state: &str| {
            is_held(&Instance {
                id: "i-1".into(),
                lifecycle_state: state.into(),
                ..Instance::default()
            })
        };
        for state in [
            "InService",
            "Pending",
            "Pending:Wait",
            "Terminating:Wait",
            "a newer word",
        ] {
            assert!(held(state), "{state}");
        }
        for state in [
            "Terminating",
            "Terminating:Proceed",
            "Terminated",
            "Standby",
            "Detached",
        ] {
            assert!(!held(state), "{state}");
        }
        assert_eq!(
            waits_for("Terminating:Wait").map(|(_, result)| result),
            Some(HookResult::Continue)
        );
        assert_eq!(
            waits_for("Pending:Wait").map(|(_, result)| result),
            Some(HookResult::Abandon)
        );
        assert_eq!(waits_for("InService"), None);
    }

    #[test]
    fn a_group_is_its_stacks_unless_its_tag_or_its_failure_says_otherwise() {
        let (ours, theirs) = (Some("arn:ours"), Some("arn:theirs"));
        for (status, made_by, is_ours) in [
            ("CREATE_COMPLETE", None, true),
            ("CREATE_COMPLETE", theirs, false),
            ("CREATE_FAILED", None, false),
            ("CREATE_FAILED", ours, true),
            ("DELETE_FAILED", None, false),
            ("DELETE_FAILED", ours, true),
        ] {
            assert_eq!(is_made_by("arn:ours", status, made_by), is_ours, "{status} {made_by:?}");
        }
    }

    #[test]
    fn workers_get_as_long_as_the_longest_of_their_hooks() {
        let hook = |transition: &str, seconds| LifecycleHook {
            name: "drain".into(),
            transition: transition.into(),
            heartbeat_timeout: Duration::from_secs(seconds),
            default_result: "CONTINUE".into(),
        };
        let launching = "autoscaling:EC2_INSTANCE_LAUNCHING";
        assert_eq!(patience(&[]), Duration::ZERO);
        assert_eq!(patience(&[hook(launching, 900)]), Duration::ZERO);
        let several = [hook(TERMINATING, 30), hook(launching, 900), hook(TERMINATING, 90)];
        assert_eq!(patience(&several), Duration::from_secs(90));
    }
}
