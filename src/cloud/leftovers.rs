//! Listings by name, in which what outlived its stack is found. A name that begins alike may be somebody else's: whoever
//! calls judges whose it is.

use std::collections::BTreeMap;

use aws_sdk_autoscaling::types::{Filter, TagDescription};

use crate::cloud::sqs::queues;
use crate::cloud::{Cloud, CloudError, explain};

/// A role, and what tells whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedRole {
    /// Its name.
    pub name: String,
    /// What it may do, as JSON that IAM has percent-encoded; none when it has no policy of that name.
    pub policy: Option<String>,
}

impl Cloud {
    /// URLs of the queues whose name begins so. A queue that was deleted is in it for a while
    /// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListQueues.html>).
    pub async fn queues_named(&self, prefix: &str) -> Result<Vec<String>, CloudError> {
        // Without a number, an answer has no further pages.
        let asked = self.sqs.list_queues().queue_name_prefix(prefix).max_results(1000);
        let mut pages = asked.into_paginator().items().send();
        let mut all = Vec::new();
        while let Some(url) = pages.next().await {
            all.push(url.map_err(|error| queues::explain("ListQueues", error))?);
        }
        Ok(all)
    }

    /// ARNs of all topics.
    pub async fn topics(&self) -> Result<Vec<String>, CloudError> {
        let mut pages = self.sns.list_topics().into_paginator().items().send();
        let mut all = Vec::new();
        while let Some(topic) = pages.next().await {
            all.extend(topic.map_err(|error| explain("ListTopics", error))?.topic_arn);
        }
        Ok(all)
    }

    /// Every confirmed subscription of the region: its ARN, and its topic's, which may be gone.
    pub async fn all_subscriptions(&self) -> Result<Vec<(String, String)>, CloudError> {
        let mut pages = self.sns.list_subscriptions().into_paginator().items().send();
        let mut all = Vec::new();
        while let Some(found) = pages.next().await {
            let found = found.map_err(|error| explain("ListSubscriptions", error))?;
            let confirmed = found.subscription_arn.filter(|arn| arn.starts_with("arn:"));
            all.extend(confirmed.zip(found.topic_arn));
        }
        Ok(all)
    }

    /// Names of the log groups whose name begins so.
    pub async fn log_groups(&self, prefix: &str) -> Result<Vec<String>, CloudError> {
        let asked = self.logs.describe_log_groups().log_group_name_prefix(prefix);
        let mut pages = asked.into_paginator().items().send();
        let mut all = Vec::new();
        while let Some(group) = pages.next().await {
            all.extend(
                group
                    .map_err(|error| explain("DescribeLogGroups", error))?
                    .log_group_name,
            );
        }
        Ok(all)
    }

    /// Names of the metric alarms whose name begins so.
    pub async fn alarms_named(&self, prefix: &str) -> Result<Vec<String>, CloudError> {
        let asked = self.cloudwatch.describe_alarms().alarm_name_prefix(prefix);
        let mut pages = asked.into_paginator().send();
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| explain("DescribeAlarms", error))?;
            let alarms = page.metric_alarms.into_iter().flatten();
            all.extend(alarms.filter_map(|alarm| alarm.alarm_name));
        }
        Ok(all)
    }

    /// The groups that carry this tag: their names, and all their tags. Only those that do are asked for, but the local
    /// emulator answers with all groups that there are, without their tags.
    pub async fn groups_with_tag(
        &self,
        key: &str,
        value: &str,
    ) -> Result<Vec<(String, BTreeMap<String, String>)>, CloudError> {
        let filter = Filter::builder().name(format!("tag:{key}")).values(value).build();
        let asked = self.autoscaling.describe_auto_scaling_groups().filters(filter);
        let mut pages = asked.into_paginator().items().send();
        let mut all = Vec::new();
        while let Some(group) = pages.next().await {
            let group = group.map_err(|error| explain("DescribeAutoScalingGroups", error))?;
            let pair = |tag: &TagDescription| Some((tag.key()?.to_owned(), tag.value()?.to_owned()));
            let tags = group.tags().iter().filter_map(pair).collect();
            all.extend(group.auto_scaling_group_name.map(|name| (name, tags)));
        }
        Ok(all)
    }

    /// Roles whose name begins so, each with its policy of the name `policy`. Roles belong to no region
    /// (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRoles.html>).
    pub async fn roles_named(&self, prefix: &str, policy: &str) -> Result<Vec<NamedRole>, CloudError> {
        let mut pages = self.iam.list_roles().max_items(1000).into_paginator().items().send();
        let mut names = Vec::new();
        while let Some(role) = pages.next().await {
            let role = role.map_err(|error| explain("ListRoles", error))?;
            names.extend(Some(role.role_name).filter(|name| name.starts_with(prefix)));
        }
        let mut all = Vec::new();
        for name in names {
            let asked = self.iam.get_role_policy().role_name(&name).policy_name(policy);
            let policy = match asked.send().await.map_err(|error| explain("GetRolePolicy", error)) {
                Ok(answer) => Some(answer.policy_document),
                Err(error) if error.is("NoSuchEntity") => None,
                Err(error) => return Err(error),
            };
            all.push(NamedRole { name, policy });
        }
        Ok(all)
    }
}
