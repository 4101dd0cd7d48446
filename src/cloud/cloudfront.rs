//! CloudFront: distributions, and what signs their requests to a bucket.

use aws_sdk_cloudfront::types;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

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
    async fn get_distribution(&self, id: &str) -> Result<Option<types::Distribution>, CloudError> {
        let asked = self.cloudfront.get_distribution().id(id).send().await;
        let answer = unless(
            &["NoSuchDistribution"],
            asked.map_err(|error| explain("GetDistribution", error)),
        )?;
        Ok(answer.and_then(|answer| answer.distribution))
    }

    /// To whom a distribution hands out files and under which names, in CloudFormation's words: parts of its
    /// `DistributionConfig`. `None` when there is no such one.
    pub async fn actual_distribution(&self, id: &str) -> Result<Option<Value>, CloudError> {
        let found = self.get_distribution(id).await?;
        Ok(found.map(|found| {
            let config = found.distribution_config;
            let aliases = config.as_ref().and_then(|config| config.aliases.clone());
            let behaviors = config.as_ref().and_then(|config| config.cache_behaviors.clone());
            let behaviors = behaviors.and_then(|behaviors| behaviors.items).unwrap_or_default();
            let behaviors = behaviors.into_iter().map(|behavior| {
                let mut said = to_whom(
                    behavior.trusted_key_groups,
                    behavior.trusted_signers,
                    behavior.function_associations,
                    behavior.lambda_function_associations,
                );
                said["PathPattern"] = behavior.path_pattern.into();
                said
            });
            let default = config.as_ref().and_then(|config| config.default_cache_behavior.clone());
            json!({
                "Aliases": aliases.and_then(|aliases| aliases.items).unwrap_or_default(),
                "CacheBehaviors": behaviors.collect::<Vec<_>>(),
                "DefaultCacheBehavior": default.map_or_else(|| json!({}), |behavior| to_whom(
                    behavior.trusted_key_groups,
                    behavior.trusted_signers,
                    behavior.function_associations,
                    behavior.lambda_function_associations,
                )),
            })
        }))
    }

    /// How a distribution is; `None` when there is no such one.
    pub async fn distribution(&self, id: &str) -> Result<Option<Distribution>, CloudError> {
        let found = self.get_distribution(id).await?;
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

/// Who gets files by a cache behavior, and what stands between.
fn to_whom(
    key_groups: Option<types::TrustedKeyGroups>,
    signers: Option<types::TrustedSigners>,
    functions: Option<types::FunctionAssociations>,
    lambdas: Option<types::LambdaFunctionAssociations>,
) -> Value {
    let functions = functions.and_then(|all| all.items).unwrap_or_default();
    let functions = functions
        .iter()
        .map(|one| json!({"EventType": one.event_type.as_str(), "FunctionARN": one.function_arn}));
    let lambdas = lambdas.and_then(|all| all.items).unwrap_or_default();
    let lambdas = lambdas
        .iter()
        .map(|one| json!({"EventType": one.event_type.as_str(), "LambdaFunctionARN": one.lambda_function_arn}));
    json!({
        "FunctionAssociations": functions.collect::<Vec<_>>(),
        "LambdaFunctionAssociations": lambdas.collect::<Vec<_>>(),
        "TrustedKeyGroups": key_groups.and_then(|all| all.items).unwrap_or_default(),
        "TrustedSigners": signers.and_then(|all| all.items).unwrap_or_default(),
    })
}
