//! The end of a deploy whose instances don't signal: they are in service.
//!
//! Without signals CloudFormation rests for `PauseTime` after each batch of a rolling update, and asks nobody whether
//! instances work
//! (<https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-updatepolicy.html>). When it calls
//! a new group complete isn't documented. So this looks at the group itself.

use std::time::Duration;

use tokio::time::Instant;

use crate::blueprint::Stack;
use crate::engine::operation::Context;
use crate::engine::outcome::Failed;
use crate::error::Error;

/// Between two looks.
const BEAT: Duration = Duration::from_secs(5);

/// Waits until as many instances of the group as the stack promises are in service, launched as they are now.
///
/// # Errors
/// When they aren't, in time; interruption, and the end of the time to wait.
pub(super) async fn wait(context: Context<'_>, stack: &Stack, group: Option<&str>) -> Result<(), Failed> {
    let (Some(wanted), Some(group)) = (stack.in_service, group) else {
        return Ok(());
    };
    let until = Instant::now() + Duration::from_secs(wanted.within_seconds);
    loop {
        let found = context.prepare(&stack.name, context.cloud.group(group)).await?;
        let ready = found.map_or(0, |found| {
            found
                .in_service()
                .saturating_sub(found.on_another_version().unwrap_or_default())
        });
        if ready >= wanted.at_least as usize {
            return Ok(());
        }
        if Instant::now() >= until {
            let message = format!(
                "{}: of the {} instances that it should have at least, {ready} are in service after {} s",
                stack.name, wanted.at_least, wanted.within_seconds
            );
            let help = format!(
                "the stack itself is done: look at the activities of the group {group}, with `qfleet status`, and whether the \
                 image starts; or give it more time with `start_timeout`"
            );
            return Err(Error::failed(message).with_help(help).into());
        }
        let rest = async {
            tokio::time::sleep(BEAT).await;
            Ok::<_, Failed>(())
        };
        context.prepare(&stack.name, rest).await?;
    }
}
