//! Executes a plan: each stack as soon as what it needs is done.

pub(in crate::engine) mod lowered;
pub(in crate::engine) mod queue_names;
pub mod settle;
pub(in crate::engine) mod take_in;

use std::collections::BTreeMap;
use std::future::ready;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;

use super::believed;
use super::event::{Event, Operation};
use super::graph;
use super::operation::{self, Context, OnInterrupt, Target, Waiting};
use super::outcome::{Failed, Outcome, Report, StackReport};
use super::plan::{self, Live, Outputs, Plan, StackAction, StackPlan};
use super::watch::BootReports;
use crate::blueprint::{Blueprint, Stack};
use crate::cloud::CloudError;
use crate::cloud::cloudformation::change_set::Change;
use crate::cloud::cloudformation::stack_status::StackStatus;
use crate::cloud::cloudformation::stacks::StackDescription;
use crate::engine::destroy::mappings;
use crate::engine::plan::decide;
use crate::engine::plan::decide::History;
use crate::engine::plan::draft;
use crate::engine::plan::draft::{Base, Draft, Drafting, Drafts};
use crate::engine::plan::imports::TakeIn;
use crate::engine::plan::planner;
use crate::engine::plan::planner::Planner;
use crate::engine::plan::rolling;
use crate::error::Error;

/// Everything a deploy works with.
#[derive(Clone, Copy)]
pub struct Deployment<'a> {
    /// Where, and how long to wait.
    pub context: Context<'a>,
    /// What should be there.
    pub blueprint: &'a Blueprint,
    /// What was shown and approved.
    pub plan: &'a Plan,
    /// Change sets that are still open.
    pub drafts: &'a Drafts,
    /// How change sets are made.
    pub options: &'a planner::Options,
    /// How many stacks are worked on at once.
    pub concurrency: usize,
    /// What time it is.
    pub now: fn() -> Timestamp,
    /// Asked when a stack would lose something that the plan didn't show: its name, and what it would lose.
    pub approve: &'a (dyn Fn(&str, &[&Change]) -> bool + Sync),
}

/// Executes the plan.
pub async fn deploy(deployment: Deployment<'_>) -> Report {
    let blueprint = deployment.blueprint;
    let outputs = Mutex::new(deployment.plan.outputs.clone());
    let needs = blueprint
        .stacks
        .iter()
        .map(|stack| (stack.part.clone(), stack.needs.clone()))
        .collect();
    let stop = || deployment.context.interrupt.asked();
    let mut finished = graph::run(&needs, deployment.concurrency, stop, |part| {
        deploy_part(deployment, part, &outputs)
    })
    .await;
    let stacks = blueprint.stacks.iter().filter_map(|stack| {
        let outcome = Outcome::from(finished.remove(&stack.part)?);
        Some(StackReport {
            part: stack.part.clone(),
            stack: stack.name.clone(),
            outcome,
        })
    });
    let mut report = Report::new(deployment.plan.address.clone(), stacks.collect());
    report.outputs = outputs.into_inner().unwrap_or_default();
    report
}

async fn deploy_part(deployment: Deployment<'_>, part: String, outputs: &Mutex<Outputs>) -> Result<Outcome, Failed> {
    let (Some(stack), Some(planned)) = (
        deployment.blueprint.stacks.iter().find(|stack| stack.part == part),
        deployment.plan.stacks.iter().find(|stack| stack.part == part),
    ) else {
        return Err(Error::failed(format!("`{part}` is not part of the plan")).into());
    };
    if let Some(lowered) = &planned.lowered {
        lowered::put_back(deployment.context, &stack.name, lowered).await?;
    }
    for mapping in &planned.disabled {
        deployment.context.may_begin(&stack.name)?;
        mappings::put_back(deployment.context, &stack.name, mapping).await?;
    }
    let known = outputs.lock().map(|outputs| outputs.clone()).unwrap_or_default();
    let cloud = deployment.context.cloud;
    upload_program(deployment, &part, &known).await?;
    if planned.termination_protection == Some(false) {
        // Before its tags say that it isn't protected: a run that is stopped in between leaves the next one to see whose
        // protection it is.
        deployment.context.may_begin(&stack.name)?;
        cloud.protect_stack(&stack.name, false).await?;
    }
    let (outcome, made) = deploy_stack(deployment, stack, planned, &known).await?;
    let is_known = outputs.lock().is_ok_and(|outputs| outputs.contains_key(&part));
    if matches!(outcome, Outcome::Done { .. }) || !is_known {
        let now = as_made(deployment.context, stack, made).await?;
        if let Ok(mut outputs) = outputs.lock() {
            outputs.insert(part.clone(), now.outputs);
        }
        if stack.protect && now.protected != Some(true) {
            cloud.protect_stack(&stack.name, true).await?;
        }
    } else if planned.termination_protection == Some(true) {
        cloud.protect_stack(&stack.name, true).await?;
    }
    Ok(outcome)
}

