//! The two reads of a change set as one: what either says counts.

use super::Said;
use super::inside::look_inside;
use super::read::read_change;
use crate::blueprint::resource_schema::{self, Recreation};
use crate::cloud::cloudformation::change_set::{Change, Replacement};

pub(super) fn merged(said: &Said) -> Vec<Change> {
    let mut changes: Vec<Change> = said.with_values.iter().map(read_change).collect();
    for change in said.plain.iter().map(read_change) {
        match changes.iter_mut().find(|known| is_same(known, &change)) {
            Some(known) => strengthen(known, change),
            None => changes.push(change),
        }
    }
    changes.iter_mut().for_each(judge);
    for change in &mut changes {
        let mut all = said.with_values.iter();
        let context = all.find(|with_values| {
            let is_same = with_values.logical_resource_id() == Some(&change.logical_id);
            is_same && with_values.action().is_some_and(|action| action.as_str() == "Modify")
        });
        let whole = |text: Option<&str>| {
            text.and_then(|text| serde_json::from_str(text).ok())
                .unwrap_or_default()
        };
        let before = context.and_then(|with_values| with_values.before_context());
        let after = context.and_then(|with_values| with_values.after_context());
        look_inside(change, &whole(before), &whole(after));
    }
    changes
}

pub(in crate::cloud) fn is_same(one: &Change, other: &Change) -> bool {
    one.logical_id == other.logical_id && one.action == other.action
}

