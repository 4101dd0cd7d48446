//! Messages: sent, received, shown again and deleted, ten at a time.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_sqs::types::{
    BatchResultErrorEntry, ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry,
    Message as SdkMessage, MessageAttributeValue, MessageSystemAttributeName, MessageSystemAttributeNameForSends,
    MessageSystemAttributeValue, SendMessageBatchRequestEntry,
};
use jiff::Timestamp;

use crate::cloud::sqs::queues::{explain, plain_code};
use crate::cloud::{Cloud, CloudError, unusable};

/// How many messages one request can send, receive, delete or show again
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html>).
pub const BATCH: usize = 10;

/// The most bytes that a message may have, and all messages of one request together: bodies, and names, types and
/// values of message attributes
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html>).
pub const LARGEST: usize = 1 << 20;

/// Whether SQS takes this character in a body; of others it refuses the whole message
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html>).
pub fn may_be_in_a_body(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// The message attribute that names a job, and in a reply the job that it is about.
const JOB_ID: &str = "JobId";
const TEXT: &str = "String";

/// How many bytes of [`LARGEST`] the id of a job takes.
pub fn job_id_size(id: &str) -> usize {
    JOB_ID.len() + TEXT.len() + id.len()
}

/// A message as it is sent.
#[derive(Debug, Clone, Default)]
pub struct Message {
    pub body: String,
    /// What else its sender gave it.
    pub extras: Extras,
}

impl Message {
    /// One with nothing but a body.
    pub fn new(body: impl Into<String>) -> Message {
        Message {
            body: body.into(),
            extras: Extras::default(),
        }
    }

    /// The same with the id of its job.
    ///
    /// # Errors
    /// When the SDK doesn't take it, which no id is a reason for.
    pub fn with_job_id(mut self, id: &str) -> Result<Message, CloudError> {
        let value = MessageAttributeValue::builder().data_type(TEXT).string_value(id);
        let value = value.build().map_err(|error| unusable("SendMessageBatch", &error))?;
        self.extras.attributes.insert(JOB_ID.to_owned(), value);
        Ok(self)
    }

    /// Its size in bytes, as [`LARGEST`] counts.
    pub fn size(&self) -> usize {
        let attribute = |(name, value): (&String, &MessageAttributeValue)| {
            let text = value.string_value().map_or(0, str::len);
            let binary = value.binary_value().map_or(0, |bytes| bytes.as_ref().len());
            name.len() + value.data_type().len() + text + binary
        };
        self.body.len() + self.extras.attributes.iter().map(attribute).sum::<usize>()
    }
}

/// What a message has beside its body. It is the SDK's, so that nothing is lost between receiving and sending it.
#[derive(Debug, Clone, Default)]
pub struct Extras {
    attributes: HashMap<String, MessageAttributeValue>,
    group_id: Option<String>,
    deduplication_id: Option<String>,
    trace: Option<String>,
}

impl Extras {
    /// The message attributes whose values are text.
    pub fn texts(&self) -> BTreeMap<String, String> {
        let text =
            |(name, value): (&String, &MessageAttributeValue)| Some((name.clone(), value.string_value()?.into()));
        self.attributes.iter().filter_map(text).collect()
    }

    /// The id of its job, where it has one.
    pub fn job_id(&self) -> Option<&str> {
        self.attributes.get(JOB_ID)?.string_value()
    }

    /// The message group that it belongs to.
    pub fn group_id(&self) -> Option<&str> {
        self.group_id.as_deref()
    }
}

/// A message that was received.
#[derive(Debug, Clone)]
pub struct Received {
    pub id: String,
    /// Stands for this receive of it: what shows or deletes it.
    pub handle: String,
    pub message: Message,
    /// How often it was received, this time included (`ApproximateReceiveCount`).
    pub receives: Option<u32>,
    /// When it was received first (`ApproximateFirstReceiveTimestamp`).
    pub first_received: Option<Timestamp>,
    /// When it was sent (`SentTimestamp`).
    pub sent: Option<Timestamp>,
}

/// Why SQS didn't do with one message of a request what it did with the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The code and what SQS says about it.
    pub why: String,
    /// Whether the request is at fault, so that trying again doesn't help.
    pub sender_fault: bool,
}

/// What became of each message of a request, in its order.
pub type Results<T = ()> = Vec<Result<T, Rejected>>;

