//! Around the stack with the topic: a bucket that is there already is told of it, and one that the file has left is told
//! nothing any more.
//!
//! Only the stack says which bucket it was, so that one is left before the stack changes: right before its change set is
//! executed, by what the stack says then. However the deploy of the stack ends, a bucket that was left and that the stack
//! still names is told again as the stack says.

use std::collections::BTreeMap;
use std::mem::take;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::Deployment;
use crate::blueprint::notifications::Notifications;
use crate::blueprint::{Stack, outputs};
use crate::cloud::cloudformation::stacks::StackDescription;
use crate::engine::believed;
use crate::engine::existing_bucket::{Set, set};
use crate::engine::operation::{Context, Waiting};
use crate::engine::outcome::{Failed, Outcome};
use crate::engine::plan::Outputs;
use crate::engine::plan::existing_bucket::{INTAKE, left};
use crate::engine::told::Told;
use crate::error::Error;
use crate::interrupt::Interrupt;

/// How long a read may show that something still runs on a stack on which it has ended.
const EARLY: Duration = Duration::from_secs(3);
/// How long a last look may take: the command is told to end.
const LAST_LOOK: Duration = Duration::from_secs(1);

/// What a deploy did to buckets that are there already.
#[derive(Debug, Default)]
pub struct Buckets {
    told: Mutex<Vec<Told>>,
    /// A stack is done, and its bucket isn't told: the command was interrupted in between.
    pub(super) cut_short: AtomicBool,
}

impl Buckets {
    /// Sets what a bucket tells, and keeps what was done; also whether anything was written, however it ended.
    async fn set(&self, context: Context<'_>, stack: &str, wanted: &Notifications) -> (Result<Set, Failed>, bool) {
        let mut more = Vec::new();
        let done = set(context, stack, wanted, &mut more).await;
        let wrote = !more.is_empty();
        if let Ok(mut told) = self.told.lock() {
            told.append(&mut more);
        }
        (done, wrote)
    }

    /// Whether notifications were taken out of it, or may have been.
    fn was_left(&self, bucket: &str) -> bool {
        let told = self.told.lock();
        told.is_ok_and(|told| told.iter().any(|told| told.bucket == bucket))
    }

    fn left(&self) -> Vec<String> {
        let told = self.told.lock();
        told.map(|told| told.iter().map(|told| told.bucket.clone()).collect())
            .unwrap_or_default()
    }

    /// It is as it was.
    fn forget(&self, bucket: &str) {
        if let Ok(mut told) = self.told.lock() {
            told.retain(|told| told.bucket != bucket);
        }
    }

    pub(super) fn take(&self) -> Vec<Told> {
        self.told.lock().map(|mut told| take(&mut *told)).unwrap_or_default()
    }
}

/// Takes the environment's notifications out of a bucket that the file has left: of that which the stack named when it was
/// planned, and which it names now. What can't be taken out is warned of.
///
/// # Errors
/// When nothing may be begun any more.
pub(super) async fn leave(
    deployment: Deployment<'_>,
    stack: &Stack,
    id: &str,
    planned: &Outputs,
) -> Result<(), Failed> {
    let Deployment {
        context,
        blueprint,
        buckets,
        ..
    } = deployment;
    if stack.part != INTAKE {
        return Ok(());
    }
    let now = context.prepare(&stack.name, context.cloud.stack(id)).await?;
    let named = |outputs: &BTreeMap<String, String>| left(context.cloud, blueprint, outputs);
    let now = now.and_then(|now| named(&now.outputs));
    let shown = planned
        .get(INTAKE)
        .and_then(named)
        .filter(|shown| now.as_ref() != Some(shown));
    for before in shown.iter().chain(&now) {
        let bucket = &before.bucket;
        let (taken_out, wrote) = buckets.set(context, &stack.name, before).await;
        match taken_out {
            Ok(Set::AsWanted { of_others }) => {
                for entry in of_others {
                    context.tell.warn(format!(
                        "{bucket} still names the environment's topic, which it may tell nothing any more: {entry}. Somebody \
                         else put that in, so it stays: whoever did should take it out"
                    ));
                }
            }
            Ok(Set::Gone) => {}
            Err(Failed::Failure(failure)) => {
                context.may_begin(&stack.name)?;
                let what = match wrote {
                    true => "its notifications were taken out, and whether that stayed isn't known",
                    false => "its notifications to the environment's topic stay, and tell nobody any more",
                };
                context.tell.warn(format!("{bucket}: {what}: {}", failure.message));
            }
            Err(failed) => return Err(failed),
        }
    }
    Ok(())
}

