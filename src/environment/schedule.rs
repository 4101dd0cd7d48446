//! When the bounds of a group change, and to what.
//!
//! Auto Scaling reads the five fields as cron does, in the time zone that is named beside them, and keeps its daylight
//! saving time (<https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_PutScheduledUpdateGroupAction.html>).

use cronexpr::{Crontab, MakeTimestamp};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// From when on a schedule is looked at for what holds at all times: 1 January 2027.
pub(super) const ANY_TIME: Timestamp = Timestamp::constant(1_798_761_600, 0);
/// How far back the last change is looked for, from near to far: one that comes often is found before it is counted through.
const BACK: [SignedDuration; 5] = [
    SignedDuration::from_hours(1),
    SignedDuration::from_hours(25),
    SignedDuration::from_hours(32 * 24),
    SignedDuration::from_hours(367 * 24),
    SignedDuration::from_hours(4 * 366 * 24),
];
/// How much of it is looked at: a year and some days, and so many changes of an entry, which show all weekdays of some
/// months.
const YEAR: SignedDuration = SignedDuration::from_hours(400 * 24);
const MOST: usize = 150;

/// Bounds at set times.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Schedule(pub Vec<Entry>);

/// Bounds from each of some times on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub cron: String,
    /// Its IANA name.
    pub time_zone: String,
    pub min: u32,
    pub max: u32,
}

/// Bounds from one time on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Change {
    pub at: Timestamp,
    /// The time zone that it is meant in.
    pub time_zone: String,
    pub min: u32,
    pub max: u32,
}

impl Entry {
    /// Why this is no cron expression or no time zone, in cron's words.
    pub(super) fn problem(&self) -> Option<String> {
        let error = self.crontab().err()?;
        let text = error.to_string();
        // The expression, a caret below it, and the reason.
        let last = text.lines().last().unwrap_or(&text);
        let why = last.trim_start_matches([' ', '^']);
        Some(why.replace("..=", " to ").replace("; found", ", not"))
    }

    fn crontab(&self) -> Result<Crontab, cronexpr::Error> {
        cronexpr::parse_crontab(&format!("{} {}", self.cron, self.time_zone))
    }

    /// The changes after a time, which may be none. A text that is no expression has none.
    fn changes(&self, after: Timestamp) -> impl Iterator<Item = Change> + use<'_> {
        let from = MakeTimestamp::from_second(after.as_second());
        let times = self
            .crontab()
            .and_then(|crontab| crontab.iter_after(from?))
            .into_iter()
            .flatten();
        times.map_while(Result::ok).map(|at| Change {
            at: at.timestamp(),
            time_zone: self.time_zone.clone(),
            min: self.min,
            max: self.max,
        })
    }

    /// The first change after a time.
    pub fn next(&self, after: Timestamp) -> Option<Change> {
        self.changes(after).next()
    }

    fn last(&self, until: Timestamp) -> Option<Change> {
        BACK.iter().find_map(|back| {
            let from = until.checked_sub(*back).ok()?;
            self.changes(from).take_while(|change| change.at <= until).last()
        })
    }
}

impl Schedule {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As a stack puts it out.
    pub fn read(text: &str) -> Option<Schedule> {
        serde_json::from_str(text).ok()
    }

