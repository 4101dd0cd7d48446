//! What a CloudWatch alarm makes of its metric
//! (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html>,
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html>).

use crate::autoscaling::math;
use crate::autoscaling::policy::{Alarm, AlarmState, Comparison, MissingData};
use crate::autoscaling::series::{Metrics, Minute};

/// With periods of a minute, an alarm looks back a day at most (`EvaluationPeriods` of
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html>).
const MOST_PERIODS: u32 = 24 * 60;

/// Why an alarm can't be evaluated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Its metric can't be.
    #[error(transparent)]
    Metric(#[from] math::Problem),
    /// Its description has a word that isn't known.
    #[error("the {property} {word} of the alarm {alarm} is not known")]
    Unknown {
        alarm: String,
        /// `ComparisonOperator` or `TreatMissingData`.
        property: &'static str,
        word: String,
    },
}

/// What an alarm saw, and what it made of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    pub state: AlarmState,
    /// The data points it retrieved, oldest first, the last one of this minute; `None` is a missing one.
    pub retrieved: Vec<Option<f64>>,
    /// Of these, the newest that exist, as many as its evaluation periods or fewer; oldest first.
    pub evaluated: Vec<f64>,
}

/// Evaluates an alarm at the end of a minute. `before` is the state it has; `extra_points` is how many data points it
/// retrieves beyond its evaluation periods, in case some are missing.
pub fn look(
    alarm: &Alarm,
    metrics: &Metrics,
    now: Minute,
    before: &AlarmState,
    extra_points: u32,
) -> Result<Look, Problem> {
    let unknown = |property, word: &str| Problem::Unknown {
        alarm: alarm.name.clone(),
        property,
        word: word.to_owned(),
    };
    if let MissingData::Unknown(word) = &alarm.missing {
        return Err(unknown("TreatMissingData", word));
    }
    let threshold = alarm.threshold;
    let breaches: fn(f64, f64) -> bool = match &alarm.comparison {
        Comparison::Above => |value, threshold| value > threshold,
        Comparison::AtLeast => |value, threshold| value >= threshold,
        Comparison::Below => |value, threshold| value < threshold,
        Comparison::AtMost => |value, threshold| value <= threshold,
        Comparison::Unknown(word) => return Err(unknown("ComparisonOperator", word)),
    };
    let periods = alarm.evaluation_periods.clamp(1, MOST_PERIODS);
    let range = i64::from(periods) + i64::from(extra_points.min(MOST_PERIODS));
    let window = now.saturating_sub(range - 1)..=now;
    let series = math::evaluate(&alarm.metric, metrics, window.clone())?;
    let retrieved: Vec<Option<f64>> = series.window(window).collect();
    let periods = periods as usize;
    let points: Vec<Option<bool>> = retrieved
        .iter()
        .map(|point| point.map(|value| breaches(value, threshold)))
        .collect();
    let to_alarm = alarm.datapoints_to_alarm.map_or(periods, |points| points as usize);
    let state = state(&points, periods, to_alarm, &alarm.missing, before);
    let existing: Vec<f64> = retrieved.iter().copied().flatten().collect();
    let evaluated = existing[existing.len().saturating_sub(periods)..].to_vec();
    Ok(Look {
        state,
        retrieved,
        evaluated,
    })
}

/// The state after data points (oldest first; whether each breaches, or `None` where it is missing): ALARM when `to_alarm`
/// of the `periods` newest that exist breach. The setting for missing data only counts when fewer than that exist.
fn state(
    points: &[Option<bool>],
    periods: usize,
    to_alarm: usize,
    missing: &MissingData,
    before: &AlarmState,
) -> AlarmState {
    let to_alarm = to_alarm.clamp(1, periods);
    let newest: Vec<bool> = points.iter().rev().copied().flatten().take(periods).collect();
    let breaching = newest.iter().filter(|breaches| **breaches).count();
    let filled = periods - newest.len();
    let breaching = match missing {
        MissingData::Breaching => breaching + filled,
        _ => breaching,
    };
    if breaching >= to_alarm {
        return AlarmState::Alarm;
    }
    match missing {
        MissingData::Missing | MissingData::Ignore if filled > 0 => {}
        _ => return AlarmState::Ok,
    }
    // There is too little data: only the data that is there counts.
    if newest.contains(&false) {
        return AlarmState::Ok;
    }
    match missing {
        MissingData::Ignore => before.clone(),
        // A breach that is as old as the data points to alarm, with nothing but breaches and gaps since, is enough ("Avoiding
        // premature transitions to alarm state"). Younger, and the next data point may still show that all is well.
        _ => match points.iter().position(Option::is_some) {
            Some(oldest) if points.len() - oldest >= to_alarm => AlarmState::Alarm,
            _ => AlarmState::InsufficientData,
        },
    }
}

#[cfg(test)]
mod tests;
