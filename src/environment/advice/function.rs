//! Stages whose workers are a function.

use super::MOST_IN_FLIGHT;
use crate::environment::problem::Problem;
use crate::environment::{Lambda, Stage};

/// "Set the maxReceiveCount on the source queue's redrive policy to at least 5"
/// (<https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html>).
const RECEIVES: u32 = 5;

pub(super) fn advise(at: &str, stage: &Stage, lambda: &Lambda, advice: &mut Vec<Problem>) {
    let queue = &stage.queue;
    let recommended = lambda.recommended_visibility_timeout();
    if queue.visibility_timeout < recommended {
        advice.push(
            Problem::new(
                format!("{at}/queue/visibility_timeout"),
                format!(
                    "messages come back after {}, perhaps before Lambda got a batch through",
                    queue.visibility_timeout
                ),
            )
            .help(format!(
                "AWS recommends six times the function's `timeout`, and the `batch_window`: {recommended} \
                 (https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html)"
            )),
        );
    }
    if queue.max_receives < RECEIVES {
        advice.push(
            Problem::new(
                format!("{at}/queue/max_receives"),
                format!(
                    "a message is a dead letter after {} receives, also where Lambda had no room to run the function",
                    queue.max_receives
                ),
            )
            .help(format!(
                "AWS recommends at least {RECEIVES} \
                 (https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html)"
            )),
        );
    }
    let seconds = stage.scaling.as_ref().and_then(|scaling| scaling.seconds_per_message);
    if let Some(seconds) = seconds
        && seconds * f64::from(lambda.batch) > lambda.timeout.as_secs() as f64
    {
        advice.push(
            Problem::new(
                format!("{at}/workers/lambda/timeout"),
                format!(
                    "a run is ended after {}, and a full batch takes longer: {} messages of {seconds} s",
                    lambda.timeout, lambda.batch
                ),
            )
            .help("set it longer, or `batch` smaller, unless the function works on several messages at once"),
        );
    }
    if u64::from(lambda.max_concurrency) * u64::from(lambda.batch) > MOST_IN_FLIGHT {
        advice.push(
            Problem::new(
                format!("{at}/workers/lambda/max_concurrency"),
                format!(
                    "{} runs with {} messages each exceed what SQS hands out",
                    lambda.max_concurrency, lambda.batch
                ),
            )
            .help("a queue has at most 120,000 messages in flight"),
        );
    }
}