impl Cloud {
    /// Sends at most [`BATCH`] messages of together at most [`LARGEST`] bytes to the queue. Gives the id that each has there.
    ///
    /// # Errors
    /// When none was sent, as far as is known.
    pub async fn send_messages(&self, url: &str, messages: &[&Message]) -> Result<Results<String>, CloudError> {
        let mut request = self.sqs.send_message_batch().queue_url(url);
        for (number, message) in messages.iter().enumerate() {
            let extras = &message.extras;
            let mut entry = SendMessageBatchRequestEntry::builder()
                .id(number.to_string())
                .message_body(&message.body)
                .set_message_group_id(extras.group_id.clone())
                .set_message_deduplication_id(extras.deduplication_id.clone());
            if !extras.attributes.is_empty() {
                entry = entry.set_message_attributes(Some(extras.attributes.clone()));
            }
            if let Some(trace) = &extras.trace {
                let value = MessageSystemAttributeValue::builder()
                    .data_type("String")
                    .string_value(trace);
                let value = value.build().map_err(|error| unusable("SendMessageBatch", &error))?;
                entry = entry.message_system_attributes(MessageSystemAttributeNameForSends::AwsTraceHeader, value);
            }
            request = request.entries(entry.build().map_err(|error| unusable("SendMessageBatch", &error))?);
        }
        let answer = request
            .send()
            .await
            .map_err(|error| explain("SendMessageBatch", error))?;
        let done = answer
            .successful()
            .iter()
            .map(|entry| (entry.id(), entry.message_id().to_owned()));
        Ok(results(messages.len(), done, answer.failed()))
    }

    /// Receives at most `most` messages, of which at most [`BATCH`], and hides them for so many seconds. Waits up to
    /// `wait` seconds (20 at most) for the first; none at all doesn't prove that there is none, but is likely to mean
    /// it, because a request that waits asks all of SQS's servers
    /// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html>).
    pub async fn receive_messages(
        &self,
        url: &str,
        most: usize,
        hidden: i32,
        wait: i32,
    ) -> Result<Vec<Received>, CloudError> {
        let most = i32::try_from(most.clamp(1, BATCH)).unwrap_or(1);
        let answer = self
            .sqs
            .receive_message()
            .queue_url(url)
            .max_number_of_messages(most)
            .visibility_timeout(hidden)
            .wait_time_seconds(wait)
            .message_attribute_names("All")
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .send()
            .await
            .map_err(|error| explain("ReceiveMessage", error))?;
        Ok(answer.messages.unwrap_or_default().into_iter().map(received).collect())
    }

    /// Shows received messages to everybody again, at once. At most [`BATCH`], by their handles.
    ///
    /// # Errors
    /// When none was shown, as far as is known.
    pub async fn show_messages(&self, url: &str, handles: &[&str]) -> Result<Results, CloudError> {
        let at_once: Vec<(&str, i32)> = handles.iter().map(|handle| (*handle, 0)).collect();
        self.show_messages_in(url, &at_once).await
    }

    /// The same, each after so many seconds from now.
    ///
    /// # Errors
    /// When none will be shown sooner than it would have been, as far as is known.
    pub async fn show_messages_in(&self, url: &str, handles: &[(&str, i32)]) -> Result<Results, CloudError> {
        let mut request = self.sqs.change_message_visibility_batch().queue_url(url);
        for (number, (handle, seconds)) in handles.iter().enumerate() {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(number.to_string())
                .receipt_handle(*handle)
                .visibility_timeout(*seconds);
            let entry = entry.build();
            request = request.entries(entry.map_err(|error| unusable("ChangeMessageVisibilityBatch", &error))?);
        }
        let answer = request
            .send()
            .await
            .map_err(|error| explain("ChangeMessageVisibilityBatch", error))?;
        let done = answer.successful().iter().map(|entry| (entry.id(), ()));
        Ok(results(handles.len(), done, answer.failed()))
    }

    /// Deletes received messages. At most [`BATCH`], by their handles.
    ///
    /// # Errors
    /// When none was deleted, as far as is known.
    pub async fn delete_messages(&self, url: &str, handles: &[&str]) -> Result<Results, CloudError> {
        let mut request = self.sqs.delete_message_batch().queue_url(url);
        for (number, handle) in handles.iter().enumerate() {
            let entry = DeleteMessageBatchRequestEntry::builder()
                .id(number.to_string())
                .receipt_handle(*handle);
            request = request.entries(entry.build().map_err(|error| unusable("DeleteMessageBatch", &error))?);
        }
        let answer = request
            .send()
            .await
            .map_err(|error| explain("DeleteMessageBatch", error))?;
        let done = answer.successful().iter().map(|entry| (entry.id(), ()));
        Ok(results(handles.len(), done, answer.failed()))
    }
}

