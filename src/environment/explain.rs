//! From an error of the JSON Schema to words of the domain.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind as Kind;
use serde_json::Value;

use super::nearest::nearest;
use super::problem::Problem;
use super::schema::{schema, walk};
use super::source::{Source, child, last};
use super::{origin, patterns};

/// One error can be several problems: each unknown key is one.
pub(super) fn explain(error: &ValidationError<'_>, source: &Source) -> Vec<Problem> {
    let pointer = error.instance_path().as_str();
    let keyword = error.schema_path().as_str();
    let part = &keyword[..keyword.rfind('/').unwrap_or(0)];
    let part = schema().pointer(part).unwrap_or(&Value::Null);
    let found = error.instance();
    match error.kind() {
        Kind::AdditionalProperties { unexpected } => unexpected
            .iter()
            .map(|key| unknown_key(pointer, key, part, found))
            .collect(),
        Kind::Required { property } => vec![missing_key(pointer, property.as_str().unwrap_or_default(), part)],
        Kind::UniqueItems => vec![Problem::new(
            pointer,
            format!("{} names something twice", label(pointer)),
        )],
        _ => vec![wrong_value(pointer, part, found, source)],
    }
}

/// The known key that an unknown one was probably meant to be.
pub(super) fn meant<'a>(key: &str, part: &'a Value) -> Option<&'a str> {
    nearest(key, keys(part))
}

fn keys(part: &Value) -> impl Iterator<Item = &str> {
    part["properties"]
        .as_object()
        .into_iter()
        .flat_map(|properties| properties.keys().map(String::as_str))
}

fn unknown_key(pointer: &str, key: &str, part: &Value, found: &Value) -> Problem {
    let problem = Problem::new(child(pointer, key), format!("unknown key `{key}`")).on_key();
    if let Some(meant) = meant(key, part) {
        let there = found.get(meant).is_some();
        return problem.help(match there {
            true => format!("`{meant}` is already there: remove `{key}`"),
            false => format!("did you mean `{meant}`?"),
        });
    }
    problem.help(match elsewhere(key) {
        [place] if place.is_empty() => format!("`{key}` belongs at the top of the file"),
        [place] => format!("`{key}` belongs under `{place}`"),
        _ => format!("known here: {}", list(keys(part).map(|key| format!("`{key}`")), "and")),
    })
}

/// Where in the file a key is known.
fn elsewhere(key: &str) -> &'static [String] {
    static PLACES: LazyLock<BTreeMap<&str, Vec<String>>> = LazyLock::new(|| {
        let mut places: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        walk(schema(), &mut Vec::new(), &mut |path, _| {
            if let [within @ .., last] = path {
                let place = within.join(".").replace(".[]", "[]");
                places.entry(last).or_default().push(place);
            }
        });
        places
    });
    PLACES.get(key).map_or(&[], Vec::as_slice)
}

fn missing_key(pointer: &str, key: &str, part: &Value) -> Problem {
    let of = if pointer.is_empty() {
        String::new()
    } else {
        format!(" in {}", label(pointer))
    };
    let property = &part["properties"][key];
    let about = property["description"].as_str().map(first_sentence).unwrap_or_default();
    let example = property["examples"][0].clone();
    let example = if example.is_null() {
        String::new()
    } else {
        format!(", such as `{key}: {}`", written(&example))
    };
    Problem::new(pointer, format!("`{key}` is missing{of}")).help(format!("add `{key}`{example}: {about}"))
}

fn wrong_value(pointer: &str, part: &Value, found: &Value, source: &Source) -> Problem {
    let expected = expected(part);
    if found.is_null() {
        return Problem::new(pointer, format!("{} has no value", label(pointer)))
            .help(format!("give it {expected}, or remove the key"));
    }
    let raw = source.written(pointer).unwrap_or_default();
    let problem = Problem::new(
        pointer,
        format!("{} must be {expected}, not {}", label(pointer), describe(found, raw)),
    );
    match help(part, found, raw) {
        Some(help) => problem.help(help),
        None => problem,
    }
}

/// What a part of the schema asks for, to follow "must be".
fn expected(part: &Value) -> String {
    let choices: Vec<String> = choices(part).map(|choice| format!("`{choice}`")).collect();
    if !choices.is_empty() {
        return list(choices.into_iter(), "or");
    }
    let kind = part["type"].as_str().unwrap_or("string");
    let range = |low: &str, high: &str| match (part[low].as_f64(), part[high].as_f64()) {
        (Some(low), Some(high)) if low < high => format!("{low} to {high}"),
        (Some(low), None) if low > 0.0 => format!("at least {low}"),
        (_, Some(high)) => format!("at most {high}"),
        _ => String::new(),
    };
    let worded = part["patternErrorMessage"]
        .as_str()
        .and_then(|message| message.strip_prefix("must be "));
    match kind {
        "integer" => match range("minimum", "maximum").as_str() {
            "" => "a whole number".to_owned(),
            range if range.contains(" to ") => format!("a whole number from {range}"),
            range => format!("a whole number, {range}"),
        },
        "number" => match range("minimum", "maximum").as_str() {
            "" => "a number".to_owned(),
            range if range.contains(" to ") => format!("a number from {range}"),
            range => format!("a number, {range}"),
        },
        "boolean" => "`true` or `false`".to_owned(),
        "array" => match range("minItems", "maxItems").as_str() {
            "" => "a list".to_owned(),
            range => format!("a list of {range}"),
        },
        "object" if part.get("properties").is_none() => "keys with texts".to_owned(),
        "object" => format!(
            "a mapping with the keys {}",
            list(keys(part).map(|key| format!("`{key}`")), "and")
        ),
        _ => {
            let text = worded.unwrap_or("text");
            match range("minLength", "maxLength").as_str() {
                "" => text.to_owned(),
                range => format!("{text}, {range} characters"),
            }
        }
    }
}

