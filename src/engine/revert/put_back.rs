//! Putting back what drifted: what would be done, the question, the deed.

use schemars::JsonSchema;
use serde::Serialize;

use super::{NewerValue, StackRevert, data_loss, draw_up, existing_bucket, revert};
use crate::deployed::{Deployed, DeployedStack};
use crate::engine::operation::Context;
use crate::engine::outcome::Report;
use crate::engine::plan::drafts::Drafts;
use crate::engine::plan::existing_bucket::BucketPlan;
use crate::error::{Error, Reason, Result};
use crate::observe::drift::existing_bucket::NAME;
use crate::observe::drift::{Drift, StackDrift};

#[derive(Debug, Serialize, JsonSchema)]
pub struct Reverted {
    pub plans: Vec<StackRevert>,
    /// What was taken out of a bucket that isn't the environment's own, and is put in again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub existing_bucket: Option<BucketPlan>,
    /// What matters and stays, a line each.
    pub not_reverted: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Report>,
}

/// Who is shown what would be put back, and asked.
pub trait Ask: Sync {
    fn show(&self, reverted: &Reverted);
    /// Whether what was shown may be done. `newer` is what comes with it that wasn't asked for, a line each.
    ///
    /// # Errors
    /// Why it can't be asked.
    fn agrees(&self, newer: &[String]) -> Result<bool>;
}

/// Draws up how what was found is put back, asks, and does it. Without a `result`, CloudFormation can put nothing back.
///
/// # Errors
/// A refusal, with which nothing was changed; failures of AWS.
pub async fn put_back(context: Context<'_>, found: &Drift, drafts: &Drafts, ask: &dyn Ask) -> Result<Reverted> {
    let Context { cloud, interrupt, .. } = context;
    let environment = &found.address.environment;
    let deployed = interrupt.unless_stopped(Deployed::find(cloud, environment)).await?;
    let stacks = drifted(&deployed, found);
    let bucket = interrupt
        .unless_stopped(existing_bucket::draw_up(cloud, found, &deployed))
        .await?;
    let plans = interrupt
        .unless_stopped(draw_up(cloud, environment, &stacks, drafts))
        .await?;
    let mut reverted = Reverted {
        not_reverted: not_reverted(found, &plans, bucket.as_ref()),
        plans,
        existing_bucket: bucket,
        result: None,
    };
    ask.show(&reverted);
    let plans = &reverted.plans;
    if plans.iter().all(|plan| plan.draft.is_none()) && reverted.existing_bucket.is_none() {
        return Ok(reverted);
    }
    let of_bucket = reverted.existing_bucket.as_ref().and_then(BucketPlan::refusal);
    if let Some(refusal) = data_loss(plans).or(of_bucket) {
        return Err(refusal);
    }
    if !ask.agrees(&newer(plans))? {
        return Err(Error::refused("not confirmed: nothing was changed").because(Reason::NotConfirmed));
    }
    let mut report = revert(context, environment, drafts, &stacks, plans).await;
    if let Some(bucket) = &reverted.existing_bucket {
        existing_bucket::put_in(context, &deployed, bucket, &mut report).await;
    }
    reverted.result = Some(report);
    Ok(reverted)
}

impl Reverted {
    /// How it ended.
    ///
    /// # Errors
    /// Why nothing at all could be put back; or that something failed.
    pub fn result(&self) -> Result<()> {
        match &self.result {
            Some(report) => report.result(),
            None if self.plans.iter().any(|plan| !plan.is_known) => Err(Error::failed(
                "this endpoint can't revert drift: it made ordinary change sets, which were thrown away",
            )
            .with_help(
                "`qfleet deploy` puts back only what the environment file itself has changed since the last deploy; put \
                 the rest back in its service, or destroy and deploy again",
            )),
            None => Err(Error::failed("CloudFormation sees nothing that it could put back")
                .with_help("put back by hand what is named above, then run `qfleet drift` again")),
        }
    }
}

/// The stacks in which something matters, as they are now. A bucket that is there already is in none.
fn drifted(deployed: &Deployed, found: &Drift) -> Vec<DeployedStack> {
    let in_stack = |known: &StackDrift| known.findings(false).any(|(resource, _)| resource.logical_id != NAME);
    let is_drifted = |stack: &&DeployedStack| {
        let known = found.stacks.iter().find(|known| known.id == stack.stack.id);
        known.is_some_and(in_stack)
    };
    deployed.stacks.iter().filter(is_drifted).cloned().collect()
}

/// What comes with it that wasn't asked for, a line each.
pub fn newer(reverts: &[StackRevert]) -> Vec<String> {
    let all = reverts
        .iter()
        .flat_map(|revert| revert.newer.iter().map(move |newer| (revert, newer)));
    let line = |(revert, newer): (&StackRevert, &NewerValue)| {
        let deployed = newer.deployed.as_deref().unwrap_or("unknown");
        format!(
            "{}: {} is {} in the parameter store by now, and {deployed} was deployed: that comes with it, and replaces what \
             was made from it",
            revert.stack, newer.parameter, newer.becomes
        )
    };
    all.map(line).collect()
}

/// What matters and isn't put back, a line each.
fn not_reverted(drift: &Drift, reverts: &[StackRevert], bucket: Option<&BucketPlan>) -> Vec<String> {
    let mut lines = Vec::new();
    for stack in &drift.stacks {
        let revert = reverts.iter().find(|revert| revert.stack == stack.stack);
        for (resource, finding) in stack.findings(false) {
            if revert.is_some_and(|revert| revert.puts_back(&resource.logical_id, &finding.property)) {
                continue;
            }
            if resource.logical_id == NAME && bucket.is_some() {
                continue;
            }
            let property = match finding.property.as_str() {
                "" => "(deleted)",
                property => property,
            };
            lines.push(format!("{} {} {property}", stack.stack, resource.logical_id));
        }
    }
    lines
}
