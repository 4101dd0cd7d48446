//! Which way a backlog goes, as a person reads it off the chart.
//!
//! Two estimators that hydrologists have used for decades on short and odd series, because neither is moved by a few
//! points, however far off they are: Mann–Kendall's test asks whether the points go one way at all, by counting for
//! each pair which of the two is higher, and Theil–Sen's slope, the median of all pairs' slopes, says how fast
//! (<https://www.itl.nist.gov/div898/software/dataplot/refman1/auxillar/mannkend.htm>,
//! <https://en.wikipedia.org/wiki/Theil%E2%80%93Sen_estimator>). So a jump is no trend, nor is a spike, and a backlog
//! that falls after a jump falls, where a mean over the jump would say that it rises.
//!
//! The newest points are asked first, which see a clear turn within four minutes. What is too slow or too unsteady for
//! them is seen by more points, within a quarter of an hour, for as long as the newest don't contradict.

use schemars::JsonSchema;
use serde::Serialize;

use super::backlog::{BacklogPoint, seconds, step};

/// How many of the newest minutes see a clear turn.
const NEWEST: usize = 5;
/// How many minutes see what is slow or unsteady.
const MORE: usize = 15;
/// Fewer points than this say nothing: the test is never sure of them.
const FEWEST: usize = 5;
/// Beyond this many standard deviations it is no accident, in nineteen of twenty cases.
const SURE: f64 = 1.96;
/// Less than this share of the target, or of the backlog itself where that is more, is noise.
const NOISE: f64 = 0.1;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trend {
    Rising,
    /// Neither, as far as can be told.
    Flat,
    Falling,
}

impl Trend {
    pub fn as_str(self) -> &'static str {
        match self {
            Trend::Rising => "rising",
            Trend::Flat => "flat",
            Trend::Falling => "falling",
        }
    }
}

/// Which way it goes now; nothing where too few of the newest minutes are known. A minute is what lies between most
/// points, which in a local fleet is less than one.
pub fn trend(history: &[BacklogPoint], target: f64) -> Option<Trend> {
    let minute = step(history);
    let now = history.last()?.at;
    let all: Vec<Point> = history
        .iter()
        .map(|point| Point {
            minute: (-seconds(point.at, now) / minute).round(),
            value: point.messages_per_instance,
        })
        .collect();
    let last = |minutes: usize| {
        let first = all.partition_point(|point| point.minute <= -(minutes as f64));
        &all[first..]
    };
    let more = last(MORE);
    if more.len() < FEWEST {
        return None;
    }
    let newest = last(NEWEST);
    let slow = || direction(more, target).filter(|slow| goes_on(*slow, newest));
    Some(direction(newest, target).or_else(slow).unwrap_or(Trend::Flat))
}

/// A point, in minutes before the newest.
#[derive(Debug, Clone, Copy)]
struct Point {
    minute: f64,
    value: f64,
}

/// Which way these points go together, if they do. A jump is no trend: what is left without it must go the same way.
fn direction(points: &[Point], target: f64) -> Option<Trend> {
    let noise = noise(points, target);
    let found = one_way(points, noise)?;
    (one_way(&without_jump(points), noise) == Some(found)).then_some(found)
}

fn one_way(points: &[Point], noise: f64) -> Option<Trend> {
    let mut higher = 0.0;
    let mut slopes = Vec::new();
    for (place, earlier) in points.iter().enumerate() {
        for later in &points[place + 1..] {
            let change = later.value - earlier.value;
            if change != 0.0 {
                higher += change.signum();
            }
            slopes.push(change / (later.minute - earlier.minute).max(1.0));
        }
    }
    if higher == 0.0 || (f64::abs(higher) - 1.0) / variance(points).sqrt() < SURE {
        return None;
    }
    slopes.sort_by(f64::total_cmp);
    let slope = (slopes[(slopes.len() - 1) / 2] + slopes[slopes.len() / 2]) / 2.0;
    match slope * (points.last()?.minute - points.first()?.minute) {
        change if change > noise => Some(Trend::Rising),
        change if change < -noise => Some(Trend::Falling),
        _ => None,
    }
}

/// The variance of Mann–Kendall's count of pairs. Where values come more than once, fewer pairs differ.
fn variance(points: &[Point]) -> f64 {
    let term = |n: usize| (n * (n - 1) * (2 * n + 5)) as f64;
    let mut values: Vec<f64> = points.iter().map(|point| point.value).collect();
    values.sort_by(f64::total_cmp);
    let ties: f64 = values.chunk_by(|a, b| a == b).map(|same| term(same.len())).sum();
    (term(points.len()) - ties) / 18.0
}

/// The points as they would be without the largest step, where that is more than half of the way: many messages at
/// once, or a fleet that doubled.
fn without_jump(points: &[Point]) -> Vec<Point> {
    let steps = points.windows(2).map(|two| two[1].value - two[0].value);
    let largest = steps.enumerate().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()));
    let mut rest = points.to_vec();
    if let (Some((place, step)), [first, .., last]) = (largest, points)
        && step.abs() > (last.value - first.value).abs() / 2.0
    {
        rest[place + 1..].iter_mut().for_each(|point| point.value -= step);
    }
    rest
}

/// Whether a slow trend still goes on in the newest minutes.
fn goes_on(slow: Trend, newest: &[Point]) -> bool {
    let [first, .., last] = newest else { return true };
    match slow {
        Trend::Rising => last.value > first.value,
        Trend::Falling => last.value < first.value,
        Trend::Flat => true,
    }
}

fn noise(points: &[Point], target: f64) -> f64 {
    let sum: f64 = points.iter().map(|point| point.value).sum();
    NOISE * target.max(sum / points.len() as f64)
}

#[cfg(test)]
mod tests;
