//! Statements as IAM's documents, each within IAM's limits.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use super::{Caller, Statement};

/// How long a managed policy may be, in characters without white space
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>).
pub const MANAGED: usize = 6_144;
/// How long all inline policies of a role may be together, likewise.
pub const INLINE: usize = 10_240;

/// A policy as `aws iam create-policy --policy-document` takes it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Document(pub Map<String, Json>);

impl Document {
    fn of(statements: &[Json]) -> Document {
        let mut document = Map::new();
        document.insert("Version".to_owned(), json!("2012-10-17"));
        document.insert("Statement".to_owned(), json!(statements));
        Document(document)
    }

    /// In characters, without white space, as IAM counts them. Names and ARNs have none in them.
    pub fn length(&self) -> usize {
        let text = Json::Object(self.0.clone()).to_string();
        text.chars().filter(|c| !c.is_whitespace()).count()
    }
}

/// As few documents as there must be where each is at most so long; a statement that is longer by itself is divided.
pub fn documents(statements: &[Statement], longest: usize) -> Vec<Document> {
    let mut numbers = [0, 0];
    let mut written: Vec<Json> = Vec::new();
    let empty = Document::of(&[]).length();
    for statement in statements {
        for piece in pieces(statement, longest - empty) {
            let number = &mut numbers[usize::from(statement.caller == Caller::CloudFormation)];
            *number += 1;
            written.push(as_json(&piece, *number));
        }
    }
    let mut all: Vec<Vec<Json>> = Vec::new();
    for statement in written {
        // The first with room for it: the order of statements says nothing.
        let room = all.iter().position(|statements| {
            let with = [statements.as_slice(), std::slice::from_ref(&statement)].concat();
            Document::of(&with).length() <= longest
        });
        match room {
            Some(index) => all[index].push(statement),
            None => all.push(vec![statement]),
        }
    }
    all.iter().map(|statements| Document::of(statements)).collect()
}

fn pieces(statement: &Statement, longest: usize) -> Vec<Statement> {
    // A number of two digits more than this one has.
    let length = as_json(statement, 99).to_string().len() + 1;
    if length <= longest || statement.actions.len() < 2 {
        return vec![statement.clone()];
    }
    let actions: Vec<&String> = statement.actions.iter().collect();
    let halves = actions.chunks(actions.len().div_ceil(2)).map(|half| Statement {
        actions: half.iter().map(|action| (*action).clone()).collect(),
        ..statement.clone()
    });
    halves.flat_map(|half| pieces(&half, longest)).collect()
}

fn as_json(statement: &Statement, number: usize) -> Json {
    let by = match statement.caller {
        Caller::Qfleet => "Qfleet",
        Caller::CloudFormation => "CloudFormation",
    };
    let actions: Vec<&String> = statement.actions.iter().collect();
    let mut document = json!({
        "Sid": format!("{by}{number}"),
        "Effect": "Allow",
        "Action": one_or_all(&actions),
        "Resource": one_or_all(&statement.resources.iter().collect::<Vec<_>>()),
    });
    if !statement.conditions.is_empty() {
        let conditions = statement.conditions.iter().map(|(operator, keys)| {
            let keys = keys
                .iter()
                .map(|(key, values)| (key.clone(), one_or_all(&values.iter().collect::<Vec<_>>())));
            (operator.clone(), Json::Object(keys.collect()))
        });
        document["Condition"] = Json::Object(conditions.collect());
    }
    document
}

fn one_or_all(values: &[&String]) -> Json {
    match values {
        [one] => json!(one),
        all => json!(all),
    }
}
