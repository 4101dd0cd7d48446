//! What services say of the resources of `as_deployed.rs`, in the shape of their API pages: as they were deployed, or with one
//! thing changed.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::endpoint::{Fields, Refusal, attributes};
use crate::scripted::drift::as_deployed::Ids;

pub const QUEUE: &str = "https://sqs.us-east-2.amazonaws.com/111122223333/lab-work";
pub const QUEUE_ARN: &str = "arn:aws:sqs:us-east-2:111122223333:lab-work";
pub const DEAD_LETTERS_ARN: &str = "arn:aws:sqs:us-east-2:111122223333:lab-work-dead";
pub const TOPIC: &str = "arn:aws:sns:us-east-2:111122223333:lab-topic";
pub const BUCKET: &str = "lab-files";
pub const ROLE: &str = "lab-role";
pub const GROUP: &str = "lab-group";
pub const ALARM: &str = "lab-alarm";
const START: &str =
    "arn:aws:autoscaling:us-east-2:111122223333:scalingPolicy:1:autoScalingGroupName/lab-group:policyName/s";

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html>: every value is a
/// text; an empty one takes the attribute away.
pub fn queue(changes: &[(&str, &str)]) -> Value {
    let redrive = format!(r#"{{"deadLetterTargetArn":"{DEAD_LETTERS_ARN}","maxReceiveCount":5}}"#);
    let policy = queue_policy(json!([topic_sends(), tls_only("sqs:*", QUEUE_ARN)]));
    let mut all = BTreeMap::from([
        ("ApproximateNumberOfMessages", "0"),
        ("DelaySeconds", "0"),
        ("MaximumMessageSize", "1048576"),
        ("MessageRetentionPeriod", "345600"),
        ("Policy", policy.as_str()),
        ("QueueArn", QUEUE_ARN),
        ("ReceiveMessageWaitTimeSeconds", "0"),
        ("RedrivePolicy", redrive.as_str()),
        ("SqsManagedSseEnabled", "true"),
        ("VisibilityTimeout", "120"),
    ]);
    all.extend(changes.iter().copied());
    all.retain(|_, value| !value.is_empty());
    json!({"Attributes": all})
}

/// As SQS writes it out: other spaces, and an id of its own.
pub fn queue_policy(statements: Value) -> String {
    json!({"Version": "2012-10-17", "Id": "__default", "Statement": statements}).to_string()
}

pub fn topic_sends() -> Value {
    json!({"Sid": "TopicSends", "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"},
           "Action": "SQS:SendMessage", "Resource": QUEUE_ARN, "Condition": {"ArnEquals": {"aws:SourceArn": TOPIC}}})
}

pub fn tls_only(action: &str, resource: &str) -> Value {
    json!({"Sid": "TlsOnly", "Effect": "Deny", "Principal": {"AWS": "*"}, "Action": action, "Resource": resource,
           "Condition": {"Bool": {"aws:SecureTransport": "false"}}})
}

/// <https://docs.aws.amazon.com/sns/latest/api/API_GetTopicAttributes.html>
pub fn topic(key: &str, display_name: &str, policy: &str) -> Fields {
    let mut all = vec![
        ("TopicArn", TOPIC),
        ("Owner", "111122223333"),
        ("Policy", policy),
        ("DisplayName", display_name),
        ("SubscriptionsConfirmed", "1"),
    ];
    if !key.is_empty() {
        all.push(("KmsMasterKeyId", key));
    }
    attributes(&all)
}

pub fn topic_policy(more: Value) -> String {
    let mut statements = vec![tls_only("SNS:Publish", TOPIC)];
    statements.extend(more.as_array().into_iter().flatten().cloned());
    queue_policy(json!(statements))
}

