//! Subscriptions of a topic.

use super::{Cloud, CloudError, explain};

impl Cloud {
    /// Where a topic sends its messages: the endpoints of its subscriptions, an SQS queue's by its ARN. Those that nobody
    /// confirmed get nothing and are left out
    /// (<https://docs.aws.amazon.com/sns/latest/api/API_ListSubscriptionsByTopic.html>).
    pub async fn subscribers(&self, topic: &str) -> Result<Vec<String>, CloudError> {
        let asked = self.sns.list_subscriptions_by_topic().topic_arn(topic);
        let mut pages = asked.into_paginator().items().send();
        let mut all = Vec::new();
        while let Some(subscription) = pages.next().await {
            let subscription = subscription.map_err(|error| explain("ListSubscriptionsByTopic", error))?;
            if subscription.subscription_arn() != Some("PendingConfirmation") {
                all.extend(subscription.endpoint().map(str::to_owned));
            }
        }
        Ok(all)
    }
}
