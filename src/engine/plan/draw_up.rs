//! Draws up a plan: blueprint against reality, stack by stack.

use std::collections::BTreeSet;

use futures_util::future::{try_join, try_join_all, try_join3};

use crate::blueprint::{self, Blueprint, Stack, outputs, tags};
use crate::cloud::autoscaling::groups::Group;
use crate::cloud::cloudformation::stack_status::StackStatus;
use crate::cloud::cloudformation::stacks::StackDescription;
use crate::cloud::{Cloud, CloudError};
use crate::deployed::address::Address;
use crate::deployed::{change_set_description, expiry_parameter, ours};
use crate::engine::plan::draft::Found;
use crate::engine::plan::existing_bucket;
use crate::engine::plan::files_at_risk;
use crate::engine::plan::foreseen;
use crate::engine::plan::mappings;
use crate::engine::plan::planner::Planner;
use crate::engine::plan::replication;
use crate::engine::plan::secrets;
use crate::engine::plan::stack::plan_stack;
use crate::engine::plan::surplus::Surplus;
use crate::engine::plan::unchanged;
use crate::engine::plan::{LoweredGroup, Outputs, Plan, StackPlan};
use crate::environment::schedule::Schedule;
use crate::error::{Error, Result};

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
        existing.push(found.map(|stack| Found { stack, template }));
    }
    let first_made = existing.iter().flatten().filter_map(|found| found.stack.created).min();
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
    let foreseen = foreseen::outputs(blueprint, &existing, &outputs, &ssm);
    let planned = async {
        let stacks = blueprint.stacks.iter().zip(&existing);
        try_join_all(stacks.map(async |(stack, found)| {
            let mut plan = plan_stack(planner, stack, found.as_ref(), &foreseen, &ssm).await?;
            replication::check(cloud, stack, &mut plan, found.as_ref()).await;
            plan.disabled = mappings::marked(cloud, stack, plan.id.as_deref()).await?;
            Ok::<_, Error>(plan)
        }))
        .await
    };
    let buckets = async { Ok::<_, Error>(existing_bucket::draw_up(cloud, blueprint, &outputs).await?) };
    let asked = try_join3(planned, lowered_groups(cloud, &outputs), buckets);
    let (asked, missing) = tokio::join!(asked, secrets::missing(cloud, blueprint));
    let (mut stacks, lowered, existing_buckets) = asked?;
    secrets::point_out(cloud, blueprint, &missing, &mut stacks);
    // The emulator's filters hold at once.
    if !cloud.local {
        files_at_risk::warn(blueprint, &existing, &mut stacks);
    }
    for stack in &mut stacks {
        let output = |key: &str| outputs.get(&stack.part).and_then(|outputs| outputs.get(key));
        let group = output(outputs::GROUP);
        let of_stack = lowered.iter().find(|lowered| Some(&lowered.name) == group);
        // The deployed one: another one in the file says nothing of the time before.
        let schedule = output(outputs::CAPACITY).and_then(|text| Schedule::read(text));
        let schedule = schedule.unwrap_or_default();
        stack.lowered = of_stack.and_then(|group| LoweredGroup::of(group, &schedule, planner.now));
    }
    Ok(Plan {
        address: Address::new(cloud, &blueprint.environment),
        stacks,
        existing_buckets,
        surplus: Surplus::default(),
        prunes: false,
        outputs,
        expires: ssm.get(&expiry).cloned(),
        first_made,
        expiry_stays: None,
    })
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
    let existing = found.map(|stack| Found { stack, template });
    plan_stack(planner, stack, existing.as_ref(), outputs, &ssm).await
}

/// What a destroy that was stopped left without bounds. On the emulator it lowers none.
async fn lowered_groups(cloud: &Cloud, outputs: &Outputs) -> Result<Vec<Group>> {
    let any_group = outputs.values().any(|outputs| outputs.contains_key(outputs::GROUP));
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
