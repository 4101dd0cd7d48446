//! What would change in one stack.

use std::collections::BTreeMap;

use crate::blueprint::tags::StackTags;
use crate::blueprint::{LONGEST_INLINE_TEMPLATE, Stack};
use crate::cloud::Cloud;
use crate::cloud::cloudformation::change_set::{Action, Change};
use crate::cloud::cloudformation::stack_status::StackStatus;
use crate::cloud::cloudformation::stacks::StackDescription;
use crate::engine::believed;
use crate::engine::plan::blocking;
use crate::engine::plan::decide::{self, Deploy, History};
use crate::engine::plan::deleted_queues;
use crate::engine::plan::draft::{Base, Drafting, Found, draft};
use crate::engine::plan::drafts::Draft;
use crate::engine::plan::failures_kept::replacement_refusal;
use crate::engine::plan::history;
use crate::engine::plan::imports::{self, Existing, TakeIn};
use crate::engine::plan::interrupted::interrupts_requests;
use crate::engine::plan::order_of_changes;
use crate::engine::plan::parameters::{Current, resolve, resolve_known, resolved};
use crate::engine::plan::planner::Planner;
use crate::engine::plan::rolling;
use crate::engine::plan::stack_plan::Compared;
use crate::engine::plan::state;
use crate::engine::plan::subnets::{Named, Verdict};
use crate::engine::plan::switch::Switch;
use crate::engine::plan::unchanged;
use crate::engine::plan::zones;
use crate::engine::plan::{Outputs, Source, StackAction, StackPlan, artifacts_bucket};
use crate::error::Result;

