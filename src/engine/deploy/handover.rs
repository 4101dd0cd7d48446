//! While others take over from those who work on a stage's messages, and after that: what the queue holds is shown, and
//! what a function still has in hand is waited for.

use std::convert::Infallible;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::blueprint::{Stack, outputs};
use crate::engine::event::Event;
use crate::engine::finishing;
use crate::engine::operation::Context;
use crate::engine::plan::Outputs;
use crate::engine::plan::switch::Switch;
use crate::environment::Active;
use crate::interrupt::until;

/// How often the queue's numbers are told.
const PAUSE: Duration = Duration::from_secs(5);

/// Tells what the queue holds, for as long as it is polled.
pub(super) async fn show(context: Context<'_>, stack: &str, switch: Switch, queue_url: &str) -> Infallible {
    let mut last = None;
    loop {
        // Who may not see it waits without.
        let depth = context.cloud.queue_depth(queue_url).await.ok().flatten();
        if depth != last
            && let Some(depth) = depth
        {
            context.tell.tell(Event::Switching {
                stack: stack.to_owned(),
                from: switch.from,
                to: switch.to,
                messages_visible: depth.visible,
                messages_in_flight: depth.in_flight,
            });
        }
        last = depth;
        sleep(PAUSE).await;
    }
}

/// After a switch from a function: what it has received, it finishes. The deploy is done by then, so that an interrupt and
/// the end of the time to wait only end the waiting.
pub(super) async fn finish(context: Context<'_>, stack: &Stack, switch: Switch, known: &Outputs) {
    let known = known.get(&stack.part);
    let output = |key: &str| known.and_then(|known| known.get(key));
    let (Active::Lambda, Some(function), Some(queue)) =
        (switch.from, output(outputs::FUNCTION), output(outputs::QUEUE_URL))
    else {
        return;
    };
    let began = Instant::now();
    let ended = tokio::select! {
        ended = finishing::wait(context, &stack.name, function, queue) => ended.map_err(|error| error.to_string()),
        () = context.interrupt.wait() => Err("interrupted".to_owned()),
        () = until(context.waiting.deadline) => Err("the time of --timeout is over".to_owned()),
    };
    if let Err(why) = ended {
        let seconds = began.elapsed().as_secs();
        context.tell.warn(format!(
            "{}: the switch is done; whether {function} has finished what it received wasn't waited for any longer than \
             {seconds} s: {why}",
            stack.name
        ));
    }
}
