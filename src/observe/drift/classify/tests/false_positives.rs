//! What CloudFormation takes for drift and is none.

use super::*;

#[test]
fn a_known_false_positive_is_believed_only_where_the_service_says_so() {
    let redrive = json!({"RedrivePolicy": {"deadLetterTargetArn": "arn", "maxReceiveCount": 5}});
    let as_text = json!({"RedrivePolicy": "{\"maxReceiveCount\":\"5\",\"deadLetterTargetArn\":\"arn\"}"});
    let other = json!({"RedrivePolicy": {"deadLetterTargetArn": "other", "maxReceiveCount": 5}});
    let warmup = json!({"DefaultInstanceWarmup": 180});
    let events = json!({"NotificationConfiguration": {"EventBridgeConfiguration": {"EventBridgeEnabled": true}}});
    let version = json!({"LaunchTemplate": {"Version": "8"}});
    let latest = json!({"LaunchTemplate": {"Version": "$Latest"}});
    let instances = |versions: &[(&str, &str)]| {
        json!({"Instances": serde_json::Map::from_iter(
            versions.iter().map(|(id, version)| ((*id).to_owned(), json!(version)))
        )})
    };
    let none = json!({});
    for (meant, kind, path, expected, actual, asked) in [
        (
            Class::FalsePositive,
            QUEUE,
            "RedrivePolicy",
            &redrive,
            &none,
            Some(&as_text),
        ),
        (Class::Dangerous, QUEUE, "RedrivePolicy", &redrive, &none, Some(&none)),
        (Class::Dangerous, QUEUE, "RedrivePolicy", &redrive, &none, Some(&other)),
        (Class::Dangerous, QUEUE, "RedrivePolicy", &redrive, &none, None),
        (
            Class::FalsePositive,
            GROUP,
            "DefaultInstanceWarmup",
            &warmup,
            &none,
            Some(&warmup),
        ),
        (
            Class::Unexpected,
            GROUP,
            "DefaultInstanceWarmup",
            &warmup,
            &none,
            Some(&json!({"DefaultInstanceWarmup": 0})),
        ),
        (
            Class::FalsePositive,
            BUCKET,
            "NotificationConfiguration",
            &events,
            &none,
            Some(&events),
        ),
        (
            Class::Dangerous,
            BUCKET,
            "NotificationConfiguration",
            &events,
            &none,
            Some(&json!({"NotificationConfiguration": {}})),
        ),
        (
            Class::FalsePositive,
            GROUP,
            "LaunchTemplate/Version",
            &version,
            &latest,
            Some(&instances(&[("i-1", "8")])),
        ),
        (
            Class::Unexpected,
            GROUP,
            "LaunchTemplate/Version",
            &version,
            &latest,
            Some(&instances(&[("i-1", "8"), ("i-2", "7")])),
        ),
        (
            Class::Unexpected,
            GROUP,
            "LaunchTemplate/Version",
            &version,
            &latest,
            Some(&instances(&[])),
        ),
        (
            Class::Unexpected,
            GROUP,
            "LaunchTemplate/Version",
            &version,
            &json!({"LaunchTemplate": {"Version": "7"}}),
            Some(&instances(&[("i-1", "8")])),
        ),
    ] {
        assert_eq!(
            class(kind, path, expected, actual, asked),
            meant,
            "{kind} {path}: {asked:?}"
        );
    }
}
