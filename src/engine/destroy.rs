//! Takes an environment down: each stack as soon as nothing needs it any more, what it holds emptied or kept as its
//! tags say.

use std::collections::BTreeMap;
use std::sync::Mutex;

use futures_util::future::try_join_all;
use tokio::time::Instant;

use super::decide;
use super::deploy::{Failed, Kept, Outcome, Report, StackReport, end, outcome};
use super::event::{Event, Events, Operation};
use super::graph;
use super::interrupt::Interrupt;
use super::watch::{self, Watch};
use crate::cloud::stack_status::StackStatus;
use crate::cloud::{Cloud, CloudError};
use crate::deployed::{Deployed, DeployedStack};
use crate::environment::OnDestroy;
use crate::error::Error;

const CONCURRENCY: usize = 8;
/// How often a delete that fails on a bucket that filled up again is tried.
const ATTEMPTS: usize = 3;

/// Everything a destroy works with.
pub struct Teardown<'a> {
    /// Where.
    pub cloud: &'a Cloud,
    /// What is there.
    pub deployed: &'a Deployed,
    /// Where events go.
    pub tell: &'a Events,
    /// Whether to stop.
    pub interrupt: &'a Interrupt,
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
pub async fn destroy(teardown: &Teardown<'_>) -> Report {
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
    let mut finished = graph::run(
        &needs,
        CONCURRENCY,
        || teardown.interrupt.asked(),
        |part| destroy_part(teardown, part, &kept),
    )
    .await;
    let stacks: Vec<StackReport> = deployed
        .stacks
        .iter()
        .filter_map(|stack| {
            let outcome = outcome(finished.remove(&stack.part)?);
            Some(StackReport {
                part: stack.part.clone(),
                stack: stack.stack.name.clone(),
                outcome,
            })
        })
        .collect();
    Report {
        environment: deployed.environment.clone(),
        account: teardown.cloud.account.clone(),
        region: teardown.cloud.region.clone(),
        succeeded: stacks
            .iter()
            .all(|stack| matches!(stack.outcome, Outcome::Done { .. } | Outcome::Unchanged)),
        stacks,
        outputs: BTreeMap::new(),
        kept: kept.into_inner().unwrap_or_default(),
    }
}

async fn destroy_part(teardown: &Teardown<'_>, part: String, kept: &Mutex<Vec<Kept>>) -> Result<Outcome, Failed> {
    let Some(stack) = teardown.deployed.part(&part) else {
        return Ok(Outcome::Unchanged);
    };
    let Teardown { cloud, tell, .. } = teardown;
    let (name, id) = (&stack.stack.name, &stack.stack.id);
    let mut status = Some(stack.stack.status.clone());
    let mut attempt = 0;
    loop {
        match decide::destroy(status.as_ref()) {
            decide::Destroy::Nothing => return Ok(Outcome::Unchanged),
            decide::Destroy::Refuse(why) => {
                return Err(Error::refused(format!("{name}: {why}")).into());
            }
            decide::Destroy::Attach => {
                tell.tell(Event::OperationStarted {
                    stack: name.clone(),
                    part: part.clone(),
                    operation: Operation::Attach,
                });
                let after = cloud.newest_event(id).await?;
                let ended = follow(teardown, stack, after, Operation::Attach).await?;
                if ended.status == StackStatus::DeleteComplete {
                    return Ok(Outcome::Unchanged);
                }
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
        let operation = Operation::Delete;
        let after = cloud.newest_event(id).await?;
        let started = Instant::now();
        tell.tell(Event::OperationStarted {
            stack: name.clone(),
            part: part.clone(),
            operation,
        });
        cloud.delete_stack(id, &uuid::Uuid::new_v4().to_string()).await?;
        let ended = follow(teardown, stack, after, operation).await?;
        let deleted = ended.status == StackStatus::DeleteComplete;
        let refilled = ended
            .events
            .iter()
            .any(|event| event.failed() && event.resource_type == "AWS::S3::Bucket");
        if !deleted && refilled && attempt < ATTEMPTS {
            tell.warn(format!(
                "{name}: its bucket was written to while it was deleted; emptied and tried again"
            ));
            status = Some(ended.status);
            continue;
        }
        if deleted && let Ok(mut kept) = kept.lock() {
            kept.extend(data.kept);
        }
        return end(tell, name, &part, operation, started, ended);
    }
}

async fn data_of(teardown: &Teardown<'_>, stack: &DeployedStack) -> Result<Data, CloudError> {
    let only = Deployed {
        environment: teardown.deployed.environment.clone(),
        stacks: vec![stack.clone()],
    };
    data(teardown.cloud, &only).await
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

async fn follow(
    teardown: &Teardown<'_>,
    stack: &DeployedStack,
    after: Option<String>,
    operation: Operation,
) -> Result<watch::Ended, Failed> {
    let (cloud, tell) = (teardown.cloud, teardown.tell);
    let watch = Watch {
        cloud,
        stack: &stack.stack.name,
        id: &stack.stack.id,
        tell,
        boot_reports: None,
    };
    tokio::select! {
        ended = watch::follow(watch, after) => Ok(ended?),
        () = teardown.interrupt.wait() => Err(Failed::Interrupted(operation)),
    }
}
