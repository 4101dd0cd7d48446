//! Where two values of a property differ, as deep as it can be said. Pure.

use serde_json::Value;

use super::normalise::{same, unquoted};
use super::policy;

/// One place where they differ.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// `RedrivePolicy/maxReceiveCount`.
    pub path: String,
    /// None when it was added.
    pub expected: Option<Value>,
    /// None when it was removed.
    pub actual: Option<Value>,
}

/// Where a property differs: objects key by key, everything else as a whole.
pub fn differences(property: &str, expected: &Value, actual: Option<&Value>) -> Vec<Place> {
    let mut places = Vec::new();
    collect(property, property, Some(expected), actual, &mut places);
    places
}

fn collect(path: &str, name: &str, expected: Option<&Value>, actual: Option<&Value>, places: &mut Vec<Place>) {
    if let (Some(expected), Some(actual)) = (expected, actual) {
        if same(name, expected, actual) {
            return;
        }
        let (one, other) = (unquoted(expected), unquoted(actual));
        // Which statement of a policy means what depends on the others.
        if let (Value::Object(one), Value::Object(other), false) = (&one, &other, policy::is_document(name)) {
            let added = other.keys().filter(|key| !one.contains_key(*key));
            for key in one.keys().chain(added) {
                collect(&format!("{path}/{key}"), key, one.get(key), other.get(key), places);
            }
            return;
        }
    }
    places.push(Place {
        path: path.to_owned(),
        expected: expected.map(unquoted),
        actual: actual.map(unquoted),
    });
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_are_compared_key_by_key_and_policies_as_a_whole() {
        let place = |path: &str, expected: Option<Value>, actual: Option<Value>| Place {
            path: path.into(),
            expected,
            actual,
        };
        let redrive = json!({"maxReceiveCount": 5, "deadLetterTargetArn": "arn"});
        let changed = json!("{\"maxReceiveCount\":\"9\",\"deadLetterTargetArn\":\"arn\",\"more\":1}");
        assert_eq!(
            differences("RedrivePolicy", &redrive, Some(&changed)),
            [
                place("RedrivePolicy/maxReceiveCount", Some(json!(5)), Some(json!("9"))),
                place("RedrivePolicy/more", None, Some(json!(1))),
            ]
        );
        assert_eq!(
            differences("RedrivePolicy", &redrive, None),
            [place("RedrivePolicy", Some(redrive.clone()), None)]
        );
        let (one, other) = (json!({"Statement": []}), json!({"Statement": [{"Effect": "Allow"}]}));
        assert_eq!(
            differences("PolicyDocument", &one, Some(&other)),
            [place("PolicyDocument", Some(one.clone()), Some(other.clone()))]
        );
        assert!(differences("PolicyDocument", &one, Some(&one)).is_empty());
    }
}
