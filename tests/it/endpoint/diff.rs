//! What a change set would do: the stack's resources against the template's.

use std::collections::BTreeSet;

use qfleet::blueprint::resource_schema::{self, Recreation};
use serde_json::Value;

use super::state::{Definition, Resource, Stack};
use super::template::{Template, Values, as_text, names_in};
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
    /// What becomes of the physical resource.
    pub policy_action: Option<&'static str>,
    /// Its properties before and after, for whoever asks with values.
    pub before: Option<Value>,
    pub after: Option<Value>,
}

/// Which of the two views of a change set has a detail: a change set read with values is worked out anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    WithValues,
    WithoutValues,
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
    /// In one of the views only.
    pub seen: Option<Seen>,
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
        let context = Context {
            world: self,
            stack,
            wanted,
            template,
            tags_changed: wanted.tags != stack.definition.tags,
        };
        let mut changes: Vec<Change> = Vec::new();
        // In the order of needs, so that what follows from a replacement is known when it is looked at.
        for id in in_order(template) {
            let declared = &template.tree["Resources"][&id];
            if !template.is_wanted(declared, &values) {
                continue;
            }
            let kind = as_text(&declared["Type"]);
            match stack
                .resource(&id)
                .filter(|known| known.physical_id.is_some() && known.kind == kind)
            {
                Some(known) => changes.extend(context.modification(known, declared, &changes)),
                None => changes.push(Change {
                    after: Some(context.after(declared, &changes)),
                    ..Change::of("Add", &id, None, &kind)
                }),
            }
        }
        for known in stack.resources.iter().filter(|known| known.physical_id.is_some()) {
            let declared = &template.tree["Resources"][&known.id];
            if !declared.is_object() || !template.is_wanted(declared, &values) {
                let policy = match known.deletion_policy.as_str() {
                    "Retain" | "RetainExceptOnCreate" => "Retain",
                    "Snapshot" => "Snapshot",
                    _ => "Delete",
                };
                changes.push(Change {
                    policy_action: Some(policy),
                    before: Some(all_shown(&known.open_properties)),
                    ..Change::of("Remove", &known.id, known.physical_id.clone(), &known.kind)
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

impl Change {
    fn of(action: &'static str, id: &str, physical_id: Option<String>, kind: &str) -> Self {
        Change {
            action,
            id: id.to_owned(),
            physical_id,
            kind: kind.to_owned(),
            replacement: None,
            scope: BTreeSet::new(),
            details: Vec::new(),
            policy_action: None,
            before: None,
            after: None,
        }
    }
}

/// What a resource is compared in.
struct Context<'a> {
    world: &'a World,
    stack: &'a Stack,
    wanted: &'a Definition,
    template: &'a Template,
    tags_changed: bool,
}

impl Context<'_> {
    /// Properties as they will be: what is known of other resources, and a word for what isn't.
    fn after(&self, declared: &Value, earlier: &[Change]) -> Value {
        let parameters = self.wanted.values();
        let value = |id: &str, attribute: Option<&str>| {
            let is_open = earlier
                .iter()
                .find(|change| change.id == id)
                .is_some_and(|change| match change.action {
                    "Modify" => change.replacement != Some("False"),
                    _ => true,
                });
            match is_open {
                true => Value::String(open(id, attribute)),
                false => self.world.value_of(self.stack, id, attribute),
            }
        };
        let values = self.world.values(self.stack, &parameters, &value);
        match self.template.resolve(&declared["Properties"], &values) {
            Value::Null => Value::Object(serde_json::Map::new()),
            properties => all_shown(&properties),
        }
    }

    /// Parameters that a property names and that have another value than before. One whose value comes from the
    /// parameter store isn't named as a cause (recording of test_dynamic_ssm_parameter_lookup).
    fn causes(&self, property: &Value) -> Vec<String> {
        let before = &self.stack.definition.parameters;
        let mut names = names_in(property);
        names.retain(|name| {
            let given = self.wanted.parameters.get(name);
            given.is_some() && given != before.get(name) && !self.wanted.resolved.contains_key(name)
        });
        names.into_iter().collect()
    }

    /// Sources and evaluations are those of the recordings in
    /// localstack/localstack tests/aws/services/cloudformation/test_change_sets.snapshot.json (test_direct_update,
    /// test_parameter_changes, test_dynamic_update) and test_change_set_ref.snapshot.json.
    fn modification(&self, known: &Resource, declared: &Value, earlier: &[Change]) -> Option<Change> {
        let raw_before = self.world.raw(self.stack, &known.id);
        let before = &known.open_properties;
        let after = &self.world.open_properties(self.stack, self.wanted, declared);
        let after_shown = self.after(declared, earlier);
        let detail = |attribute, name: Option<&String>| Detail {
            attribute,
            name: name.cloned(),
            requires_recreation: name.map_or("Never", |name| requires_recreation(&known.kind, name)),
            evaluation: "Static",
            source: "DirectModification",
            causing_entity: None,
            before: name.and_then(|name| known.properties.get(name)).map(shown),
            after: name.and_then(|name| after_shown.get(name)).map(shown),
            seen: None,
        };
        let mut details = Vec::new();
        for name in differing(before, after) {
            let causes = self.causes(&declared["Properties"][name]);
            details.push(Detail {
                evaluation: if causes.is_empty() { "Static" } else { "Dynamic" },
                ..detail("Properties", Some(name))
            });
            details.extend(causes.into_iter().map(|cause| Detail {
                source: "ParameterReference",
                causing_entity: Some(cause),
                ..detail("Properties", Some(name))
            }));
        }
        // A value of another resource may change when that is changed; a name of it only when it is made anew. Of what may
        // be made anew, nothing is determined: "For Dynamic evaluations, CloudFormation can't determine the target value
        // because it depends on the result of an intrinsic function" (API_ResourceChangeDetail).
        for (name, value) in after.as_object().into_iter().flatten() {
            if before.get(name) != Some(value) {
                continue;
            }
            let text = value.to_string();
            for cause in earlier.iter().filter(|cause| cause.action == "Modify") {
                let anew = cause.replacement != Some("False");
                let surely = cause.replacement == Some("True");
                let evaluation = if surely { "Static" } else { "Dynamic" };
                if anew && text.contains(&escaped(&open(&cause.id, None))) {
                    details.push(Detail {
                        source: "ResourceReference",
                        evaluation,
                        causing_entity: Some(cause.id.clone()),
                        ..detail("Properties", Some(name))
                    });
                }
                for attribute in attributes_in(&text, &cause.id) {
                    // A property that it was given is read from it as it is, with values: no change then.
                    let is_given = known_property(self.stack, &cause.id, &attribute);
                    details.push(Detail {
                        source: "ResourceAttribute",
                        evaluation,
                        causing_entity: Some(format!("{}.{attribute}", cause.id)),
                        seen: (!anew && is_given).then_some(Seen::WithoutValues),
                        ..detail("Properties", Some(name))
                    });
                }
                if surely && details.last().is_some_and(|last| last.name.as_ref() == Some(name)) {
                    details.push(Detail {
                        evaluation: "Dynamic",
                        seen: Some(Seen::WithValues),
                        ..detail("Properties", Some(name))
                    });
                }
            }
        }
        if raw_before.is_some_and(|raw| raw["Metadata"] != declared["Metadata"]) {
            details.push(detail("Metadata", None));
        }
        if self.tags_changed {
            details.push(detail("Tags", None));
        }
        // One that didn't end well is worked on again, whatever its properties.
        if details.is_empty() && !known.status.ends_with("_FAILED") {
            return None;
        }
        let needs = |recreation: &str, evaluation: &str| {
            let mut details = details.iter();
            details.any(|detail| detail.requires_recreation == recreation && detail.evaluation.contains(evaluation))
        };
        // "If the RequiresRecreation field is Always and the Evaluation field is Static, Replacement is True. If …
        // Dynamic, Replacement is Conditionally." (API_ResourceChange)
        let replacement = if needs("Always", "Static") {
            "True"
        } else if needs("Always", "") || needs("Conditionally", "") {
            "Conditional"
        } else {
            "False"
        };
        let policy = match declared["UpdateReplacePolicy"].as_str() {
            Some("Retain") => "ReplaceAndRetain",
            Some("Snapshot") => "ReplaceAndSnapshot",
            _ => "ReplaceAndDelete",
        };
        Some(Change {
            replacement: Some(replacement),
            policy_action: (replacement == "True").then_some(policy),
            scope: details.iter().map(|detail| detail.attribute).collect(),
            details,
            before: Some(all_shown(&known.properties)),
            after: Some(after_shown),
            ..Change::of("Modify", &known.id, known.physical_id.clone(), &known.kind)
        })
    }
}

/// Whether it is a property that the resource was given.
fn known_property(stack: &Stack, id: &str, name: &str) -> bool {
    stack
        .resource(id)
        .is_some_and(|resource| resource.properties.get(name).is_some())
}

/// The attributes of a resource that are left open in a JSON text.
fn attributes_in(text: &str, id: &str) -> BTreeSet<String> {
    let begin = escaped(&format!("\u{2}{id}\u{3}"));
    let end = escaped("\u{4}");
    let parts = text.split(&begin).skip(1);
    let found = parts.filter_map(|part| Some(part.split_once(&end)?.0.to_owned()));
    found.filter(|attribute| !attribute.is_empty()).collect()
}

/// All properties as a change set shows them; there may be none.
fn all_shown(properties: &Value) -> Value {
    match properties {
        Value::Null => Value::Object(serde_json::Map::new()),
        Value::String(text) if text.contains('\u{2}') => Value::String(shown(properties)),
        // Exports aren't looked up for it.
        Value::Object(fields) if fields.contains_key("Fn::ImportValue") => Value::String(UNKNOWN.to_owned()),
        Value::Array(items) => items.iter().map(all_shown).collect(),
        Value::Object(fields) => {
            let fields = fields.iter();
            Value::Object(fields.map(|(name, field)| (name.clone(), all_shown(field))).collect())
        }
        plain => plain.clone(),
    }
}

/// As a JSON text has it.
fn escaped(text: &str) -> String {
    let quoted = Value::String(text.to_owned()).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// What a change set says of a value that isn't known before it is executed.
const UNKNOWN: &str = "{{changeSet:KNOWN_AFTER_APPLY}}";

/// As a change set shows it: what isn't known yet has a word of its own.
fn shown(value: &Value) -> String {
    let text = as_text(value);
    let mut out = String::new();
    let mut rest = text.replace("\\u0002", "\u{2}").replace("\\u0004", "\u{4}");
    while let (Some(start), Some(end)) = (rest.find('\u{2}'), rest.find('\u{4}')) {
        out.push_str(&rest[..start]);
        out.push_str(UNKNOWN);
        rest = rest[end + 1..].to_owned();
    }
    out + &rest
}

fn in_order(template: &Template) -> Vec<String> {
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
