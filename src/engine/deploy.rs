//! Executes a plan: each stack as soon as what it needs is done.

pub mod bring_up;
mod execute;
mod existing_bucket;
mod handover;
mod in_service;
mod left;
mod lowered;
mod order;
mod queue_names;
pub mod settle;
mod stack;
mod still_there;
mod switch;
mod take_in;

use std::sync::Mutex;
use std::sync::atomic::Ordering;

use futures_util::future::join_all;
use jiff::Timestamp;

pub use self::existing_bucket::Buckets;
use self::stack::Made;
use self::still_there::Done;
use self::switch::deploy_stack;
use super::approved::Approved;
use super::believed;
use super::event::Event;
use super::graph;
use super::operation::Context;
use super::outcome::{Failed, LeftOver, Outcome, Report, StackReport};
use super::plan::{self, Outputs, Plan, StackAction};
use super::watch::has_ended;
use crate::blueprint::{Blueprint, Stack, outputs};
use crate::cloud::cloudformation::change_set::Change;
use crate::cloud::cloudformation::stack_status::StackStatus;
use crate::cloud::cloudformation::stacks::StackDescription;
use crate::engine::destroy::mappings;
use crate::engine::plan::drafts::Drafts;
use crate::engine::plan::planner::{Options, Planner};
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
    pub options: &'a Options,
    /// How many stacks are worked on at once.
    pub concurrency: usize,
    /// What time it is.
    pub now: fn() -> Timestamp,
    /// Asked when a stack would lose something that the plan didn't show: its name, and what it would lose.
    pub approve: &'a (dyn Fn(&str, &[&Change]) -> bool + Sync),
    /// What was approved; then nothing is asked, and what is done is held against it.
    pub approved: Option<&'a Approved>,
    /// What is done to buckets that are there already.
    pub buckets: &'a Buckets,
}

impl<'a> Deployment<'a> {
    fn planner(&self) -> Planner<'a> {
        Planner {
            cloud: self.context.cloud,
            blueprint: self.blueprint,
            drafts: self.drafts,
            options: self.options,
            now: (self.now)(),
        }
    }
}

pub async fn deploy(deployment: Deployment<'_>) -> Report {
    let blueprint = deployment.blueprint;
    let outputs = Mutex::new(deployment.plan.outputs.clone());
    let left_over = Mutex::new(Vec::new());
    let done = Mutex::new(Vec::new());
    let needs = order::of(blueprint, deployment.plan);
    let stop = || deployment.context.interrupt.asked();
    let mut finished = graph::run(&needs, deployment.concurrency, stop, |part| {
        deploy_part(deployment, part, &outputs, &left_over, &done)
    })
    .await;
    let done = done.into_inner().unwrap_or_default();
    let mut gone = still_there::look(deployment.context, &done).await;
    let stacks = blueprint.stacks.iter().filter_map(|stack| {
        let outcome = match Outcome::from(finished.remove(&stack.part)?) {
            Outcome::Skipped { because: Some(_) } if is_left_unchanged(deployment, &stack.part) => Outcome::Unchanged,
            done @ Outcome::Done { .. } => gone.remove(&stack.part).unwrap_or(done),
            outcome => outcome,
        };
        Some(StackReport {
            part: stack.part.clone(),
            stack: stack.name.clone(),
            outcome,
        })
    });
    let mut report = Report::new(deployment.plan.address.clone(), stacks.collect());
    report.outputs = outputs.into_inner().unwrap_or_default();
    report.existing_buckets = deployment.buckets.take();
    report.was_interrupted = deployment.buckets.cut_short.load(Ordering::Relaxed);
    report.left_over = left_over.into_inner().unwrap_or_default();
    report
}

/// Whether a stack after one that isn't waited for was to stay as it is. Whether it gets other values from that one is for the
/// next deploy to see.
fn is_left_unchanged(deployment: Deployment<'_>, part: &str) -> bool {
    let mut planned = deployment.plan.stacks.iter();
    deployment.context.waiting.no_wait && planned.any(|stack| stack.part == part && !stack.changes_anything())
}

