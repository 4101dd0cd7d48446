//! What the deployed stacks will put out once they are changed, as far as their templates tell: others take it. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::Outputs;
use super::comparison::{self, refers};
use super::draft::Found;
use super::parameters::{Current, resolve_known, resolved};
use super::unchanged;
use super::valued::{Valued, is_known, scalar};
use crate::blueprint::{Blueprint, Stack};
use crate::cloud::cloudformation::change_set::{Change, Replacement};
use crate::cloud::cloudformation::stacks::StackDescription;

/// The outputs after the deploy: of a stack that changes, those that stay as they are, and those that follow from its
/// template and its parameters. The others are left out, as those of a stack that isn't there yet: nobody knows them before.
pub(super) fn outputs(
    blueprint: &Blueprint,
    found: &[Option<Found>],
    now: &Outputs,
    ssm: &BTreeMap<String, String>,
) -> Outputs {
    let mut foreseen = now.clone();
    let mut known: BTreeMap<&str, BTreeMap<String, String>> = BTreeMap::new();
    // What one stack puts out may follow from what another does. In a circle that would never come to an end, and no file
    // has one.
    for _ in &blueprint.stacks {
        let mut is_done = true;
        for (stack, found) in blueprint.stacks.iter().zip(found) {
            let Some((deployed, template)) = found
                .as_ref()
                .and_then(|one| Some((&one.stack, one.template.as_deref()?)))
            else {
                continue;
            };
            let parameters = parameters(stack, deployed, &foreseen);
            if known.get(&*stack.part) == Some(&parameters) {
                continue;
            }
            if !unchanged::is_unchanged(stack, deployed, template, &parameters, ssm) {
                let before = Valued::deployed(deployed, template);
                let after = Valued::planned(stack, deployed, &parameters, &resolved(stack, ssm));
                foreseen.insert(stack.part.clone(), after_change(&before, &after, &deployed.outputs));
                is_done = false;
            }
            known.insert(&stack.part, parameters);
        }
        if is_done {
            break;
        }
    }
    foreseen
}

/// What a stack's parameters will be, as far as that is known.
fn parameters(stack: &Stack, deployed: &StackDescription, outputs: &Outputs) -> BTreeMap<String, String> {
    let told = deployed.parameters.iter();
    let current = Current {
        in_service: None,
        // Zones and subnets are chosen later; what was chosen mostly stays.
        chosen: told.map(|(name, told)| (name.clone(), told.value.clone())).collect(),
    };
    resolve_known(stack, outputs, &current)
}

/// The outputs of a stack that becomes another.
fn after_change(before: &Valued, after: &Valued, outputs: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let changes = comparison::changes(before, after);
    let others: Vec<String> = changes.iter().filter_map(gives_others).collect();
    let was: BTreeMap<&str, _> = before.outputs().collect();
    let mut now = outputs.clone();
    let mut there = BTreeSet::new();
    for (name, output) in after.outputs() {
        there.insert(name.to_owned());
        let value = &output["Value"];
        let is_same = was.get(name).is_some_and(|was| was["Value"] == *value);
        if is_same && !others.iter().any(|id| refers(value, id)) {
            continue;
        }
        match scalar(value).filter(|text| is_known(text)) {
            Some(text) => now.insert(name.to_owned(), text),
            None => now.remove(name),
        };
    }
    now.retain(|name, _| there.contains(name));
    now
}

/// A resource of which others get something else now, as they refer to it: it may be made anew, it is a launch template, which has
/// another version, or a custom resource, of which its program decides what it gives.
fn gives_others(change: &Change) -> Option<String> {
    let (id, resource_type) = (&change.logical_id, change.resource_type.as_str());
    let is_custom = ["Custom::", "AWS::CloudFormation::CustomResource"]
        .iter()
        .any(|begin| resource_type.starts_with(begin));
    match resource_type {
        _ if change.replacement != Replacement::No || is_custom => Some(id.clone()),
        "AWS::EC2::LaunchTemplate" => Some(format!("{id}.LatestVersionNumber")),
        _ => None,
    }
}
