//! What qfleet finds by itself, and what of it a file may let differ.

mod distribution;
mod filters;
mod groups;
mod unread;

use serde_json::{Value, json};

use crate::endpoint::{Drifted, Endpoint, Refusal, Script};
use crate::lab::LAB;
use crate::scripted::drift::as_deployed::*;
use crate::scripted::drift::services::*;
use crate::scripted::drift::test;

/// Every difference as `resource property class found_by`, in the order of their text.
pub fn findings(document: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut all = Vec::new();
    for stack in document["stacks"].as_array().expect("stacks") {
        assert_eq!(stack["error"], Value::Null, "{stack:#}");
        for resource in stack["resources"].as_array().expect("resources") {
            for finding in resource["differences"].as_array().expect("differences") {
                let words = [
                    text(&resource["logical_id"]),
                    text(&finding["property"]),
                    text(&finding["class"]),
                    text(&finding["found_by"]),
                ];
                all.push(words.join(" "));
            }
        }
    }
    all.sort();
    all
}

pub fn look(endpoint: &Endpoint) -> Value {
    test(endpoint).args(["--output", "json"]).run().json()
}

type Change = fn(Script, &Ids) -> Script;

/// Looks at the stack, with something changed that detection doesn't report.
#[track_caller]
fn finds(rows: &[(&str, &[&str], Change)]) {
    for (what, wanted, change) in rows {
        let document = look(&serve(Script::new(), change));
        assert_eq!(findings(&document), *wanted, "{what}");
        let is_drifted = wanted.iter().any(|line| !line.contains(" equal "));
        let verdict = if is_drifted { "drifted" } else { "in_sync" };
        assert_eq!(document["verdict"], verdict, "{what}");
    }
}

#[test]
fn nothing_is_found_where_services_say_the_same_in_their_own_way() {
    let endpoint = serve(Script::new(), |script, _| script);
    let document = look(&endpoint);
    assert_eq!(findings(&document), Vec::<String>::new());
    assert_eq!(
        (&document["checked"], &document["not_checked"]),
        (&json!(11), &json!(0))
    );
    assert_eq!(document["stacks"][0]["not_checked"], json!([]));
}

#[test]
fn changes_of_a_queue_are_found() {
    finds(&[
        (
            "its visibility",
            &["Queue VisibilityTimeout unexpected qfleet"],
            |script, _| script.says("GetQueueAttributes", QUEUE, queue(&[("VisibilityTimeout", "30")])),
        ),
        (
            "its encryption",
            &["Queue SqsManagedSseEnabled dangerous qfleet"],
            |script, _| script.says("GetQueueAttributes", QUEUE, queue(&[("SqsManagedSseEnabled", "false")])),
        ),
        (
            "its redrive gone",
            &["Queue RedrivePolicy dangerous qfleet"],
            |script, _| script.says("GetQueueAttributes", QUEUE, queue(&[("RedrivePolicy", "")])),
        ),
        (
            "its redrive elsewhere, and later",
            &[
                "Queue RedrivePolicy/deadLetterTargetArn dangerous qfleet",
                "Queue RedrivePolicy/maxReceiveCount unexpected qfleet",
            ],
            |script, _| {
                let other =
                    r#"{"maxReceiveCount":"50","deadLetterTargetArn":"arn:aws:sqs:us-east-2:111122223333:mine"}"#;
                script.says("GetQueueAttributes", QUEUE, queue(&[("RedrivePolicy", other)]))
            },
        ),
        (
            "whom it takes redrives of",
            &["Queue RedriveAllowPolicy unexpected qfleet"],
            |script, _| {
                let nobody = r#"{"redrivePermission":"denyAll"}"#;
                script.says("GetQueueAttributes", QUEUE, queue(&[("RedriveAllowPolicy", nobody)]))
            },
        ),
        ("it is gone", &["Queue  dangerous qfleet"], |script, _| {
            let gone = Refusal::new(400, "QueueDoesNotExist", "The specified queue does not exist.");
            script.says("GetQueueAttributes", QUEUE, gone)
        }),
    ]);
}

fn with_policy(script: Script, statements: Value) -> Script {
    script.says(
        "GetQueueAttributes",
        QUEUE,
        queue(&[("Policy", &queue_policy(statements))]),
    )
}

