//! What a stage's schedule does to the bounds of its group.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use crate::cloud::autoscaling::bounds::SCHEDULED_ACTIONS;
use crate::cloud::autoscaling::groups::Group;
use crate::environment::schedule::{Change, Schedule};

/// Auto Scaling acts within seconds, and may be late by two minutes
/// (<https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-scheduled-scaling.html>).
const LATE: SignedDuration = SignedDuration::from_mins(5);

/// When the schedule changes the bounds of a group, and to what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Scheduled {
    /// The last time, which may have been before the group was there.
    pub last: Option<Change>,
    pub next: Option<Change>,
    /// The next time at which the group may have instances.
    pub wakes: Option<Change>,
}

impl Scheduled {
    /// None without a schedule. `now` is the clock that it goes by.
    pub fn of(schedule: &Schedule, now: Timestamp) -> Option<Scheduled> {
        (!schedule.is_empty()).then(|| Scheduled {
            last: schedule.last(now),
            next: schedule.next(now),
            wakes: schedule.wakes(now),
        })
    }

    /// Whether the group has no instance because the schedule says so, and not because a destroy took them away.
    pub fn lets_sleep(&self, group: &Group) -> bool {
        let is_night = self.last.as_ref().is_some_and(|last| last.max == 0);
        is_night && group.max == 0 && group.taken_down_from().is_none()
    }

    /// What it set and the group hasn't, though nobody updated its stack since: it ran during an update, which suspends
    /// it, or somebody set others.
    pub fn missed(&self, group: &Group, updated: Option<Timestamp>, now: Timestamp) -> Option<&Change> {
        let last = self.last.as_ref()?;
        let has = (u32::try_from(group.min), u32::try_from(group.max)) == (Ok(last.min), Ok(last.max));
        let is_over = now.duration_since(last.at) > LATE;
        let since_update = updated.is_some_and(|updated| last.at > updated);
        let missed = !has && is_over && since_update && !is_suspended(group) && group.taken_down_from().is_none();
        missed.then_some(last)
    }
}

/// Whether somebody told the group not to follow its schedule.
pub fn is_suspended(group: &Group) -> bool {
    group
        .suspended_processes
        .iter()
        .any(|process| process == SCHEDULED_ACTIONS)
}
