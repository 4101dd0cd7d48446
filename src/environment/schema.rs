//! The JSON Schema of the environment file, from its types.

use std::sync::LazyLock;

use jsonschema::Validator;
use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use serde_json::{Map, Value};

use super::{Environment, patterns};

/// The JSON Schema (draft 2020-12) of the environment file.
pub fn schema() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
        // Inlined, so that a place in the file has one place in the schema, whose wording is found without detours.
        SchemaSettings::draft2020_12()
            .with(|settings| settings.inline_subschemas = true)
            .with_transform(Plain)
            .into_generator()
            .into_root_schema_for::<Environment>()
            .to_value()
    });
    &SCHEMA
}

/// Checks values against [`schema`].
///
/// # Errors
/// Only if the schema were no schema, which a test rules out.
pub(super) fn validator() -> Result<&'static Validator, &'static str> {
    static VALIDATOR: LazyLock<Result<Validator, String>> =
        LazyLock::new(|| jsonschema::validator_for(schema()).map_err(|error| error.to_string()));
    VALIDATOR.as_ref().map_err(String::as_str)
}

/// Drops what Rust's types say and a file's author needn't know: a key that may be left out isn't one that may be
/// null, and `uint32` is told by the range. Adds the wording of patterns for editors.
#[derive(Debug, Clone)]
struct Plain;

impl Transform for Plain {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        let Some(object) = schema.as_object_mut() else { return };
        if let Some(Value::Array(types)) = object.get_mut("type") {
            types.retain(|name| name != "null");
            if let [only] = types.as_slice() {
                let only = only.clone();
                object.insert("type".into(), only);
            }
        }
        if let Some(Value::Array(choices)) = object.get("anyOf") {
            let rest: Vec<&Value> = choices.iter().filter(|choice| choice["type"] != "null").collect();
            if let [Value::Object(only)] = rest.as_slice() {
                let only: Map<String, Value> = only.clone();
                object.remove("anyOf");
                for (key, value) in only {
                    object.entry(key).or_insert(value);
                }
            }
        }
        if object.get("default").is_some_and(Value::is_null) {
            object.remove("default");
        }
        if matches!(object.get("format").and_then(Value::as_str), Some("uint32" | "double")) {
            object.remove("format");
        }
        if let Some(expected) = object
            .get("pattern")
            .and_then(Value::as_str)
            .and_then(patterns::expected)
        {
            object.insert("patternErrorMessage".into(), format!("must be {expected}").into());
        }
        if let Some(Value::String(description)) = object.get_mut("description") {
            // Lines end where the source code's do.
            *description = description
                .replace("\n\n", "\0")
                .replace('\n', " ")
                .replace('\0', "\n\n");
        }
        let mut rest = std::mem::take(object);
        for key in ["$schema", "title", "description", "type", "default", "examples"] {
            if let Some(value) = rest.shift_remove(key) {
                object.insert(key.into(), value);
            }
        }
        object.append(&mut rest);
    }
}

/// Every part of the schema that describes a value, with the keys that lead to it; `[]` stands for an item of a list.
pub(super) fn walk<'a>(schema: &'a Value, path: &mut Vec<&'a str>, visit: &mut impl FnMut(&[&'a str], &'a Value)) {
    visit(path, schema);
    if let Some(properties) = schema["properties"].as_object() {
        for (key, property) in properties {
            path.push(key);
            walk(property, path, visit);
            path.pop();
        }
    }
    if schema["items"].is_object() {
        path.push("[]");
        walk(&schema["items"], path, visit);
        path.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_schema() {
        assert!(jsonschema::meta::is_valid(schema()));
        assert!(validator().is_ok());
    }

    #[test]
    fn every_part_is_described_closed_and_can_be_explained() {
        walk(schema(), &mut Vec::new(), &mut |path, part| {
            let at = path.join("/");
            for detour in ["$ref", "anyOf", "allOf"] {
                assert!(part.get(detour).is_none(), "{at}: {detour} makes errors unreadable");
            }
            if path.last() != Some(&"[]") {
                assert!(part["description"].is_string(), "{at}: no description");
            }
            if part["type"] == "object" {
                assert!(
                    part["additionalProperties"] == false || part["additionalProperties"]["type"] == "string",
                    "{at}: unknown keys go through"
                );
            }
            if let Some(pattern) = part["pattern"].as_str() {
                assert!(patterns::expected(pattern).is_some(), "{at}: no wording for {pattern}");
            }
        });
    }

    #[test]
    fn defaults_fit_their_own_schema() {
        walk(schema(), &mut Vec::new(), &mut |path, part| {
            let values = part
                .get("default")
                .into_iter()
                .chain(part["examples"].as_array().into_iter().flatten());
            for value in values {
                assert!(jsonschema::is_valid(part, value), "{}: {value}", path.join("/"));
            }
        });
    }
}
