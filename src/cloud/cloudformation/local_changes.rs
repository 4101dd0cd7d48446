//! What a change set of the local emulator would replace, by AWS's resource schemas: the emulator knows few types, and says
//! of the others that any change may replace them.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::types::{
    ChangeAction, ChangeSource, Replacement, RequiresRecreation, ResourceAttribute, ResourceChange,
    ResourceChangeDetail,
};

use crate::blueprint::resource_schema::{self, Recreation};

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
