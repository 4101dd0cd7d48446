//! One row a rule: what is a danger, what isn't, and what each known false positive needs to be believed.

mod false_positives;
mod lambda;
mod policies;
mod scaling;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const QUEUE: &str = "AWS::SQS::Queue";
const TABLE: &str = "AWS::DynamoDB::Table";
const GROUP: &str = "AWS::AutoScaling::AutoScalingGroup";
const BUCKET: &str = "AWS::S3::Bucket";
const DISTRIBUTION: &str = "AWS::CloudFront::Distribution";

/// The whole properties are taken apart by the path, as detection does.
fn class(kind: &str, path: &str, expected: &Value, actual: &Value, asked: Option<&Value>) -> Class {
    let pointer = format!("/{path}");
    let difference = Difference {
        resource_type: kind,
        path,
        expected: expected.pointer(&pointer),
        actual: actual.pointer(&pointer),
        all_expected: expected,
        all_actual: actual,
        asked,
    };
    difference.meaning().class
}

/// The class that is meant, the type, the path that differs, and all properties as expected and as they are.
type Row = (Class, &'static str, &'static str, Value, Value);

fn each_has_its_class(rows: &[Row]) {
    for (meant, kind, path, expected, actual) in rows {
        assert_eq!(
            class(kind, path, expected, actual, None),
            *meant,
            "{kind} {path}: {expected} {actual}"
        );
    }
}

