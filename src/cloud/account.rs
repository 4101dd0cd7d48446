//! The regions of an account.

use aws_sdk_account::types::RegionOptStatus;

use super::{Cloud, CloudError, explain};

impl Cloud {
    /// The regions that the account can use: those that are on by default, and those that it opted in to
    /// (<https://docs.aws.amazon.com/accounts/latest/reference/API_ListRegions.html>). EC2's DescribeRegions says the
    /// same, in the largest of all SDK crates; Systems Manager's public parameters don't know what an account opted
    /// in to.
    pub async fn regions(&self) -> Result<Vec<String>, CloudError> {
        let asked = self.accounts.list_regions().set_region_opt_status_contains(Some(vec![
            RegionOptStatus::Enabled,
            RegionOptStatus::EnabledByDefault,
            RegionOptStatus::Enabling,
        ]));
        let mut pages = asked.into_paginator().items().send();
        let mut all = Vec::new();
        while let Some(region) = pages.next().await {
            let region = region.map_err(|error| explain("ListRegions", error))?;
            all.extend(region.region_name);
        }
        all.sort();
        Ok(all)
    }
}
