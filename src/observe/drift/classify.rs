//! What a difference means. Pure.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::normalise::{same, unquoted};
use super::policy;

/// How much a difference matters, the least first. Only the last two count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Written otherwise, the same in meaning.
    Equal,
    /// What the service is there to change: a fleet that has scaled.
    Expected,
    /// What detection is known to get wrong.
    FalsePositive,
    /// The environment file says that it may differ.
    Ignored,
    Unexpected,
    /// Somebody changed it, and data, access or the flow of work is at risk.
    Dangerous,
}

impl Class {
    /// Whether it counts for the verdict.
    pub fn matters(self) -> bool {
        self >= Class::Unexpected
    }
}

/// A class and what speaks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meaning {
    /// How much it matters.
    pub class: Class,
    /// Why, in a line.
    pub why: String,
    /// Where that is known from.
    pub reference: Option<&'static str>,
}

/// A property that differs, with what is needed to judge it.
#[derive(Debug, Clone, Copy)]
pub struct Difference<'a> {
    pub resource_type: &'a str,
    /// Where in the resource's properties: `RedrivePolicy/maxReceiveCount`. Empty: the resource itself, which is gone.
    pub path: &'a str,
    /// What it was deployed as.
    pub expected: Option<&'a Value>,
    pub actual: Option<&'a Value>,
    /// All properties as they were deployed.
    pub all_expected: &'a Value,
    /// All properties as they are, as far as they are known.
    pub all_actual: &'a Value,
    /// The properties as the service itself says them when asked directly.
    pub asked: Option<&'a Value>,
}

const DEFAULT_INSTANCE_WARMUP: &str =
    "https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1466";
const LAUNCH_TEMPLATE_VERSION: &str =
    "https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1470";
const REDRIVE: &str = "https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/2020";
const NOTIFICATION: &str = "https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1072";

