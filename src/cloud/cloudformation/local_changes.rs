//! What a change set of the local emulator would replace, by AWS's resource schemas: the emulator knows few types, and says
//! of the others that any change may replace them.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::types::{
    ChangeAction, ChangeSource, Replacement, RequiresRecreation, ResourceAttribute, ResourceChange,
    ResourceChangeDetail,
};

use crate::blueprint::resource_schema::{self, Recreation};
use crate::blueprint::template;
use crate::cloud::cloudformation::change_set::{Action, Change, Replacement as Anew};

/// Says of each resource, and of each property, what AWS would. What only refers to a resource that stays is left out: its
/// name stays, too.
pub(in crate::cloud) fn correct(changes: &mut Vec<ResourceChange>) {
    let replaced = replaced(changes);
    changes.retain_mut(|change| {
        let Some(of_type) = known_type(change).map(str::to_owned) else {
            return true;
        };
        let details = change.details.get_or_insert_default();
        let had_details = !details.is_empty();
        details.retain_mut(|detail| {
            let Some(recreation) = recreation(&of_type, detail, &replaced) else {
                return false;
            };
            if let Some(target) = &mut detail.target {
                target.requires_recreation = Some(match recreation {
                    Recreation::Never => RequiresRecreation::Never,
                    Recreation::Conditionally => RequiresRecreation::Conditionally,
                    Recreation::Always => RequiresRecreation::Always,
                });
            }
            true
        });
        let is_left = !had_details || !details.is_empty();
        let id = change.logical_resource_id.as_deref().unwrap_or_default();
        let strongest = replaced.get(id).copied().unwrap_or(Recreation::Never);
        change.replacement = Some(match strongest {
            Recreation::Never => Replacement::False,
            Recreation::Conditionally => Replacement::Conditional,
            Recreation::Always => Replacement::True,
        });
        is_left
    });
}

/// Says what becomes of what goes or is made anew, by the policies of the two templates: the emulator doesn't. Where they
/// differ, the worse of the two.
pub(in crate::cloud) fn tell_disposals(changes: &mut [Change], before: &str, after: &str) {
    let (before, after) = (
        template::read(before).unwrap_or_default(),
        template::read(after).unwrap_or_default(),
    );
    for change in changes.iter_mut().filter(|change| change.disposal.is_none()) {
        let in_template = |template| {
            let mut resources = template::section(template, "Resources");
            resources
                .find(|(id, _)| **id == change.logical_id)
                .map(|(_, resource)| resource)
        };
        let (old, new) = (in_template(&before), in_template(&after));
        change.disposal = match (&change.action, change.replacement) {
            (Action::Remove, _) => old.and_then(template::disposal),
            (Action::Modify, Anew::Maybe | Anew::Yes) => {
                template::worse(old.and_then(template::replaced), new.and_then(template::replaced))
            }
            _ => None,
        };
    }
}

/// Which resources are made anew. One can make those that refer to it so, too: looked at until nothing more follows.
fn replaced(changes: &[ResourceChange]) -> BTreeMap<String, Recreation> {
    let mut replaced = BTreeMap::new();
    loop {
        let now = changes.iter().filter_map(|change| {
            let of_type = known_type(change)?;
            let details = change.details().iter();
            let strongest = details
                .filter_map(|detail| recreation(of_type, detail, &replaced))
                .max()?;
            Some((change.logical_resource_id()?.to_owned(), strongest))
        });
        let now: BTreeMap<String, Recreation> = now.collect();
        if now == replaced {
            return replaced;
        }
        replaced = now;
    }
}

/// The type of what is modified. Of a type that isn't known here the emulator's word stays.
fn known_type(change: &ResourceChange) -> Option<&str> {
    let is_modified = change.action() == Some(&ChangeAction::Modify);
    let of_type = change.resource_type().filter(|_| is_modified)?;
    resource_schema::of(of_type).map(|_| of_type)
}

/// Whether this makes the resource anew; none if nothing changes.
fn recreation(
    of_type: &str,
    detail: &ResourceChangeDetail,
    replaced: &BTreeMap<String, Recreation>,
) -> Option<Recreation> {
    let target = detail.target()?;
    let is_property = target.attribute() == Some(&ResourceAttribute::Properties);
    let property = target.name().filter(|_| is_property);
    let own = property.and_then(|property| resource_schema::recreation(of_type, property));
    let own = own.unwrap_or(Recreation::Never);
    let cause = detail.causing_entity().unwrap_or_default();
    let cause = cause.split('.').next().unwrap_or_default();
    let cause = replaced.get(cause).copied().unwrap_or(Recreation::Never);
    match detail.change_source() {
        Some(ChangeSource::ResourceReference) if cause == Recreation::Never => None,
        // Names, URLs and ARNs stay while the resource does. What can change, a launch template's latest version, is used
        // by groups alone.
        Some(ChangeSource::ResourceReference | ChangeSource::ResourceAttribute) => Some(own.min(cause)),
        _ => Some(own),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blueprint::template::Disposal::{self, Deleted, Kept};

    #[test]
    fn what_becomes_of_the_old_one_follows_from_both_templates() {
        let of = |policies: &str| format!("Resources:\n  Queue: {{Type: AWS::SQS::Queue{policies}}}\n");
        let told = |action: Action, replacement: Anew, before: &str, after: &str| -> Option<Disposal> {
            let mut changes = [Change {
                action,
                logical_id: "Queue".into(),
                resource_type: "AWS::SQS::Queue".into(),
                physical_id: None,
                replacement,
                disposal: None,
                properties: Vec::new(),
            }];
            tell_disposals(&mut changes, &of(before), &of(after));
            changes[0].disposal
        };
        let keep = ", UpdateReplacePolicy: Retain, DeletionPolicy: Retain";
        assert_eq!(told(Action::Modify, Anew::Maybe, keep, keep), Some(Kept));
        assert_eq!(told(Action::Modify, Anew::Yes, "", keep), Some(Deleted));
        assert_eq!(told(Action::Modify, Anew::Yes, keep, ""), Some(Deleted));
        assert_eq!(told(Action::Modify, Anew::No, keep, keep), None);
        assert_eq!(told(Action::Remove, Anew::No, keep, ""), Some(Kept));
    }
}
