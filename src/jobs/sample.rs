//! A look at dead letters. SQS can't show messages without handing them out: they are received, hidden from others for
//! as long as it takes, and shown again.

use std::collections::BTreeMap;

use super::destinations::Queues;
use super::event::Events;
use super::told_files::told_files;
use crate::cloud::Cloud;
use crate::cloud::sqs::messages::{BATCH, Received};
use crate::deployed::address::Address;
use crate::error::{Error, Result, exit_code};
use crate::interrupt::Interrupt;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// For how many seconds a message that is looked at would stay hidden if it couldn't be shown again.
pub const HIDDEN: i32 = 60;
/// For how many seconds a request waits for messages. Shorter than what an interrupt leaves.
const WAIT: i32 = 2;
/// How often showing messages again is tried.
const ATTEMPTS: u32 = 3;

/// Dead letters that were looked at.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Sample {
    #[serde(flatten)]
    pub address: Address,
    pub stage: String,
    /// The URL of the dead-letter queue.
    pub queue: String,
    pub messages: Vec<DeadLetter>,
    /// Ids of those that could not be shown to others again at once. They stay hidden for up to a minute.
    pub hidden: Vec<String>,
    /// Whether it ended before it had looked at as many as it was asked to.
    #[serde(skip)]
    pub interrupted: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct DeadLetter {
    pub id: String,
    pub body: String,
    /// The keys of the files that it tells of, where it is an event of S3.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// How often it was received, this look included.
    pub receives: Option<u32>,
    /// When it was received first.
    pub first_received: Option<Timestamp>,
    /// When it was sent.
    pub sent: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_id: Option<String>,
    /// Its message attributes, those with text.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
}

impl Sample {
    /// How the command ends. The reasons were shown before.
    pub fn result(&self) -> Result<()> {
        if self.interrupted {
            return Err(Error::Shown(exit_code::INTERRUPTED));
        }
        Ok(())
    }
}

/// Looks at up to `count` dead letters of a stage.
///
/// # Errors
/// When they can't be received. Those that were received until then are shown again all the same.
pub async fn sample(
    cloud: &Cloud,
    address: Address,
    queues: &Queues,
    count: usize,
    tell: &Events,
    interrupt: &Interrupt,
) -> Result<Sample> {
    let url = &queues.dead_letters;
    // By id: queues may deliver a message twice, and only the last handle counts then.
    let mut seen: BTreeMap<String, Received> = BTreeMap::new();
    let mut order = Vec::new();
    let looked = loop {
        let more = count.saturating_sub(seen.len()).min(BATCH);
        if more == 0 || interrupt.asked() {
            break Ok(());
        }
        // An answer that isn't waited for would hide messages that nobody has seen.
        let received = tokio::select! {
            received = cloud.receive_messages(url, more, HIDDEN, WAIT) => received,
            () = interrupt.too_late() => break Ok(()),
        };
        match received {
            Ok(messages) if messages.is_empty() => break Ok(()),
            Ok(messages) => {
                for message in messages {
                    if seen.insert(message.id.clone(), message.clone()).is_none() {
                        order.push(message.id);
                    }
                }
            }
            Err(error) => break Err(error),
        }
    };
    let handles: Vec<(&str, &str)> = order
        .iter()
        .filter_map(|id| Some((id.as_str(), seen.get(id)?.handle.as_str())))
        .collect();
    let hidden = show(cloud, url, &handles, tell).await;
    looked?;
    let messages = order.iter().filter_map(|id| seen.remove(id)).map(dead_letter);
    Ok(Sample {
        address,
        stage: queues.stage.clone(),
        queue: url.clone(),
        interrupted: interrupt.asked(),
        messages: messages.collect(),
        hidden,
    })
}

/// Shows messages again, given by id and handle. Returns, and warns of, those that it can't.
pub(super) async fn show(cloud: &Cloud, queue: &str, messages: &[(&str, &str)], tell: &Events) -> Vec<String> {
    let mut hidden = Vec::new();
    for batch in messages.chunks(BATCH) {
        let mut left: Vec<(&str, &str)> = batch.to_vec();
        let mut why = String::new();
        for _ in 0..ATTEMPTS {
            let handles: Vec<&str> = left.iter().map(|(_, handle)| *handle).collect();
            match cloud.show_messages(queue, &handles).await {
                Ok(results) => {
                    let mut still = Vec::new();
                    for (message, result) in left.into_iter().zip(results) {
                        if let Err(rejected) = result {
                            why = rejected.why;
                            still.push(message);
                        }
                    }
                    left = still;
                }
                Err(error) => why = error.to_string(),
            }
            if left.is_empty() {
                break;
            }
        }
        hidden.extend(left.iter().map(|(id, _)| (*id).to_owned()));
        for (id, _) in left {
            tell.warn(format!(
                "the message {id} could not be shown to others again at once: {why}"
            ));
        }
    }
    hidden
}

fn dead_letter(received: Received) -> DeadLetter {
    let extras = &received.message.extras;
    DeadLetter {
        receives: received.receives,
        first_received: received.first_received,
        sent: received.sent,
        group_id: extras.group_id().map(str::to_owned),
        attributes: extras.texts(),
        files: told_files(&received.message.body),
        id: received.id,
        body: received.message.body,
    }
}
