//! Takes an environment down: each stack as soon as nothing needs it any more, what it holds emptied or kept as its
//! tags say.

use std::collections::BTreeMap;
use std::future::ready;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::try_join_all;
use tokio::time::sleep;

use super::blocking::{self, Blocking};
use super::drain::drain;
use super::event::{Event, Events, Operation};
use super::keep;
use super::operation::{self, Context, Target};
use super::outcome::{Abandoned, Failed, Failure, Kept, Outcome, Report, StackReport};
use super::{decide, graph, protection};
use crate::cloud::events::ResourceEvent;
use crate::cloud::stack_status::StackStatus;
use crate::cloud::stacks::{Leaving, StackDescription, StackResource};
use crate::cloud::{Cloud, CloudError};
use crate::deployed::{Deployed, DeployedStack};
use crate::environment::OnDestroy;
use crate::error::Error;

const CONCURRENCY: usize = 8;
/// How often a delete is tried that fails on something that is mended each time.
const ATTEMPTS: usize = 3;
/// How often one is tried that fails on anything else: some things pass, such as an interface that is still attached.
const ATTEMPTS_IN_VAIN: usize = 2;
/// The time in between, for such a thing to pass.
const PAUSE: Duration = Duration::from_secs(3);

/// Everything a destroy works with.
#[derive(Clone, Copy)]
pub struct Teardown<'a> {
    /// Where, and how long to wait.
    pub context: Context<'a>,
    /// What is there.
    pub deployed: &'a Deployed,
    /// The role that CloudFormation does it with.
    pub role_arn: Option<&'a str>,
    /// Workers aren't given the time to finish.
    pub no_drain: bool,
    /// Termination protection that somebody switched on by hand is lifted.
    pub disable_protection: bool,
    /// What can't be deleted after all is left behind.
    pub force: bool,
    /// Asked before that: the stack's name, and what would be left behind.
    pub approve: &'a (dyn Fn(&str, &[Blocking]) -> bool + Sync),
}

/// Which data an environment holds, and what becomes of it.
#[derive(Debug, Default)]
pub struct Data {
    /// Buckets that are emptied and deleted.
    pub emptied: Vec<String>,
    /// Buckets and queues that stay.
    pub kept: Vec<Kept>,
}

/// What would be lost and what would be kept.
pub async fn data(cloud: &Cloud, deployed: &Deployed) -> Result<Data, CloudError> {
    let all = try_join_all(
        deployed
            .stacks
            .iter()
            .map(|stack| cloud.stack_resources(&stack.stack.id)),
    )
    .await?;
    let mut data = Data::default();
    for (stack, resources) in deployed.stacks.iter().zip(all) {
        for resource in resources {
            let is_bucket = resource.resource_type == "AWS::S3::Bucket";
            if stack.tags.on_destroy == OnDestroy::Keep && (is_bucket || resource.resource_type == "AWS::SQS::Queue") {
                data.kept.push(Kept {
                    resource_type: resource.resource_type,
                    name: resource.physical_id,
                });
            } else if is_bucket {
                data.emptied.push(resource.physical_id);
            }
        }
    }
    Ok(data)
}

/// Takes everything down.
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
    let mut report = Report::new(teardown.context.cloud, &deployed.environment, stacks.collect());
    let left = left.into_inner().unwrap_or_default();
    report.kept = left.kept;
    report.abandoned = left.abandoned;
    report
}

/// What stacks that are gone left where it is.
#[derive(Debug, Default)]
struct Left {
    kept: Vec<Kept>,
    abandoned: Vec<Abandoned>,
}

