//! Names that are the user's to see and to know beforehand. Everything else is named by CloudFormation.
//!
//! They are literal text in the templates: a bucket, a table or a queue that was kept can only be taken into a new stack when
//! its name stands there as it is.

use super::Placement;

/// Parts that an environment may have and that are no stage and no template of the user's.
pub const PARTS: [&str; 8] = [
    "artifacts",
    "network",
    "intake",
    "results",
    "alerts",
    "web",
    "delivery",
    "dashboard",
];

/// The stack of a part.
pub fn stack(environment: &str, part: &str) -> String {
    format!("{environment}-{part}")
}

/// The bucket that files land in. Bucket names are shared with all accounts, hence account and region in it.
pub fn bucket(environment: &str, placement: &Placement) -> String {
    format!("{environment}-{}-{}", placement.account, placement.region)
}

/// The bucket for programs and large templates.
pub fn artifacts_bucket(environment: &str, placement: &Placement) -> String {
    format!("{environment}-artifacts-{}-{}", placement.account, placement.region)
}

/// The topic that tells of uploads.
pub fn topic(environment: &str) -> String {
    format!("{environment}-uploads")
}

/// The ARN of a topic.
pub fn topic_arn(account: &str, region: &str, name: &str) -> String {
    format!("arn:{}:sns:{region}:{account}:{name}", partition(region))
}

/// <https://docs.aws.amazon.com/general/latest/gr/rande.html>
pub fn partition(region: &str) -> &'static str {
    match region {
        region if region.starts_with("cn-") => "aws-cn",
        region if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

/// The table of results.
pub fn table(environment: &str) -> String {
    format!("{environment}-results")
}

/// The dashboard. Dashboards belong to the account, and an environment of the same name may be in another region
/// ("Dashboard names can only be used once per account, including across AWS Regions":
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutDashboard.html>).
pub fn dashboard(environment: &str, region: &str) -> String {
    format!("{environment}-{region}")
}

/// The dashboard's heading. It tells whose the dashboard is, as dashboards have no tags.
pub fn dashboard_title(environment: &str) -> String {
    format!("# {environment}, deployed by qfleet")
}

/// The origin access control. Their names belong to the account, and an environment of the same name may be in another
/// region. At most 64 characters, of which this takes 40
/// (<https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_OriginAccessControlConfig.html>).
pub fn origin_access(environment: &str, region: &str) -> String {
    format!("{environment}-{region}")
}

/// What a distribution and its origin access control are said to be. It tells whose they are, as the latter have no tags.
pub fn of_delivery(environment: &str, region: &str) -> String {
    format!("{environment} in {region}, deployed by qfleet")
}

pub fn queue(environment: &str, stage: &str) -> String {
    format!("{environment}-{stage}")
}

/// A stage's dead-letter queue.
pub fn dead_letter_queue(environment: &str, stage: &str) -> String {
    format!("{environment}-{stage}-dlq")
}

/// The queue for replies to a stage's jobs.
pub fn reply_queue(environment: &str, stage: &str) -> String {
    format!("{environment}-{stage}-replies")
}

pub fn reply_dead_letter_queue(environment: &str, stage: &str) -> String {
    format!("{environment}-{stage}-replies-dlq")
}
