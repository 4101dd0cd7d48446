//! Queues: what they are called, how much is in them, and everything in them deleted.

use std::collections::HashMap;

use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::QueueAttributeName;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::cloud::actual::texts;
use crate::cloud::{Cloud, CloudError, unless};

/// How many messages are in a queue. SQS calls all three approximate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct QueueDepth {
    /// Waiting (`ApproximateNumberOfMessages`).
    pub visible: u64,
    /// Being worked on (`ApproximateNumberOfMessagesNotVisible`).
    pub in_flight: u64,
    /// Not to be received yet (`ApproximateNumberOfMessagesDelayed`).
    pub delayed: u64,
}

impl QueueDepth {
    pub fn total(&self) -> u64 {
        self.visible + self.in_flight + self.delayed
    }
}

/// What SQS tells of a queue, as far as it was asked.
pub(in crate::cloud) struct QueueAttributes(HashMap<QueueAttributeName, String>);

impl QueueAttributes {
    fn number(&self, name: &QueueAttributeName) -> Option<u64> {
        self.0.get(name)?.parse().ok()
    }
}

/// What an SQS error means. SQS answers with the codes of its older protocol beside those of its newer one; both
/// become the plain name: `AWS.SimpleQueueService.PurgeQueueInProgress` is `PurgeQueueInProgress`
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-json-api-responses.html>).
pub(in crate::cloud) fn explain<E, R>(operation: &'static str, error: SdkError<E, R>) -> CloudError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    let mut explained = crate::cloud::explain(operation, error);
    if let Some(code) = &mut explained.code {
        *code = plain_code(code).to_owned();
    }
    explained
}

/// A code without the name of the service in front of it.
pub(in crate::cloud) fn plain_code(code: &str) -> &str {
    code.strip_prefix("AWS.SimpleQueueService.").unwrap_or(code)
}

/// What SQS answers about a queue that isn't there.
const NO_SUCH_QUEUE: [&str; 2] = ["QueueDoesNotExist", "NonExistentQueue"];

impl Cloud {
    /// These attributes of a queue; `None` when there's no such queue. One that was deleted goes on answering for up to
    /// 60 seconds (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteQueue.html>).
    pub(in crate::cloud) async fn queue_attributes(
        &self,
        url: &str,
        names: &[QueueAttributeName],
    ) -> Result<Option<QueueAttributes>, CloudError> {
        let asked = self.sqs.get_queue_attributes().queue_url(url);
        let asked = asked.set_attribute_names(Some(names.to_vec())).send().await;
        let answer = asked.map_err(|error| explain("GetQueueAttributes", error));
        let answer = unless(&NO_SUCH_QUEUE, answer)?;
        Ok(answer.map(|answer| QueueAttributes(answer.attributes.unwrap_or_default())))
    }

    /// How many messages are in the queue; `None` when there's no such queue.
    pub async fn queue_depth(&self, url: &str) -> Result<Option<QueueDepth>, CloudError> {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
        ];
        let found = self.queue_attributes(url, &names).await?;
        Ok(found.map(|found| {
            let [visible, in_flight, delayed] = names.each_ref().map(|name| found.number(name).unwrap_or_default());
            QueueDepth {
                visible,
                in_flight,
                delayed,
            }
        }))
    }

    /// The ARN of the queue.
    ///
    /// # Errors
    /// Also when there's no such queue.
    pub async fn queue_arn(&self, url: &str) -> Result<String, CloudError> {
        let name = QueueAttributeName::QueueArn;
        let found = self.queue_attributes(url, std::slice::from_ref(&name)).await?;
        let (code, message) = match found.map(|mut found| found.0.remove(&name)) {
            Some(Some(arn)) => return Ok(arn),
            Some(None) => (None, format!("the answer about {url} names no QueueArn")),
            None => (Some("QueueDoesNotExist"), format!("there is no queue {url}")),
        };
        Err(CloudError {
            operation: "GetQueueAttributes",
            code: code.map(str::to_owned),
            message,
        })
    }

    /// For how long a message that was received is hidden from others, in seconds; `None` when there's no such queue.
    pub async fn visibility_timeout(&self, url: &str) -> Result<Option<u64>, CloudError> {
        let name = QueueAttributeName::VisibilityTimeout;
        let found = self.queue_attributes(url, std::slice::from_ref(&name)).await?;
        Ok(found.and_then(|found| found.number(&name)))
    }

    /// A queue as `AWS::SQS::Queue` has it, with its policy as `Policy`.
    pub async fn actual_queue(&self, url: &str) -> Result<Option<Value>, CloudError> {
        let found = self.queue_attributes(url, &[QueueAttributeName::All]).await?;
        Ok(found.map(|found| texts(found.0.iter().map(|(name, value)| (name.as_str(), value.as_str())))))
    }

    /// A tag of a queue; none when it hasn't that tag, or isn't there any more.
    pub async fn queue_tag(&self, url: &str, key: &str) -> Result<Option<String>, CloudError> {
        let asked = self.sqs.list_queue_tags().queue_url(url).send().await;
        let found = unless(&NO_SUCH_QUEUE, asked.map_err(|error| explain("ListQueueTags", error)))?;
        Ok(found.and_then(|found| found.tags?.remove(key)))
    }

    /// The URL of this account's queue of this name, if there is one.
    pub async fn queue_url(&self, name: &str) -> Result<Option<String>, CloudError> {
        let asked = self.sqs.get_queue_url().queue_name(name).send().await;
        let found = unless(&NO_SUCH_QUEUE, asked.map_err(|error| explain("GetQueueUrl", error)))?;
        Ok(found.and_then(|found| found.queue_url))
    }

    /// URLs of the queues whose name begins so. A queue that was deleted is in it for a while
    /// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListQueues.html>).
    pub async fn queues_named(&self, prefix: &str) -> Result<Vec<String>, CloudError> {
        // Without a number, an answer has no further pages.
        let asked = self.sqs.list_queues().queue_name_prefix(prefix).max_results(1000);
        let mut pages = asked.into_paginator().items().send();
        let mut all = Vec::new();
        while let Some(url) = pages.next().await {
            all.push(url.map_err(|error| explain("ListQueues", error))?);
        }
        Ok(all)
    }

    /// Deletes every message in the queue, those that are being worked on included. SQS takes up to a minute for it,
    /// and refuses a second time within that minute with `PurgeQueueInProgress`
    /// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_PurgeQueue.html>).
    pub async fn purge_queue(&self, url: &str) -> Result<(), CloudError> {
        let purged = self.sqs.purge_queue().queue_url(url).send().await;
        purged.map(drop).map_err(|error| explain("PurgeQueue", error))
    }
}
