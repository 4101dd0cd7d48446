//! What changes in the instance types of a group, in the words of the environment file: a group of one type has that in its
//! launch template, one of several has a list of its own.

use serde_json::Value as Json;

use crate::cloud::cloudformation::change_set::{Change, PropertyChange};
use crate::cloud::cloudformation::changes::inside;
use crate::engine::plan::StackPlan;
use crate::engine::plan::contents::{OfStack, purchase, types_in};

const GROUP: &str = "AWS::AutoScaling::AutoScalingGroup";
const LAUNCH_TEMPLATE: &str = "AWS::EC2::LaunchTemplate";
const ONE: &str = "/Properties/LaunchTemplate";
const OF_TEMPLATE: &str = "/Properties/LaunchTemplateData/InstanceType";
const SEVERAL: &str = "/Properties/MixedInstancesPolicy";
const OVERRIDES: &str = "/Properties/MixedInstancesPolicy/LaunchTemplate/Overrides";

/// From what to what.
pub(super) struct Values {
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
}

/// Lines of a group of qfleet's own templates: `types`, and how instances are bought where that changes with them. The
/// places that say the same are taken out.
pub(super) fn lines(
    stack: &StackPlan,
    change: &Change,
    holds: Option<&OfStack>,
    places: &mut Vec<&PropertyChange>,
) -> Vec<(&'static str, Values)> {
    let Some(holds) = holds.filter(|_| !stack.own_template && change.resource_type == GROUP) else {
        return Vec::new();
    };
    let at = |wanted: &str| places.iter().find(|place| place.path == wanted).copied();
    let after = holds.types(&change.logical_id);
    let whole = at(SEVERAL).map(|place| (read(&place.before), read(&place.after)));
    let before = match &whole {
        Some((Json::Null, _)) => type_before(stack, holds).into_iter().collect(),
        Some((before, _)) => types_in(&before["LaunchTemplate"]["Overrides"]),
        None => match before_overrides(places, after.clone()) {
            Some(before) => before,
            None => return Vec::new(),
        },
    };
    let listed = |types: Vec<String>| Some(types.join(", ")).filter(|types| !types.is_empty());
    let mut lines = Vec::new();
    if before != after {
        lines.push((
            "types",
            Values {
                before: listed(before),
                after: listed(after),
            },
        ));
    }
    if let Some((before, after)) = whole {
        let of = |policy: &Json| purchase(&policy["InstancesDistribution"]);
        let (before, after) = (of(&before), of(&after));
        if before != after {
            lines.push((
                "bought",
                Values {
                    before: Some(before),
                    after: Some(after),
                },
            ));
        }
    }
    if !lines.is_empty() {
        places.retain(|place| {
            let is_told = [ONE, SEVERAL].contains(&place.path.as_str()) || place.path.starts_with(OVERRIDES);
            !is_told
        });
    }
    lines
}

/// The type that the launch template has now.
fn type_before(stack: &StackPlan, holds: &OfStack) -> Option<String> {
    let templates = stack
        .changes
        .iter()
        .filter(|change| change.resource_type == LAUNCH_TEMPLATE);
    let mut places = templates.flat_map(|change| &change.properties);
    match places.find(|place| place.path == OF_TEMPLATE) {
        Some(place) => place.before.clone(),
        None => holds.type_of_template(),
    }
}

/// The list as it is now, from what it becomes and the places in which that differs; none where no place does, or where one
/// says something else.
fn before_overrides(places: &[&PropertyChange], mut types: Vec<String>) -> Option<Vec<String>> {
    let mut any = false;
    // What comes last is put back first, so that places stay where they are.
    for place in places.iter().rev() {
        let Some(inside) = place.path.strip_prefix(OVERRIDES) else {
            continue;
        };
        any = true;
        let segments: Vec<&str> = inside.split('/').skip(1).collect();
        let index = segments.first().map_or(Some(0), |index| index.parse::<usize>().ok())?;
        let own = |value: &Option<String>| value.clone();
        let of_item = |value: &Option<String>| read(value)["InstanceType"].as_str().map(str::to_owned);
        let (before, after) = match segments.as_slice() {
            [] => return Some(types_in(&read(&place.before))),
            [_] => (of_item(&place.before), of_item(&place.after)),
            [_, "InstanceType"] => (own(&place.before), own(&place.after)),
            _ => return None,
        };
        if let Some(after) = &after {
            let found = types.iter().position(|known| known == after)?;
            types.remove(found);
        }
        if let Some(before) = before {
            types.insert(index.min(types.len()), before);
        }
    }
    any.then_some(types)
}

fn read(value: &Option<String>) -> Json {
    value.as_deref().map_or(Json::Null, inside::read)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::cloudformation::change_set::Replacement;

    #[test]
    fn the_list_before_follows_from_what_it_becomes_and_what_differs() {
        let place = |path: &str, before: Option<&str>, after: Option<&str>| PropertyChange {
            path: format!("{OVERRIDES}{path}"),
            before: before.map(str::to_owned),
            after: after.map(str::to_owned),
            replacement: Replacement::No,
            follows: false,
        };
        let of = |places: &[PropertyChange], after: &[&str]| {
            let after = after.iter().map(|&type_| type_.to_owned()).collect();
            before_overrides(&places.iter().collect::<Vec<_>>(), after).map(|types| types.join(" "))
        };
        let item = |type_: &str| format!(r#"{{"InstanceType":"{type_}"}}"#);
        let added = place("/1", None, Some(&item("b")));
        assert_eq!(of(&[added], &["a", "b"]).as_deref(), Some("a"));
        let gone = place("/0", Some(&item("a")), None);
        assert_eq!(of(&[gone], &["b"]).as_deref(), Some("a b"));
        let other = place("/1/InstanceType", Some("b"), Some("c"));
        assert_eq!(of(&[other], &["a", "c"]).as_deref(), Some("a b"));
        let order = place("", Some(&format!("[{},{}]", item("b"), item("a"))), Some("[]"));
        assert_eq!(of(&[order], &["a", "b"]).as_deref(), Some("b a"));
        assert_eq!(of(&[], &["a"]), None);
    }
}
