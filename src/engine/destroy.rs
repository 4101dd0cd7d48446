//! Takes an environment down: each stack as soon as nothing needs it any more, what it holds emptied or kept as its
//! tags say.

mod again;
pub mod destroyed;
pub mod drain;
pub mod emptying;
mod existing_bucket;
pub mod foreign;
pub mod keep;
pub(in crate::engine) mod mappings;
pub mod prune;
pub mod reaped;
mod stack;
pub mod take_down;

use std::collections::BTreeMap;
use std::sync::Mutex;

use jiff::Timestamp;

use super::graph;
use super::operation::Context;
use super::outcome::{Abandoned, Failed, Kept, Outcome, Report, StackReport};
use super::told::Told;
use crate::deployed::Deployed;
use crate::deployed::protection::Lifted;
use crate::engine::plan::blocking::Blocking;

const CONCURRENCY: usize = 8;

/// Everything a destroy works with.
#[derive(Clone, Copy)]
pub struct Teardown<'a> {
    /// Where, and how long to wait.
    pub context: Context<'a>,
    pub deployed: &'a Deployed,
    /// The role that CloudFormation does it with.
    pub role_arn: Option<&'a str>,
    /// Workers aren't given the time to finish.
    pub no_drain: bool,
    /// What holds data is spared, except for what these names allow to be lost; none where all of it was agreed to.
    pub spares: Option<&'a [String]>,
    /// Which protection is lifted.
    pub lifted: Lifted,
    /// What can't be deleted after all is left behind.
    pub force: bool,
    /// Asked before that: the stack's name, and what would be left behind.
    pub approve: &'a (dyn Fn(&str, &[Blocking]) -> bool + Sync),
    /// How many versions of objects and delete markers buckets hold, by name, where it is known: for the progress alone.
    pub objects: &'a BTreeMap<String, u64>,
    /// What time it is.
    pub now: fn() -> Timestamp,
}

pub async fn destroy(teardown: Teardown<'_>) -> Report {
    let deployed = teardown.deployed;
    // Turned around: a stack needs those gone that need it.
    let needs: BTreeMap<String, Vec<String>> = deployed
        .stacks
        .iter()
        .map(|stack| {
            let users = deployed
                .stacks
                .iter()
                .filter(|user| user.tags.needs.contains(&stack.part));
            (stack.part.clone(), users.map(|user| user.part.clone()).collect())
        })
        .collect();
    let left = Mutex::new(Left::default());
    let stop = || teardown.context.interrupt.asked();
    let mut finished = graph::run(&needs, CONCURRENCY, stop, |part| destroy_part(teardown, part, &left)).await;
    let stacks = deployed.stacks.iter().filter_map(|stack| {
        let outcome = Outcome::from(finished.remove(&stack.part)?);
        Some(StackReport {
            part: stack.part.clone(),
            stack: stack.stack.name.clone(),
            outcome,
        })
    });
    let mut report = Report::new(deployed.address.clone(), stacks.collect());
    let left = left.into_inner().unwrap_or_default();
    report.kept = left.kept;
    report.abandoned = left.abandoned;
    report.existing_buckets = left.told;
    report
}

async fn destroy_part(teardown: Teardown<'_>, part: String, left: &Mutex<Left>) -> Result<Outcome, Failed> {
    let Some(stack) = teardown.deployed.part(&part) else {
        return Ok(Outcome::Unchanged);
    };
    let mut of_stack = Left::default();
    let outcome = stack::destroy(teardown, stack, &mut of_stack).await;
    if let Ok(mut left) = left.lock() {
        left.told.append(&mut of_stack.told);
        if outcome.is_ok() {
            left.kept.append(&mut of_stack.kept);
            left.abandoned.append(&mut of_stack.abandoned);
        }
    }
    outcome
}

/// What stacks that are gone left where it is.
#[derive(Debug, Default)]
struct Left {
    kept: Vec<Kept>,
    abandoned: Vec<Abandoned>,
    /// Of buckets that aren't the environment's; of stacks that stay after all, too.
    told: Vec<Told>,
}
