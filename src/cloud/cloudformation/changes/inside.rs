//! Where inside a property something changes, and from what to what. CloudFormation tells a list or an object as a whole, in
//! JSON; of some properties it tells no values, and only what the whole resource is before and after.

use serde_json::Value;

use crate::cloud::cloudformation::change_set::{Change, PropertyChange};

/// What stands for a value that nobody is to see, as CloudFormation has it for a parameter with `NoEcho`
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html>).
pub const HIDDEN: &str = "****";

/// A property in which more places change than these is told as a whole.
const MOST_PLACES: usize = 40;

/// What tells the items of a list apart: tags and dimensions, statements of policies, metrics.
const NAMES: [&str; 4] = ["Key", "Name", "Sid", "Id"];

/// Tells each place of a property that changes. `before` and `after`: the resource, with `Properties` in it, for what has no
/// values of its own.
pub fn look_inside(change: &mut Change, before: &Value, after: &Value) {
    let told = std::mem::take(&mut change.properties);
    for property in told {
        let has_values = property.before.is_some() || property.after.is_some();
        let of = |value: &Option<String>, resource: &Value| match has_values {
            true => value.as_deref().map(read),
            false => resource.pointer(&property.path).cloned(),
        };
        let (before, after) = (of(&property.before, before), of(&property.after, after));
        let mut places = Vec::new();
        compare(&property.path, before.as_ref(), after.as_ref(), &mut places);
        if places.len() > MOST_PLACES || (places.is_empty() && has_values) {
            let shown = |value: &Option<Value>| value.as_ref().map(|value| shown(&property.path, value));
            places = vec![(property.path.clone(), shown(&before), shown(&after))];
        }
        let of_place = |(path, before, after): Place| PropertyChange {
            follows: before.is_some() && before == after && before.as_deref() != Some(HIDDEN),
            path,
            before,
            after,
            replacement: property.replacement,
        };
        match places.is_empty() {
            true => change.properties.push(PropertyChange {
                follows: before.is_some(),
                ..property
            }),
            false => change.properties.extend(places.into_iter().map(of_place)),
        }
    }
}

/// Where, and the values there.
type Place = (String, Option<String>, Option<String>);

/// A value of a change: a list or an object, or else the text as it is.
pub fn read(value: &str) -> Value {
    let is_whole = value.starts_with(['{', '[']) && !value.starts_with("{{");
    let whole = is_whole.then(|| serde_json::from_str(value).ok()).flatten();
    whole.unwrap_or_else(|| Value::from(value))
}

fn compare(path: &str, before: Option<&Value>, after: Option<&Value>, places: &mut Vec<Place>) {
    match (before, after) {
        (Some(Value::Object(one)), Some(Value::Object(other))) => {
            let new = other.keys().filter(|key| !one.contains_key(*key));
            for key in one.keys().chain(new) {
                compare(&below(path, key), one.get(key), other.get(key), places);
            }
        }
        (Some(Value::Array(one)), Some(Value::Array(other))) => lists(path, one, other, places),
        (None, None) => {}
        (Some(one), Some(other)) if text(one) == text(other) => {}
        (before, after) => {
            let shown = |value| shown(path, value);
            places.push((path.to_owned(), before.map(shown), after.map(shown)));
        }
    }
}

