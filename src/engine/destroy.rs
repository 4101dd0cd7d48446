//! Takes an environment down: each stack as soon as nothing needs it any more, what it holds emptied or kept as its
//! tags say.

use std::collections::BTreeMap;
use std::future::ready;
use std::sync::Mutex;

use super::decide;
use super::emptying::empty;
use super::event::Operation;
use super::graph;
use super::operation::{self, Context, Target};
use super::outcome::{Failed, Failure, Kept, Outcome, Report, StackReport};
use crate::deployed::Deployed;
use crate::deployed::holdings::{Kind, holdings};
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
    /// How many versions of objects and delete markers buckets hold, by name, where it is known: for the progress alone.
    pub objects: &'a BTreeMap<String, u64>,
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
        let holdings = holdings(cloud, std::slice::from_ref(stack)).await?;
        for bucket in holdings.iter().filter(|one| one.kind == Kind::Bucket && !one.kept) {
            let total = teardown.objects.get(&bucket.name).copied();
            empty(teardown.context, &bucket.name, total).await?;
        }
        teardown.context.may_begin(name)?;
        let request = cloud.delete_stack(id, teardown.role_arn);
        match operation::run(teardown.context, target, Operation::Delete, request).await {
            Ok((outcome, _)) => {
                if let Ok(mut kept) = kept.lock() {
                    kept.extend(holdings.iter().filter(|one| one.kept).map(Kept::from));
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
