//! Stacks put back to what they were deployed as, by drift-aware change sets: what these would do.

mod execute;
mod existing_bucket;
pub mod put_back;
mod scheduled_bounds;

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use schemars::JsonSchema;
use serde::Serialize;

use super::plan::{self, rolling};
use crate::blueprint::RollingUpdate;
use crate::blueprint::rolling_update::PARAMETER;
use crate::cloud::cloudformation::change_set::{Action, Change};
use crate::cloud::cloudformation::revert::{RevertedChange, Reverting, ThreeStates};
use crate::cloud::cloudformation::stacks::StackDescription;
use crate::cloud::{Cloud, CloudError};
use crate::deployed::{DeployedStack, change_set_description};
use crate::engine::plan::draft::change_set_name;
use crate::engine::plan::drafts::Drafts;
use crate::engine::plan::loss::Losing;
use crate::engine::plan::refusal::Allowed;
use crate::error::{Error, Result};
use crate::observe::drift::compare::is_within;
pub use execute::revert;

/// What would be done to one stack.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StackRevert {
    pub part: String,
    pub stack: String,
    /// What would be done, resource by resource.
    pub changes: Vec<RevertedChange>,
    /// What comes with it, because the parameter store has other values by now: a newer image.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub newer: Vec<NewerValue>,
    /// What CloudFormation can't say of the changes, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
    /// Why nothing can be done, when nothing can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Whether the endpoint knows change sets of this kind.
    #[serde(skip)]
    pub is_known: bool,
    /// The change set, when there is something to do.
    #[serde(skip)]
    pub draft: Option<String>,
    #[serde(skip)]
    own_template: bool,
    /// How many instances it keeps in service, where it replaces some.
    #[serde(skip)]
    keeps: Option<u32>,
}

/// A parameter whose value the parameter store has: CloudFormation always takes the latest, whatever is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct NewerValue {
    pub parameter: String,
    /// Its name in the parameter store.
    pub name: String,
    /// As it was deployed last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployed: Option<String>,
    /// As it would be.
    pub becomes: String,
}

impl StackRevert {
    /// Whether the change set puts a property of a resource back; an empty one is the resource itself. Left as they are:
    /// tags of keys that the template doesn't have, immutable properties, what AWS manages, and what CloudFormation
    /// doesn't compare
    /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/drift-aware-change-sets.html>, Considerations).
    pub fn puts_back(&self, logical_id: &str, property: &str) -> bool {
        // It changes nothing but CloudFormation's own notes.
        let sync = Action::Unknown("SyncWithActual".to_owned());
        let of_resource =
            |reverted: &&RevertedChange| reverted.change.logical_id == logical_id && reverted.change.action != sync;
        self.changes.iter().filter(of_resource).any(|reverted| {
            let anew = reverted.change.action == Action::Add;
            let meets = |state: &ThreeStates| {
                let path = state.path.trim_start_matches("/Properties").trim_start_matches('/');
                is_within(path, property) || is_within(property, path)
            };
            anew || reverted.states.iter().any(meets)
        })
    }
}

/// Asks CloudFormation what it would do to put these stacks back. The change sets stay until they are executed or
/// discarded.
///
/// # Errors
/// Failures of AWS.
pub async fn draw_up(
    cloud: &Cloud,
    environment: &str,
    stacks: &[DeployedStack],
    drafts: &Drafts,
) -> Result<Vec<StackRevert>> {
    let all = stacks
        .iter()
        .map(|stack| draw_up_stack(cloud, environment, stack, drafts));
    Ok(try_join_all(all).await?)
}

async fn draw_up_stack(
    cloud: &Cloud,
    environment: &str,
    deployed: &DeployedStack,
    drafts: &Drafts,
) -> std::result::Result<StackRevert, CloudError> {
    let stack = &deployed.stack;
    let mut revert = StackRevert {
        part: deployed.part.clone(),
        stack: stack.name.clone(),
        changes: Vec::new(),
        newer: Vec::new(),
        warning: None,
        note: None,
        is_known: true,
        draft: None,
        own_template: deployed.tags.own_template,
        keeps: None,
    };
    if stack
        .tags
        .iter()
        .flat_map(|(key, value)| [key, value])
        .any(|text| text.contains('?'))
    {
        // No tag of an environment file has one: CloudFormation hands it back for a character beyond ASCII, and a revert
        // would write it.
        revert.note = Some("CloudFormation doesn't tell its tags as they are, and would change them".to_owned());
        return Ok(revert);
    }
    let (mut id, mut reverting) = ask(cloud, environment, deployed, drafts, None).await?;
    if let Reverting::Ready { changes, .. } = &reverting {
        revert.keeps = keeps(cloud, deployed, changes).await?;
    }
    // The number alone would be a change, so it is only set where instances are replaced.
    let was = stack.parameters.get(PARAMETER).map(|parameter| &parameter.value);
    if let Some(keeps) = revert.keeps
        && was != Some(&keeps.to_string())
    {
        cloud.delete_change_set(&id, None).await?;
        drafts.forget(&stack.name);
        (id, reverting) = ask(cloud, environment, deployed, drafts, Some(keeps)).await?;
    }
    match reverting {
        Reverting::Ready {
            changes,
            resolved,
            warning,
        } => {
            revert.changes = changes;
            revert.warning = warning;
            revert.newer = newer(stack, resolved);
            revert.draft = Some(id);
        }
        Reverting::NothingToDo => revert.note = Some("CloudFormation sees nothing to put back".to_owned()),
        Reverting::NotKnown => {
            revert.is_known = false;
            revert.note = Some("this endpoint knows no change sets that revert drift".to_owned());
        }
        Reverting::Failed(reason) => revert.note = Some(format!("CloudFormation can't revert it: {reason}")),
    }
    Ok(revert)
}