/// <https://docs.aws.amazon.com/sns/latest/api/API_GetSubscriptionAttributes.html>
pub fn subscription(changes: &[(&str, &str)]) -> Fields {
    let mut all = BTreeMap::from([
        ("Endpoint", QUEUE_ARN),
        ("Owner", "111122223333"),
        ("PendingConfirmation", "false"),
        ("Protocol", "sqs"),
        ("RawMessageDelivery", "true"),
        ("TopicArn", TOPIC),
    ]);
    all.extend(changes.iter().copied());
    attributes(&all.into_iter().collect::<Vec<_>>())
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketEncryption.html>
pub fn encryption(algorithm: &str) -> String {
    format!(
        "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>{algorithm}\
         </SSEAlgorithm></ApplyServerSideEncryptionByDefault><BucketKeyEnabled>false</BucketKeyEnabled></Rule>\
         </ServerSideEncryptionConfiguration>"
    )
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketOwnershipControls.html>
pub fn ownership(who: &str) -> String {
    format!("<OwnershipControls><Rule><ObjectOwnership>{who}</ObjectOwnership></Rule></OwnershipControls>")
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetPublicAccessBlock.html>
pub fn public_access_block(policy: bool) -> String {
    format!(
        "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>true\
         </IgnorePublicAcls><BlockPublicPolicy>{policy}</BlockPublicPolicy><RestrictPublicBuckets>true\
         </RestrictPublicBuckets></PublicAccessBlockConfiguration>"
    )
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketVersioning.html>
pub fn versioning(status: &str) -> String {
    format!("<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>")
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketNotificationConfiguration.html>
pub fn notification(prefix: &str) -> String {
    format!(
        "<NotificationConfiguration><TopicConfiguration><Id>1</Id><Topic>{TOPIC}</Topic><Event>s3:ObjectCreated:*\
         </Event><Filter><S3Key><FilterRule><Name>Prefix</Name><Value>{prefix}</Value></FilterRule></S3Key></Filter>\
         </TopicConfiguration></NotificationConfiguration>"
    )
}

pub fn bucket_policy() -> String {
    queue_policy(json!([tls_only("s3:*", "arn:aws:s3:::lab-files/*")]))
}

pub fn trust(service: &str) -> String {
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    ]})
    .to_string()
}

/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html>
pub fn role(trust: &str, boundary: Option<&str>) -> Fields {
    let boundary = boundary.map(|arn| {
        Fields::new()
            .text("PermissionsBoundaryType", "PermissionsBoundaryPolicy")
            .text("PermissionsBoundaryArn", arn)
    });
    let role = Fields::new()
        .text("Path", "/")
        .text("RoleName", ROLE)
        .text("RoleId", "AROAEXAMPLE")
        .text("Arn", "arn:aws:iam::111122223333:role/lab-role")
        .text("CreateDate", "2026-01-02T03:04:05Z")
        .text("AssumeRolePolicyDocument", escaped(trust))
        .text("MaxSessionDuration", 3600);
    Fields::new().fields(
        "Role",
        match boundary {
            Some(boundary) => role.fields("PermissionsBoundary", boundary),
            None => role,
        },
    )
}

/// RFC 3986, as IAM escapes policies.
fn escaped(policy: &str) -> String {
    let escaped: String = form_urlencoded::byte_serialize(policy.as_bytes()).collect();
    escaped.replace('+', "%20")
}

/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRolePolicies.html>
pub fn inline_names(names: &[&str], next: Option<&str>) -> Fields {
    let fields = Fields::new().texts("PolicyNames", names);
    fields.text("IsTruncated", next.is_some()).maybe("Marker", next)
}

/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRolePolicy.html>
pub fn inline(name: &str, actions: Value) -> Fields {
    let statement = json!({"Effect": "Allow", "Action": actions, "Resource": QUEUE_ARN});
    let document = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
    Fields::new()
        .text("RoleName", ROLE)
        .text("PolicyName", name)
        .text("PolicyDocument", escaped(&document))
}

/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAttachedRolePolicies.html>
pub fn attached(arns: &[&str]) -> Fields {
    let policies = arns.iter().map(|arn| {
        let name = arn.rsplit('/').next().unwrap_or_default();
        Fields::new().text("PolicyName", name).text("PolicyArn", arn)
    });
    Fields::new()
        .members("AttachedPolicies", policies)
        .text("IsTruncated", false)
}

/// A group, and what of it may be otherwise.
pub struct Group<'a> {
    pub max: u32,
    pub warmup: Option<u32>,
    pub suspended: &'a [&'a str],
    pub version: &'a str,
    pub of_instances: &'a [&'a str],
}

impl Default for Group<'_> {
    fn default() -> Self {
        Group {
            max: 4,
            warmup: Some(180),
            suspended: &[],
            version: "8",
            of_instances: &["8", "8"],
        }
    }
}

