//! One report that has every class, every finder, and everything that wasn't checked: as text, as JSON, as Markdown.

use serde_json::json;

use crate::endpoint::{Drifted, Endpoint, Existing};
use crate::lab::LAB;
use crate::scripted::drift::as_deployed::*;
use crate::scripted::drift::misread::misread;
use crate::scripted::drift::services::*;

const LETS_DIFFER: &str = "\
drift:
  ignore:
    - {resource: work.Group, property: MaxSize, reason: raised for the sale}
";

/// Two stacks: one of every kind of finding, and one that can't be looked at.
fn endpoint() -> Endpoint {
    let role = r#"{"RoleName":"lab-role","Tags":[{"Key":"team","Value":"media"}]}"#;
    let tagged = r#"{"RoleName":"lab-role","Tags":[{"Key":"team","Value":"media"},{"Key":"aws:backup","Value":"1"}]}"#;
    let busy = Existing::new("lab-intake", "UPDATE_IN_PROGRESS")
        .tag("qfleet:environment", "lab")
        .tag("qfleet:part", "intake");
    let script = misread()
        .existing(busy)
        .detection_fails(
            STACK,
            r#"{"Summary":"Failed to detect drift on resources [Alarm]","Failures":[{"Resource":"Alarm","FailureReason":"Access denied: cloudwatch:DescribeAlarms"}]}"#,
        )
        .drifted(
            Drifted::new(STACK, "Role", "MODIFIED")
                .properties(role, tagged)
                .difference("/Tags/1", "null", r#"{"Key":"aws:backup","Value":"1"}"#, "ADD"),
        )
        .drifted(Drifted::new(STACK, "Alarm", "UNKNOWN").reason("Access denied: cloudwatch:DescribeAlarms"));
    serve(script, |script, ids| {
        let anybody = json!({"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": QUEUE_ARN});
        let policy = queue_policy(json!([topic_sends(), tls_only("sqs:*", QUEUE_ARN), anybody]));
        let changed = Group {
            max: 9,
            suspended: &["Launch"],
            ..Group::default()
        };
        script
            .says(
                "GetQueueAttributes",
                QUEUE,
                queue(&[("Policy", &policy), ("VisibilityTimeout", "30")]),
            )
            .says("DescribeAutoScalingGroups", GROUP, group(changed))
            .says(
                "GetSubscriptionAttributes",
                ids.of("Subscription"),
                gone("Subscription does not exist"),
            )
            .says(
                "ListAttachedRolePolicies",
                ROLE,
                attached(&["arn:aws:iam::aws:policy/AdministratorAccess"]),
            )
            .says("GetBucketEncryption", BUCKET, denied("s3:GetEncryptionConfiguration"))
            .says("DescribeAlarms", ALARM, denied("cloudwatch:DescribeAlarms"))
    })
}

fn said(args: &[&str]) -> String {
    let endpoint = endpoint();
    let test = crate::scripted::drift::test(&endpoint).file("lab.yaml", format!("{}{LETS_DIFFER}", LAB));
    test.args(args).status(1).run().stdout
}

#[test]
fn every_class_as_text() {
    insta::assert_snapshot!(said(&["--all"]));
}

#[test]
fn what_matters_as_text() {
    insta::assert_snapshot!(said(&[]));
}

#[test]
fn every_class_as_json() {
    insta::assert_snapshot!(said(&["--output", "json"]));
}

#[test]
fn every_class_as_markdown() {
    insta::assert_snapshot!(said(&["--all", "--output", "markdown"]));
}
