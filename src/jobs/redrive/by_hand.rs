//! Dead letters back to their queue where SQS has no message move tasks: received, sent, and deleted only then.

use std::collections::HashSet;

use super::{Moved, Redrive};
use crate::cloud::sqs::messages::{BATCH, LARGEST, Message, Received};
use crate::jobs::event::Event;
use crate::jobs::messages::deliver;
use crate::jobs::pace::Pace;
use crate::jobs::sample::show;
use crate::jobs::{FAILURES, Failed};

/// For how many seconds a message is hidden while it is moved: sending it may take some attempts.
const HIDDEN: i32 = 120;
/// For how many seconds a request waits for messages. Shorter than what an interrupt leaves.
const WAIT: i32 = 1;
/// After so many requests in a row that bring nothing new, the queue counts as empty.
const IN_VAIN: u32 = 3;
/// How often deleting is tried.
const ATTEMPTS: u32 = 3;

/// Moves only as many messages as were counted, because one that fails again comes back, and would go round and round.
/// Where none were counted, it goes on until nothing new comes: counts are late. A message that comes back still has
/// the id that it got when it was sent; by that it is recognised, and left among the dead letters.
pub(super) async fn by_hand(redrive: Redrive<'_>, counted: u64) -> Moved {
    let most = if counted == 0 { u64::MAX } else { counted };
    let Redrive {
        cloud,
        queues,
        tell,
        interrupt,
        ..
    } = redrive;
    let pace = Pace::new(redrive.max_rate.map(f64::from));
    let batch = redrive.max_rate.map_or(BATCH, |rate| BATCH.min(rate as usize));
    let mut moved = Moved::default();
    let mut sent = HashSet::new();
    let mut came_back = Vec::new();
    let (mut seen, mut in_vain) = (0, 0);
    while seen < most && in_vain < IN_VAIN && moved.failed.len() < FAILURES {
        let next = batch.min(usize::try_from(most - seen).unwrap_or(batch));
        tokio::select! {
            biased;
            () = interrupt.wait() => {}
            () = pace.take(next) => {}
        }
        if interrupt.asked() {
            moved.interrupted = true;
            break;
        }
        let received = tokio::select! {
            received = cloud.receive_messages(&queues.dead_letters, next, HIDDEN, WAIT) => received,
            () = interrupt.too_late() => {
                moved.interrupted = true;
                break;
            }
        };
        let received = match received {
            Ok(received) => received,
            Err(error) => {
                moved.failed.push(Failed {
                    what: queues.dead_letters.clone(),
                    message: error.to_string(),
                });
                break;
            }
        };
        seen += received.len() as u64;
        if interrupt.asked() {
            // The interrupt came during the wait for them.
            give_back(redrive, &received).await;
            moved.interrupted = true;
            break;
        }
        let (back, new): (Vec<Received>, Vec<Received>) = received.into_iter().partition(|one| sent.contains(&one.id));
        came_back.extend(back);
        in_vain = if new.is_empty() { in_vain + 1 } else { 0 };
        for request in requests(&new) {
            tokio::select! {
                () = resend(redrive, request, &mut moved, &mut sent) => {}
                () = interrupt.too_late() => {
                    moved.unknown += request.len() as u64;
                    moved.interrupted = true;
                }
            }
        }
        tell.tell(Event::MessagesMoved {
            moved: moved.messages,
            of: (counted > 0).then_some(counted),
        });
    }
    give_back(redrive, &came_back).await;
    moved
}

/// Sends messages to the queue, deletes those that are there from the dead letters, and leaves the others there.
async fn resend(redrive: Redrive<'_>, received: &[Received], moved: &mut Moved, sent: &mut HashSet<String>) {
    let messages: Vec<&Message> = received.iter().map(|received| &received.message).collect();
    let delivered = deliver(redrive.cloud, &redrive.queues.queue, &messages).await;
    let mut there = Vec::new();
    let mut back = Vec::new();
    for (received, result) in received.iter().zip(delivered) {
        match result {
            Ok(id) => {
                sent.insert(id);
                there.push(received);
            }
            Err(message) => {
                fail(redrive, moved, &received.id, message);
                back.push(received.clone());
            }
        }
    }
    for (id, message) in delete(redrive, there.as_slice(), &mut moved.messages).await {
        let message = format!("it was sent, but is still among the dead letters, too: {message}");
        fail(redrive, moved, &id, message);
    }
    give_back(redrive, &back).await;
}

/// Deletes messages, and counts them. Returns those that it can't delete, with why.
async fn delete(redrive: Redrive<'_>, messages: &[&Received], deleted: &mut u64) -> Vec<(String, String)> {
    let mut left: Vec<(&Received, String)> = messages.iter().map(|message| (*message, String::new())).collect();
    for _ in 0..ATTEMPTS {
        if left.is_empty() {
            break;
        }
        let handles: Vec<&str> = left.iter().map(|(message, _)| message.handle.as_str()).collect();
        match redrive
            .cloud
            .delete_messages(&redrive.queues.dead_letters, &handles)
            .await
        {
            Ok(results) => {
                let mut still = Vec::new();
                for ((message, _), result) in left.into_iter().zip(results) {
                    match result {
                        Ok(()) => *deleted += 1,
                        Err(rejected) => still.push((message, rejected.why)),
                    }
                }
                left = still;
            }
            Err(error) => left.iter_mut().for_each(|(_, why)| *why = error.to_string()),
        }
    }
    left.into_iter()
        .map(|(message, why)| (message.id.clone(), why))
        .collect()
}

async fn give_back(redrive: Redrive<'_>, messages: &[Received]) {
    let messages: Vec<(&str, &str)> = messages
        .iter()
        .map(|message| (message.id.as_str(), message.handle.as_str()))
        .collect();
    show(redrive.cloud, &redrive.queues.dead_letters, &messages, redrive.tell).await;
}

fn fail(redrive: Redrive<'_>, moved: &mut Moved, id: &str, message: String) {
    let failed = Failed {
        what: format!("message {id}"),
        message,
    };
    redrive.tell.tell(Event::NotSent(failed.clone()));
    moved.failed.push(failed);
}

/// Groups that can be sent in one request each: large messages are received together, but can't be sent together.
fn requests(received: &[Received]) -> Vec<&[Received]> {
    let mut requests = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (at, received_one) in received.iter().enumerate() {
        let size = received_one.message.size();
        if at > start && bytes + size > LARGEST {
            requests.push(&received[start..at]);
            (start, bytes) = (at, 0);
        }
        bytes += size;
    }
    if start < received.len() {
        requests.push(&received[start..]);
    }
    requests
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_received_together_is_not_always_sent_together() {
        let received = |bytes: usize| Received {
            id: String::new(),
            handle: String::new(),
            message: Message::new("x".repeat(bytes)),
            receives: None,
            first_received: None,
            sent: None,
        };
        let all: Vec<Received> = [10, LARGEST - 10, 1, LARGEST, 5, 5].map(received).into();
        let lengths: Vec<usize> = requests(&all).iter().map(|request| request.len()).collect();
        assert_eq!(lengths, [2, 1, 1, 2]);
        assert!(requests(&[]).is_empty());
    }
}
