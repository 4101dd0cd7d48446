//! A rendered template, read back: to check it, and to say what it holds.
//!
//! The short forms of the intrinsic functions (`!Ref`) become the long ones (`{"Ref": …}`), so that a reader has one
//! form to look for. Nothing here is ever sent: YAML that was read and written again isn't the same
//! (`'2012-10-17'` would lose its quotes).

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

/// Reads a template.
///
/// # Errors
/// Why it is no YAML, or no mapping.
pub fn read(body: &str) -> Result<Map<String, Value>, String> {
    read_at(body).map_err(|why| why.message)
}

/// Why a text is no template.
#[derive(Debug)]
pub struct Unreadable {
    pub message: String,
    /// At which byte, where that is known.
    pub at: Option<usize>,
}

impl From<String> for Unreadable {
    fn from(message: String) -> Self {
        Unreadable { message, at: None }
    }
}

/// Reads a template, or says where it is none.
///
/// # Errors
/// Why it is no JSON and no YAML, or no mapping.
pub fn read_at(body: &str) -> Result<Map<String, Value>, Unreadable> {
    // Some JSON is no YAML: half a character in an escape, or a tab in front of a line.
    let json = body.trim_start().starts_with('{').then(|| serde_json::from_str(body));
    let value = match json {
        Some(Ok(value)) => value,
        json => match (serde_yaml::from_str::<serde_yaml::Value>(body), json) {
            (Ok(yaml), _) => long_form(yaml)?,
            (Err(_), Some(Err(error))) => {
                let lines = body.split_inclusive('\n').take(error.line().saturating_sub(1));
                let at = lines.map(str::len).sum::<usize>() + error.column().saturating_sub(1);
                return Err(unreadable("JSON", &error.to_string(), Some(at)));
            }
            (Err(error), _) => {
                let at = error.location().map(|location| location.index());
                return Err(unreadable("YAML", &error.to_string(), at));
            }
        },
    };
    match value {
        Value::Object(template) => Ok(template),
        _ => Err("it is not a mapping".to_owned().into()),
    }
}

/// Without the place, which is told apart.
fn unreadable(form: &str, why: &str, at: Option<usize>) -> Unreadable {
    let why = why.split(" at line ").next().unwrap_or_default();
    Unreadable {
        message: format!("not {form}: {why}"),
        at,
    }
}

/// The line on which a resource begins, from 1: that of its name below `Resources`, in YAML or JSON.
pub fn line_of(body: &str, resource: &str) -> Option<usize> {
    let key = |line: &str| {
        let (key, _) = line.trim_start().split_once(':')?;
        Some(key.trim().trim_matches(['"', '\'']).to_owned())
    };
    let mut lines = body.lines().enumerate();
    lines.find(|(_, line)| key(line).as_deref() == Some("Resources"))?;
    lines
        .find(|(_, line)| key(line).as_deref() == Some(resource))
        .map(|(index, _)| index + 1)
}

/// The entries of a section (`Resources`, `Parameters`, `Outputs`, …); none when the section is missing.
pub fn section<'a>(template: &'a Map<String, Value>, name: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    template.get(name).and_then(Value::as_object).into_iter().flatten()
}

/// The text of `Fn::Sub` with what `value` says of each `${name}`; `${!name}` stays as `${name}`
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-sub.html>).
///
/// # Errors
/// Those of `value`.
pub fn substitute<E>(text: &str, value: impl Fn(&str) -> Result<String, E>) -> Result<String, E> {
    let mut pieces = text.split("${");
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let Some((name, rest)) = piece.split_once('}') else {
            out += "${";
            out += piece;
            continue;
        };
        match name.strip_prefix('!') {
            Some(literal) => out += &format!("${{{literal}}}"),
            None => out += &value(name)?,
        }
        out += rest;
    }
    Ok(out)
}

/// CloudFormation takes texts for what they say.
pub fn truth(value: &Value) -> bool {
    value.as_bool() == Some(true) || value.as_str().is_some_and(|text| text.eq_ignore_ascii_case("true"))
}

/// Whether a resource stays when its stack is deleted
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html>).
pub fn retains(resource: &Value) -> bool {
    matches!(
        resource["DeletionPolicy"].as_str(),
        Some("Retain" | "RetainExceptOnCreate")
    )
}

/// What becomes of a resource that its stack deletes, or replaces by another. The worst comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Disposal {
    /// With all that is in it.
    Deleted,
    /// After a last snapshot, which stays.
    Snapshot,
    /// It stays as it is, and no stack has it any more.
    Kept,
}

/// By its policy, or by what CloudFormation does without one
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html>). None where
/// that isn't known: `AWS::LanguageExtensions` takes intrinsic functions for a policy
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/transform-aws-languageextensions.html>).
pub fn disposal(resource: &Value) -> Option<Disposal> {
    let in_no_cluster = resource["Properties"]["DBClusterIdentifier"].is_null();
    let policy = &resource["DeletionPolicy"];
    if policy.is_null() {
        return Some(match resource["Type"].as_str() {
            Some("AWS::RDS::DBCluster") => Disposal::Snapshot,
            Some("AWS::RDS::DBInstance") if in_no_cluster => Disposal::Snapshot,
            _ => Disposal::Deleted,
        });
    }
    by_policy(policy)
}