/// Plans one stack: found as it is, or not there.
///
/// # Errors
/// When AWS can't be asked, or doesn't take the template.
pub(super) async fn plan_stack(
    planner: Planner<'_>,
    stack: &Stack,
    found: Option<&Found>,
    outputs: &Outputs,
    ssm: &BTreeMap<String, String>,
) -> Result<StackPlan> {
    let Planner { cloud, options, .. } = planner;
    let there = found;
    let from = found.map(state::of);
    let template = found.and_then(|found| found.template.as_deref());
    let found = found.map(|found| &found.stack);
    let chosen = zones::choose(cloud, stack, found, template).await?;
    let current = Current {
        in_service: found.and_then(|found| rolling::deployed(stack, found)),
        chosen: chosen.values,
    };
    let drift = found.map(|found| &found.drift).filter(|drift| drift.is_drifted());
    let history = match found {
        Some(found) => history::of(cloud, found).await?,
        None => History::NeverComplete,
    };
    let mut plan = StackPlan {
        part: stack.part.clone(),
        stack: stack.name.clone(),
        action: StackAction::Unchanged,
        status: found.map(|found| found.status.clone()),
        source: Source::Template,
        changes: Vec::new(),
        changed_parameters: Vec::new(),
        changed_tags: Vec::new(),
        switch: found.and_then(|found| Switch::of(stack, &found.outputs)),
        pause: stack.pause,
        rolls_instances: None,
        rolling_update: None,
        awaits_instances: stack.in_service.map(|wanted| wanted.at_least),
        termination_protection: None,
        protected_by_hand: false,
        attention: Vec::new(),
        acknowledges_roles: stack.makes_roles && stack.file.is_some(),
        note: None,
        warning: chosen.warning,
        lowered: None,
        disabled: Vec::new(),
        drift: drift.cloned(),
        blocking: Vec::new(),
        existing: Vec::new(),
        took_in: history == History::TookIn,
        draft: None,
        parameters: resolve(stack, outputs, &current).ok(),
        current,
        resolved: resolved(stack, ssm),
        from,
        id: found.map(|found| found.id.clone()),
        own_template: stack.file.is_some(),
        needs_now: found
            .and_then(|found| StackTags::read(&found.tags))
            .map_or_else(Vec::new, |tags| tags.needs),
    };
    plan.change_protection(options, stack, found);
    let decided = decide::deploy(plan.status.as_ref(), history);
    // A failed create that is rolled back holds nothing any more.
    let mut existing = match (decided, &plan.status) {
        (Deploy::Create, _)
        | (Deploy::Recreate, Some(StackStatus::RollbackComplete))
        // It failed before it had taken in everything.
        | (Deploy::Update, Some(StackStatus::CreateFailed | StackStatus::UpdateFailed)) => {
            imports::find(cloud, &stack.name, &stack.body, None).await?
        }
        // What it had once, was kept when it lost it, and is to be its own again.
        (Deploy::Update, _) if template.is_some() => {
            let existing = imports::find(cloud, &stack.name, &stack.body, template).await?;
            let id = plan.id.as_deref().unwrap_or_default();
            deleted_queues::leave_out(cloud, id, existing, planner.now).await
        }
        _ => Vec::new(),
    };
    let is_own = |existing: &Existing| existing.is_held_by(&stack.name);
    if found.is_none()
        && !existing.is_empty()
        && (existing.iter().any(is_own) || believed::is_there(cloud, &stack.name).await?)
    {
        plan.wait();
        return Ok(plan);
    }
    existing.retain(|existing| !is_own(existing));
    if let Some(why) = imports::refusal(&stack.part, plan.own_template, &cloud.cli(), &existing) {
        plan.refuse(why);
        return Ok(plan);
    }
    let is_planned = matches!(decided, Deploy::Create | Deploy::Recreate | Deploy::Update);
    if let Some(named) = Named::of(stack).filter(|_| is_planned)
        // What is deployed is left as it is: `status` says when targets aren't used.
        && (decided != Deploy::Update || named.are_new(stack, found))
    {
        match named.check(cloud).await? {
            Verdict::Fits => {}
            Verdict::Unknown(why) => plan.warn(why),
            Verdict::Wrong(why) => {
                plan.refuse(why);
                return Ok(plan);
            }
        }
    }
    match decided {
        Deploy::Create => plan.action = StackAction::Create,
        Deploy::Update => plan.action = StackAction::Update,
        Deploy::Recreate => {
            plan.note = Some("its first create failed: it is deleted and made anew".into());
            plan.action = StackAction::Recreate;
            plan.show_template(&stack.body, existing);
            return Ok(plan);
        }
        Deploy::Attach => {
            plan.wait();
            return Ok(plan);
        }
        Deploy::Refuse(why) => {
            if let Some(found) = found {
                plan.blocking = blocking::find(cloud, &found.id).await?;
            }
            plan.refuse(why);
            return Ok(plan);
        }
    }
    let known = resolve_known(stack, outputs, &plan.current);
    let deployed = found.zip(template);
    let is_unchanged = deployed.is_some_and(|(found, template)| {
        !believed::may_be_early(cloud, found, planner.now)
            && unchanged::is_unchanged(stack, found, template, &known, ssm)
    });
    let compared = deployed
        .filter(|_| !is_unchanged)
        .map(|deployed| Compared::new(stack, deployed, &known, &plan.resolved));
    if let Some(found) = found {
        plan.point_out(stack, found, compared.as_ref());
    }
    if let TakeIn::First(_) = TakeIn::of(&existing) {
        return plan_import(planner, stack, plan, existing, (there, compared.as_ref()), outputs).await;
    }
    let parameters = match resolve(stack, outputs, &plan.current) {
        Ok(parameters) => parameters,
        Err(part) => {
            plan.note = Some(format!(
                "what it needs from `{part}` isn't known yet, so CloudFormation can't be asked"
            ));
            match &compared {
                Some(compared) => {
                    plan.show_difference(stack, compared, existing);
                    let outputs = found.map(|found| &found.outputs);
                    let rolling = rolling::of(cloud, stack, outputs, &plan.changes).await?;
                    plan.rolls_instances = rolling.as_ref().map(|rolling| rolling.instances);
                    plan.rolling_update = rolling;
                    plan.tell_consequences(cloud, stack, found).await?;
                }
                None => plan.show_template(&stack.body, existing),
            }
            return Ok(plan);
        }
    };
    if is_unchanged {
        plan.action = StackAction::Unchanged;
        plan.source = Source::Comparison;
        return Ok(plan);
    }
    if stack.body.len() > LONGEST_INLINE_TEMPLATE && artifacts_bucket(outputs).is_none() {
        plan.show_template(&stack.body, existing);
        plan.note = Some("its template is too long to be sent before the artifacts bucket is there".into());
        return Ok(plan);
    }
    let mut plan = plan_changes(planner, stack, plan, found, existing, outputs, &parameters).await?;
    if let Some(compared) = compared.filter(|_| plan.action == StackAction::Update) {
        plan.tell_values(stack, &compared);
        if cloud.local {
            plan.tell_removed(stack, &compared);
        }
    }
    let is_other_template = template.is_some_and(|template| template != stack.body);
    if cloud.local && plan.action == StackAction::Unchanged && is_other_template {
        plan.warn(NOT_ON_THE_EMULATOR.to_owned());
    }
    Ok(plan)
}

