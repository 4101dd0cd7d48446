//! A function that gets no more messages, and what it still has in hand.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::event::Event;
use super::operation::Context;
use super::pace;
use crate::cloud::CloudError;

/// Waits until no message of the queue is in flight: then the function has finished all of them. One that it failed on
/// stays in flight for as long as the queue says, but no invocation goes on for longer than the function may.
///
/// # Errors
/// When the function or the queue can't be read.
pub async fn wait(context: Context<'_>, stack: &str, function: &str, queue_url: &str) -> Result<(), CloudError> {
    let Context { cloud, tell, .. } = context;
    let Some(configuration) = cloud.function(function).await? else {
        return Ok(());
    };
    let longest = Duration::from_secs(u64::try_from(configuration.timeout_seconds).unwrap_or_default());
    let began = Instant::now();
    let mut last = None;
    loop {
        let in_flight = cloud.queue_depth(queue_url).await?.map_or(0, |depth| depth.in_flight);
        if last != Some(in_flight) && (last.is_some() || in_flight > 0) {
            tell.tell(Event::Finishing {
                stack: stack.to_owned(),
                function: function.to_owned(),
                messages_in_flight: in_flight,
                at_most_seconds: longest.as_secs(),
            });
        }
        last = Some(in_flight);
        if in_flight == 0 || began.elapsed() >= longest {
            return Ok(());
        }
        sleep(pace::short(cloud.local, began.elapsed())).await;
    }
}