/// Items that are in both lists stay, wherever they are; of the others, those of one name are the same item.
fn lists(path: &str, before: &[Value], after: &[Value], places: &mut Vec<Place>) {
    let mut gone: Vec<(usize, &Value)> = before.iter().enumerate().collect();
    let mut new: Vec<(usize, &Value)> = Vec::new();
    for item in after.iter().enumerate() {
        match gone.iter().position(|(_, known)| *known == item.1) {
            Some(found) => drop(gone.remove(found)),
            None => new.push(item),
        }
    }
    if gone.is_empty() && new.is_empty() && before != after {
        let whole = |items: &[Value]| Some(shown(path, &Value::from(items.to_vec())));
        places.push((path.to_owned(), whole(before), whole(after)));
    }
    let mut pairs = Vec::new();
    new.retain(|(index, item)| {
        let same = |(_, known): &(usize, &Value)| name(item).is_some_and(|named| name(known) == Some(named));
        let found = gone.iter().position(same).map(|found| gone.remove(found));
        pairs.extend(found.map(|(_, known)| (*index, Some(known), Some(*item))));
        found.is_none()
    });
    // As many as before, and no names: one after the other.
    if gone.len() == new.len() {
        let one_by_one = gone.drain(..).zip(new.drain(..));
        pairs.extend(one_by_one.map(|((_, known), (index, item))| (index, Some(known), Some(item))));
    }
    pairs.extend(gone.into_iter().map(|(index, item)| (index, Some(item), None)));
    pairs.extend(new.into_iter().map(|(index, item)| (index, None, Some(item))));
    pairs.sort_by_key(|(index, ..)| *index);
    for (index, before, after) in pairs {
        compare(&below(path, &index.to_string()), before, after, places);
    }
}

fn name(item: &Value) -> Option<(&'static str, &str)> {
    NAMES.into_iter().find_map(|key| Some((key, item.get(key)?.as_str()?)))
}

