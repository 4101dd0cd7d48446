//! Around the stack with the topic: a bucket that is there already is told of it, and one that the file has left is told
//! nothing any more.

use std::sync::Mutex;

use super::Deployment;
use crate::blueprint::Stack;
use crate::blueprint::notifications::Notifications;
use crate::engine::existing_bucket::{Set, set};
use crate::engine::outcome::Failed;
use crate::engine::plan::Outputs;
use crate::engine::plan::existing_bucket::{INTAKE, left};
use crate::engine::told::Told;
use crate::error::Error;

/// Takes the environment's notifications out of a bucket that the file has left. Before its stack is changed: that alone says
/// which bucket it was. What can't be taken out is warned of.
///
/// # Errors
/// When nothing may be begun any more.
pub(super) async fn leave(
    deployment: Deployment<'_>,
    stack: &Stack,
    outputs: &Outputs,
    told: &Mutex<Vec<Told>>,
) -> Result<Option<Notifications>, Failed> {
    let context = deployment.context;
    if stack.part != INTAKE {
        return Ok(None);
    }
    let Some(before) = left(context.cloud, deployment.blueprint, outputs) else {
        return Ok(None);
    };
    match set(context, &stack.name, &before.taken_out()).await {
        Ok(Set::Done(done)) => {
            note(told, done);
            Ok(Some(before))
        }
        Ok(Set::Unchanged | Set::Gone) => Ok(None),
        Err(Failed::Failure(failure)) if !context.interrupt.asked() => {
            let bucket = &before.bucket;
            let what = "its notifications to the environment's topic stay, and tell nobody any more";
            context.tell.warn(format!("{bucket}: {what}: {}", failure.message));
            Ok(None)
        }
        Err(failed) => Err(failed),
    }
}

/// The stack still is what it was, and so is the bucket then.
pub(super) async fn go_back(deployment: Deployment<'_>, stack: &Stack, before: &Notifications) {
    let context = deployment.context;
    if let Err(Failed::Failure(failure)) = set(context, &stack.name, before).await {
        let bucket = &before.bucket;
        context.tell.warn(format!(
            "{bucket} tells {} nothing any more, and that could not be put back: {}",
            stack.name, failure.message
        ));
    }
}

/// Has the bucket that is there already tell the topic.
///
/// # Errors
/// A refusal when something of others is in the way; failures of S3.
pub(super) async fn join(deployment: Deployment<'_>, stack: &Stack, told: &Mutex<Vec<Told>>) -> Result<(), Failed> {
    let Some(wanted) = deployment
        .blueprint
        .notifications
        .as_ref()
        .filter(|_| stack.part == INTAKE)
    else {
        return Ok(());
    };
    match set(deployment.context, &stack.name, wanted).await? {
        Set::Unchanged => Ok(()),
        Set::Done(done) => {
            note(told, done);
            Ok(())
        }
        Set::Gone => {
            let what = format!(
                "{}: the bucket {} is gone: somebody deleted it meanwhile",
                stack.name, wanted.bucket
            );
            Err(Error::failed(what).into())
        }
    }
}

fn note(all: &Mutex<Vec<Told>>, done: Told) {
    if let Ok(mut all) = all.lock() {
        all.push(done);
    }
}
