//! What an update would change, as far as the two templates tell: where CloudFormation can't be asked. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::valued::Valued;
use crate::blueprint::resource_schema::{self, Recreation};
use crate::blueprint::template;
use crate::cloud::cloudformation::change_set::{Action, Change, KNOWN_AFTER_APPLY, PropertyChange, Replacement};

/// What CloudFormation compares besides properties
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChange.html>, `Scope`).
const ATTRIBUTES: [&str; 5] = [
    "Metadata",
    "CreationPolicy",
    "UpdatePolicy",
    "DeletionPolicy",
    "UpdateReplacePolicy",
];

/// The path of the condition that decides whether a resource is there.
pub(super) const CONDITION: &str = "/Condition";

/// Which resources come, go, and become others, with the values of their properties. Of a type whose schema isn't known here
/// nothing says that it would be made anew.
pub(super) fn changes(before: &Valued, after: &Valued) -> Vec<Change> {
    let (old, new) = (resources(before), resources(after));
    let mut changes = added_and_removed(&old, &new);
    let both = new.iter().filter_map(|(id, new)| Some((*id, old.get(id)?, new)));
    let mut modified: Vec<Change> = both.map(|(id, old, new)| compared(id, old, new)).collect();
    before.fill_in(after, &mut modified);
    modified.iter_mut().for_each(judge);
    follow(&mut modified, &new);
    for change in &mut modified {
        let (Some(old), Some(new)) = (old.get(&*change.logical_id), new.get(&*change.logical_id)) else {
            continue;
        };
        let is_replaced = change.replacement != Replacement::No;
        if is_replaced {
            change.disposal = template::worse(template::replaced(old), template::replaced(new));
        }
        if let Some(condition) = after.undecided(before, &change.logical_id) {
            let deleted = template::worse(template::disposal(old), template::disposal(new));
            change.disposal = match is_replaced {
                true => template::worse(deleted, change.disposal),
                false => deleted,
            };
            change.replacement = change.replacement.max(Replacement::Maybe);
            change.properties.push(PropertyChange {
                before: Some(condition.to_owned()),
                after: Some(KNOWN_AFTER_APPLY.to_owned()),
                replacement: Replacement::Maybe,
                ..property(CONDITION.to_owned())
            });
        }
    }
    changes.extend(modified.into_iter().filter(|change| !change.properties.is_empty()));
    changes
}

/// The same of templates of which macros make others: only which resources come and go.
pub(super) fn changes_before_macros(before: &Valued, after: &Valued) -> Vec<Change> {
    added_and_removed(&resources(before), &resources(after))
}

type Resources<'a> = BTreeMap<&'a str, Value>;

fn resources(of: &Valued) -> Resources<'_> {
    of.resources().collect()
}

/// Which resources go.
pub(super) fn removed(before: &Valued, after: &Valued) -> Vec<Change> {
    without(&resources(before), &resources(after))
}

fn added_and_removed(old: &Resources<'_>, new: &Resources<'_>) -> Vec<Change> {
    let added = new.iter().filter(|(id, _)| !old.contains_key(*id));
    let added = added.map(|(id, resource)| change(Action::Add, id, resource));
    added.chain(without(old, new)).collect()
}

fn without(old: &Resources<'_>, new: &Resources<'_>) -> Vec<Change> {
    let removed = old.iter().filter(|(id, _)| !new.contains_key(*id));
    let removed = removed.map(|(id, resource)| Change {
        disposal: template::disposal(resource),
        ..change(Action::Remove, id, resource)
    });
    removed.collect()
}

fn change(action: Action, id: &str, resource: &Value) -> Change {
    Change {
        action,
        logical_id: id.to_owned(),
        resource_type: resource["Type"].as_str().unwrap_or_default().to_owned(),
        physical_id: None,
        replacement: Replacement::No,
        disposal: None,
        properties: Vec::new(),
    }
}

fn property(path: String) -> PropertyChange {
    PropertyChange {
        path,
        before: None,
        after: None,
        replacement: Replacement::No,
        follows: false,
    }
}

/// With each property and attribute that isn't the same.
fn compared(id: &str, old: &Value, new: &Value) -> Change {
    let differs = |name: &&str| old["Properties"].get(*name) != new["Properties"].get(*name);
    let properties = names(old).chain(names(new)).collect::<BTreeSet<_>>();
    let properties = properties.into_iter().filter(differs);
    let properties = properties.map(|name| property(format!("/Properties/{name}")));
    let attributes = ATTRIBUTES.into_iter().filter(|name| old.get(name) != new.get(name));
    let attributes = attributes.map(|name| property(format!("/{name}")));
    Change {
        properties: properties.chain(attributes).collect(),
        ..change(Action::Modify, id, new)
    }
}

fn names(resource: &Value) -> impl Iterator<Item = &str> {
    let properties = resource["Properties"].as_object();
    properties.into_iter().flat_map(|all| all.keys().map(String::as_str))
}

