//! A template with the values of its parameters, and what follows from them: properties, conditions, outputs. Pure.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::values::{self, ValueChange};
use crate::blueprint::{Stack, template};
use crate::cloud::cloudformation::change_set::{Action, Change, KNOWN_AFTER_APPLY};
use crate::cloud::cloudformation::changes::inside::{HIDDEN, look_inside};
use crate::cloud::cloudformation::stacks::StackDescription;

/// What `AWS::NoValue` is worked out to: the property, or the item of a list, isn't there.
const NO_VALUE: &str = "${AWS::NoValue}";

/// So many conditions may name one another in a row; those of a circle are never met.
const DEEPEST: usize = 30;

/// A template as it is, or as it would be, with the values of its parameters.
pub(super) struct Valued {
    template: Arc<Map<String, Value>>,
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
        Valued::of(&stack.body, BTreeMap::new()).given(found, parameters.clone(), resolved)
    }

    /// The same template with other values of its parameters.
    pub(super) fn given(
        &self,
        found: &StackDescription,
        parameters: BTreeMap<String, String>,
        resolved: &BTreeMap<String, String>,
    ) -> Valued {
        let was_told = |name: &String| {
            let deployed = found.parameters.get(name);
            // The local emulator tells it in the name's place.
            deployed.is_none_or(|one| one.resolved.is_some() || Some(&one.value) != parameters.get(name))
        };
        let told = resolved.iter().filter(|(name, _)| was_told(name));
        let told: Vec<_> = told.map(|(name, value)| (name.clone(), value.clone())).collect();
        let mut all = parameters;
        all.extend(told);
        Valued::with(Arc::clone(&self.template), all)
    }

    pub(super) fn of(template: &str, parameters: BTreeMap<String, String>) -> Valued {
        Valued::with(Arc::new(template::read(template).unwrap_or_default()), parameters)
    }

    fn with(template: Arc<Map<String, Value>>, mut parameters: BTreeMap<String, String>) -> Valued {
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
        values::differences(&self.parameters, &after.parameters)
    }

    /// Fills in the values that CloudFormation doesn't say.
    pub(super) fn fill_in(&self, after: &Valued, changes: &mut [Change]) {
        for change in changes.iter_mut().filter(|change| change.action == Action::Modify) {
            let (before, after) = (self.resource(&change.logical_id), after.resource(&change.logical_id));
            look_inside(change, &before, &after);
        }
    }

    /// Each resource by its name, without the functions that follow from parameters; not those whose condition isn't met.
    pub(super) fn resources(&self) -> impl Iterator<Item = (&str, Value)> {
        self.all_of("Resources")
    }

    /// Each output by its name, in the same way.
    pub(super) fn outputs(&self) -> impl Iterator<Item = (&str, Value)> {
        self.all_of("Outputs")
    }

    fn all_of<'a>(&'a self, section: &str) -> impl Iterator<Item = (&'a str, Value)> {
        let all = template::section(&self.template, section);
        let there = all.filter(|(_, one)| {
            let condition = one["Condition"].as_str();
            condition.is_none_or(|name| self.condition(name) != Some(false))
        });
        there.map(|(name, one)| (name.as_str(), self.worked_out(one)))
    }

    /// Whether a condition is met; none where that isn't known, or there is no such condition.
    fn condition(&self, name: &str) -> Option<bool> {
        self.is_met(&self.conditions()[name], DEEPEST)
    }

    /// The condition of a resource, where nobody knows yet whether it is met, and that may be otherwise than `before`.
    pub(super) fn undecided(&self, before: &Valued, logical_id: &str) -> Option<&str> {
        let resource = self.template.get("Resources")?.get(logical_id)?;
        let name = resource["Condition"].as_str()?;
        let is_new = || self.conditions()[name] != before.conditions()[name];
        let is_open = self.condition(name).is_none() && (is_new() || self.waits(&self.conditions()[name], DEEPEST));
        is_open.then_some(name)
    }

    /// Whether a condition depends on what is known only later.
    fn waits(&self, condition: &Value, depth: usize) -> bool {
        let Some(depth) = depth.checked_sub(1) else {
            return false;
        };
        match condition {
            Value::String(text) => text.contains(KNOWN_AFTER_APPLY),
            Value::Array(items) => items.iter().any(|item| self.waits(item, depth)),
            Value::Object(fields) => match fields.get("Condition").and_then(Value::as_str) {
                Some(name) => self.waits(&self.conditions()[name], depth),
                None => {
                    let worked_out = self.worked_out(condition);
                    let inside = match &worked_out {
                        Value::Object(fields) => fields.values().any(|field| self.waits(field, depth)),
                        other => self.waits(other, depth),
                    };
                    inside || fields.values().any(|field| self.waits(field, depth))
                }
            },
            _ => false,
        }
    }

    fn conditions(&self) -> &Value {
        self.template.get("Conditions").unwrap_or(&Value::Null)
    }

    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-conditions.html>.
    /// `depth`: conditions may name others so often.
    fn is_met(&self, condition: &Value, depth: usize) -> Option<bool> {
        let depth = depth.checked_sub(1)?;
        let (function, argument) = condition.as_object()?.iter().next()?;
        let of = |condition: &Value| self.is_met(condition, depth);
        let each = argument.as_array().map_or(&[][..], Vec::as_slice);
        match (function.as_str(), each) {
            ("Condition", _) => of(&self.conditions()[argument.as_str()?]),
            ("Fn::Not", [one]) => of(one).map(|met| !met),
            ("Fn::And", each) => all(each.iter().map(of)),
            ("Fn::Or", each) => all(each.iter().map(|one| of(one).map(|met| !met))).map(|none| !none),
            ("Fn::Equals", [one, other]) => {
                let (one, other) = (scalar(&self.worked_out(one))?, scalar(&self.worked_out(other))?);
                // The same words come to the same, whatever that is.
                match one == other || (is_known(&one) && is_known(&other)) {
                    true => Some(one == other),
                    false => None,
                }
            }
            _ => None,
        }
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
            Value::Array(items) => items.iter().map(of).filter(|item| *item != NO_VALUE).collect(),
            Value::Object(fields) => {
                let function = fields.iter().next().filter(|_| fields.len() == 1);
                let value = function.and_then(|(name, argument)| self.function(name, argument));
                value.unwrap_or_else(|| {
                    let fields = fields.iter().map(|(key, value)| (key.clone(), of(value)));
                    Value::Object(fields.filter(|(_, value)| *value != NO_VALUE).collect())
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
            ("Fn::If", _, [Value::String(condition), met, otherwise]) => match self.condition(condition)? {
                true => Some(self.worked_out(met)),
                false => Some(self.worked_out(otherwise)),
            },
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

/// Whether all are met: not where one isn't, and not known where one isn't known.
fn all(each: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let each: Vec<Option<bool>> = each.collect();
    match each.contains(&Some(false)) {
        true => Some(false),
        false => each.into_iter().collect::<Option<Vec<bool>>>().map(|_| true),
    }
}

/// Whether a value that was worked out has in it neither what is known only later, nor a reference, nor a secret.
pub(super) fn is_known(text: &str) -> bool {
    !text.contains(KNOWN_AFTER_APPLY) && !text.contains("${") && text != HIDDEN
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
    use crate::cloud::cloudformation::change_set::{PropertyChange, Replacement};

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

    const CONDITIONS: &str = "\
Parameters:
  Size: {Type: String, Default: small}
  Told: {Type: String, Default: one}
Conditions:
  Small: !Equals [!Ref Size, small]
  One: !Equals [!Ref Told, one]
  Both: !And [{Condition: Small}, {Condition: One}]
  Either: !Or [{Condition: Small}, {Condition: One}]
  Large: !Not [{Condition: Small}]
  Here: !Equals [!Ref AWS::Region, us-east-2]
  Circle: !Not [{Condition: Circle}]
Resources:
  Always:
    Type: T
    Properties:
      Name: !If [Small, s, l]
      Least: !If [Large, 3, !Ref AWS::NoValue]
      Where: !If [Here, here, there]
  OfSmall: {Type: T, Condition: Small}
  OfLarge: {Type: T, Condition: Large}
  OfBoth: {Type: T, Condition: Both}
  OfEither: {Type: T, Condition: Either}
  OfHere: {Type: T, Condition: Here}
  OfCircle: {Type: T, Condition: Circle}
  OfNone: {Type: T, Condition: Missing}
Outputs:
  Told: {Value: !Ref Told}
  Large: {Condition: Large, Value: !Ref OfLarge}
";

    #[test]
    fn what_conditions_come_to_is_there_and_what_is_not_known_counts_as_there() {
        let names = |parameters: &[(&str, &str)]| -> Vec<String> {
            let of = valued(CONDITIONS, parameters);
            of.resources().map(|(name, _)| name.to_owned()).collect()
        };
        let not_known = ["OfHere", "OfCircle", "OfNone"];
        let with = |some: &[&str]| -> Vec<String> {
            let all = ["Always"].iter().chain(some).chain(&not_known);
            all.map(|name| (*name).to_owned()).collect()
        };
        assert_eq!(names(&[]), with(&["OfSmall", "OfBoth", "OfEither"]));
        assert_eq!(names(&[("Size", "large")]), with(&["OfLarge", "OfEither"]));
        assert_eq!(names(&[("Size", "large"), ("Told", "two")]), with(&["OfLarge"]));
        let unknown = [("Told", KNOWN_AFTER_APPLY)];
        assert_eq!(names(&unknown), with(&["OfSmall", "OfBoth", "OfEither"]));
        let unknown = [("Size", "large"), ("Told", KNOWN_AFTER_APPLY)];
        assert_eq!(names(&unknown), with(&["OfLarge", "OfEither"]));
    }

    #[test]
    fn values_and_outputs_follow_from_conditions() {
        let properties = |size: &str| {
            let of = valued(CONDITIONS, &[("Size", size)]);
            of.resource("Always")["Properties"].clone()
        };
        let undecided = serde_json::json!({"Fn::If": ["Here", "here", "there"]});
        assert_eq!(
            properties("small"),
            serde_json::json!({"Name": "s", "Where": undecided})
        );
        assert_eq!(
            properties("large"),
            serde_json::json!({"Name": "l", "Least": 3, "Where": undecided})
        );
        let outputs = |size: &str| -> Vec<String> {
            let of = valued(CONDITIONS, &[("Size", size)]);
            let each = of.outputs().map(|(name, output)| format!("{name}={}", output["Value"]));
            each.collect()
        };
        assert_eq!(outputs("small"), [r#"Told="one""#]);
        assert_eq!(outputs("large"), [r#"Told="one""#, r#"Large="${OfLarge}""#]);
    }
}