/// <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_AutoScalingGroup.html>
pub fn group(group: Group<'_>) -> Fields {
    let template = |version: &str| {
        Fields::new()
            .text("LaunchTemplateId", "lt-0abc")
            .text("LaunchTemplateName", "lab")
            .text("Version", version)
    };
    let suspended = group.suspended.iter().map(|process| {
        let reason = "User suspended at 2026-01-02T03:04:05Z";
        Fields::new()
            .text("ProcessName", process)
            .text("SuspensionReason", reason)
    });
    let instances = group.of_instances.iter().enumerate().map(|(n, version)| {
        Fields::new()
            .text("InstanceId", format!("i-{n}"))
            .text("AvailabilityZone", "us-east-2a")
            .text("LifecycleState", "InService")
            .text("HealthStatus", "Healthy")
            .fields("LaunchTemplate", template(version))
            .text("ProtectedFromScaleIn", false)
    });
    let described = Fields::new()
        .text("AutoScalingGroupName", GROUP)
        .fields("LaunchTemplate", template(group.version))
        .text("MinSize", 1)
        .text("MaxSize", group.max)
        .text("DesiredCapacity", 2)
        .text("DefaultCooldown", 300)
        .texts("AvailabilityZones", ["us-east-2a", "us-east-2b"])
        .text("HealthCheckType", "EC2")
        .text("CreatedTime", "2026-01-02T03:04:05Z")
        .members("Instances", instances)
        .members("SuspendedProcesses", suspended)
        .text("VPCZoneIdentifier", "subnet-1,subnet-2")
        .maybe("DefaultInstanceWarmup", group.warmup);
    Fields::new().members("AutoScalingGroups", [described])
}

/// <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_ScalingPolicy.html>. Metrics come in another order than
/// they were put.
pub fn scaling(ids: &Ids, target: &str, expression: &str, enabled: bool) -> Fields {
    let dimensions = [Fields::new().text("Name", "QueueName").text("Value", "lab-work")];
    let metric = Fields::new()
        .text("Namespace", "AWS/SQS")
        .text("MetricName", "ApproximateNumberOfMessagesVisible")
        .members("Dimensions", dimensions);
    let stat = Fields::new()
        .fields("Metric", metric)
        .text("Stat", "Average")
        .text("Period", 60);
    let visible = Fields::new()
        .text("Id", "visible")
        .fields("MetricStat", stat)
        .text("ReturnData", false);
    let backlog = Fields::new()
        .text("Id", "backlog")
        .text("Expression", expression)
        .text("ReturnData", true);
    let tracking = Fields::new()
        .fields(
            "CustomizedMetricSpecification",
            Fields::new().members("Metrics", [visible, backlog]),
        )
        .text("TargetValue", target)
        .text("DisableScaleIn", false);
    let policy = Fields::new()
        .text("AutoScalingGroupName", GROUP)
        .text("PolicyName", ids.of("Scaling").rsplit('/').next().unwrap_or_default())
        .text("PolicyType", "TargetTrackingScaling")
        .fields("TargetTrackingConfiguration", tracking)
        .text("Enabled", enabled);
    let other = Fields::new()
        .text("AutoScalingGroupName", GROUP)
        .text("PolicyName", "of-somebody-else")
        .text("PolicyType", "StepScaling")
        .text("Enabled", false);
    Fields::new().members("ScalingPolicies", [other, policy])
}

/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricAlarm.html>
pub fn alarm(changes: Value) -> Value {
    let mut alarm = json!({
        "AlarmName": ALARM,
        "ActionsEnabled": true,
        "AlarmActions": [START],
        "OKActions": [],
        "InsufficientDataActions": [],
        "ComparisonOperator": "GreaterThanThreshold",
        "Dimensions": [{"Name": "QueueName", "Value": "lab-work"}],
        "EvaluationPeriods": 3,
        "MetricName": "ApproximateAgeOfOldestMessage",
        "Namespace": "AWS/SQS",
        "Period": 60,
        "Statistic": "Maximum",
        "StateValue": "OK",
        "Threshold": 300.0,
        "TreatMissingData": "notBreaching",
    });
    for (name, value) in changes.as_object().into_iter().flatten() {
        alarm[name] = value.clone();
    }
    json!({"MetricAlarms": [alarm], "CompositeAlarms": []})
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>
pub fn unset(code: &str) -> Refusal {
    Refusal::new(404, code, "It is not set")
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>
pub fn denied(action: &str) -> Refusal {
    let message = format!("User: arn:aws:iam::111122223333:user/somebody is not authorized to perform: {action}");
    Refusal::new(403, "AccessDenied", message)
}

/// <https://docs.aws.amazon.com/sns/latest/api/API_GetSubscriptionAttributes.html#API_GetSubscriptionAttributes_Errors>
pub fn gone(message: &str) -> Refusal {
    Refusal::new(404, "NotFound", message)
}