#[test]
fn a_policy_that_allows_more_is_dangerous_and_one_that_allows_less_is_not() {
    finds(&[
        (
            "anybody may send",
            &["QueuePolicy PolicyDocument dangerous qfleet"],
            |script, _| {
                let anybody =
                    json!({"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": QUEUE_ARN});
                with_policy(script, json!([topic_sends(), tls_only("sqs:*", QUEUE_ARN), anybody]))
            },
        ),
        (
            "without TLS, too",
            &["QueuePolicy PolicyDocument dangerous qfleet"],
            |script, _| with_policy(script, json!([topic_sends()])),
        ),
        (
            "no policy at all",
            &["QueuePolicy PolicyDocument dangerous qfleet"],
            |script, _| script.says("GetQueueAttributes", QUEUE, queue(&[("Policy", "")])),
        ),
        (
            "nobody may send",
            &["QueuePolicy PolicyDocument unexpected qfleet"],
            |script, _| with_policy(script, json!([tls_only("sqs:*", QUEUE_ARN)])),
        ),
        ("in another order", &[], |script, _| {
            with_policy(script, json!([tls_only("SQS:*", QUEUE_ARN), topic_sends()]))
        }),
        (
            "anybody may subscribe",
            &["TopicPolicy PolicyDocument dangerous qfleet"],
            |script, _| {
                let anybody =
                    json!([{"Effect": "Allow", "Principal": "*", "Action": "SNS:Subscribe", "Resource": TOPIC}]);
                script.says(
                    "GetTopicAttributes",
                    TOPIC,
                    topic("alias/lab", "", &topic_policy(anybody)),
                )
            },
        ),
        (
            "the bucket without TLS",
            &["BucketPolicy PolicyDocument dangerous qfleet"],
            |script, _| script.says("GetBucketPolicy", BUCKET, unset("NoSuchBucketPolicy")),
        ),
    ]);
}

