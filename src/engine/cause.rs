//! Why an operation failed: the first thing that went wrong, not the last.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;

use crate::blueprint::{Stack, template};
use crate::cloud::cloudformation::events::ResourceEvent;
use crate::cloud::cloudformation::operations::FailedEvent;

/// Why an operation failed.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Cause {
    /// The first failure in time that is neither a cancellation nor the stack itself.
    pub root: Option<ResourceEvent>,
    /// The line of the rendered template on which the resource begins, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template_line: Option<usize>,
    /// The file of the template, where it is one of your own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template_file: Option<PathBuf>,
    /// Resources that CloudFormation gave up because of it, by logical id.
    pub cancelled: Vec<String>,
    /// What usually leads to this, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<&'static str>,
    /// The last lines of the log of an instance whose worker didn't start.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<String>,
}

/// Finds the cause in the events of one operation, oldest first.
pub fn find(events: &[ResourceEvent], log: Vec<String>) -> Cause {
    let failures = || events.iter().filter(|event| event.failed());
    let root = failures()
        .find(|event| !event.is_stack && !is_cancellation(event.reason.as_deref()))
        .or_else(|| failures().find(|event| event.is_stack))
        .cloned();
    let mut cancelled: Vec<String> = failures()
        .filter(|event| is_cancellation(event.reason.as_deref()))
        .map(|event| event.logical_id.clone())
        .collect();
    cancelled.dedup();
    let hint = root.as_ref().and_then(hint);
    Cause {
        root,
        template_line: None,
        template_file: None,
        cancelled,
        hint,
        log,
    }
}

impl Cause {
    /// Takes the first failure that DescribeEvents names, if it names one, as the root.
    pub fn use_failed_events(&mut self, failed: Vec<FailedEvent>) {
        let Some(first) = failed.into_iter().find(says_why) else {
            return;
        };
        let reason = match &first.path {
            Some(path) => format!("{} (at {path})", first.reason),
            None => first.reason,
        };
        let root = ResourceEvent {
            id: String::new(),
            operation_id: None,
            token: None,
            at: None,
            logical_id: first.logical_id,
            physical_id: first.physical_id,
            resource_type: first.resource_type,
            status: first.status,
            reason: Some(reason),
            is_stack: false,
        };
        self.hint = hint(&root);
        self.root = Some(root);
    }

    /// Finds the resource in its template.
    pub fn locate(&mut self, template: Option<&Stack>) {
        let (Some(root), Some(stack)) = (&self.root, template) else {
            return;
        };
        self.template_line = template::line_of(&stack.body, &root.logical_id);
        self.template_file.clone_from(&stack.file);
    }
}

/// Events of the stack itself only say that something failed.
fn says_why(event: &FailedEvent) -> bool {
    event.resource_type != "AWS::CloudFormation::Stack" && !event.reason.is_empty()
}

/// Whether a resource failed with this reason only because CloudFormation gave it up when another one failed.
pub(super) fn is_cancellation(reason: Option<&str>) -> bool {
    reason.is_some_and(|reason| {
        let reason = reason.to_lowercase();
        reason.contains("creation cancelled")
            || reason.contains("update cancelled")
            || reason.contains("deletion cancelled")
    })
}

