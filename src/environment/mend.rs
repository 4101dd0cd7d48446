//! Makes a value fit its schema where it doesn't, so that what is right with a file can be checked further although
//! something in it is wrong. Nothing mended is ever used for anything else.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::source::child;

/// Pointers of values that aren't what the file's author meant: wrong, unreadable, missing or mistyped.
#[derive(Debug, Default)]
pub(super) struct Broken(BTreeSet<String>);

impl Broken {
    pub fn add(&mut self, pointer: impl Into<String>) {
        self.0.insert(pointer.into());
    }

    /// Whether the value at `pointer`, one around it or one in it is broken.
    pub fn touches(&self, pointer: &str) -> bool {
        let inside = format!("{pointer}/");
        let first_inside = self.0.range(inside.clone()..).next();
        self.covers(pointer) || (!pointer.is_empty() && first_inside.is_some_and(|first| first.starts_with(&inside)))
    }

    /// Whether the value at `pointer` or one around it is broken.
    pub fn covers(&self, pointer: &str) -> bool {
        let mut at = pointer;
        loop {
            if self.0.contains(at) {
                return true;
            }
            match at.rfind('/') {
                Some(i) => at = &at[..i],
                None => return false,
            }
        }
    }

    fn is(&self, pointer: &str) -> bool {
        self.0.contains(pointer)
    }
}

/// `value` with everything broken left out or, where something must be there, replaced by an example.
pub(super) fn mend(part: &Value, value: &Value, pointer: &str, broken: &Broken) -> Value {
    if broken.is(pointer) {
        return example(part);
    }
    match value {
        Value::Object(entries) => {
            let Some(properties) = part["properties"].as_object() else {
                let kept = entries.iter().filter(|(key, _)| !broken.is(&child(pointer, key)));
                return Value::Object(kept.map(|(key, value)| (key.clone(), value.clone())).collect());
            };
            let required = |key: &str| {
                part["required"]
                    .as_array()
                    .is_some_and(|keys| keys.iter().any(|k| k == key))
            };
            let mut mended = Map::new();
            for (key, property) in properties {
                let at = child(pointer, key);
                match entries.get(key) {
                    Some(value) if !broken.is(&at) || required(key) => {
                        mended.insert(key.clone(), mend(property, value, &at, broken));
                    }
                    None if required(key) => {
                        mended.insert(key.clone(), example(property));
                    }
                    _ => {}
                }
            }
            Value::Object(mended)
        }
        // Items keep their numbers, or pointers would speak of others.
        Value::Array(items) => {
            let mended = items.iter().enumerate();
            mended
                .map(|(i, item)| mend(&part["items"], item, &format!("{pointer}/{i}"), broken))
                .collect()
        }
        plain => plain.clone(),
    }
}

/// A value that fits.
fn example(part: &Value) -> Value {
    if let Some(example) = part["examples"].get(0).or_else(|| part.get("default")) {
        return example.clone();
    }
    match part["type"].as_str() {
        Some("object") => {
            let required = part["required"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str);
            Value::Object(
                required
                    .map(|key| (key.to_owned(), example(&part["properties"][key])))
                    .collect(),
            )
        }
        Some("array") => Value::Array(Vec::new()),
        _ => Value::String("x".into()),
    }
}
