//! What the plan says of values: those of properties of which CloudFormation says none, from the two templates; of
//! parameters; and of tags. Pure.

use std::collections::BTreeMap;
use std::convert::Infallible;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::blueprint::{Stack, template};
use crate::cloud::cloudformation::change_set::{Action, Change, Replacement};
use crate::cloud::cloudformation::changes::inside::{HIDDEN, look_inside};
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

fn differences(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<ValueChange> {
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

/// A template as it is, or as it would be, with the values of its parameters.
pub(super) struct Valued {
    template: Map<String, Value>,
    parameters: BTreeMap<String, String>,
}

impl Valued {
    /// The deployed template, with what the stack says of its parameters.
    pub(super) fn deployed(found: &StackDescription, template: &str) -> Valued {
        let parameters = found.parameters.iter().map(|(name, parameter)| {
            let value = parameter.resolved.as_ref().unwrap_or(&parameter.value);
            (name.clone(), value.clone())
        });
        Valued::of(template, parameters.collect())
    }

    /// The template that would be deployed. `resolved`: what the parameter store says of some of the parameters; it is
    /// compared with what it said when the stack was deployed, where that is known.
    pub(super) fn planned(
        stack: &Stack,
        found: &StackDescription,
        parameters: &BTreeMap<String, String>,
        resolved: &BTreeMap<String, String>,
    ) -> Valued {
        let was_told = |name: &String| {
            let deployed = found.parameters.get(name);
            // The local emulator tells it in the name's place.
            deployed.is_none_or(|one| one.resolved.is_some() || Some(&one.value) != parameters.get(name))
        };
        let told = resolved.iter().filter(|(name, _)| was_told(name));
        let mut all = parameters.clone();
        all.extend(told.map(|(name, value)| (name.clone(), value.clone())));
        Valued::of(&stack.body, all)
    }

    pub(super) fn of(template: &str, mut parameters: BTreeMap<String, String>) -> Valued {
        let template = template::read(template).unwrap_or_default();
        for (name, declared) in template::section(&template, "Parameters") {
            if template::truth(&declared["NoEcho"]) {
                parameters.insert(name.clone(), HIDDEN.to_owned());
            } else if let Some(default) = scalar(&declared["Default"]) {
                parameters.entry(name.clone()).or_insert(default);
            }
        }
        Valued { template, parameters }
    }

    /// Which parameters become others.
    pub(super) fn changed_parameters(&self, after: &Valued) -> Vec<ValueChange> {
        differences(&self.parameters, &after.parameters)
    }

    /// Fills in the values that CloudFormation doesn't say.
    pub(super) fn fill_in(&self, after: &Valued, changes: &mut [Change]) {
        for change in changes.iter_mut().filter(|change| change.action == Action::Modify) {
            let (before, after) = (self.resource(&change.logical_id), after.resource(&change.logical_id));
            look_inside(change, &before, &after);
        }
    }

    /// Each resource by its name, without the functions that follow from parameters.
    pub(super) fn resources(&self) -> impl Iterator<Item = (&str, Value)> {
        let all = template::section(&self.template, "Resources");
        all.map(|(logical_id, resource)| (logical_id.as_str(), self.worked_out(resource)))
    }

    fn resource(&self, logical_id: &str) -> Value {
        let resource = self.template.get("Resources").and_then(|all| all.get(logical_id));
        resource.map_or(Value::Null, |resource| self.worked_out(resource))
    }

    /// Without the functions that follow from parameters. What refers to other resources is written as in `Fn::Sub`:
    /// `${Queue.Arn}`.
    fn worked_out(&self, value: &Value) -> Value {
        let of = |value: &Value| self.worked_out(value);
        match value {
            Value::Array(items) => items.iter().map(of).collect(),
            Value::Object(fields) => {
                let function = fields.iter().next().filter(|_| fields.len() == 1);
                let value = function.and_then(|(name, argument)| self.function(name, argument));
                value.unwrap_or_else(|| {
                    Value::Object(fields.iter().map(|(key, value)| (key.clone(), of(value))).collect())
                })
            }
            other => other.clone(),
        }
    }

    fn function(&self, name: &str, argument: &Value) -> Option<Value> {
        let arguments = argument.as_array().map_or(&[][..], Vec::as_slice);
        match (name, argument, arguments) {
            ("Ref", Value::String(name), _) => Some(self.reference(name).into()),
            ("Fn::GetAtt", _, path) if !path.is_empty() => {
                let path: Option<Vec<&str>> = path.iter().map(Value::as_str).collect();
                Some(format!("${{{}}}", path?.join(".")).into())
            }
            ("Fn::Sub", Value::String(text), _) => Some(self.substituted(text, &Map::new()).into()),
            ("Fn::Sub", _, [Value::String(text), Value::Object(variables)]) => {
                Some(self.substituted(text, variables).into())
            }
            ("Fn::Join", _, [Value::String(between), items]) => {
                let items = self.worked_out(items);
                let items: Option<Vec<String>> = items.as_array()?.iter().map(scalar).collect();
                Some(items?.join(between).into())
            }
            ("Fn::Split", _, [Value::String(at), text]) => {
                let text = scalar(&self.worked_out(text))?;
                Some(text.split(at.as_str()).collect())
            }
            _ => None,
        }
    }

    fn reference(&self, name: &str) -> String {
        let parameter = self.parameters.get(name).cloned();
        parameter.unwrap_or_else(|| format!("${{{name}}}"))
    }

    fn substituted(&self, text: &str, variables: &Map<String, Value>) -> String {
        let Ok(text) = template::substitute(text, |name| {
            let variable = variables.get(name).and_then(|value| scalar(&self.worked_out(value)));
            Ok::<_, Infallible>(variable.unwrap_or_else(|| self.reference(name)))
        });
        text
    }
}

pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::cloudformation::change_set::PropertyChange;

    fn valued(template: &str, parameters: &[(&str, &str)]) -> Valued {
        let parameters = parameters.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Valued::of(template, parameters.collect())
    }

    const GROUP: &str = "\
Parameters:
  Most: {Type: Number, Default: 4}
  Key: {Type: String, NoEcho: true}
  Said: {Type: String, Default: it's}
Resources:
  Group:
    Type: AWS::AutoScaling::AutoScalingGroup
    Properties:
      MaxSize: !Ref Most
      Name: !Sub '${AWS::StackName}-${Most}-${Queue.Arn}-${!Most}'
      Key: !Ref Key
      Dimensions: [{Name: Queue, Value: !GetAtt Queue.QueueName}]
      Line: !Join [\"'\", [a=, !Join [-, !Split [\"'\", !Ref Said]], '']]
";

    #[test]
    fn values_follow_from_the_two_templates_and_their_parameters() {
        let before = valued(GROUP, &[("Key", "one")]);
        let later = GROUP.replace("Queue.QueueName", "Other.QueueName");
        let after = valued(&later, &[("Most", "6"), ("Key", "two"), ("Said", "that's")]);
        let property = |name: &str| PropertyChange {
            follows: false,
            path: format!("/Properties/{name}"),
            before: None,
            after: None,
            replacement: Replacement::No,
        };
        let mut changes = [Change {
            action: Action::Modify,
            logical_id: "Group".into(),
            resource_type: "AWS::AutoScaling::AutoScalingGroup".into(),
            physical_id: None,
            replacement: Replacement::No,
            disposal: None,
            properties: ["MaxSize", "Name", "Key", "Line", "Dimensions"].map(property).to_vec(),
        }];
        before.fill_in(&after, &mut changes);
        let told: Vec<String> = changes[0]
            .properties
            .iter()
            .map(|one| {
                let value = |value: &Option<String>| value.clone().unwrap_or_default();
                format!("{} {} {}", one.path, value(&one.before), value(&one.after))
            })
            .collect();
        let expected = [
            "/Properties/MaxSize 4 6",
            "/Properties/Name ${AWS::StackName}-4-${Queue.Arn}-${Most} ${AWS::StackName}-6-${Queue.Arn}-${Most}",
            "/Properties/Key  ",
            "/Properties/Line a='it-s' a='that-s'",
            "/Properties/Dimensions/0/Value ${Queue.QueueName} ${Other.QueueName}",
        ];
        assert_eq!(told, expected);
        let change = |name: &str, before: &str, after: &str| ValueChange {
            name: name.into(),
            before: Some(before.into()),
            after: Some(after.into()),
        };
        let changed = [change("Most", "4", "6"), change("Said", "it's", "that's")];
        assert_eq!(before.changed_parameters(&after), changed, "a secret is never told");
    }
}