async fn destroy_part(teardown: Teardown<'_>, part: String, left: &Mutex<Left>) -> Result<Outcome, Failed> {
    let Some(stack) = teardown.deployed.part(&part) else {
        return Ok(Outcome::Unchanged);
    };
    let Context { cloud, tell, .. } = teardown.context;
    let (name, id) = (&stack.stack.name, &stack.stack.id);
    let target = Target {
        stack: name,
        part: &part,
        id,
        template: None,
        boot_reports: None,
        awaited: !stack.tags.needs.is_empty(),
    };
    let mut outcome = Outcome::Unchanged;
    let mut kept: Vec<Kept> = Vec::new();
    let mut attempt = 0;
    loop {
        let now = cloud.stack(id).await?;
        match decide::destroy(now.as_ref().map(|now| &now.status)) {
            // Whether it was us or somebody else.
            decide::Destroy::Nothing => return Ok(outcome),
            decide::Destroy::Refuse(why) => return Err(Error::refused(format!("{name}: {why}")).into()),
            decide::Destroy::Attach => {
                (outcome, _) = operation::run(teardown.context, target, Operation::Attach, ready(Ok(()))).await?;
                continue;
            }
            decide::Destroy::Delete => {}
        }
        attempt += 1;
        let work = make_ready(teardown, stack, target, now.as_ref());
        let ready = teardown.context.prepare(name, work).await?;
        // What an attempt before this one left has no name in the stack any more.
        let known = |one: &Kept| one.name.is_empty() || kept.iter().any(|known| known.name == one.name);
        let new: Vec<Kept> = ready.data.kept.into_iter().filter(|one| !known(one)).collect();
        kept.extend(new);
        let busy = AtomicBool::new(false);
        let request = async {
            let leaving = match &ready.how_kept {
                keep::Kept::ByRequest(these) => Leaving::These(these),
                keep::Kept::ByTemplate => Leaving::Nothing,
            };
            let asked = cloud.delete_stack_leaving(id, teardown.role_arn, leaving).await;
            asked.inspect_err(|error| busy.store(is_busy(error), Ordering::Relaxed))
        };
        let failure = match operation::run(teardown.context, target, Operation::Delete, request).await {
            Ok((outcome, _)) => {
                if let Ok(mut left) = left.lock() {
                    left.kept.append(&mut kept);
                }
                return Ok(outcome);
            }
            // Somebody else began something on it just now.
            Err(Failed::Failure(_)) if busy.load(Ordering::Relaxed) && attempt < ATTEMPTS => continue,
            Err(Failed::Failure(failure)) if failure.status == Some(StackStatus::DeleteFailed) => failure,
            Err(failed) => return Err(failed),
        };
        let blocking = blocking::find(cloud, id).await?;
        let mendable = blocking.iter().any(can_be_mended);
        if attempt < if mendable { ATTEMPTS } else { ATTEMPTS_IN_VAIN } {
            let again = if mendable { "" } else { ", in case that passes" };
            for blocking in &blocking {
                tell.warn(format!("{name}: {blocking}; tried again{again}"));
            }
            if !mendable {
                teardown
                    .context
                    .prepare(name, async { Ok::<_, Failed>(sleep(PAUSE).await) })
                    .await?;
            }
            continue;
        }
        if !teardown.force || !(teardown.approve)(name, &blocking) {
            return Err(Failed::Failure(with_help(failure, &blocking)));
        }
        // A forced deletion takes all that it can, data that only the request keeps included.
        let named: Vec<String> = match &ready.how_kept {
            keep::Kept::ByRequest(these) => {
                let failing = blocking.iter().map(|blocking| &blocking.logical_id);
                failing.chain(these).cloned().collect()
            }
            keep::Kept::ByTemplate => Vec::new(),
        };
        let leaving = match named.as_slice() {
            [] => Leaving::WhatFails,
            named => Leaving::These(named),
        };
        let request = cloud.delete_stack_leaving(id, teardown.role_arn, leaving);
        let (outcome, ended) = operation::run(teardown.context, target, Operation::Delete, request).await?;
        if let Ok(mut left) = left.lock() {
            left.kept.append(&mut kept);
            left.abandoned.extend(abandoned(name, blocking, &ended.events));
        }
        return Ok(outcome);
    }
}

/// A stack that can be deleted.
struct Ready {
    data: Data,
    how_kept: keep::Kept,
}

