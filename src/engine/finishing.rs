//! A function that gets no more messages, and what it still has in hand.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::event::Event;
use super::operation::Context;
use super::pace;
use crate::cloud::CloudError;

/// What SQS counts "may not achieve consistency until at least 1 minute after" the last change
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html>): that long, a count
/// of zero may be one from before. The emulator counts what there is.
const COUNTED: Duration = Duration::from_secs(60);

/// Waits until no message of the queue is in flight: then the function has finished all of them. One that it failed on
/// stays in flight for as long as the queue says, but no invocation goes on for longer than the function may. Called as
/// soon as the function gets no more messages: from then on the time counts.
///
/// # Errors
/// When the function or the queue can't be read.
pub async fn wait(context: Context<'_>, stack: &str, function: &str, queue_url: &str) -> Result<(), CloudError> {
    let Context { cloud, tell, .. } = context;
    let began = Instant::now();
    let Some(configuration) = cloud.function(function).await? else {
        return Ok(());
    };
    let longest = Duration::from_secs(u64::try_from(configuration.timeout_seconds).unwrap_or_default());
    let counted = match cloud.local {
        true => Duration::ZERO,
        false => COUNTED.min(longest),
    };
    let mut last = None;
    loop {
        let in_flight = cloud.queue_depth(queue_url).await?.map_or(0, |depth| depth.in_flight);
        let waited = began.elapsed();
        let finished = in_flight == 0 && waited >= counted;
        if last != Some((in_flight, finished)) && (last.is_some() || !finished) {
            tell.tell(Event::Finishing {
                stack: stack.to_owned(),
                function: function.to_owned(),
                messages_in_flight: in_flight,
                finished,
                at_most_seconds: longest.as_secs(),
            });
        }
        last = Some((in_flight, finished));
        if finished || waited >= longest {
            return Ok(());
        }
        sleep(pace::short(cloud.local, waited)).await;
    }
}
