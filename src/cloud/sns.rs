//! Topics, and their subscriptions, whoever made them.

use std::collections::HashMap;

use serde_json::Value;

use super::actual::texts;
use super::{Cloud, CloudError, explain, unless};

const NOT_FOUND: [&str; 2] = ["NotFound", "NotFoundException"];

/// A subscription to a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Its ARN; a word instead while it has none.
    pub id: SubscriptionId,
    /// `sqs`, `lambda`, `email`, …
    pub protocol: String,
    pub endpoint: String,
}

/// What a subscription is known by. SNS puts words where there's no ARN
/// (<https://docs.aws.amazon.com/sns/latest/dg/sns-delete-subscription-topic.html>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubscriptionId {
    /// Confirmed: it gets messages.
    Arn(String),
    /// Whoever it is for hasn't confirmed it: it gets nothing, and goes by itself after some days.
    Pending,
    /// It was deleted, and is listed for a while.
    Deleted,
}

impl Cloud {
    /// Every subscription to a topic
    /// (<https://docs.aws.amazon.com/sns/latest/api/API_ListSubscriptionsByTopic.html>). A topic that isn't there has
    /// none.
    pub async fn subscriptions(&self, topic: &str) -> Result<Vec<Subscription>, CloudError> {
        let asked = self.sns.list_subscriptions_by_topic().topic_arn(topic);
        let mut pages = asked.into_paginator().items().send();
        let mut all = Vec::new();
        while let Some(found) = pages.next().await {
            let found = found.map_err(|error| explain("ListSubscriptionsByTopic", error));
            let Some(found) = unless(&NOT_FOUND, found)? else {
                break;
            };
            all.push(Subscription {
                id: read_id(found.subscription_arn().unwrap_or_default()),
                protocol: found.protocol().unwrap_or_default().to_owned(),
                endpoint: found.endpoint().unwrap_or_default().to_owned(),
            });
        }
        Ok(all)
    }

    /// Where a topic sends its messages: the endpoints of its subscriptions, an SQS queue's by its ARN. Those that nobody
    /// confirmed get nothing and are left out.
    pub async fn subscribers(&self, topic: &str) -> Result<Vec<String>, CloudError> {
        let all = self.subscriptions(topic).await?.into_iter();
        Ok(all
            .filter(|one| one.id != SubscriptionId::Pending)
            .map(|one| one.endpoint)
            .collect())
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

    /// ARNs of all topics.
    pub async fn topics(&self) -> Result<Vec<String>, CloudError> {
        let mut pages = self.sns.list_topics().into_paginator().items().send();
        let mut all = Vec::new();
        while let Some(topic) = pages.next().await {
            all.extend(topic.map_err(|error| explain("ListTopics", error))?.topic_arn);
        }
        Ok(all)
    }

    /// A topic as `AWS::SNS::Topic` has it, with its policy as `Policy`.
    pub async fn actual_topic(&self, arn: &str) -> Result<Option<Value>, CloudError> {
        let asked = self.sns.get_topic_attributes().topic_arn(arn).send().await;
        let found = unless(&NOT_FOUND, asked.map_err(|error| explain("GetTopicAttributes", error)))?;
        Ok(found.map(|found| attributes(found.attributes())))
    }

    /// A subscription as `AWS::SNS::Subscription` has it.
    pub async fn actual_subscription(&self, arn: &str) -> Result<Option<Value>, CloudError> {
        let asked = self.sns.get_subscription_attributes().subscription_arn(arn);
        let asked = asked.send().await;
        let found = unless(
            &NOT_FOUND,
            asked.map_err(|error| explain("GetSubscriptionAttributes", error)),
        )?;
        Ok(found.map(|found| attributes(found.attributes())))
    }

    /// A tag of a topic; none when it hasn't that tag, or isn't there any more.
    pub async fn topic_tag(&self, arn: &str, key: &str) -> Result<Option<String>, CloudError> {
        let asked = self.sns.list_tags_for_resource().resource_arn(arn).send().await;
        // (<https://docs.aws.amazon.com/sns/latest/api/API_ListTagsForResource.html>)
        let found = unless(
            &["ResourceNotFound", "ResourceNotFoundException"],
            asked.map_err(|error| explain("ListTagsForResource", error)),
        )?;
        let tags = found.and_then(|found| found.tags).into_iter().flatten();
        Ok(tags.into_iter().find(|tag| tag.key == key).map(|tag| tag.value))
    }
}

fn attributes(of: Option<&HashMap<String, String>>) -> Value {
    let all = of.into_iter().flatten();
    texts(all.map(|(name, value)| (name.as_str(), value.as_str())))
}

fn read_id(text: &str) -> SubscriptionId {
    match text {
        "PendingConfirmation" => SubscriptionId::Pending,
        "Deleted" => SubscriptionId::Deleted,
        arn => SubscriptionId::Arn(arn.to_owned()),
    }
}
