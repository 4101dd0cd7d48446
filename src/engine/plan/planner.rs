//! Draws up a plan: blueprint against reality, stack by stack.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::{try_join, try_join_all};

use crate::blueprint::tags;
use crate::blueprint::{self, Blueprint, Stack};
use crate::cloud::autoscaling::groups::Group;
use crate::cloud::cloudformation::change_set::{Action, Change, Manner, Replacement};
use crate::cloud::cloudformation::stack_status::StackStatus;
use crate::cloud::cloudformation::stacks::StackDescription;
use crate::cloud::{Cloud, CloudError};
use crate::deployed::address::Address;
use crate::deployed::protection;
use crate::deployed::{change_set_description, expiry_parameter, ours};
use crate::engine::believed;
use crate::engine::destroy::mappings;
use crate::engine::plan::blocking;
use crate::engine::plan::decide;
use crate::engine::plan::draft::{Base, Draft, Drafting, Drafts, LONGEST_INLINE_TEMPLATE, draft};
use crate::engine::plan::history;
use crate::engine::plan::imports;
use crate::engine::plan::imports::TakeIn;
use crate::engine::plan::rolling;
use crate::engine::plan::surplus::Surplus;
use crate::engine::plan::unchanged;
use crate::engine::plan::zones;
use crate::engine::plan::{
    Live, LoweredGroup, Outputs, Plan, Source, StackAction, StackPlan, artifacts_bucket, replacement_refusal, resolve,
};
use crate::error::{Error, Result};

/// How a plan is made.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The change sets' name; one of its own for each run, unless it is given.
    pub change_set_name: Option<String>,
    /// How CloudFormation does it.
    pub manner: Manner,
    /// Data resources, by logical id, that may be replaced or deleted.
    pub allow_replace: Vec<String>,
    /// Termination protection that somebody switched on by hand goes, too.
    pub disable_protection: bool,
}

const BUSY: &str = "an operation is running on it; ask again when it has ended";
/// What a plan is made with.
#[derive(Clone, Copy)]
pub struct Planner<'a> {
    /// Where.
    pub cloud: &'a Cloud,
    /// What should be there.
    pub blueprint: &'a Blueprint,
    /// The change sets that are made.
    pub drafts: &'a Drafts,
    /// How.
    pub options: &'a Options,
}

/// Finds what every stack of the blueprint would change: by comparison where nothing would, else by asking
/// CloudFormation. The change sets stay until they are executed or discarded.
///
/// # Errors
/// A refusal when a stack of one of the names isn't ours; failures of AWS.
pub async fn draw_up(planner: Planner<'_>) -> Result<Plan> {
    let Planner { cloud, blueprint, .. } = planner;
    let expiry = expiry_parameter(&blueprint.environment);
    let mut names = unchanged::ssm_parameters(blueprint);
    names.insert(expiry.clone());
    // Everything that a comparison needs, all at once: two reads a stack, and one for images and expiry.
    let (found, ssm) = try_join(
        try_join_all(
            blueprint
                .stacks
                .iter()
                .map(|stack| try_join(cloud.stack(&stack.name), cloud.template(&stack.name))),
        ),
        cloud.parameters(&names),
    )
    .await?;
    let mut existing = Vec::new();
    for (stack, (found, template)) in blueprint.stacks.iter().zip(found) {
        let found = found.filter(|found| found.status != StackStatus::DeleteComplete);
        if let Some(found) = &found {
            refuse_what_is_not_ours(cloud, blueprint, stack, found).await?;
        }
        existing.push(found.map(|stack| Existing { stack, template }));
    }
    let mut outputs: Outputs = blueprint
        .stacks
        .iter()
        .zip(&existing)
        .filter_map(|(stack, found)| {
            found
                .as_ref()
                .map(|found| (stack.part.clone(), found.stack.outputs.clone()))
        })
        .collect();
    outputs.extend(outputs_of_others(cloud, blueprint).await?);
    let planned = async {
        let stacks = blueprint.stacks.iter().zip(&existing);
        try_join_all(stacks.map(async |(stack, found)| {
            let mut plan = plan_stack(planner, stack, found.as_ref(), &outputs, &ssm).await?;
            plan.disabled = mappings::marked(cloud, stack, plan.id.as_deref()).await?;
            Ok::<_, Error>(plan)
        }))
        .await
    };
    let (mut stacks, lowered) = try_join(planned, lowered_groups(cloud, &outputs)).await?;
    for stack in &mut stacks {
        let group = outputs.get(&stack.part).and_then(|outputs| outputs.get("GroupName"));
        let of_stack = lowered.iter().find(|lowered| Some(&lowered.name) == group);
        stack.lowered = of_stack.and_then(LoweredGroup::of);
    }
    Ok(Plan {
        address: Address::new(cloud, &blueprint.environment),
        stacks,
        surplus: Surplus::default(),
        prunes: false,
        outputs,
        expires: ssm.get(&expiry).cloned(),
    })
}

