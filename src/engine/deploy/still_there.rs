//! Whether what a deploy has made is still there when it ends: a destroy may run beside it.

use std::collections::BTreeMap;

use futures_util::future::join_all;

use crate::cloud::cloudformation::stack_status::StackStatus;
use crate::engine::operation::Context;
use crate::engine::outcome::{Failed, Outcome};
use crate::error::Error;
use crate::interrupt::until;

/// A stack that was made or changed, and what it is known by.
#[derive(Debug, Clone)]
pub(super) struct Done {
    pub part: String,
    pub stack: String,
    pub id: String,
}

/// That somebody else deleted a stack.
pub(super) fn gone(stack: &str) -> Error {
    Error::failed(format!("{stack} is gone: somebody deleted it meanwhile"))
        .with_help("run the same command again: it makes the stack anew")
}

/// The parts whose stacks are gone by now, or going, with what their deploy has come to. `done` has them in the order in which they
/// were done: at the last one it was looked a moment ago. What can't be read counts as there, and a command that must end doesn't
/// look.
pub(super) async fn look(context: Context<'_>, done: &[Done]) -> BTreeMap<String, Outcome> {
    let earlier = &done[..done.len().saturating_sub(1)];
    let looks = join_all(earlier.iter().map(async |done| {
        let now = context.cloud.stack(&done.id).await.ok()?;
        let is_gone = match now {
            Some(now) => matches!(now.status, StackStatus::DeleteComplete | StackStatus::DeleteInProgress),
            // A stack is found by its ARN long after it was deleted; the emulator is asked by the name.
            None => context.cloud.local,
        };
        is_gone.then(|| (done.part.clone(), Outcome::from(Failed::from(gone(&done.stack)))))
    }));
    tokio::select! {
        biased;
        () = context.interrupt.wait() => BTreeMap::new(),
        () = until(context.waiting.deadline) => BTreeMap::new(),
        looks = looks => looks.into_iter().flatten().collect(),
    }
}
