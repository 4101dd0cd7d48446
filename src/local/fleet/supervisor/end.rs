//! The end of a fleet: its workers finish or are killed, and nothing tells of them any more.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;

use super::super::{causes, program};
use super::{DRAIN, End, Supervisor};
use crate::error::Result;

/// How long it waits at its end for a signal that may be on its way.
const LAST_WORDS: Duration = Duration::from_secs(1);

impl Supervisor {
    /// Told to stop: the first time workers drain, the second time they are killed.
    pub(super) fn stop(&mut self) {
        let is_first = self.end.is_none();
        if is_first {
            self.note("stopping: workers finish what they have in hand; once more kills them");
            self.end_all("the local fleet was stopped", DRAIN, Ok(End::Stopped));
        }
        // Two may have come at once.
        if !is_first || *self.signals.borrow() > 1 {
            self.note("killing the workers; what they had in hand comes back when its visibility timeout has passed");
            for member in &mut self.members {
                member.group.kill();
            }
        }
    }

    pub(super) fn end_all(&mut self, why: &str, drain: Duration, end: Result<End>) {
        let now = self.now();
        let cause = causes::end(why, now.wall);
        for member in &mut self.members {
            member.group.end(&cause, drain, now);
        }
        self.end = Some(end);
    }

    /// How it ended, once nothing runs any more.
    pub(super) fn over(&mut self) -> Option<Result<End>> {
        if self.members.iter().any(|member| !member.group.instances.is_empty()) {
            return None;
        }
        self.end.take()
    }

    /// The last that is done.
    pub(super) async fn leave(&mut self) {
        // So that nobody reads of instances that don't run. The next fleet begins at the minimum.
        let all = self.members.iter();
        let told = join_all(all.map(|member| self.cloud.set_desired_capacity(&member.group.name, 0)));
        let mut signals = self.signals.clone();
        tokio::select! {
            _ = timeout(LAST_WORDS, told) => {}
            Ok(()) = signals.changed() => {}
        }
        self.fetching.keep(|_| false).await;
        self.home.forget_state();
        // They are fetched again in no time, and write-protected they would be in the way of somebody who clears up by
        // hand.
        program::forget_others(&self.home.programs(), &[]);
    }
}
