//! CloudWatch Logs: log groups.

use super::{Cloud, CloudError, explain};

impl Cloud {
    /// Names of the log groups whose name begins so.
    pub async fn log_groups(&self, prefix: &str) -> Result<Vec<String>, CloudError> {
        let asked = self.logs.describe_log_groups().log_group_name_prefix(prefix);
        let mut pages = asked.into_paginator().items().send();
        let mut all = Vec::new();
        while let Some(group) = pages.next().await {
            let group = group.map_err(|error| explain("DescribeLogGroups", error))?;
            all.extend(group.log_group_name);
        }
        Ok(all)
    }
}
