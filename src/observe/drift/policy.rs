//! Policies: one form for what means the same, and whether one allows more than another. Pure.

use serde_json::{Map, Value};

/// Properties that hold a policy.
pub fn is_document(property: &str) -> bool {
    matches!(
        property,
        "PolicyDocument" | "AssumeRolePolicyDocument" | "Policy" | "KeyPolicy"
    )
}

/// A policy in one form: every list is sorted and without repetition, one text is a list of one, actions are in lower
/// case, an account is its id. An `Id` of the whole says nothing.
pub fn normal(document: &Value) -> Value {
    let Value::Object(document) = document else {
        return document.clone();
    };
    let mut statements: Vec<Value> = statements(document).map(statement).collect();
    statements.sort_by_cached_key(Value::to_string);
    statements.dedup();
    let version = document.get("Version").cloned().unwrap_or_else(|| "2008-10-17".into());
    Value::Object(Map::from_iter([
        ("Statement".to_owned(), Value::Array(statements)),
        ("Version".to_owned(), version),
    ]))
}

/// Whether `actual` allows anything that `expected` doesn't, or no longer denies what it denies. When that can't be
/// told from two statements alone, it counts as if it did.
pub fn widened(expected: &Value, actual: &Value) -> bool {
    let (expected, actual) = (normal(expected), normal(actual));
    let of = |document: &Value, effect: &str| -> Vec<Value> {
        let all = document.get("Statement").and_then(Value::as_array);
        let of_effect = all.into_iter().flatten().filter(|one| one["Effect"] == effect);
        of_effect.cloned().collect()
    };
    let allows = of(&expected, "Allow");
    let denies = of(&actual, "Deny");
    let is_new = |new: &Value| !allows.iter().any(|known| covers(known, new));
    let is_lost = |known: &Value| !denies.iter().any(|left| covers(left, known));
    of(&actual, "Allow").iter().any(is_new) || of(&expected, "Deny").iter().any(is_lost)
}

fn statements(document: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    let (one, many) = match document.get("Statement") {
        Some(Value::Array(many)) => (None, Some(many)),
        one => (one, None),
    };
    one.into_iter().chain(many.into_iter().flatten())
}

fn statement(statement: &Value) -> Value {
    let Value::Object(entries) = statement else {
        return statement.clone();
    };
    let mut sorted: Vec<(String, Value)> = entries
        .iter()
        .map(|(key, value)| {
            let value = match key.as_str() {
                "Effect" | "Sid" => value.clone(),
                "Action" | "NotAction" => list(value, |action| action.to_lowercase()),
                "Principal" | "NotPrincipal" => principal(value),
                "Condition" => by_key(value, |operator| by_key(operator, |values| list(values, str::to_owned))),
                _ => list(value, str::to_owned),
            };
            (key.clone(), value)
        })
        .collect();
    sorted.sort_by(|one, other| one.0.cmp(&other.0));
    Value::Object(sorted.into_iter().collect())
}

/// `"*"` and `{"AWS": "*"}` are everybody
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>).
fn principal(value: &Value) -> Value {
    match value {
        Value::Object(_) => by_key(value, |names| list(names, account)),
        Value::String(text) if text == "*" => by_key(&serde_json::json!({"AWS": "*"}), |names| list(names, account)),
        _ => list(value, str::to_owned),
    }
}

/// `arn:aws:iam::111122223333:root` is `111122223333`.
fn account(principal: &str) -> String {
    let mut fields = principal.split(':');
    match (fields.nth(2), fields.nth(1), fields.next(), fields.next()) {
        (Some("iam"), Some(account), Some("root"), None) => account.to_owned(),
        _ => principal.to_owned(),
    }
}

fn by_key(value: &Value, form: impl Fn(&Value) -> Value) -> Value {
    let Value::Object(entries) = value else {
        return value.clone();
    };
    let mut sorted: Vec<(String, Value)> = entries.iter().map(|(key, value)| (key.clone(), form(value))).collect();
    sorted.sort_by(|one, other| one.0.cmp(&other.0));
    Value::Object(sorted.into_iter().collect())
}

