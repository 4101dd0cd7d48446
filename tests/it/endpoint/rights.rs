//! Which of IAM's actions a call needs, and whether `qfleet iam` names them for the command that makes it.
//!
//! With `QFLEET_CALLS` in the environment, what each command called is written into the file of that name, for the test
//! that looks for rights that nothing uses.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write;
use std::sync::{LazyLock, Mutex};

use qfleet::permissions::{Purpose, actions};

use super::calls::{Call, Service};

/// The purposes of a command, as the harness names it in the user agent. None of one that calls no service of AWS's, or only
/// the local emulator.
pub fn purposes(by: &str) -> Option<Vec<Purpose>> {
    let name = match by {
        "deploy-prune" => return Some(vec![Purpose::Deploy, Purpose::Prune]),
        "plan-prune" => return Some(vec![Purpose::Plan, Purpose::Prune]),
        "drift-revert" => "revert",
        by if by.starts_with("dlq-") => "dlq",
        by => by,
    };
    let purpose = Purpose::ALL.into_iter().find(|purpose| purpose.name() == name)?;
    Some(vec![purpose])
}

/// What a call needs and `qfleet iam` doesn't print for its command.
pub fn not_allowed(call: &Call) -> Option<String> {
    let by = call.by.as_deref()?;
    let allowed: BTreeSet<&str> = purposes(by)?.into_iter().flat_map(actions).collect();
    let missing = needed(call);
    let missing: Vec<&String> = missing
        .iter()
        .filter(|action| !allowed.contains(action.as_str()))
        .collect();
    (!missing.is_empty()).then(|| {
        format!(
            "{by} calls {}, which `qfleet iam` doesn't allow: {missing:?}",
            call.action
        )
    })
}

/// The actions that a call needs, by each operation's page in its service's API reference.
pub fn needed(call: &Call) -> Vec<String> {
    let service = match call.service {
        Service::CloudFormation => "cloudformation",
        // Nobody needs a right to ask who they are.
        Service::Sts => return Vec::new(),
        Service::AutoScaling => "autoscaling",
        Service::Sns => "sns",
        Service::Iam => "iam",
        Service::Ec2 => "ec2",
        Service::LoadBalancing => "elasticloadbalancing",
        Service::Account => "account",
        Service::CloudWatch => "cloudwatch",
        Service::Json => json(&call.action),
        Service::Sqs => "sqs",
        Service::S3 => "s3",
        Service::Lambda => "lambda",
        Service::CloudFront => "cloudfront",
        Service::Quotas => "servicequotas",
        Service::Other => "unknown",
    };
    let names: &[&str] = match (service, call.action.as_str()) {
        // Without a name it lists (its page in the service authorization reference names `ListStacks` as a dependent action).
        ("cloudformation", "DescribeStacks") if call.stack.is_none() => &["DescribeStacks", "ListStacks"],
        ("sqs", "SendMessageBatch") => &["SendMessage"],
        ("sqs", "DeleteMessageBatch") => &["DeleteMessage"],
        ("sqs", "ChangeMessageVisibilityBatch") => &["ChangeMessageVisibility"],
        ("lambda", "Invoke") => &["InvokeFunction"],
        // (https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html)
        ("s3", "HeadObject") => &["GetObject"],
        ("s3", "HeadBucket" | "ListObjectsV2") => &["ListBucket"],
        ("s3", "ListObjectVersions") => &["ListBucketVersions"],
        ("s3", "ListMultipartUploads") => &["ListBucketMultipartUploads"],
        ("s3", "CreateMultipartUpload" | "UploadPart" | "CompleteMultipartUpload") => &["PutObject"],
        ("s3", "DeleteObjects") => deleted(call),
        ("s3", "DeleteObject") if call.path.contains("versionId=") => &["DeleteObjectVersion"],
        ("s3", "GetBucketCors") => &["GetBucketCORS"],
        ("s3", "GetBucketEncryption") => &["GetEncryptionConfiguration"],
        ("s3", "GetBucketNotificationConfiguration") => &["GetBucketNotification"],
        ("s3", "PutBucketNotificationConfiguration") => &["PutBucketNotification"],
        ("s3", "GetPublicAccessBlock") => &["GetBucketPublicAccessBlock"],
        ("s3", "GetBucketReplication") => &["GetReplicationConfiguration"],
        (_, other) => return vec![format!("{service}:{other}")],
    };
    names.iter().map(|name| format!("{service}:{name}")).collect()
}

/// Versions are deleted by another right than objects
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html>).
fn deleted(call: &Call) -> &'static [&'static str] {
    match String::from_utf8_lossy(&call.body).contains("<VersionId>") {
        true => &["DeleteObjectVersion"],
        false => &["DeleteObject"],
    }
}