/// The same of one that an update makes anew: its `UpdateReplacePolicy`, and it is deleted without one
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-updatereplacepolicy.html>).
pub fn replaced(resource: &Value) -> Option<Disposal> {
    match &resource["UpdateReplacePolicy"] {
        Value::Null => Some(Disposal::Deleted),
        policy => by_policy(policy),
    }
}

/// The worse of what two templates say; none where one of it isn't known.
pub fn worse(one: Option<Disposal>, other: Option<Disposal>) -> Option<Disposal> {
    Some(one?.min(other?))
}

fn by_policy(policy: &Value) -> Option<Disposal> {
    match policy.as_str()? {
        "Retain" | "RetainExceptOnCreate" => Some(Disposal::Kept),
        "Snapshot" => Some(Disposal::Snapshot),
        "Delete" => Some(Disposal::Deleted),
        _ => None,
    }
}

fn long_form(yaml: serde_yaml::Value) -> Result<Value, String> {
    use serde_yaml::Value as Yaml;
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => Value::Bool(value),
        Yaml::Number(number) => serde_json::to_value(number).map_err(|error| error.to_string())?,
        Yaml::String(text) => Value::String(text),
        Yaml::Sequence(items) => Value::Array(items.into_iter().map(long_form).collect::<Result<_, _>>()?),
        Yaml::Mapping(entries) => {
            let mut object = Map::new();
            for (key, value) in entries {
                let key = match key {
                    Yaml::String(key) => key,
                    // Such as an account's digits in a mapping: CloudFormation takes them for text.
                    Yaml::Number(number) => number.to_string(),
                    Yaml::Bool(value) => value.to_string(),
                    key => return Err(format!("a key is not text: {key:?}")),
                };
                object.insert(key, long_form(value)?);
            }
            Value::Object(object)
        }
        Yaml::Tagged(tagged) => {
            let short = tagged.tag.to_string();
            let short = short.trim_start_matches('!');
            let value = long_form(tagged.value)?;
            let (function, value) = match (short, value) {
                ("Ref" | "Condition", value) => (short.to_owned(), value),
                // `!GetAtt Queue.Arn` is `{"Fn::GetAtt": ["Queue", "Arn"]}`.
                ("GetAtt", Value::String(text)) => {
                    let (resource, attribute) = text.split_once('.').unwrap_or((&text, ""));
                    (
                        "Fn::GetAtt".to_owned(),
                        Value::from([resource, attribute].map(str::to_owned).to_vec()),
                    )
                }
                (short, value) => (format!("Fn::{short}"), value),
            };
            Value::Object(Map::from_iter([(function, value)]))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn short_forms_become_long_ones() {
        let template = read("A: !Ref B\nC: !GetAtt D.E.F\nG: !Sub '${H}'\nI: !Join [',', [!Ref J]]\n").expect("reads");
        let expected = json!({
            "A": {"Ref": "B"},
            "C": {"Fn::GetAtt": ["D", "E.F"]},
            "G": {"Fn::Sub": "${H}"},
            "I": {"Fn::Join": [",", [{"Ref": "J"}]]},
        });
        assert_eq!(Value::Object(template), expected);
    }

    #[test]
    fn a_resource_is_found_on_its_line() {
        assert_eq!(
            line_of("Outputs:\n  Db: {}\nResources:\n    Db:\n      Type: T\n", "Db"),
            Some(4)
        );
        assert_eq!(
            line_of("{\n\"Resources\": {\n\t\"Db\" : {\"Type\": 1}}}", "Db"),
            Some(3)
        );
        assert_eq!(line_of("Resources:\n  Db: {}\n", "D"), None);
    }

    #[test]
    fn a_database_without_a_policy_leaves_a_snapshot() {
        let known = |body: &str| disposal(&Value::Object(read(body).expect("reads")));
        let of = |body: &str| known(body).expect("a known policy");
        assert_eq!(of("Type: AWS::RDS::DBInstance\n"), Disposal::Snapshot);
        assert_eq!(
            of("Type: AWS::RDS::DBInstance\nDeletionPolicy: Delete\n"),
            Disposal::Deleted
        );
        let of_cluster = "Type: AWS::RDS::DBInstance\nProperties: {DBClusterIdentifier: !Ref Cluster}\n";
        assert_eq!(of(of_cluster), Disposal::Deleted);
        assert_eq!(of("Type: AWS::RDS::DBCluster\n"), Disposal::Snapshot);
        assert_eq!(of("Type: AWS::EC2::Volume\n"), Disposal::Deleted);
        assert_eq!(
            of("Type: AWS::EC2::Volume\nDeletionPolicy: Snapshot\n"),
            Disposal::Snapshot
        );
        assert_eq!(
            of("Type: AWS::EC2::Volume\nDeletionPolicy: RetainExceptOnCreate\n"),
            Disposal::Kept
        );
        assert_eq!(known("Type: AWS::EC2::Volume\nDeletionPolicy: !Ref Policy\n"), None);
    }

    #[test]
    fn what_is_no_template_says_so() {
        assert!(read("- a\n").is_err());
        assert!(read("a: [\n").is_err());
        assert!(read("[a]: b\n").is_err());
        let at = |body: &str| read_at(body).expect_err("no template").at;
        assert_eq!(at("{\"a\": 1,\n \"b\" 2}"), Some(14));
        assert_eq!(at("a: 1\nb: [c\n"), Some(11));
    }
}