fn list(value: &Value, form: impl Fn(&str) -> String) -> Value {
    let items = match value {
        Value::Array(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut items: Vec<Value> = items
        .iter()
        .map(|item| match item {
            Value::String(text) => Value::from(form(text)),
            Value::Bool(_) | Value::Number(_) => Value::from(form(&item.to_string())),
            other => other.clone(),
        })
        .collect();
    items.sort_by_cached_key(Value::to_string);
    items.dedup();
    Value::Array(items)
}

/// Whether `wide` covers everything that `narrow` covers. Both are in their one form.
fn covers(wide: &Value, narrow: &Value) -> bool {
    let same = |key: &str| wide.get(key) == narrow.get(key);
    same("NotAction")
        && same("NotResource")
        && same("NotPrincipal")
        && all_matched(&wide["Action"], &narrow["Action"])
        && all_matched(&wide["Resource"], &narrow["Resource"])
        && principals_covered(&wide["Principal"], &narrow["Principal"])
        && conditions_hold(&wide["Condition"], &narrow["Condition"])
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn all_matched(wide: &Value, narrow: &Value) -> bool {
    texts(narrow).all(|one| texts(wide).any(|pattern| matches(pattern, one))) && wide.is_null() == narrow.is_null()
}

/// A pattern matches what equals it, or what begins as it does before a `*` at its end.
fn matches(pattern: &str, text: &str) -> bool {
    let before = pattern.strip_suffix('*').filter(|before| !before.contains(['*', '?']));
    pattern == text || before.is_some_and(|before| text.starts_with(before))
}

fn principals_covered(wide: &Value, narrow: &Value) -> bool {
    if texts(&wide["AWS"]).any(|name| name == "*") {
        return true;
    }
    let (Value::Object(wide), Value::Object(narrow)) = (wide, narrow) else {
        return wide == narrow;
    };
    narrow.iter().all(|(kind, names)| {
        let known = wide.get(kind).unwrap_or(&Value::Null);
        texts(names).all(|name| texts(known).any(|known| known == name))
    })
}

/// Every condition of `wide` is one of `narrow`, too: more conditions make a statement narrower.
fn conditions_hold(wide: &Value, narrow: &Value) -> bool {
    let operators = wide.as_object().into_iter().flatten();
    operators.into_iter().all(|(operator, keys)| {
        let keys = keys.as_object().into_iter().flatten();
        keys.into_iter().all(|(key, values)| narrow[operator][key] == *values)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn allow(principal: Value, action: Value) -> Value {
        json!({"Effect": "Allow", "Principal": principal, "Action": action, "Resource": "arn:q",
               "Condition": {"ArnEquals": {"aws:SourceArn": "arn:t"}}})
    }

    fn tls() -> Value {
        json!({"Sid": "TlsOnly", "Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "arn:q",
               "Condition": {"Bool": {"aws:SecureTransport": "false"}}})
    }

    fn policy(statements: &[Value]) -> Value {
        json!({"Version": "2012-10-17", "Statement": statements})
    }

    #[test]
    fn writings_of_one_policy_are_the_same() {
        let sns = || json!({"Service": "sns.amazonaws.com"});
        let one = policy(&[allow(sns(), json!("sqs:SendMessage")), tls()]);
        let mut other = policy(&[
            tls(),
            allow(json!({"Service": ["sns.amazonaws.com"]}), json!(["SQS:SendMessage"])),
        ]);
        other["Statement"][0]["Principal"] = json!({"AWS": "*"});
        other["Statement"][0]["Condition"]["Bool"]["aws:SecureTransport"] = json!([false]);
        other["Id"] = json!("made-by-a-service");
        assert_eq!(normal(&one), normal(&other));
        assert_eq!(
            principal(&json!({"AWS": "arn:aws:iam::111122223333:root"})),
            principal(&json!({"AWS": ["111122223333"]}))
        );
        assert_ne!(normal(&one), normal(&policy(&[tls()])));
    }

    #[test]
    fn what_allows_more_is_wider() {
        let sns = || json!({"Service": "sns.amazonaws.com"});
        let base = policy(&[allow(sns(), json!(["sqs:SendMessage", "sqs:ReceiveMessage"])), tls()]);
        let narrower = policy(&[allow(sns(), json!("sqs:SendMessage")), tls()]);
        assert!(!widened(&base, &narrower), "an action less");
        assert!(widened(&narrower, &base), "an action more");
        assert!(!widened(&base, &policy(&[tls()])), "nothing is allowed any more");
        assert!(
            widened(&base, &policy(&[allow(sns(), json!("sqs:SendMessage"))])),
            "TLS isn't asked for"
        );
        assert!(
            widened(&base, &policy(&[tls(), allow(json!("*"), json!("sqs:SendMessage"))])),
            "everybody"
        );
        let mut free = allow(sns(), json!("sqs:SendMessage"));
        free.as_object_mut().expect("a statement").remove("Condition");
        assert!(widened(&base, &policy(&[tls(), free.clone()])), "a condition less");
        assert!(!widened(&policy(&[free, tls()]), &narrower), "a condition more");
        let star = policy(&[allow(sns(), json!("sqs:*")), tls()]);
        assert!(!widened(&star, &base) && widened(&base, &star), "a pattern");
        let mut not = allow(sns(), json!("sqs:SendMessage"));
        let action = not
            .as_object_mut()
            .expect("a statement")
            .remove("Action")
            .expect("its action");
        not["NotAction"] = action;
        assert!(widened(&base, &policy(&[not, tls()])), "all but one");
        assert!(widened(&base, &json!({})), "no policy denies nothing");
    }

    proptest! {
        #[test]
        fn a_policy_is_never_wider_than_itself_and_a_new_principal_always_is(
            names in proptest::collection::btree_set("[a-d]{1,3}", 0..4),
            actions in proptest::collection::vec("sqs:[A-C*]{1,2}", 1..4),
        ) {
            let mut statements: Vec<Value> =
                names.iter().map(|name| allow(json!({"AWS": name}), json!(actions))).collect();
            statements.push(tls());
            let before = policy(&statements);
            prop_assert!(!widened(&before, &before));
            statements.push(allow(json!({"AWS": "stranger"}), json!(actions)));
            let after = policy(&statements);
            prop_assert!(widened(&before, &after));
            prop_assert!(!widened(&after, &before));
        }
    }
}