/// What a stack is known by.
struct Made {
    /// Its ARN.
    id: String,
    /// The change set that was executed, if one was.
    change_set: Option<String>,
}

/// The stack as it is now: not as a read shows it that comes too early.
async fn as_made(context: Context<'_>, stack: &Stack, made: Option<Made>) -> Result<StackDescription, Failed> {
    let cloud = context.cloud;
    let found = match made {
        Some(Made { id, change_set }) => {
            let is_as_made = |now: &StackDescription| {
                now.status.is_well()
                    && (change_set.is_none() || now.change_set.is_none() || now.change_set == change_set)
            };
            believed::stack(cloud, &id, is_as_made, || context.interrupt.asked()).await?
        }
        None => cloud.stack(&stack.name).await?,
    };
    let is_there = |now: &StackDescription| now.status != StackStatus::DeleteComplete;
    let gone = || Error::failed(format!("{} is gone: somebody deleted it meanwhile", stack.name));
    Ok(found.filter(is_there).ok_or_else(gone)?)
}

/// A stage's program is there before its stack names it, whichever parts are deployed (`--only`).
async fn upload_program(deployment: Deployment<'_>, part: &str, outputs: &Outputs) -> Result<(), Failed> {
    let Context { cloud, tell, .. } = deployment.context;
    let mut artifacts = deployment.blueprint.artifacts.iter();
    let Some(artifact) = artifacts.find(|artifact| artifact.stage == part) else {
        return Ok(());
    };
    // Without the bucket, the stack can't be deployed either, which says so.
    let Some(bucket) = plan::artifacts_bucket(outputs) else {
        return Ok(());
    };
    let bytes = artifact.bytes.clone();
    if cloud.put_object_once(bucket, &artifact.key, bytes).await? {
        tell.tell(Event::Uploaded {
            stage: artifact.stage.clone(),
            key: artifact.key.clone(),
            bytes: artifact.bytes.len() as u64,
        });
    }
    Ok(())
}

async fn deploy_stack(
    deployment: Deployment<'_>,
    stack: &Stack,
    planned: &StackPlan,
    outputs: &Outputs,
) -> Result<(Outcome, Option<Made>), Failed> {
    let mut again;
    let mut now = planned;
    loop {
        match deploy_as_planned(deployment, stack, now, outputs).await? {
            Step::Ended(outcome, made) => return Ok((outcome, made)),
            Step::Begun => attach(deployment, stack).await?,
            Step::TakenIn => {}
        }
        let planned_again = planner::draw_up_again(planner(deployment), stack, outputs);
        again = deployment.context.prepare(&stack.name, planned_again).await?;
        approve_again(deployment, stack, planned, &again.changes)?;
        now = &again;
    }
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
        decide::deploy(Some(&found.status), History::WasComplete) == decide::Deploy::Attach
    };
    if let Some(found) = found.filter(is_busy) {
        let target = Target {
            stack: &stack.name,
            part: &stack.part,
            id: &found.id,
            template: Some(&stack.body),
            boot_reports: None,
            awaited: true,
        };
        operation::run(deployment.context, target, Operation::Attach, ready(Ok(()))).await?;
    } else {
        // It has just ended, or the read came too early to know that it began: not to be asked again at once.
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    Ok(())
}

