//! Puts stacks back to what they were deployed as, by drift-aware change sets.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use serde::Serialize;

use super::event::Operation;
use super::graph;
use super::operation::{self, Context, Target};
use super::outcome::{Failed, Outcome, Report, StackReport};
use super::plan;
use crate::cloud::cloudformation::change_set::{Action, Change};
use crate::cloud::cloudformation::revert::{RevertedChange, Reverting, ThreeStates};
use crate::cloud::cloudformation::stacks::StackDescription;
use crate::cloud::{Cloud, CloudError};
use crate::deployed::address::Address;
use crate::deployed::{DeployedStack, change_set_description};
use crate::engine::plan::draft::{Drafts, change_set_name};
use crate::error::{Error, Result};
use crate::observe::drift::compare::is_within;

/// What would be done to one stack.
#[derive(Debug, Serialize)]
pub struct StackRevert {
    /// Its part.
    pub part: String,
    /// Its name.
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
    id: String,
    #[serde(skip)]
    needs: Vec<String>,
}

/// A parameter whose value the parameter store has: CloudFormation always takes the latest, whatever is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewerValue {
    /// The parameter.
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
        id: stack.id.clone(),
        needs: deployed.tags.needs.clone(),
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
    let name = change_set_name();
    drafts.hold(&stack.name, &name);
    let description = change_set_description(environment, &deployed.part);
    let made = cloud.make_revert(stack, &name, &description).await;
    if made.as_ref().map_or_else(|error| error.code.is_some(), |_| true) {
        drafts.answered(&stack.name);
    }
    let id = made.map_err(|error| CloudError {
        message: format!("{}: {}", stack.name, error.message),
        ..error
    })?;
    match cloud.read_revert(&id).await? {
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
        let refusal = plan::data_loss(&revert.stack, &changes, &[])?;
        Some(refusal.with_help("`qfleet deploy` with --allow-replace does that when it is meant"))
    })
}

/// Executes what was drawn up: each stack after those that it needs.
pub async fn revert(context: Context<'_>, environment: &str, drafts: &Drafts, reverts: &[StackRevert]) -> Report {
    let ready: Vec<&StackRevert> = reverts.iter().filter(|revert| revert.draft.is_some()).collect();
    let is_part = |part: &&String| ready.iter().any(|revert| revert.part == **part);
    let needs: BTreeMap<String, Vec<String>> = ready
        .iter()
        .map(|revert| {
            (
                revert.part.clone(),
                revert.needs.iter().filter(is_part).cloned().collect(),
            )
        })
        .collect();
    let stop = || context.interrupt.asked();
    let mut finished = graph::run(&needs, ready.len().max(1), stop, |part| {
        revert_part(context, drafts, &ready, part)
    })
    .await;
    let stacks = ready.iter().filter_map(|revert| {
        Some(StackReport {
            part: revert.part.clone(),
            stack: revert.stack.clone(),
            outcome: Outcome::from(finished.remove(&revert.part)?),
        })
    });
    Report::new(Address::new(context.cloud, environment), stacks.collect())
}

async fn revert_part(
    context: Context<'_>,
    drafts: &Drafts,
    ready: &[&StackRevert],
    part: String,
) -> std::result::Result<Outcome, Failed> {
    let found = ready.iter().find(|revert| revert.part == part);
    let Some((revert, draft)) = found.and_then(|revert| Some((revert, revert.draft.as_ref()?))) else {
        return Err(Error::failed(format!("`{part}` has no change set")).into());
    };
    context.may_begin(&revert.stack)?;
    let target = Target {
        stack: &revert.stack,
        part: &revert.part,
        id: &revert.id,
        template: None,
        boot_reports: None,
        awaited: ready.iter().any(|other| other.needs.contains(&part)),
    };
    let request = drafts.execute(&revert.stack, context.cloud.execute_change_set(draft, false));
    let (outcome, _) = operation::run(context, target, Operation::Update, request).await?;
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::cloudformation::change_set::Replacement;

    #[test]
    fn only_what_the_change_set_names_is_put_back() {
        let change = |logical_id: &str, action: Action, paths: &[&str]| RevertedChange {
            change: Change {
                action,
                logical_id: logical_id.into(),
                resource_type: "AWS::AutoScaling::AutoScalingGroup".into(),
                physical_id: None,
                replacement: Replacement::No,
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
            id: String::new(),
            needs: Vec::new(),
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
