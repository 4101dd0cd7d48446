//! Bounds that a group gets at set times.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::problem::Problem;
use super::schedule::{Entry, Schedule};
use super::units::Duration;
use super::{Instances, Stage, patterns};

/// Bounds that the group gets at set times and keeps until the next ones: fewer instances at night, none at the weekend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Capacity {
    /// When: the five fields of cron, which are minute, hour, day of the month, month and day of the week.
    #[schemars(regex(pattern = patterns::CRON), length(max = 255), example = "0 18 * * MON-FRI")]
    pub cron: String,
    /// The time zone that this is meant in, by its IANA name. Daylight saving time is kept.
    #[schemars(regex(pattern = patterns::TIME_ZONE), length(max = 100), example = "Europe/Berlin")]
    #[serde(default = "utc")]
    pub time_zone: String,
    /// The fewest instances from then on. Without it, the group's own `min`.
    #[schemars(range(max = 10000))]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub min: Option<u32>,
    /// The most instances from then on, up to the group's own `max`, which is what it has without this. 0 lets the
    /// group sleep, whatever waits in its queue.
    #[schemars(range(max = 10000))]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub max: Option<u32>,
}

fn utc() -> String {
    "UTC".into()
}

impl Instances {
    pub fn schedule(&self) -> Schedule {
        let entries = self.capacity.iter().map(|capacity| Entry {
            cron: capacity.cron.clone(),
            time_zone: capacity.time_zone.clone(),
            min: capacity.min.unwrap_or(self.min),
            max: capacity.max.unwrap_or(self.max),
        });
        Schedule(entries.collect())
    }

    /// Whether there is a time at which the group may have instances and needn't have one.
    pub fn may_be_empty(&self) -> bool {
        let own = (self.min, self.max);
        let scheduled = self.schedule().0;
        let all = scheduled.iter().map(|entry| (entry.min, entry.max)).chain([own]);
        all.into_iter().any(|(min, max)| min == 0 && max > 0)
    }
}

/// What bounds at set times come to that their author may not want. `at` are the stage's instances.
pub(super) fn advise(at: &str, stage: &Stage, instances: &Instances, advice: &mut Vec<Problem>) {
    let schedule = instances.schedule();
    let at_entry = |i: usize, key: &str| format!("{at}/capacity/{i}/{key}");
    for (i, entry) in schedule.0.iter().enumerate() {
        let fields: Vec<&str> = entry.cron.split(' ').collect();
        if let [_, _, day, _, weekday] = fields[..]
            && !day.starts_with('*')
            && !weekday.starts_with('*')
        {
            let meaning = format!(
                "cron's `{day}` and `{weekday}`: it comes on each such day of the month and on each such weekday"
            );
            let help = "cron takes either where both are named: write `*` for one of them, unless that is meant";
            advice.push(Problem::new(at_entry(i, "cron"), meaning).help(help));
        }
        if entry.min == 0 && entry.max > 0 && stage.scaling.is_none() {
            let meaning = "nothing scales the stage: a group that was at 0 stays there";
            let help = "set its `min` to what should run, or add `scaling:` to the stage";
            advice.push(Problem::new(at_entry(i, "cron"), meaning).help(help));
        }
    }
    let Some(last) = schedule.0.len().checked_sub(1) else {
        return;
    };
    let (bounds, own) = (&schedule.0[last], (instances.min, instances.max));
    let never_changes = schedule
        .0
        .iter()
        .all(|entry| (entry.min, entry.max) == (bounds.min, bounds.max));
    if schedule.sleeps() && schedule.0.iter().all(|entry| entry.max == 0) {
        let meaning = "nothing wakes the group: from then on it has no instances, whatever waits";
        let help = "add the time at which it works again: `- cron: \"0 8 * * MON-FRI\"` gives it its own bounds back";
        advice.push(Problem::new(format!("{at}/capacity"), meaning).help(help).on_key());
    } else if never_changes && (bounds.min, bounds.max) != own {
        let meaning = format!(
            "from then on the group has {} to {} instances, for good",
            bounds.min, bounds.max
        );
        let help = "add the time at which other bounds hold; without `min` and `max` they are the group's own";
        advice.push(Problem::new(format!("{at}/capacity"), meaning).help(help).on_key());
    }
    if let Some((from, sleeps)) = schedule.longest_sleep()
        && sleeps.as_secs() >= i64::try_from(stage.queue.retention.as_secs()).unwrap_or(i64::MAX)
    {
        let slept = Duration::seconds(sleeps.unsigned_abs().as_secs());
        let meaning = format!(
            "the group sleeps for {slept} (from {}), and the queue deletes messages after {}",
            from.when(),
            stage.queue.retention
        );
        let help = "set the queue's `retention` well above that, or wake the group meanwhile";
        advice.push(Problem::new(format!("{at}/capacity"), meaning).help(help).on_key());
    }
}
