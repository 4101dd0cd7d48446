//! `docs/json.md`, from the schema of what commands print.

use std::collections::BTreeMap;
use std::fmt::Write;

use regex::Regex;
use serde_json::Value;

use super::{anchor, cell};
use crate::harness::is_current;

const HEAD: &str = "\
# JSON

What commands print with `--output json`: one document, on standard output. Progress and messages for people go to
standard error. Exit codes are in [pipelines](pipelines.md#exit-codes). Within a major version fields are added, never
renamed or removed: a program should pass over fields and words that it doesn't know.

With `--output jsonl`, one object a line as things happen: [events](#lines-of-stacks) with an `event` and an `at`, and at
the end one with a `result`, which is the document, or with an [`error`](#error). A command that tells nothing on the way prints
its document in one line. What has no end, as `logs --follow`, has only lines: `--output json` is refused there.

In the tables, `name[]` stands for each item of a list, and `name.*` for each value of a map. A field in **bold** is always
there where its object is; any other is left out where there is nothing to say, or where its row says so. Times are RFC 3339, in UTC.

These fields mean the same everywhere, and their rows say nothing more:

- `environment`, `account`, `region`: which environment it is, and where. Where an object always has all three, they have no rows;
- `part`: a part of the environment, as `intake` or a stage's name; `stack`: the name of its stack in CloudFormation;
- `at` of a line of `--output jsonl`: when that happened. Each line with an `event` has it, whatever its table says;
- `logical_id`: a resource's name in its template; `physical_id`: its name in its service; `resource_type`: its type in
  CloudFormation.
";

/// What the rows of these would say is said at the top.
const ADDRESS: [&str; 3] = ["environment", "account", "region"];

#[test]
fn every_field_is_described_as_its_type_has_it() {
    let schema = qfleet::commands::documents();
    let mut page = Page {
        text: HEAD.to_owned(),
        types: &schema["$defs"],
        shown: BTreeMap::new(),
    };
    for (command, document) in schema["properties"].as_object().expect("documents") {
        page.section(command, document);
    }
    is_current("docs/json.md", &page.text);
}

struct Page<'a> {
    text: String,
    types: &'a Value,
    /// Where each type has its rows: the reference to it, a command, and a place in its document.
    shown: BTreeMap<&'a str, (&'a str, String)>,
}

/// A field of an object, or of some of the objects that may stand in its place.
struct Field<'a> {
    schema: &'a Value,
    required: bool,
    /// The words of another field with which it is there; none when it always may be.
    with: Option<String>,
    /// For the field that tells such objects apart: its words, and what they mean.
    words: Vec<(String, &'a str)>,
}

impl<'a> Page<'a> {
    fn section(&mut self, command: &'a str, document: &'a Value) {
        let _ = write!(self.text, "\n## {command}\n");
        let words = document["description"].as_str().unwrap_or_default();
        if !words.is_empty() {
            let _ = write!(self.text, "\n{words}\n");
        }
        if let Some((same, place)) = document["$ref"].as_str().and_then(|name| self.shown.get(name)) {
            assert!(place.is_empty(), "{command}: a document of its own");
            let _ = write!(self.text, "\nAs [`{same}`](#{}).\n", anchor(same));
            return;
        }
        self.text
            .push_str("\n| field | what it has | what it is |\n| --- | --- | --- |\n");
        self.rows(command, String::new(), document);
    }

    /// A row for each field of an object, and of the objects in it.
    fn rows(&mut self, command: &'a str, place: String, value: &'a Value) {
        if let Some(items) = value.get("items") {
            return self.rows(command, place + "[]", items);
        }
        if let Some(values) = value.get("additionalProperties").filter(|values| values.is_object()) {
            return self.rows(command, place + ".*", values);
        }
        if let Some(choices) = value["anyOf"].as_array() {
            return choices
                .iter()
                .for_each(|choice| self.rows(command, place.clone(), choice));
        }
        if let Some(name) = value["$ref"].as_str() {
            let own = self.resolved(value);
            // A few words, or fields that other tables have, too.
            if self.fields(own).is_empty() || self.shown.contains_key(name) {
                return;
            }
            self.shown.insert(name, (command, place.clone()));
            return self.rows(command, place, own);
        }
        let fields = self.fields(value);
        let has_address = ADDRESS.iter().all(|name| fields.iter().any(|(field, _)| field == name));
        for (name, field) in fields {
            if has_address && field.required && ADDRESS.contains(&name) {
                continue;
            }
            let path = if place.is_empty() {
                name.to_owned()
            } else {
                format!("{place}.{name}")
            };
            let shown = if field.required {
                format!("**`{path}`**")
            } else {
                format!("`{path}`")
            };
            let has = self.has(field.schema, field.required);
            let said = self.said(&field);
            let _ = writeln!(self.text, "| {shown} | {has} | {} |", cell(&said));
            self.rows(command, path, field.schema);
        }
    }

    /// The fields of an object, in their order; and of each of several objects that a tag tells apart.
    fn fields(&self, object: &'a Value) -> Vec<(&'a str, Field<'a>)> {
        let mut fields: Vec<(&str, Field<'_>)> = own_fields(object).collect();
        for variant in object["oneOf"].as_array().into_iter().flatten() {
            let tag = own_fields(variant).find_map(|(tag, field)| Some((tag, field.schema["const"].as_str()?)));
            let inner = variant.get("$ref").map(|_| own_fields(self.resolved(variant)));
            for (name, mut field) in own_fields(variant).chain(inner.into_iter().flatten()) {
                let is_tag = tag.is_some_and(|(tag, _)| tag == name);
                field.required &= is_tag;
                let at = fields.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
                    fields.push((name, field));
                    fields.len() - 1
                });
                let field = &mut fields[at].1;
                match tag {
                    Some((_, word)) if is_tag => {
                        let meaning = variant["description"].as_str().unwrap_or_default();
                        field.words.push((word.to_owned(), meaning));
                    }
                    Some((tag, word)) => match field.with.as_mut() {
                        Some(with) => with.push_str(&format!(" or `{word}`")),
                        None => field.with = Some(format!("`{tag}` `{word}`")),
                    },
                    None => {}
                }
            }
        }
        fields
    }

    fn resolved(&self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(name) => &self.types[name.trim_start_matches("#/$defs/")],
            None => value,
        }
    }

    /// What stands in a field. One that isn't always there is left out rather than null.
    fn has(&self, value: &'a Value, required: bool) -> String {
        let or_null = |what: String, is_nullable: bool| {
            if required && is_nullable {
                what + ", or null"
            } else {
                what
            }
        };
        if let Some(choices) = value["anyOf"].as_array() {
            let some: Vec<&Value> = choices.iter().filter(|choice| choice["type"] != "null").collect();
            let what: Vec<String> = some.iter().map(|choice| self.has(choice, true)).collect();
            return or_null(what.join(" or "), some.len() < choices.len());
        }
        let own = self.resolved(value);
        let (kind, is_nullable) = match &own["type"] {
            Value::Array(kinds) => (kinds[0].as_str(), true),
            kind => (kind.as_str(), false),
        };
        let what = match kind {
            _ if !choices(own).is_empty() && self.fields(own).is_empty() => "a word".into(),
            _ if !choices(own).is_empty() => "a word, or an object".into(),
            _ if !self.fields(own).is_empty() => "an object".into(),
            Some("string") if own["format"] == "date-time" => "a time".into(),
            Some("string") => "a text".into(),
            Some("boolean") => "`true` or `false`".into(),
            Some("integer") => "a whole number".into(),
            Some("number") => "a number".into(),
            Some("array") => format!("a list: {}", self.has(own.get("items").unwrap_or(&Value::Null), true)),
            Some("object") => format!("a map: {}", self.has(&own["additionalProperties"], true)),
            _ => "any value".to_owned(),
        };
        or_null(what, is_nullable)
    }

    /// What a field means: its own words, or else its type's; its words, if it has a few; and where more is said.
    fn said(&self, field: &Field<'a>) -> String {
        let value = field.schema;
        let inner = self.innermost(value);
        let own = self.resolved(inner);
        let described = [&value["description"], &inner["description"], &own["description"]];
        let mut said: Vec<String> = described
            .iter()
            .find_map(|words| words.as_str())
            .map(plain)
            .into_iter()
            .collect();
        let words = if field.words.is_empty() {
            choices(own)
        } else {
            field.words.clone()
        };
        for (word, meaning) in &words {
            said.push(if meaning.is_empty() {
                format!("`{word}`.")
            } else {
                format!("`{word}`: {}", plain(meaning))
            });
        }
        said.extend(field.with.iter().map(|with| format!("With {with}.")));
        if let Some((command, place)) = inner["$ref"].as_str().and_then(|name| self.shown.get(name)) {
            let link = format!("[`{command}`](#{})", anchor(command));
            said.push(match place.as_str() {
                "" => format!("Fields as in {link}."),
                place => format!("Fields as of `{place}` in {link}."),
            });
        }
        said.join(" ")
    }

    /// Of a list or a map, what is in it; of what may be null, what else it may be.
    fn innermost(&self, value: &'a Value) -> &'a Value {
        let some = |choices: &'a Vec<Value>| choices.iter().find(|choice| choice["type"] != "null");
        let inner = value
            .get("items")
            .or_else(|| value.get("additionalProperties").filter(|values| values.is_object()));
        match inner.or_else(|| value["anyOf"].as_array().and_then(some)) {
            Some(inner) => self.innermost(inner),
            None => value,
        }
    }
}