#[test]
fn changes_of_a_topic_and_its_subscription_are_found() {
    finds(&[
        (
            "its display name",
            &["Topic DisplayName unexpected qfleet"],
            |script, _| {
                script.says(
                    "GetTopicAttributes",
                    TOPIC,
                    topic("alias/lab", "mine", &topic_policy(json!([]))),
                )
            },
        ),
        (
            "its encryption",
            &["Topic KmsMasterKeyId dangerous qfleet"],
            |script, _| script.says("GetTopicAttributes", TOPIC, topic("", "", &topic_policy(json!([])))),
        ),
        (
            "the subscription is gone",
            &["Subscription  dangerous qfleet"],
            |script, ids| {
                script.says(
                    "GetSubscriptionAttributes",
                    ids.of("Subscription"),
                    gone("Subscription does not exist"),
                )
            },
        ),
        (
            "it filters",
            &["Subscription FilterPolicy unexpected qfleet"],
            |script, ids| {
                let filter = subscription(&[("FilterPolicy", r#"{"a":["b"]}"#)]);
                script.says("GetSubscriptionAttributes", ids.of("Subscription"), filter)
            },
        ),
        (
            "in an envelope",
            &["Subscription RawMessageDelivery unexpected qfleet"],
            |script, ids| {
                let wrapped = subscription(&[("RawMessageDelivery", "false")]);
                script.says("GetSubscriptionAttributes", ids.of("Subscription"), wrapped)
            },
        ),
    ]);
}

#[test]
fn changes_of_a_bucket_are_found() {
    finds(&[
        (
            "public policies",
            &["Bucket PublicAccessBlockConfiguration/BlockPublicPolicy dangerous qfleet"],
            |script, _| script.says("GetPublicAccessBlock", BUCKET, public_access_block(false).as_str()),
        ),
        (
            "no block at all",
            &["Bucket PublicAccessBlockConfiguration dangerous qfleet"],
            |script, _| {
                let unset = unset("NoSuchPublicAccessBlockConfiguration");
                script.says("GetPublicAccessBlock", BUCKET, unset)
            },
        ),
        (
            "another encryption",
            &["Bucket BucketEncryption/ServerSideEncryptionConfiguration dangerous qfleet"],
            |script, _| script.says("GetBucketEncryption", BUCKET, encryption("aws:kms").as_str()),
        ),
        (
            "no encryption",
            &["Bucket BucketEncryption dangerous qfleet"],
            |script, _| {
                let unset = unset("ServerSideEncryptionConfigurationNotFoundError");
                script.says("GetBucketEncryption", BUCKET, unset)
            },
        ),
        (
            "access lists",
            &["Bucket OwnershipControls/Rules dangerous qfleet"],
            |script, _| script.says("GetBucketOwnershipControls", BUCKET, ownership("ObjectWriter").as_str()),
        ),
        (
            "no more versions",
            &["Bucket VersioningConfiguration/Status unexpected qfleet"],
            |script, _| script.says("GetBucketVersioning", BUCKET, versioning("Suspended").as_str()),
        ),
        (
            "another prefix",
            &["Bucket NotificationConfiguration/TopicConfigurations dangerous qfleet"],
            |script, _| {
                script.says(
                    "GetBucketNotificationConfiguration",
                    BUCKET,
                    notification("other/").as_str(),
                )
            },
        ),
        (
            "scripts of every page may read",
            &["Bucket CorsConfiguration unexpected qfleet"],
            |script, _| {
                // <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketCors.html>
                let cors = "<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod>\
                            </CORSRule></CORSConfiguration>";
                script.says("GetBucketCors", BUCKET, cors)
            },
        ),
        (
            "no notification",
            &["Bucket NotificationConfiguration/TopicConfigurations dangerous qfleet"],
            |script, _| {
                script.says(
                    "GetBucketNotificationConfiguration",
                    BUCKET,
                    "<NotificationConfiguration/>",
                )
            },
        ),
        (
            "it is gone, and its policy with it",
            &["Bucket  dangerous qfleet"],
            |script, _| {
                let gone = || Refusal::new(404, "NoSuchBucket", "The specified bucket does not exist");
                script
                    .says("GetBucketEncryption", BUCKET, gone())
                    .says("GetBucketPolicy", BUCKET, gone())
            },
        ),
    ]);
}

#[test]
fn what_a_role_was_given_is_found_wherever_it_is_listed() {
    finds(&[
        (
            "an inline policy, on the next page",
            &["Role Policies dangerous qfleet"],
            |script, _| {
                script
                    .says("ListRolePolicies", ROLE, inline_names(&["worker"], Some("next")))
                    .says("ListRolePolicies", "lab-role#next", inline_names(&["more"], None))
                    .says("GetRolePolicy", "lab-role/more", inline("more", json!("*")))
            },
        ),
        (
            "a managed policy",
            &["Role ManagedPolicyArns dangerous qfleet"],
            |script, _| {
                let administrator = attached(&["arn:aws:iam::aws:policy/AdministratorAccess"]);
                script.says("ListAttachedRolePolicies", ROLE, administrator)
            },
        ),
        (
            "its own policy allows more",
            &["Role Policies dangerous qfleet"],
            |script, _| script.says("GetRolePolicy", "lab-role/worker", inline("worker", json!("sqs:*"))),
        ),
        (
            "its own policy allows less",
            &["Role Policies unexpected qfleet"],
            |script, _| {
                script.says(
                    "GetRolePolicy",
                    "lab-role/worker",
                    inline("worker", json!("sqs:DeleteMessage")),
                )
            },
        ),
        (
            "a policy that goes while it is read",
            &["Role Policies unexpected qfleet"],
            |script, _| {
                let gone = Refusal::new(404, "NoSuchEntity", "The role policy cannot be found.");
                script.says("GetRolePolicy", "lab-role/worker", gone)
            },
        ),
        (
            "others may be it",
            &["Role AssumeRolePolicyDocument dangerous qfleet"],
            |script, _| script.says("GetRole", ROLE, role(&trust("lambda.amazonaws.com"), None)),
        ),
        (
            "it is bounded",
            &["Role PermissionsBoundary unexpected qfleet"],
            |script, _| {
                let boundary = Some("arn:aws:iam::111122223333:policy/most");
                script.says("GetRole", ROLE, role(&trust("ec2.amazonaws.com"), boundary))
            },
        ),
        ("it is gone", &["Role  unexpected qfleet"], |script, _| {
            let gone = Refusal::new(404, "NoSuchEntity", "The role cannot be found.");
            script.says("GetRole", ROLE, gone)
        }),
    ]);
}

pub fn with_group(script: Script, changed: Group<'_>) -> Script {
    script.says("DescribeAutoScalingGroups", GROUP, group(changed))
}

/// S3 compares the filter with keys as its events have them: only the encoded one fits
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html>).
#[test]
fn a_filter_that_was_decoded_by_hand_publishes_nothing_and_is_dangerous() {
    let template = TEMPLATE.replace("Value: uploads/", "Value: day%3D1/");
    for (filter, wanted) in [
        ("day%3D1/", &[] as &[&str]),
        (
            "day=1/",
            &["Bucket NotificationConfiguration/TopicConfigurations dangerous qfleet"],
        ),
    ] {
        let endpoint = serve_template(&template, Script::new(), |script, _| {
            script.says(
                "GetBucketNotificationConfiguration",
                BUCKET,
                notification(filter).as_str(),
            )
        });
        assert_eq!(findings(&look(&endpoint)), wanted, "{filter}");
    }
}

/// What the change set leaves as it is: processes that no template suspends, and tags that it doesn't have.
#[test]
fn what_a_revert_leaves_is_said_property_by_property() {
    let group = Drifted::new(STACK, "Group", "MODIFIED")
        .properties(r#"{"MinSize":"1","MaxSize":"4"}"#, r#"{"MinSize":"1","MaxSize":"9"}"#)
        .difference("/MaxSize", "4", "9", "NOT_EQUAL");
    // A role with a name of its own takes a capability that no template of qfleet's needs.
    let (before, rest) = TEMPLATE.split_once("  Role:\n").expect("a role");
    let (_, after) = rest.split_once("  Group:\n").expect("a group");
    let template = format!("{before}  Group:\n{after}");
    let endpoint = serve_template(&template, Script::new().drifted(group), |script, _| {
        let changed = Group {
            max: 9,
            suspended: &["Launch"],
            ..Group::default()
        };
        with_group(script, changed)
    });
    test(&endpoint)
        .args(["--revert"])
        .status(4)
        .stderr_contains("not put back: lab-work Group SuspendedProcesses\n")
        .stderr_lacks("Group MaxSize")
        .run();
}