/// What to do about the common causes.
fn hint(event: &ResourceEvent) -> Option<&'static str> {
    let reason = event.reason.as_deref().unwrap_or_default();
    let says = |words: &[&str]| words.iter().any(|word| reason.contains(word));
    if says(&["FAILURE signal", "SUCCESS signal", "Failed to receive", "signals"]) {
        return Some(
            "workers did not start: `install` or `run` of the program failed on the instance, or it cannot reach AWS \
             (a private subnet needs NAT or endpoints). Its log says which",
        );
    }
    if says(&["service-linked role", "iam:CreateServiceLinkedRole"]) {
        return Some(
            "the account's first group needs Auto Scaling's service-linked role: aws iam create-service-linked-role \
             --aws-service-name autoscaling.amazonaws.com",
        );
    }
    if says(&["Client.InternalError", "KMSKeyNotAccessible", "InvalidKMSKey"]) {
        return Some(
            "the account encrypts volumes with a customer key that Auto Scaling may not use: grant \
             AWSServiceRoleForAutoScaling kms:CreateGrant on that key",
        );
    }
    if says(&[
        "No default VPC",
        "no default VPC",
        "VPCIdNotSpecified",
        "default subnet",
    ]) {
        return Some("the region has no default VPC: name `vpc` and `subnets`, or say `network: create`");
    }
    if says(&[
        "is not supported in your requested Availability Zone",
        "not supported in the requested",
    ]) {
        return Some(
            "a zone doesn't offer the instance type: name `zones` that do, or another type in `types`; `qfleet doctor` with \
             the file says which zones do",
        );
    }
    if says(&["does not match the architecture", "architecture"]) {
        return Some("the image is for another processor than the instance type: choose `image` or `types` to match");
    }
    if says(&["An event source mapping with SQS arn"]) {
        return Some(
            "the function receives from this queue through a mapping that somebody else made: delete that one (aws lambda \
             delete-event-source-mapping --uuid …), and run the same command again",
        );
    }
    if let Some(hint) = of_cloudfront(&says) {
        return Some(hint);
    }
    if says(&["already exists", "AlreadyExists", "BucketAlreadyOwnedByYou"]) {
        return Some(
            "something of that name is there already, in another stack or kept by an earlier destroy (aws cloudformation \
             describe-stack-resources --physical-resource-id … names its stack): change the environment's name",
        );
    }
    if says(&["LimitExceeded", "limit exceeded", "VcpuLimit", "vCPU limit", "quota"]) {
        return Some(
            "a quota of the account is used up: ask for more in Service Quotas, or make `max` smaller; `qfleet doctor` with the \
             file says how much is allowed, in use and needed",
        );
    }
    if says(&["QueueDeletedRecently", "wait 60 seconds after deleting"]) {
        return Some(
            "SQS gives a queue's name back 60 seconds after its deletion: run the same command again in a minute",
        );
    }
    if says(&["is less than Function timeout"]) {
        return Some(
            "Lambda refuses a queue whose `visibility_timeout` is shorter than the function's `timeout`: make it six times as \
             long and deploy again; where the file has it so, somebody changed the queue: qfleet drift --revert",
        );
    }
    if says(&["execution role does not have permissions"]) {
        return Some(
            "IAM may need some seconds until a new role holds everywhere: run the same command again. If it fails again, \
             something denies the role what its policy allows: a permissions boundary, or a policy of the organization",
        );
    }
    if says(&["Unzipped size must be smaller"]) {
        return Some("the function's program is too large with all that `build` puts there: leave data in a bucket");
    }
    if says(&["Specified ConcurrentExecutions", "ConcurrentExecutions limit"]) {
        return Some(
            "the account's concurrency is used up: ask for more in Service Quotas, or make `max_concurrency` smaller",
        );
    }
    if says(&["no longer supported for creating or updating"]) {
        return Some("Lambda takes this `runtime` no longer: name a newer one");
    }
    if says(&["AccessDenied", "not authorized", "UnauthorizedOperation"]) {
        return Some("the role or user that runs qfleet lacks this permission: the message names the action");
    }
    None
}

