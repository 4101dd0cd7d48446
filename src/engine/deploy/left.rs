//! What an update took out of its stack, and what is there all the same.

use std::collections::BTreeMap;

use crate::blueprint::template::Disposal;
use crate::cloud::AwsCli;
use crate::cloud::cloudformation::change_set::Change;
use crate::cloud::cloudformation::events::ResourceEvent;
use crate::engine::outcome::{LeftOver, WhyLeft};

/// By the events of an update that succeeded, and the changes that it was made for. `cli`: goes
/// to the same place. What an update replaces or drops is deleted
/// last; what can't be deleted then leaves the stack all the same, which is UPDATE_COMPLETE
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-describing-stacks.html>).
pub(super) fn left_over(stack: &str, cli: &AwsCli, changes: &[Change], events: &[ResourceEvent]) -> Vec<LeftOver> {
    let mut last: BTreeMap<(&str, &str), &ResourceEvent> = BTreeMap::new();
    for event in events
        .iter()
        .filter(|event| !event.is_stack && !event.physical_id.is_empty())
    {
        last.insert((&event.logical_id, &event.physical_id), event);
    }
    let had_snapshot = |event: &ResourceEvent| {
        changes.iter().any(|change| {
            change.disposal == Some(Disposal::Snapshot) && change.physical_id.as_ref() == Some(&event.physical_id)
        })
    };
    let left = last.into_values().filter_map(|event| {
        let why = match event.status.as_str() {
            "DELETE_FAILED" => WhyLeft::NotDeleted,
            "DELETE_SKIPPED" => WhyLeft::Retained,
            "DELETE_COMPLETE" if had_snapshot(event) => WhyLeft::Snapshot,
            _ => return None,
        };
        let (resource_type, name) = (event.resource_type.clone(), event.physical_id.clone());
        let is_failure = why == WhyLeft::NotDeleted;
        Some(LeftOver {
            stack: stack.to_owned(),
            why,
            reason: event.reason.clone().filter(|_| is_failure),
            delete_with: is_failure.then(|| delete_with(&resource_type, &name, cli)),
            once_unneeded: (why == WhyLeft::Retained).then(|| delete_with(&resource_type, &name, cli)),
            resource_type,
            name,
        })
    });
    left.collect()
}

/// Cloud Control knows what CloudFormation knows, by the same identifiers where a type has only one
/// (<https://docs.aws.amazon.com/cloudcontrolapi/latest/userguide/resource-identifier.html>).
fn delete_with(resource_type: &str, name: &str, cli: &AwsCli) -> String {
    match resource_type {
        "AWS::EC2::SecurityGroup" => cli.command(&format!("ec2 delete-security-group --group-id {name}")),
        _ => cli.command(&format!(
            "cloudcontrol delete-resource --type-name {resource_type} --identifier {name}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::cloudformation::change_set::{Action, Replacement};

    #[test]
    fn each_thing_is_told_once_as_it_ended() {
        let event = |(name, status): (&str, &str)| ResourceEvent {
            id: String::new(),
            operation_id: None,
            token: None,
            at: None,
            logical_id: "It".into(),
            physical_id: name.into(),
            resource_type: "AWS::EC2::SecurityGroup".into(),
            status: status.into(),
            reason: Some("has a dependent object".into()),
            is_stack: false,
        };
        let events = [
            ("new", "UPDATE_COMPLETE"),
            ("sg-1", "DELETE_IN_PROGRESS"),
            ("sg-1", "DELETE_FAILED"),
            ("sg-1", "DELETE_IN_PROGRESS"),
            ("sg-1", "DELETE_FAILED"),
            ("sg-2", "DELETE_FAILED"),
            ("sg-2", "DELETE_COMPLETE"),
            ("kept", "DELETE_SKIPPED"),
            ("db", "DELETE_COMPLETE"),
        ]
        .map(event);
        let change = Change {
            action: Action::Modify,
            logical_id: "It".into(),
            resource_type: "AWS::RDS::DBInstance".into(),
            physical_id: Some("db".into()),
            replacement: Replacement::Yes,
            disposal: Some(Disposal::Snapshot),
            properties: Vec::new(),
        };
        let left = left_over("lab-db", &AwsCli::new("us-east-2"), &[change], &events);
        let told: Vec<_> = left.iter().map(|one| (one.name.as_str(), one.why)).collect();
        assert_eq!(
            told,
            [
                ("db", WhyLeft::Snapshot),
                ("kept", WhyLeft::Retained),
                ("sg-1", WhyLeft::NotDeleted)
            ]
        );
        let command = "aws ec2 delete-security-group --group-id sg-1 --region us-east-2";
        assert_eq!(left[2].delete_with.as_deref(), Some(command));
        assert_eq!(left[2].reason.as_deref(), Some("has a dependent object"));
        // Who runs each `delete_with` deletes nothing that is kept on purpose.
        let commands = |one: &LeftOver| (one.delete_with.is_some(), one.once_unneeded.is_some());
        assert_eq!(
            [0, 1, 2].map(|i| commands(&left[i])),
            [(false, false), (false, true), (true, false)]
        );
    }
}