/// The words that a part of the schema allows, if it allows only some.
fn choices(part: &Value) -> impl Iterator<Item = &str> {
    let plain = part["enum"].as_array().into_iter().flatten();
    let described = part["oneOf"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|choice| &choice["const"]);
    let single = part.get("const").into_iter();
    plain.chain(described).chain(single).filter_map(Value::as_str)
}

fn help(part: &Value, found: &Value, raw: &str) -> Option<String> {
    let kind = part["type"].as_str().unwrap_or("string");
    if let Some(word) = found.as_str()
        && let Some(choice) = nearest(word, choices(part))
    {
        return Some(format!("did you mean `{choice}`?"));
    }
    if part["pattern"] == patterns::ORIGIN {
        return found.as_str().map(origin::instead);
    }
    let is_text = kind == "string" && choices(part).next().is_none();
    match found {
        Value::Number(_) if part.get("x-unit").is_some() => {
            let unit = part["x-unit"].as_str().unwrap_or_default();
            Some(match unit {
                // What the number is meant to count isn't known.
                "s" => format!("say of what: `{raw}s`, `{raw}m`, `{raw}h` or `{raw}d`"),
                unit => format!("write `{raw}{unit}`"),
            })
        }
        Value::Number(_) | Value::Bool(_) if is_text => Some(format!(
            "write it in quotes, `\"{raw}\"`, or YAML reads it as {}",
            kind_of(found)
        )),
        Value::String(word) if kind == "boolean" => match word.to_ascii_lowercase().as_str() {
            "yes" | "y" | "on" | "true" | "1" => Some("write `true`, without quotes".into()),
            "no" | "n" | "off" | "false" | "0" => Some("write `false`, without quotes".into()),
            _ => None,
        },
        Value::String(word) if matches!(kind, "integer" | "number") && word.parse::<f64>().is_ok() => {
            Some(format!("write it without quotes, `{word}`"))
        }
        Value::Object(_) if kind == "array" => Some("write a list: each item starts with `- `".into()),
        Value::Array(_) if kind == "object" => Some("write its keys without the `- ` in front".into()),
        Value::String(_) | Value::Number(_) if kind == "array" => Some(format!("write a list, `[{raw}]`")),
        _ => {
            let examples: Vec<String> = part["examples"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|example| format!("`{}`", written(example)))
                .collect();
            match examples.is_empty() {
                true => None,
                false => Some(format!("for example {}", list(examples.into_iter(), "or"))),
            }
        }
    }
}

/// The value's key, with the number of the item in a list: `` `types[1]` ``.
pub(super) fn label(pointer: &str) -> String {
    let step = last(pointer);
    if pointer.is_empty() {
        return "the file".to_owned();
    }
    if step.parse::<usize>().is_ok() {
        let parent = &pointer[..pointer.rfind('/').unwrap_or(0)];
        return format!("`{}[{step}]`", last(parent));
    }
    format!("`{step}`")
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

fn describe(found: &Value, raw: &str) -> String {
    match found {
        Value::Array(items) if items.is_empty() => "an empty list".to_owned(),
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Object(_) => "a mapping".to_owned(),
        Value::String(text) if text.chars().count() > 40 => format!("a text of {} characters", text.chars().count()),
        Value::String(text) if text.is_empty() => "empty".to_owned(),
        _ if raw.is_empty() || raw.contains('\n') => kind_of(found).to_owned(),
        _ => format!("`{raw}`"),
    }
}

/// A value as somebody would write it in the file.
fn written(value: &Value) -> String {
    match value {
        Value::String(text) if text.bytes().all(|b| b.is_ascii_digit()) => format!("\"{text}\""),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(written).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

fn first_sentence(description: &str) -> String {
    let end = description
        .find(". ")
        .or_else(|| description.find(".\n"))
        .unwrap_or(description.len());
    let sentence = description[..end].trim_end_matches('.').replace('\n', " ");
    let mut chars = sentence.chars();
    match chars.next() {
        // "The fewest instances" reads on in lower case; "SQS" and "ARNs" don't.
        Some(first) if chars.clone().next().is_some_and(|c| !c.is_uppercase()) => {
            first.to_lowercase().collect::<String>() + chars.as_str()
        }
        _ => sentence,
    }
}

/// `a, b or c`.
fn list(items: impl Iterator<Item = String>, conjunction: &str) -> String {
    let items: Vec<String> = items.collect();
    match items.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [rest @ .., last] => format!("{} {conjunction} {last}", rest.join(", ")),
    }
}
