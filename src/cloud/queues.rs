//! Queues: how much is in them.

use aws_sdk_sqs::types::QueueAttributeName;
use serde::Serialize;

use super::{Cloud, CloudError, explain};

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
