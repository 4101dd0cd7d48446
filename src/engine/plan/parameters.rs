//! What a stack's parameters would be: from its file, from what other stacks put out, and from AWS as it is.

use std::collections::BTreeMap;

use super::Outputs;
use crate::blueprint::{Stack, Value};
use crate::cloud::cloudformation::change_set::KNOWN_AFTER_APPLY;

/// What a stack's parameters take from AWS as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Current {
    /// How many instances a rolling update keeps in service, when the group is there.
    pub in_service: Option<u32>,
    /// What was chosen for it, such as its zones, by parameter.
    pub chosen: BTreeMap<String, String>,
}

/// The values of a stack's parameters, or the part whose output isn't there yet.
pub fn resolve(stack: &Stack, outputs: &Outputs, current: &Current) -> Result<BTreeMap<String, String>, String> {
    stack
        .parameters
        .iter()
        // What stands in the template alone is read there.
        .filter(|(_, value)| !matches!(value, Value::Default(_)))
        .map(|(name, value)| Ok((name.clone(), resolve_one(name, value, outputs, current)?)))
        .collect()
}

/// The same as far as they are known, with [`KNOWN_AFTER_APPLY`] for the others.
pub(super) fn resolve_known(stack: &Stack, outputs: &Outputs, current: &Current) -> BTreeMap<String, String> {
    let parameters = stack.parameters.iter();
    let sent = parameters.filter(|(_, value)| !matches!(value, Value::Default(_)));
    let known = sent.map(|(name, value)| {
        let value = resolve_one(name, value, outputs, current);
        (name.clone(), value.unwrap_or_else(|_| KNOWN_AFTER_APPLY.to_owned()))
    });
    known.collect()
}

/// The value of a parameter, or the part whose output isn't there yet.
fn resolve_one(name: &str, value: &Value, outputs: &Outputs, current: &Current) -> Result<String, String> {
    Ok(match value {
        Value::Literal(text) | Value::Default(text) | Value::Ssm(text) => text.clone(),
        Value::InService(at_first) => current.in_service.unwrap_or(*at_first).to_string(),
        Value::Zones(_) | Value::DefaultVpc | Value::DefaultSubnets(_) => {
            current.chosen.get(name).cloned().unwrap_or_default()
        }
        Value::Output { part, key } => {
            let output = outputs.get(part).and_then(|of_part| of_part.get(key));
            output.ok_or_else(|| part.clone())?.clone()
        }
    })
}

/// What the parameter store says of a stack's parameters, by their names in the template.
pub(super) fn resolved(stack: &Stack, ssm: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let parameters = stack.parameters.iter();
    let of_store = parameters.filter_map(|(name, value)| match value {
        Value::Ssm(path) => Some((name.clone(), ssm.get(path)?.clone())),
        _ => None,
    });
    of_store.collect()
}