/// After a deploy of the stack that didn't end well: a bucket that was left, and that the stack still names, is told again.
/// Nothing keeps that from being done, no interrupt and no end of the time to wait.
pub(super) async fn put_back(deployment: Deployment<'_>, stack: &Stack, id: &str, failed: &Failed) {
    let Deployment { context, buckets, .. } = deployment;
    if stack.part != INTAKE {
        return;
    }
    if matches!(failed, Failed::Unattended(..) | Failed::Starting(..)) {
        for left in buckets.left() {
            context.tell.warn(format!(
                "{}: its notifications were taken out of {left}. Should CloudFormation take the update back, {left} tells \
                 nobody of new files. {HOW_TO_MEND}",
                stack.name
            ));
        }
        return say_what_is_missing(deployment, stack).await;
    }
    if buckets.told.lock().is_ok_and(|told| told.is_empty()) {
        return;
    }
    // Its sender is gone: nobody interrupts.
    let (_, interrupt) = Interrupt::by_hand();
    let undisturbed = Context {
        interrupt: &interrupt,
        waiting: Waiting::default(),
        ..context
    };
    let began = Instant::now();
    let has_ended = |now: &StackDescription| !now.status.is_in_progress();
    let now = believed::stack(context.cloud, id, has_ended, || began.elapsed() >= EARLY).await;
    let named = async {
        let Some(now) = now? else { return Ok(None) };
        let (account, region) = (&context.cloud.account, &context.cloud.region);
        let named = Notifications::deployed(&deployment.blueprint.environment, account, region, &now.outputs);
        let named = named
            .map_err(Error::failed)?
            .filter(|named| buckets.was_left(&named.bucket));
        match named {
            Some(named) if !has_ended(&now) => Err(not_again(&named.bucket, "something still runs on the stack")),
            named => Ok(named),
        }
    };
    let again = async {
        let Some(named) = named.await? else { return Ok(()) };
        let mut told = Vec::new();
        match set(undisturbed, &stack.name, &named, &mut told).await {
            Ok(Set::AsWanted { .. }) => buckets.forget(&named.bucket),
            Ok(Set::Gone) => {}
            Err(Failed::Failure(failure)) => return Err(not_again(&named.bucket, &failure.message)),
            Err(_) => return Err(not_again(&named.bucket, "interrupted")),
        }
        Ok::<_, Failed>(())
    };
    if let Err(Failed::Failure(failure)) = again.await {
        context
            .tell
            .warn(format!("{}: {}. {HOW_TO_MEND}", stack.name, failure.message));
    }
}

fn not_again(bucket: &str, why: &str) -> Failed {
    let what = format!("what was taken out of the notifications of {bucket} could not be put back: {why}");
    Error::failed(what).into()
}

const HOW_TO_MEND: &str = "Once the stack is done, run `qfleet deploy` again, which has the bucket of its file told to it; \
                           `qfleet backfill` then sends what arrived meanwhile";

/// The stack is left to itself, or the command is to end: its bucket isn't told yet.
pub(super) async fn say_what_is_missing(deployment: Deployment<'_>, stack: &Stack) {
    let context = deployment.context;
    let Some(wanted) = deployment.blueprint.notifications.as_ref() else {
        return;
    };
    let bucket = &wanted.bucket;
    let found = timeout(LAST_LOOK, context.cloud.bucket_notifications(bucket)).await;
    if let Ok(Ok(Some(found))) = found
        && found.merge(wanted).added.is_empty()
    {
        return;
    }
    let what = format!("{}: {bucket} doesn't tell it of new files yet", stack.name);
    context.tell.warn(format!("{what}. {HOW_TO_MEND}"));
}

/// Has the bucket that is there already tell the topic, unless somebody else has given the stack another bucket meanwhile.
///
/// # Errors
/// A refusal when something of others is in the way; failures of S3.
pub(super) async fn join(
    deployment: Deployment<'_>,
    stack: &Stack,
    outcome: &Outcome,
    known: &Outputs,
) -> Result<(), Failed> {
    let Deployment {
        context,
        blueprint,
        buckets,
        ..
    } = deployment;
    let Some(wanted) = blueprint.notifications.as_ref().filter(|_| stack.part == INTAKE) else {
        return Ok(());
    };
    let bucket = &wanted.bucket;
    // What was just made was read just now.
    let read = match outcome {
        Outcome::Done { .. } => None,
        _ => context.prepare(&stack.name, context.cloud.stack(&stack.name)).await?,
    };
    let of_stack = read.as_ref().map(|read| &read.outputs).or(known.get(INTAKE));
    let named = of_stack.and_then(|of_stack| of_stack.get(outputs::EXISTING_BUCKET));
    if let Some(other) = named.filter(|named| *named != bucket) {
        let what = format!(
            "{} has the bucket {other} by now: somebody else deployed it meanwhile",
            stack.name
        );
        return Err(Error::refused(what).with_help("run the same command again").into());
    }
    let (joined, wrote) = buckets.set(context, &stack.name, wanted).await;
    match joined {
        Ok(Set::AsWanted { .. }) => Ok(()),
        Ok(Set::Gone) => {
            let what = format!(
                "{}: the bucket {bucket} is gone: somebody deleted it meanwhile",
                stack.name
            );
            Err(Error::failed(what)
                .with_help("make it again, or name another one in `bucket.existing`, then run the same command again")
                .into())
        }
        Err(Failed::Stopped) => {
            if !wrote {
                say_what_is_missing(deployment, stack).await;
            }
            buckets.cut_short.store(true, Ordering::Relaxed);
            Ok(())
        }
        Err(Failed::Failure(_)) if context.waiting.deadline.is_some_and(|end| Instant::now() >= end) => {
            let what = match wrote {
                true => format!("{bucket} was told of it, and whether that stayed isn't known"),
                false => format!("{bucket} doesn't tell it of new files yet"),
            };
            let what = format!("{} is deployed, and {what}: the time of --timeout is over", stack.name);
            Err(Error::failed(what).with_help(HOW_TO_MEND).into())
        }
        Err(failed) => Err(failed),
    }
}