/// The same change, read without values: what is worse in it counts. Its paths end at the property.
pub(in crate::cloud) fn strengthen(known: &mut Change, plain: Change) {
    known.replacement = known.replacement.max(plain.replacement);
    known.disposal = known.disposal.or(plain.disposal);
    for property in plain.properties {
        let is_in = |path: &str| {
            path.strip_prefix(&property.path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let mut shown = known
            .properties
            .iter_mut()
            .filter(|shown| is_in(&shown.path))
            .peekable();
        if shown.peek().is_none() {
            known.properties.push(property);
            continue;
        }
        for shown in shown {
            shown.replacement = shown.replacement.max(property.replacement);
        }
    }
}

/// Resources whose data would be lost: whatever may replace one is named.
const DATA: [&str; 6] = [
    "AWS::DynamoDB::Table",
    "AWS::EC2::Volume",
    "AWS::KMS::Key",
    "AWS::RDS::DBInstance",
    "AWS::S3::Bucket",
    "AWS::SQS::Queue",
];

/// What AWS calls `Conditional` replaces only where its resource schema has a property for that, and the property's
/// condition can be met. Where no property says why, or one that always replaces may change, CloudFormation's word stays.
fn judge(change: &mut Change) {
    let is_data = DATA.contains(&&*change.resource_type);
    if is_data || change.replacement != Replacement::Maybe || change.properties.is_empty() {
        return;
    }
    for property in &mut change.properties {
        let path = property.path.strip_prefix("/Properties/");
        let recreation = path.and_then(|path| resource_schema::recreation(&change.resource_type, path));
        if recreation == Some(Recreation::Never) && property.replacement == Replacement::Maybe {
            property.replacement = Replacement::No;
        }
    }
    if change
        .properties
        .iter()
        .all(|property| property.replacement == Replacement::No)
    {
        change.replacement = Replacement::No;
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudformation::types::{ChangeAction, Replacement as SdkReplacement, ResourceChange};

    use super::*;
    use crate::cloud::cloudformation::change_set::{Action, PropertyChange};

    fn change(replacement: Replacement, properties: &[(&str, Replacement)]) -> Change {
        Change {
            action: Action::Modify,
            logical_id: "Queue".into(),
            resource_type: "AWS::SQS::Queue".into(),
            physical_id: None,
            replacement,
            disposal: None,
            properties: properties
                .iter()
                .map(|(path, replacement)| PropertyChange {
                    path: (*path).into(),
                    before: None,
                    after: None,
                    replacement: *replacement,
                    follows: false,
                })
                .collect(),
        }
    }

    #[test]
    fn the_stronger_replacement_counts_and_a_property_is_told_once() {
        use Replacement::{Maybe, No, Yes};
        let mut known = change(No, &[("/Properties/Tags/0/Value", No), ("/Properties/QueueName", Yes)]);
        let plain = change(
            Maybe,
            &[
                ("/Properties/Tags", Maybe),
                ("/Properties/Queue", No),
                ("/Properties/QueueName", No),
            ],
        );
        strengthen(&mut known, plain);
        let expected = [
            ("/Properties/Tags/0/Value", Maybe),
            ("/Properties/QueueName", Yes),
            ("/Properties/Queue", No),
        ];
        assert_eq!(known, change(Maybe, &expected));
    }

    /// What is left of a `Conditional`: of the resource, and of each of its properties.
    fn judged(of_type: &str, properties: &[(&str, Replacement)]) -> (Replacement, Vec<Replacement>) {
        let mut judged = Change {
            resource_type: of_type.into(),
            ..change(Replacement::Maybe, properties)
        };
        judge(&mut judged);
        let properties = judged.properties.iter().map(|property| property.replacement);
        (judged.replacement, properties.collect())
    }

    #[test]
    fn what_may_replace_is_what_a_property_of_the_schema_says() {
        use Replacement::{Maybe, No, Yes};
        let group = "AWS::AutoScaling::AutoScalingGroup";
        let version = "/Properties/LaunchTemplate/Version";
        // With values and without, as CloudFormation says it of a rolling update.
        for path in [
            version,
            "/Properties/LaunchTemplate",
            "/Properties/VPCZoneIdentifier",
            "/Properties/MaxSize",
        ] {
            assert_eq!(judged(group, &[(path, Maybe)]), (No, vec![No]), "{path}");
        }
        // A name that may change replaces the group, whatever else changes.
        let name = "/Properties/AutoScalingGroupName";
        assert_eq!(
            judged(group, &[(version, Maybe), (name, Maybe)]),
            (Maybe, vec![No, Maybe])
        );
        assert_eq!(judged(group, &[(version, Maybe), (name, Yes)]), (Maybe, vec![No, Yes]));
        assert_eq!(judged(group, &[]), (Maybe, vec![]), "no property says why");
        // CloudFormation is sure of it, or it isn't a property.
        assert_eq!(judged(group, &[(version, Yes)]), (Maybe, vec![Yes]));
        assert_eq!(judged(group, &[("/Metadata", Maybe)]), (Maybe, vec![Maybe]));
        let mut sure = Change {
            resource_type: group.into(),
            ..change(Yes, &[(version, Maybe)])
        };
        judge(&mut sure);
        assert_eq!(sure.replacement, Yes);
        // Conditions of other types may be met.
        let tenancy = "/Properties/InstanceTenancy";
        assert_eq!(judged("AWS::EC2::VPC", &[(tenancy, Maybe)]), (Maybe, vec![Maybe]));
        let tags = "/Properties/Tags";
        for data in DATA {
            assert_eq!(judged(data, &[(tags, Maybe)]), (Maybe, vec![Maybe]), "{data}");
        }
        assert_eq!(judged("Custom::Unknown", &[(tags, Maybe)]), (Maybe, vec![Maybe]));
    }

    #[test]
    fn what_either_read_says_counts_and_is_told_once() {
        let said = |logical_id: &str, replacement: SdkReplacement| {
            let change = ResourceChange::builder().action(ChangeAction::Modify);
            change.logical_resource_id(logical_id).replacement(replacement).build()
        };
        let (no, yes) = (|| SdkReplacement::False, || SdkReplacement::True);
        let said = Said {
            plain: vec![said("Queue", yes()), said("Topic", no()), said("Bucket", yes())],
            with_values: vec![said("Topic", yes()), said("Queue", no())],
            warning: None,
        };
        let merged: Vec<_> = merged(&said)
            .into_iter()
            .map(|change| (change.logical_id, change.replacement))
            .collect();
        let expected = ["Topic", "Queue", "Bucket"].map(|id| (id.to_owned(), Replacement::Yes));
        assert_eq!(merged, expected);
    }
}
