//! Whether what CloudWatch tells still says something of now.

use jiff::{SignedDuration, Timestamp};

use crate::cloud::cloudwatch::metrics::Point;

/// A queue without activity stops publishing its metrics: how old the newest point may be, in minutes, to still say
/// something of now. CloudWatch itself is a minute or two behind
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/monitoring-using-cloudwatch.html>).
const FRESH_MINUTES: i64 = 5;

/// The newest value, if it still says something of now.
pub(super) fn fresh(points: &[Point], now: Timestamp) -> Option<u64> {
    let newest = points.last()?;
    let age = now.duration_since(newest.at);
    (age <= SignedDuration::from_mins(FRESH_MINUTES) && newest.value >= 0.0).then_some(newest.value as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_age_is_none() {
        let at = |minutes: i64| Timestamp::from_second(minutes * 60).expect("a time");
        let points = [
            Point { at: at(1), value: 0.0 },
            Point {
                at: at(2),
                value: 185.4,
            },
        ];
        assert_eq!(fresh(&points, at(7)), Some(185));
        assert_eq!(fresh(&points, at(8)), None);
        assert_eq!(fresh(&[], at(8)), None);
    }
}