/// Makes the change set, with so many instances kept in service, and reads what it would do.
async fn ask(
    cloud: &Cloud,
    environment: &str,
    deployed: &DeployedStack,
    drafts: &Drafts,
    keeps: Option<u32>,
) -> std::result::Result<(String, Reverting), CloudError> {
    let stack = &deployed.stack;
    let name = change_set_name();
    drafts.hold(&stack.name, &name, false);
    let description = change_set_description(environment, &deployed.part);
    let but = keeps.map(|keeps| (PARAMETER, keeps.to_string())).into_iter().collect();
    let made = cloud.make_revert(stack, &name, &description, &but).await;
    if made.as_ref().map_or_else(|error| error.code.is_some(), |_| true) {
        drafts.answered(&stack.name);
    }
    let id = made.map_err(|error| CloudError {
        message: format!("{}: {}", stack.name, error.message),
        ..error
    })?;
    let reverting = cloud.read_revert(&id).await?;
    Ok((id, reverting))
}

/// How many instances must stay in service now, where these changes may replace those of the stack's group: the last deploy
/// knew another fleet.
async fn keeps(
    cloud: &Cloud,
    deployed: &DeployedStack,
    changes: &[RevertedChange],
) -> std::result::Result<Option<u32>, CloudError> {
    if !changes.iter().any(|reverted| may_roll(&reverted.change)) {
        return Ok(None);
    }
    let body = cloud.template(&deployed.stack.id).await?;
    let update = body.as_deref().and_then(RollingUpdate::deployed);
    rolling::keeps_now(cloud, update, Some(&deployed.stack.outputs)).await
}

/// Whether a change may replace instances that run: not one that makes the group anew, or only puts CloudFormation's notes
/// right.
fn may_roll(change: &Change) -> bool {
    let rolls = ["AWS::AutoScaling::AutoScalingGroup", "AWS::EC2::LaunchTemplate"];
    change.action == Action::Modify && rolls.contains(&change.resource_type.as_str())
}

/// What the parameter store has by now that isn't what was deployed.
fn newer(stack: &StackDescription, resolved: BTreeMap<String, String>) -> Vec<NewerValue> {
    let newer = resolved.into_iter().filter_map(|(parameter, becomes)| {
        let known = stack.parameters.get(&parameter)?;
        (known.resolved.as_ref() != Some(&becomes)).then(|| NewerValue {
            parameter,
            name: known.value.clone(),
            deployed: known.resolved.clone(),
            becomes,
        })
    });
    newer.collect()
}

/// A refusal when putting them back would replace or delete something that holds data.
pub fn data_loss(reverts: &[StackRevert]) -> Option<Error> {
    reverts.iter().find_map(|revert| {
        let changes: Vec<Change> = revert.changes.iter().map(|reverted| reverted.change.clone()).collect();
        let losing = Losing {
            part: &revert.part,
            stack: &revert.stack,
            own_template: revert.own_template,
        };
        let refusals = plan::loss::data_loss(losing, &changes, &Allowed::NOTHING);
        Some(
            plan::refusal::error(refusals)?
                .with_help("`qfleet deploy` with --allow-replace does that when it is meant"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::cloudformation::change_set::Replacement;

    #[test]
    fn only_a_group_that_is_changed_replaces_instances() {
        let may_roll = |action: Action, resource_type: &str| {
            may_roll(&Change {
                action,
                logical_id: "Resource".into(),
                resource_type: resource_type.into(),
                physical_id: None,
                replacement: Replacement::No,
                disposal: None,
                properties: Vec::new(),
            })
        };
        let group = "AWS::AutoScaling::AutoScalingGroup";
        assert!(may_roll(Action::Modify, group) && may_roll(Action::Modify, "AWS::EC2::LaunchTemplate"));
        assert!(!may_roll(Action::Modify, "AWS::SQS::Queue"));
        assert!(!may_roll(Action::Add, group));
        assert!(!may_roll(Action::Unknown("SyncWithActual".into()), group));
    }

    #[test]
    fn only_what_the_change_set_names_is_put_back() {
        let change = |logical_id: &str, action: Action, paths: &[&str]| RevertedChange {
            change: Change {
                action,
                logical_id: logical_id.into(),
                resource_type: "AWS::AutoScaling::AutoScalingGroup".into(),
                physical_id: None,
                replacement: Replacement::No,
                disposal: None,
                properties: Vec::new(),
            },
            drift_status: None,
            states: paths
                .iter()
                .map(|path| ThreeStates {
                    path: (*path).to_owned(),
                    deployed: None,
                    actual: None,
                    template: None,
                })
                .collect(),
            left: Vec::new(),
        };
        let revert = StackRevert {
            part: "work".into(),
            stack: "lab-work".into(),
            changes: vec![
                change(
                    "Group",
                    Action::Modify,
                    &["/Properties/MaxSize", "/Properties/Tags/0/Value"],
                ),
                change("Queue", Action::Add, &[]),
                change(
                    "Topic",
                    Action::Unknown("SyncWithActual".into()),
                    &["/Properties/DisplayName"],
                ),
            ],
            newer: Vec::new(),
            warning: None,
            note: None,
            is_known: true,
            draft: None,
            own_template: false,
            keeps: None,
        };
        for (resource, property, is_put_back) in [
            ("Group", "MaxSize", true),
            ("Group", "Tags/0", true),
            ("Group", "Tags/1", false),
            ("Group", "SuspendedProcesses", false),
            ("Queue", "", true),
            ("Topic", "DisplayName", false),
            ("Role", "MaxSize", false),
        ] {
            assert_eq!(
                revert.puts_back(resource, property),
                is_put_back,
                "{resource} {property}"
            );
        }
    }
}