/// A stack that is there.
struct Existing {
    stack: StackDescription,
    template: Option<String>,
}

/// Plans one stack again, as it is now.
///
/// # Errors
/// As of [`draw_up`].
pub async fn draw_up_again(planner: Planner<'_>, stack: &Stack, outputs: &Outputs) -> Result<StackPlan> {
    let cloud = planner.cloud;
    let names = unchanged::ssm_parameters(planner.blueprint);
    let ((found, template), ssm) = try_join(
        try_join(cloud.stack(&stack.name), cloud.template(&stack.name)),
        cloud.parameters(&names),
    )
    .await?;
    let found = found.filter(|found| found.status != StackStatus::DeleteComplete);
    if let Some(found) = &found {
        refuse_what_is_not_ours(cloud, planner.blueprint, stack, found).await?;
    }
    let existing = found.map(|stack| Existing { stack, template });
    plan_stack(planner, stack, existing.as_ref(), outputs, &ssm).await
}

/// What a destroy that was stopped left without bounds. On the emulator it lowers none.
async fn lowered_groups(cloud: &Cloud, outputs: &Outputs) -> Result<Vec<Group>> {
    let any_group = outputs.values().any(|outputs| outputs.contains_key("GroupName"));
    if cloud.local || !any_group {
        return Ok(Vec::new());
    }
    Ok(cloud.lowered_groups().await?)
}

/// Outputs of parts that are needed and left out of this blueprint (`--only`).
async fn outputs_of_others(cloud: &Cloud, blueprint: &Blueprint) -> Result<Outputs> {
    let of_blueprint = |part: &String| blueprint.stacks.iter().any(|stack| stack.part == *part);
    let missing: BTreeSet<&String> = blueprint
        .stacks
        .iter()
        .flat_map(|stack| &stack.needs)
        .filter(|part| !of_blueprint(part))
        .collect();
    let found = try_join_all(missing.into_iter().map(async |part| {
        let name = blueprint::names::stack(&blueprint.environment, part);
        Ok::<_, CloudError>(cloud.stack(&name).await?.map(|stack| (part.clone(), stack.outputs)))
    }));
    Ok(found.await?.into_iter().flatten().collect())
}

async fn refuse_what_is_not_ours(
    cloud: &Cloud,
    blueprint: &Blueprint,
    stack: &Stack,
    found: &StackDescription,
) -> Result<()> {
    if ours(found).is_some_and(|tags| tags.environment == blueprint.environment) {
        return Ok(());
    }
    let owner = found.tags.get(tags::ENVIRONMENT);
    if owner.is_none() && found.status == StackStatus::ReviewInProgress {
        // Only change sets were ever made for it, and its tags aren't shown: ours when all of them are.
        let ours = change_set_description(&blueprint.environment, &stack.part);
        if cloud
            .change_sets(&found.name)
            .await?
            .iter()
            .all(|summary| summary.description == ours)
        {
            return Ok(());
        }
    }
    let whose = match owner {
        Some(other) if *other != blueprint.environment => format!("belongs to the environment `{other}`"),
        Some(_) => format!("has not the tags of `{}`", stack.part),
        None => "was not made by qfleet".to_owned(),
    };
    Err(
        Error::refused(format!("the stack {} is there already and {whose}", stack.name))
            .with_help("give this environment another `name`: that stack stays as it is"),
    )
}

