//! Deploys one stack: as it was planned, or as it is planned again when it has changed meanwhile.

use std::collections::BTreeMap;
use std::future::ready;
use std::time::Duration;

use futures_util::future::try_join;

use super::execute::{delete_failed_create, execute, is_first};
use super::left::left_over;
use super::{Deployment, existing_bucket, handover, queue_names, take_in};
use crate::blueprint::Stack;
use crate::cloud::Cloud;
use crate::cloud::cloudformation::change_set::Change;
use crate::cloud::cloudformation::stacks::StackDescription;
use crate::engine::approved::Approved;
use crate::engine::event::{Event, Operation};
use crate::engine::operation::{self, Context, OnInterrupt, Target, Waiting};
use crate::engine::outcome::{Failed, LeftOver, Outcome};
use crate::engine::plan::decide::{self, Deploy, History};
use crate::engine::plan::draft::{Base, Drafting, Found, draft};
use crate::engine::plan::draw_up::draw_up_again;
use crate::engine::plan::imports::TakeIn;
use crate::engine::plan::refusal::{self, Allowed};
use crate::engine::plan::rolling;
use crate::engine::plan::state;
use crate::engine::plan::{self, Current, Outputs, StackAction, StackPlan};
use crate::engine::watch::BootReports;
use crate::error::Error;

/// What a stack is known by.
pub(super) struct Made {
    pub id: String,
    /// The change set that was executed, if one was.
    pub change_set: Option<String>,
    /// What the update took out of the stack, and what is there all the same.
    pub left_over: Vec<LeftOver>,
}

/// Brings a stack to what it should be. What it loses was `shown`; `now` is a later plan, where there is one. None when
/// that would switch its workers otherwise than was shown: somebody else has switched them meanwhile. Nothing is done then.
pub(super) async fn bring(
    deployment: Deployment<'_>,
    stack: &Stack,
    shown: &StackPlan,
    mut now: Option<StackPlan>,
    outputs: &Outputs,
) -> Result<Option<(Outcome, Option<Made>)>, Failed> {
    let meant = shown.switch.filter(|switch| stack.active == Some(switch.to));
    // A later plan may rest on what this deploy did to it.
    let mut is_untouched = now.is_none();
    loop {
        let planned = now.as_ref().unwrap_or(shown);
        if planned.switch.is_some() && planned.switch != meant {
            throw_away(deployment, stack, planned).await?;
            return Ok(None);
        }
        if let Some(now) = &now {
            approve_again(deployment, stack, shown, &now.changes)?;
            if let Some(approved) = deployment.approved {
                approved.holds(shown, now, is_untouched)?;
            }
        }
        // Their futures are large: a thread has a small stack.
        match Box::pin(deploy_as_planned(deployment, stack, planned, outputs)).await? {
            Step::Ended(outcome, made) => return Ok(Some((outcome, made))),
            Step::Begun => Box::pin(attach(deployment, stack)).await?,
            Step::TakenIn => is_untouched = false,
        }
        let planned_again = Box::pin(draw_up_again(deployment.planner(), stack, outputs));
        now = Some(deployment.context.prepare(&stack.name, planned_again).await?);
    }
}

/// Throws the change set of a plan away, which isn't what is done now.
pub(super) async fn throw_away(deployment: Deployment<'_>, stack: &Stack, planned: &StackPlan) -> Result<(), Failed> {
    let Deployment { context, drafts, .. } = deployment;
    if let Some(draft) = &planned.draft {
        let deleted = context.cloud.delete_change_set(&draft.id, None);
        context.prepare(&stack.name, deleted).await?;
        drafts.forget(&stack.name);
    }
    Ok(())
}

/// What came of doing what a plan says.
enum Step {
    /// It is done; and what was made.
    Ended(Outcome, Option<Made>),
    /// Nothing: something runs on the stack already, or the change set is gone.
    Begun,
    /// The stack has taken in what was kept; the rest comes after that.
    TakenIn,
}

