//! Talks to the emulator as a test's account, past qfleet.

use aws_sdk_autoscaling::types::AutoScalingGroup;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};

use super::emulator;

/// Clients of the services that tests look into. Build them inside the test's runtime.
pub struct Aws {
    pub cloudformation: aws_sdk_cloudformation::Client,
    pub s3: aws_sdk_s3::Client,
    pub sns: aws_sdk_sns::Client,
    pub sqs: aws_sdk_sqs::Client,
    pub autoscaling: aws_sdk_autoscaling::Client,
    pub cloudwatch: aws_sdk_cloudwatch::Client,
    pub iam: aws_sdk_iam::Client,
    pub lambda: aws_sdk_lambda::Client,
    pub logs: aws_sdk_cloudwatchlogs::Client,
    pub ssm: aws_sdk_ssm::Client,
    pub secrets_manager: aws_sdk_secretsmanager::Client,
}

impl Aws {
    /// Clients for an account and a region of this run's emulator.
    pub fn new(account: &str, region: &str) -> Self {
        Aws::at(emulator(), account, region)
    }

    /// The same of another emulator.
    pub fn at(endpoint: &str, account: &str, region: &str) -> Self {
        macro_rules! client {
            ($service:ident $(, $setting:ident($value:expr))*) => {
                $service::Client::from_conf(
                    $service::Config::builder()
                        .behavior_version(BehaviorVersion::latest())
                        .region(Region::new(region.to_owned()))
                        .endpoint_url(endpoint)
                        .credentials_provider(Credentials::new(account, "test", None, None, "test"))
                        $(.$setting($value))*
                        .build(),
                )
            };
        }
        Aws {
            cloudformation: client!(aws_sdk_cloudformation),
            s3: client!(aws_sdk_s3, force_path_style(true)),
            sns: client!(aws_sdk_sns),
            sqs: client!(aws_sdk_sqs),
            autoscaling: client!(aws_sdk_autoscaling),
            cloudwatch: client!(aws_sdk_cloudwatch),
            iam: client!(aws_sdk_iam),
            lambda: client!(aws_sdk_lambda),
            logs: client!(aws_sdk_cloudwatchlogs),
            ssm: client!(aws_sdk_ssm),
            secrets_manager: client!(aws_sdk_secretsmanager),
        }
    }

    /// All Auto Scaling groups of the account in the region.
    pub async fn groups(&self) -> Vec<AutoScalingGroup> {
        let groups = self.autoscaling.describe_auto_scaling_groups().send().await;
        groups.expect("groups").auto_scaling_groups.unwrap_or_default()
    }
}