impl<'a> Difference<'a> {
    /// The property that it is in.
    fn property(&self) -> &'a str {
        self.path.split('/').next().unwrap_or_default()
    }

    /// The innermost name of its path.
    fn name(&self) -> &'a str {
        let named = |segment: &&str| !segment.bytes().all(|byte| byte.is_ascii_digit());
        self.path.rsplit('/').find(named).unwrap_or_default()
    }

    fn is_in(&self, names: &[&str]) -> bool {
        self.path.split('/').any(|segment| names.contains(&segment))
    }

    fn is_off(&self) -> bool {
        self.actual
            .is_none_or(|actual| *actual == Value::Bool(false) || actual == "false" || actual == "")
    }

    /// What a difference means.
    pub fn meaning(&self) -> Meaning {
        let equal = self
            .is_equal()
            .then(|| meaning(Class::Equal, "the same, written otherwise"));
        let found = equal
            .or_else(|| self.known_false_positive())
            .or_else(|| self.expected_difference())
            .or_else(|| self.danger());
        found.unwrap_or_else(|| meaning(Class::Unexpected, self.what_happened()))
    }

    fn is_equal(&self) -> bool {
        if self.path.is_empty() {
            return false;
        }
        let whole = |all: &'a Value| all.get(self.property());
        let as_a_whole = whole(self.all_expected).zip(whole(self.all_actual));
        let alone = self.expected.zip(self.actual);
        as_a_whole.is_some_and(|(one, other)| same(self.property(), one, other))
            || alone.is_some_and(|(one, other)| same(self.name(), one, other))
    }

    /// What detection is known to report although nothing differs: believed to be one where the service, asked
    /// directly, says that the property is as it was deployed; a real change of the same property stays one.
    fn known_false_positive(&self) -> Option<Meaning> {
        let property = self.property();
        let (what, reference) = match (self.resource_type, property) {
            ("AWS::AutoScaling::AutoScalingGroup", "DefaultInstanceWarmup") => {
                ("detection doesn't read DefaultInstanceWarmup", DEFAULT_INSTANCE_WARMUP)
            }
            ("AWS::AutoScaling::AutoScalingGroup", "LaunchTemplate" | "MixedInstancesPolicy")
                if self.name() == "Version" =>
            {
                return self.launch_template_version();
            }
            ("AWS::SQS::Queue", "RedrivePolicy" | "RedriveAllowPolicy") => {
                ("detection misreads redrive policies", REDRIVE)
            }
            ("AWS::S3::Bucket", "NotificationConfiguration") => (
                "detection misreads notifications, EventBridge's above all",
                NOTIFICATION,
            ),
            _ => return None,
        };
        let (expected, asked) = (self.all_expected.get(property)?, self.asked?.get(property)?);
        same(property, expected, asked).then(|| Meaning {
            class: Class::FalsePositive,
            why: format!("{what}; the service itself says that it is as it was deployed"),
            reference: Some(reference),
        })
    }

    /// An instance refresh that somebody starts leaves `$Latest` where the template has the number that it means.
    fn launch_template_version(&self) -> Option<Meaning> {
        let expected = self.expected?.as_str()?;
        if self.actual? != "$Latest" {
            return None;
        }
        let instances = self.asked?.get("Instances")?.as_object()?;
        let all_run_it = !instances.is_empty() && instances.values().all(|version| version == expected);
        all_run_it.then(|| Meaning {
            class: Class::FalsePositive,
            why: format!("an instance refresh left $Latest, and every instance runs version {expected}"),
            reference: Some(LAUNCH_TEMPLATE_VERSION),
        })
    }

    fn expected_difference(&self) -> Option<Meaning> {
        let number = |name: &str| -> Option<f64> {
            let asked = self.asked.and_then(|asked| asked.get(name));
            number(self.all_expected.get(name).or(asked)?)
        };
        match (self.resource_type, self.property()) {
            ("AWS::AutoScaling::AutoScalingGroup", "DesiredCapacity") => {
                let desired = self.actual.and_then(self::number)?;
                let within = (number("MinSize")?..=number("MaxSize")?).contains(&desired);
                within.then(|| meaning(Class::Expected, "Auto Scaling sets it, between the group's bounds"))
            }
            ("AWS::AutoScaling::AutoScalingGroup", "MinSize" | "MaxSize") => {
                let asked = self.asked?;
                let bounds = [self::number(asked.get("MinSize")?), self::number(asked.get("MaxSize")?)];
                let mut scheduled = asked.get("ScheduledBounds")?.as_array()?.iter();
                let is_scheduled = |set: &Value| [self::number(&set[0]), self::number(&set[1])] == bounds;
                scheduled
                    .any(is_scheduled)
                    .then(|| meaning(Class::Expected, "its schedule sets these bounds"))
            }
            ("AWS::AutoScaling::AutoScalingGroup", "AvailabilityZones")
                if self.all_expected.get("VPCZoneIdentifier").is_some() && self.expected.is_none() =>
            {
                Some(meaning(Class::Expected, "the zones of the subnets that it was given"))
            }
            (_, "Tags") => {
                let key = self.actual.or(self.expected)?.get("Key").and_then(Value::as_str);
                let of_aws = key.is_some_and(|key| key.starts_with("aws:"));
                of_aws.then(|| meaning(Class::Expected, "a tag of AWS's own"))
            }
            _ => None,
        }
    }

    fn danger(&self) -> Option<Meaning> {
        let dangerous = |why: &str| Some(meaning(Class::Dangerous, why));
        if self.path.is_empty() {
            return self.loss().and_then(dangerous);
        }
        let removed = self.actual.is_none();
        match (self.resource_type, self.property()) {
            ("AWS::S3::Bucket", "PublicAccessBlockConfiguration") if self.is_off() => {
                dangerous("the bucket can be made public")
            }
            ("AWS::S3::Bucket", "OwnershipControls" | "AccessControl") => {
                dangerous("access control lists may give objects away")
            }
            ("AWS::S3::Bucket", "BucketEncryption") => dangerous("objects are no longer encrypted as deployed"),
            ("AWS::S3::Bucket", "NotificationConfiguration") if removed => {
                dangerous("uploads no longer become messages")
            }
            ("AWS::S3::Bucket", "NotificationConfiguration")
                if self.is_in(&["TopicConfigurations"]) && self.lost_a_notification() =>
            {
                dangerous(
                    "uploads may no longer become messages: S3 publishes only keys that fit the filter, which is percent-encoded",
                )
            }
            ("AWS::SQS::Queue", "SqsManagedSseEnabled") if self.is_off() => {
                dangerous("messages are no longer encrypted with SQS's own key")
            }
            (_, "KmsMasterKeyId" | "KMSKeyId" | "KmsKeyId") if self.is_off() => dangerous("it is no longer encrypted"),
            ("AWS::SQS::Queue", "RedrivePolicy") if removed || self.name() == "deadLetterTargetArn" => {
                dangerous("messages that fail no longer go to the dead-letter queue")
            }
            ("AWS::DynamoDB::Table", "PointInTimeRecoverySpecification") if self.is_off() => {
                dangerous("records that are lost can't be brought back any more")
            }
            ("AWS::EC2::SecurityGroup", "SecurityGroupIngress") if self.actual.is_some() => {
                dangerous("something is let in")
            }
            ("AWS::ElasticLoadBalancingV2::Listener", "Protocol" | "SslPolicy" | "Certificates") => {
                dangerous("what passes is no longer encrypted as deployed")
            }
            ("AWS::ElasticLoadBalancingV2::Listener", "DefaultActions") => dangerous("requests go elsewhere"),
            ("AWS::CloudFront::Distribution", _) if self.is_in(&["TrustedKeyGroups", "TrustedSigners"]) => {
                dangerous("others may fetch files than deployed, or nobody may")
            }
            ("AWS::CloudFront::Distribution", _) if self.is_in(&["Origins", "TargetOriginId"]) => {
                dangerous("other files than deployed may be handed out")
            }
            ("AWS::CloudFront::Distribution", _) if self.is_in(&["CacheBehaviors"]) => dangerous(
                "other files than deployed may be handed out, or to others: for its paths a behavior has rules of its own",
            ),
            ("AWS::CloudFront::Distribution", _)
                if self.is_in(&["FunctionAssociations", "LambdaFunctionAssociations"]) =>
            {
                dangerous("a function may change what is asked for and what is answered")
            }
            ("AWS::CloudFront::Distribution", _) if self.is_in(&["Aliases"]) => {
                dangerous("it answers for other names than deployed")
            }
            ("AWS::CloudFront::Distribution", _) if self.name() == "Enabled" && self.is_off() => {
                dangerous("nobody gets a file")
            }
            ("AWS::CloudFront::Distribution", _) if self.is_in(&["ViewerProtocolPolicy", "ViewerCertificate"]) => {
                dangerous("what passes is no longer encrypted as deployed")
            }
            ("AWS::CloudFront::OriginAccessControl", _) if self.name() == "SigningBehavior" => {
                dangerous("requests to the bucket are no longer signed, and it answers none")
            }
            ("AWS::AutoScaling::AutoScalingGroup", "SuspendedProcesses") => {
                dangerous("the group no longer does this by itself; `aws autoscaling resume-processes` lets it again")
            }
            ("AWS::CloudWatch::Alarm", "ActionsEnabled") if self.is_off() => {
                dangerous("the alarm no longer sets anything going")
            }
            ("AWS::CloudWatch::Alarm", "AlarmActions") if self.has_less("AlarmActions") => {
                dangerous("the alarm no longer sets going what it should")
            }
            ("AWS::Lambda::EventSourceMapping", "Enabled") if self.is_off() => {
                dangerous("the function no longer receives messages")
            }
            ("AWS::Lambda::EventSourceMapping", "FunctionName") => dangerous("another function receives the messages"),
            // <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs-filtering.html>
            ("AWS::Lambda::EventSourceMapping", "FilterCriteria") => {
                dangerous("messages that don't fit the filter are deleted, and nobody works on them")
            }
            // <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>
            ("AWS::Lambda::EventSourceMapping", "FunctionResponseTypes") => {
                dangerous("messages that the function reports as failed are deleted")
            }
            ("AWS::Lambda::Function", "Code") => dangerous(
                "it runs other code than was deployed; `aws lambda update-function-code` with the deployed object puts it \
                 back",
            ),
            ("AWS::Lambda::Function", "Policy") => dangerous("somebody else may invoke the function"),
            ("AWS::Lambda::Function", "Role") => dangerous("it has the permissions of another role"),
            ("AWS::Lambda::Function", "ReservedConcurrentExecutions") if self.actual.and_then(number) == Some(0.0) => {
                dangerous("nothing may invoke it; `aws lambda delete-function-concurrency` lets it run again")
            }
            ("AWS::AutoScaling::ScalingPolicy", "Enabled") if self.is_off() => {
                dangerous("the policy no longer scales the group")
            }
            ("AWS::IAM::Role", "ManagedPolicyArns") if self.has_more("ManagedPolicyArns") => {
                dangerous("the role was given more permissions")
            }
            ("AWS::IAM::Role", "PermissionsBoundary") if self.expected.is_some() => {
                dangerous("what the role can be given at most is another")
            }
            ("AWS::IAM::Role", "Policies") if self.role_policies_widened() => {
                dangerous("the role was given more permissions")
            }
            _ if self.is_in(&["HttpTokens"]) => dangerous("instance metadata is handed out without a token"),
            _ if self.is_in(&["Encrypted"]) && self.is_off() => dangerous("volumes are no longer encrypted"),
            _ if policy::is_document(self.property()) && self.document_widened() => {
                dangerous("the policy allows more, or denies less, than deployed")
            }
            _ => None,
        }
    }

    /// What a deleted resource takes with it, where that is data, access or the flow of work.
    fn loss(&self) -> Option<&'static str> {
        Some(match self.resource_type {
            "AWS::AutoScaling::AutoScalingGroup" => "it was deleted, and its workers with it",
            "AWS::AutoScaling::ScalingPolicy" => "it was deleted: the group no longer scales by it",
            "AWS::AutoScaling::ScheduledAction" => {
                "it was deleted: the group no longer gets these bounds at their time"
            }
            "AWS::CloudFront::Distribution" => "it was deleted: nobody gets a file",
            "AWS::DynamoDB::Table" => "it was deleted, and its records with it",
            "AWS::ElasticLoadBalancingV2::Listener"
            | "AWS::ElasticLoadBalancingV2::LoadBalancer"
            | "AWS::ElasticLoadBalancingV2::TargetGroup" => "it was deleted: nobody answers any more",
            "AWS::Lambda::EventSourceMapping" => "it was deleted: the function no longer receives messages",
            "AWS::Lambda::Function" => "it was deleted: nobody works on the messages",
            "AWS::S3::Bucket" => "it was deleted, and its objects with it",
            "AWS::SNS::Subscription" => "it was deleted: whoever it was for no longer gets what the topic publishes",
            "AWS::SNS::Topic" => "it was deleted, and its subscriptions with it",
            "AWS::SQS::Queue" => "it was deleted, and its messages with it",
            _ => return None,
        })
    }

    /// Whether a list of texts holds one now that it wasn't deployed with.
    fn has_more(&self, property: &str) -> bool {
        let known = texts(self.all_expected, property);
        texts(self.all_actual, property).iter().any(|one| !known.contains(one))
    }

    /// Whether a list of texts lacks one now that it was deployed with.
    fn has_less(&self, property: &str) -> bool {
        let left = texts(self.all_actual, property);
        texts(self.all_expected, property).iter().any(|one| !left.contains(one))
    }

    /// Whether a notification that was deployed isn't there as it was.
    fn lost_a_notification(&self) -> bool {
        let all = |of: &'a Value| {
            let list = of.pointer("/NotificationConfiguration/TopicConfigurations");
            list.and_then(Value::as_array).into_iter().flatten()
        };
        let is_there = |one: &Value| all(self.all_actual).any(|other| same("TopicConfigurations", one, other));
        all(self.all_expected).any(|one| !is_there(one))
    }

    fn document_widened(&self) -> bool {
        let whole = |all: &'a Value| all.get(self.property()).map(unquoted);
        match (whole(self.all_expected), whole(self.all_actual)) {
            (Some(expected), Some(actual)) => policy::widened(&expected, &actual),
            (Some(expected), None) => policy::widened(&expected, &Value::Object(Default::default())),
            _ => true,
        }
    }

    /// A role's inline policies, by name: one more, or one that allows more.
    fn role_policies_widened(&self) -> bool {
        let list = |all: &'a Value| all.get("Policies").and_then(Value::as_array);
        let (Some(expected), Some(actual)) = (list(self.all_expected), list(self.all_actual)) else {
            return self.actual.is_some();
        };
        actual.iter().any(|policy| {
            let known = expected
                .iter()
                .find(|known| known["PolicyName"] == policy["PolicyName"]);
            let document = unquoted(&policy["PolicyDocument"]);
            known.is_none_or(|known| policy::widened(&unquoted(&known["PolicyDocument"]), &document))
        })
    }

    fn what_happened(&self) -> &'static str {
        if (self.resource_type, self.path) == ("AWS::AutoScaling::AutoScalingGroup", "Instances") {
            return "instances run another version of the launch template than the group launches now";
        }
        match (self.path.is_empty(), self.expected, self.actual) {
            (true, _, _) => "it was deleted",
            (_, None, _) => "it was added",
            (_, _, None) => "it was removed",
            _ => "it was changed",
        }
    }
}

/// The texts of a property that is a list of them, or one.
fn texts<'a>(all: &'a Value, property: &str) -> Vec<&'a str> {
    match all.get(property) {
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(one)) => vec![one],
        _ => Vec::new(),
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_f64(),
    }
}

fn meaning(class: Class, why: &str) -> Meaning {
    Meaning {
        class,
        why: why.to_owned(),
        reference: None,
    }
}

#[cfg(test)]
mod tests;
