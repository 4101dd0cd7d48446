//! Drift-aware change sets: what the script calls drifted is listed in its three states, and gone once the change set
//! was executed well
//! (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/drift-aware-change-sets.html>). What a change set of
//! this kind does besides, when it comes with another template, is listed as in any other.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::diff::{replaces, requires_recreation};
use super::drift::Drifted;
use super::state::Stack;
use super::world::World;
use super::xml::Fields;

impl World {
    /// What there is to put back in a stack now.
    pub fn drift_of(&self, stack: usize) -> Vec<Drifted> {
        let name = &self.stacks[stack].name;
        let all = self.script.drifted.iter();
        all.filter(|drifted| drifted.stack == *name && drifted.is_drift())
            .cloned()
            .collect()
    }

    /// Before these are put back: what was deleted isn't there, so that it is made and not changed. Gives the names of
    /// the resources.
    pub fn face_drift(&mut self, stack: usize, reverts: &[Drifted]) -> BTreeSet<String> {
        for reverted in reverts.iter().filter(|reverted| reverted.status == "DELETED") {
            if let Some(resource) = self.stacks[stack].resource_mut(&reverted.resource) {
                resource.physical_id = None;
            }
        }
        reverts.iter().map(|reverted| reverted.resource.clone()).collect()
    }

    /// All changes of an update are done, and none is taken back any more: until here a failure restores the actual
    /// state from before the deployment, drift included.
    pub fn drift_is_gone(&mut self, stack: usize) {
        let it = &self.stacks[stack];
        let Some(operation) = &it.operation else { return };
        let reverted =
            |drifted: &&mut Drifted| drifted.stack == it.name && operation.reverts.contains(&drifted.resource);
        let mut mapping = self.script.mapping.as_mut();
        let groups = &mut self.script.groups;
        for drifted in self.script.drifted.iter_mut().filter(reverted) {
            if let Some(mapping) = mapping.as_deref_mut().filter(|_| is_mapping(it, &drifted.resource)) {
                // The one that the template has.
                "Enabled".clone_into(&mut mapping.state);
            }
            let resource = it.resource(&drifted.resource);
            let name = resource.and_then(|resource| resource.physical_id.clone());
            if let Some(group) = groups.iter_mut().find(|group| Some(&group.name) == name.as_ref()) {
                // "Bring drifted resources in line with their template definitions"; that its update policy ignores sizes
                // that weren't modified isn't said of these change sets.
                for [path, template, ..] in &drifted.differences {
                    match (path.as_str(), template.parse()) {
                        ("/MinSize", Ok(min)) => group.min = min,
                        ("/MaxSize", Ok(max)) => group.max = max,
                        _ => {}
                    }
                }
                group.desired = group.desired.max(group.min).min(group.max);
            }
            *drifted = Drifted::new(&it.name, &drifted.resource, "IN_SYNC");
        }
    }
}

fn is_mapping(stack: &Stack, resource: &str) -> bool {
    let resource = stack.resource(resource);
    resource.is_some_and(|resource| resource.kind == "AWS::Lambda::EventSourceMapping")
}

/// One resource of a drift-aware change set
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChange.html>). `seen` is when the
/// resources were read; property values only on request.
pub fn written(reverted: &Drifted, stack: &Stack, seen: &str, values: bool) -> Fields {
    let resource = stack.resource(&reverted.resource);
    let kind = resource.map_or("", |resource| resource.kind.as_str());
    let details: Vec<Fields> = reverted
        .differences
        .iter()
        .map(|difference| written_detail(difference, kind, seen, values))
        .collect();
    let anew = reverted.differences.iter().any(|[path, ..]| is_replacing(kind, path));
    let is_deleted = reverted.status == "DELETED";
    let ignored = reverted
        .left
        .iter()
        .map(|[path, reason]| Fields::new().text("Path", path).text("Reason", reason));
    let change = Fields::new()
        .text("Action", if is_deleted { "Add" } else { "Modify" })
        .text("LogicalResourceId", &reverted.resource)
        // "Resources that you are adding don't have physical IDs because they haven't been created."
        .maybe(
            "PhysicalResourceId",
            resource
                .and_then(|resource| resource.physical_id.as_ref())
                .filter(|_| !is_deleted),
        )
        .text("ResourceType", kind)
        .maybe(
            "Replacement",
            (!is_deleted).then_some(if anew { "True" } else { "False" }),
        )
        .texts("Scope", (!is_deleted).then_some("Properties"))
        .text("ResourceDriftStatus", &reverted.status)
        .members("ResourceDriftIgnoredAttributes", ignored)
        .members("Details", details);
    let context = |properties: &str| {
        let properties: Value = serde_json::from_str(properties).expect("the script's properties");
        json!({ "Properties": properties })
    };
    let change = if values {
        change
            .maybe("BeforeContext", (!is_deleted).then(|| context(&reverted.actual)))
            .text("AfterContext", context(&reverted.expected))
            .text("PreviousDeploymentContext", context(&reverted.expected))
    } else {
        change
    };
    Fields::new().text("Type", "Resource").fields("ResourceChange", change)
}

/// A property in its three states: what was deployed last is what the template says, too
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceTargetDefinition.html>,
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_LiveResourceDrift.html>).
fn written_detail(difference: &[String; 4], kind: &str, seen: &str, values: bool) -> Fields {
    let [path, expected, actual, difference] = difference;
    // Detection calls what somebody added ADD; to put that back is to remove it.
    let (expected, actual, change) = match difference.as_str() {
        "ADD" => (None, Some(actual), "Remove"),
        "REMOVE" => (Some(expected), None, "Add"),
        _ => (Some(expected), Some(actual), "Modify"),
    };
    let mut target = Fields::new()
        .text("Attribute", "Properties")
        .text("Name", property(path))
        .text("RequiresRecreation", requires_recreation(kind, property(path)));
    if values {
        let drift = Fields::new()
            .maybe("PreviousValue", expected)
            .maybe("ActualValue", actual)
            .text("DriftDetectionTimestamp", seen);
        target = target
            .text("Path", format!("/Properties{path}"))
            .maybe("BeforeValue", actual)
            .maybe("AfterValue", expected)
            .text("BeforeValueFrom", "ACTUAL_STATE")
            .text("AfterValueFrom", "TEMPLATE")
            .fields("Drift", drift);
    }
    Fields::new()
        .fields("Target", target.text("AttributeChangeType", change))
        .text("Evaluation", "Static")
        .text("ChangeSource", "DirectModification")
}

/// The property that a path begins with.
fn property(path: &str) -> &str {
    path.split('/').nth(1).unwrap_or_default()
}

fn is_replacing(kind: &str, path: &str) -> bool {
    replaces(kind, property(path))
}
