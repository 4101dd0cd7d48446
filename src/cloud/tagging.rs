//! What carries a tag, by the Resource Groups Tagging API.

use std::collections::BTreeMap;

use aws_sdk_resourcegroupstagging::types::TagFilter;

use super::{Cloud, CloudError, explain};

/// A resource with its tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tagged {
    pub arn: String,
    pub tags: BTreeMap<String, String>,
}

impl Cloud {
    /// Everything in this region that carries this tag, or carried it a while ago: the listing lags, and what was deleted
    /// stays in it for a time. Not every service is in it: Auto Scaling groups and IAM roles aren't
    /// (<https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html>,
    /// <https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/supported-services.html>).
    pub async fn tagged(&self, key: &str, value: &str) -> Result<Vec<Tagged>, CloudError> {
        let filter = TagFilter::builder().key(key).values(value).build();
        let asked = self.tagging.get_resources().tag_filters(filter).resources_per_page(100);
        let mut pages = asked.into_paginator().items().send();
        let mut all = Vec::new();
        while let Some(found) = pages.next().await {
            let found = found.map_err(|error| explain("GetResources", error))?;
            let tags = found.tags.into_iter().flatten();
            all.push(Tagged {
                arn: found.resource_arn.unwrap_or_default(),
                tags: tags.map(|tag| (tag.key, tag.value)).collect(),
            });
        }
        Ok(all)
    }
}