async fn plan_stack(
    planner: Planner<'_>,
    stack: &Stack,
    existing: Option<&Existing>,
    outputs: &Outputs,
    ssm: &BTreeMap<String, String>,
) -> Result<StackPlan> {
    let found = existing.map(|existing| &existing.stack);
    let deployed = existing.and_then(|existing| existing.template.as_deref());
    let chosen = zones::choose(planner.cloud, stack, found, deployed).await?;
    let live = Live {
        in_service: found.and_then(|found| rolling::deployed(stack, found)),
        zones: chosen.zones,
    };
    let mut plan = StackPlan {
        part: stack.part.clone(),
        stack: stack.name.clone(),
        action: StackAction::Unchanged,
        status: found.map(|found| found.status.clone()),
        source: Source::Template,
        changes: Vec::new(),
        rolls_instances: None,
        rolling_update: None,
        termination_protection: None,
        protected_by_hand: false,
        note: None,
        warning: chosen.warning,
        lowered: None,
        disabled: Vec::new(),
        drift: found
            .map(|found| &found.drift)
            .filter(|drift| drift.is_drifted())
            .cloned(),
        blocking: Vec::new(),
        existing: Vec::new(),
        took_in: false,
        draft: None,
        parameters: resolve(stack, outputs, &live).ok(),
        live: live.clone(),
        id: found.map(|found| found.id.clone()),
    };
    let protected = found.filter(|found| found.protected == Some(true));
    match protected {
        None if stack.protect => plan.termination_protection = Some(true),
        Some(found) if !stack.protect => {
            if planner.options.disable_protection || protection::is_tagged(found) {
                plan.termination_protection = Some(false);
            } else {
                plan.protected_by_hand = true;
            }
        }
        _ => {}
    }
    let history = match found {
        Some(found) => history::of(planner.cloud, found).await?,
        None => decide::History::NeverComplete,
    };
    plan.took_in = history == decide::History::TookIn;
    let action = decide::plan(found.map(|found| &found.status), history);
    // A failed create that is rolled back holds nothing any more.
    let mut existing_data = match (action, &plan.status) {
        (decide::Plan::Create, _)
        | (decide::Plan::Recreate, Some(StackStatus::RollbackComplete))
        // It failed before it had taken in everything.
        | (decide::Plan::Update, Some(StackStatus::CreateFailed | StackStatus::UpdateFailed)) => {
            imports::find(planner.cloud, &stack.name, &stack.body).await?
        }
        _ => Vec::new(),
    };
    let is_own = |existing: &imports::Existing| existing.is_held_by(&stack.name);
    if found.is_none()
        && !existing_data.is_empty()
        && (existing_data.iter().any(is_own) || believed::is_there(planner.cloud, &stack.name).await?)
    {
        plan.note = Some(BUSY.into());
        plan.action = StackAction::Busy;
        return Ok(plan);
    }
    existing_data.retain(|existing| !is_own(existing));
    if let Some(why) = imports::refusal(&stack.part, &planner.cloud.region, &existing_data) {
        plan.note = Some(why);
        plan.action = StackAction::Refused;
        return Ok(plan);
    }
    match action {
        decide::Plan::Create => plan.action = StackAction::Create,
        decide::Plan::Update => plan.action = StackAction::Update,
        decide::Plan::Recreate => {
            plan.note = Some("its first create failed: it is deleted and made anew".into());
            plan.action = StackAction::Recreate;
            plan.changes = what_the_template_adds(&stack.body, &existing_data);
            plan.existing = existing_data;
            return Ok(plan);
        }
        decide::Plan::Busy => {
            plan.note = Some(BUSY.into());
            plan.action = StackAction::Busy;
            return Ok(plan);
        }
        decide::Plan::Refuse(why) => {
            if let Some(found) = found {
                plan.blocking = blocking::find(planner.cloud, &found.id).await?;
            }
            plan.note = Some(why.into());
            plan.action = StackAction::Refused;
            return Ok(plan);
        }
    }
    let create = plan.action == StackAction::Create;
    let take_in = TakeIn::of(&existing_data);
    if let TakeIn::First(found) = take_in {
        return plan_import(planner, stack, plan, found).await;
    }
    let parameters = match resolve(stack, outputs, &live) {
        Ok(parameters) => parameters,
        Err(part) => {
            if create {
                plan.changes = what_the_template_adds(&stack.body, &existing_data);
                plan.existing = existing_data;
            }
            plan.note = Some(format!(
                "what it needs from `{part}` isn't there yet, so CloudFormation can't be asked"
            ));
            return Ok(plan);
        }
    };
    if let Some(Existing {
        stack: found,
        template: Some(template),
    }) = existing
        && unchanged::is_unchanged(stack, found, template, &parameters, ssm)
    {
        plan.action = StackAction::Unchanged;
        plan.source = Source::Comparison;
        return Ok(plan);
    }
    let bucket = artifacts_bucket(outputs);
    if stack.body.len() > LONGEST_INLINE_TEMPLATE && bucket.is_none() {
        plan.changes = what_the_template_adds(&stack.body, &existing_data);
        plan.existing = existing_data;
        plan.note = Some("its template is too long to be sent before the artifacts bucket is there".into());
        return Ok(plan);
    }
    let base = Base {
        create,
        id: plan.id.as_deref(),
        status: plan.status.as_ref(),
        take_in,
    };
    plan.source = Source::ChangeSet;
    let mut drafted = draft(planner, stack, base, &parameters, bucket).await?;
    if let Drafting::Ready {
        draft: first, changes, ..
    } = &drafted
        && let Some(rolling) = rolling::of(planner.cloud, stack, found.map(|found| &found.outputs), changes).await?
    {
        let now = Live {
            in_service: Some(rolling.keeps),
            ..live.clone()
        };
        if now != live
            && let Ok(parameters) = resolve(stack, outputs, &now)
        {
            planner.cloud.delete_change_set(&first.id, None).await?;
            planner.drafts.forget(&stack.name);
            drafted = draft(planner, stack, base, &parameters, bucket).await?;
            (plan.live, plan.parameters) = (now, Some(parameters));
        }
        plan.rolls_instances = Some(rolling.instances);
        plan.rolling_update = Some(rolling);
    }
    match drafted {
        Drafting::Ready {
            draft,
            changes,
            warning,
        } => {
            if let Some(why) = replacement_refusal(&changes, &draft) {
                plan.blocking = match found {
                    Some(found) if draft.keep_failed => blocking::find(planner.cloud, &found.id).await?,
                    _ => Vec::new(),
                };
                plan.action = StackAction::Refused;
                plan.note = Some(why);
            }
            plan.changes = changes;
            let warnings: Vec<String> = plan.warning.take().into_iter().chain(warning).collect();
            plan.warning = Some(warnings.join("; ")).filter(|warnings| !warnings.is_empty());
            plan.existing = existing_data.clone();
            plan.draft = Some(draft);
        }
        Drafting::NothingToDo => plan.action = StackAction::Unchanged,
        Drafting::Begun => {
            plan.note = Some(BUSY.into());
            plan.action = StackAction::Busy;
        }
    }
    Ok(plan)
}

