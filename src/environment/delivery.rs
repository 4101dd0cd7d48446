//! Delivery: what is done, for people to fetch from places near to them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::problem::Problem;
use super::{Environment, patterns};

/// Where CloudFront takes certificates from, whatever the environment's region
/// (<https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cnames-and-https-requirements.html>).
pub const CERTIFICATE_REGION: &str = "us-east-1";

/// How many key groups a distribution takes until the quota is raised
/// (<https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html>, "Quotas on key groups").
const KEY_GROUPS: usize = 4;

/// A CloudFront distribution that hands out what is under the bucket's `processed`. The bucket stays private.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// A name of yours, instead of the one that CloudFront gives; with a `certificate` for it. Your DNS points it to the
    /// distribution.
    #[schemars(regex(pattern = patterns::DOMAIN), length(max = 253), example = "files.example.com")]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub domain: Option<String>,
    /// The ARN of an ACM certificate for `domain`. It is in us-east-1, wherever the environment is.
    #[schemars(regex(pattern = patterns::CERTIFICATE), length(max = 400), example = "arn:aws:acm:us-east-1:111122223333:certificate/12345678-1234-1234-1234-123456789012")]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub certificate: Option<String>,
    /// Ids of CloudFront key groups: a file is handed out only to who has a URL, or a cookie, signed with a key of one.
    /// Without it, to everybody who knows the file's name. CloudFront takes four by default.
    #[schemars(length(max = 20), inner(regex(pattern = patterns::KEY_GROUP)))]
    #[serde(default)]
    pub key_groups: Vec<String>,
}

impl Delivery {
    /// The part.
    pub const PART: &str = "delivery";

    /// Where its certificate is: `arn:partition:acm:region:account:certificate/id`.
    pub fn region_of_certificate(&self) -> Option<&str> {
        self.certificate.as_deref()?.split(':').nth(3)
    }

    /// Whose it is.
    pub fn account_of_certificate(&self) -> Option<&str> {
        self.certificate.as_deref()?.split(':').nth(4)
    }
}

/// Whether an environment there can be delivered. GovCloud has no CloudFront; China has one of its own, which takes neither
/// certificates of ACM nor the name that CloudFront gives; the other partitions are closed or new, and nobody has tried
/// (<https://docs.aws.amazon.com/govcloud-us/latest/UserGuide/setting-up-cloudfront.html>,
/// <https://docs.amazonaws.cn/en_us/aws/latest/userguide/cloudfront.html>).
pub fn delivers_from(region: &str) -> bool {
    !["cn-", "us-gov-", "us-iso", "eu-isoe-", "eusc-"]
        .iter()
        .any(|elsewhere| region.starts_with(elsewhere))
}

/// That it can't, at the place in the file that says so.
pub fn not_from(region: &str, pointer: &str) -> Problem {
    Problem::new(
        pointer,
        format!("`delivery` needs CloudFront as AWS's commercial regions have it, and `{region}` is none of these"),
    )
    .help("remove `delivery`, or put the environment into a commercial region, such as `us-east-2`")
}

pub(super) fn advise(environment: &Environment, advice: &mut Vec<Problem>) {
    let (Some(delivery), Some(bucket)) = (&environment.delivery, &environment.bucket) else {
        return;
    };
    if delivery.key_groups.len() > KEY_GROUPS {
        advice.push(
            Problem::new(
                "/delivery/key_groups",
                format!(
                    "CloudFront takes {KEY_GROUPS} key groups by default, and here are {}: the deploy fails unless the account's \
                     quota is higher",
                    delivery.key_groups.len()
                ),
            )
            .help("name fewer (a group holds five keys), or ask for more in Service Quotas"),
        );
    }
    if delivery.key_groups.is_empty() {
        let processed = &bucket.processed;
        advice.push(
            Problem::new(
                "/delivery",
                format!("everybody who knows the name of a file under `{processed}` can fetch it from the internet"),
            )
            .help("name `key_groups`, and only signed URLs open one; without them, give files names that can't be guessed"),
        );
    }
}
