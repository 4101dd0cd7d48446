//! Statements of policies, each in one form, so that two can be compared.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Value as Json, json};

/// One action on one resource, and when. Of a role's policy it has no principal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    pub effect: String,
    pub principal: String,
    pub action: String,
    pub resource: String,
    /// As JSON, its values in lists, in their order.
    pub condition: String,
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Grant {
            effect,
            principal,
            action,
            resource,
            condition,
        } = self;
        write!(f, "{effect}{principal} {action} on {resource}")?;
        match condition.as_str() {
            "{}" => Ok(()),
            condition => write!(f, " if {condition}"),
        }
    }
}

/// All that a document says.
///
/// # Errors
/// What stands in it that isn't read here: it may say anything.
pub fn grants(document: &Json) -> Result<BTreeSet<Grant>, String> {
    if document["Version"] != "2012-10-17" {
        return Err(format!("its version is {}", document["Version"]));
    }
    let mut found = BTreeSet::new();
    for statement in each(&document["Statement"]) {
        let keys = statement.as_object().into_iter().flat_map(Map::keys);
        for key in keys {
            if !["Sid", "Effect", "Principal", "Action", "Resource", "Condition"].contains(&key.as_str()) {
                return Err(format!("a statement says {key}"));
            }
        }
        let condition = statement.get("Condition").map_or_else(|| json!({}), in_lists);
        let principal = statement
            .get("Principal")
            .map_or_else(String::new, |principal| format!(" {principal}"));
        // A trust policy has no resource.
        let resources = match &statement["Resource"] {
            Json::Null => vec![String::new()],
            resources => texts(resources),
        };
        for action in texts(&statement["Action"]) {
            found.extend(resources.iter().map(|resource| Grant {
                effect: texts(&statement["Effect"]).concat(),
                principal: principal.clone(),
                action: action.clone(),
                resource: resource.clone(),
                condition: condition.to_string(),
            }));
        }
    }
    Ok(found)
}

/// What some may do, as the table says it.
pub fn allow(actions: &[&str], resources: &[String]) -> BTreeSet<Grant> {
    allow_if(actions, resources, &json!({}))
}

pub fn allow_if(actions: &[&str], resources: &[String], condition: &Json) -> BTreeSet<Grant> {
    let statement = json!({"Effect": "Allow", "Action": actions, "Resource": resources, "Condition": condition});
    read(&[statement])
}

/// Statements that are right as they stand.
pub fn read(statements: &[Json]) -> BTreeSet<Grant> {
    grants(&json!({"Version": "2012-10-17", "Statement": statements})).expect("they are read")
}

pub fn each(value: &Json) -> &[Json] {
    match value {
        Json::Null => &[],
        Json::Array(items) => items,
        one => std::slice::from_ref(one),
    }
}

pub fn texts(value: &Json) -> Vec<String> {
    let text = |one: &Json| one.as_str().map_or_else(|| one.to_string(), str::to_owned);
    each(value).iter().map(text).collect()
}

fn in_lists(condition: &Json) -> Json {
    let of_operator = |keys: &Json| {
        let keys = keys.as_object().into_iter().flatten();
        let listed = keys.map(|(key, values)| {
            let values: BTreeSet<String> = texts(values).into_iter().collect();
            (key.clone(), json!(values))
        });
        Json::Object(listed.collect())
    };
    let operators = condition.as_object().into_iter().flatten();
    Json::Object(
        operators
            .map(|(name, keys)| (name.clone(), of_operator(keys)))
            .collect(),
    )
}