/// A stack that is to take something in before it is made: CloudFormation is asked about that alone, as its import isn't
/// there yet for the rest to be compared with.
async fn plan_import(
    planner: Planner<'_>,
    stack: &Stack,
    mut plan: StackPlan,
    found: &[imports::Existing],
) -> Result<StackPlan> {
    if plan.action != StackAction::Create {
        let names: Vec<&str> = found.iter().map(|existing| existing.physical_id.as_str()).collect();
        plan.note = Some(format!(
            "{} can't be taken into it as it is. Destroy it first (qfleet destroy), which leaves what is to stay",
            names.join(", ")
        ));
        plan.action = StackAction::Refused;
        return Ok(plan);
    }
    plan.changes = what_the_template_adds(&stack.body, found);
    plan.existing = found.to_vec();
    plan.note = Some("what was kept is imported first; CloudFormation can be asked about the rest after that".into());
    match draft_import(planner, stack, &plan).await? {
        Some(draft) => plan.draft = Some(draft),
        None => {
            plan.note = Some(BUSY.into());
            plan.action = StackAction::Busy;
        }
    }
    Ok(plan)
}

/// The change set that takes in what a stack's plan found, and nothing else; none while something runs on the stack.
///
/// # Errors
/// As of [`draft`].
pub(in crate::engine) async fn draft_import(
    planner: Planner<'_>,
    stack: &Stack,
    plan: &StackPlan,
) -> Result<Option<Draft>> {
    let base = Base {
        create: true,
        id: plan.id.as_deref().filter(|_| plan.action == StackAction::Create),
        status: plan.status.as_ref(),
        take_in: TakeIn::First(&plan.existing),
    };
    match draft(planner, stack, base, &BTreeMap::new(), None).await? {
        Drafting::Ready { draft, .. } => Ok(Some(draft)),
        Drafting::NothingToDo | Drafting::Begun => Ok(None),
    }
}

/// Every resource of a template, as an addition, or taken in where it is there already.
fn what_the_template_adds(body: &str, existing: &[imports::Existing]) -> Vec<Change> {
    let mut changes: Vec<Change> = blueprint::resources(body)
        .into_iter()
        .map(|(logical_id, resource_type)| Change {
            action: Action::Add,
            logical_id,
            resource_type,
            physical_id: None,
            replacement: Replacement::No,
            properties: Vec::new(),
        })
        .collect();
    imports::mark(&mut changes, existing);
    changes
}