    /// What [`Schedule::read`] reads.
    pub fn write(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The first change after a time.
    pub fn next(&self, after: Timestamp) -> Option<Change> {
        self.next_of(|_| true, after)
    }

    /// The first change after a time of those entries that are such.
    fn next_of(&self, is_such: impl Fn(&Entry) -> bool, after: Timestamp) -> Option<Change> {
        let entries = self.0.iter().filter(|entry| is_such(entry));
        let next = entries.filter_map(|entry| entry.changes(after).next());
        next.min_by_key(|change| change.at)
    }

    /// The last change until a time.
    pub fn last(&self, until: Timestamp) -> Option<Change> {
        self.0
            .iter()
            .filter_map(|entry| entry.last(until))
            .max_by_key(|change| change.at)
    }

    /// The next change that lets the group have instances.
    pub fn wakes(&self, after: Timestamp) -> Option<Change> {
        self.next_of(|entry| entry.max > 0, after)
    }

    /// What it does in a time that shows each of its days: each change with the number of its entry, in their order.
    pub(super) fn sample(&self) -> Vec<(Change, usize)> {
        let mut end = ANY_TIME + YEAR;
        let mut all = Vec::new();
        for (number, entry) in self.0.iter().enumerate() {
            let changes = entry.changes(ANY_TIME).take(MOST);
            let changes: Vec<Change> = changes.take_while(|change| change.at < end).collect();
            // Of one that comes often, no more is known.
            if let Some(last) = changes.last().filter(|_| changes.len() == MOST) {
                end = last.at;
            }
            all.extend(changes.into_iter().map(|change| (change, number)));
        }
        all.retain(|(change, _)| change.at <= end);
        all.sort_by_key(|(change, _)| change.at);
        all
    }

    /// The longest that the group sleeps, and from when; none where it never wakes or never sleeps.
    pub(super) fn longest_sleep(&self) -> Option<(Change, SignedDuration)> {
        let mut asleep: Option<Change> = None;
        let mut sleeps = Vec::new();
        for (change, _) in self.sample() {
            if change.max == 0 {
                asleep.get_or_insert(change);
            } else if let Some(since) = asleep.take() {
                let length = change.at.duration_since(since.at);
                sleeps.push((since, length));
            }
        }
        sleeps.into_iter().max_by_key(|(_, length)| *length)
    }

    /// Whether it sets these bounds at some time.
    pub fn sets(&self, min: u32, max: u32) -> bool {
        self.0.iter().any(|entry| (entry.min, entry.max) == (min, max))
    }

    /// Whether it lets the group sleep at some time.
    pub fn sleeps(&self) -> bool {
        self.0.iter().any(|entry| entry.max == 0)
    }
}

impl Change {
    /// `Tue 2026-11-24 08:00 CET`, as a clock on the wall there has it.
    pub fn when(&self) -> String {
        let zone = TimeZone::get(&self.time_zone).unwrap_or(TimeZone::UTC);
        self.at.to_zoned(zone).strftime("%a %Y-%m-%d %H:%M %Z").to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(entries: &[(&str, u32, u32)]) -> Schedule {
        let entries = entries.iter().map(|(cron, min, max)| Entry {
            cron: (*cron).to_owned(),
            time_zone: "Europe/Berlin".to_owned(),
            min: *min,
            max: *max,
        });
        Schedule(entries.collect())
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn office() -> Schedule {
        schedule(&[("0 18 * * MON-FRI", 0, 0), ("0 8 * * MON-FRI", 2, 10)])
    }

    #[test]
    fn the_clock_on_the_wall_counts_in_summer_and_in_winter() {
        let when = |after: &str| {
            office()
                .next(at(after))
                .map(|change| (change.at.to_string(), change.max))
        };
        // Friday before and after clocks go forward, on 29 March 2026.
        assert_eq!(when("2026-03-27T12:00:00Z"), Some(("2026-03-27T17:00:00Z".into(), 0)));
        assert_eq!(when("2026-03-27T17:00:00Z"), Some(("2026-03-30T06:00:00Z".into(), 10)));
        let next = office().next(at("2026-11-23T20:00:00Z")).expect("a change");
        assert_eq!(next.when(), "Tue 2026-11-24 08:00 CET");
    }

    #[test]
    fn the_last_change_is_found_however_long_ago_or_often_it_was() {
        let weekend = office()
            .last(at("2026-11-22T12:00:00Z"))
            .map(|last| (last.when(), last.max));
        assert_eq!(weekend, Some(("Fri 2026-11-20 18:00 CET".into(), 0)));
        let now = at("2026-11-23T07:30:00Z");
        assert_eq!(office().last(at("2026-11-23T07:00:00Z")).map(|last| last.max), Some(10));
        let often = schedule(&[("* * * * *", 1, 1)]).last(now).map(|last| last.at);
        assert_eq!(often, Some(now));
        let leap = schedule(&[("0 0 29 2 *", 1, 1)]).last(now).map(|last| last.when());
        assert_eq!(leap.as_deref(), Some("Thu 2024-02-29 00:00 CET"));
    }

    #[test]
    fn a_group_wakes_with_the_first_bounds_that_let_it() {
        let friday = at("2026-11-20T18:00:00Z");
        let wakes = office().wakes(friday).map(|change| change.when());
        assert_eq!(wakes.as_deref(), Some("Mon 2026-11-23 08:00 CET"));
        assert_eq!(schedule(&[("0 18 * * *", 0, 0)]).wakes(friday), None);
        assert_eq!(Schedule::default().next(friday), None);
        // One that never comes wakes nobody.
        assert_eq!(
            schedule(&[("0 18 * * *", 0, 0), ("0 0 31 2 *", 1, 1)]).wakes(friday),
            None
        );
    }

    #[test]
    fn what_a_stack_puts_out_is_read_back() {
        assert_eq!(Schedule::read(&office().write()), Some(office()));
        assert_eq!(Schedule::read("none"), None);
    }
}