#[test]
fn each_difference_of_a_queue_a_bucket_or_a_topic_has_its_class() {
    let rows = [
        (
            Class::Unexpected,
            QUEUE,
            "VisibilityTimeout",
            json!({"VisibilityTimeout": 300}),
            json!({"VisibilityTimeout": "30"}),
        ),
        (
            Class::Equal,
            QUEUE,
            "VisibilityTimeout",
            json!({"VisibilityTimeout": 300}),
            json!({"VisibilityTimeout": "300"}),
        ),
        (
            Class::Dangerous,
            QUEUE,
            "SqsManagedSseEnabled",
            json!({"SqsManagedSseEnabled": true}),
            json!({"SqsManagedSseEnabled": "false"}),
        ),
        (
            Class::Dangerous,
            QUEUE,
            "RedrivePolicy",
            json!({"RedrivePolicy": {"maxReceiveCount": 5}}),
            json!({}),
        ),
        (
            Class::Dangerous,
            QUEUE,
            "RedrivePolicy/deadLetterTargetArn",
            json!({"RedrivePolicy": {"deadLetterTargetArn": "a"}}),
            json!({"RedrivePolicy": {"deadLetterTargetArn": "b"}}),
        ),
        (
            Class::Dangerous,
            TABLE,
            "PointInTimeRecoverySpecification/PointInTimeRecoveryEnabled",
            json!({"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": true}}),
            json!({"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": false}}),
        ),
        (
            Class::Unexpected,
            TABLE,
            "TimeToLiveSpecification/Enabled",
            json!({"TimeToLiveSpecification": {"AttributeName": "ExpiresAt", "Enabled": true}}),
            json!({"TimeToLiveSpecification": {"AttributeName": "ExpiresAt", "Enabled": false}}),
        ),
        (
            Class::Unexpected,
            QUEUE,
            "RedrivePolicy/maxReceiveCount",
            json!({"RedrivePolicy": {"maxReceiveCount": 5}}),
            json!({"RedrivePolicy": {"maxReceiveCount": 50}}),
        ),
        (
            Class::Expected,
            QUEUE,
            "Tags/1",
            json!({"Tags": [{"Key": "team", "Value": "a"}]}),
            json!({"Tags": [{"Key": "team", "Value": "a"}, {"Key": "aws:backup", "Value": "1"}]}),
        ),
        (
            Class::Unexpected,
            QUEUE,
            "Tags/1",
            json!({"Tags": [{"Key": "team", "Value": "a"}]}),
            json!({"Tags": [{"Key": "team", "Value": "a"}, {"Key": "backup", "Value": "1"}]}),
        ),
        (
            Class::Equal,
            QUEUE,
            "Tags/0",
            json!({"Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]}),
            json!({"Tags": [{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "1"}]}),
        ),
        (
            Class::Dangerous,
            BUCKET,
            "PublicAccessBlockConfiguration/BlockPublicAcls",
            json!({"PublicAccessBlockConfiguration": {"BlockPublicAcls": true}}),
            json!({"PublicAccessBlockConfiguration": {"BlockPublicAcls": false}}),
        ),
        (
            Class::Dangerous,
            BUCKET,
            "BucketEncryption",
            json!({"BucketEncryption": {}}),
            json!({}),
        ),
        (
            Class::Dangerous,
            BUCKET,
            "NotificationConfiguration",
            json!({"NotificationConfiguration": {}}),
            json!({}),
        ),
        (
            Class::Unexpected,
            BUCKET,
            "VersioningConfiguration/Status",
            json!({"VersioningConfiguration": {"Status": "Enabled"}}),
            json!({"VersioningConfiguration": {"Status": "Suspended"}}),
        ),
        (
            Class::Dangerous,
            "AWS::EC2::LaunchTemplate",
            "LaunchTemplateData/MetadataOptions/HttpTokens",
            json!({"LaunchTemplateData": {"MetadataOptions": {"HttpTokens": "required"}}}),
            json!({"LaunchTemplateData": {"MetadataOptions": {"HttpTokens": "optional"}}}),
        ),
        (
            Class::Dangerous,
            "AWS::EC2::SecurityGroup",
            "SecurityGroupIngress",
            json!({}),
            json!({"SecurityGroupIngress": [{"CidrIp": "0.0.0.0/0"}]}),
        ),
        (
            Class::Dangerous,
            "AWS::ElasticLoadBalancingV2::Listener",
            "Protocol",
            json!({"Protocol": "HTTPS"}),
            json!({"Protocol": "HTTP"}),
        ),
        (
            Class::Dangerous,
            "AWS::ElasticLoadBalancingV2::Listener",
            "DefaultActions/0/TargetGroupArn",
            json!({"DefaultActions": [{"TargetGroupArn": "ours"}]}),
            json!({"DefaultActions": [{"TargetGroupArn": "theirs"}]}),
        ),
        (
            Class::Dangerous,
            "AWS::ElasticLoadBalancingV2::LoadBalancer",
            "",
            json!(null),
            json!(null),
        ),
        (
            Class::Dangerous,
            DISTRIBUTION,
            "DistributionConfig/DefaultCacheBehavior/TrustedKeyGroups",
            json!({"DistributionConfig": {"DefaultCacheBehavior": {"TrustedKeyGroups": ["ours"]}}}),
            json!({"DistributionConfig": {"DefaultCacheBehavior": {}}}),
        ),
        (
            Class::Dangerous,
            DISTRIBUTION,
            "DistributionConfig/Origins/0/OriginPath",
            json!({"DistributionConfig": {"Origins": [{"OriginPath": "/processed"}]}}),
            json!({"DistributionConfig": {"Origins": [{"OriginPath": ""}]}}),
        ),
        (
            Class::Dangerous,
            DISTRIBUTION,
            "DistributionConfig/Enabled",
            json!({"DistributionConfig": {"Enabled": true}}),
            json!({"DistributionConfig": {"Enabled": false}}),
        ),
        (
            Class::Dangerous,
            DISTRIBUTION,
            "DistributionConfig/ViewerCertificate/MinimumProtocolVersion",
            json!({"DistributionConfig": {"ViewerCertificate": {"MinimumProtocolVersion": "TLSv1.2_2021"}}}),
            json!({"DistributionConfig": {"ViewerCertificate": {"MinimumProtocolVersion": "TLSv1"}}}),
        ),
        (
            Class::Unexpected,
            DISTRIBUTION,
            "DistributionConfig/Comment",
            json!({"DistributionConfig": {"Comment": "ours"}}),
            json!({"DistributionConfig": {"Comment": "theirs"}}),
        ),
        (Class::Dangerous, DISTRIBUTION, "", json!(null), json!(null)),
        (
            Class::Dangerous,
            "AWS::CloudFront::OriginAccessControl",
            "OriginAccessControlConfig/SigningBehavior",
            json!({"OriginAccessControlConfig": {"SigningBehavior": "always"}}),
            json!({"OriginAccessControlConfig": {"SigningBehavior": "never"}}),
        ),
        (Class::Dangerous, QUEUE, "", json!(null), json!(null)),
        (Class::Dangerous, "AWS::SNS::Subscription", "", json!(null), json!(null)),
        (Class::Unexpected, "AWS::Logs::LogGroup", "", json!(null), json!(null)),
        (
            Class::Unexpected,
            BUCKET,
            "PublicAccessBlockConfiguration/BlockPublicAcls",
            json!({"PublicAccessBlockConfiguration": {"BlockPublicAcls": false}}),
            json!({"PublicAccessBlockConfiguration": {"BlockPublicAcls": true}}),
        ),
        (
            Class::Dangerous,
            BUCKET,
            "OwnershipControls",
            json!({"OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}}),
            json!({}),
        ),
        (
            Class::Dangerous,
            "AWS::SNS::Topic",
            "KmsMasterKeyId",
            json!({"KmsMasterKeyId": "alias/mine"}),
            json!({}),
        ),
        (
            Class::Dangerous,
            "AWS::SNS::Topic",
            "KmsMasterKeyId",
            json!({"KmsMasterKeyId": "alias/mine"}),
            json!({"KmsMasterKeyId": ""}),
        ),
        (
            Class::Unexpected,
            "AWS::SNS::Topic",
            "KmsMasterKeyId",
            json!({"KmsMasterKeyId": ""}),
            json!({"KmsMasterKeyId": "alias/mine"}),
        ),
        (
            Class::Unexpected,
            "AWS::SNS::Topic",
            "DisplayName",
            json!({"DisplayName": ""}),
            json!({"DisplayName": "mine"}),
        ),
    ];
    each_has_its_class(&rows);
}

proptest! {
    /// Whatever is the same in meaning never matters, in whatever property of whatever resource.
    #[test]
    fn what_is_the_same_never_matters(
        kind in "AWS::(SQS::Queue|S3::Bucket|IAM::Role|AutoScaling::AutoScalingGroup)",
        property in "RedrivePolicy|Policies|BucketEncryption|PublicAccessBlockConfiguration|MaxSize|Tags|PolicyDocument",
        number in 0..100_u32,
        names in proptest::collection::vec("[a-z]{1,4}", 0..4),
    ) {
        let expected = json!({ property.clone(): {"count": number, "names": names} });
        let actual = json!({ property.clone(): {"names": names, "count": number.to_string()} });
        prop_assert!(!class(&kind, &property, &expected, &actual, None).matters());
    }

    /// Bounds that a schedule sets are expected, and no others: neither half of two of its bounds, nor others by hand.
    #[test]
    fn bounds_of_a_schedule_are_no_drift(min in 0..4_u32, more in 0..4_u32, is_scheduled: bool) {
        let max = min + more;
        let sets = match is_scheduled {
            true => json!([[9, 9], [min, max]]),
            false => json!([[min, max + 1], [min + 1, max + 1]]),
        };
        let expected = json!({"MinSize": "5", "MaxSize": "50"});
        let actual = json!({"MinSize": min, "MaxSize": max, "ScheduledBounds": sets});
        for property in ["MinSize", "MaxSize"] {
            let found = class(GROUP, property, &expected, &actual, Some(&actual));
            let meant = if is_scheduled { Class::Expected } else { Class::Unexpected };
            prop_assert_eq!(found, meant);
        }
    }

    /// Whatever differs in a queue's or a group's numbers matters, unless it is the desired capacity within bounds.
    #[test]
    fn what_differs_matters(
        property in "VisibilityTimeout|MaxSize|MinSize|MessageRetentionPeriod",
        one in 0..1000_u32,
        more in 1..1000_u32,
    ) {
        let (expected, actual) = (json!({ property.clone(): one }), json!({ property.clone(): one + more }));
        for kind in [QUEUE, GROUP] {
            prop_assert!(class(kind, &property, &expected, &actual, None).matters());
        }
    }
}
