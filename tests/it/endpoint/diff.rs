//! What a change set would do: the stack's resources against the template's.

use std::collections::BTreeSet;

use qfleet::blueprint::resource_schema::{self, Recreation};
use serde_json::Value;

use super::state::{Definition, Resource, Stack};
use super::template::{Values, as_text};
use super::world::World;

/// What would happen to one resource
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChange.html>).
#[derive(Debug, Clone)]
pub struct Change {
    pub action: &'static str,
    pub id: String,
    pub physical_id: Option<String>,
    pub kind: String,
    /// `True`, `False` or `Conditional`, of a Modify.
    pub replacement: Option<&'static str>,
    pub scope: BTreeSet<&'static str>,
    pub details: Vec<Detail>,
}

/// Why (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChangeDetail.html>).
#[derive(Debug, Clone)]
pub struct Detail {
    pub attribute: &'static str,
    pub name: Option<String>,
    pub requires_recreation: &'static str,
    pub evaluation: &'static str,
    pub source: &'static str,
    pub causing_entity: Option<String>,
    pub before: Option<String>,
    pub after: Option<String>,
}

/// What a change of this property does to the resource, in the words of a change set, by AWS's resource schema. It must be
/// one of the types that are written out of cfn-lint's: what isn't known is no guess of a test's.
pub fn requires_recreation(kind: &str, property: &str) -> &'static str {
    let schema = resource_schema::of(kind).unwrap_or_else(|| panic!("{kind} isn't in tests/resource_schemas.py"));
    match schema.recreation(property) {
        Recreation::Always => "Always",
        Recreation::Conditionally => "Conditionally",
        Recreation::Never => "Never",
    }
}

/// Whether a change of this property makes the resource anew. Under conditions that no template of a test fulfils, e.g. a
/// group's `AutoScalingReplacingUpdate`, it doesn't.
pub fn replaces(kind: &str, property: &str) -> bool {
    requires_recreation(kind, property) == "Always"
}

/// Top-level properties that differ.
pub fn differing<'a>(before: &'a Value, after: &'a Value) -> BTreeSet<&'a String> {
    let names = |value: &'a Value| value.as_object().into_iter().flat_map(|fields| fields.keys());
    names(before)
        .chain(names(after))
        .filter(|name| before.get(*name) != after.get(*name))
        .collect()
}

/// A resource's value that isn't known before it is made or changed.
fn open(id: &str, attribute: Option<&str>) -> String {
    format!("\u{2}{id}\u{3}{}\u{4}", attribute.unwrap_or_default())
}

impl World {
    /// A resource's properties with values of other resources left open.
    pub fn open_properties(&self, stack: &Stack, definition: &Definition, resource: &Value) -> Value {
        let Some(template) = &definition.template else {
            return Value::Null;
        };
        let parameters = definition.values();
        let values = self.values(stack, &parameters, &|id, attribute| Value::String(open(id, attribute)));
        template.resolve(&resource["Properties"], &values)
    }

    /// What `Ref` and `Fn::GetAtt` give.
    pub fn values<'a>(
        &'a self,
        stack: &'a Stack,
        parameters: &'a std::collections::BTreeMap<String, String>,
        resource: &'a dyn Fn(&str, Option<&str>) -> Value,
    ) -> Values<'a> {
        Values {
            parameters,
            account: &self.script.account,
            region: &self.script.region,
            stack_name: &stack.name,
            stack_id: &stack.id,
            resource,
        }
    }

    /// What would change.
    pub fn changes(&self, stack: &Stack, wanted: &Definition) -> Vec<Change> {
        let Some(template) = &wanted.template else {
            return Vec::new();
        };
        let parameters = wanted.values();
        let nothing = |_: &str, _: Option<&str>| Value::Null;
        let values = self.values(stack, &parameters, &nothing);
        let tags_changed = wanted.tags != stack.definition.tags;
        let mut changes: Vec<Change> = Vec::new();
        // In the order of needs, so that what follows from a replacement is known when it is looked at.
        for id in in_order(template) {
            let declared = &template.tree["Resources"][&id];
            if !template.is_wanted(declared, &values) {
                continue;
            }
            let kind = as_text(&declared["Type"]);
            let after = self.open_properties(stack, wanted, declared);
            match stack
                .resource(&id)
                .filter(|known| known.physical_id.is_some() && known.kind == kind)
            {
                Some(known) => changes.extend(modification(
                    known,
                    &after,
                    tags_changed,
                    &changes,
                    self.raw(stack, &id),
                    declared,
                )),
                None => changes.push(Change {
                    action: "Add",
                    id,
                    physical_id: None,
                    kind,
                    replacement: None,
                    scope: BTreeSet::new(),
                    details: Vec::new(),
                }),
            }
        }
        for known in stack.resources.iter().filter(|known| known.physical_id.is_some()) {
            let declared = &template.tree["Resources"][&known.id];
            if !declared.is_object() || !template.is_wanted(declared, &values) {
                changes.push(Change {
                    action: "Remove",
                    id: known.id.clone(),
                    physical_id: known.physical_id.clone(),
                    kind: known.kind.clone(),
                    replacement: None,
                    scope: BTreeSet::new(),
                    details: Vec::new(),
                });
            }
        }
        changes
    }

    /// A resource as the stack's template has it, functions and all.
    fn raw<'a>(&self, stack: &'a Stack, id: &str) -> Option<&'a Value> {
        Some(&stack.definition.template.as_ref()?.tree["Resources"][id])
    }
}