/// What CloudFormation says it would do.
async fn plan_changes(
    planner: Planner<'_>,
    stack: &Stack,
    mut plan: StackPlan,
    found: Option<&StackDescription>,
    existing: Vec<Existing>,
    outputs: &Outputs,
    parameters: &BTreeMap<String, String>,
) -> Result<StackPlan> {
    let cloud = planner.cloud;
    let bucket = artifacts_bucket(outputs);
    let base = Base {
        create: plan.action == StackAction::Create,
        id: plan.id.as_deref(),
        status: plan.status.as_ref(),
        take_in: TakeIn::of(&existing),
        beside: None,
    };
    plan.source = Source::ChangeSet;
    let mut drafted = draft(planner, stack, base, parameters, bucket).await?;
    if let Drafting::Ready {
        draft: first, changes, ..
    } = &drafted
        && let Some(rolling) = rolling::of(cloud, stack, found.map(|found| &found.outputs), changes).await?
    {
        let now = Current {
            in_service: Some(rolling.keeps),
            ..plan.current.clone()
        };
        if now != plan.current
            && let Ok(parameters) = resolve(stack, outputs, &now)
        {
            cloud.delete_change_set(&first.id, None).await?;
            planner.drafts.forget(&stack.name);
            drafted = draft(planner, stack, base, &parameters, bucket).await?;
            (plan.current, plan.parameters) = (now, Some(parameters));
        }
        plan.rolls_instances = Some(rolling.instances);
        plan.rolling_update = Some(rolling);
    }
    match drafted {
        Drafting::Ready {
            draft,
            changes,
            warning,
            resolved,
        } => {
            // CloudFormation's word, where it says it: it goes on with this value.
            for (name, value) in &mut plan.resolved {
                if let Some(now) = resolved.get(name) {
                    value.clone_from(now);
                }
            }
            if let Some(why) = replacement_refusal(&changes, &draft) {
                plan.blocking = match found {
                    Some(found) if draft.keep_failed => blocking::find(cloud, &found.id).await?,
                    _ => Vec::new(),
                };
                plan.refuse(why);
            }
            plan.changes = order_of_changes::as_in_template(changes, &stack.body);
            warning.into_iter().for_each(|warning| plan.warn(warning));
            plan.tell_consequences(cloud, stack, found).await?;
            plan.existing = existing;
            plan.draft = Some(draft);
        }
        Drafting::NothingToDo => plan.action = StackAction::Unchanged,
        Drafting::Begun => plan.wait(),
    }
    Ok(plan)
}

