//! What CloudWatch knows of how a function was invoked, and what came of it.
//!
//! Lambda tells of an invocation when it has ended, under the time at which it began: "if your function has a 10-minute
//! timeout, look more than 10 minutes in the past for accurate metrics"
//! (<https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-view.html>). Its messages are deleted at its end.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use super::fresh::fresh;
use crate::cloud::cloudwatch::metrics::Point;

/// What a function did within so many minutes says how it is.
const LATELY_MINUTES: i64 = 10;
/// What is so in so many minutes is no accident.
const MINUTES_IN_A_ROW: usize = 3;
/// The longest that an invocation may take
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
const LONGEST_TIMEOUT: i32 = 900;

/// How often Lambda invoked it, as CloudWatch knows, which is a minute or two behind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Invocations {
    pub last_ten_minutes: Counts,
    pub last_hour: Counts,
    /// Of ten minutes, and as many as an invocation may take: those that began last may not have ended.
    #[serde(skip)]
    pub lately: Counts,
    /// How many minutes these are.
    #[serde(skip)]
    pub lately_minutes: i64,
    /// The most at the same time, in the newest minute; none when CloudWatch doesn't say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_once: Option<u64>,
    /// That of the quietest of the newest three minutes.
    #[serde(skip)]
    pub at_once_for_minutes: Option<u64>,
    /// Whether no message was done since the first invocation of the last ten minutes, and as many more as an invocation may
    /// take, though it was invoked in three or more of these minutes and would have ended by now.
    pub without_effect: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Counts {
    /// How often it was run; those that were throttled aren't among them.
    pub invocations: u64,
    /// How many ended with an error. Messages that it only reports as failed are no error.
    pub errors: u64,
    /// How often Lambda had no room to run it.
    pub throttles: u64,
}

/// A function's metrics of the last hour
/// (<https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html>).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OfFunction {
    pub invocations: Vec<Point>,
    pub errors: Vec<Point>,
    pub throttles: Vec<Point>,
    pub concurrent: Vec<Point>,
    /// The messages of its queue that were done.
    pub deleted: Vec<Point>,
    pub read_at: Timestamp,
}

impl OfFunction {
    /// None when it wasn't even tried to invoke it. `timeout`: how long an invocation may take, in seconds.
    pub fn summed(&self, timeout: Option<i32>) -> Option<Invocations> {
        if self.invocations.is_empty() && self.throttles.is_empty() {
            return None;
        }
        let now = self.read_at;
        let ago = |minutes: i64| now.checked_sub(SignedDuration::from_mins(minutes)).unwrap_or(now);
        let sum = |points: &[Point], since: Timestamp| {
            let points = points.iter().filter(|point| point.at >= since);
            points.map(|point| point.value.max(0.0) as u64).sum()
        };
        let counts = |since: Timestamp| Counts {
            invocations: sum(&self.invocations, since),
            errors: sum(&self.errors, since),
            throttles: sum(&self.throttles, since),
        };
        let timeout = SignedDuration::from_secs(timeout.unwrap_or(LONGEST_TIMEOUT).max(0).into());
        let lately_minutes = LATELY_MINUTES + timeout.as_secs().unsigned_abs().div_ceil(60) as i64;
        let newest = &self.concurrent[self.concurrent.len().saturating_sub(MINUTES_IN_A_ROW)..];
        let quietest = newest.iter().map(|point| point.value.max(0.0) as u64).min();
        Some(Invocations {
            last_ten_minutes: counts(ago(LATELY_MINUTES)),
            last_hour: counts(Timestamp::MIN),
            lately: counts(ago(lately_minutes)),
            lately_minutes,
            at_once: fresh(&self.concurrent, now),
            at_once_for_minutes: quietest.filter(|_| {
                newest.len() == MINUTES_IN_A_ROW && newest.iter().all(|point| point.at >= ago(LATELY_MINUTES))
            }),
            without_effect: self.without_effect(ago(lately_minutes), timeout),
        })
    }

