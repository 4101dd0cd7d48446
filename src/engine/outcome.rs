//! How work on an environment and on each of its stacks ended.

mod ending;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::cause::Cause;
use super::event::Operation;
use super::graph::Finished;
use super::plan::Outputs;
use crate::cloud::CloudError;
use crate::cloud::cloudformation::stack_status::StackStatus;
use crate::deployed::address::Address;
use crate::deployed::holdings::Holding;
use crate::engine::plan::surplus::Surplus;
use crate::engine::told::Told;
use crate::error::{Error, ErrorJson, Reason};
use crate::observe::leftovers::Receipt;

/// What a command did, stack by stack.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Report {
    /// Which environment, and where.
    #[serde(flatten)]
    pub address: Address,
    /// Whether everything ended as it was meant to. With `--no-wait` that isn't known of what goes on: `false`.
    pub succeeded: bool,
    pub stacks: Vec<StackReport>,
    /// Stacks on which CloudFormation goes on working, unattended.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub goes_on: Vec<String>,
    /// Stacks that were to be worked on, and that nothing was begun on: the same command, run again, does.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_begun: Vec<String>,
    /// Outputs of the stacks that are done: part → key → value.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs: Outputs,
    /// Data that was kept on purpose.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<Kept>,
    /// What was done to the notifications of buckets that aren't the environment's own, and stay.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub existing_buckets: Vec<Told>,
    /// What takes the data that was kept into a new deployment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub import_with: Option<String>,
    /// What is deployed and isn't in the file any more (`deploy`), as it was found before.
    #[serde(flatten)]
    pub surplus: Surplus,
    /// What couldn't be deleted, and was left behind on purpose (`--force`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub abandoned: Vec<Abandoned>,
    /// What updates took out of their stacks (`deploy`), and what is there all the same.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_over: Vec<LeftOver>,
    /// What became of each resource of the stacks that `deploy --prune` destroyed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pruned: Option<Receipt>,
    /// What it warned of on the way, and before it began.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Why it ended with another exit code than 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorJson>,
    /// All stacks ended well, and what comes after that was interrupted: the look for what is left of those that were
    /// destroyed, or at a bucket that is there already.
    #[serde(skip)]
    pub was_interrupted: bool,
}

/// What happened to one stack.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StackReport {
    pub part: String,
    pub stack: String,
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// A resource with data in it that `destroy` left where it is.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Kept {
    pub resource_type: String,
    pub name: String,
}

/// A resource that `destroy --force` left behind because it couldn't be deleted. Nothing looks after it any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Abandoned {
    /// The stack that it was in.
    pub stack: String,
    pub resource_type: String,
    /// Its name in its service.
    pub name: String,
    /// Why it couldn't be deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What an update replaced or dropped, and what is there all the same, in no stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LeftOver {
    /// The stack that it was in.
    pub stack: String,
    pub resource_type: String,
    /// Its name in its service.
    pub name: String,
    pub why: WhyLeft,
    /// What CloudFormation says of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The command that deletes it, where it should be gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete_with: Option<String>,
    /// The command that deletes what is kept on purpose, with what is in it: for when nobody needs that any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub once_unneeded: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhyLeft {
    /// It couldn't be deleted.
    NotDeleted,
    /// Its policy retains it.
    Retained,
    /// It is deleted, and a last snapshot of it stays.
    Snapshot,
}

impl From<&Holding> for Kept {
    fn from(holding: &Holding) -> Self {
        Kept {
            resource_type: holding.kind.resource_type().to_owned(),
            name: holding.name.clone(),
        }
    }
}

/// How work on one stack ended.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "lowercase")]
pub enum Outcome {
    /// There was nothing to do.
    Unchanged,
    Done {
        operation: Operation,
        /// How long it took.
        seconds: f64,
    },
    Failed(Box<Failure>),
    /// It was begun, and then AWS couldn't be asked any more: CloudFormation goes on with it, and how it ends isn't known.
    Unknown(Box<Failure>),
    /// It goes on without us.
    Running {
        operation: Operation,
        /// Why it isn't waited for.
        why: Unattended,
    },
    /// It is deployed, and its instances aren't waited for any longer: whether they are in service isn't known.
    Starting {
        /// How many are to be in service at least.
        awaits_instances: u32,
        /// Why they aren't waited for.
        why: Unattended,
    },
    /// It was never begun.
    Skipped {
        /// The part that isn't there; none when the command was stopped.
        #[serde(skip_serializing_if = "Option::is_none")]
        because: Option<String>,
    },
}

