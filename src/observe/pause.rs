//! A stage that nobody works on, because its file says so.

use schemars::JsonSchema;
use serde::Serialize;

use crate::deployed::stage;

/// What a pause lets wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Pause {
    /// How long the queue keeps messages, in seconds, as it was deployed.
    pub retention_seconds: Option<u64>,
    /// How long the oldest message has until then; none when none waits, or it isn't known.
    pub oldest_seconds_left: Option<u64>,
}

impl Pause {
    /// `oldest`: how long the oldest message has been in the queue, in seconds; none when none waits.
    pub fn of(deployed: stage::Pause, oldest: Option<u64>) -> Pause {
        let retention_seconds = deployed.retention_seconds;
        let left = retention_seconds.zip(oldest);
        Pause {
            retention_seconds,
            oldest_seconds_left: left.map(|(retention, age)| retention.saturating_sub(age)),
        }
    }

    /// Whether the oldest message is lost before long: less than a tenth of its time is left, or less than a day of days.
    pub fn ends_too_late(self) -> bool {
        let Some((retention, left)) = self.retention_seconds.zip(self.oldest_seconds_left) else {
            return false;
        };
        left < (retention / 10).max(86400.min(retention / 4))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_counts_from_the_retention() {
        const HOUR: u64 = 3600;
        for (retention, age, left, too_late) in [
            (96 * HOUR, 2 * HOUR, 94 * HOUR, false),
            (96 * HOUR, 73 * HOUR, 23 * HOUR, true),
            (336 * HOUR, 304 * HOUR, 32 * HOUR, true),
            (HOUR, 1800, 1800, false),
            (HOUR, 3000, 600, true),
            // CloudWatch is a minute behind.
            (HOUR, HOUR + 60, 0, true),
        ] {
            let deployed = stage::Pause {
                retention_seconds: Some(retention),
            };
            let pause = Pause::of(deployed, Some(age));
            assert_eq!(pause.oldest_seconds_left, Some(left), "{retention} {age}");
            assert_eq!(pause.ends_too_late(), too_late, "{retention} {age}");
            assert!(!Pause::of(deployed, None).ends_too_late());
        }
    }
}