pub(super) fn planner(deployment: Deployment<'_>) -> Planner<'_> {
    Planner {
        cloud: deployment.context.cloud,
        blueprint: deployment.blueprint,
        drafts: deployment.drafts,
        options: deployment.options,
    }
}

async fn deploy_as_planned(
    deployment: Deployment<'_>,
    stack: &Stack,
    planned: &StackPlan,
    outputs: &Outputs,
) -> Result<Step, Failed> {
    let Deployment { context, drafts, .. } = deployment;
    let Context { cloud, tell, .. } = context;
    let resolved = |live: &Live| {
        plan::resolve(stack, outputs, live)
            .map_err(|part| Error::failed(format!("`{part}` has no output that {} needs", stack.name)))
    };
    let mut parameters = resolved(&planned.live)?;
    let as_planned = planned.parameters.as_ref() == Some(&parameters);
    let unchanged = || {
        tell.tell(Event::Unchanged {
            stack: stack.name.clone(),
            part: stack.part.clone(),
        });
        let change_set = None;
        let made = planned.id.clone().map(|id| Made { id, change_set });
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

    if planned.action == StackAction::Update && (planned.rolling_update.is_some() || !as_planned) {
        // While the plan was looked at, the fleet may have grown or shrunk. What it does from here on until
        // CloudFormation suspends its alarms, a few seconds, is less than a batch.
        let now = rolling::keeps_now(cloud, stack.rolling_update, outputs.get(&stack.part)).await?;
        parameters = resolved(&Live {
            in_service: now.or(planned.live.in_service),
            ..planned.live.clone()
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
        queue_names::wait(context, stack, (deployment.now)()).await?;
        if let TakeIn::First(_) = TakeIn::of(&planned.existing) {
            let taken_in = take_in::take_in(deployment, stack, planned).await?;
            return Ok(if taken_in { Step::TakenIn } else { Step::Begun });
        }
    }
    let made = context.prepare(
        &stack.name,
        change_set(deployment, stack, planned, &parameters, outputs, (create, id)),
    );
    let draft = match made.await? {
        Drafting::Ready { draft, .. } => draft,
        Drafting::NothingToDo => return unchanged(),
        Drafting::Begun => return Ok(Step::Begun),
    };

    let operation = if create { Operation::Create } else { Operation::Update };
    let boot_reports = plan::artifacts_bucket(outputs).map(|bucket| BootReports {
        bucket,
        stage: &stack.part,
    });
    let target = Target {
        stack: &stack.name,
        part: &stack.part,
        id: &draft.stack_id,
        template: Some(&stack.body),
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
    let Some(outcome) = execute(context, drafts, target, operation, &draft).await? else {
        return Ok(Step::Begun);
    };
    let made = Made {
        id: draft.stack_id,
        change_set: Some(draft.id),
    };
    Ok(Step::Ended(outcome, Some(made)))
}

/// Executes a change set, and watches what comes of it. None when it can't be executed any more: somebody else executed
/// another one, or threw this one away.
///
/// # Errors
/// As of [`operation::run`].
pub(super) async fn execute(
    context: Context<'_>,
    drafts: &Drafts,
    target: Target<'_>,
    operation: Operation,
    draft: &Draft,
) -> Result<Option<Outcome>, Failed> {
    let is_void = AtomicBool::new(false);
    let request = async {
        let execute = context.cloud.execute_change_set(&draft.id, draft.keep_failed);
        let executed = drafts.execute(target.stack, execute).await;
        executed.inspect_err(|error| is_void.store(cannot_be_executed(error), Ordering::Relaxed))
    };
    match operation::run(context, target, operation, request).await {
        Err(Failed::Failure(_)) if is_void.load(Ordering::Relaxed) => Ok(None),
        ended => ended.map(|(outcome, _)| Some(outcome)),
    }
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

/// "ChangeSet [arn:…] does not exist", "… cannot be executed in its current execution status of [OBSOLETE]"
fn cannot_be_executed(error: &CloudError) -> bool {
    error.is("ChangeSetNotFound") || error.is("InvalidChangeSetStatus")
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
    };
    let bucket = plan::artifacts_bucket(outputs);
    let drafting = draft::draft(planner(deployment), stack, base, parameters, bucket).await?;
    if let Drafting::Ready { changes, warning, .. } = &drafting {
        if let Some(warning) = warning {
            deployment.context.tell.warn(format!("{}: {warning}", stack.name));
        }
        approve_again(deployment, stack, planned, changes)?;
    }
    Ok(drafting)
}

/// What a stack's real change set takes away was either shown before, or is asked about now.
fn approve_again(
    deployment: Deployment<'_>,
    stack: &Stack,
    planned: &StackPlan,
    changes: &[Change],
) -> Result<(), Error> {
    if let Some(refusal) = plan::data_loss(&stack.name, changes, &deployment.options.allow_replace) {
        return Err(refusal);
    }
    let not_shown = plan::not_shown(&planned.changes, changes);
    if not_shown.is_empty() || (deployment.approve)(&stack.name, &not_shown) {
        return Ok(());
    }
    let names: Vec<&str> = not_shown.iter().map(|change| change.logical_id.as_str()).collect();
    Err(Error::refused(format!(
        "{} would lose what the plan did not show ({}); nothing was done to it",
        stack.name,
        names.join(", ")
    ))
    .with_help("run the same command again: its plan now shows it"))
}

pub(super) async fn delete_failed_create(deployment: Deployment<'_>, stack: &Stack, id: &str) -> Result<(), Failed> {
    let target = Target {
        stack: &stack.name,
        part: &stack.part,
        id,
        template: Some(&stack.body),
        boot_reports: None,
        awaited: true,
    };
    let role = deployment.options.manner.role_arn.as_deref();
    let request = deployment.context.cloud.delete_stack(id, role);
    operation::run(deployment.context, target, Operation::Delete, request)
        .await
        .map(drop)
}

/// A deploy of a plan that changes nothing.
pub fn nothing_to_do(plan: Plan) -> Report {
    let stacks: Vec<StackReport> = plan
        .stacks
        .into_iter()
        .map(|stack| StackReport {
            part: stack.part,
            stack: stack.stack,
            outcome: Outcome::Unchanged,
        })
        .collect();
    let outputs: BTreeMap<_, _> = plan.outputs;
    Report {
        outputs,
        surplus: plan.surplus,
        ..Report::new(plan.address, stacks)
    }
}
