//! Where two values of a property differ, as deep as it can be said. Pure.

use serde_json::Value;

use super::normalise::{normal, same, unquoted};
use super::policy;

/// A value that differs, at its path.
#[derive(Debug, Clone, PartialEq)]
pub struct Deviation {
    /// `RedrivePolicy/maxReceiveCount`.
    pub path: String,
    /// None when it was added.
    pub expected: Option<Value>,
    /// None when it was removed.
    pub actual: Option<Value>,
}

/// Whether a path is that of a property, or of something in it.
pub fn is_within(path: &str, property: &str) -> bool {
    let rest = path.strip_prefix(property);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Where a property differs: objects key by key, everything else as a whole.
pub fn differences(property: &str, expected: &Value, actual: Option<&Value>) -> Vec<Deviation> {
    let mut deviations = Vec::new();
    collect(property, property, Some(expected), actual, &mut deviations);
    deviations
}

fn collect(path: &str, name: &str, expected: Option<&Value>, actual: Option<&Value>, deviations: &mut Vec<Deviation>) {
    if let (Some(expected), Some(actual)) = (expected, actual) {
        if same(name, expected, actual) {
            return;
        }
        let (one, other) = (unquoted(expected), unquoted(actual));
        // Which statement of a policy means what depends on the others.
        if let (Value::Object(one), Value::Object(other), false) = (&one, &other, policy::is_document(name)) {
            let added = other.keys().filter(|key| !one.contains_key(*key));
            for key in one.keys().chain(added) {
                collect(&format!("{path}/{key}"), key, one.get(key), other.get(key), deviations);
            }
            return;
        }
    }
    deviations.push(Deviation {
        path: path.to_owned(),
        expected: expected.map(unquoted),
        actual: actual.map(unquoted),
    });
}

/// What tells two values of a property apart: of policies the statements, of lists the items that only one of them has.
/// Of a named policy that changed, only the statements are left that tell it apart. `None` where they are neither, so
/// that they are best shown as they are.
pub fn apart(property: &str, expected: &Value, actual: &Value) -> Option<(Vec<Value>, Vec<Value>)> {
    let (one, other) = (items(property, expected)?, items(property, actual)?);
    let form = |item: &Value| match policy::is_document(property) {
        true => policy::normal(&serde_json::json!({"Statement": [item]})),
        false => normal(property, item),
    };
    let only_in = |these: &[Value], those: &[Value]| -> Vec<Value> {
        let known: Vec<Value> = those.iter().map(form).collect();
        let new = these.iter().filter(|item| !known.contains(&form(item)));
        new.cloned().collect()
    };
    let (mut gone, mut new) = (only_in(&one, &other), only_in(&other, &one));
    for before in &mut gone {
        let of_name =
            |after: &&mut Value| before["PolicyName"].is_string() && before["PolicyName"] == after["PolicyName"];
        let Some(after) = new.iter_mut().find(of_name) else {
            continue;
        };
        let documents = apart("PolicyDocument", &before["PolicyDocument"], &after["PolicyDocument"]);
        if let Some((were, are)) = documents {
            before["PolicyDocument"] = Value::Array(were);
            after["PolicyDocument"] = Value::Array(are);
        }
    }
    // Else it is the order alone, or how often something is said.
    (!gone.is_empty() || !new.is_empty()).then_some((gone, new))
}

fn items(property: &str, value: &Value) -> Option<Vec<Value>> {
    match (unquoted(value), policy::is_document(property)) {
        (Value::Object(document), true) => Some(match document.get("Statement") {
            None => Vec::new(),
            Some(Value::Array(statements)) => statements.clone(),
            Some(one) => vec![one.clone()],
        }),
        (Value::Array(items), false) => Some(items),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn policies_and_lists_are_told_apart_by_what_only_one_of_them_has() {
        let statement = |action: Value| json!({"Effect": "Allow", "Action": action});
        let tls = json!({"Effect": "Deny", "Principal": "*", "Action": "sqs:*"});
        let before = json!({"Statement": [tls, statement(json!("sqs:SendMessage"))]});
        let after =
            json!({"Statement": [statement(json!(["sqs:sendmessage"])), statement(json!("sqs:*"))]}).to_string();
        let found = apart("PolicyDocument", &before, &json!(after));
        assert_eq!(found, Some((vec![tls.clone()], vec![statement(json!("sqs:*"))])));
        let gone = apart("PolicyDocument", &json!({"Statement": tls}), &json!({}));
        assert_eq!(gone, Some((vec![tls], vec![])));
        let named = |actions: &[&str]| {
            let statements: Vec<Value> = actions.iter().map(|action| statement(json!(action))).collect();
            json!([{"PolicyName": "worker", "PolicyDocument": {"Statement": statements}}])
        };
        let only = |action: &str| json!({"PolicyName": "worker", "PolicyDocument": [statement(json!(action))]});
        let inline = apart("Policies", &named(&["a:a", "b:b"]), &named(&["b:b", "c:c"]));
        assert_eq!(inline, Some((vec![only("a:a")], vec![only("c:c")])));
        let lists = apart("ManagedPolicyArns", &json!(["a", "b"]), &json!(["b", "c"]));
        assert_eq!(lists, Some((vec![json!("a")], vec![json!("c")])));
        for (one, other) in [
            (json!(["a", "b"]), json!(["b", "a"])),
            (json!(1), json!(2)),
            (json!([1]), json!(1)),
        ] {
            assert_eq!(apart("Overrides", &one, &other), None, "{one} {other}");
        }
    }

    #[test]
    fn a_property_reaches_as_far_as_its_name() {
        for (path, property, within) in [
            ("Redrive", "Redrive", true),
            ("Redrive/maxReceiveCount", "Redrive", true),
            ("RedriveAllowPolicy", "Redrive", false),
            ("Redrive", "Redrive/maxReceiveCount", false),
        ] {
            assert_eq!(is_within(path, property), within, "{path} {property}");
        }
    }

    #[test]
    fn objects_are_compared_key_by_key_and_policies_as_a_whole() {
        let deviation = |path: &str, expected: Option<Value>, actual: Option<Value>| Deviation {
            path: path.into(),
            expected,
            actual,
        };
        let redrive = json!({"maxReceiveCount": 5, "deadLetterTargetArn": "arn"});
        let changed = json!("{\"maxReceiveCount\":\"9\",\"deadLetterTargetArn\":\"arn\",\"more\":1}");
        assert_eq!(
            differences("RedrivePolicy", &redrive, Some(&changed)),
            [
                deviation("RedrivePolicy/maxReceiveCount", Some(json!(5)), Some(json!("9"))),
                deviation("RedrivePolicy/more", None, Some(json!(1))),
            ]
        );
        assert_eq!(
            differences("RedrivePolicy", &redrive, None),
            [deviation("RedrivePolicy", Some(redrive.clone()), None)]
        );
        let (one, other) = (json!({"Statement": []}), json!({"Statement": [{"Effect": "Allow"}]}));
        assert_eq!(
            differences("PolicyDocument", &one, Some(&other)),
            [deviation("PolicyDocument", Some(one.clone()), Some(other.clone()))]
        );
        assert!(differences("PolicyDocument", &one, Some(&one)).is_empty());
    }
}
