//! Bounds at set times: whether their times can be read, and whether they come to something.

use std::collections::BTreeSet;

use jiff::tz;

use super::Checks;
use crate::environment::nearest::nearest;
use crate::environment::problem::Problem;
use crate::environment::schedule::{ANY_TIME, Entry, Schedule};
use crate::environment::{Capacity, Instances};

pub(super) fn check(checks: &mut Checks, at: &str, instances: &Instances) {
    let schedule = instances.schedule();
    let mut readable = Vec::new();
    for (i, (capacity, entry)) in instances.capacity.iter().zip(&schedule.0).enumerate() {
        let at_entry = format!("{at}/capacity/{i}");
        bounds(checks, at, &at_entry, instances, (capacity, entry));
        let is_broken = |key| checks.broken.covers(&format!("{at_entry}/{key}"));
        if is_broken("cron") || is_broken("time_zone") {
            continue;
        }
        match time(&at_entry, entry) {
            Some(problem) => checks.note(problem, &[]),
            None => readable.push((at_entry, entry.clone())),
        }
    }
    at_once(checks, &readable);
}

fn bounds(
    checks: &mut Checks,
    at: &str,
    at_entry: &str,
    instances: &Instances,
    (capacity, entry): (&Capacity, &Entry),
) {
    let (at_min, at_max) = (format!("{at_entry}/min"), format!("{at_entry}/max"));
    let (own_min, own_max) = (format!("{at}/min"), format!("{at}/max"));
    if let Some(max) = capacity.max
        && max > instances.max
    {
        let problem = Problem::new(&at_max, format!("`max` is {max}, but the group's is {}", instances.max));
        let help = "the group's own `max` is the most that it ever has: raise that, and give the other times a `max` of \
                    their own";
        checks.note(problem.help(help), &[&own_max]);
    } else if entry.min > entry.max {
        let of_group = |written: bool| if written { "" } else { " (the group's)" };
        let (min, max) = (entry.min, entry.max);
        let low = of_group(capacity.min.is_some());
        let (spot, high) = match (capacity.min.is_some(), capacity.max.is_some()) {
            (true, false) => (&at_min, of_group(false)),
            _ => (&at_max, ""),
        };
        let problem = Problem::new(spot, format!("`min` is {min}{low}, but `max` is {max}{high}"));
        let follows = [at_min.as_str(), &at_max, &own_min, &own_max];
        checks.note(problem.help("`max` must be at least `min`"), &follows);
    }
}

/// What is wrong with when an entry's time comes.
pub(super) fn time(at_entry: &str, entry: &Entry) -> Option<Problem> {
    let (at_cron, at_zone) = (format!("{at_entry}/cron"), format!("{at_entry}/time_zone"));
    let zone = &entry.time_zone;
    // Looked up whatever its letters' case is. Auto Scaling promises to take "the canonical names of the IANA time zones"
    // (<https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_PutScheduledUpdateGroupAction.html>). Which of today's
    // names those are it doesn't say: IANA has made links of Europe/Stockholm and others. So every name of the database is
    // left to it, old ones such as US/Eastern, too.
    let known = tz::db().get(zone).ok();
    if known.as_ref().and_then(|known| known.iana_name()) != Some(zone) {
        let problem = Problem::new(at_zone, format!("`{zone}` is not the name of a time zone"));
        return Some(problem.help(match zone_meant(zone) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "IANA's names are known, such as `Europe/Berlin`, `America/New_York` or `UTC`".to_owned(),
        }));
    }
    if let Some(why) = entry.problem() {
        return Some(Problem::new(
            at_cron,
            format!("`{}` is no cron expression: {why}", entry.cron),
        ));
    }
    if Schedule(vec![entry.clone()]).next(ANY_TIME).is_none() {
        let problem = Problem::new(at_cron, format!("`{}` never comes", entry.cron));
        return Some(problem.help("the month has no such day"));
    }
    None
}

/// The zone of a name that is written otherwise, or of a city alone.
fn zone_meant(name: &str) -> Option<String> {
    let names: Vec<String> = tz::db().available().map(|name| name.to_string()).collect();
    let city = |known: &&String| {
        let last = known.rsplit('/').next().unwrap_or_default();
        known.contains('/') && last.eq_ignore_ascii_case(name)
    };
    let by_city = names.iter().find(city).map(String::as_str);
    by_city
        .or_else(|| nearest(name, names.iter().map(String::as_str)))
        .map(str::to_owned)
}

/// "A scheduled action must have a unique time value"
/// (<https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-scheduled-scaling.html>): which of two holds,
/// nobody could say.
fn at_once(checks: &mut Checks, readable: &[(String, Entry)]) {
    let schedule = Schedule(readable.iter().map(|(_, entry)| entry.clone()).collect());
    let mut said = BTreeSet::new();
    for pair in schedule.sample().windows(2) {
        let [(one, first), (other, second)] = pair else {
            continue;
        };
        let (first, second) = (first.min(second), first.max(second));
        if one.at != other.at || !said.insert(*second) {
            continue;
        }
        let ((at_first, first), (at_second, second)) = (&readable[*first], &readable[*second]);
        let problem = Problem::new(
            format!("{at_second}/cron"),
            format!("`{}` comes at times at which `{}` comes, too", second.cron, first.cron),
        );
        let help = "each change of the bounds needs a time of its own: move one of them, or leave it out";
        checks.note(problem.help(help), &[&format!("{at_first}/cron")]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Auto Scaling may know them or not; that they are time zones, nobody doubts.
    #[test]
    fn old_names_of_time_zones_are_left_to_auto_scaling() {
        for zone in ["US/Eastern", "Asia/Calcutta", "Europe/Stockholm", "UTC"] {
            let entry = Entry {
                cron: "0 8 * * *".to_owned(),
                time_zone: zone.to_owned(),
                min: 0,
                max: 1,
            };
            assert_eq!(time("/capacity/0", &entry), None, "{zone}");
        }
    }
}
