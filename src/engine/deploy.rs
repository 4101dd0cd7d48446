//! Executes a plan: each stack as soon as what it needs is done.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde::Serialize;
use tokio::time::Instant;

use super::cause::{self, Cause};
use super::event::{Event, Events, Operation};
use super::graph::{self, Finished};
use super::interrupt::Interrupt;
use super::plan::{self, Drafts, Outputs, Plan, StackAction, StackPlan};
use super::watch::{self, BootReports, Watch};
use crate::blueprint::{Blueprint, Stack};
use crate::cloud::change_set::Change;
use crate::cloud::stack_status::StackStatus;
use crate::cloud::{Cloud, CloudError};
use crate::error::Error;

/// How many stacks are worked on at once.
const CONCURRENCY: usize = 8;

/// Everything a deploy works with.
pub struct Deployment<'a> {
    /// Where.
    pub cloud: &'a Cloud,
    /// What should be there.
    pub blueprint: &'a Blueprint,
    /// What was shown and approved.
    pub plan: &'a Plan,
    /// Change sets that are still open.
    pub drafts: &'a Drafts,
    /// Where events go.
    pub tell: &'a Events,
    /// Whether to stop.
    pub interrupt: &'a Interrupt,
    /// Asked when a stack would lose something that the plan didn't show: its name, and what it would lose.
    pub approve: &'a (dyn Fn(&str, &[&Change]) -> bool + Sync),
}

/// What a deploy or a destroy did, stack by stack.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The environment's name.
    pub environment: String,
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// Whether everything ended as it was meant to.
    pub succeeded: bool,
    /// In order.
    pub stacks: Vec<StackReport>,
    /// Outputs of the stacks that are done: part → key → value.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs: Outputs,
    /// Data that was kept on purpose.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<Kept>,
}

