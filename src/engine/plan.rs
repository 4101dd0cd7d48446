//! The plan: blueprint against reality, stack by stack. What *would* change.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::{try_join, try_join_all};
use serde::Serialize;

use super::blocking::{self, Blocking};
use super::draft::{Base, Draft, Drafting, Drafts, draft};
use super::{decide, history, unchanged};
use crate::blueprint::tags;
use crate::blueprint::{self, Blueprint, Stack, Value};
use crate::cloud::change_set::{Action, Change, Manner, Replacement};
use crate::cloud::stack_status::StackStatus;
use crate::cloud::stacks::StackDescription;
use crate::cloud::{Cloud, CloudError};
use crate::deployed::{change_set_description, expiry_parameter};
use crate::error::{Error, Result};

/// The longest template that goes inline
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>).
pub const LONGEST_INLINE_TEMPLATE: usize = 51_200;

/// Outputs of stacks: part → key → value.
pub type Outputs = BTreeMap<String, BTreeMap<String, String>>;

/// What would change.
#[derive(Debug, Serialize)]
pub struct Plan {
    /// The environment's name.
    pub environment: String,
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// In the order in which they would be deployed.
    pub stacks: Vec<StackPlan>,
    /// What the deployed stacks put out now.
    #[serde(skip)]
    pub outputs: Outputs,
    /// When the environment expires, as it is kept.
    #[serde(skip)]
    pub expires: Option<String>,
}

/// What would happen to one stack.
#[derive(Debug, Serialize)]
pub struct StackPlan {
    /// Its part.
    pub part: String,
    /// Its name.
    pub stack: String,
    /// What would be done.
    pub action: StackAction,
    /// Its status now; none when it isn't there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<StackStatus>,
    /// Who says what would change.
    pub source: Source,
    /// Resource by resource.
    pub changes: Vec<Change>,
    /// How many running instances the change replaces, one batch after the other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rolls_instances: Option<usize>,
    /// Termination protection would become this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub termination_protection: Option<bool>,
    /// What else is to be known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What a stack is stuck on that nothing can be done with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub blocking: Vec<Blocking>,
    /// The change set that says so.
    #[serde(skip)]
    pub draft: Option<Draft>,
    /// The parameters that it was planned with, when all are known.
    #[serde(skip)]
    pub parameters: Option<BTreeMap<String, String>>,
    /// The stack's ARN, when it is there.
    #[serde(skip)]
    pub id: Option<String>,
}

/// What would be done to a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StackAction {
    /// It is made.
    Create,
    /// It is changed.
    Update,
    /// A failed first create is deleted and made anew.
    Recreate,
    /// It is as it should be.
    Unchanged,
    /// Another operation is running on it.
    Busy,
    /// Nothing is done; the note says why.
    Refused,
}

/// Who says what would change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// CloudFormation, in a change set.
    ChangeSet,
    /// The deployed stack is the same: template, parameters, tags.
    Comparison,
    /// The template alone: CloudFormation can't be asked yet.
    Template,
}

/// How a plan is made.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The change sets' name; one of its own for each run, unless it is given.
    pub change_set_name: Option<String>,
    /// How CloudFormation does it.
    pub manner: Manner,
    /// Data resources, by logical id, that may be replaced or deleted.
    pub allow_replace: Vec<String>,
}

const BUSY: &str = "an operation is running on it; ask again when it has ended";

/// Resources that hold data: what they are replaced by is empty.
const DATA: [&str; 2] = ["AWS::S3::Bucket", "AWS::SQS::Queue"];

impl Plan {
    /// Whether a deploy would do anything.
    pub fn changes_anything(&self) -> bool {
        self.stacks
            .iter()
            .any(|stack| stack.action != StackAction::Unchanged || stack.termination_protection.is_some())
    }

    /// Whether operations are running that must be over before a deploy.
    pub fn is_busy(&self) -> bool {
        self.stacks.iter().any(|stack| stack.action == StackAction::Busy)
    }

