//! What the plan says of values that change: those of parameters and of tags, and what of a change is only that. Pure.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::blueprint::Stack;
use crate::cloud::cloudformation::change_set::{Action, Change, Replacement};
use crate::cloud::cloudformation::stacks::StackDescription;

/// Something with a name that has another value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct ValueChange {
    pub name: String,
    /// What it is now; none where it isn't there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// What it would be; none where it goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

pub(super) fn differences(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<ValueChange> {
    let new = after.keys().filter(|name| !before.contains_key(*name));
    let names = before.keys().chain(new);
    let mut all: Vec<ValueChange> = names
        .filter(|name| before.get(*name) != after.get(*name))
        .map(|name| ValueChange {
            name: name.clone(),
            before: before.get(name).cloned(),
            after: after.get(name).cloned(),
        })
        .collect();
    all.sort();
    all
}

/// Which tags of a stack become others.
pub(super) fn tags(found: &StackDescription, stack: &Stack) -> Vec<ValueChange> {
    differences(&found.tags, &stack.tags)
}

/// What is only tagged anew: stack tags are handed to every resource.
pub fn is_only_tagged(change: &Change) -> bool {
    change.action == Action::Modify
        && change.replacement == Replacement::No
        && !change.properties.is_empty()
        && change.properties.iter().all(|property| property.path == "/Tags")
}

/// What stays as it is itself, while what it refers to may become something else.
pub fn only_follows(change: &Change) -> bool {
    let of_tags = |path: &str| path == "/Tags";
    change.action == Action::Modify
        && change.replacement == Replacement::No
        && change.properties.iter().any(|property| property.follows)
        && change
            .properties
            .iter()
            .all(|property| property.follows || of_tags(&property.path))
}
