//! Takes an environment down: each stack as soon as nothing needs it any more, what it holds emptied or kept as its
//! tags say.

use std::collections::BTreeMap;
use std::future::ready;
use std::sync::Mutex;

use futures_util::future::try_join_all;

use super::decide;
use super::event::{Event, Events, Operation};
use super::graph;
use super::operation::{self, Context, Target};
use super::outcome::{Failed, Failure, Kept, Outcome, Report, StackReport};
use crate::cloud::{Cloud, CloudError};
use crate::deployed::{Deployed, DeployedStack};
use crate::environment::OnDestroy;
use crate::error::Error;

const CONCURRENCY: usize = 8;
/// How often a delete that fails on a bucket that filled up again is tried.
const ATTEMPTS: usize = 3;

/// Everything a destroy works with.
#[derive(Clone, Copy)]
pub struct Teardown<'a> {
    /// Where, and how long to wait.
    pub context: Context<'a>,
    /// What is there.
    pub deployed: &'a Deployed,
    /// The role that CloudFormation does it with.
    pub role_arn: Option<&'a str>,
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
    let kept = Mutex::new(Vec::new());
    let stop = || teardown.context.interrupt.asked();
    let mut finished = graph::run(&needs, CONCURRENCY, stop, |part| destroy_part(teardown, part, &kept)).await;
    let stacks = deployed.stacks.iter().filter_map(|stack| {
        let outcome = Outcome::from(finished.remove(&stack.part)?);
        Some(StackReport {
            part: stack.part.clone(),
            stack: stack.stack.name.clone(),
            outcome,
        })
    });
    let mut report = Report::new(teardown.context.cloud, &deployed.environment, stacks.collect());
    report.kept = kept.into_inner().unwrap_or_default();
    report
}

async fn destroy_part(teardown: Teardown<'_>, part: String, kept: &Mutex<Vec<Kept>>) -> Result<Outcome, Failed> {
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
    let mut status = Some(stack.stack.status.clone());
    let mut attempt = 0;
    loop {
        match decide::destroy(status.as_ref()) {
            decide::Destroy::Nothing => return Ok(Outcome::Unchanged),
            decide::Destroy::Refuse(why) => return Err(Error::refused(format!("{name}: {why}")).into()),
            decide::Destroy::Attach => {
                operation::run(teardown.context, target, Operation::Attach, ready(Ok(()))).await?;
                status = cloud.stack(id).await?.map(|stack| stack.status);
                continue;
            }
            decide::Destroy::Delete => {}
        }
        attempt += 1;
        let data = data_of(teardown, stack).await?;
        for bucket in data.emptied {
            empty(cloud, tell, &bucket).await?;
        }
        let request = cloud.delete_stack(id, teardown.role_arn);
        match operation::run(teardown.context, target, Operation::Delete, request).await {
            Ok((outcome, _)) => {
                if let Ok(mut kept) = kept.lock() {
                    kept.extend(data.kept);
                }
                return Ok(outcome);
            }
            Err(Failed::Failure(failure)) if attempt < ATTEMPTS && bucket_filled_up(&failure) => {
                tell.warn(format!(
                    "{name}: its bucket was written to while it was deleted; emptied and tried again"
                ));
                status = failure.status;
            }
            Err(failed) => return Err(failed),
        }
    }
}

fn bucket_filled_up(failure: &Failure) -> bool {
    let root = failure.cause.as_ref().and_then(|cause| cause.root.as_ref());
    root.is_some_and(|root| root.resource_type == "AWS::S3::Bucket")
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
