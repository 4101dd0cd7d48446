//! The end of a fleet: its workers finish or are killed, and nothing tells of them any more.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, timeout};

use super::super::logs::owner;
use super::super::{causes, program};
use super::{DRAIN, End, Supervisor};
use crate::deployed::Deployed;
use crate::error::Result;

/// How long it waits at its end for a signal that may be on its way.
const LAST_WORDS: Duration = Duration::from_secs(1);

impl Supervisor {
    /// Ends a fleet whose groups are gone, unless a deploy may bring others.
    pub(super) fn end_if_gone(&mut self) {
        if self.members.is_empty() && self.end.is_none() && !self.sources.may_come() {
            // What was read while they went may be from the middle of an update: it is read once more.
            let since = *self.empty.get_or_insert_with(Instant::now);
            if self.read > since && self.silent.is_none() {
                self.note(format!("{} is gone: its groups were deleted", self.environment));
                self.end = Some(Ok(End::Gone));
            }
        } else {
            self.empty = None;
        }
    }

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
    pub(super) async fn leave(&mut self, end: &Result<End>) {
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
        if self.is_destroyed(end).await
            && let Err(error) = self.home.forget(&owner(&self.cloud.account, &self.cloud.region, ""))
        {
            self.note(error.to_string());
        }
    }

    /// Whether its environment is gone. A fleet may be stopped before it has seen that.
    async fn is_destroyed(&self, end: &Result<End>) -> bool {
        match end {
            Ok(End::Gone) => true,
            Ok(End::Stopped) => {
                let look = timeout(LAST_WORDS, Deployed::find(&self.cloud, &self.environment)).await;
                look.is_ok_and(|found| found.is_ok_and(|deployed| deployed.stacks.is_empty()))
            }
            Err(_) => false,
        }
    }
}
