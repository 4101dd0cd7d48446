//! One operation on one stack, from the request to its end: the same for creating, updating, deleting, rolling back
//! and for what others started.

use futures_util::TryFutureExt;
use futures_util::future::try_join;
use tokio::time::Instant;

use super::cause;
use super::event::{Event, Events, Operation};
use super::outcome::{Failed, Failure, Outcome, Unattended};
use super::watch::{self, BootReports, Ended, Watch};
use crate::blueprint::Stack;
use crate::cloud::cloudformation::events::ResourceEvent;
use crate::cloud::cloudformation::operations::{FailedEvent, FailuresOf, Token};
use crate::cloud::cloudformation::stack_status::StackStatus;
use crate::cloud::{Cloud, CloudError};
use crate::error::Error;
use crate::interrupt::{Interrupt, until};

/// What operations work with.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    pub cloud: &'a Cloud,
    pub tell: &'a Events,
    pub interrupt: &'a Interrupt,
    /// How long to wait, and what to do when told to stop.
    pub waiting: Waiting,
}

/// How long to wait for operations.
#[derive(Debug, Clone, Copy, Default)]
pub struct Waiting {
    /// What becomes of running operations when the command is interrupted.
    pub on_interrupt: OnInterrupt,
    /// Until when they are waited for.
    pub deadline: Option<Instant>,
    /// They are begun and not waited for.
    pub no_wait: bool,
}

impl Context<'_> {
    /// Whether something new may be begun now.
    ///
    /// # Errors
    /// Why not: the command was interrupted, or its time is over.
    pub fn may_begin(&self, stack: &str) -> Result<(), Error> {
        if self.interrupt.asked() {
            return Err(Error::Interrupted);
        }
        match self.waiting.deadline {
            Some(deadline) if Instant::now() >= deadline => Err(not_begun(stack)),
            _ => Ok(()),
        }
    }

    /// Does what leads up to an operation, unless something new may not be begun any more.
    ///
    /// # Errors
    /// The work's errors; and why nothing may be begun.
    pub async fn prepare<T, E>(&self, stack: &str, work: impl Future<Output = Result<T, E>>) -> Result<T, Failed>
    where
        Failed: From<E>,
    {
        tokio::select! {
            biased;
            () = self.interrupt.wait() => Err(Failed::Stopped),
            () = until(self.waiting.deadline) => Err(not_begun(stack).into()),
            done = work => Ok(done?),
        }
    }
}

fn not_begun(stack: &str) -> Error {
    Error::failed(format!("{stack} was not begun: the time of --timeout is over"))
}

/// What becomes of running operations when the command is interrupted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnInterrupt {
    /// They go on in CloudFormation; the same command picks them up again.
    #[default]
    Detach,
    /// They are waited for; nothing new is begun.
    Wait,
    /// An update is cancelled and rolled back, an unfinished first create is deleted.
    Cancel,
}

/// The stack that is worked on.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    pub stack: &'a str,
    /// Its part of the environment.
    pub part: &'a str,
    pub id: &'a str,
    /// Its template, to say where in it something failed.
    pub template: Option<&'a Stack>,
    /// Where its instances report why they didn't start.
    pub boot_reports: Option<BootReports<'a>>,
    /// Whether other operations begin when this one has ended.
    pub awaited: bool,
}

impl<'a> Target<'a> {
    /// A stack of the blueprint that something is done to already.
    pub fn busy(stack: &'a Stack, id: &'a str) -> Target<'a> {
        Target {
            stack: &stack.name,
            part: &stack.part,
            id,
            template: Some(stack),
            boot_reports: None,
            awaited: true,
        }
    }
}