    /// A refusal when something that holds data would be replaced or deleted and isn't in `allowed`.
    pub fn data_loss(&self, allowed: &[String]) -> Option<Error> {
        self.stacks
            .iter()
            .find_map(|stack| data_loss(&stack.stack, &stack.changes, allowed))
    }

    /// A refusal that names the first stack that nothing can be done with.
    pub fn refusal(&self) -> Option<Error> {
        let stack = self.stacks.iter().find(|stack| stack.action == StackAction::Refused)?;
        let status = stack
            .status
            .as_ref()
            .map_or(String::new(), |status| format!(" is {status}"));
        let stuck_on: String = stack
            .blocking
            .iter()
            .map(|resource| format!("\n  {resource}"))
            .collect();
        Some(Error::refused(format!(
            "{}{status}: {}{stuck_on}",
            stack.stack,
            stack.note.as_deref().unwrap_or_default()
        )))
    }
}

/// The values of a stack's parameters, or the part whose output isn't there yet.
pub fn resolve(stack: &Stack, outputs: &Outputs) -> std::result::Result<BTreeMap<String, String>, String> {
    stack
        .parameters
        .iter()
        .map(|(name, value)| {
            let value = match value {
                Value::Literal(text) | Value::Ssm(text) => text.clone(),
                Value::Output { part, key } => outputs
                    .get(part)
                    .and_then(|of_part| of_part.get(key))
                    .ok_or_else(|| part.clone())?
                    .clone(),
            };
            Ok((name.clone(), value))
        })
        .collect()
}

