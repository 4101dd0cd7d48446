//! A deployed template with a few words changed in its text, and nothing else: everything that CloudFormation would take
//! for a change stays as it was sent. YAML that was read and written again isn't the same, so the words are put into the
//! text where the parser says they belong, and the result is read back and compared.

use std::collections::BTreeMap;
use std::ops::Range;

use saphyr_parser::{Event, Parser};
use serde_json::{Map, Value, json};

use super::template;

/// What changes in a template.
#[derive(Debug, Default)]
pub struct Amendments {
    /// Logical ids of resources that are to stay when they leave the stack: DeletionPolicy and UpdateReplacePolicy
    /// become Retain. As these alone are no update to CloudFormation, their metadata changes, too: "CloudFormation won't
    /// recognize some template changes as an update, such as changes to a deletion policy … you can add or modify a
    /// metadata attribute for any of your resources"
    /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html>).
    pub retain: Vec<String>,
    /// New types of parameters, by name.
    pub parameter_types: BTreeMap<String, String>,
}

/// The key in a resource's metadata that makes its new policies an update.
const MARK: &str = "QfleetKeeps";
const RETAIN: &str = "Retain";

/// Whether a resource stays when its stack is deleted
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html>).
pub fn retains(template: &Map<String, Value>, logical_id: &str) -> bool {
    let resource = template.get("Resources").and_then(|all| all.get(logical_id));
    let policy = resource.and_then(|resource| resource.get("DeletionPolicy"));
    matches!(policy.and_then(Value::as_str), Some("Retain" | "RetainExceptOnCreate"))
}

/// The text with the amendments in it.
///
/// # Errors
/// Why not: the text is no template, or it is written in a way that the words can't be put into.
pub fn amend(body: &str, amendments: &Amendments) -> Result<String, String> {
    let places = places(body)?;
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    for id in &amendments.retain {
        let resource = format!("/Resources/{id}");
        for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
            put(&places, &resource, policy, RETAIN, &mut edits)?;
        }
        match places.get(&format!("{resource}/Metadata")) {
            Some(Place::Mapping(first)) => edits.push(first.insert(MARK, "true")),
            Some(Place::Scalar(_)) => return Err(format!("the metadata of {id} is no mapping")),
            None => match places.get(&resource) {
                Some(Place::Mapping(first)) => edits.push(first.insert("Metadata", &format!("{{\"{MARK}\": true}}"))),
                _ => return Err(format!("the resource {id} isn't in it")),
            },
        }
    }
    for (name, of_type) in &amendments.parameter_types {
        put(&places, &format!("/Parameters/{name}"), "Type", of_type, &mut edits)?;
    }
    // From the end, so that what comes before stays where it is.
    edits.sort_by_key(|(place, _)| std::cmp::Reverse(place.start));
    let mut amended = body.to_owned();
    for (place, words) in edits {
        amended.replace_range(place, &words);
    }
    if template::read(&amended)? != wanted(template::read(body)?, amendments) {
        return Err("it is written in a way that can't be changed safely".to_owned());
    }
    Ok(amended)
}

/// Changes the value of a key, or adds it.
fn put(
    places: &BTreeMap<String, Place>,
    parent: &str,
    key: &str,
    value: &str,
    edits: &mut Vec<(Range<usize>, String)>,
) -> Result<(), String> {
    let quoted = format!("\"{value}\"");
    match (places.get(&format!("{parent}/{key}")), places.get(parent)) {
        (Some(Place::Scalar(place)), _) => edits.push((place.clone(), quoted)),
        (None, Some(Place::Mapping(first))) => edits.push(first.insert(key, &quoted)),
        _ => return Err(format!("{parent} can't be given a {key}")),
    }
    Ok(())
}

/// What the template says when it is amended.
fn wanted(mut template: Map<String, Value>, amendments: &Amendments) -> Map<String, Value> {
    let mut set = |section: &str, name: &str, key: &str, value: Value| {
        let found = template.get_mut(section).and_then(|all| all.get_mut(name));
        if let Some(found) = found.and_then(Value::as_object_mut) {
            match (key, found.get_mut(key)) {
                ("Metadata", Some(Value::Object(metadata))) => drop(metadata.insert(MARK.to_owned(), json!(true))),
                _ => drop(found.insert(key.to_owned(), value)),
            }
        }
    };
    for id in &amendments.retain {
        set("Resources", id, "DeletionPolicy", json!(RETAIN));
        set("Resources", id, "UpdateReplacePolicy", json!(RETAIN));
        set("Resources", id, "Metadata", json!({ MARK: true }));
    }
    for (name, of_type) in &amendments.parameter_types {
        set("Parameters", name, "Type", json!(of_type));
    }
    template
}

/// Where something stands in the text.
#[derive(Debug)]
enum Place {
    Mapping(First),
    Scalar(Range<usize>),
}

/// Where a mapping's first key stands.
#[derive(Debug)]
struct First {
    at: usize,
    column: usize,
    /// Written in braces.
    is_flow: bool,
}

impl First {
    /// One more entry in front of it.
    fn insert(&self, key: &str, value: &str) -> (Range<usize>, String) {
        let words = if self.is_flow {
            format!("\"{key}\": {value}, ")
        } else {
            format!("{key}: {value}\n{}", " ".repeat(self.column))
        };
        (self.at..self.at, words)
    }
}

