//! How long the oldest message of a queue has been there. SQS tells it in CloudWatch only, and the emulator puts nothing
//! there; but it shows what its queues hold.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use super::sources::Queue;
use crate::cloud::sqs::queues::QueueDepth;

/// A message that was received so often isn't the oldest any more
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html>).
const RECEIVED: u32 = 3;
/// Queues with more messages aren't looked into: the answer holds them all, with their bodies.
const MOST: u64 = 1000;

/// Where queues can be looked into.
#[derive(Debug, Clone)]
pub(super) struct Peek {
    pub endpoint: String,
    pub account: String,
    pub region: String,
}

/// When the oldest message of each queue was sent, by the queue's name.
#[derive(Debug, Default)]
pub(super) struct Ages(BTreeMap<String, Timestamp>);

#[derive(Deserialize)]
struct Shown {
    messages: BTreeMap<String, BTreeMap<String, BTreeMap<String, Vec<Message>>>>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(rename = "SentTimestamp")]
    sent_second: i64,
    #[serde(rename = "ReceiveCount")]
    received: u32,
}

impl Ages {
    /// Seconds since the oldest message was sent: 0 for an empty queue, nothing when it can't be known. In a queue with
    /// too many messages to look at, it is taken to be the one that was known last, or the first that was seen.
    pub async fn seconds(&mut self, peek: &Peek, queue: &Queue, depth: QueueDepth, now: Timestamp) -> Option<f64> {
        let messages = depth.visible + depth.in_flight + depth.delayed;
        if messages == 0 {
            self.0.remove(&queue.name);
            return Some(0.0);
        }
        let sent = if messages <= MOST {
            let (peek, url) = (peek.clone(), queue.url.clone());
            // It blocks.
            tokio::task::spawn_blocking(move || oldest(&peek, &url)).await.ok()??
        } else {
            self.0.get(&queue.name).copied()
        };
        let sent = sent.unwrap_or(now);
        self.0.insert(queue.name.clone(), sent);
        Some(now.duration_since(sent).as_secs_f64().max(0.0))
    }
}

/// When the oldest message that counts was sent, if one does; nothing when the emulator doesn't show it.
fn oldest(peek: &Peek, url: &str) -> Option<Option<Timestamp>> {
    let agent = ureq::Agent::config_builder()
        .proxy(None)
        .timeout_global(Some(Duration::from_secs(2)))
        .build()
        .new_agent();
    let mut answer = agent
        .get(format!(
            "{}/_ministack/sqs/messages",
            peek.endpoint.trim_end_matches('/')
        ))
        .query("account", &peek.account)
        .query("region", &peek.region)
        .query("QueueUrl", url)
        .call()
        .ok()?;
    let shown: Shown = serde_json::from_reader(answer.body_mut().as_reader()).ok()?;
    Some(oldest_of(&shown))
}

fn oldest_of(shown: &Shown) -> Option<Timestamp> {
    let messages = shown
        .messages
        .values()
        .flat_map(BTreeMap::values)
        .flat_map(BTreeMap::values)
        .flatten();
    let counts = messages.filter(|message| message.received < RECEIVED);
    let second = counts.map(|message| message.sent_second).min()?;
    Timestamp::from_second(second).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_one_that_was_not_received_too_often() {
        let text = r#"{"messages": {"1": {"us-east-2": {"q": [
            {"SentTimestamp": 30, "ReceiveCount": 0, "Body": "x"}, {"SentTimestamp": 10, "ReceiveCount": 3},
            {"SentTimestamp": 20, "ReceiveCount": 2}]}}}}"#;
        let shown: Shown = serde_json::from_str(text).expect("reads");
        assert_eq!(oldest_of(&shown), Timestamp::from_second(20).ok());
        let empty: Shown = serde_json::from_str(r#"{"messages": {}}"#).expect("reads");
        assert_eq!(oldest_of(&empty), None);
    }
}
