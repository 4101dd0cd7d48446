//! What a schedule does to a group's bounds next.

use crate::cloud::autoscaling::groups::Group;
use crate::environment::schedule::Change;
use crate::observe::schedule::Scheduled;

/// As in "sleeps by its schedule until Tue 2026-11-24 08:00 CET", or "min 0, max 0 from Mon 2026-11-23 18:00 CET on".
pub(super) fn next(schedule: &Scheduled, group: &Group) -> Option<String> {
    if schedule.lets_sleep(group) {
        let until = |wakes: &Change| format!("sleeps by its schedule until {}", wakes.when());
        return Some(
            schedule
                .wakes
                .as_ref()
                .map_or("sleeps by its schedule".to_owned(), until),
        );
    }
    let next = schedule.next.as_ref()?;
    Some(format!("min {}, max {} from {} on", next.min, next.max, next.when()))
}
