//! One form for what means the same: values of templates and of services differ in writing more often than in meaning.
//! Pure.

use serde_json::{Map, Value};

use super::policy;

/// Lists whose order means nothing. Every other list is compared in its order.
const UNORDERED: [&str; 30] = [
    "AlarmActions",
    "AvailabilityZones",
    "BlockDeviceMappings",
    "Dimensions",
    "LambdaConfigurations",
    "LifecycleHookSpecificationList",
    "LoadBalancerAttributes",
    "ManagedPolicyArns",
    "Metrics",
    "MetricsCollection",
    "OKActions",
    "Policies",
    "QueueConfigurations",
    "Queues",
    "Roles",
    "Rules",
    "SecurityGroupEgress",
    "SecurityGroupIds",
    "SecurityGroupIngress",
    "SecurityGroups",
    "StepAdjustments",
    "Subnets",
    "SuspendedProcesses",
    "TagSpecifications",
    "Tags",
    "TargetGroupARNs",
    "TargetGroupAttributes",
    "TopicConfigurations",
    "Topics",
    "VPCZoneIdentifier",
];

/// Whether two values of a property mean the same.
pub fn same(property: &str, one: &Value, other: &Value) -> bool {
    normal(property, one) == normal(property, other)
}

/// The one form of a property's value: scalars are text, a list of one scalar is that scalar, JSON in a text is what it
/// says, lists without an order are sorted, and policies are in the form of [`policy::normal`].
pub fn normal(property: &str, value: &Value) -> Value {
    if policy::is_document(property) {
        return policy::normal(&unquoted(value));
    }
    match unquoted(value) {
        Value::Null => Value::Null,
        Value::Bool(truth) => Value::from(truth.to_string()),
        Value::Number(number) => Value::from(number_text(number.as_f64().unwrap_or_default(), &number.to_string())),
        Value::String(text) => Value::from(text_form(property, &text)),
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(|item| normal(property, item)).collect();
            if UNORDERED.contains(&property) {
                items.sort_by_cached_key(Value::to_string);
            }
            match <[Value; 1]>::try_from(items) {
                Ok([one]) if !one.is_object() && !one.is_array() => one,
                Ok([one]) => Value::Array(vec![one]),
                Err(items) => Value::Array(items),
            }
        }
        Value::Object(entries) => {
            let mut sorted: Vec<(String, Value)> = entries
                .into_iter()
                .map(|(key, value)| {
                    let value = normal(&key, &value);
                    (key, value)
                })
                .collect();
            sorted.sort_by(|one, other| one.0.cmp(&other.0));
            Value::Object(Map::from_iter(sorted))
        }
    }
}

/// A text that holds a JSON object or list, as SQS and IAM hand policies out, is what it holds.
pub fn unquoted(value: &Value) -> Value {
    match value {
        Value::String(text) if text.trim_start().starts_with(['{', '[']) => {
            serde_json::from_str(text).unwrap_or_else(|_| value.clone())
        }
        _ => value.clone(),
    }
}

fn text_form(property: &str, text: &str) -> String {
    // The name of a rule of an S3 notification's filter: S3 hands out "Prefix" for "prefix".
    if property == "Name" && matches!(text, "Prefix" | "Suffix") {
        return text.to_lowercase();
    }
    let is_number = text.contains('.') && text.bytes().all(|byte| byte.is_ascii_digit() || b".-".contains(&byte));
    match text.parse::<f64>() {
        Ok(number) if is_number => number_text(number, text),
        _ => text.to_owned(),
    }
}

/// `300.0` is `300`; what is too large to be told apart stays as it is written.
fn number_text(number: f64, written: &str) -> String {
    if number.abs() < 9e15 {
        format!("{number}")
    } else {
        written.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn writings_of_one_meaning_are_the_same() {
        for (property, one, other) in [
            ("VisibilityTimeout", json!(300), json!("300")),
            ("TargetValue", json!(30), json!("30.0")),
            ("SqsManagedSseEnabled", json!(true), json!("true")),
            ("ManagedPolicyArns", json!(["a", "b"]), json!(["b", "a"])),
            ("Roles", json!("worker"), json!(["worker"])),
            (
                "RedrivePolicy",
                json!({"maxReceiveCount": 5, "deadLetterTargetArn": "arn"}),
                json!("{\"deadLetterTargetArn\":\"arn\",\"maxReceiveCount\":\"5\"}"),
            ),
            (
                "Filter",
                json!({"S3Key": {"Rules": [{"Name": "Prefix", "Value": "a/"}]}}),
                json!({"S3Key": {"Rules": [{"Value": "a/", "Name": "prefix"}]}}),
            ),
            (
                "Tags",
                json!([{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]),
                json!([{"Value": "2", "Key": "b"}, {"Key": "a", "Value": "1"}]),
            ),
        ] {
            assert!(same(property, &one, &other), "{property}: {one} {other}");
        }
    }

    #[test]
    fn other_meanings_are_not() {
        for (property, one, other) in [
            ("VisibilityTimeout", json!(300), json!(30)),
            // S3 compares a filter with keys as its events have them: only the first one publishes anything
            // (https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html,
            // https://github.com/aws/aws-cdk/pull/28012). It hands back what was set: a tool that took `%3D` from
            // GetBucketNotificationConfiguration for part of a key found no key with `=`
            // (https://github.com/emdgroup/awscli-s3touch/issues/5).
            (
                "Rules",
                json!([{"Name": "prefix", "Value": "day%3D1/"}]),
                json!([{"Name": "Prefix", "Value": "day=1/"}]),
            ),
            ("QueueName", json!("01"), json!("1")),
            (
                "Overrides",
                json!([{"T": "a"}, {"T": "b"}]),
                json!([{"T": "b"}, {"T": "a"}]),
            ),
            ("Roles", json!(["a", "a"]), json!(["a"])),
            ("Any", json!(null), json!("")),
            ("Any", json!({}), json!({"a": 1})),
            ("Any", json!([]), json!([[]])),
        ] {
            assert!(!same(property, &one, &other), "{property}: {one} {other}");
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            any::<f64>().prop_filter_map("finite", |number| number.is_finite().then(|| Value::from(number))),
            "[a-z0-9{\\[\\. -]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                proptest::collection::btree_map("Tags|Rules|Any|Name|Statement|Action", inner, 0..4)
                    .prop_map(|entries| Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_form_of_a_form_is_itself(value in value(), property in "Tags|Overrides|PolicyDocument") {
            let once = normal(&property, &value);
            prop_assert_eq!(&normal(&property, &once), &once);
            prop_assert!(same(&property, &value, &once));
        }

        #[test]
        fn the_order_of_a_list_counts_only_where_it_has_one(mut items in proptest::collection::vec(value(), 0..5)) {
            let list = Value::Array(items.clone());
            items.reverse();
            prop_assert!(same("Tags", &list, &Value::Array(items.clone())));
            let forms: Vec<Value> = items.iter().map(|item| normal("Overrides", item)).collect();
            let palindrome = forms.iter().eq(forms.iter().rev());
            prop_assert_eq!(same("Overrides", &list, &Value::Array(items)), palindrome);
        }
    }
}