/// Whether what changes makes it anew. A number and its text are the same to CloudFormation: such a property is left out.
fn judge(change: &mut Change) {
    change.properties.retain(|property| !property.follows);
    for property in &mut change.properties {
        let is_known = |value: &Option<String>| !value.as_ref().is_some_and(|text| text.contains(KNOWN_AFTER_APPLY));
        let most = match is_known(&property.after) {
            true => Replacement::Yes,
            false => Replacement::Maybe,
        };
        property.replacement = replacement(&change.resource_type, &property.path).min(most);
    }
    let strongest = change.properties.iter().map(|property| property.replacement).max();
    change.replacement = strongest.unwrap_or(Replacement::No);
}

fn replacement(resource_type: &str, path: &str) -> Replacement {
    let path = path.strip_prefix("/Properties/");
    match path.and_then(|path| resource_schema::recreation(resource_type, path)) {
        None | Some(Recreation::Never) => Replacement::No,
        Some(Recreation::Conditionally) => Replacement::Maybe,
        Some(Recreation::Always) => Replacement::Yes,
    }
}

/// What refers to something that is made anew changes with it, and may be made anew, too: that depends on what the other
/// comes to (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChange.html>, `Replacement`).
/// Looked at until nothing more follows.
fn follow(changes: &mut [Change], resources: &Resources<'_>) {
    loop {
        let replaced: Vec<String> = changes
            .iter()
            .filter(|change| change.replacement != Replacement::No)
            .map(|change| change.logical_id.clone())
            .collect();
        let mut is_done = true;
        for change in changes.iter_mut() {
            let Some(resource) = resources.get(&*change.logical_id) else {
                continue;
            };
            for name in names(resource) {
                let path = format!("/Properties/{name}");
                let is_in = |known: &PropertyChange| known.path == path || known.path.starts_with(&format!("{path}/"));
                let value = &resource["Properties"][name];
                if change.properties.iter().any(is_in) || !replaced.iter().any(|id| refers(value, id)) {
                    continue;
                }
                is_done = false;
                let replacement = replacement(&change.resource_type, &path).min(Replacement::Maybe);
                change.replacement = change.replacement.max(replacement);
                change.properties.push(PropertyChange {
                    replacement,
                    follows: true,
                    ..property(path)
                });
            }
        }
        if is_done {
            return;
        }
    }
}

