//! What was recorded against what the endpoint says.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value;

/// Lists in which AWS's order means nothing; the recordings themselves have it one way or the other.
const ANY_ORDER: [&str; 8] = [
    "Capabilities",
    "Changes",
    "Details",
    "Outputs",
    "Parameters",
    "ResourceTypes",
    "Subscriptions",
    "Tags",
];

/// Fields that one side may have and the other not.
const ALLOWED: [(&str, Side, &str); 8] = [
    (
        "LastOperations",
        Side::Endpoint,
        "the API is newer (November 2025) than most recordings",
    ),
    (
        "OperationId",
        Side::Endpoint,
        "the API is newer (November 2025) than most recordings",
    ),
    (
        "ResourceProperties",
        Side::Recording,
        "nothing here reads what events say of a resource's properties",
    ),
    (
        "Metadata",
        Side::Recording,
        "of a resource: nothing here reads it from a stack",
    ),
    (
        "ResourceIdentifiers",
        Side::Recording,
        "of a template's summary: qfleet takes them from the schemas",
    ),
    ("MD5OfBody", Side::Recording, "nothing here checks SQS's sums"),
    ("MD5OfMessageBody", Side::Recording, "nothing here checks SQS's sums"),
    (
        "MD5OfMessageAttributes",
        Side::Recording,
        "nothing here checks SQS's sums",
    ),
];

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Endpoint,
    Recording,
}

/// What marks like `<stack-name:1>` stand for. The same mark is the same value, another mark another value.
#[derive(Debug, Clone, Default)]
pub struct Marks(BTreeMap<String, String>);

impl Marks {
    pub fn set(&mut self, mark: &str, value: &str) {
        self.0.insert(mark.to_owned(), value.to_owned());
    }

    /// A request with its marks filled in. One that isn't known yet is a name that the request makes up.
    pub fn fill(&mut self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.fill_text(text)),
            Value::Array(items) => items.iter().map(|item| self.fill(item)).collect(),
            Value::Object(fields) => {
                let fields = fields.iter();
                Value::Object(fields.map(|(name, field)| (name.clone(), self.fill(field))).collect())
            }
            plain => plain.clone(),
        }
    }

    pub fn fill_text(&mut self, text: &str) -> String {
        let marks: Vec<&str> = marks_in(text).collect();
        let mut filled = text.to_owned();
        for mark in marks {
            let made_up = mark.trim_matches(['<', '>']).replace(':', "-");
            let value = self.0.entry(mark.to_owned()).or_insert(made_up);
            filled = filled.replace(mark, value);
        }
        filled
    }
}

/// `<word>` and `<word:1>`.
fn marks_in(text: &str) -> impl Iterator<Item = &str> {
    static MARK: std::sync::OnceLock<Regex> = std::sync::OnceLock::new();
    let mark = MARK.get_or_init(|| Regex::new("<[a-z][a-z0-9-]*(:[0-9]+)?>").expect("a pattern"));
    mark.find_iter(text).map(|found| found.as_str())
}

/// The differences, each with its place.
pub fn differences(recorded: &Value, answered: &Value, marks: &mut Marks) -> Vec<String> {
    let mut found = Vec::new();
    compare(recorded, answered, "", marks, &mut found);
    found
}