fn modification(
    known: &Resource,
    after: &Value,
    tags_changed: bool,
    earlier: &[Change],
    raw_before: Option<&Value>,
    raw_after: &Value,
) -> Option<Change> {
    let before = &known.open_properties;
    let mut details = Vec::new();
    for name in differing(before, after) {
        // The template's text is the same, so a parameter's value isn't.
        let by_parameter = raw_before.is_some_and(|raw| raw["Properties"][name] == raw_after["Properties"][name]);
        details.push(Detail {
            attribute: "Properties",
            name: Some(name.clone()),
            requires_recreation: requires_recreation(&known.kind, name),
            evaluation: "Static",
            source: if by_parameter {
                "ParameterReference"
            } else {
                "DirectModification"
            },
            causing_entity: None,
            before: before.get(name).map(shown),
            after: after.get(name).map(shown),
        });
    }
    // A value of another resource may change when that is changed; a name of it only when it is made anew.
    for (name, value) in after.as_object().into_iter().flatten() {
        let text = value.to_string();
        for cause in earlier.iter().filter(|cause| cause.action == "Modify") {
            let named = text.contains(&escaped(&open(&cause.id, None))) && cause.replacement != Some("False");
            let of_it = text.matches(&escaped(&format!("\u{2}{}\u{3}", cause.id))).count();
            let attribute = of_it > text.matches(&escaped(&open(&cause.id, None))).count();
            if (named || attribute) && before.get(name) == Some(value) {
                details.push(Detail {
                    attribute: "Properties",
                    name: Some(name.clone()),
                    requires_recreation: requires_recreation(&known.kind, name),
                    evaluation: "Dynamic",
                    source: if named {
                        "ResourceReference"
                    } else {
                        "ResourceAttribute"
                    },
                    causing_entity: Some(cause.id.clone()),
                    before: Some(shown(value)),
                    after: Some(shown(value)),
                });
            }
        }
    }
    if raw_before.is_some_and(|raw| raw["Metadata"] != raw_after["Metadata"]) {
        details.push(Detail {
            attribute: "Metadata",
            name: None,
            requires_recreation: "Never",
            evaluation: "Static",
            source: "DirectModification",
            causing_entity: None,
            before: None,
            after: None,
        });
    }
    if tags_changed {
        details.push(Detail {
            attribute: "Tags",
            name: None,
            requires_recreation: "Never",
            evaluation: "Static",
            source: "DirectModification",
            causing_entity: None,
            before: None,
            after: None,
        });
    }
    // One that didn't end well is worked on again, whatever its properties.
    if details.is_empty() && !known.status.ends_with("_FAILED") {
        return None;
    }
    let is_static = |detail: &&Detail| detail.evaluation == "Static";
    let always = || details.iter().filter(|detail| detail.requires_recreation == "Always");
    let conditionally = details
        .iter()
        .any(|detail| detail.requires_recreation == "Conditionally");
    Some(Change {
        action: "Modify",
        id: known.id.clone(),
        physical_id: known.physical_id.clone(),
        kind: known.kind.clone(),
        // "If the RequiresRecreation field is Always and the Evaluation field is Static, Replacement is True. If …
        // Dynamic, Replacement is Conditionally." (API_ResourceChange)
        replacement: Some(if always().any(|detail| is_static(&detail)) {
            "True"
        } else if conditionally || always().next().is_some() {
            "Conditional"
        } else {
            "False"
        }),
        scope: details.iter().map(|detail| detail.attribute).collect(),
        details,
    })
}

/// As a JSON text has it.
fn escaped(text: &str) -> String {
    let quoted = Value::String(text.to_owned()).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// As a change set shows it: what isn't known yet has a word of its own.
fn shown(value: &Value) -> String {
    let text = as_text(value);
    let mut out = String::new();
    let mut rest = text.replace("\\u0002", "\u{2}").replace("\\u0004", "\u{4}");
    while let (Some(start), Some(end)) = (rest.find('\u{2}'), rest.find('\u{4}')) {
        out.push_str(&rest[..start]);
        out.push_str("{{changeSet:KNOWN_AFTER_APPLY}}");
        rest = rest[end + 1..].to_owned();
    }
    out + &rest
}

fn in_order(template: &super::template::Template) -> Vec<String> {
    let mut left: Vec<String> = template.resources().map(|(id, _)| id.clone()).collect();
    let mut order: Vec<String> = Vec::new();
    while !left.is_empty() {
        let ready = left
            .iter()
            .position(|id| template.needs(id).iter().all(|need| order.contains(need)));
        // A circle has no order; any will do, the service refuses the template.
        order.push(left.remove(ready.unwrap_or(0)));
    }
    order
}
