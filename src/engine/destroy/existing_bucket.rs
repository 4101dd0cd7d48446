//! Before a topic goes: the bucket of somebody else's that tells it of files tells it nothing any more. Nothing else of that
//! bucket is touched.

use super::Teardown;
use crate::deployed::DeployedStack;
use crate::engine::existing_bucket::{Set, set};
use crate::engine::outcome::Failed;
use crate::engine::told::Told;

/// Takes the environment's notifications out of the bucket, if this stack names one. One that is gone tells nobody.
///
/// # Errors
/// When S3 refuses, unless by force.
pub(super) async fn leave(teardown: Teardown<'_>, stack: &DeployedStack, told: &mut Vec<Told>) -> Result<(), Failed> {
    let context = teardown.context;
    let Some(deployed) = stack.notifications(&teardown.deployed.address) else {
        return Ok(());
    };
    let (name, bucket) = (&stack.stack.name, &deployed.bucket);
    match set(context, name, &deployed.taken_out()).await {
        Ok(Set::Done(done)) => told.push(done),
        // An earlier attempt took them out, or nobody ever put them in.
        Ok(Set::Unchanged) => {}
        Ok(Set::Gone) => context.tell.warn(format!(
            "{name}: the bucket {bucket} is gone: nothing is to be taken out of it"
        )),
        Err(Failed::Failure(failure)) if teardown.force => context.tell.warn(format!(
            "{name}: its notifications stay in {bucket}, and will tell a topic that is gone: {}",
            failure.message
        )),
        Err(Failed::Failure(mut failure)) => {
            let force = "with --force it is left as it is: its notifications then name a topic that is gone";
            failure.help = Some(match failure.help.take() {
                Some(help) => format!("{help}; {force}"),
                None => force.to_owned(),
            });
            return Err(Failed::Failure(failure));
        }
        Err(failed) => return Err(failed),
    }
    Ok(())
}