/// Mappings and scalars down to the attributes of resources (`/Resources/Queue/Metadata`), by pointer.
fn places(body: &str) -> Result<BTreeMap<String, Place>, String> {
    const DEEPEST: usize = 4;
    // The parser counts characters.
    let mut bytes: Vec<usize> = body.char_indices().map(|(at, _)| at).collect();
    bytes.push(body.len());
    let byte = |at: usize| bytes.get(at).copied().unwrap_or(body.len());
    let mut places = BTreeMap::new();
    // Of each open mapping the key whose value comes next; nothing of a list.
    let mut open: Vec<Option<Option<String>>> = Vec::new();
    // Of each open mapping where it began.
    let mut began: Vec<usize> = Vec::new();
    for event in Parser::new_from_str(body) {
        let (event, span) = event.map_err(|error| error.to_string())?;
        let pointer = |open: &[Option<Option<String>>]| {
            let keys: Option<Vec<&str>> = open.iter().map(|level| level.as_ref()?.as_deref()).collect();
            keys.filter(|keys| keys.len() < DEEPEST)
                .map(|keys| keys.iter().map(|key| format!("/{key}")).collect::<String>())
        };
        match event {
            Event::MappingStart(..) => {
                began.push(span.start.index());
                open.push(Some(None));
            }
            Event::SequenceStart(..) => open.push(None),
            Event::MappingEnd | Event::SequenceEnd => {
                if matches!(event, Event::MappingEnd) {
                    began.pop();
                }
                open.pop();
                value_ended(&mut open);
            }
            Event::Scalar(text, ..) => {
                if let Some(Some(next @ None)) = open.last_mut() {
                    *next = Some(text.clone().into_owned());
                    // The mapping's own pointer is that of its parent's key.
                    if let Some(of_mapping) = pointer(&open[..open.len() - 1])
                        && let Some(began) = began.last()
                    {
                        let is_flow = body[byte(*began)..].starts_with('{');
                        let first = First {
                            at: byte(span.start.index()),
                            column: span.start.col(),
                            is_flow,
                        };
                        places.entry(of_mapping).or_insert(Place::Mapping(first));
                    }
                } else {
                    if let Some(of_value) = pointer(&open) {
                        let range = byte(span.start.index())..byte(span.end.index());
                        places.insert(of_value, Place::Scalar(range));
                    }
                    value_ended(&mut open);
                }
            }
            Event::Alias(_) => value_ended(&mut open),
            _ => {}
        }
    }
    Ok(places)
}

fn value_ended(open: &mut [Option<Option<String>>]) {
    if let Some(Some(key)) = open.last_mut() {
        *key = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retain(ids: &[&str]) -> Amendments {
        Amendments {
            retain: ids.iter().map(|id| (*id).to_owned()).collect(),
            ..Amendments::default()
        }
    }

    const BLOCK: &str = "\
# Ünïcode before it, so that bytes and characters differ.
AWSTemplateFormatVersion: '2010-09-09'
Parameters:
  Image:
    Type: AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>
Resources:
  # A comment
  Bucket:
    Type: AWS::S3::Bucket
    DeletionPolicy: Delete # kept where it is
    UpdateReplacePolicy: Delete
    Properties:
      Tags: [{Key: a, Value: 0777}, {Key: 'b', Value: yes}]
  Queue: {Type: AWS::SQS::Queue, Metadata: {why: not}}
  Bare:
    Type: AWS::SQS::Queue
";

    #[test]
    fn words_are_put_into_the_text_and_nothing_else_changes() {
        let mut amendments = retain(&["Bucket", "Queue", "Bare"]);
        amendments
            .parameter_types
            .insert("Image".into(), "AWS::EC2::Image::Id".into());
        let amended = amend(BLOCK, &amendments).expect("amends");
        let expected = "\
# Ünïcode before it, so that bytes and characters differ.
AWSTemplateFormatVersion: '2010-09-09'
Parameters:
  Image:
    Type: \"AWS::EC2::Image::Id\"
Resources:
  # A comment
  Bucket:
    Metadata: {\"QfleetKeeps\": true}
    Type: AWS::S3::Bucket
    DeletionPolicy: \"Retain\" # kept where it is
    UpdateReplacePolicy: \"Retain\"
    Properties:
      Tags: [{Key: a, Value: 0777}, {Key: 'b', Value: yes}]
  Queue: {\"UpdateReplacePolicy\": \"Retain\", \"DeletionPolicy\": \"Retain\", Type: AWS::SQS::Queue, Metadata: {\"QfleetKeeps\": true, why: not}}
  Bare:
    Metadata: {\"QfleetKeeps\": true}
    UpdateReplacePolicy: \"Retain\"
    DeletionPolicy: \"Retain\"
    Type: AWS::SQS::Queue
";
        assert_eq!(amended, expected);
        let read = template::read(&amended).expect("reads");
        assert!(["Bucket", "Queue", "Bare"].iter().all(|id| retains(&read, id)));
        let before = template::read(BLOCK).expect("reads");
        assert!(["Bucket", "Queue", "Gone"].iter().all(|id| !retains(&before, id)));
    }

    #[test]
    fn json_is_yaml_too() {
        let json = r#"{"Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": "05"}}}}"#;
        let amended = amend(json, &retain(&["Queue"])).expect("amends");
        let read: Value = serde_json::from_str(&amended).expect("it is JSON still");
        assert_eq!(read["Resources"]["Queue"]["DeletionPolicy"], "Retain");
        assert_eq!(read["Resources"]["Queue"]["Properties"]["DelaySeconds"], "05");
    }

    #[test]
    fn what_cannot_be_changed_safely_is_refused() {
        // Nothing there; metadata that is text; a policy by an alias, which stands elsewhere.
        let aliased = "Resources:\n  A: &a\n    Type: AWS::SQS::Queue\n  Queue: *a\n";
        for body in [
            "Resources: {}\n",
            "Resources: {Queue: {Type: T, Metadata: text}}\n",
            aliased,
            "- a\n",
        ] {
            assert!(amend(body, &retain(&["Queue"])).is_err(), "{body}");
        }
    }
}
