//! What was taken out of a bucket that is there already is put in again: no change set knows of it.

use crate::cloud::{Cloud, CloudError};
use crate::deployed::Deployed;
use crate::engine::existing_bucket::{Set, set};
use crate::engine::operation::Context;
use crate::engine::outcome::{Outcome, Report, StackReport};
use crate::engine::plan::existing_bucket::BucketPlan;
use crate::observe::drift::Drift;
use crate::observe::drift::existing_bucket::NAME;

/// What would be put in again, where drift was found in it.
pub(super) async fn draw_up(
    cloud: &Cloud,
    found: &Drift,
    deployed: &Deployed,
) -> Result<Option<BucketPlan>, CloudError> {
    let mut findings = found.stacks.iter().flat_map(|stack| stack.findings(false));
    let Some(wanted) = deployed.notifications() else {
        return Ok(None);
    };
    if !findings.any(|(resource, _)| resource.logical_id == NAME && !resource.deleted) {
        return Ok(None);
    }
    let Some(there) = cloud.bucket_notifications(&wanted.bucket).await? else {
        return Ok(None);
    };
    let mut stacks = deployed
        .stacks
        .iter()
        .filter(|stack| stack.notifications(&deployed.address).is_some());
    Ok(Some(BucketPlan {
        bucket: wanted.bucket.clone(),
        conflicts: there.conflicts(&wanted),
        merge: there.merge(&wanted),
        problem: None,
        warning: None,
        stack: stacks.next().map(|stack| stack.stack.name.clone()).unwrap_or_default(),
    }))
}

/// Puts it in, and adds to the report what became of it.
pub(super) async fn put_in(context: Context<'_>, deployed: &Deployed, plan: &BucketPlan, report: &mut Report) {
    let Some(wanted) = deployed.notifications() else { return };
    let failed = match set(context, &plan.stack, &wanted).await {
        Ok(Set::Done(told)) => return report.existing_buckets.push(told),
        Ok(Set::Unchanged | Set::Gone) => return,
        Err(failed) => failed,
    };
    report.succeeded = false;
    report.stacks.push(StackReport {
        part: "intake".to_owned(),
        stack: plan.stack.clone(),
        outcome: Outcome::from(failed),
    });
}