/// <https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_CreateDistribution.html>, Errors
fn of_cloudfront(says: &impl Fn(&[&str]) -> bool) -> Option<&'static str> {
    if says(&["DNS record that points to another CloudFront distribution"]) {
        return Some(
            "this `domain` still leads to another distribution: remove that record in your DNS, or point it to the distribution of \
             `qfleet outputs`; wait until its TTL is over, and run the same command again",
        );
    }
    if says(&["CNAMEs you provided are already associated", "CNAMEAlreadyExists"]) {
        return Some(
            "another distribution answers for this `domain`, yours or another account's: take the name off that one first, or \
             choose another",
        );
    }
    if says(&[
        "TooManyKeyGroupsAssociatedToDistribution",
        "number of key groups referenced",
    ]) {
        return Some("CloudFront takes four `key_groups` by default: name fewer, or ask for more in Service Quotas");
    }
    if says(&["doesn't cover the alternate domain name"]) {
        return Some("the `certificate` isn't for this `domain`: have ACM issue one that names it");
    }
    if says(&["InvalidViewerCertificate", "SSL certificate doesn't exist"]) {
        return Some(
            "CloudFront takes only a certificate that ACM has issued in us-east-1: aws acm describe-certificate --region \
             us-east-1 --certificate-arn … shows whether it has",
        );
    }
    if says(&["TrustedKeyGroupDoesNotExist", "key group does not exist"]) {
        return Some(
            "the account has no such key group: aws cloudfront list-key-groups shows the ids for `key_groups`",
        );
    }
    if says(&["account must be verified"]) {
        return Some("AWS doesn't let this account use CloudFront yet: ask AWS Support, as the message says");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(logical_id: &str, status: &str, reason: &str) -> ResourceEvent {
        ResourceEvent {
            id: String::new(),
            operation_id: None,
            token: None,
            at: None,
            logical_id: logical_id.into(),
            physical_id: String::new(),
            resource_type: "AWS::SQS::Queue".into(),
            status: status.into(),
            reason: Some(reason.into()),
            is_stack: logical_id == "stack",
        }
    }

    #[test]
    fn the_first_failure_in_time_is_the_cause_and_cancellations_are_not() {
        let events = [
            event("Queue", "CREATE_IN_PROGRESS", ""),
            event("Role", "CREATE_FAILED", "Resource creation cancelled"),
            event("Queue", "CREATE_FAILED", "Queue photo-lab-move already exists"),
            event("Group", "CREATE_FAILED", "You are not authorized"),
            event(
                "stack",
                "ROLLBACK_IN_PROGRESS",
                "The following resource(s) failed to create: [Queue]",
            ),
        ];
        let cause = find(&events, Vec::new());
        assert_eq!(cause.root.map(|root| root.logical_id).as_deref(), Some("Queue"));
        assert_eq!(cause.cancelled, ["Role"]);
        assert!(cause.hint.is_some_and(|hint| hint.contains("there already")));
    }

    /// Messages as services word them, each with what is to be said about it.
    #[test]
    fn common_causes_come_with_what_to_do() {
        let cases = [
            ("Queue photo-lab-move already exists", "is there already"),
            (
                "The maximum number of VPCs has been reached. (Service: Ec2, Error Code: VpcLimitExceeded)",
                "Service Quotas",
            ),
            (
                "You have requested more vCPU capacity than your current vCPU limit of 32 allows for the instance bucket",
                "Service Quotas",
            ),
            (
                "User: arn:aws:iam::111122223333:user/ci is not authorized to perform: sqs:createqueue",
                "lacks this permission",
            ),
            (
                "The default Service-Linked Role for Auto Scaling could not be created. ErrorMessage: User is not \
                 authorized to perform: iam:CreateServiceLinkedRole",
                "create-service-linked-role",
            ),
            (
                "Instance failed to launch: Client.InternalError: Client error on launch",
                "kms:CreateGrant",
            ),
            ("No default VPC for this user", "network: create"),
            (
                "Your requested instance type (t4g.small) is not supported in your requested Availability Zone \
                 (us-east-1e)",
                "`zones`",
            ),
            (
                "The architecture 'x86_64' of the specified instance type does not match the architecture 'arm64' of \
                 the specified AMI",
                "another processor",
            ),
            (
                "Received FAILURE signal with UniqueId i-0123456789abcdef0",
                "workers did not start",
            ),
            (
                "Failed to receive 2 resource signal(s) within the specified duration",
                "workers did not start",
            ),
            (
                "Resource handler returned message: \"Invalid request provided: Queue visibility timeout: 10 seconds is less \
                 than Function timeout: 30 seconds (Service: Lambda, Status Code: 400)\"",
                "`visibility_timeout`",
            ),
            (
                // localstack/localstack test_lambda_integration_sqs.snapshot.json, test_duplicate_event_source_mappings.
                "An event source mapping with SQS arn (\" arn:aws:sqs:us-east-2:111122223333:lab-work \") and function (\" lab \
                 \") already exists. Please update or delete the existing mapping with UUID 0",
                "delete-event-source-mapping",
            ),
            (
                "Resource handler returned message: \"The provided execution role does not have permissions to call \
                 ReceiveMessage on SQS (Service: Lambda, Status Code: 400)\"",
                "run the same command again",
            ),
            (
                "Unzipped size must be smaller than 262144000 bytes (Service: Lambda, Status Code: 400)",
                "too large",
            ),
            (
                "The runtime parameter of python3.8 is no longer supported for creating or updating AWS Lambda functions.",
                "newer one",
            ),
            (
                "Invalid request provided: AWS::CloudFront::Distribution: One or more of the CNAMEs you provided are already \
                 associated with a different resource. (Service: CloudFront, Status Code: 409)",
                "another distribution answers",
            ),
            (
                // aws-amplify/amplify-hosting issues 2025, 1425 and others; as CloudFront words it, by Amplify.
                "Invalid request provided: AWS::CloudFront::Distribution: One or more aliases specified for the distribution \
                 includes an incorrectly configured DNS record that points to another CloudFront distribution. You must update the \
                 DNS record to correct the problem. (Service: CloudFront, Status Code: 409)",
                "wait until its TTL is over",
            ),
            (
                // CloudFront's API: TooManyKeyGroupsAssociatedToDistribution.
                "The number of key groups referenced by this distribution is more than the maximum allowed. (Service: CloudFront, \
                 Status Code: 400)",
                "takes four `key_groups`",
            ),
            (
                "InvalidViewerCertificate: The certificate that is attached to your distribution doesn't cover the alternate \
                 domain name (CNAME) that you're trying to add.",
                "isn't for this `domain`",
            ),
            (
                "The specified SSL certificate doesn't exist, isn't in us-east-1 region, isn't valid, or doesn't include a valid \
                 certificate chain.",
                "has issued in us-east-1",
            ),
            (
                "The specified key group does not exist. (Service: CloudFront, Status Code: 400)",
                "list-key-groups",
            ),
            (
                "Access denied for operation 'AWS::CloudFront::Distribution: Your account must be verified before you can add \
                 CloudFront resources. To verify your account, please contact AWS Support'",
                "ask AWS Support",
            ),
            (
                "You must wait 60 seconds after deleting a queue before you can create another with the same name",
                "in a minute",
            ),
        ];
        for (reason, wanted) in cases {
            let cause = find(&[event("Resource", "CREATE_FAILED", reason)], Vec::new());
            let hint = cause.hint.unwrap_or("nothing");
            assert!(hint.contains(wanted), "{reason}: {hint}");
        }
        let unknown = find(&[event("Resource", "CREATE_FAILED", "It rains")], Vec::new());
        assert_eq!(unknown.hint, None);
    }

    #[test]
    fn a_stack_that_fails_by_itself_is_its_own_cause() {
        let events = [event("stack", "DELETE_FAILED", "Export is in use by other-stack")];
        assert_eq!(
            find(&events, Vec::new()).root.map(|root| root.logical_id).as_deref(),
            Some("stack")
        );
    }
}
