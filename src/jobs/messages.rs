//! Messages sent to a queue: ten to a request, several requests at once, and what SQS refuses tried again.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::stream::{Stream, StreamExt};
use schemars::JsonSchema;
use serde::Serialize;
use tokio::time::sleep;

use super::event::{Event, Events};
use super::pace::Pace;
use super::{FAILURES, Failed};
use crate::cloud::Cloud;
use crate::cloud::sqs::messages::{BATCH, LARGEST, Message, Rejected};
use crate::error;
use crate::interrupt::Interrupt;

/// How many requests are on their way at once.
const AT_ONCE: usize = 8;
/// How often a message is sent that SQS refuses. Requests that fail as a whole are tried again by the SDK.
const ATTEMPTS: u32 = 5;
/// The pause before the second attempt; each one after it is twice as long.
const PAUSE: Duration = Duration::from_millis(250);

/// A message to be sent.
#[derive(Debug, Clone)]
pub struct Job {
    /// Where it comes from, to name it by when it can't be sent.
    pub name: String,
    pub message: Message,
}

/// Everything that sending works with.
#[derive(Clone, Copy)]
pub struct Sender<'a> {
    pub cloud: &'a Cloud,
    /// The URL of the queue.
    pub queue: &'a str,
    /// The most messages a second.
    pub rate: Option<f64>,
    /// Told of what happens.
    pub tell: &'a Events,
    /// Gets each message that is in the queue, where somebody keeps account of them.
    pub sent: Option<&'a dyn Fn(&Job)>,
    /// After it, nothing is begun.
    pub interrupt: &'a Interrupt,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Sent {
    /// The URL of the queue.
    pub queue: String,
    /// Whether all of it is there.
    pub succeeded: bool,
    /// How many messages are there.
    pub messages: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// How long it took.
    pub seconds: f64,
    /// What isn't there, and why.
    pub failed: Vec<Failed>,
    /// How many were not begun, because it was interrupted or too much failed.
    pub not_sent: u64,
    /// How many were on their way when it was interrupted: they may be there.
    pub unknown: u64,
}

impl Sent {
    /// How the command ends. The reasons were shown before.
    pub fn result(&self) -> error::Result<()> {
        super::result(self.succeeded, &self.failed)
    }
}

/// What became of messages.
#[derive(Debug, Default)]
struct Delivered {
    messages: u64,
    bytes: u64,
    failed: Vec<Failed>,
    /// How many of the failures are messages; the others are the source's.
    refused: u64,
    unknown: u64,
}

impl Sender<'_> {
    /// Sends messages as they come; `total` is how many there are, as far as is known. Ends early after an interrupt,
    /// or when so many fail that going on is of no use. What the source can't deliver is a failure, too.
    pub async fn send(self, jobs: impl Stream<Item = Result<Job, Failed>>, total: u64) -> Sent {
        let began = Instant::now();
        let delivered = self.send_all(jobs).await;
        // Nothing stopped it, so everything was sent, even if that is less than was counted.
        let stopped = self.interrupt.asked() || !delivered.failed.is_empty();
        let known = delivered.messages + delivered.refused + delivered.unknown;
        let not_sent = if stopped { total.saturating_sub(known) } else { 0 };
        Sent {
            queue: self.queue.to_owned(),
            succeeded: delivered.failed.is_empty() && delivered.unknown == 0 && not_sent == 0,
            messages: delivered.messages,
            bytes: delivered.bytes,
            seconds: began.elapsed().as_secs_f64(),
            failed: delivered.failed,
            not_sent,
            unknown: delivered.unknown,
        }
    }

    async fn send_all(self, jobs: impl Stream<Item = Result<Job, Failed>>) -> Delivered {
        let pace = Pace::new(self.rate);
        let failures = AtomicUsize::new(0);
        let goes_on = || !self.interrupt.asked() && failures.load(Ordering::Relaxed) < FAILURES;
        let batches = batches(jobs, batch_length(self.rate))
            .take_until(self.interrupt.wait())
            .take_while(|_| std::future::ready(goes_on()));
        let requests = batches.map(async |batch| {
            let batch = match batch {
                Ok(batch) => batch,
                Err(failed) => return self.count(Delivered::failure(failed), &failures),
            };
            tokio::select! {
                biased;
                () = self.interrupt.wait() => return Delivered::default(),
                () = pace.take(batch.len()) => {}
            }
            if !goes_on() {
                return Delivered::default();
            }
            let on_the_way = batch.len() as u64;
            let delivered = tokio::select! {
                delivered = self.deliver(batch) => delivered,
                () = self.interrupt.too_late() => Delivered { unknown: on_the_way, ..Delivered::default() },
            };
            self.count(delivered, &failures)
        });
        let mut total = Delivered::default();
        let mut requests = std::pin::pin!(requests.buffer_unordered(AT_ONCE));
        while let Some(delivered) = requests.next().await {
            total.messages += delivered.messages;
            total.bytes += delivered.bytes;
            total.unknown += delivered.unknown;
            total.refused += delivered.refused;
            total.failed.extend(delivered.failed);
        }
        total
    }

    fn count(&self, delivered: Delivered, failures: &AtomicUsize) -> Delivered {
        failures.fetch_add(delivered.failed.len(), Ordering::Relaxed);
        if delivered.messages > 0 {
            self.tell.tell(Event::MessagesSent {
                messages: delivered.messages,
                bytes: delivered.bytes,
            });
        }
        for failed in &delivered.failed {
            self.tell.tell(Event::NotSent(failed.clone()));
        }
        delivered
    }

    async fn deliver(&self, batch: Vec<Job>) -> Delivered {
        let messages: Vec<&Message> = batch.iter().map(|job| &job.message).collect();
        let results = deliver(self.cloud, self.queue, &messages).await;
        let mut delivered = Delivered::default();
        for (job, result) in batch.iter().zip(results) {
            match result {
                Ok(_) => {
                    delivered.messages += 1;
                    delivered.bytes += job.message.size() as u64;
                    self.sent.into_iter().for_each(|sent| sent(job));
                }
                Err(message) => {
                    delivered.refused += 1;
                    delivered.failed.push(Failed {
                        what: job.name.clone(),
                        message,
                    });
                }
            }
        }
        delivered
    }
}