impl StackPlan {
    /// What its changes mean beyond themselves: to a schedule, to files under way, to those who ask a web tier.
    async fn tell_consequences(
        &mut self,
        cloud: &Cloud,
        stack: &Stack,
        found: Option<&StackDescription>,
    ) -> Result<()> {
        let outputs = found.map(|found| &found.outputs);
        let overrides = rolling::overrides_schedule(cloud, stack.rolling_update, outputs, &self.changes).await?;
        let interrupted = self.changes.iter().find_map(interrupts_requests).map(str::to_owned);
        for warning in overrides.into_iter().chain(interrupted) {
            self.warn(warning);
        }
        if self.note.is_none() && self.changes.iter().any(changes_filter) {
            self.note = Some(FILTERS_LATE.to_owned());
        }
        Ok(())
    }
}

const NOT_ON_THE_EMULATOR: &str = "its template has changed, and the local emulator sees no change in it: it takes up other outputs only \
                                   with another change";

/// <https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html>
const FILTERS_LATE: &str = "SNS takes up to 15 minutes to filter anew: until then files may still go by the old filter";

fn changes_filter(change: &Change) -> bool {
    let of_filter = |path: &str| path.starts_with("/Properties/FilterPolicy");
    change.action == Action::Modify
        && change.resource_type == "AWS::SNS::Subscription"
        && change.properties.iter().any(|property| of_filter(&property.path))
}

/// A stack that is to take something in before it is made, or changed: CloudFormation is asked about that alone, as its
/// import isn't there yet for the rest to be compared with.
async fn plan_import(
    planner: Planner<'_>,
    stack: &Stack,
    mut plan: StackPlan,
    existing: Vec<Existing>,
    (there, compared): (Option<&Found>, Option<&Compared<'_>>),
    outputs: &Outputs,
) -> Result<StackPlan> {
    let names: Vec<&str> = existing.iter().map(|existing| existing.physical_id.as_str()).collect();
    let names = names.join(", ");
    let beside = match (plan.action, there) {
        (StackAction::Create, _) => None,
        (_, Some(there)) if imports::is_possible(&there.stack.status) => Some(there),
        _ => {
            plan.refuse(format!(
                "{names} can't be taken into it as it is. Destroy it first (qfleet destroy), which leaves what is to stay"
            ));
            return Ok(plan);
        }
    };
    match compared.filter(|_| beside.is_some()) {
        Some(compared) => plan.show_difference(stack, compared, existing),
        None => plan.show_template(&stack.body, existing),
    }
    plan.note = Some("what was kept is imported first; CloudFormation can be asked about the rest after that".into());
    match draft_import(planner, stack, &plan, beside, artifacts_bucket(outputs)).await {
        Ok(Some(draft)) => plan.draft = Some(draft),
        Ok(None) => plan.wait(),
        Err(error) if beside.is_some() && imports::changes_more(&error) => plan.refuse(format!(
            "{names} can't be taken into it while anything else in it changes, such as an image that AWS has renewed \
             ({error}). Deploy it without what needs {names}, so that it is up to date, and then as you want it; or delete \
             {names} if nobody needs what is there"
        )),
        Err(error) => return Err(error),
    }
    Ok(plan)
}

/// The change set that takes in what a stack's plan found, and nothing else; none while something runs on the stack.
/// `beside`: the stack as it is, unless it is made with it.
///
/// # Errors
/// As of [`draft`].
pub(in crate::engine) async fn draft_import(
    planner: Planner<'_>,
    stack: &Stack,
    plan: &StackPlan,
    beside: Option<&Found>,
    artifacts_bucket: Option<&str>,
) -> Result<Option<Draft>> {
    let base = Base {
        create: beside.is_none(),
        id: plan
            .id
            .as_deref()
            .filter(|_| beside.is_some() || plan.action == StackAction::Create),
        status: plan.status.as_ref(),
        take_in: TakeIn::First(&plan.existing),
        beside,
    };
    match draft(planner, stack, base, &BTreeMap::new(), artifacts_bucket).await? {
        Drafting::Ready { draft, .. } => Ok(Some(draft)),
        Drafting::NothingToDo | Drafting::Begun => Ok(None),
    }
}
