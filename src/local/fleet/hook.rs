//! A termination hook, and an instance that waits in it.

use std::time::Duration;

/// Longer than this no instance waits, whatever its worker asks for
/// (<https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_LifecycleHook.html>, `GlobalTimeout`).
const LONGEST: Duration = Duration::from_secs(172_800);

/// A group's lifecycle hook for instances that terminate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// Its name.
    pub name: String,
    /// How long an instance waits without a heartbeat.
    pub heartbeat_timeout: Duration,
    /// `CONTINUE` or `ABANDON`; of an instance that terminates, both mean that it goes on doing so.
    pub default_result: String,
}

/// An instance that waits until its worker completes the hook.
#[derive(Debug, Clone)]
pub(super) struct Wait {
    pub hook: Hook,
    /// When it has waited for long enough.
    pub deadline: Duration,
    /// What no heartbeat moves the deadline beyond.
    latest: Duration,
}

impl Wait {
    /// Begins to wait.
    pub fn begin(hook: Hook, at: Duration) -> Wait {
        let latest = at + LONGEST.min(hook.heartbeat_timeout.saturating_mul(100));
        Wait {
            deadline: at + hook.heartbeat_timeout,
            hook,
            latest,
        }
    }

    /// The worker needs more time.
    pub fn heartbeat(&mut self, at: Duration) {
        self.deadline = (at + self.hook.heartbeat_timeout).min(self.latest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn wait(timeout: u64) -> Wait {
        let hook = Hook {
            name: "drain".into(),
            heartbeat_timeout: Duration::from_secs(timeout),
            default_result: "CONTINUE".into(),
        };
        Wait::begin(hook, 10 * SECOND)
    }

    #[test]
    fn a_heartbeat_starts_the_timeout_anew() {
        let mut wait = wait(30);
        assert_eq!(wait.deadline, 40 * SECOND);
        wait.heartbeat(39 * SECOND);
        assert_eq!(wait.deadline, 69 * SECOND);
    }

    #[test]
    fn heartbeats_end_after_a_hundred_timeouts_or_two_days() {
        let mut short = wait(30);
        short.heartbeat(3_000 * SECOND);
        assert_eq!(short.deadline, 3_010 * SECOND);
        let mut long = wait(7_200);
        long.heartbeat(172_000 * SECOND);
        assert_eq!(long.deadline, 172_810 * SECOND);
    }
}
