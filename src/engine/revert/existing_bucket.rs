//! What was taken out of a bucket that is there already is put in again: no change set knows of it.

use crate::blueprint::notifications::Notifications;
use crate::cloud::Cloud;
use crate::deployed::Deployed;
use crate::deployed::address::Address;
use crate::engine::existing_bucket::set;
use crate::engine::operation::Context;
use crate::engine::outcome::{Failed, Outcome, Report, StackReport};
use crate::engine::plan::existing_bucket::{BucketPlan, INTAKE};
use crate::engine::told::Told;
use crate::error::{Error, Result};
use crate::observe::drift::Drift;
use crate::observe::drift::existing_bucket::NAME;

/// What would be put in again, where drift was found in it.
pub(super) async fn draw_up(cloud: &Cloud, found: &Drift, deployed: &Deployed) -> Result<Option<BucketPlan>> {
    let mut findings = found.stacks.iter().flat_map(|stack| stack.findings(false));
    let wanted = deployed.notifications().map_err(Error::failed)?;
    let Some(wanted) = wanted else {
        return Ok(None);
    };
    if !findings.any(|(resource, _)| resource.logical_id == NAME && !resource.deleted) {
        return Ok(None);
    }
    let Some(there) = cloud.bucket_notifications(&wanted.bucket).await? else {
        return Ok(None);
    };
    let mut stacks = deployed.stacks.iter().filter(|stack| stack.existing_bucket().is_some());
    Ok(Some(BucketPlan {
        bucket: wanted.bucket.clone(),
        conflicts: there.conflicts(&wanted),
        merge: there.merge(&wanted),
        problem: None,
        warnings: Vec::new(),
        stack: stacks.next().map(|stack| stack.stack.name.clone()).unwrap_or_default(),
    }))
}

/// Puts it in, and adds to the report what became of it.
pub(super) async fn put_in(context: Context<'_>, deployed: &Deployed, plan: &BucketPlan, report: &mut Report) {
    let Err(failed) = try_to(context, deployed, plan, &mut report.existing_buckets).await else {
        return;
    };
    report.succeeded = false;
    report.stacks.push(StackReport {
        part: INTAKE.to_owned(),
        stack: plan.stack.clone(),
        outcome: Outcome::from(failed),
    });
}

/// What is deployed is read again: somebody may have deployed since the question.
async fn try_to(
    context: Context<'_>,
    deployed: &Deployed,
    plan: &BucketPlan,
    told: &mut Vec<Told>,
) -> std::result::Result<(), Failed> {
    let Address {
        environment,
        account,
        region,
    } = &deployed.address;
    let now = context.prepare(&plan.stack, context.cloud.stack(&plan.stack)).await?;
    let outputs = now.map(|now| now.outputs).unwrap_or_default();
    let wanted = Notifications::deployed(environment, account, region, &outputs).map_err(Error::failed)?;
    let Some(wanted) = wanted.filter(|wanted| wanted.bucket == plan.bucket) else {
        let what = format!(
            "{} doesn't name {} any more: somebody else deployed it meanwhile",
            plan.stack, plan.bucket
        );
        return Err(Error::refused(what).with_help("run the same command again").into());
    };
    set(context, &plan.stack, &wanted, told).await.map(drop)
}