/// The fields that an object's schema names itself.
fn own_fields(object: &Value) -> impl Iterator<Item = (&str, Field<'_>)> {
    let required = object["required"].as_array().map_or(&[][..], Vec::as_slice);
    let properties = object["properties"].as_object().into_iter().flatten();
    properties.map(|(name, schema)| {
        let field = Field {
            schema,
            required: required.contains(&Value::from(name.as_str())),
            with: None,
            words: Vec::new(),
        };
        (name.as_str(), field)
    })
}

/// The words that a text may be, and what they mean.
fn choices(value: &Value) -> Vec<(String, &str)> {
    let mut words = Vec::new();
    for choice in value["oneOf"].as_array().into_iter().flatten().chain([value]) {
        let meaning = choice["description"].as_str().unwrap_or_default();
        if let Some(word) = choice["const"].as_str() {
            words.push((word.to_owned(), meaning));
        }
        let several = choice["enum"].as_array().into_iter().flatten();
        words.extend(several.filter_map(|word| Some((word.as_str()?.to_owned(), ""))));
    }
    words
}

/// Without where it is known from.
fn plain(words: &str) -> String {
    let source = Regex::new(r"\s*\(<https[^>]*>(,\s*<https[^>]*>)*\)").expect("a pattern");
    source.replace_all(words, "").into_owned()
}