/// A refusal when these changes of a stack replace or delete something that holds data and isn't in `allowed`.
pub fn data_loss(stack: &str, changes: &[Change], allowed: &[String]) -> Option<Error> {
    let lost = changes.iter().find(|change| {
        change.takes_away() && DATA.contains(&change.resource_type.as_str()) && !allowed.contains(&change.logical_id)
    })?;
    let name = lost.physical_id.as_deref().unwrap_or(&lost.logical_id);
    let what = if lost.action == Action::Remove {
        "delete"
    } else {
        "replace"
    };
    Some(
        Error::refused(format!(
            "{stack} would {what} {name} ({}), and what is in it would be lost",
            lost.resource_type
        ))
        .with_help(format!("if that is meant: --allow-replace {}", lost.logical_id)),
    )
}

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
    let stacks = try_join_all(
        blueprint
            .stacks
            .iter()
            .zip(&existing)
            .map(|(stack, found)| plan_stack(planner, stack, found.as_ref(), &outputs, &ssm)),
    )
    .await?;
    Ok(Plan {
        environment: blueprint.environment.clone(),
        account: cloud.account.clone(),
        region: cloud.region.clone(),
        stacks,
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
    let owner = found.tags.get(tags::ENVIRONMENT);
    if owner == Some(&blueprint.environment) {
        return Ok(());
    }
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
        Some(other) => format!("belongs to the environment `{other}`"),
        None => "was not made by qfleet".to_owned(),
    };
    Err(
        Error::refused(format!("the stack {} is there already and {whose}", stack.name))
            .with_help("give this environment another `name`, or delete that stack yourself if nobody needs it"),
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
    let mut plan = StackPlan {
        part: stack.part.clone(),
        stack: stack.name.clone(),
        action: StackAction::Unchanged,
        status: found.map(|found| found.status.clone()),
        source: Source::Template,
        changes: Vec::new(),
        rolls_instances: None,
        termination_protection: None,
        note: None,
        blocking: Vec::new(),
        draft: None,
        parameters: resolve(stack, outputs).ok(),
        id: found.map(|found| found.id.clone()),
    };
    let protected = found.is_some_and(|found| found.protected);
    plan.termination_protection = (protected != stack.protect).then_some(stack.protect);
    let history = match found {
        Some(found) => history::of(planner.cloud, found).await?,
        None => decide::History::NeverComplete,
    };
    match decide::plan(found.map(|found| &found.status), history) {
        decide::Plan::Create => plan.action = StackAction::Create,
        decide::Plan::Update => plan.action = StackAction::Update,
        decide::Plan::Recreate => {
            plan.note = Some("its first create failed: it is deleted and made anew".into());
            plan.action = StackAction::Recreate;
            plan.changes = what_the_template_adds(&stack.body);
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
    let parameters = match resolve(stack, outputs) {
        Ok(parameters) => parameters,
        Err(part) => {
            if create {
                plan.changes = what_the_template_adds(&stack.body);
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
        plan.changes = what_the_template_adds(&stack.body);
        plan.note = Some("its template is too long to be sent before the artifacts bucket is there".into());
        return Ok(plan);
    }
    let base = Base {
        create,
        id: plan.id.as_deref(),
        status: plan.status.as_ref(),
    };
    plan.source = Source::ChangeSet;
    match draft(planner, stack, base, &parameters, bucket).await? {
        Drafting::Ready(draft, changes) => {
            plan.rolls_instances = instances_to_roll(planner.cloud, found, &changes).await?;
            plan.changes = changes;
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

/// The bucket for programs and long templates, once it is there.
pub fn artifacts_bucket(outputs: &Outputs) -> Option<&str> {
    outputs.get("artifacts")?.get("BucketName").map(String::as_str)
}

/// A rolling update replaces every instance of a group when what it launches, or where, changes
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-updatepolicy.html>).
async fn instances_to_roll(
    cloud: &Cloud,
    found: Option<&StackDescription>,
    changes: &[Change],
) -> Result<Option<usize>> {
    const LAUNCHED: [&str; 4] = [
        "LaunchTemplate",
        "MixedInstancesPolicy",
        "VPCZoneIdentifier",
        "AvailabilityZones",
    ];
    let rolls = changes.iter().any(|change| {
        change.resource_type == "AWS::AutoScaling::AutoScalingGroup"
            && change.action == Action::Modify
            && change.properties.iter().any(|property| {
                LAUNCHED
                    .iter()
                    .any(|name| property.path.trim_start_matches("/Properties/").starts_with(name))
            })
    });
    match found.and_then(|found| found.outputs.get("GroupName")).filter(|_| rolls) {
        Some(name) => Ok(cloud.group(name).await?.map(|group| group.instances.len())),
        None => Ok(None),
    }
}

/// Every resource of a template, as an addition.
fn what_the_template_adds(body: &str) -> Vec<Change> {
    blueprint::resources(body)
        .into_iter()
        .map(|(logical_id, resource_type)| Change {
            action: Action::Add,
            logical_id,
            resource_type,
            physical_id: None,
            replacement: Replacement::No,
            properties: Vec::new(),
        })
        .collect()
}

/// What a change set takes away that was not shown before: removals and replacements.
pub fn not_shown<'a>(shown: &[Change], now: &'a [Change]) -> Vec<&'a Change> {
    // A replacement that was shown as possible was approved, too, if it becomes certain.
    let was_shown = |change: &Change| {
        shown
            .iter()
            .any(|known| known.logical_id == change.logical_id && known.action == change.action && known.takes_away())
    };
    now.iter()
        .filter(|change| change.takes_away() && !was_shown(change))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(logical_id: &str, action: Action, replacement: Replacement) -> Change {
        Change {
            action,
            logical_id: logical_id.into(),
            resource_type: "AWS::SQS::Queue".into(),
            physical_id: None,
            replacement,
            properties: Vec::new(),
        }
    }

    #[test]
    fn a_replacement_that_was_not_shown_is_found() {
        let shown = [
            change("Queue", Action::Modify, Replacement::No),
            change("Topic", Action::Modify, Replacement::Yes),
            change("Group", Action::Modify, Replacement::Maybe),
        ];
        let now = [
            change("Queue", Action::Modify, Replacement::Yes),
            change("Topic", Action::Modify, Replacement::Yes),
            change("Group", Action::Modify, Replacement::Yes),
            change("Role", Action::Remove, Replacement::No),
            change("New", Action::Add, Replacement::No),
        ];
        let names: Vec<&str> = not_shown(&shown, &now)
            .iter()
            .map(|change| change.logical_id.as_str())
            .collect();
        assert_eq!(names, ["Queue", "Role"]);
    }
}
