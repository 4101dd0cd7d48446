//! Before a topic goes: the bucket of somebody else's that tells it of files tells it nothing any more. Nothing else of that
//! bucket is touched.

use super::Teardown;
use crate::blueprint::notifications::Notifications;
use crate::cloud::cloudformation::stacks::StackDescription;
use crate::deployed::DeployedStack;
use crate::engine::existing_bucket::{Set, set};
use crate::engine::outcome::Failed;
use crate::engine::told::Told;

/// Takes the environment's notifications out of the bucket that this stack names: as the question showed it, and as it is
/// `now`. A bucket that is gone tells nobody. Whether anything was written: the stack may be another one by then.
///
/// # Errors
/// When S3 refuses, unless by force.
pub(super) async fn leave(
    teardown: Teardown<'_>,
    stack: &DeployedStack,
    now: &StackDescription,
    told: &mut Vec<Told>,
) -> Result<bool, Failed> {
    let at = &teardown.deployed.address;
    let named = |stack: &StackDescription| {
        Notifications::taken_out_as_deployed(&at.environment, &at.account, &at.region, &stack.outputs)
    };
    let now = named(now);
    let mut wrote = false;
    for gone in named(&stack.stack)
        .filter(|shown| now.as_ref() != Some(shown))
        .iter()
        .chain(&now)
    {
        wrote |= take_out(teardown, &stack.stack.name, gone, told).await?;
    }
    Ok(wrote)
}

async fn take_out(
    teardown: Teardown<'_>,
    name: &str,
    gone: &Notifications,
    told: &mut Vec<Told>,
) -> Result<bool, Failed> {
    let context = teardown.context;
    let bucket = &gone.bucket;
    let before = told.len();
    let failure = match set(context, name, gone, told).await {
        Ok(Set::AsWanted { of_others }) => {
            for entry in of_others {
                context.tell.warn(format!(
                    "{name}: {bucket} still tells its topic, which goes: {entry}. Somebody else put that in, so it stays: \
                     whoever did should take it out"
                ));
            }
            return Ok(told.len() > before);
        }
        Ok(Set::Gone) => {
            let what = format!("{name}: the bucket {bucket} is gone: nothing is to be taken out of it");
            context.tell.warn(what);
            return Ok(false);
        }
        Err(Failed::Failure(failure)) => failure,
        Err(failed) => return Err(failed),
    };
    // It was written, and only what came after that failed.
    let wrote = told.len() > before;
    if teardown.force {
        let what = match wrote {
            true => format!("its notifications were taken out of {bucket}, and whether that stayed isn't known"),
            false => format!("its notifications stay in {bucket}, and will tell a topic that is gone"),
        };
        context.tell.warn(format!("{name}: {what}: {}", failure.message));
        return Ok(false);
    }
    let mut failure = failure;
    let force = match wrote {
        true => "its notifications were taken out, and whether that stayed isn't known: run the same command again",
        false => "with --force it is left as it is: its notifications then name a topic that is gone",
    };
    failure.help = Some(match failure.help.take() {
        Some(help) => format!("{help}; {force}"),
        None => force.to_owned(),
    });
    Err(Failed::Failure(failure))
}