fn compare(recorded: &Value, answered: &Value, at: &str, marks: &mut Marks, found: &mut Vec<String>) {
    match (recorded, answered) {
        (Value::Object(theirs), Value::Object(ours)) => {
            for (name, value) in theirs {
                let at = format!("{at}/{name}");
                match ours.get(name) {
                    Some(answered) => compare(value, answered, &at, marks, found),
                    None if is_allowed(name, Side::Recording) => {}
                    None => found.push(format!("{at}: AWS says {value}, the endpoint nothing")),
                }
            }
            for (name, value) in ours {
                if !theirs.contains_key(name) && !is_allowed(name, Side::Endpoint) {
                    found.push(format!("{at}/{name}: AWS says nothing, the endpoint {value}"));
                }
            }
        }
        (Value::Array(theirs), Value::Array(ours)) => {
            if theirs.len() != ours.len() {
                found.push(format!(
                    "{at}: AWS says {} items, the endpoint {}: {answered}",
                    theirs.len(),
                    ours.len()
                ));
            } else if at.rsplit('/').next().is_some_and(|name| ANY_ORDER.contains(&name)) {
                compare_unordered(theirs, ours, at, marks, found);
            } else {
                for (place, (theirs, ours)) in theirs.iter().zip(ours).enumerate() {
                    compare(theirs, ours, &format!("{at}/{place}"), marks, found);
                }
            }
        }
        // Recorded as what a text holds.
        (Value::Object(_) | Value::Array(_), Value::String(text)) => match serde_json::from_str(text) {
            Ok(document) => compare(recorded, &document, at, marks, found),
            Err(_) => found.push(format!("{at}: AWS says {recorded}, the endpoint {answered}")),
        },
        (Value::String(theirs), _) if theirs == "<time>" => {
            let is_time = match answered {
                Value::String(text) => {
                    text.parse::<jiff::Timestamp>().is_ok()
                        || text.parse::<u64>().is_ok_and(|seconds| seconds > 1 << 30)
                }
                other => other.is_number(),
            };
            if !is_time {
                found.push(format!("{at}: AWS says a time, the endpoint {answered}"));
            }
        }
        (Value::String(theirs), Value::String(ours)) => {
            if !matches(theirs, ours, marks) {
                let known: Vec<String> = marks_in(theirs)
                    .filter_map(|mark| Some(format!("{mark} is {}", marks.0.get(mark)?)))
                    .collect();
                found.push(format!(
                    "{at}: AWS says {theirs:?}, the endpoint {ours:?} {}",
                    known.join(", ")
                ));
            }
        }
        _ if recorded == answered => {}
        _ => found.push(format!("{at}: AWS says {recorded}, the endpoint {answered}")),
    }
}

fn is_allowed(name: &str, side: Side) -> bool {
    ALLOWED.iter().any(|(allowed, of, _)| *allowed == name && *of == side)
}

/// Each recorded item with the first answered one that it agrees with.
fn compare_unordered(theirs: &[Value], ours: &[Value], at: &str, marks: &mut Marks, found: &mut Vec<String>) {
    let mut left: Vec<&Value> = ours.iter().collect();
    for item in theirs {
        let mut closest: Option<(Vec<String>, usize, Marks)> = None;
        for (place, candidate) in left.iter().enumerate() {
            let mut tried = marks.clone();
            let mut wrong = Vec::new();
            compare(item, candidate, at, &mut tried, &mut wrong);
            if closest.as_ref().is_none_or(|(fewest, ..)| wrong.len() < fewest.len()) {
                closest = Some((wrong, place, tried));
            }
        }
        if let Some((wrong, place, tried)) = closest {
            found.extend(wrong);
            left.remove(place);
            *marks = tried;
        }
    }
}

/// Whether the text is what was recorded, and what its marks stand for then.
fn matches(recorded: &str, text: &str, marks: &mut Marks) -> bool {
    let mut pattern = String::from("(?s)^");
    let mut open = Vec::new();
    let mut rest = recorded;
    for mark in marks_in(recorded) {
        let start = rest.find(mark).expect("a mark of this text");
        pattern += &regex::escape(&rest[..start]);
        match marks.0.get(mark) {
            Some(known) => pattern += &regex::escape(known),
            None => {
                open.push(mark);
                pattern += "(.+?)";
            }
        }
        rest = &rest[start + mark.len()..];
    }
    pattern += &regex::escape(rest);
    let Some(found) = Regex::new(&(pattern + "$")).expect("a pattern").captures(text) else {
        return false;
    };
    for (place, mark) in open.iter().enumerate() {
        let value = found[place + 1].to_owned();
        let is_well_formed = !mark.starts_with("<uuid:") || uuid::Uuid::parse_str(&value).is_ok();
        let other = marks.0.iter().find(|(_, known)| **known == value);
        let is_other = other.is_some_and(|(known, _)| known != mark);
        let before = marks.0.insert((*mark).to_owned(), value.clone());
        if !is_well_formed || is_other || before.is_some_and(|before| before != value) {
            return false;
        }
    }
    true
}