/// Whether it has a reference to this resource, as [`Valued`] writes them.
pub(super) fn refers(value: &Value, id: &str) -> bool {
    match value {
        Value::String(text) => text.contains(&format!("${{{id}}}")) || text.contains(&format!("${{{id}.")),
        Value::Array(items) => items.iter().any(|item| refers(item, id)),
        Value::Object(fields) => fields.values().any(|field| refers(field, id)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blueprint::template::Disposal;

    const BEFORE: &str = "\
Parameters:
  Most: {Type: Number, Default: 4}
  Told: {Type: String, Default: one}
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties: {QueueName: jobs, VisibilityTimeout: 120}
  Policy:
    Type: AWS::SQS::QueuePolicy
    Properties: {Queues: [!Ref Queue]}
  Alarm:
    Type: AWS::CloudWatch::Alarm
    Properties: {Threshold: !Ref Most, Dimensions: [{Name: Queue, Value: !GetAtt Queue.QueueName}]}
  Topic:
    Type: AWS::SNS::Topic
    Properties: {TopicName: !Ref Told}
  Group:
    Type: AWS::AutoScaling::AutoScalingGroup
    Properties: {VPCZoneIdentifier: [a], MaxSize: '4'}
  Own:
    Type: AWS::Some::Thing
    Properties: {Name: one}
  Gone:
    Type: AWS::S3::Bucket
    DeletionPolicy: Retain
";

    fn valued(template: &str, parameters: &[(&str, &str)]) -> Valued {
        let parameters = parameters.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Valued::of(template, parameters.collect())
    }

    /// What is said of each resource, in the order of the templates.
    fn said(after: &str, parameters: &[(&str, &str)]) -> Vec<String> {
        let changes = changes(&valued(BEFORE, &[]), &valued(after, parameters));
        let of = |change: Change| {
            let places = change.properties.iter().map(|property| {
                let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
                let path = property.path.trim_start_matches("/Properties/");
                let (before, after) = (value(&property.before), value(&property.after));
                format!("{path} {before} {after} {:?}", property.replacement)
            });
            let places: Vec<String> = places.collect();
            let Change {
                action,
                logical_id,
                replacement,
                disposal,
                ..
            } = change;
            let disposal = disposal.map_or(String::new(), |disposal| format!(" {disposal:?}"));
            format!(
                "{action:?} {logical_id} {replacement:?}{disposal}: {}",
                places.join(", ")
            )
        };
        changes.into_iter().map(of).collect()
    }

    #[test]
    fn the_same_changes_nothing_and_a_number_is_its_text() {
        assert_eq!(said(BEFORE, &[]), [] as [&str; 0]);
        assert_eq!(said(&BEFORE.replace("120", "'120'"), &[("Most", "4")]), [] as [&str; 0]);
    }

    #[test]
    fn what_comes_goes_and_changes_in_place() {
        let after = BEFORE.replace("  Gone:", "  New:").replace("120", "180");
        assert_eq!(
            said(&after.replace("[a]", "[b]"), &[("Most", "6")]),
            [
                "Add New No: ",
                "Remove Gone No Kept: ",
                "Modify Alarm No: Threshold 4 6 No",
                // Instances roll, the group stays.
                "Modify Group No: VPCZoneIdentifier/0 a b No",
                "Modify Queue No: VisibilityTimeout 120 180 No",
            ]
        );
        assert_eq!(
            said(&BEFORE.replace("Name: one", "Name: two"), &[]),
            ["Modify Own No: Name one two No"],
            "nobody knows of its type what makes it anew"
        );
        let metadata = BEFORE.replace("  Own:\n", "  Own:\n    Metadata: {Version: 2}\n");
        assert_eq!(said(&metadata, &[]), [r#"Modify Own No: /Metadata - {"Version":2} No"#]);
    }

    #[test]
    fn what_is_made_anew_takes_with_it_what_refers_to_it() {
        let renamed = BEFORE.replace("jobs", "other");
        assert_eq!(
            said(&renamed, &[]),
            [
                "Modify Alarm No: Dimensions - - No",
                "Modify Policy No: Queues - - No",
                "Modify Queue Yes Deleted: QueueName jobs other Yes",
            ]
        );
        let kept = renamed.replace(
            "  Queue:\n",
            "  Queue:\n    UpdateReplacePolicy: Retain\n    DeletionPolicy: Retain\n",
        );
        let of_queue = said(&kept, &[]).pop().unwrap_or_default();
        // The deployed template says nothing of that, so the old one may go.
        assert!(of_queue.starts_with("Modify Queue Yes Deleted: "), "{of_queue}");
    }

    #[test]
    fn what_depends_on_a_value_that_is_not_known_yet_may_be_made_anew() {
        assert_eq!(
            said(BEFORE, &[("Told", KNOWN_AFTER_APPLY)]),
            [format!(
                "Modify Topic Maybe Deleted: TopicName one {KNOWN_AFTER_APPLY} Maybe"
            )]
        );
    }

    #[test]
    fn what_a_condition_decides_comes_goes_or_may_go() {
        let on = |condition: &str| {
            let conditions = format!("Conditions:\n  One: {condition}\nResources:\n");
            let text = BEFORE.replace("Resources:\n", &conditions);
            text.replace(
                "    Type: AWS::SQS::Queue\n",
                "    Type: AWS::SQS::Queue\n    Condition: One\n",
            )
        };
        let one = on("!Equals [!Ref Told, one]");
        let between = |before: &[(&str, &str)], after: &[(&str, &str)]| -> Vec<(String, Action, Replacement)> {
            let changes = changes(&valued(&one, before), &valued(&one, after)).into_iter();
            let of_queue = changes.filter(|change| change.logical_id == "Queue");
            of_queue
                .map(|change| {
                    (
                        change.properties.iter().map(|one| one.path.clone()).collect(),
                        change.action,
                        change.replacement,
                    )
                })
                .collect()
        };
        let is = |path: &str, action, replacement| vec![(path.to_owned(), action, replacement)];
        assert_eq!(between(&[], &[]), []);
        assert_eq!(
            between(&[], &[("Told", "two")]),
            is("", Action::Remove, Replacement::No)
        );
        assert_eq!(between(&[("Told", "two")], &[]), is("", Action::Add, Replacement::No));
        let unknown = [("Told", KNOWN_AFTER_APPLY)];
        assert_eq!(
            between(&[], &unknown),
            is(CONDITION, Action::Modify, Replacement::Maybe)
        );
        assert_eq!(
            between(&[("Told", "two")], &unknown),
            is("", Action::Add, Replacement::No)
        );
        // Nobody here knows the region, and it stays as it is.
        let here = on("!Equals [!Ref AWS::Region, us-east-2]");
        assert!(changes(&valued(&here, &[]), &valued(&here, &[])).is_empty());
        let there = on("!Equals [!Ref AWS::Region, eu-west-1]");
        let now = changes(&valued(&here, &[]), &valued(&there, &[]));
        assert!(
            now.iter().any(|change| change.replacement == Replacement::Maybe),
            "{now:?}"
        );
    }

    #[test]
    fn of_what_macros_change_only_names_are_known() {
        let after = BEFORE.replace("  Gone:", "  New:").replace("120", "180");
        let changes = changes_before_macros(&valued(BEFORE, &[]), &valued(&after, &[]));
        let told: Vec<(&str, Option<Disposal>)> = changes
            .iter()
            .map(|change| (change.logical_id.as_str(), change.disposal))
            .collect();
        assert_eq!(told, [("New", None), ("Gone", Some(Disposal::Kept))]);
    }
}
