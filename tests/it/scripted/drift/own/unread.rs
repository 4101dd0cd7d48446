//! What may not be read, what says nothing, and what is ignored on purpose.

use super::*;

#[test]
fn what_may_not_be_read_is_said_and_hides_nothing_else() {
    let endpoint = serve(Script::new(), |script, ids| {
        script
            .says("GetBucketEncryption", BUCKET, denied("s3:GetEncryptionConfiguration"))
            .says("GetPublicAccessBlock", BUCKET, public_access_block(false).as_str())
            .says("ListAttachedRolePolicies", ROLE, denied("iam:ListAttachedRolePolicies"))
            .says(
                "DescribePolicies",
                GROUP,
                scaling(ids, "99.0", "visible / running", true),
            )
    });
    let document = look(&endpoint);
    assert_eq!(
        findings(&document),
        [
            "Bucket PublicAccessBlockConfiguration/BlockPublicPolicy dangerous qfleet",
            "Scaling TargetTrackingConfiguration/TargetValue unexpected qfleet",
        ]
    );
    // The role as a whole, the bucket but for one property.
    assert_eq!(
        (&document["checked"], &document["not_checked"]),
        (&json!(10), &json!(1))
    );
    let all = test(&endpoint).args(["--all"]).run().stdout;
    for line in [
        "  not checked: Bucket BucketEncryption: GetBucketEncryption failed: User: arn:aws:iam::111122223333:user/somebody",
        "  not checked: Role: ListAttachedRolePolicies failed: User: arn:aws:iam::111122223333:user/somebody",
    ] {
        assert!(all.contains(line), "{line}\n{all}");
    }
}

/// Everything that S3 keeps of a bucket out of reach is a bucket that isn't checked, not one in sync.
#[test]
fn a_bucket_that_says_nothing_is_not_checked() {
    let endpoint = serve(Script::new(), |script, _| {
        [
            "GetBucketCors",
            "GetBucketEncryption",
            "GetBucketNotificationConfiguration",
            "GetBucketOwnershipControls",
            "GetPublicAccessBlock",
            "GetBucketVersioning",
        ]
        .into_iter()
        .fold(script, |script, action| script.says(action, BUCKET, denied("s3:*")))
    });
    let document = look(&endpoint);
    assert_eq!(
        (&document["checked"], &document["not_checked"]),
        (&json!(10), &json!(1))
    );
}

#[test]
fn an_ignore_reaches_no_further_than_its_property() {
    let lets_differ = "\
drift:
  ignore:
    - {resource: Queue, property: RedrivePolicy/maxReceiveCount, reason: on call}
    - {resource: work.QueuePolicy, property: PolicyDocument, reason: on call}
    - {resource: intake.TopicPolicy, property: PolicyDocument, reason: of another part}
";
    let endpoint = serve(Script::new(), |script, ids| {
        let other = r#"{"maxReceiveCount":"50","deadLetterTargetArn":"arn:aws:sqs:us-east-2:111122223333:mine"}"#;
        script
            .says(
                "GetQueueAttributes",
                QUEUE,
                queue(&[("RedrivePolicy", other), ("Policy", "")]),
            )
            .says("GetTopicAttributes", TOPIC, topic("alias/lab", "", ""))
            .says(
                "GetSubscriptionAttributes",
                ids.of("Subscription"),
                gone("Subscription does not exist"),
            )
    });
    let document = test(&endpoint)
        .file("lab.yaml", format!("{LAB}{lets_differ}"))
        .args(["--output", "json"])
        .run()
        .json();
    assert_eq!(
        findings(&document),
        [
            "Queue RedrivePolicy/deadLetterTargetArn dangerous qfleet",
            "Queue RedrivePolicy/maxReceiveCount ignored qfleet",
            "QueuePolicy PolicyDocument ignored qfleet",
            "Subscription  dangerous qfleet",
            "TopicPolicy PolicyDocument dangerous qfleet",
        ]
    );
    // By its name alone, nobody says what may differ.
    let by_name = crate::scripted::drift::test_of(
        &endpoint,
        &["drift", "--name", "lab", "--region", "us-east-2", "--output", "json"],
    );
    assert_eq!(
        findings(&by_name.run().json()),
        [
            "Queue RedrivePolicy/deadLetterTargetArn dangerous qfleet",
            "Queue RedrivePolicy/maxReceiveCount unexpected qfleet",
            "QueuePolicy PolicyDocument dangerous qfleet",
            "Subscription  dangerous qfleet",
            "TopicPolicy PolicyDocument dangerous qfleet",
        ]
    );
}
