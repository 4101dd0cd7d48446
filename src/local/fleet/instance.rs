//! An instance: where it is in its life, and how its worker does.

use std::time::Duration;

use jiff::Timestamp;

use super::pace::Now;
use super::restarts::Restarts;
use super::state::{Activity, LifecycleState, StatusCode};

/// An instance of a group.
#[derive(Debug)]
pub(super) struct Instance {
    pub id: String,
    pub zone: String,
    pub state: LifecycleState,
    /// The program and the settings that it was launched with.
    pub version: String,
    pub launched: Timestamp,
    /// Since when it is in service, on the supervisor's clock.
    pub in_service: Option<Duration>,
    pub worker: Worker,
    pub restarts: Restarts,
    /// What its worker said last before it ended.
    pub last_words: String,
    /// The hook that it waits in.
    pub hook: Option<String>,
    /// EC2 takes it back.
    pub interruption: Option<Interruption>,
    /// Its worker was told to end.
    pub told: bool,
    /// When the worker is told once more, to give back what it can't finish.
    pub again_at: Option<Duration>,
    /// When the worker is killed.
    pub kill_at: Option<Duration>,
    /// The activity that is under way.
    pub activity: Option<Activity>,
}

/// A spot instance's interruption, which was announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Interruption {
    /// When, on the supervisor's clock.
    pub at: Duration,
    /// And for the worker.
    pub wall: Timestamp,
}

/// How the worker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Worker {
    Starting,
    Running {
        pid: i32,
        since: Duration,
    },
    /// Has ended, and is started again at this time.
    Restarts(Duration),
    /// Has ended too often; its instance is powered off at this time.
    GivenUp(Duration),
    /// Has ended, and isn't started again.
    Down,
}

impl Instance {
    /// Comes up or works, so that it counts towards the group's capacity.
    pub fn counts(&self) -> bool {
        matches!(self.state, LifecycleState::Pending | LifecycleState::InService)
    }

    /// Has left its group for good, whatever its worker still does.
    pub fn is_shut_down(&self) -> bool {
        matches!(
            self.state,
            LifecycleState::TerminatingProceed | LifecycleState::Terminated
        )
    }

    /// A worker that ended may be started again: not where the instance goes away (`goes-away` in
    /// `templates/worker/`).
    pub fn may_start(&self) -> bool {
        self.counts() && self.interruption.is_none()
    }

    /// The worker's process, when it runs.
    pub fn pid(&self) -> Option<i32> {
        match self.worker {
            Worker::Running { pid, .. } => Some(pid),
            _ => None,
        }
    }

    /// When it has something to do next, if nothing else happens before.
    pub fn next(&self, moment: Duration) -> Option<Duration> {
        let of_worker = match self.worker {
            Worker::Running { since, .. } if self.state == LifecycleState::Pending => Some(since + moment),
            Worker::Restarts(at) | Worker::GivenUp(at) => Some(at),
            _ => None,
        };
        let of_interruption = self.interruption.filter(|_| !self.is_shut_down());
        let of_interruption = of_interruption.map(|interruption| interruption.at);
        let all = [of_worker, of_interruption, self.again_at, self.kill_at];
        all.into_iter().flatten().min()
    }

    /// Its activity is over.
    pub fn end_activity(&mut self, status: StatusCode, message: Option<String>, now: Now) -> Option<Activity> {
        let mut activity = self.activity.take()?;
        activity.end_time = Some(now.wall);
        activity.status_code = status;
        activity.status_message = message.or(activity.status_message);
        Some(activity)
    }
}
