//! Narrow clients over the AWS SDK: domain types out, paging and retries inside. The only place that sees the SDK.

pub mod account;
pub(in crate::cloud) mod actual;
pub mod autoscaling;
mod cli;
pub mod cloudformation;
pub mod cloudfront;
pub mod cloudwatch;
pub mod connection;
pub mod dynamodb;
pub mod ec2;
pub mod iam;
pub mod identity;
pub mod lambda;
pub mod limits;
pub mod load_balancing;
pub mod logs;
pub mod presence;
pub mod quotas;
pub mod s3;
pub mod secrets_manager;
mod signed;
pub mod simulation;
pub mod sns;
pub mod sqs;
pub mod ssm;
pub mod tagging;

pub use cli::AwsCli;
pub use connection::calls::{Answer, Call, OnCall, Step, Told};
pub use connection::connect::{Connect, Credentials, Unidentified};
pub use connection::failure::CloudError;
pub(crate) use connection::failure::{explain, unless, unusable};
pub use connection::no_credentials::is_of_no_configuration;
pub use connection::region::{RegionFrom, region_by_default};

/// The AWS account and region (or the local emulator) that a command works on.
#[derive(Debug, Clone)]
pub struct Cloud {
    /// The account's twelve digits.
    pub account: String,
    pub region: String,
    /// What named it.
    pub region_from: connection::region::RegionFrom,
    /// Whether this is the local emulator.
    pub local: bool,
    cloudcontrol: aws_sdk_cloudcontrol::Client,
    cloudformation: aws_sdk_cloudformation::Client,
    cloudfront: aws_sdk_cloudfront::Client,
    accounts: aws_sdk_account::Client,
    autoscaling: aws_sdk_autoscaling::Client,
    cloudwatch: aws_sdk_cloudwatch::Client,
    dynamodb: aws_sdk_dynamodb::Client,
    iam: aws_sdk_iam::Client,
    lambda: aws_sdk_lambda::Client,
    load_balancing: aws_sdk_elasticloadbalancingv2::Client,
    logs: aws_sdk_cloudwatchlogs::Client,
    s3: aws_sdk_s3::Client,
    secrets_manager: aws_sdk_secretsmanager::Client,
    sns: aws_sdk_sns::Client,
    sqs: aws_sdk_sqs::Client,
    ssm: aws_sdk_ssm::Client,
    sts: aws_sdk_sts::Client,
    tagging: aws_sdk_resourcegroupstagging::Client,
    limiter: connection::limiter::Limiter,
    ec2_answers: ec2::Answers,
    /// What options named: the profile, and the endpoint or the emulator's.
    cli: AwsCli,
    /// What the clients were made from: for those of another region.
    config: aws_config::SdkConfig,
    on_call: Option<OnCall>,
}

/// An instant of the SDK as one of ours; instants that can't be represented are dropped.
pub(crate) fn instant(at: Option<&aws_sdk_cloudformation::primitives::DateTime>) -> Option<jiff::Timestamp> {
    at.and_then(|at| jiff::Timestamp::new(at.secs(), at.subsec_nanos() as i32).ok())
}