/// What runs on the stack, begun by another run of ours or by somebody else, is watched to its end.
async fn attach(deployment: Deployment<'_>, stack: &Stack) -> Result<(), Failed> {
    let cloud = deployment.context.cloud;
    let found = cloud.stack(&stack.name).await?;
    let is_busy = |found: &StackDescription| {
        // What runs is waited for, whatever the stack has been through.
        decide::deploy(Some(&found.status), History::WasComplete) == Deploy::Attach
    };
    if let Some(found) = found.filter(is_busy) {
        let target = Target::busy(stack, &found.id);
        operation::run(deployment.context, target, Operation::Attach, ready(Ok(()))).await?;
    } else {
        // It has just ended, or the read came too early to know that it began: not to be asked again at once.
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    Ok(())
}

async fn deploy_as_planned(
    deployment: Deployment<'_>,
    stack: &Stack,
    planned: &StackPlan,
    outputs: &Outputs,
) -> Result<Step, Failed> {
    let Deployment { context, drafts, .. } = deployment;
    let Context { cloud, tell, .. } = context;
    let resolved = |current: &Current| {
        plan::resolve(stack, outputs, current).map_err(|part| {
            Error::failed(format!(
                "{}: the part `{part}` doesn't put out what it needs",
                stack.name
            ))
            .with_help("deploy without --only, so that all parts are brought up to date")
        })
    };
    let mut parameters = resolved(&planned.current)?;
    let as_planned = planned.parameters.as_ref() == Some(&parameters);
    let unchanged = || {
        tell.tell(Event::Unchanged {
            stack: stack.name.clone(),
            part: stack.part.clone(),
        });
        let made = planned.id.clone().map(|id| Made {
            id,
            change_set: None,
            left_over: Vec::new(),
        });
        Ok(Step::Ended(Outcome::Unchanged, made))
    };
    match planned.action {
        StackAction::Unchanged if as_planned => return unchanged(),
        StackAction::Busy => return Ok(Step::Begun),
        StackAction::Refused => {
            let why = planned.note.as_deref().unwrap_or_default();
            return Err(Error::refused(format!("{}: {why}", stack.name)).into());
        }
        _ => {}
    }

    if planned.rolling_update.is_some() || !as_planned {
        // What another stack puts out now may replace instances where the plan had nothing to do; and while the plan was
        // looked at, the fleet may have grown or shrunk. What it does from here on until CloudFormation suspends its
        // alarms, a few seconds, is less than a batch.
        let now = rolling::keeps_now(cloud, stack.rolling_update, outputs.get(&stack.part)).await?;
        parameters = resolved(&Current {
            in_service: now.or(planned.current.in_service),
            ..planned.current.clone()
        })?;
    }

    let mut create = planned.action == StackAction::Create;
    let mut id = planned.id.clone();
    context.may_begin(&stack.name)?;
    if planned.action == StackAction::Recreate
        && let Some(failed) = id.take()
    {
        delete_failed_create(deployment, stack, &failed).await?;
        create = true;
    }
    if create {
        queue_names::wait(context, stack, None, (deployment.now)()).await?;
    }
    if let TakeIn::First(_) = TakeIn::of(&planned.existing) {
        let taken_in = take_in::take_in(deployment, stack, planned).await?;
        return Ok(if taken_in { Step::TakenIn } else { Step::Begun });
    }
    if !create && queue_names::may_add(planned) {
        queue_names::wait(context, stack, id.as_deref(), (deployment.now)()).await?;
    }
    let made = context.prepare(
        &stack.name,
        change_set(deployment, stack, planned, &parameters, outputs, (create, id)),
    );
    let (draft, changes) = match made.await? {
        Drafting::Ready { draft, changes, .. } => (draft, changes),
        Drafting::NothingToDo => return unchanged(),
        Drafting::Begun => return Ok(Step::Begun),
    };

    if create && !is_first(context, drafts, &stack.name, &draft).await? {
        return Ok(Step::Begun);
    }
    let operation = if create { Operation::Create } else { Operation::Update };
    let boot_reports = plan::artifacts_bucket(outputs).map(|bucket| BootReports {
        bucket,
        stage: &stack.part,
    });
    let target = Target {
        stack: &stack.name,
        part: &stack.part,
        id: &draft.stack_id,
        template: Some(stack),
        boot_reports,
        awaited: deployment
            .blueprint
            .stacks
            .iter()
            .any(|user| user.needs.contains(&stack.part)),
    };
    let context = Context {
        waiting: sparing_data(context, planned),
        ..context
    };
    if !create {
        existing_bucket::leave(deployment, stack, &draft.stack_id, outputs).await?;
    }
    let executed = Box::pin(execute(context, drafts, target, operation, &draft));
    let executed = match planned.switch {
        Some(switch) => tokio::select! {
            executed = executed => executed,
            never = handover::show(context, stack, switch, outputs) => match never {},
        },
        None => executed.await,
    };
    let Some((outcome, events)) = executed? else {
        return Ok(Step::Begun);
    };
    let left_over = match operation {
        Operation::Update => left_over(&stack.name, &cloud.cli(), &changes, &events),
        _ => Vec::new(),
    };
    let made = Made {
        // The emulator's may be another one by now: see `is_first`.
        id: match cloud.local {
            true => stack.name.clone(),
            false => draft.stack_id,
        },
        change_set: Some(draft.id),
        left_over,
    };
    Ok(Step::Ended(outcome, Some(made)))
}

/// A create that takes in data is never taken back: see [`History::TookIn`].
fn sparing_data(context: Context<'_>, planned: &StackPlan) -> Waiting {
    let Context { waiting, tell, .. } = context;
    let takes_in = planned.took_in || !planned.existing.is_empty();
    if !takes_in || waiting.on_interrupt != OnInterrupt::Cancel {
        return waiting;
    }
    tell.warn(format!(
        "{}: it takes in data that was kept, which cancelling could delete: on an interrupt it goes on in CloudFormation, \
         and the next deploy goes on with it",
        planned.stack
    ));
    Waiting {
        on_interrupt: OnInterrupt::Detach,
        ..waiting
    }
}

/// The change set to execute: the one that was planned with, unless it was made for other parameters.
async fn change_set(
    deployment: Deployment<'_>,
    stack: &Stack,
    planned: &StackPlan,
    parameters: &BTreeMap<String, String>,
    outputs: &Outputs,
    base: (bool, Option<String>),
) -> Result<Drafting, Failed> {
    let cloud = deployment.context.cloud;
    let (create, mut id) = base;
    if let Some(draft) = &planned.draft {
        if planned.parameters.as_ref() == Some(parameters) {
            return Ok(Drafting::Ready {
                draft: draft.clone(),
                changes: planned.changes.clone(),
                warning: None,
                resolved: planned.resolved.clone(),
            });
        }
        cloud.delete_change_set(&draft.id, None).await?;
        // The stack that the change set was made for is there, if only to be reviewed.
        id = Some(draft.stack_id.clone());
    }
    let base = Base {
        create,
        id: id.as_deref(),
        status: planned.status.as_ref(),
        take_in: TakeIn::of(&planned.existing),
        beside: None,
    };
    let bucket = plan::artifacts_bucket(outputs);
    let drafting = draft(deployment.planner(), stack, base, parameters, bucket).await?;
    if let Drafting::Ready {
        changes,
        warning,
        resolved,
        ..
    } = &drafting
    {
        if let Some(warning) = warning {
            deployment.context.tell.warn(format!("{}: {warning}", stack.name));
        }
        approve_again(deployment, stack, planned, changes)?;
        if let Some(approved) = deployment.approved {
            still_approved(cloud, approved, planned, create, resolved).await?;
        }
    }
    Ok(drafting)
}

/// A change set that was made after the plan was approved: the stack is read after that, because from then on CloudFormation
/// itself refuses to execute it on a stack that has changed.
async fn still_approved(
    cloud: &Cloud,
    approved: &Approved,
    planned: &StackPlan,
    create: bool,
    resolved: &BTreeMap<String, String>,
) -> Result<(), Failed> {
    let differs = |(name, image): (&String, &String)| resolved.get(name).is_some_and(|now| now != image);
    if planned.resolved.iter().any(differs) {
        return Err(approved
            .not_approved(&planned.stack, "its image has changed since")
            .into());
    }
    if create {
        return Ok(());
    }
    let (found, template) = try_join(cloud.stack(&planned.stack), cloud.template(&planned.stack)).await?;
    let now = found.map(|stack| state::of(&Found { stack, template }));
    if now != planned.from {
        return Err(approved
            .not_approved(&planned.stack, "somebody has changed it since")
            .into());
    }
    Ok(())
}

/// What a stack's real change set takes away was either shown before, or is asked about now.
fn approve_again(
    deployment: Deployment<'_>,
    stack: &Stack,
    planned: &StackPlan,
    changes: &[Change],
) -> Result<(), Error> {
    let allowed = Allowed {
        names: &deployment.options.allow_replace,
        stacks: &deployment.blueprint.stacks,
        planned: &deployment.plan.stacks,
    };
    if let Some(refusal) = refusal::error(plan::loss::data_loss(planned.losing(), changes, &allowed)) {
        return Err(refusal);
    }
    let not_shown = plan::loss::not_shown(&planned.changes, changes);
    if planned.switch.is_none() && not_shown.iter().any(|change| handover::ends_workers(change)) {
        return Err(handover::others_switched(stack));
    }
    if not_shown.is_empty() {
        return Ok(());
    }
    let names = |changes: &[&Change]| {
        let names: Vec<&str> = changes.iter().map(|change| change.logical_id.as_str()).collect();
        names.join(", ")
    };
    if let Some(approved) = deployment.approved {
        // What has data in it is refused above, also where it only may be replaced.
        let sure: Vec<&Change> = not_shown
            .into_iter()
            .filter(|change| change.surely_takes_away())
            .collect();
        if sure.is_empty() {
            return Ok(());
        }
        let why = format!("it would lose what the plan did not show ({})", names(&sure));
        return Err(approved.not_approved(&stack.name, &why));
    }
    if (deployment.approve)(&stack.name, &not_shown) {
        return Ok(());
    }
    Err(Error::refused(format!(
        "{} would lose what the plan did not show ({}); nothing was done to it",
        stack.name,
        names(&not_shown)
    ))
    .with_help("run the same command again: its plan now shows it"))
}