impl Delivered {
    fn failure(failed: Failed) -> Delivered {
        Delivered {
            failed: vec![failed],
            ..Delivered::default()
        }
    }
}

/// Sends the messages of one request. Those that SQS refuses through no fault of their own are sent again. Returns for
/// each its id in the queue, or why it isn't there.
pub(super) async fn deliver(cloud: &Cloud, queue: &str, messages: &[&Message]) -> Vec<Result<String, String>> {
    let mut results: Vec<Result<String, String>> = vec![Err(String::new()); messages.len()];
    let mut left: Vec<usize> = (0..messages.len()).collect();
    let mut pause = PAUSE;
    for attempt in 1..=ATTEMPTS {
        let sent: Vec<&Message> = left.iter().map(|at| messages[*at]).collect();
        match cloud.send_messages(queue, &sent).await {
            Err(error) => {
                left.iter().for_each(|at| results[*at] = Err(error.to_string()));
                break;
            }
            Ok(answers) => {
                let mut again = Vec::new();
                for (at, answer) in left.into_iter().zip(answers) {
                    results[at] = match answer {
                        Ok(id) => Ok(id),
                        Err(Rejected { why, sender_fault }) => {
                            if !sender_fault {
                                again.push(at);
                            }
                            Err(why)
                        }
                    };
                }
                left = again;
            }
        }
        if left.is_empty() || attempt == ATTEMPTS {
            break;
        }
        sleep(pause).await;
        pause *= 2;
    }
    results
}

/// How many messages a request has at most, so that one request isn't more than a second's worth.
fn batch_length(rate: Option<f64>) -> usize {
    // A whole number within a batch: the cast loses nothing.
    rate.map_or(BATCH, |rate| rate.clamp(1.0, BATCH as f64) as usize)
}

/// Divides jobs into requests: at most `length` of them in each, and at most [`LARGEST`] bytes.
fn batches(
    jobs: impl Stream<Item = Result<Job, Failed>>,
    length: usize,
) -> impl Stream<Item = Result<Vec<Job>, Failed>> {
    let state = (Box::pin(jobs.fuse().peekable()), length);
    futures_util::stream::unfold(state, async |(mut jobs, length)| {
        let mut batch: Vec<Job> = Vec::new();
        let mut bytes = 0;
        loop {
            let fits = |next: &Result<Job, Failed>| match next {
                Ok(job) => batch.is_empty() || batch.len() < length && bytes + job.message.size() <= LARGEST,
                Err(_) => batch.is_empty(),
            };
            match jobs.as_mut().next_if(fits).await {
                Some(Ok(job)) => {
                    bytes += job.message.size();
                    batch.push(job);
                }
                Some(Err(failed)) => return Some((Err(failed), (jobs, length))),
                None => return (!batch.is_empty()).then_some((Ok(batch), (jobs, length))),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use futures_util::stream::iter;

    use super::*;

    fn job(bytes: usize) -> Result<Job, Failed> {
        Ok(Job {
            name: String::new(),
            message: Message::new("x".repeat(bytes)),
        })
    }

    async fn lengths(jobs: Vec<Result<Job, Failed>>, length: usize) -> Vec<Result<usize, String>> {
        let batches = batches(iter(jobs), length).map(|batch| match batch {
            Ok(batch) => Ok(batch.len()),
            Err(failed) => Err(failed.message),
        });
        batches.collect().await
    }

    #[tokio::test]
    async fn batches_are_full_but_never_too_long_or_too_large() {
        let small = || (0..25).map(|_| job(10)).collect();
        assert_eq!(lengths(small(), 10).await, [Ok(10), Ok(10), Ok(5)]);
        assert_eq!(lengths(small(), 7).await, [Ok(7), Ok(7), Ok(7), Ok(4)]);
        let large = vec![job(LARGEST), job(LARGEST / 2), job(LARGEST / 2), job(1), job(LARGEST)];
        assert_eq!(lengths(large, 10).await, [Ok(1), Ok(2), Ok(1), Ok(1)]);
        assert_eq!(lengths(Vec::new(), 10).await, []);
    }

    #[tokio::test]
    async fn what_came_before_a_failure_of_the_source_is_sent() {
        let failed = Failed {
            what: "listing".into(),
            message: "denied".into(),
        };
        let jobs = vec![job(1), job(1), Err(failed), job(1)];
        assert_eq!(lengths(jobs, 10).await, [Ok(2), Err("denied".into()), Ok(1)]);
    }

    #[test]
    fn a_request_is_never_more_than_a_seconds_worth() {
        for (rate, length) in [
            (None, 10),
            (Some(0.5), 1),
            (Some(3.9), 3),
            (Some(10.0), 10),
            (Some(99.0), 10),
        ] {
            assert_eq!(batch_length(rate), length, "{rate:?}");
        }
    }
}
