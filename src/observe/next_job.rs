//! When jobs by the clock come next.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::deployed::stage::Stage;
use crate::environment::schedule::Entry;

/// A schedule of a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct NextJob {
    pub cron: String,
    /// The time zone that it is meant in.
    pub time_zone: String,
    /// When it sends the next job.
    pub next: Option<Timestamp>,
    /// It is disabled, because the environment stands by in this region.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
    /// The same, as a clock on the wall there has it.
    #[serde(skip)]
    pub when: Option<String>,
}

impl NextJob {
    /// Those of a stage. `now` is the wall clock. The emulator reads every time as UTC.
    pub fn of(stage: &Stage, local: bool, now: Timestamp) -> Vec<NextJob> {
        let schedules = stage.schedules.iter().map(|schedule| {
            let time_zone = if local { "UTC" } else { schedule.time_zone.as_str() };
            let entry = Entry {
                cron: schedule.cron.clone(),
                time_zone: time_zone.to_owned(),
                min: 0,
                max: 0,
            };
            let next = entry.next(now).filter(|_| !stage.stands_by());
            NextJob {
                when: next.as_ref().map(|next| next.when()),
                next: next.map(|next| next.at),
                disabled: stage.stands_by(),
                cron: entry.cron,
                time_zone: entry.time_zone,
            }
        });
        schedules.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deployed::stage::{JobTimes, Pause};

    #[test]
    fn the_next_time_is_that_of_the_clock_there_and_of_the_emulator_in_utc() {
        let stage = Stage {
            schedules: vec![JobTimes {
                cron: "0 3 * * *".into(),
                time_zone: "Europe/Berlin".into(),
            }],
            ..Stage::default()
        };
        let now: Timestamp = "2026-11-23T07:30:00Z".parse().expect("a time");
        let when = |local| NextJob::of(&stage, local, now)[0].when.clone();
        assert_eq!(when(false).as_deref(), Some("Tue 2026-11-24 03:00 CET"));
        assert_eq!(when(true).as_deref(), Some("Tue 2026-11-24 03:00 UTC"));
        let of = |stands_by| {
            let paused = Some(Pause {
                retention_seconds: None,
                stands_by,
            });
            let stage = Stage {
                paused,
                ..stage.clone()
            };
            let job = NextJob::of(&stage, false, now).remove(0);
            (job.disabled, job.next.is_some())
        };
        assert_eq!(of(false), (false, true), "a pause delays jobs");
        assert_eq!(of(true), (true, false), "the other region does them");
    }
}