/// A JSON pointer (RFC 6901).
fn below(path: &str, key: &str) -> String {
    format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"))
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// As text, without what is kept under a secret's name.
fn shown(path: &str, value: &Value) -> String {
    let is_name = |segment: &&str| !segment.bytes().all(|byte| byte.is_ascii_digit());
    let name = path.rsplit('/').find(is_name).unwrap_or_default();
    text(&hidden(name, value))
}

/// A reference to where a secret is kept is none itself.
fn hidden(name: &str, value: &Value) -> Value {
    let is_reference = |text: &str| ["{{", "arn:", "${"].iter().any(|begin| text.starts_with(begin));
    match value {
        Value::String(text) if is_secret(name) && !is_reference(text) => Value::from(HIDDEN),
        Value::Number(_) if is_secret(name) => Value::from(HIDDEN),
        Value::Array(items) => items.iter().map(|item| hidden(name, item)).collect(),
        Value::Object(fields) => {
            let fields = fields.iter();
            Value::Object(fields.map(|(key, value)| (key.clone(), hidden(key, value))).collect())
        }
        other => other.clone(),
    }
}

fn is_secret(name: &str) -> bool {
    const SECRETS: [&str; 6] = ["password", "passwd", "secret", "secretstring", "token", "apikey"];
    let plain: String = name.chars().filter(|c| c.is_alphanumeric()).collect();
    let plain = plain.to_lowercase();
    SECRETS.iter().any(|secret| plain.ends_with(secret))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cloud::cloudformation::change_set::{Action, Replacement};

    type Told = (String, Option<String>, Option<String>);

    fn told(property: PropertyChange, before: &Value, after: &Value) -> Vec<Told> {
        let mut change = Change {
            action: Action::Modify,
            logical_id: "It".into(),
            resource_type: "AWS::SQS::Queue".into(),
            physical_id: None,
            replacement: Replacement::No,
            disposal: None,
            properties: vec![property],
        };
        look_inside(&mut change, before, after);
        let properties = change.properties.into_iter();
        properties.map(|one| (one.path, one.before, one.after)).collect()
    }

    fn property(path: &str, before: Option<String>, after: Option<String>) -> PropertyChange {
        PropertyChange {
            path: path.into(),
            before,
            after,
            replacement: Replacement::No,
            follows: false,
        }
    }

    /// A property that is told as a whole.
    fn within(before: &Value, after: &Value) -> Vec<Told> {
        let values = (Some(before.to_string()), Some(after.to_string()));
        told(property("/Properties/It", values.0, values.1), &json!({}), &json!({}))
    }

    fn place(path: &str, before: Option<&str>, after: Option<&str>) -> Told {
        let own = |text: Option<&str>| text.map(str::to_owned);
        (format!("/Properties/It{path}"), own(before), own(after))
    }

    #[test]
    fn a_place_in_a_policy_is_told_and_not_the_whole() {
        let policy = |action: &str| {
            let first = json!({"Sid": "Read", "Effect": "Allow", "Action": "s3:GetObject"});
            json!({"Version": "2012-10-17", "Statement": [first, {"Effect": "Allow", "Action": ["sqs:SendMessage", action]}]})
        };
        assert_eq!(
            within(&policy("sqs:GetQueueUrl"), &policy("sqs:DeleteMessage")),
            [place(
                "/Statement/1/Action/1",
                Some("sqs:GetQueueUrl"),
                Some("sqs:DeleteMessage")
            )]
        );
    }

    #[test]
    fn items_of_a_list_are_known_by_their_names_wherever_they_are() {
        let dimensions = |of: &[(&str, &str)]| -> Value {
            let each = of.iter().map(|(name, value)| json!({"Name": name, "Value": value}));
            each.collect()
        };
        let before = dimensions(&[("Queue", "a"), ("Group", "b"), ("Old", "c")]);
        assert_eq!(
            within(
                &before,
                &dimensions(&[("Group", "b"), ("Queue", "d"), ("New", "e"), ("More", "f")])
            ),
            [
                place("/1/Value", Some("a"), Some("d")),
                place("/2", Some(r#"{"Name":"Old","Value":"c"}"#), None),
                place("/2", None, Some(r#"{"Name":"New","Value":"e"}"#)),
                place("/3", None, Some(r#"{"Name":"More","Value":"f"}"#)),
            ]
        );
        assert_eq!(
            within(&json!(["a", "b"]), &json!(["b", "c", "a"])),
            [place("/1", None, Some("c"))]
        );
        let order = [place("", Some(r#"["a","b"]"#), Some(r#"["b","a"]"#))];
        assert_eq!(within(&json!(["a", "b"]), &json!(["b", "a"])), order);
    }

    #[test]
    fn what_has_no_values_of_its_own_is_looked_up_in_the_resource() {
        let of = |size: Value| json!({"Properties": {"It": {"MaxSize": size}}, "Metadata": "x"});
        let none = || property("/Properties/It", None, None);
        assert_eq!(
            told(none(), &of(json!(4)), &of(json!("6"))),
            [place("/MaxSize", Some("4"), Some("6"))]
        );
        // A number and its text are the same to CloudFormation; what a reference becomes is known only afterwards.
        assert_eq!(told(none(), &of(json!(4)), &of(json!("4"))), [place("", None, None)]);
        let gone = json!({"Properties": {}});
        let was = Some(r#"{"MaxSize":4}"#);
        assert_eq!(told(none(), &of(json!(4)), &gone), [place("", was, None)]);
    }

    #[test]
    fn secrets_are_never_told() {
        let database = |password: &str| json!({"MasterUserPassword": password, "Size": 1});
        let hidden = within(&database("one"), &json!({"MasterUserPassword": "two", "Size": 2}));
        let other = Some(HIDDEN);
        assert_eq!(
            hidden,
            [
                place("/MasterUserPassword", other, other),
                place("/Size", Some("1"), Some("2"))
            ]
        );
        let new = within(&json!({}), &json!({"Variables": {"DB_PASSWORD": "two", "API-KEY": 3}}));
        let shown = r#"{"DB_PASSWORD":"****","API-KEY":"****"}"#;
        assert_eq!(new, [place("/Variables", None, Some(shown))]);
        let secret = property("/Properties/AuthToken", Some("one".into()), Some("two".into()));
        let path = "/Properties/AuthToken".to_owned();
        let other = || Some(HIDDEN.to_owned());
        assert_eq!(told(secret, &json!({}), &json!({})), [(path, other(), other())]);
        // Where a secret is kept is no secret.
        let kept = |name: &str| json!({"Password": format!("{{{{resolve:ssm-secure:/{name}}}}}")});
        let (one, two) = ("{{resolve:ssm-secure:/a}}", "{{resolve:ssm-secure:/b}}");
        assert_eq!(
            within(&kept("a"), &kept("b")),
            [place("/Password", Some(one), Some(two))]
        );
    }

    #[test]
    fn where_much_changes_the_whole_is_told() {
        let many = |from: usize| -> Value { (from..from + 50).map(|n| json!({"Key": n.to_string()})).collect() };
        let told = within(&many(0), &many(100));
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].0, "/Properties/It");
    }
}
