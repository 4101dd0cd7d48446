//! Subscriptions to a topic, whoever made them.

use super::{Cloud, CloudError, explain};

/// A subscription to a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Its ARN; a word instead while it has none.
    pub id: SubscriptionId,
    /// `sqs`, `lambda`, `email`, …
    pub protocol: String,
    /// Where messages go.
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
            let found = match found.map_err(|error| explain("ListSubscriptionsByTopic", error)) {
                Ok(found) => found,
                Err(error) if error.is("NotFound") || error.is("NotFoundException") => break,
                Err(error) => return Err(error),
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
}

fn read_id(text: &str) -> SubscriptionId {
    match text {
        "PendingConfirmation" => SubscriptionId::Pending,
        "Deleted" => SubscriptionId::Deleted,
        arn => SubscriptionId::Arn(arn.to_owned()),
    }
}
