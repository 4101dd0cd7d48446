//! The lists of calls, each with what an environment must have for them.

use super::types::{
    ALARM, BALANCER, BUCKET, DISTRIBUTION, FUNCTION, GROUP, LISTENER, MAPPING, ORIGIN_ACCESS, PROFILE, QUEUE, ROLE,
    SCALING, SUBSCRIPTION, TABLE, TARGETS, TOPIC,
};
use super::when::When::{
    self, Always, Bucket, Empties, Existing, Functions, Has, Lifetime, Parameters, Places, Programs, Replicates,
    Replies, Secrets, Switches,
};
use crate::permissions::Purpose;

/// Behind an `@`, of S3's actions, in which of the environment's buckets: `programs`, there only what `plans` put, `files`
/// (whoever made it), all that are `made`, the one that `copies` go to, or whatever is `named` as one would be.
pub type Calls = &'static [(When, &'static [&'static str])];

/// Which stacks there are. Without a name, `DescribeStacks` is allowed by `ListStacks`, too.
const STACKS: (When, &[&str]) = (Always, &["cloudformation:DescribeStacks", "cloudformation:ListStacks"]);

const PLAN: Calls = &[
    STACKS,
    (
        Always,
        &[
            "cloudformation:CreateChangeSet",
            "cloudformation:DeleteChangeSet",
            // A stack that only holds the change set of a plan.
            "cloudformation:DeleteStack",
            "cloudformation:DescribeChangeSet",
            "cloudformation:DescribeEvents",
            "cloudformation:DescribeStackEvents",
            "cloudformation:DescribeStackResources",
            "cloudformation:GetTemplate",
            "cloudformation:ListChangeSets",
            "cloudformation:ListStackResources",
            // Stacks have tags
            // (<https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudformation.html>).
            "cloudformation:TagResource",
            "cloudformation:UntagResource",
            "ssm:GetParameters",
        ],
    ),
    (Places, &["ec2:DescribeInstanceTypeOfferings", "ec2:DescribeSubnets"]),
    // Whether the secrets are there, and not what they say.
    (Parameters, &["ssm:DescribeParameters"]),
    (Secrets, &["secretsmanager:DescribeSecret"]),
    (Has(GROUP), &["autoscaling:DescribeAutoScalingGroups"]),
    // What is in queues that are replaced, or that left the file.
    (Always, &["sqs:GetQueueAttributes"]),
    // Whether something is there to be taken in.
    (Has(BUCKET), &["s3:ListBucket@made"]),
    (Has(QUEUE), &["sqs:GetQueueUrl"]),
    (Has(TABLE), &["dynamodb:DescribeTable"]),
    (Has(MAPPING), &["lambda:GetEventSourceMapping", "lambda:ListTags"]),
    // Without it, S3 doesn't say that an object is missing
    // (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html>).
    (Programs, &["s3:ListBucket@programs"]),
    (
        Existing,
        &[
            "s3:GetBucketNotification@files",
            "s3:GetEncryptionConfiguration@files",
            "s3:ListBucket@files",
        ],
    ),
    (Replicates, &["s3:GetBucketVersioning@copies", "s3:ListBucket@copies"]),
];

/// A template that is too long to be sent goes by the bucket for programs. Who plans may write nothing there that a deploy
/// or an instance reads.
const PLANNED_TEMPLATES: Calls = &[(Programs, &["s3:GetObject@plans", "s3:PutObject@plans"])];

const DEPLOY: Calls = &[
    (Programs, &["s3:GetObject@programs", "s3:PutObject@programs"]),
    (
        Always,
        &[
            "cloudformation:CancelUpdateStack",
            "cloudformation:ExecuteChangeSet",
            "cloudformation:UpdateTerminationProtection",
            // A lifetime that left the file.
            "ssm:DeleteParameter",
        ],
    ),
    (Lifetime, &["ssm:PutParameter"]),
    // What a destroy that was broken off has lowered.
    (
        Has(GROUP),
        &[
            "autoscaling:DeleteTags",
            "autoscaling:ResumeProcesses",
            "autoscaling:UpdateAutoScalingGroup",
        ],
    ),
    (
        Has(MAPPING),
        &["lambda:UntagResource", "lambda:UpdateEventSourceMapping"],
    ),
    (Switches, &["lambda:InvokeFunction"]),
    // How long what it has in hand may take, once others work or nobody does.
    (Functions, &["lambda:GetFunction"]),
    (Existing, &["s3:PutBucketNotification@files"]),
];

/// Reads of what went, one by one, and of what carries the environment's tag or name.
const LEFTOVERS: Calls = &[
    STACKS,
    (
        Always,
        &[
            "autoscaling:DescribeAutoScalingGroups",
            "cloudformation:DescribeStackResources",
            "cloudformation:ListStackResources",
            "cloudwatch:DescribeAlarms",
            // By name, whatever the file has now.
            "cloudwatch:GetDashboard",
            "dynamodb:DescribeTable",
            "dynamodb:ListTagsOfResource",
            "iam:ListRoles",
            "logs:DescribeLogGroups",
            "s3:GetBucketTagging@named",
            "s3:ListBucket@named",
            "sns:ListSubscriptions",
            "sns:ListTopics",
            "sqs:ListQueues",
            "ssm:GetParameter",
            "tag:GetResources",
        ],
    ),
    (Has(SCALING), &["autoscaling:DescribePolicies"]),
    (Has(DISTRIBUTION), &["cloudfront:GetDistribution"]),
    // Where it had none, it doesn't matter that nobody may ask.
    (
        Has(ORIGIN_ACCESS),
        &[
            "cloudfront:GetOriginAccessControl",
            "cloudfront:ListOriginAccessControls",
        ],
    ),
    (Has(BALANCER), &["elasticloadbalancing:DescribeLoadBalancers"]),
    (Has(LISTENER), &["elasticloadbalancing:DescribeListeners"]),
    (Has(TARGETS), &["elasticloadbalancing:DescribeTargetGroups"]),
    (Has(PROFILE), &["iam:GetInstanceProfile"]),
    (Has(ROLE), &["iam:GetRole", "iam:GetRolePolicy"]),
    (Has(FUNCTION), &["lambda:GetFunction"]),
    (Has(MAPPING), &["lambda:GetEventSourceMapping"]),
    (Has(SUBSCRIPTION), &["sns:GetSubscriptionAttributes"]),
    (Has(TOPIC), &["sns:GetTopicAttributes", "sns:ListTagsForResource"]),
    (
        Has(QUEUE),
        &["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ListQueueTags"],
    ),
];

const DESTROY: Calls = &[
    (
        Always,
        &[
            "cloudformation:DeleteStack",
            "cloudformation:DescribeEvents",
            "cloudformation:DescribeStackEvents",
            "cloudformation:GetTemplate",
            "cloudformation:ListChangeSets",
            "cloudformation:ListImports",
            "cloudformation:UpdateTerminationProtection",
            "ssm:DeleteParameter",
        ],
    ),
    (
        Has(GROUP),
        &[
            "autoscaling:CancelInstanceRefresh",
            "autoscaling:CompleteLifecycleAction",
            "autoscaling:CreateOrUpdateTags",
            "autoscaling:DescribeInstanceRefreshes",
            "autoscaling:DescribeLifecycleHooks",
            "autoscaling:SetInstanceProtection",
            "autoscaling:SuspendProcesses",
            "autoscaling:UpdateAutoScalingGroup",
        ],
    ),
    (Has(MAPPING), &["lambda:TagResource", "lambda:UpdateEventSourceMapping"]),
    (Has(TABLE), &["dynamodb:Scan"]),
    (Has(TOPIC), &["sns:ListSubscriptionsByTopic"]),
    // What will be lost is counted.
    (
        Has(BUCKET),
        &[
            "cloudwatch:GetMetricData",
            "s3:ListBucketMultipartUploads@made",
            "s3:ListBucketVersions@made",
        ],
    ),
    (
        Programs,
        &[
            "s3:AbortMultipartUpload@programs",
            "s3:DeleteObject@programs",
            "s3:DeleteObjectVersion@programs",
        ],
    ),
    (
        Empties,
        &[
            "s3:AbortMultipartUpload@files",
            "s3:DeleteObject@files",
            "s3:DeleteObjectVersion@files",
        ],
    ),
    (
        Existing,
        &[
            "s3:GetBucketNotification@files",
            "s3:ListBucket@files",
            "s3:PutBucketNotification@files",
        ],
    ),
];

const STATUS: Calls = &[
    STACKS,
    (
        Always,
        &[
            "cloudformation:DescribeStackEvents",
            "cloudformation:ListChangeSets",
            "cloudwatch:DescribeAlarms",
            "cloudwatch:GetMetricData",
            "sqs:GetQueueAttributes",
            "ssm:GetParameter",
        ],
    ),
    (
        Has(GROUP),
        &[
            "autoscaling:DescribeAutoScalingGroups",
            "autoscaling:DescribeInstanceRefreshes",
            "autoscaling:DescribePolicies",
            "autoscaling:DescribeScalingActivities",
        ],
    ),
    (Has(DISTRIBUTION), &["cloudfront:GetDistribution"]),
    (Has(MAPPING), &["lambda:GetEventSourceMapping", "lambda:ListTags"]),
    (Has(FUNCTION), &["lambda:GetFunction"]),
    (
        Has(BALANCER),
        &[
            "elasticloadbalancing:DescribeLoadBalancers",
            "elasticloadbalancing:DescribeTargetHealth",
        ],
    ),
    (Has(TOPIC), &["sns:ListSubscriptionsByTopic"]),
    (Bucket, &["s3:ListBucket@files"]),
    (Existing, &["s3:GetBucketNotification@files"]),
    (
        Replicates,
        &[
            "cloudformation:ListStackResources",
            "s3:GetBucketVersioning@copies",
            "s3:GetReplicationConfiguration@files",
            "s3:ListBucket@copies",
        ],
    ),
];

const DRIFT: Calls = &[
    STACKS,
    (
        Always,
        &[
            "cloudformation:DescribeStackDriftDetectionStatus",
            "cloudformation:DescribeStackEvents",
            "cloudformation:DescribeStackResourceDrifts",
            "cloudformation:DetectStackDrift",
            "cloudformation:GetTemplate",
            "cloudformation:ListStackResources",
        ],
    ),
    (Has(GROUP), &["autoscaling:DescribeAutoScalingGroups"]),
    (Has(SCALING), &["autoscaling:DescribePolicies"]),
    (Has(ALARM), &["cloudwatch:DescribeAlarms"]),
    (Has(DISTRIBUTION), &["cloudfront:GetDistribution"]),
    (
        Has(ROLE),
        &[
            "iam:GetRole",
            "iam:GetRolePolicy",
            "iam:ListAttachedRolePolicies",
            "iam:ListRolePolicies",
        ],
    ),
    (Has(FUNCTION), &["lambda:GetFunction", "lambda:GetPolicy"]),
    (Has(MAPPING), &["lambda:GetEventSourceMapping"]),
    (
        Has(BUCKET),
        &[
            "s3:GetBucketCORS@made",
            "s3:GetBucketNotification@made",
            "s3:GetBucketOwnershipControls@made",
            "s3:GetBucketPolicy@made",
            "s3:GetBucketPublicAccessBlock@made",
            "s3:GetBucketVersioning@made",
            "s3:GetEncryptionConfiguration@made",
        ],
    ),
    (Existing, &["s3:GetBucketNotification@files"]),
    (Has(SUBSCRIPTION), &["sns:GetSubscriptionAttributes"]),
    (Has(TOPIC), &["sns:GetTopicAttributes"]),
    (Has(QUEUE), &["sqs:GetQueueAttributes"]),
];

const REVERT: Calls = &[
    (
        Always,
        &[
            "cloudformation:CancelUpdateStack",
            "cloudformation:CreateChangeSet",
            "cloudformation:DeleteChangeSet",
            "cloudformation:DescribeChangeSet",
            "cloudformation:DescribeEvents",
            "cloudformation:ExecuteChangeSet",
            "cloudformation:ListChangeSets",
            "cloudformation:TagResource",
            "ssm:GetParameters",
        ],
    ),
    (Has(GROUP), &["autoscaling:UpdateAutoScalingGroup"]),
    (Existing, &["s3:PutBucketNotification@files"]),
];

const RECOVER: Calls = &[
    STACKS,
    (
        Always,
        &[
            "cloudformation:CancelUpdateStack",
            "cloudformation:ContinueUpdateRollback",
            "cloudformation:DescribeEvents",
            "cloudformation:DescribeStackEvents",
            "cloudformation:ListStackResources",
            "cloudformation:RollbackStack",
        ],
    ),
];

const REAP: Calls = &[(Always, &["account:ListRegions", "ssm:GetParametersByPath"])];

const LIST: Calls = &[
    STACKS,
    (
        Always,
        &[
            "account:ListRegions",
            "autoscaling:DescribeAutoScalingGroups",
            "ssm:GetParametersByPath",
        ],
    ),
];

const EVENTS: Calls = &[
    STACKS,
    (
        Always,
        &["cloudformation:DescribeStackEvents", "cloudformation:ListChangeSets"],
    ),
];

const LOGS: Calls = &[STACKS, (Always, &["logs:FilterLogEvents"])];
const OUTPUTS: Calls = &[STACKS];
const FILES: Calls = &[
    STACKS,
    (
        Bucket,
        &["s3:GetObject@files", "s3:ListBucket@files", "s3:PutObject@files"],
    ),
];
const RESULTS: Calls = &[STACKS, (Has(TABLE), &["dynamodb:Query", "dynamodb:Scan"])];
const SEND: Calls = &[
    STACKS,
    (Bucket, &["s3:AbortMultipartUpload@files", "s3:PutObject@files"]),
    (Has(QUEUE), &["sqs:SendMessage"]),
    (
        Replies,
        &["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:ReceiveMessage"],
    ),
];
const BACKFILL: Calls = &[
    STACKS,
    (Bucket, &["s3:ListBucketVersions@files"]),
    (Has(QUEUE), &["sqs:SendMessage"]),
];
const DLQ: Calls = &[
    STACKS,
    (
        Has(QUEUE),
        &[
            "sqs:ChangeMessageVisibility",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "sqs:ListMessageMoveTasks",
            "sqs:PurgeQueue",
            "sqs:ReceiveMessage",
            "sqs:SendMessage",
            "sqs:StartMessageMoveTask",
        ],
    ),
    // Whether all workers are of the last deploy.
    (Has(GROUP), &["autoscaling:DescribeAutoScalingGroups"]),
];
const KILL_WORKER: Calls = &[
    STACKS,
    (
        Has(GROUP),
        &[
            "autoscaling:DescribeAutoScalingGroups",
            "autoscaling:TerminateInstanceInAutoScalingGroup",
        ],
    ),
    (Has(QUEUE), &["sqs:GetQueueAttributes"]),
];
const EXTEND: Calls = &[STACKS, (Always, &["ssm:GetParameter", "ssm:PutParameter"])];

/// The lists of a purpose.
pub fn calls(purpose: Purpose) -> Vec<Calls> {
    match purpose {
        Purpose::Plan => vec![PLAN, PLANNED_TEMPLATES],
        Purpose::Deploy => vec![PLAN, DEPLOY],
        Purpose::Prune | Purpose::Destroy => vec![LEFTOVERS, DESTROY],
        Purpose::Reap => vec![LEFTOVERS, DESTROY, REAP],
        Purpose::Status => vec![STATUS],
        Purpose::Drift => vec![DRIFT],
        Purpose::Revert => vec![DRIFT, REVERT],
        Purpose::Recover => vec![RECOVER],
        Purpose::List => vec![LIST],
        Purpose::Events => vec![EVENTS],
        Purpose::Logs => vec![LOGS],
        Purpose::Files => vec![FILES],
        Purpose::Results => vec![RESULTS],
        Purpose::Outputs => vec![OUTPUTS],
        Purpose::Send => vec![SEND],
        Purpose::Backfill => vec![BACKFILL],
        Purpose::Dlq => vec![DLQ],
        Purpose::KillWorker => vec![KILL_WORKER],
        Purpose::Extend => vec![EXTEND],
        Purpose::CloudFormation => Vec::new(),
    }
}
