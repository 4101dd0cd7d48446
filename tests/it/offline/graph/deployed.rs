//! Templates as if they were deployed: every value a text, in which a resource is `«stack/Id»`. Written for these tests
//! alone, so that the picture and its test don't make the same mistake.

use std::collections::BTreeMap;

use qfleet::blueprint::{Blueprint, Value as Parameter, template};
use serde_json::Value;

/// The resources of all stacks, by stack and id.
pub struct Deployed {
    pub resources: BTreeMap<(String, String), Value>,
    pub outputs: BTreeMap<(String, String), Value>,
}

pub fn token(stack: &str, id: &str) -> String {
    format!("«{stack}/{id}»")
}

impl Deployed {
    pub fn of(blueprint: &Blueprint) -> Deployed {
        let mut deployed = Deployed {
            resources: BTreeMap::new(),
            outputs: BTreeMap::new(),
        };
        let mut put_out: BTreeMap<(String, String), Value> = BTreeMap::new();
        for stack in &blueprint.stacks {
            let template = Value::Object(template::read(&stack.body).expect("a template"));
            let mut names: BTreeMap<String, Value> = BTreeMap::new();
            for (name, parameter) in &stack.parameters {
                let value = match parameter {
                    Parameter::Literal(text) => Value::from(text.clone()),
                    Parameter::Output { part, key } => put_out[&(part.clone(), key.clone())].clone(),
                    other => Value::from(format!("{other:?}")),
                };
                names.insert(name.clone(), value);
            }
            for name in [
                "AWS::Partition",
                "AWS::Region",
                "AWS::AccountId",
                "AWS::URLSuffix",
                "AWS::StackId",
                "AWS::NoValue",
            ] {
                names.insert(name.into(), Value::from(name.replace("AWS::", "")));
            }
            names.insert("AWS::StackName".into(), Value::from(stack.name.clone()));
            for id in template["Resources"].as_object().expect("resources").keys() {
                names.insert(id.clone(), Value::from(token(&stack.name, id)));
            }
            for (id, resource) in template["Resources"].as_object().expect("resources") {
                let key = (stack.name.clone(), id.clone());
                deployed.resources.insert(key, filled(resource, &names));
            }
            for (name, output) in template["Outputs"].as_object().into_iter().flatten() {
                let value = filled(&output["Value"], &names);
                put_out.insert((stack.part.clone(), name.clone()), value.clone());
                deployed.outputs.insert((stack.part.clone(), name.clone()), value);
            }
        }
        deployed
    }

    pub fn resource(&self, stack: &str, id: &str) -> &Value {
        self.resources
            .get(&(stack.to_owned(), id.to_owned()))
            .unwrap_or(&Value::Null)
    }

    /// Resources of a type: stack, id, properties.
    pub fn all(&self, kind: &str) -> impl Iterator<Item = (&str, &str, &Value)> {
        let of = self
            .resources
            .iter()
            .filter(move |(_, resource)| resource["Type"] == kind);
        of.map(|((stack, id), resource)| (stack.as_str(), id.as_str(), &resource["Properties"]))
    }
}

fn filled(value: &Value, names: &BTreeMap<String, Value>) -> Value {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let Value::Object(entries) = value else {
        return match value {
            Value::Array(items) => items.iter().map(|item| filled(item, names)).collect(),
            other => other.clone(),
        };
    };
    let only = entries.iter().next().filter(|_| entries.len() == 1);
    match only.map(|(function, argument)| (function.as_str(), argument)) {
        Some(("Ref", name)) => names[name.as_str().expect("a name")].clone(),
        Some(("Fn::GetAtt", path)) => names[path[0].as_str().expect("a name")].clone(),
        Some(("Fn::Join", list)) => {
            let items = filled(&list[1], names);
            let items: Vec<String> = items.as_array().into_iter().flatten().map(text).collect();
            Value::from(items.join(list[0].as_str().expect("a text")))
        }
        Some(("Fn::Split", list)) => {
            let whole = text(&filled(&list[1], names));
            whole
                .split(list[0].as_str().expect("a text"))
                .map(Value::from)
                .collect()
        }
        Some(("Fn::Sub", argument)) => {
            let mut known: BTreeMap<String, Value> = names.clone();
            let pattern = argument.as_str().or_else(|| argument[0].as_str()).expect("a text");
            for (name, value) in argument[1].as_object().into_iter().flatten() {
                known.insert(name.clone(), filled(value, names));
            }
            let mut done = String::new();
            for (number, piece) in pattern.split("${").enumerate() {
                match piece.split_once('}').filter(|_| number > 0) {
                    Some((name, rest)) => {
                        let name = if known.contains_key(name) {
                            name
                        } else {
                            name.split('.').next().expect("one")
                        };
                        done += &known.get(name).map(text).unwrap_or_default();
                        done += rest;
                    }
                    None => done += piece,
                }
            }
            Value::from(done)
        }
        _ => Value::Object(
            entries
                .iter()
                .map(|(key, value)| (key.clone(), filled(value, names)))
                .collect(),
        ),
    }
}
