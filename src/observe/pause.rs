//! A stage that nobody works on, because its file says so.

use schemars::JsonSchema;
use serde::Serialize;

use crate::deployed::stage::Stage;

/// What a pause, or standing by, lets wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Pause {
    /// How long the queue keeps messages, in seconds, as it was deployed.
    pub retention_seconds: Option<u64>,
    /// How long the oldest message has until then; none when none waits, or it isn't known.
    pub oldest_seconds_left: Option<u64>,
    /// Messages wait, and how long the oldest has been there isn't known: SQS stops publishing metrics of a queue that rests
    /// for six hours.
    pub oldest_is_unknown: bool,
    /// Nobody works because the environment stands by in this region.
    pub stands_by: bool,
    /// Its messages are of files, which stay in the bucket when the queue deletes them.
    pub of_files: bool,
}

impl Pause {
    /// Of a stage that is paused. `oldest`: how long the oldest message has been in the queue, in seconds, if that is known.
    pub fn of(stage: &Stage, is_empty: bool, oldest: Option<u64>) -> Option<Pause> {
        let deployed = stage.paused?;
        let oldest = oldest.filter(|_| !is_empty);
        let retention_seconds = deployed.retention_seconds;
        let left = retention_seconds.zip(oldest);
        Some(Pause {
            retention_seconds,
            oldest_seconds_left: left.map(|(retention, age)| retention.saturating_sub(age)),
            oldest_is_unknown: !is_empty && oldest.is_none(),
            stands_by: deployed.stands_by,
            of_files: stage.topic.is_some(),
        })
    }

    /// Whether the oldest message is lost before long, and what it says with it: less than a day is left, or less than a quarter of a retention under
    /// four days; from ten days on, less than a tenth.
    pub fn ends_too_late(self) -> bool {
        // The other region works on the files; those that are left can be sent again.
        if self.stands_by && self.of_files {
            return false;
        }
        let Some((retention, left)) = self.retention_seconds.zip(self.oldest_seconds_left) else {
            return false;
        };
        left < (retention / 10).max(86400.min(retention / 4))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deployed::stage;

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
            let stage = Stage {
                paused: Some(stage::Pause {
                    retention_seconds: Some(retention),
                    stands_by: false,
                }),
                ..Stage::default()
            };
            let of = |is_empty, oldest| Pause::of(&stage, is_empty, oldest).expect("a pause");
            let pause = of(false, Some(age));
            assert_eq!(pause.oldest_seconds_left, Some(left), "{retention} {age}");
            assert_eq!(pause.ends_too_late(), too_late, "{retention} {age}");
            assert!(!pause.oldest_is_unknown);
            let resting = of(false, None);
            assert!(resting.oldest_is_unknown && !resting.ends_too_late());
            // The age is that of a message which is gone.
            let empty = of(true, Some(age));
            assert_eq!((empty.oldest_seconds_left, empty.oldest_is_unknown), (None, false));
        }
    }
}
