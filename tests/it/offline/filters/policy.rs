//! Which messages a subscription's filter policy lets through, with `FilterPolicyScope: MessageBody`, after
//! <https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html> and the pages below it. Knows the
//! operators that qfleet uses, and those that the recordings ask for.

use std::collections::BTreeMap;

use serde_json::Value;

/// What must hold of paths such as `Records.s3.object.key`, all of it; of each path one of its values.
type Rule = BTreeMap<String, Vec<Value>>;
/// One way through a message: of each array one element.
type Facts = BTreeMap<String, Value>;

/// Whether a message is delivered.
///
/// # Errors
/// A policy that SNS refuses, or whose meaning its documents leave open.
pub fn delivers(policy: &Value, message: &Value) -> Result<bool, String> {
    let rules = rules(policy, "", vec![Rule::new()])?;
    limits(policy, &rules)?;
    if !message.is_object() {
        return Ok(false);
    }
    for facts in facts(message, "") {
        for rule in &rules {
            if holds(rule, &facts)? {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// The alternatives that a policy is.
fn rules(policy: &Value, path: &str, mut all: Vec<Rule>) -> Result<Vec<Rule>, String> {
    for (key, value) in policy.as_object().ok_or("not an object")? {
        let path = below(path, key);
        match value {
            // "There are at least 2 objects in the `$or` array"; else it is a name as any other.
            Value::Array(alternatives) if key == "$or" && alternatives.len() > 1 => {
                let parent = path.trim_end_matches("$or").trim_end_matches('.').to_owned();
                let of_each = alternatives.iter().map(|one| rules(one, &parent, all.clone()));
                all = of_each.collect::<Result<Vec<_>, _>>()?.concat();
            }
            Value::Object(_) => all = rules(value, &path, all)?,
            Value::Array(values) if values.is_empty() => return Err("Empty arrays are not allowed".into()),
            Value::Array(values) => {
                for rule in &mut all {
                    if rule.insert(path.clone(), values.clone()).is_some() {
                        return Err(format!(
                            "You can't apply AND logic to values of the same attribute: {path}"
                        ));
                    }
                }
            }
            _ => return Err(format!("\"{key}\" must be an object or an array")),
        }
    }
    Ok(all)
}

/// <https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html>: "each array is multiplied by the
/// nesting level"; "for a nested policy, only parent keys are counted".
fn limits(policy: &Value, rules: &[Rule]) -> Result<(), String> {
    let of_rule = |rule: &Rule| -> usize {
        let keys = rule.iter();
        keys.map(|(path, values)| values.len() * path.split('.').count())
            .product()
    };
    if rules.iter().map(of_rule).sum::<usize>() > 150 {
        return Err("Filter policy is too complex".into());
    }
    if policy.as_object().is_some_and(|keys| keys.len() > 5) {
        return Err("Filter policy can not have more than 5 keys".into());
    }
    Ok(())
}

fn facts(message: &Value, path: &str) -> Vec<Facts> {
    match message {
        Value::Object(keys) => keys.iter().fold(vec![Facts::new()], |all, (key, value)| {
            let below = facts(value, &below(path, key));
            let both = |one: &Facts| -> Vec<Facts> {
                let merged = below
                    .iter()
                    .map(|other| one.clone().into_iter().chain(other.clone()).collect());
                merged.collect()
            };
            all.iter().flat_map(both).collect()
        }),
        Value::Array(items) if items.is_empty() => vec![Facts::new()],
        Value::Array(items) => items.iter().flat_map(|item| facts(item, path)).collect(),
        value => vec![Facts::from([(path.to_owned(), value.clone())])],
    }
}

fn below(path: &str, key: &str) -> String {
    match path {
        "" => key.to_owned(),
        path => format!("{path}.{key}"),
    }
}

fn holds(rule: &Rule, facts: &Facts) -> Result<bool, String> {
    for (path, values) in rule {
        let fact = facts.get(path);
        let matched = values.iter().map(|value| matches(value, fact));
        if !matched.collect::<Result<Vec<_>, _>>()?.contains(&true) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// "For string matching in the filter policy, the comparison is case-sensitive."
fn matches(value: &Value, fact: Option<&Value>) -> Result<bool, String> {
    let Some(operator) = value.as_object() else {
        return Ok(fact == Some(value));
    };
    let text = fact.and_then(Value::as_str);
    match operator.iter().collect::<Vec<_>>().as_slice() {
        [(name, Value::Bool(there))] if *name == "exists" => Ok(fact.is_some() == *there),
        [(name, Value::String(with))] if *name == "prefix" => Ok(text.is_some_and(|text| text.starts_with(with))),
        [(name, Value::String(with))] if *name == "suffix" => Ok(text.is_some_and(|text| text.ends_with(with))),
        _ => Err(format!("an operator that isn't known here: {value}")),
    }
}