/// Begins an operation with `request`, watches it to its end and tells how it ended.
///
/// # Errors
/// The failure with its cause; or that the operation goes on unattended.
pub async fn run<T: Into<Token>>(
    context: Context<'_>,
    target: Target<'_>,
    operation: Operation,
    request: impl Future<Output = Result<T, CloudError>>,
) -> Result<(Outcome, Ended), Failed> {
    let Context { cloud, tell, .. } = context;
    let before = watch::before(cloud, target.id, operation).await?;
    let went_through = before.went_through.clone();
    let started = Instant::now();
    tell.tell(Event::OperationStarted {
        stack: target.stack.to_owned(),
        part: target.part.to_owned(),
        operation,
        last_seconds: before.last.map(|last| last.as_secs_f64()),
    });
    // It may have begun although no answer comes.
    let token = tokio::select! {
        requested = request => requested?.into(),
        () = until(context.waiting.deadline) => return Err(Failed::Unattended(operation, Unattended::TimedOut)),
        () = context.interrupt.too_late(), if context.waiting.on_interrupt == OnInterrupt::Detach => {
            return Err(Failed::Unattended(operation, Unattended::Interrupted));
        }
    };
    if context.waiting.no_wait {
        return Err(Failed::Unattended(operation, Unattended::NotWaited));
    }
    // The emulator makes a new stack for each change set of one that is to be made: this is the one that was executed.
    let made = match operation {
        Operation::Create if cloud.local => cloud.stack(target.stack).await?.map(|now| now.id),
        _ => None,
    };
    let target = Target {
        id: made.as_deref().unwrap_or(target.id),
        ..target
    };
    let Target {
        stack,
        id,
        boot_reports,
        awaited,
        ..
    } = target;
    let environment = stack.strip_suffix(target.part).unwrap_or(stack).trim_end_matches('-');
    let awaited_stack = context.interrupt.awaits(environment, stack);
    let watching = watch::follow(
        Watch {
            cloud,
            stack,
            part: target.part,
            id,
            tell,
            boot_reports,
            awaited,
        },
        before,
        token,
    );
    // From here on CloudFormation works on it, whether or not it can be looked at.
    let watching = watching.map_err(|error| Failed::lost_sight(operation, error));
    tokio::pin!(watching);
    let mut was_cancelled = false;
    let ended = tokio::select! {
        ended = &mut watching => ended?,
        () = until(context.waiting.deadline) => return Err(Failed::Unattended(operation, Unattended::TimedOut)),
        () = context.interrupt.wait() => match context.waiting.on_interrupt {
            OnInterrupt::Detach => return Err(Failed::Unattended(operation, Unattended::Interrupted)),
            OnInterrupt::Wait => watching.await?,
            OnInterrupt::Cancel if operation == Operation::Attach => {
                tell.warn(format!(
                    "{stack}: what runs on it was not begun by this command, and is not cancelled: it goes on in CloudFormation"
                ));
                return Err(Failed::Unattended(operation, Unattended::Interrupted));
            }
            OnInterrupt::Cancel => {
                if !matches!(operation, Operation::Create | Operation::Update) {
                    tell.warn(format!(
                        "{}: {stack} can't be cancelled, and is waited for",
                        operation.doing()
                    ));
                }
                was_cancelled = cancel(context, target, operation).await?;
                if was_cancelled {
                    awaited_stack.is_taken_back();
                }
                watching.await?
            }
        },
    };
    awaited_stack.has_ended(ended.status.as_str());
    let seconds = started.elapsed().as_secs_f64();
    let succeeded = is_as_meant(operation, &ended.status);
    tell.tell(Event::OperationEnded {
        stack: stack.to_owned(),
        part: target.part.to_owned(),
        operation,
        succeeded: succeeded && (operation != Operation::Attach || was_well(went_through, &ended)),
        status: ended.status.clone(),
        seconds,
    });
    if !succeeded {
        let failure = match was_cancelled && is_cancelled(operation, &ended.status) {
            true => cancelled(stack, operation, ended.status),
            false => failure(context, target, operation, ended).await,
        };
        return Err(Failed::Failure(Box::new(failure)));
    }
    for event in ended.events.iter().filter(|event| event.failed()) {
        let reason = event.reason.as_deref().unwrap_or_default();
        tell.warn(format!(
            "{stack}: {} {} on the way: {reason}",
            event.logical_id, event.status
        ));
    }
    Ok((Outcome::Done { operation, seconds }, ended))
}

