//! Jobs that come by the clock.
//!
//! The file says when as cron does, and EventBridge Scheduler has six fields of its own, with other numbers for the days of
//! the week (<https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html>).

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::patterns;
use super::schedule::Entry;

/// A job that is sent to the stage's queue at set times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JobSchedule {
    /// When: the five fields of cron, which are minute, hour, day of the month, month and day of the week.
    #[schemars(regex(pattern = patterns::CRON), length(max = 255), example = "0 3 * * *")]
    pub cron: String,
    /// The time zone that this is meant in, by its IANA name. Daylight saving time is kept.
    #[schemars(regex(pattern = patterns::TIME_ZONE), length(max = 50), example = "Europe/Berlin")]
    #[serde(default = "utc")]
    pub time_zone: String,
    /// The message's body. EventBridge Scheduler puts values for `<aws.scheduler.scheduled-time>` and its other keywords.
    #[schemars(regex(pattern = patterns::SOMETHING), length(min = 1, max = 16384), example = "{\"job\": \"report\"}")]
    pub body: String,
}

fn utc() -> String {
    "UTC".into()
}

/// The values of a field, and how it names them for EventBridge.
struct Field {
    values: std::ops::RangeInclusive<u8>,
    names: &'static [&'static str],
}

const MINUTE: Field = Field::numbers(0, 59);
const HOUR: Field = Field::numbers(0, 23);
const DAY: Field = Field::numbers(1, 31);
const MONTH: Field = Field {
    values: 1..=12,
    names: &[
        "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
    ],
};
/// Cron's: 0 to 7, where both ends are Sunday.
const WEEKDAY: Field = Field {
    values: 0..=7,
    names: &WEEKDAYS,
};
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

impl Field {
    const fn numbers(first: u8, last: u8) -> Field {
        Field {
            values: first..=last,
            names: &[],
        }
    }

    /// All that a field of cron stands for.
    fn read(&self, text: &str) -> Option<BTreeSet<u8>> {
        let mut all = BTreeSet::new();
        for item in text.split(',') {
            let (range, step) = match item.split_once('/') {
                Some((range, step)) => (range, Some(step.parse::<usize>().ok().filter(|step| *step > 0)?)),
                None => (item, None),
            };
            let (first, last) = match (range, range.split_once('-'), step) {
                ("*", ..) => (*self.values.start(), *self.values.end()),
                (_, Some((first, last)), _) => (self.value(first)?, self.value(last)?),
                // From there to the end, where there is a step.
                (one, None, Some(_)) => (self.value(one)?, *self.values.end()),
                (one, None, None) => (self.value(one)?, self.value(one)?),
            };
            all.extend((first..=last).step_by(step.unwrap_or(1)));
        }
        // Sunday's other number.
        if self.names.len() == 7 && all.remove(&7) {
            all.insert(0);
        }
        (!all.is_empty()).then_some(all)
    }

    fn value(&self, text: &str) -> Option<u8> {
        let named = self.names.iter().position(|name| name.eq_ignore_ascii_case(text));
        let named = named.and_then(|at| u8::try_from(at).ok());
        let named = named.map(|at| if self.names.len() == 12 { at + 1 } else { at });
        named
            .or_else(|| text.parse().ok())
            .filter(|value| self.values.contains(value))
    }

    /// These values as EventBridge reads them: a list of values and of ranges, without steps, which not every field of it
    /// has.
    fn write(&self, values: &BTreeSet<u8>) -> String {
        let is_weekday = self.names.len() == 7;
        let count = if is_weekday { 7 } else { self.values.clone().count() };
        if values.len() == count {
            return "*".to_owned();
        }
        let name = |value: u8| match is_weekday {
            true => WEEKDAYS[usize::from(value) % 7].to_owned(),
            false => value.to_string(),
        };
        let mut runs: Vec<(u8, u8)> = Vec::new();
        for value in values {
            match runs.last_mut() {
                Some((_, last)) if *last + 1 == *value => *last = *value,
                _ => runs.push((*value, *value)),
            }
        }
        let runs: Vec<String> = runs
            .into_iter()
            .map(|(first, last)| match last - first {
                0 => name(first),
                1 => format!("{},{}", name(first), name(last)),
                _ => format!("{}-{}", name(first), name(last)),
            })
            .collect();
        runs.join(",")
    }
}

impl JobSchedule {
    /// When it comes.
    pub fn times(&self) -> Entry {
        Entry {
            cron: self.cron.clone(),
            time_zone: self.time_zone.clone(),
            min: 0,
            max: 0,
        }
    }

    /// Whether it names days of the month and days of the week: cron comes on each of them, or on those that are both,
    /// depending on a star, and EventBridge takes one or the other.
    pub fn names_both_kinds_of_days(&self) -> bool {
        let fields: Vec<&str> = self.cron.split(' ').collect();
        matches!(fields[..], [_, _, day, _, weekday] if day != "*" && weekday != "*")
    }

    /// The same in EventBridge's form. None where it can't be said in one expression, or is none of cron's; a file that was
    /// checked has neither.
    pub fn expression(&self) -> Option<String> {
        if self.names_both_kinds_of_days() {
            return None;
        }
        let fields: Vec<&str> = self.cron.split(' ').collect();
        let [minute, hour, day, month, weekday] = fields[..] else {
            return None;
        };
        let written = |field: Field, text| Some(field.write(&field.read(text)?));
        let (minute, hour, month) = (written(MINUTE, minute)?, written(HOUR, hour)?, written(MONTH, month)?);
        let (day, weekday) = match weekday {
            "*" => (written(DAY, day)?, "?".to_owned()),
            named => ("?".to_owned(), written(WEEKDAY, named)?),
        };
        Some(format!("cron({minute} {hour} {day} {month} {weekday} *)"))
    }
}

#[cfg(test)]
mod tests;
