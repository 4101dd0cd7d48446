//! Queues: what they are called, how much is in them, and everything in them deleted.

use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::QueueAttributeName;
use serde::Serialize;

use crate::cloud::{Cloud, CloudError};

/// How many messages are in a queue. SQS calls all three approximate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct QueueDepth {
    /// Waiting (`ApproximateNumberOfMessages`).
    pub visible: u64,
    /// Being worked on (`ApproximateNumberOfMessagesNotVisible`).
    pub in_flight: u64,
    /// Not to be received yet (`ApproximateNumberOfMessagesDelayed`).
    pub delayed: u64,
}

impl QueueDepth {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.visible + self.in_flight + self.delayed
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

impl Cloud {
    /// How many messages are in the queue; `None` when there's no such queue.
    pub async fn queue_depth(&self, url: &str) -> Result<Option<QueueDepth>, CloudError> {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
        ];
        let asked = self
            .sqs
            .get_queue_attributes()
            .queue_url(url)
            .set_attribute_names(Some(names.to_vec()));
        let answer = match asked.send().await {
            Ok(answer) => answer,
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|error| error.is_queue_does_not_exist()) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(explain("GetQueueAttributes", error)),
        };
        let count = |name: &QueueAttributeName| {
            answer
                .attributes()
                .and_then(|all| all.get(name))
                .and_then(|text| text.parse().ok())
                .unwrap_or_default()
        };
        let [visible, in_flight, delayed] = names.each_ref().map(count);
        Ok(Some(QueueDepth {
            visible,
            in_flight,
            delayed,
        }))
    }

    /// The ARN of the queue.
    ///
    /// # Errors
    /// Also when there's no such queue.
    pub async fn queue_arn(&self, url: &str) -> Result<String, CloudError> {
        let answer = self
            .sqs
            .get_queue_attributes()
            .queue_url(url)
            .attribute_names(QueueAttributeName::QueueArn)
            .send()
            .await
            .map_err(|error| explain("GetQueueAttributes", error))?;
        let arn = answer
            .attributes()
            .and_then(|all| all.get(&QueueAttributeName::QueueArn));
        arn.cloned().ok_or_else(|| CloudError {
            operation: "GetQueueAttributes",
            code: None,
            message: format!("the answer about {url} names no QueueArn"),
        })
    }

    /// Deletes every message in the queue, those that are being worked on included. SQS takes up to a minute for it,
    /// and refuses a second time within that minute with `PurgeQueueInProgress`
    /// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_PurgeQueue.html>).
    pub async fn purge_queue(&self, url: &str) -> Result<(), CloudError> {
        self.sqs
            .purge_queue()
            .queue_url(url)
            .send()
            .await
            .map(drop)
            .map_err(|error| explain("PurgeQueue", error))
    }

    /// For how long a message that was received is hidden from others, in seconds; `None` when there's no such queue.
    pub async fn visibility_timeout(&self, url: &str) -> Result<Option<u64>, CloudError> {
        let name = QueueAttributeName::VisibilityTimeout;
        let asked = self
            .sqs
            .get_queue_attributes()
            .queue_url(url)
            .attribute_names(name.clone());
        match asked.send().await {
            Ok(answer) => Ok(answer
                .attributes()
                .and_then(|all| all.get(&name))
                .and_then(|text| text.parse().ok())),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|error| error.is_queue_does_not_exist()) =>
            {
                Ok(None)
            }
            Err(error) => Err(explain("GetQueueAttributes", error)),
        }
    }
}
