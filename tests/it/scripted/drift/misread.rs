//! What detection is known to get wrong: believed where the service says that nothing changed, and only there.

use serde_json::Value;

use crate::endpoint::{Drifted, Script};
use crate::scripted::drift::as_deployed::*;
use crate::scripted::drift::own::{findings, look, with_group};
use crate::scripted::drift::services::*;
use crate::scripted::drift::test;

/// What detection says wrongly of the group, the queue and the bucket, each with its known bug.
pub fn misread() -> Script {
    let group = r#"{"MinSize":"1","MaxSize":"4","DefaultInstanceWarmup":180,"LaunchTemplate":{"LaunchTemplateId":"lt-0abc","Version":"8"},"VPCZoneIdentifier":["subnet-1","subnet-2"]}"#;
    let group_now = r#"{"MinSize":"1","MaxSize":"4","DesiredCapacity":"2","AvailabilityZones":["us-east-2a"],"LaunchTemplate":{"LaunchTemplateId":"lt-0abc","Version":"$Latest"},"VPCZoneIdentifier":["subnet-2","subnet-1"]}"#;
    let redrive = format!(r#"{{"RedrivePolicy":{{"deadLetterTargetArn":"{DEAD_LETTERS_ARN}","maxReceiveCount":5}}}}"#);
    let events = r#"{"NotificationConfiguration":{"TopicConfigurations":[{"Topic":"arn:aws:sns:us-east-2:111122223333:lab-topic","Event":"s3:ObjectCreated:*","Filter":{"S3Key":{"Rules":[{"Name":"prefix","Value":"uploads/"}]}}}]}}"#;
    let expected: Value = serde_json::from_str(events).expect("JSON");
    Script::new()
        .drifted(
            Drifted::new(STACK, "Group", "MODIFIED")
                .properties(group, group_now)
                .difference("/DefaultInstanceWarmup", "180", "null", "REMOVE")
                .difference("/LaunchTemplate/Version", "8", "$Latest", "NOT_EQUAL")
                .difference("/DesiredCapacity", "null", "2", "ADD")
                .difference("/AvailabilityZones", "null", r#"["us-east-2a"]"#, "ADD")
                .difference("/VPCZoneIdentifier/0", "subnet-1", "subnet-2", "NOT_EQUAL"),
        )
        .drifted(
            Drifted::new(STACK, "Queue", "MODIFIED")
                .properties(&redrive, "{}")
                .difference("/RedrivePolicy", &expected_redrive(), "null", "REMOVE"),
        )
        .drifted(
            Drifted::new(STACK, "Bucket", "MODIFIED")
                .properties(
                    events,
                    r#"{"NotificationConfiguration":{"EventBridgeConfiguration":{"EventBridgeEnabled":true}}}"#,
                )
                .difference(
                    "/NotificationConfiguration/TopicConfigurations",
                    &expected["NotificationConfiguration"]["TopicConfigurations"].to_string(),
                    "null",
                    "REMOVE",
                )
                .difference(
                    "/NotificationConfiguration/EventBridgeConfiguration",
                    "null",
                    r#"{"EventBridgeEnabled":true}"#,
                    "ADD",
                ),
        )
}

fn expected_redrive() -> String {
    format!(r#"{{"deadLetterTargetArn":"{DEAD_LETTERS_ARN}","maxReceiveCount":5}}"#)
}

#[test]
fn known_false_positives_are_named_and_do_not_count() {
    let endpoint = serve(misread(), |script, _| script);
    let document = look(&endpoint);
    assert_eq!(
        findings(&document),
        [
            "Bucket NotificationConfiguration/EventBridgeConfiguration false_positive cloudformation",
            "Bucket NotificationConfiguration/TopicConfigurations false_positive cloudformation",
            "Group AvailabilityZones expected cloudformation",
            "Group DefaultInstanceWarmup false_positive cloudformation",
            "Group DesiredCapacity expected cloudformation",
            "Group LaunchTemplate/Version false_positive cloudformation",
            "Group VPCZoneIdentifier/0 equal cloudformation",
            "Queue RedrivePolicy false_positive cloudformation",
        ]
    );
    let all = test(&endpoint).args(["--all"]).run().stdout;
    for reference in ["issues/1466", "issues/1470", "issues/2020", "issues/1072"] {
        assert!(all.contains(reference), "{reference}\n{all}");
    }
}

/// The same reports, and this time the services agree with them: each counts.
#[test]
fn a_real_change_of_what_is_often_misread_is_not_swallowed() {
    let endpoint = serve(misread(), |script, _| {
        let changed = Group {
            warmup: None,
            version: "$Latest",
            of_instances: &["8", "7"],
            ..Group::default()
        };
        with_group(script, changed)
            .says("GetQueueAttributes", QUEUE, queue(&[("RedrivePolicy", "")]))
            .says(
                "GetBucketNotificationConfiguration",
                BUCKET,
                "<NotificationConfiguration><EventBridgeConfiguration/></NotificationConfiguration>",
            )
    });
    assert_eq!(
        findings(&look(&endpoint)),
        [
            "Bucket NotificationConfiguration/EventBridgeConfiguration unexpected cloudformation",
            "Bucket NotificationConfiguration/TopicConfigurations dangerous cloudformation",
            "Group AvailabilityZones expected cloudformation",
            "Group DefaultInstanceWarmup unexpected cloudformation",
            "Group DesiredCapacity expected cloudformation",
            "Group LaunchTemplate/Version unexpected cloudformation",
            "Group VPCZoneIdentifier/0 equal cloudformation",
            "Queue RedrivePolicy dangerous cloudformation",
        ]
    );
}

/// Detection can call a group in sync whose launch template changed: its instances tell.
#[test]
fn what_detection_calls_in_sync_is_looked_at_all_the_same() {
    let in_sync = ["Group", "Queue", "Role"]
        .into_iter()
        .fold(Script::new(), |script, id| {
            script.drifted(Drifted::new(STACK, id, "IN_SYNC"))
        });
    let endpoint = serve(in_sync, |script, _| {
        let older = Group {
            of_instances: &["7", "7"],
            ..Group::default()
        };
        with_group(script, older).says("GetQueueAttributes", QUEUE, queue(&[("VisibilityTimeout", "30")]))
    });
    assert_eq!(
        findings(&look(&endpoint)),
        [
            "Group Instances unexpected qfleet",
            "Queue VisibilityTimeout unexpected qfleet"
        ]
    );
    test(&endpoint)
        .stdout_contains("instances run another version of the launch template than the group launches now")
        .run();
}

/// What detection only writes otherwise can have changed since.
#[test]
fn what_detection_finds_equal_hides_no_change() {
    let equal = Drifted::new(STACK, "Queue", "MODIFIED")
        .properties(r#"{"VisibilityTimeout":120}"#, r#"{"VisibilityTimeout":"120"}"#)
        .difference("/VisibilityTimeout", "120", "120.0", "NOT_EQUAL");
    let endpoint = serve(Script::new().drifted(equal), |script, _| {
        script.says("GetQueueAttributes", QUEUE, queue(&[("VisibilityTimeout", "30")]))
    });
    assert_eq!(
        findings(&look(&endpoint)),
        [
            "Queue VisibilityTimeout equal cloudformation",
            "Queue VisibilityTimeout unexpected qfleet",
        ]
    );
}
