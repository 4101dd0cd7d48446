//! While others take over from those who work on a stage's messages, and after that: what the queue holds and what holds up
//! the instances is shown, and what a function still has in hand is waited for.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::blueprint::{Stack, outputs};
use crate::cloud::cloudformation::change_set::{Action, Change};
use crate::cloud::cloudformation::stack_status::StackStatus;
use crate::engine::event::Event;
use crate::engine::finishing;
use crate::engine::operation::Context;
use crate::engine::plan::Outputs;
use crate::engine::plan::mappings::MAPPING;
use crate::engine::plan::switch::Switch;
use crate::environment::Active;
use crate::error::Error;
use crate::interrupt::until;

/// How often the queue's numbers are told.
const PAUSE: Duration = Duration::from_secs(5);

/// Tells what the queue holds and which instances can't leave, for as long as it is polled. `known`: outputs from before.
pub(super) async fn show(context: Context<'_>, stack: &Stack, switch: Switch, known: &Outputs) -> Infallible {
    let queue_url = output(known, stack, outputs::QUEUE_URL);
    let group = output(known, stack, outputs::GROUP);
    let (mut last, mut told) = (None, BTreeSet::new());
    loop {
        // Who may not see it waits without.
        let depth = match queue_url {
            Some(queue_url) => context.cloud.queue_depth(queue_url).await.ok().flatten(),
            None => None,
        };
        if depth != last
            && let Some(depth) = depth
        {
            context.tell.tell(Event::Switching {
                stack: stack.name.clone(),
                from: switch.from,
                to: switch.to,
                messages_visible: depth.visible,
                messages_in_flight: depth.in_flight,
            });
        }
        last = depth;
        if let Some(group) = group {
            tell_of_protected(context, &stack.name, group, &mut told).await;
        }
        sleep(PAUSE).await;
    }
}

/// CloudFormation shrinks a group to nothing before it deletes it, and Auto Scaling takes no instance that is protected
/// from scale-in
/// (<https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-instance-protection.html>). Each is told of once.
/// The protection stays: a worker may have asked for it until it has finished.
async fn tell_of_protected(context: Context<'_>, stack: &str, group: &str, told: &mut BTreeSet<String>) {
    let Context { cloud, tell, .. } = context;
    let Ok(Some(found)) = cloud.group(group).await else {
        return;
    };
    let protected = found.instances.iter().filter(|one| one.protected_from_scale_in);
    let new: Vec<&str> = protected
        .map(|one| one.id.as_str())
        .filter(|id| !told.contains(*id))
        .collect();
    // Until the new ones work, the group has not to go.
    let goes = !new.is_empty()
        && matches!(cloud.stack(stack).await, Ok(Some(now)) if now.status == StackStatus::UpdateCompleteCleanupInProgress);
    if !goes {
        return;
    }
    tell.warn(format!(
        "{stack}: {} can't leave {group}, protected from scale-in: CloudFormation waits for them, in vain unless their \
         workers end the protection. To end it: {}",
        new.join(", "),
        cloud.cli().command(&format!(
            "autoscaling set-instance-protection --auto-scaling-group-name {group} --no-protected-from-scale-in \
             --instance-ids {}",
            new.join(" ")
        ))
    ));
    told.extend(new.into_iter().map(str::to_owned));
}

fn output<'a>(known: &'a Outputs, stack: &Stack, key: &str) -> Option<&'a str> {
    known.get(&stack.part)?.get(key).map(String::as_str)
}

/// After a switch. The deploy is done by then, so that an interrupt and the end of the time to wait only end the waiting.
pub(super) async fn finish(context: Context<'_>, stack: &Stack, switch: Switch, known: &Outputs) {
    match switch.from {
        Active::Instances => tell_of_left(context, stack, known).await,
        Active::Lambda => finish_function(context, stack, known).await,
        Active::None => {}
    }
}

/// Once the new ones work, the update is complete, also where CloudFormation could not delete the group
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html>).
async fn tell_of_left(context: Context<'_>, stack: &Stack, known: &Outputs) {
    let Context { cloud, tell, .. } = context;
    let Some(group) = output(known, stack, outputs::GROUP) else {
        return;
    };
    if let Ok(Some(found)) = cloud.group(group).await
        && !found.instances.is_empty()
    {
        let left: Vec<&str> = found.instances.iter().map(|instance| instance.id.as_str()).collect();
        tell.warn(format!(
            "{}: the switch is done, but CloudFormation could not delete {group} and leaves it there: {} may \
             still take messages, and cost money. To end them with what they have in hand: {}",
            stack.name,
            left.join(", "),
            cloud.cli().command(&format!(
                "autoscaling delete-auto-scaling-group --auto-scaling-group-name {group} --force-delete"
            ))
        ));
    }
}

/// What a function has received, it finishes.
async fn finish_function(context: Context<'_>, stack: &Stack, known: &Outputs) {
    let (Some(function), Some(queue)) = (
        output(known, stack, outputs::FUNCTION),
        output(known, stack, outputs::QUEUE_URL),
    ) else {
        return;
    };
    let began = Instant::now();
    let ended = tokio::select! {
        ended = finishing::wait(context, &stack.name, function, queue) => ended.map_err(|error| error.to_string()),
        () = context.interrupt.wait() => Err("interrupted".to_owned()),
        () = until(context.waiting.deadline) => Err("the time of --timeout is over".to_owned()),
    };
    if let Err(why) = ended {
        let seconds = began.elapsed().as_secs();
        context.tell.warn(format!(
            "{}: the switch is done; whether {function} has finished what it received wasn't waited for any longer than \
             {seconds} s: {why}",
            stack.name
        ));
    }
}

/// Somebody else has switched a stage's workers since the plan was shown: what was tried or approved was another switch.
pub(super) fn others_switched(stack: &Stack) -> Error {
    Error::refused(format!(
        "{}: somebody else has switched its workers meanwhile, and this deploy would switch them otherwise than its plan \
         showed; nothing was done to it",
        stack.name
    ))
    .with_help("see who else deploys this environment, then run the same command again: its plan shows the switch")
}

/// Whether workers get no more messages with it.
pub(super) fn ends_workers(change: &Change) -> bool {
    let takes_messages = ["AWS::AutoScaling::AutoScalingGroup", MAPPING];
    change.action == Action::Remove && takes_messages.contains(&change.resource_type.as_str())
}