async fn deploy_part(
    deployment: Deployment<'_>,
    part: String,
    outputs: &Mutex<Outputs>,
    left_over: &Mutex<Vec<LeftOver>>,
    done: &Mutex<Vec<Done>>,
) -> Result<Outcome, Failed> {
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
    upload_programs(deployment, stack, &known).await?;
    if planned.termination_protection == Some(false) {
        // Before its tags say that it isn't protected: a run that is stopped in between leaves the next one to see whose
        // protection it is.
        deployment.context.may_begin(&stack.name)?;
        cloud.protect_stack(&stack.name, false).await?;
    }
    let deployed = deploy_stack(deployment, stack, planned, &known).await;
    if let Err(failed) = &deployed {
        existing_bucket::put_back(deployment, stack, planned.id.as_deref().unwrap_or(&stack.name), failed).await;
    }
    let (outcome, made) = deployed?;
    if let (Some(made), Ok(mut left_over)) = (&made, left_over.lock()) {
        left_over.extend(made.left_over.iter().cloned());
    }
    let id = made.as_ref().map(|made| made.id.clone());
    // Where another run was faster, it is unchanged by now, and the plan has what it put out before, if it put out anything.
    let as_planned = matches!(outcome, Outcome::Unchanged) && planned.action == StackAction::Unchanged;
    let is_known = outputs.lock().is_ok_and(|outputs| outputs.contains_key(&part));
    if !as_planned || !is_known {
        let now = as_made(deployment.context, stack, made).await?;
        let is_protected = now.as_ref().is_some_and(|now| now.protected == Some(true));
        if let (Some(now), Ok(mut outputs)) = (now, outputs.lock()) {
            outputs.insert(part.clone(), now.outputs);
        }
        if stack.protect && !is_protected {
            cloud.protect_stack(&stack.name, true).await?;
        }
    } else if planned.termination_protection == Some(true) {
        cloud.protect_stack(&stack.name, true).await?;
    }
    let known_now = outputs.lock().map(|outputs| outputs.clone()).unwrap_or_default();
    existing_bucket::join(deployment, stack, &outcome, &known_now).await?;
    in_service::wait(deployment.context, stack, group(&known_now, &part)).await?;
    if let (Outcome::Done { .. }, Some(switch)) = (&outcome, planned.switch) {
        handover::finish(deployment.context, stack, switch, &known).await;
    }
    if let (Outcome::Done { .. }, Some(id), Ok(mut done)) = (&outcome, id, done.lock()) {
        let stack = stack.name.clone();
        done.push(Done { part, stack, id });
    }
    Ok(outcome)
}

fn group<'a>(outputs: &'a Outputs, part: &str) -> Option<&'a str> {
    outputs.get(part)?.get(outputs::GROUP).map(String::as_str)
}

/// The stack as it is now. A read that comes too early, and shows it as it was, is made again, unless the command is
/// interrupted: then there may be none that knows the stack.
async fn as_made(context: Context<'_>, stack: &Stack, made: Option<Made>) -> Result<Option<StackDescription>, Failed> {
    let cloud = context.cloud;
    let found = match made {
        Some(Made { id, change_set, .. }) => {
            let is_as_made = |now: &StackDescription| match &change_set {
                Some(_) => now.status.is_well() && (now.change_set.is_none() || now.change_set == change_set),
                // It was found unchanged, however its last operation ended.
                None => has_ended(&now.status),
            };
            believed::stack(cloud, &id, is_as_made, || context.interrupt.asked()).await?
        }
        None => cloud.stack(&stack.name).await?,
    };
    let is_gone = match &found {
        Some(now) => now.status == StackStatus::DeleteComplete,
        None => !context.interrupt.asked(),
    };
    if is_gone {
        return Err(still_there::gone(&stack.name).into());
    }
    Ok(found)
}

/// A stage's programs are there before its stack names them, whichever parts are deployed (`--only`).
async fn upload_programs(deployment: Deployment<'_>, stack: &Stack, outputs: &Outputs) -> Result<(), Failed> {
    let Context { cloud, tell, .. } = deployment.context;
    // Without the bucket, the stack can't be deployed either, which says so.
    let Some(bucket) = plan::artifacts_bucket(outputs) else {
        return Ok(());
    };
    let artifacts = deployment.blueprint.artifacts.iter();
    for artifact in artifacts.filter(|artifact| artifact.stage == stack.part) {
        let bytes = artifact.bytes.clone();
        if cloud.put_object_once(bucket, &artifact.key, bytes).await? {
            tell.tell(Event::Uploaded {
                stack: stack.name.clone(),
                stage: artifact.stage.clone(),
                key: artifact.key.clone(),
                bytes: artifact.bytes.len() as u64,
            });
        }
    }
    Ok(())
}

/// A deploy of a plan that changes nothing. Instances that nothing signals for may still have to come into service.
pub async fn nothing_to_do(context: Context<'_>, blueprint: &Blueprint, plan: Plan) -> Report {
    let stacks = plan.stacks.into_iter().map(async |planned| {
        let stack = blueprint.stacks.iter().find(|stack| stack.part == planned.part);
        let waited = match stack {
            Some(stack) => in_service::wait(context, stack, group(&plan.outputs, &stack.part)).await,
            None => Ok(()),
        };
        StackReport {
            part: planned.part,
            stack: planned.stack,
            outcome: waited.map_or_else(Outcome::from, |()| Outcome::Unchanged),
        }
    });
    let stacks = join_all(stacks).await;
    Report {
        outputs: plan.outputs,
        surplus: plan.surplus,
        ..Report::new(plan.address, stacks)
    }
}