/// Whether CloudFormation was told to. An operation that has just ended can't be cancelled, and that is fine. Above all, a
/// first create that has just ended is a stack like any other, and not deleted.
async fn cancel(context: Context<'_>, target: Target<'_>, operation: Operation) -> Result<bool, CloudError> {
    let Context { cloud, .. } = context;
    let cancelled = match operation {
        Operation::Update => cloud.cancel_update(target.id).await,
        Operation::Create => {
            let (stack, events) = try_join(cloud.stack(target.id), cloud.recent_events(target.id)).await?;
            // Either read may come too early to know that it has ended.
            let of_stack = events.iter().filter(|event| event.is_stack);
            let mut statuses = of_stack.map(|event| StackStatus::from(event.status.as_str()));
            let has_ended = statuses.any(|status| watch::has_ended(&status));
            match stack.map(|stack| stack.status) {
                Some(StackStatus::CreateInProgress | StackStatus::ReviewInProgress) if !has_ended => {
                    cloud.delete_stack(target.id, None).await.map(drop)
                }
                _ => return Ok(false),
            }
        }
        Operation::Import | Operation::Delete | Operation::Attach | Operation::Rollback => return Ok(false),
    };
    match cancelled {
        Err(error) if error.is("ValidationError") => Ok(false),
        cancelled => cancelled.map(|()| true),
    }
}

/// What an operation that was cancelled ends with when that went well.
fn is_cancelled(operation: Operation, status: &StackStatus) -> bool {
    match operation {
        Operation::Create => *status == StackStatus::DeleteComplete,
        Operation::Update => *status == StackStatus::UpdateRollbackComplete,
        Operation::Import | Operation::Delete | Operation::Attach | Operation::Rollback => false,
    }
}

fn cancelled(stack: &str, operation: Operation, status: StackStatus) -> Failure {
    Failure {
        operation: Some(operation),
        message: format!(
            "{} {stack} was cancelled by the signal: it is {status} now",
            operation.doing()
        ),
        help: None,
        status: Some(status),
        cause: None,
        refused: false,
        reason: None,
        was_cancelled: true,
        lost_sight: false,
    }
}

fn is_as_meant(operation: Operation, status: &StackStatus) -> bool {
    match operation {
        Operation::Import => *status == StackStatus::ImportComplete,
        Operation::Delete => *status == StackStatus::DeleteComplete,
        // A stack that never was complete is taken back to nothing.
        Operation::Rollback => {
            matches!(
                status,
                StackStatus::RollbackComplete | StackStatus::UpdateRollbackComplete | StackStatus::DeleteComplete
            )
        }
        // It was somebody else's: however it ended, it is over.
        Operation::Attach => true,
        Operation::Create | Operation::Update => status.is_well(),
    }
}

/// Whether what somebody else began on a stack ended as it was meant to: it is complete, or deleted. A first create that failed may
/// be deleted, too, without an end of its own before (`OnStackFailure` of
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html>). `went_through`: the stack's
/// statuses before it was looked at.
fn was_well(went_through: Vec<StackStatus>, ended: &Ended) -> bool {
    let of_stack = ended.events.iter().filter(|event| event.is_stack);
    let later = of_stack.map(|event| StackStatus::from(event.status.as_str()));
    let statuses: Vec<StackStatus> = went_through.into_iter().chain(later).collect();
    let fell = statuses
        .windows(2)
        .any(|two| two[0] == StackStatus::CreateInProgress && two[1] == StackStatus::DeleteInProgress);
    match ended.status {
        StackStatus::DeleteComplete => !fell,
        ref status => status.is_well(),
    }
}

/// The stack's own events may only say that something failed; where this call is known, it says what. A validation that
/// failed may belong to another operation than the stack's events.
async fn failures_of(cloud: &Cloud, stack: &str, events: &[ResourceEvent]) -> Vec<FailedEvent> {
    if let Some(id) = events.iter().find_map(|event| event.operation_id.as_deref()) {
        let failures = cloud.failed_events(FailuresOf::Operation(id)).await;
        if !failures.is_empty() {
            return failures;
        }
    }
    let began = events.iter().find_map(|event| event.at);
    cloud.failed_events(FailuresOf::Stack(stack, began)).await
}

async fn failure(context: Context<'_>, target: Target<'_>, operation: Operation, ended: Ended) -> Failure {
    let mut cause = cause::find(&ended.events, ended.log);
    if cause.root.as_ref().is_none_or(|root| root.is_stack) {
        cause.use_failed_events(failures_of(context.cloud, target.id, &ended.events).await);
    }
    cause.locate(target.template);
    let stack = target.stack;
    Failure {
        operation: Some(operation),
        message: format!("{} {stack} failed: it is {} now", operation.doing(), ended.status),
        help: None,
        status: Some(ended.status),
        cause: Some(cause),
        refused: false,
        reason: None,
        was_cancelled: false,
        lost_sight: false,
    }
}
