//! CloudFront: distributions, and what signs their requests to a bucket.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Cloud, CloudError, explain, unless};

/// The region that answers for services without one, as far as regions come in: CloudFront's tags and metrics are there
/// (<https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/overview.html>,
/// <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/programming-cloudwatch-metrics.html>).
pub const HOME_REGION: &str = "us-east-1";

/// How a distribution is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Distribution {
    /// Whether it answers anybody.
    pub enabled: bool,
    /// `Deployed`, or `InProgress` while a change of it is on its way to all places
    /// (<https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_Distribution.html>).
    pub status: String,
    /// The names that it answers for, beside its own.
    pub aliases: Vec<String>,
}

impl Distribution {
    /// Whether it is everywhere as it is said to be here.
    pub fn is_deployed(&self) -> bool {
        self.status == "Deployed"
    }
}

/// An origin access control, as a listing tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginAccess {
    pub id: String,
    pub name: String,
    pub description: String,
}

impl Cloud {
    /// How a distribution is; `None` when there is no such one.
    pub async fn distribution(&self, id: &str) -> Result<Option<Distribution>, CloudError> {
        let asked = self.cloudfront.get_distribution().id(id).send().await;
        let answer = unless(
            &["NoSuchDistribution"],
            asked.map_err(|error| explain("GetDistribution", error)),
        )?;
        let found = answer.and_then(|answer| answer.distribution);
        Ok(found.map(|found| {
            let config = found.distribution_config;
            let aliases = config.as_ref().and_then(|config| config.aliases.clone());
            Distribution {
                enabled: config.is_some_and(|config| config.enabled),
                status: found.status,
                aliases: aliases.and_then(|aliases| aliases.items).unwrap_or_default(),
            }
        }))
    }

    pub(in crate::cloud) async fn has_origin_access(&self, id: &str) -> Result<bool, CloudError> {
        let asked = self.cloudfront.get_origin_access_control().id(id).send().await;
        let answer = unless(
            &["NoSuchOriginAccessControl"],
            asked.map_err(|error| explain("GetOriginAccessControl", error)),
        )?;
        Ok(answer.is_some())
    }

    /// The account's origin access controls of this name. They can't be asked for by it
    /// (<https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_ListOriginAccessControls.html>).
    pub async fn origin_accesses(&self, name: &str) -> Result<Vec<OriginAccess>, CloudError> {
        let mut found = Vec::new();
        let mut marker: Option<String> = None;
        loop {
            let asked = self.cloudfront.list_origin_access_controls().set_marker(marker);
            let answer = asked
                .send()
                .await
                .map_err(|error| explain("ListOriginAccessControls", error))?;
            let Some(page) = answer.origin_access_control_list else {
                return Ok(found);
            };
            let all = page.items.into_iter().flatten().map(|one| OriginAccess {
                id: one.id,
                name: one.name,
                description: one.description,
            });
            found.extend(all.filter(|one| one.name == name));
            marker = page.next_marker.filter(|next| page.is_truncated && !next.is_empty());
            if marker.is_none() {
                return Ok(found);
            }
        }
    }
}
