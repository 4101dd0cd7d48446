//! A change of a resource, from CloudFormation's words.

use aws_sdk_cloudformation::types::{ResourceChange, ResourceTargetDefinition};

use crate::blueprint::template::Disposal;
use crate::cloud::cloudformation::change_set::{Action, Change, PropertyChange, Replacement};

pub(in crate::cloud) fn read_change(change: &ResourceChange) -> Change {
    let action = match change.action().map_or("", |action| action.as_str()) {
        "Add" => Action::Add,
        "Modify" => Action::Modify,
        "Remove" => Action::Remove,
        "Import" => Action::Import,
        "Dynamic" => Action::Dynamic,
        other => Action::Unknown(other.to_owned()),
    };
    // Of an import CloudFormation says `True` (https://github.com/aws/aws-cdk-cli/pull/447), and with values of an addition,
    // too (localstack/localstack tests/aws/services/cloudformation/test_change_set_ref.snapshot.json,
    // test_resource_addition), though nothing is made anew.
    let replacement = match change.replacement().map_or("", |replacement| replacement.as_str()) {
        _ if matches!(action, Action::Import | Action::Add) => Replacement::No,
        "True" => Replacement::Yes,
        "Conditional" => Replacement::Maybe,
        _ => Replacement::No,
    };
    // <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChange.html>
    let disposal = match change.policy_action().map_or("", |action| action.as_str()) {
        "Delete" | "ReplaceAndDelete" => Some(Disposal::Deleted),
        "Snapshot" | "ReplaceAndSnapshot" => Some(Disposal::Snapshot),
        "Retain" | "ReplaceAndRetain" => Some(Disposal::Kept),
        _ => None,
    };
    Change {
        action,
        logical_id: change.logical_resource_id().unwrap_or_default().to_owned(),
        resource_type: change.resource_type().unwrap_or_default().to_owned(),
        physical_id: change
            .physical_resource_id()
            .filter(|id| !id.is_empty())
            .map(str::to_owned),
        replacement,
        disposal,
        properties: properties(change),
    }
}

/// Where in the resource a change is; `None` when all that is said is the attribute.
pub(in crate::cloud) fn path_of(target: &ResourceTargetDefinition) -> Option<String> {
    let path = target.path().filter(|path| !path.is_empty()).map(str::to_owned);
    path.or_else(|| {
        let name = target.name().filter(|name| !name.is_empty())?;
        Some(format!("/{}/{name}", attribute(target)))
    })
}

/// `Properties`, `Metadata`, …
fn attribute(target: &ResourceTargetDefinition) -> &str {
    target.attribute().map_or("", |attribute| attribute.as_str())
}

/// A property appears once for each reason it changes (static and dynamic): shown once.
fn properties(change: &ResourceChange) -> Vec<PropertyChange> {
    let mut all: Vec<PropertyChange> = Vec::new();
    for detail in change.details() {
        let Some(target) = detail.target() else { continue };
        let path = path_of(target).unwrap_or_else(|| format!("/{}", attribute(target)));
        let replacement = match target.requires_recreation().map_or("", |word| word.as_str()) {
            "Always" => Replacement::Yes,
            "Conditionally" => Replacement::Maybe,
            _ => Replacement::No,
        };
        match all.iter_mut().find(|known| known.path == path) {
            Some(known) => {
                known.replacement = known.replacement.max(replacement);
                known.before = known.before.take().or_else(|| target.before_value().map(str::to_owned));
                known.after = known.after.take().or_else(|| target.after_value().map(str::to_owned));
            }
            None => all.push(PropertyChange {
                path,
                before: target.before_value().map(str::to_owned),
                after: target.after_value().map(str::to_owned),
                replacement,
                follows: false,
            }),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudformation::types::{ChangeAction, Replacement as SdkReplacement};

    use super::*;

    #[test]
    fn an_addition_replaces_nothing_whatever_is_said_of_it() {
        let of = |action: ChangeAction| {
            let said = ResourceChange::builder()
                .action(action)
                .replacement(SdkReplacement::True);
            read_change(&said.build()).takes_away()
        };
        assert!(!of(ChangeAction::Add) && !of(ChangeAction::Import));
        assert!(of(ChangeAction::Modify) && of(ChangeAction::Remove));
    }
}
