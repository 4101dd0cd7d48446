//! Bringing an environment to what its file says: the plan, the question, the deed, and what goes with it.

use jiff::{SignedDuration, Timestamp};

use super::settle::draw_up_settled;
use super::{Buckets, Deployment, deploy, nothing_to_do};
use crate::blueprint::Blueprint;
use crate::cloud::Cloud;
use crate::cloud::cloudformation::change_set::{Change, OnFailure};
use crate::deployed::expiry_parameter;
use crate::engine::approved::{Approved, Planned};
use crate::engine::destroy::prune::Pruning;
use crate::engine::operation::Context;
use crate::engine::outcome::Report;
use crate::engine::plan::Plan;
use crate::engine::plan::drafts::Drafts;
use crate::engine::plan::expiry::ExpiryStays;
use crate::engine::plan::planner::{Options, Planner};
use crate::engine::plan::pruned_data::in_vain;
use crate::engine::plan::refusal;
use crate::engine::plan::switch::must_be_waited_for;
use crate::environment::Environment;
use crate::error::{Error, Reason, Result};

/// What is asked for.
#[derive(Debug)]
pub struct Wish<'a> {
    /// What the file says.
    pub environment: &'a Environment,
    /// What should be there.
    pub blueprint: Blueprint,
    /// How change sets are made.
    pub options: Options,
    /// What was approved of it: anything else is refused.
    pub approved: Option<Approved>,
    /// What the file doesn't have any more is destroyed.
    pub prunes: bool,
    /// An operation that runs already is waited for.
    pub attaches: bool,
    /// The command that does this, for messages.
    pub deploy: &'a str,
    /// How many stacks are worked on at once.
    pub concurrency: usize,
    /// Where change sets are noted while they are open.
    pub drafts: &'a Drafts,
    /// What time it is.
    pub now: fn() -> Timestamp,
}

/// Who is shown the plan, and asked.
pub trait Ask: Sync {
    /// Shows what would change in the stacks of this blueprint.
    fn show(&self, plan: &Plan, blueprint: &Blueprint);
    /// Whether that may be done.
    ///
    /// # Errors
    /// Why it can't be asked.
    fn agrees(&self, plan: &Plan, pruning: Option<&Pruning>) -> Result<bool>;
    /// Whether a stack may lose what the plan didn't show.
    fn approves(&self, stack: &str, changes: &[&Change]) -> bool;
}

/// Deploys an environment.
///
/// # Errors
/// A refusal, with which nothing was changed; a failure when AWS can't be asked what there is.
pub async fn bring_up(context: Context<'_>, wish: Wish<'_>, ask: &dyn Ask) -> Result<Report> {
    let Context { cloud, interrupt, .. } = context;
    let Wish {
        environment,
        blueprint,
        mut options,
        prunes,
        approved,
        drafts,
        now,
        ..
    } = wish;
    // A lab that never came up is worth nothing; what is meant to last is left for its owner to look at.
    let default = environment.lifetime.map(|_| OnFailure::Delete);
    options.manner.on_failure = options.manner.on_failure.or(default);
    let began = now();
    let planner = Planner {
        cloud,
        blueprint: &blueprint,
        drafts,
        options: &options,
        now: began,
    };
    let mut plan = Box::pin(draw_up_settled(context, planner, prunes, wish.attaches)).await?;
    plan.expiry_stays = ExpiryStays::of(&plan, environment, began);
    let pruning = Pruning::prepare(cloud, environment, &mut plan, options.disable_protection, began);
    let (pruning, refused) = interrupt.unless_stopped(Box::pin(pruning)).await?;
    ask.show(&plan, &blueprint);
    for vain in in_vain(&plan, &options.allow_replace) {
        context.tell.warn(vain);
    }
    let mut refusals = plan.refusals(&blueprint, &options.allow_replace);
    refusals.extend(refused);
    if let Some(refusal) = refusal::error(refusals) {
        return Err(refusal);
    }
    if let Some(refusal) = must_be_waited_for(&plan).filter(|_| context.waiting.no_wait) {
        return Err(refusal);
    }
    if let Some(approved) = &approved {
        let planned = Planned {
            plan: &plan,
            blueprint: &blueprint,
            environment,
            options: &options,
            local: cloud.local,
        };
        if let Some(refusal) = approved.refusal(planned) {
            return Err(refusal);
        }
    }
    if !plan.changes_anything() {
        put_expiry(cloud, environment, &plan, now()).await?;
        return Ok(nothing_to_do(context, &blueprint, plan).await);
    }
    if !ask.agrees(&plan, pruning.as_ref())? {
        return Err(Error::refused("not confirmed: nothing was changed").because(Reason::NotConfirmed));
    }
    put_expiry(cloud, environment, &plan, now()).await?;
    let mut report = deploy(Deployment {
        context,
        blueprint: &blueprint,
        plan: &plan,
        drafts,
        options: &options,
        concurrency: wish.concurrency,
        now,
        approve: &|stack, changes| ask.approves(stack, changes),
        approved: approved.as_ref(),
        buckets: &Buckets::default(),
    })
    .await;
    if let Some(pruning) = pruning {
        let role_arn = options.manner.role_arn.as_deref();
        let allowed = &options.allow_replace;
        // Large, and rarely needed: not on the stack.
        Box::pin(pruning.carry_out(context, role_arn, allowed, now, &mut report)).await;
        if !report.kept.is_empty() {
            // Only what is retained can be imported.
            let with = format!("{}, once the file has it again, with `on_destroy: keep`", wish.deploy);
            report.import_with = Some(with);
        }
    }
    report.surplus = plan.surplus;
    Ok(report)
}

/// An environment with a lifetime expires that long after its first deploy; later deploys don't move it. One whose file
/// names no lifetime any more doesn't expire any more.
async fn put_expiry(cloud: &Cloud, environment: &Environment, plan: &Plan, now: Timestamp) -> Result<()> {
    let name = expiry_parameter(&environment.name);
    // What an earlier environment of this name left doesn't count for a new one.
    let is_new = plan.outputs.is_empty() && plan.stacks.iter().all(|stack| stack.id.is_none());
    if plan.expires.is_some() && (is_new || environment.lifetime.is_none()) {
        cloud.delete_parameter(&name).await?;
    }
    let Some(lifetime) = environment.lifetime.filter(|_| is_new || plan.expires.is_none()) else {
        return Ok(());
    };
    let seconds = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
    let expires = now
        .checked_add(SignedDuration::from_secs(seconds))
        .map_err(|error| Error::usage(format!("lifetime {lifetime}: {error}")))?;
    let what = format!("When the qfleet environment {} expires", environment.name);
    cloud.put_parameter_once(&name, &format!("{expires:.0}"), &what).await?;
    Ok(())
}