/// What became of each of `count` entries whose ids are their numbers. One that the answer leaves out may be tried
/// again.
fn results<'a, T>(
    count: usize,
    done: impl Iterator<Item = (&'a str, T)>,
    failed: &[BatchResultErrorEntry],
) -> Results<T> {
    let silent = || {
        Err(Rejected {
            why: "SQS did not say what became of it".into(),
            sender_fault: false,
        })
    };
    let mut results: Results<T> = (0..count).map(|_| silent()).collect();
    let mut set = |id: &str, result| {
        if let Some(place) = id.parse().ok().and_then(|number: usize| results.get_mut(number)) {
            *place = result;
        }
    };
    done.for_each(|(id, done)| set(id, Ok(done)));
    for entry in failed {
        let code = plain_code(entry.code());
        let why = match entry.message() {
            Some(message) if !message.is_empty() => format!("{code}: {message}"),
            _ => code.to_owned(),
        };
        let rejected = Rejected {
            why,
            sender_fault: entry.sender_fault(),
        };
        set(entry.id(), Err(rejected));
    }
    results
}

fn received(message: SdkMessage) -> Received {
    let attribute = |name: MessageSystemAttributeName| {
        let all = message.attributes.as_ref();
        all.and_then(|all| all.get(&name)).cloned()
    };
    let instant = |name: MessageSystemAttributeName| {
        let milliseconds = attribute(name)?.parse().ok()?;
        Timestamp::from_millisecond(milliseconds).ok()
    };
    let id = message.message_id.clone().unwrap_or_default();
    let extras = Extras {
        attributes: message.message_attributes.clone().unwrap_or_default(),
        group_id: attribute(MessageSystemAttributeName::MessageGroupId),
        // Sent again under the same deduplication id within five minutes, it would be taken for a copy and dropped. SQS
        // replaces it by the message's id, too, when it moves a message to a dead-letter queue
        // (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html).
        deduplication_id: attribute(MessageSystemAttributeName::MessageDeduplicationId).map(|_| id.clone()),
        trace: attribute(MessageSystemAttributeName::AwsTraceHeader),
    };
    Received {
        receives: attribute(MessageSystemAttributeName::ApproximateReceiveCount).and_then(|count| count.parse().ok()),
        first_received: instant(MessageSystemAttributeName::ApproximateFirstReceiveTimestamp),
        sent: instant(MessageSystemAttributeName::SentTimestamp),
        id,
        handle: message.receipt_handle.unwrap_or_default(),
        message: Message {
            body: message.body.unwrap_or_default(),
            extras,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_that_the_answer_leaves_out_did_not_succeed() {
        let failed = BatchResultErrorEntry::builder()
            .id("2")
            .code("AWS.SimpleQueueService.InternalError")
            .sender_fault(false)
            .build()
            .expect("an entry");
        let results = results(4, [("0", ()), ("9", ()), ("x", ())].into_iter(), &[failed]);
        assert_eq!(results[0], Ok(()));
        assert!(results[1].as_ref().is_err_and(|rejected| !rejected.sender_fault));
        assert_eq!(results[2].as_ref().expect_err("failed").why, "InternalError");
        assert!(results[3].is_err());
    }

    #[test]
    fn sizes_count_names_types_and_values_of_attributes() {
        let value = MessageAttributeValue::builder()
            .data_type("String")
            .string_value("grün");
        let mut message = Message::new("emoji 🚚");
        message
            .extras
            .attributes
            .insert("color".into(), value.build().expect("a value"));
        assert_eq!(message.size(), 10 + 5 + 6 + 5);
    }

    #[test]
    fn characters_that_sqs_refuses() {
        for c in ['\0', '\u{1b}', '\u{fffe}', '\u{ffff}'] {
            assert!(!may_be_in_a_body(c), "{c:?}");
        }
        for c in ['\t', '\n', '\r', ' ', '\u{7f}', 'ü', '\u{fffd}', '🚚'] {
            assert!(may_be_in_a_body(c), "{c:?}");
        }
    }
}