/// Deals with what stands in the way of deleting a stack. `now`: as it is, which may be another way than when the
/// question was asked.
async fn make_ready(
    teardown: Teardown<'_>,
    stack: &DeployedStack,
    target: Target<'_>,
    now: Option<&StackDescription>,
) -> Result<Ready, Failed> {
    let Context { cloud, tell, .. } = teardown.context;
    if let Some(now) = now.filter(|now| now.protected) {
        if let Some(refusal) = protection::refusal(now, teardown.disable_protection) {
            return Err(refusal.into());
        }
        cloud.protect_stack(target.id, false).await?;
    }
    let resources = there(cloud.stack_resources(target.id).await)?;
    let mut how_kept = keep::Kept::ByTemplate;
    if stack.tags.on_destroy == OnDestroy::Keep {
        how_kept = keep::keep(teardown.context, teardown.deployed, target, &resources).await?;
    }
    drain(teardown.context, target.stack, &resources, teardown.no_drain).await;
    let data = data_of(teardown, stack).await?;
    for bucket in &data.emptied {
        empty(cloud, tell, bucket).await?;
    }
    Ok(Ready { data, how_kept })
}

/// A stack that somebody else has deleted by now has no resources.
fn there(resources: Result<Vec<StackResource>, CloudError>) -> Result<Vec<StackResource>, CloudError> {
    match resources {
        Err(error) if error.is("ValidationError") && error.message.contains("does not exist") => Ok(Vec::new()),
        resources => resources,
    }
}

/// "Stack [arn:…] cannot be deleted while in status UPDATE_IN_PROGRESS"
fn is_busy(error: &CloudError) -> bool {
    error.is("ValidationError") && error.message.contains("cannot be deleted while in status")
}

/// Whether what is done before each attempt takes away what this failed on: a bucket filled up again, an instance was
/// protected again.
fn can_be_mended(blocking: &Blocking) -> bool {
    matches!(
        blocking.resource_type.as_str(),
        "AWS::S3::Bucket" | "AWS::AutoScaling::AutoScalingGroup"
    )
}

fn with_help(mut failure: Box<Failure>, blocking: &[Blocking]) -> Box<Failure> {
    let names: Vec<String> = blocking
        .iter()
        .map(|one| format!("{} ({})", one.physical_id, one.resource_type))
        .collect();
    failure.help = Some(format!(
        "put right what keeps {}, and run the same command again; or give it up with --force, which leaves it behind",
        names.join(", ")
    ));
    failure
}

/// What was given up, less what went after all.
fn abandoned(stack: &str, blocking: Vec<Blocking>, events: &[ResourceEvent]) -> Vec<Abandoned> {
    let went = |blocking: &Blocking| {
        let mut of_resource = events.iter().filter(|event| event.logical_id == blocking.logical_id);
        of_resource.any(|event| event.status == "DELETE_COMPLETE")
    };
    let left = blocking.into_iter().filter(|blocking| !went(blocking));
    left.map(|blocking| Abandoned {
        stack: stack.to_owned(),
        resource_type: blocking.resource_type,
        name: blocking.physical_id,
        reason: blocking.reason,
    })
    .collect()
}

async fn data_of(teardown: Teardown<'_>, stack: &DeployedStack) -> Result<Data, CloudError> {
    let only = Deployed {
        environment: teardown.deployed.environment.clone(),
        stacks: vec![stack.clone()],
    };
    data(teardown.context.cloud, &only).await
}

async fn empty(cloud: &Cloud, tell: &Events, bucket: &str) -> Result<(), CloudError> {
    let deleted_objects = cloud
        .empty_bucket(bucket, |deleted_objects| {
            tell.tell(Event::Emptying {
                bucket: bucket.to_owned(),
                deleted_objects,
            });
        })
        .await?;
    tell.tell(Event::Emptied {
        bucket: bucket.to_owned(),
        deleted_objects,
    });
    Ok(())
}
