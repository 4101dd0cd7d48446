//! Narrow clients over the AWS SDK: domain types out, paging and retries inside. The only place that sees the SDK.

pub mod activities;
pub mod actual;
mod actual_alarm;
pub mod actual_bucket;
mod actual_group;
mod actual_role;
pub mod alarms;
pub mod bounds;
pub mod buckets;
mod calls;
pub mod change_set;
mod changes;
mod connect;
pub mod deletion;
mod download;
pub mod draining;
pub mod drift;
mod ec2;
pub mod events;
pub mod existing;
mod failure;
pub mod groups;
pub mod holder;
pub mod leftovers;
pub mod limiter;
mod local_changes;
mod lost_answer;
pub mod mappings;
pub mod message_moves;
pub mod messages;
pub mod metrics;
pub mod objects;
pub mod operations;
mod ownership;
pub mod parameters;
pub mod policies;
pub mod presence;
pub mod put_metrics;
pub mod queues;
pub mod refreshes;
pub mod regions;
pub mod revert;
pub mod scaling;
mod sending;
mod source;
pub mod stack_status;
pub mod stacks;
pub mod subscriptions;
pub mod tagged;
mod time_limits;
pub mod uploads;
pub mod versions;

pub use calls::Call;
pub use connect::{Connect, Credentials, Unidentified};
pub use failure::CloudError;
pub(crate) use failure::explain;

/// The AWS account and region (or the local emulator) that a command works on.
#[derive(Debug, Clone)]
pub struct Cloud {
    /// The account's twelve digits.
    pub account: String,
    /// The region.
    pub region: String,
    /// Whether this is the local emulator.
    pub local: bool,
    cloudcontrol: aws_sdk_cloudcontrol::Client,
    cloudformation: aws_sdk_cloudformation::Client,
    accounts: aws_sdk_account::Client,
    autoscaling: aws_sdk_autoscaling::Client,
    cloudwatch: aws_sdk_cloudwatch::Client,
    iam: aws_sdk_iam::Client,
    lambda: aws_sdk_lambda::Client,
    logs: aws_sdk_cloudwatchlogs::Client,
    s3: aws_sdk_s3::Client,
    sns: aws_sdk_sns::Client,
    sqs: aws_sdk_sqs::Client,
    ssm: aws_sdk_ssm::Client,
    sts: aws_sdk_sts::Client,
    tagging: aws_sdk_resourcegroupstagging::Client,
    limiter: limiter::Limiter,
    /// What the clients were made from: for those of another region.
    config: aws_config::SdkConfig,
    on_call: Option<fn(&Call)>,
}

/// An instant of the SDK as one of ours; instants that can't be represented are dropped.
pub(crate) fn instant(at: Option<&aws_sdk_cloudformation::primitives::DateTime>) -> Option<jiff::Timestamp> {
    at.and_then(|at| jiff::Timestamp::new(at.secs(), at.subsec_nanos() as i32).ok())
}