/// Why an operation isn't waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unattended {
    /// The command was interrupted.
    Interrupted,
    /// It took longer than `--timeout`.
    TimedOut,
    /// `--no-wait`.
    NotWaited,
}

/// Why work on a stack failed.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Failure {
    /// What was being done, if anything was begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<StackStatus>,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The cause, from the stack's events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// Whether it was refused rather than tried.
    pub refused: bool,
    /// Which kind of refusal it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Whether it didn't fail but was cancelled, as `--on-interrupt cancel` told it to be.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub was_cancelled: bool,
    /// Whether it was begun, and can't be looked at any more.
    #[serde(skip)]
    pub lost_sight: bool,
}

/// Why work on a stack did not end well.
#[derive(Debug)]
pub enum Failed {
    Failure(Box<Failure>),
    /// It goes on without us.
    Unattended(Operation, Unattended),
    /// It is deployed, and so many of its instances aren't waited for any longer.
    Starting(u32, Unattended),
    /// It was not begun: the command was interrupted.
    Stopped,
}

impl Failed {
    /// An operation that was begun can't be looked at any more.
    pub fn lost_sight(operation: Operation, error: CloudError) -> Failed {
        match error.into() {
            Failed::Failure(failure) => Failed::Failure(Box::new(Failure {
                operation: Some(operation),
                lost_sight: true,
                ..*failure
            })),
            other => other,
        }
    }
}

impl From<CloudError> for Failed {
    fn from(error: CloudError) -> Self {
        Error::from(error).into()
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        if matches!(error, Error::Interrupted) {
            return Failed::Stopped;
        }
        Failed::Failure(Box::new(Failure {
            operation: None,
            status: None,
            message: error.to_string(),
            help: error.help().map(str::to_owned),
            cause: None,
            refused: matches!(error, Error::Refused { .. }),
            reason: error.reason(),
            was_cancelled: false,
            lost_sight: false,
        }))
    }
}

impl From<Finished<Outcome, Failed>> for Outcome {
    fn from(finished: Finished<Outcome, Failed>) -> Self {
        match finished {
            Finished::Done(outcome) => outcome,
            Finished::Failed(failed) => failed.into(),
            Finished::Skipped { because } => Outcome::Skipped { because },
        }
    }
}

impl From<Failed> for Outcome {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Failure(failure) if failure.lost_sight => Outcome::Unknown(failure),
            Failed::Failure(failure) => Outcome::Failed(failure),
            Failed::Unattended(operation, why) => Outcome::Running { operation, why },
            Failed::Starting(awaits_instances, why) => Outcome::Starting { awaits_instances, why },
            Failed::Stopped => Outcome::Skipped { because: None },
        }
    }
}

impl Report {
    /// A report on stacks in this order.
    pub fn new(address: Address, stacks: Vec<StackReport>) -> Report {
        let names = |test: fn(&Outcome) -> bool| {
            let found = stacks.iter().filter(|stack| test(&stack.outcome));
            found.map(|stack| stack.stack.clone()).collect()
        };
        Report {
            address,
            succeeded: stacks
                .iter()
                .all(|stack| matches!(stack.outcome, Outcome::Done { .. } | Outcome::Unchanged)),
            goes_on: names(|outcome| matches!(outcome, Outcome::Running { .. })),
            not_begun: names(|outcome| matches!(outcome, Outcome::Skipped { .. })),
            stacks,
            outputs: BTreeMap::new(),
            kept: Vec::new(),
            existing_buckets: Vec::new(),
            import_with: None,
            surplus: Surplus::default(),
            abandoned: Vec::new(),
            left_over: Vec::new(),
            pruned: None,
            warnings: Vec::new(),
            error: None,
            was_interrupted: false,
        }
    }
}
