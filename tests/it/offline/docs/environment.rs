//! `docs/environment.md`, from the schema of the environment file.

use std::fmt::Write;

use serde_json::Value;

use super::cell;
use crate::harness::is_current;

const HEAD: &str = "\
# The environment file

Every key, with its default. An editor with YAML support shows the same while you write: the shipped files name the
schema, which `qfleet schema` prints. Mistakes in the file are shown together, the first twenty of them, each on its line, with
what would be right. Those of the templates and programs that it names come after them: these are read once the file is right.

[`stacks/lab.yaml`](../stacks/lab.yaml) is a short file, [`stacks/production.yaml`](../stacks/production.yaml) one that
uses most of what there is. A key in **bold** must be there. A length of time is a number with `s`, `m`, `h` or `d`:
`90s`, `2m`, `1h 30m`.

What a worker program gets and has to do is said [where its example is](../examples/mover/README.md#what-qfleet-asks-of-a-program):
its environment variables (`QFLEET_QUEUE_URL`, `QFLEET_BUCKET`, …), its folder, and the signals at its end.
";

#[test]
fn every_key_is_described_as_the_schema_has_it() {
    let mut page = HEAD.to_owned();
    section(&mut page, "", qfleet::environment::schema(), &mut Vec::new());
    is_current("docs/environment.md", &page);
}

/// An object's keys as a table, then its objects. The keys of one that is elsewhere, too, are `known` and told there.
fn section<'a>(page: &mut String, place: &str, object: &'a Value, known: &mut Vec<(&'a Value, String)>) {
    if place.is_empty() {
        page.push_str("\n## The file itself\n\n");
    } else {
        let said = object["description"].as_str().unwrap_or_default();
        let _ = write!(page, "\n## `{place}`\n\n{said}\n\n");
    }
    if let Some((_, elsewhere)) = known.iter().find(|(keys, _)| *keys == &object["properties"]) {
        let _ = writeln!(
            page,
            "It has the keys of [`{elsewhere}`](#{}).",
            super::anchor(elsewhere)
        );
        return;
    }
    known.push((&object["properties"], place.to_owned()));
    page.push_str("| key | what it is | what it takes | default |\n| --- | --- | --- | --- |\n");
    let required = object["required"].as_array().map_or(&[][..], Vec::as_slice);
    let keys = object["properties"].as_object().expect("an object has keys");
    for (key, value) in keys {
        let name = if required.contains(&Value::from(key.as_str())) {
            format!("**`{key}`**")
        } else {
            format!("`{key}`")
        };
        let said = value["description"].as_str().unwrap_or_default();
        let _ = writeln!(
            page,
            "| {name} | {} | {} | {} |",
            cell(said),
            cell(&takes(place, key, value)),
            default(value)
        );
    }
    for (key, value) in keys {
        let place = if place.is_empty() {
            key.clone()
        } else {
            format!("{place}.{key}")
        };
        if value["properties"].is_object() {
            section(page, &place, value, known);
        } else if value["items"]["properties"].is_object() {
            section(page, &format!("{place}[]"), &value["items"], known);
        }
    }
}

fn takes(place: &str, key: &str, value: &Value) -> String {
    let below = if place.is_empty() {
        key.to_owned()
    } else {
        format!("{place}.{key}")
    };
    if let Some(choices) = value["oneOf"].as_array() {
        let choice = |choice: &Value| format!("`{}`: {}", text(&choice["const"]), text(&choice["description"]));
        return choices.iter().map(choice).collect::<Vec<_>>().join(" ");
    }
    if value["properties"].is_object() {
        return format!("see [`{below}`](#{})", super::anchor(&below));
    }
    if value["items"]["properties"].is_object() {
        return format!("a list, see [`{below}[]`](#{})", super::anchor(&below));
    }
    let example = value["examples"][0]
        .as_str()
        .map(|example| format!("such as `{example}`"));
    match &value["type"] {
        Value::String(kind) if kind == "boolean" => "`true` or `false`".into(),
        Value::String(kind) if kind == "integer" || kind == "number" => {
            format!("{} to {}", value["minimum"], number(&value["maximum"]))
        }
        Value::String(kind) if kind == "object" => "names and texts".into(),
        Value::String(kind) if kind == "array" => {
            format!("a list: {}", rule(&value["items"]).unwrap_or_else(|| "texts".into()))
        }
        Value::Array(_) => "`all`, or a list".into(),
        _ => rule(value).or(example).unwrap_or_else(|| "a text".into()),
    }
}

/// What a value must be, as the message says that shows a mistake.
fn rule(value: &Value) -> Option<String> {
    let rule = value["patternErrorMessage"].as_str()?.strip_prefix("must be ")?;
    Some(rule.split(": a number with").next().unwrap_or(rule).to_owned())
}

fn number(value: &Value) -> String {
    value.to_string().trim_end_matches(".0").to_owned()
}

fn default(value: &Value) -> String {
    match &value["default"] {
        _ if value["properties"].is_object() => String::new(),
        Value::Null => String::new(),
        Value::String(text) => format!("`{text}`"),
        Value::Array(list) if list.is_empty() => "none".into(),
        Value::Object(map) if map.is_empty() => "none".into(),
        other => format!("`{other}`"),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