    fn without_effect(&self, since: Timestamp, timeout: SignedDuration) -> bool {
        let Some(told) = self.deleted.last() else { return false };
        // One that began at the end of its minute may end so much later. What SQS hasn't told yet is no sign.
        let has_ended = |began: Timestamp| told.at.duration_since(began) >= timeout + SignedDuration::from_mins(1);
        let began = self
            .invocations
            .iter()
            .filter(|point| point.at >= since && point.value > 0.0);
        let ended: Vec<Timestamp> = began.map(|point| point.at).filter(|at| has_ended(*at)).collect();
        let Some(first) = ended.first() else { return false };
        let mut deleted = self.deleted.iter().filter(|point| point.at >= *first);
        ended.len() >= MINUTES_IN_A_ROW && deleted.all(|point| point.value <= 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).expect("a time")
    }

    fn series(values: &[(i64, f64)]) -> Vec<Point> {
        let point = |(minute, value): &(i64, f64)| Point {
            at: at(*minute),
            value: *value,
        };
        values.iter().map(point).collect()
    }

    /// No message was done from the first minute to the last.
    fn nothing_done(minutes: std::ops::RangeInclusive<i64>) -> Vec<(i64, f64)> {
        minutes.map(|minute| (minute, 0.0)).collect()
    }

    #[test]
    fn a_function_is_counted_over_ten_minutes_and_an_hour() {
        let of = OfFunction {
            invocations: series(&[(1, 100.0), (45, 2.0), (50, 3.0), (51, 4.0), (52, 5.0), (59, 6.0)]),
            errors: series(&[(1, 1.0), (45, 2.0), (50, 3.0)]),
            throttles: series(&[(2, 7.0), (51, 1.0)]),
            concurrent: series(&[(1, 20.0), (57, 4.0), (58, 2.0), (59, 3.0)]),
            deleted: Vec::new(),
            read_at: at(60),
        };
        let counts = |invocations, errors, throttles| Counts {
            invocations,
            errors,
            throttles,
        };
        let known = of.summed(Some(300)).expect("invocations");
        assert_eq!(known.last_ten_minutes, counts(18, 3, 1));
        assert_eq!((known.lately_minutes, known.lately), (15, counts(20, 5, 1)));
        assert_eq!(known.last_hour, counts(120, 6, 8));
        assert_eq!((known.at_once, known.at_once_for_minutes), (Some(3), Some(2)));
        let unknown = of.summed(None).expect("invocations");
        assert_eq!(unknown.lately_minutes, 25, "it may take a quarter of an hour");
        // What was at once half an hour ago says nothing of now.
        let later = OfFunction { read_at: at(90), ..of }
            .summed(Some(3))
            .expect("invocations");
        assert_eq!((later.at_once, later.at_once_for_minutes), (None, None));
        assert_eq!(later.last_ten_minutes, counts(0, 0, 0));
        let nothing = OfFunction {
            read_at: at(60),
            ..OfFunction::default()
        };
        assert_eq!(nothing.summed(Some(3)), None);
    }

    #[test]
    fn messages_may_be_done_after_the_minutes_in_which_their_invocations_began() {
        let without_effect = |timeout, invoked: &[i64], deleted: &[(i64, f64)]| {
            let invoked: Vec<(i64, f64)> = invoked.iter().map(|minute| (*minute, 4.0)).collect();
            let of = OfFunction {
                invocations: series(&invoked),
                deleted: series(deleted),
                read_at: at(60),
                ..OfFunction::default()
            };
            of.summed(Some(timeout)).expect("invocations").without_effect
        };
        let quick = [50, 51, 52];
        assert!(without_effect(30, &quick, &nothing_done(50..=57)));
        assert!(!without_effect(30, &quick[..2], &nothing_done(50..=57)), "by chance");
        assert!(!without_effect(30, &quick, &[]), "SQS doesn't tell");
        assert!(!without_effect(30, &quick, &nothing_done(50..=52)), "nor of their end");
        // They took two minutes, and their messages are deleted when nothing else begins.
        let mut done = nothing_done(50..=57);
        done[3].1 = 8.0;
        assert!(!without_effect(180, &quick, &done));
        // Before the first of them: of others.
        done = nothing_done(48..=57);
        done[0].1 = 8.0;
        assert!(without_effect(30, &quick, &done));
        // A quarter of an hour each. They are told of when they have ended, more than ten minutes after they began.
        let slow = [38, 39, 40];
        assert!(without_effect(900, &slow, &nothing_done(35..=57)));
        assert!(
            !without_effect(900, &slow, &nothing_done(35..=54)),
            "the last may have ended since"
        );
        let mut done = nothing_done(35..=57);
        done[18].1 = 1.0;
        assert!(!without_effect(900, &slow, &done));
    }
}