/// What happened to one stack.
#[derive(Debug, Serialize)]
pub struct StackReport {
    /// Its part.
    pub part: String,
    /// Its name.
    pub stack: String,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// A resource with data in it that `destroy` left where it is.
#[derive(Debug, Clone, Serialize)]
pub struct Kept {
    /// Its type.
    pub resource_type: String,
    /// Its name.
    pub name: String,
}

/// How work on one stack ended.
#[derive(Debug, Serialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
pub enum Outcome {
    /// There was nothing to do.
    Unchanged,
    /// It was done.
    Done {
        /// What.
        operation: Operation,
        /// How long it took.
        seconds: f64,
    },
    /// It failed.
    Failed(Box<Failure>),
    /// It goes on without us.
    Running {
        /// What.
        operation: Operation,
    },
    /// It was never begun.
    Skipped {
        /// The part that isn't there; none when the command was interrupted.
        because: Option<String>,
    },
}

/// Why work on a stack failed.
#[derive(Debug, Serialize)]
pub struct Failure {
    /// What was being done, if anything was begun.
    pub operation: Option<Operation>,
    /// The stack's status.
    pub status: Option<StackStatus>,
    /// What happened.
    pub message: String,
    /// The cause, from the stack's events.
    pub cause: Option<Cause>,
    /// Whether it was refused rather than tried.
    #[serde(skip)]
    pub refused: bool,
}

impl Failure {
    fn refused(message: impl Into<String>) -> Failed {
        Failed::Failure(Box::new(Failure {
            operation: None,
            status: None,
            message: message.into(),
            cause: None,
            refused: true,
        }))
    }
}

impl Report {
    /// What the command ends with.
    pub fn result(&self) -> crate::error::Result<()> {
        let outcomes = || self.stacks.iter().map(|stack| &stack.outcome);
        if outcomes().any(|outcome| matches!(outcome, Outcome::Failed(failure) if !failure.refused)) {
            Err(Error::Shown(crate::error::exit_code::FAILED))
        } else if outcomes().any(|outcome| matches!(outcome, Outcome::Failed(_))) {
            Err(Error::Shown(crate::error::exit_code::REFUSED))
        } else if outcomes().any(|outcome| matches!(outcome, Outcome::Running { .. } | Outcome::Skipped { .. })) {
            Err(Error::Shown(crate::error::exit_code::INTERRUPTED))
        } else {
            Ok(())
        }
    }
}

/// Why work on a stack did not end well.
pub(super) enum Failed {
    Failure(Box<Failure>),
    Interrupted(Operation),
}

impl From<CloudError> for Failed {
    fn from(error: CloudError) -> Self {
        Error::from(error).into()
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        let message = match error.help() {
            Some(help) => format!("{error}\n{help}"),
            None => error.to_string(),
        };
        let refused = matches!(error, Error::Refused { .. });
        Failed::Failure(Box::new(Failure {
            operation: None,
            status: None,
            message,
            cause: None,
            refused,
        }))
    }
}

/// Executes the plan.
pub async fn deploy(deployment: &Deployment<'_>) -> Report {
    let blueprint = deployment.blueprint;
    let outputs = Mutex::new(deployment.plan.outputs.clone());
    let needs = blueprint
        .stacks
        .iter()
        .map(|stack| (stack.part.clone(), stack.needs.clone()))
        .collect();
    let mut finished = graph::run(
        &needs,
        CONCURRENCY,
        || deployment.interrupt.asked(),
        |part| deploy_part(deployment, part, &outputs),
    )
    .await;
    let stacks: Vec<StackReport> = blueprint
        .stacks
        .iter()
        .filter_map(|stack| {
            let outcome = outcome(finished.remove(&stack.part)?);
            Some(StackReport {
                part: stack.part.clone(),
                stack: stack.name.clone(),
                outcome,
            })
        })
        .collect();
    Report {
        environment: blueprint.environment.clone(),
        account: deployment.cloud.account.clone(),
        region: deployment.cloud.region.clone(),
        succeeded: stacks
            .iter()
            .all(|stack| matches!(stack.outcome, Outcome::Done { .. } | Outcome::Unchanged)),
        stacks,
        outputs: outputs.into_inner().unwrap_or_default(),
        kept: Vec::new(),
    }
}

pub(super) fn outcome(finished: Finished<Outcome, Failed>) -> Outcome {
    match finished {
        Finished::Done(outcome) => outcome,
        Finished::Failed(Failed::Failure(failure)) => Outcome::Failed(failure),
        Finished::Failed(Failed::Interrupted(operation)) => Outcome::Running { operation },
        Finished::Skipped { because } => Outcome::Skipped { because },
    }
}

async fn deploy_part(deployment: &Deployment<'_>, part: String, outputs: &Mutex<Outputs>) -> Result<Outcome, Failed> {
    let (Some(stack), Some(planned)) = (
        deployment.blueprint.stacks.iter().find(|stack| stack.part == part),
        deployment.plan.stacks.iter().find(|stack| stack.part == part),
    ) else {
        return Err(Failure::refused(format!("`{part}` is not part of the plan")));
    };
    let known = outputs.lock().map(|outputs| outputs.clone()).unwrap_or_default();
    let outcome = deploy_stack(deployment, stack, planned, &known).await?;

    let cloud = deployment.cloud;
    let now = cloud.stack(&stack.name).await?.ok_or_else(|| {
        Failed::from(Error::failed(format!(
            "{} is gone: somebody deleted it meanwhile",
            stack.name
        )))
    })?;
    if now.protected != stack.protect {
        cloud.protect_stack(&stack.name, stack.protect).await?;
    }
    if part == "artifacts" {
        let bucket = now.outputs.get("BucketName").map(String::as_str).unwrap_or_default();
        upload_artifacts(deployment, bucket).await?;
    }
    if let Ok(mut outputs) = outputs.lock() {
        outputs.insert(part, now.outputs);
    }
    Ok(outcome)
}

async fn upload_artifacts(deployment: &Deployment<'_>, bucket: &str) -> Result<(), Failed> {
    for artifact in &deployment.blueprint.artifacts {
        if deployment
            .cloud
            .put_object_once(bucket, &artifact.key, artifact.bytes.clone())
            .await?
        {
            let bytes = artifact.bytes.len() as u64;
            deployment.tell.tell(Event::Uploaded {
                stage: artifact.stage.clone(),
                key: artifact.key.clone(),
                bytes,
            });
        }
    }
    Ok(())
}

async fn deploy_stack(
    deployment: &Deployment<'_>,
    stack: &Stack,
    planned: &StackPlan,
    outputs: &Outputs,
) -> Result<Outcome, Failed> {
    let Deployment {
        cloud, drafts, tell, ..
    } = deployment;
    let parameters = plan::resolve(stack, outputs).map_err(|part| {
        Failed::from(Error::failed(format!(
            "`{part}` has no output that {} needs",
            stack.name
        )))
    })?;

    let mut create = planned.action == StackAction::Create;
    let mut id = planned.id.clone();
    if planned.action == StackAction::Recreate {
        delete_failed_create(deployment, stack, planned).await?;
        (create, id) = (true, None);
    }

    let draft = match &planned.draft {
        Some(draft) if draft.parameters == parameters => draft.clone(),
        None if planned.action == StackAction::Unchanged && !needs_outputs(stack) => return Ok(unchanged(tell, stack)),
        superseded => {
            if let Some(draft) = superseded {
                cloud.delete_change_set(&draft.id).await?;
                // The stack that the change set was made for is there, if only to be reviewed.
                id = Some(draft.stack_id.clone());
            }
            let bucket = outputs
                .get("artifacts")
                .and_then(|outputs| outputs.get("BucketName"))
                .map(String::as_str);
            let environment = &deployment.blueprint.environment;
            let (draft, changes) = plan::draft(
                cloud,
                environment,
                stack,
                create,
                id.as_deref(),
                parameters,
                bucket,
                drafts,
            )
            .await?;
            let Some(changes) = changes else {
                return Ok(unchanged(tell, stack));
            };
            let not_shown = plan::not_shown(&planned.changes, &changes);
            if !not_shown.is_empty() && !(deployment.approve)(&stack.name, &not_shown) {
                let names: Vec<&str> = not_shown.iter().map(|change| change.logical_id.as_str()).collect();
                return Err(Failure::refused(format!(
                    "{} would lose what the plan did not show ({}); nothing was done to it. Run the same command \
                     again: its plan now shows it",
                    stack.name,
                    names.join(", ")
                )));
            }
            draft
        }
    };

    let operation = if create { Operation::Create } else { Operation::Update };
    let after = cloud.newest_event(&draft.stack_id).await?;
    let started = Instant::now();
    tell.tell(Event::OperationStarted {
        stack: stack.name.clone(),
        part: stack.part.clone(),
        operation,
    });
    cloud
        .execute_change_set(&draft.id, &uuid::Uuid::new_v4().to_string())
        .await?;
    drafts.forget(&stack.name);
    let artifacts = outputs.get("artifacts").and_then(|outputs| outputs.get("BucketName"));
    let boot_reports = artifacts.map(|bucket| BootReports {
        bucket,
        stage: &stack.part,
    });
    let watch = Watch {
        cloud,
        stack: &stack.name,
        id: &draft.stack_id,
        tell,
        boot_reports,
    };
    let ended = tokio::select! {
        ended = watch::follow(watch, after) => ended?,
        () = deployment.interrupt.wait() => return Err(Failed::Interrupted(operation)),
    };
    end(tell, &stack.name, &stack.part, operation, started, ended)
}

/// An unchanged stack may change after all, once those that it gets outputs from have changed.
fn needs_outputs(stack: &Stack) -> bool {
    stack
        .parameters
        .values()
        .any(|value| matches!(value, crate::blueprint::Value::Output { .. }))
}

fn unchanged(tell: &Events, stack: &Stack) -> Outcome {
    tell.tell(Event::Unchanged {
        stack: stack.name.clone(),
        part: stack.part.clone(),
    });
    Outcome::Unchanged
}

async fn delete_failed_create(deployment: &Deployment<'_>, stack: &Stack, planned: &StackPlan) -> Result<(), Failed> {
    let Some(id) = &planned.id else { return Ok(()) };
    let after = deployment.cloud.newest_event(id).await?;
    let started = Instant::now();
    let operation = Operation::Delete;
    deployment.tell.tell(Event::OperationStarted {
        stack: stack.name.clone(),
        part: stack.part.clone(),
        operation,
    });
    deployment
        .cloud
        .delete_stack(id, &uuid::Uuid::new_v4().to_string())
        .await?;
    let Deployment { cloud, tell, .. } = deployment;
    let ended = tokio::select! {
        ended = watch::follow(Watch { cloud, stack: &stack.name, id, tell, boot_reports: None }, after) => ended?,
        () = deployment.interrupt.wait() => return Err(Failed::Interrupted(operation)),
    };
    end(deployment.tell, &stack.name, &stack.part, operation, started, ended).map(drop)
}

/// Tells how an operation ended, and finds the cause when it failed.
pub(super) fn end(
    tell: &Events,
    stack: &str,
    part: &str,
    operation: Operation,
    started: Instant,
    ended: watch::Ended,
) -> Result<Outcome, Failed> {
    let succeeded = match operation {
        Operation::Delete => ended.status == StackStatus::DeleteComplete,
        _ => ended.status.is_well(),
    };
    let seconds = started.elapsed().as_secs_f64();
    tell.tell(Event::OperationEnded {
        stack: stack.to_owned(),
        part: part.to_owned(),
        operation,
        succeeded,
        status: ended.status.clone(),
        seconds,
    });
    if !succeeded {
        return Err(Failed::Failure(Box::new(Failure {
            operation: Some(operation),
            message: format!("{} {stack} failed: it is {} now", operation.doing(), ended.status),
            status: Some(ended.status),
            cause: Some(cause::find(&ended.events, ended.log)),
            refused: false,
        })));
    }
    for event in ended.events.iter().filter(|event| event.failed()) {
        let reason = event.reason.as_deref().unwrap_or_default();
        tell.warn(format!(
            "{stack}: {} {} on the way: {reason}",
            event.logical_id, event.status
        ));
    }
    Ok(Outcome::Done { operation, seconds })
}
