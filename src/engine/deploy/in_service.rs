//! The end of a deploy whose instances don't signal: they are in service.
//!
//! Without signals CloudFormation rests for `PauseTime` after each batch of a rolling update, and asks nobody whether
//! instances work
//! (<https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-updatepolicy.html>). When it calls
//! a new group complete isn't documented. So this looks at the group itself, also where the stack is unchanged: the deploy
//! that changed it may have ended before its instances worked.

use std::time::Duration;

use tokio::time::Instant;

use crate::blueprint::Stack;
use crate::cloud::CloudError;
use crate::cloud::autoscaling::groups::Group;
use crate::engine::event::Event;
use crate::engine::operation::{Context, OnInterrupt};
use crate::engine::outcome::{Failed, Unattended};
use crate::error::Error;
use crate::interrupt::until;

/// Between two looks.
const BEAT: Duration = Duration::from_secs(5);

/// Waits until as many instances of the group as the stack promises are in service, launched as they are now. One look is
/// enough where they are.
///
/// # Errors
/// When they aren't, in time; that they aren't waited for any longer, after an interrupt or at the end of the time to wait.
pub(super) async fn wait(context: Context<'_>, stack: &Stack, group: Option<&str>) -> Result<(), Failed> {
    let (Some(wanted), Some(group)) = (stack.in_service, group) else {
        return Ok(());
    };
    let Context { waiting, interrupt, .. } = context;
    if waiting.no_wait {
        return Ok(());
    }
    let within = Duration::from_secs(wanted.within_seconds);
    let why = tokio::select! {
        biased;
        () = interrupt.wait(), if waiting.on_interrupt != OnInterrupt::Wait => Unattended::Interrupted,
        () = until(waiting.deadline) => Unattended::TimedOut,
        looked = look(context, &stack.name, group, wanted.at_least, within) => return match looked? {
            Looked::AreInService => Ok(()),
            Looked::TooFew { wanted, ready } => Err(too_few(&stack.name, group, (wanted, ready), within)),
        },
    };
    Err(Failed::Starting(wanted.at_least, why))
}

enum Looked {
    AreInService,
    TooFew { wanted: usize, ready: usize },
}

async fn look(
    context: Context<'_>,
    stack: &str,
    group: &str,
    at_least: u32,
    within: Duration,
) -> Result<Looked, CloudError> {
    let Context { cloud, tell, .. } = context;
    let began = Instant::now();
    let mut told = None;
    loop {
        let found = cloud.group(group).await?;
        // Whoever let the group have fewer meant it.
        let least = found.as_ref().map_or(at_least, |found| {
            at_least.min(u32::try_from(found.min).unwrap_or_default())
        });
        let (wanted, ready) = (
            least as usize,
            found.as_ref().map_or(0, Group::in_service_as_launched_now),
        );
        let is_enough = ready >= wanted;
        if told != Some(ready) && (told.is_some() || !is_enough) {
            tell.tell(Event::Starting {
                stack: stack.to_owned(),
                group: group.to_owned(),
                instances_in_service: ready,
                instances_awaited: wanted,
                at_most_seconds: within.as_secs(),
            });
        }
        told = Some(ready);
        if is_enough {
            return Ok(Looked::AreInService);
        }
        if began.elapsed() >= within {
            return Ok(Looked::TooFew { wanted, ready });
        }
        tokio::time::sleep(BEAT).await;
    }
}

fn too_few(stack: &str, group: &str, (wanted, ready): (usize, usize), within: Duration) -> Failed {
    let message = format!(
        "{stack}: of the {wanted} instances that it should have at least, {ready} are in service after {} s",
        within.as_secs()
    );
    let help = format!(
        "the stack itself is done: look at the activities of the group {group}, with `qfleet status`, and whether the image \
         starts; or give it more time with `start_timeout`. The next deploy waits for them again"
    );
    Error::failed(message).with_help(help).into()
}