/// The service of an action of the JSON protocols.
fn json(action: &str) -> &'static str {
    match action {
        "DescribeTable" | "ListTagsOfResource" | "Query" | "Scan" => "dynamodb",
        "DescribeLogGroups" | "FilterLogEvents" => "logs",
        "GetResource" => "cloudformation",
        "GetResources" => "tag",
        "DescribeSecret" | "GetSecretValue" => "secretsmanager",
        "DeleteParameter"
        | "DescribeParameters"
        | "GetParameter"
        | "GetParameters"
        | "GetParametersByPath"
        | "PutParameter" => "ssm",
        _ => "unknown",
    }
}

/// The ARN of what a call is about, where its request names one thing and IAM knows such a resource.
pub fn resource(call: &Call, account: &str) -> Option<String> {
    let region = &call.region;
    let body: serde_json::Value = serde_json::from_slice(&call.body).unwrap_or_default();
    let named = |key: &str| body[key].as_str().map(str::to_owned);
    let here = |service: &str, name: String| format!("arn:aws:{service}:{region}:{account}:{name}");
    let last = |text: &str| text.rsplit('/').next().unwrap_or_default().to_owned();
    // An ARN is one already.
    let or_arn = |service: &str, kind: &str, name: String| match name.starts_with("arn:") {
        true => name,
        false => here(service, format!("{kind}{name}")),
    };
    match call.service {
        Service::CloudFormation => {
            let stack = call.stack.clone()?;
            Some(here("cloudformation", format!("stack/{stack}/6f2a")))
        }
        Service::AutoScaling => {
            // Of a listing, it is a filter.
            let name = call.input.text("AutoScalingGroupName")?;
            let group = format!("autoScalingGroup:6f2a:autoScalingGroupName/{name}");
            (!call.action.starts_with("Describe")).then(|| here("autoscaling", group))
        }
        Service::Sns => call.input.text("TopicArn").map(str::to_owned),
        Service::Iam => {
            let profile = call.input.text("InstanceProfileName");
            let profile = profile.map(|name| format!("arn:aws:iam::{account}:instance-profile/{name}"));
            let role = call.input.text("RoleName");
            profile.or_else(|| role.map(|name| format!("arn:aws:iam::{account}:role/{name}")))
        }
        Service::Sqs => {
            let name = named("QueueUrl").map(|url| last(&url)).or_else(|| named("QueueName"));
            // Tasks name queues by their ARNs.
            named("SourceArn").or_else(|| name.map(|name| here("sqs", name)))
        }
        Service::S3 => {
            let path = call.path.split('?').next().unwrap_or_default().trim_start_matches('/');
            let is_of_objects = call.action == "DeleteObjects";
            let key = if is_of_objects { "/anything" } else { "" };
            (!path.is_empty()).then(|| format!("arn:aws:s3:::{}{key}", path.trim_end_matches('/')))
        }
        Service::Lambda => {
            let name = call
                .path
                .strip_prefix("/2015-03-31/functions/")?
                .split('/')
                .next()?
                .to_owned();
            Some(here("lambda", format!("function:{name}")))
        }
        Service::Json => match json(&call.action) {
            "dynamodb" => named("TableName").map(|name| here("dynamodb", format!("table/{name}"))),
            "ssm" => {
                let first = body["Names"][0].as_str().map(str::to_owned);
                let name = named("Name").or(first)?;
                let name = name.trim_start_matches('/').to_owned();
                let own = if name.starts_with("aws/service/") { "" } else { account };
                Some(format!("arn:aws:ssm:{region}:{own}:parameter/{name}"))
            }
            "logs" if call.action == "FilterLogEvents" => {
                let name = named("logGroupName").or_else(|| named("logGroupIdentifier"))?;
                Some(or_arn("logs", "log-group:", name))
            }
            _ => None,
        },
        _ => None,
    }
}

/// Where calls are written down, if they are.
const CALLS: &str = "QFLEET_CALLS";

/// A line for each command and action, once.
pub fn record(call: &Call) {
    static WRITTEN: LazyLock<Mutex<BTreeSet<String>>> = LazyLock::new(Mutex::default);
    let Some(path) = std::env::var_os(CALLS) else { return };
    // What the engine calls in memory has no command.
    let by = call.by.as_deref().unwrap_or("-");
    for action in needed(call) {
        let line = format!("{by} {action}\n");
        let mut written = WRITTEN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if written.insert(line.clone()) {
            let file = OpenOptions::new().append(true).create(true).open(&path);
            let mut file = file.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            file.write_all(line.as_bytes()).expect("written");
        }
    }
}
