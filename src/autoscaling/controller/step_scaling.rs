//! Step scaling (<https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scaling-simple-step.html>): by how much depends
//! on how far an alarm's metric is from its threshold.

use crate::autoscaling::controller::{Asked, Capacity, Scene, Wants};
use crate::autoscaling::policy::{AdjustmentType, Aggregation, AlarmState, Comparison, StepAdjustment, StepScaling};

/// What a policy asks for; or why it can't be evaluated. Of several alarms that are on, the one counts that asks for most.
pub fn ask(scaling: &StepScaling, capacity: &Capacity, scene: &Scene, asked: &mut Asked) -> Result<(), String> {
    let mut most = None;
    for alarm in &scaling.alarms {
        let seen = scene.look(alarm, &mut asked.alarms)?;
        if seen.state != AlarmState::Alarm {
            continue;
        }
        // An alarm that is on because data is missing points to no step.
        let Some(metric) = aggregate(&scaling.aggregation, &seen.evaluated)? else {
            continue;
        };
        let Some(step) = step(scaling, metric - alarm.threshold, &alarm.comparison) else {
            continue;
        };
        let wanted = scene.bounded(change(scaling, step.adjustment, capacity)?);
        if most.as_ref().is_none_or(|(most, _, _)| wanted > *most) {
            most = Some((wanted, step.adjustment, alarm.name.clone()));
        }
    }
    let Some((wanted, adjustment, trigger)) = most else {
        return Ok(());
    };
    asked.wants = if wanted > scene.desired() {
        Wants::Out(wanted)
    } else if wanted < scene.desired() && takes_away(scaling, adjustment) {
        // What has just been launched is waited for.
        if capacity.is_growing {
            Wants::Keep
        } else {
            Wants::In(wanted)
        }
    } else if adjustment > 0 {
        // What it asks for is there already, or warming up.
        Wants::Keep
    } else {
        Wants::Nothing
    };
    asked.trigger = Some(trigger);
    Ok(())
}

/// Whether such an adjustment may make a group smaller.
fn takes_away(scaling: &StepScaling, adjustment: i32) -> bool {
    adjustment < 0 || scaling.adjustment == AdjustmentType::ExactCapacity
}

/// One value for all the data points; `None` when there are none.
fn aggregate(aggregation: &Aggregation, points: &[f64]) -> Result<Option<f64>, String> {
    if points.is_empty() {
        return Ok(None);
    }
    Ok(Some(match aggregation {
        Aggregation::Average => points.iter().sum::<f64>() / points.len() as f64,
        Aggregation::Minimum => points.iter().copied().fold(f64::INFINITY, f64::min),
        Aggregation::Maximum => points.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        Aggregation::Unknown(word) => return Err(format!("its MetricAggregationType {word} is not known")),
    }))
}

/// The step for a metric that is this far from the threshold. Above it a lower bound belongs to its step, below it an
/// upper bound does.
fn step(scaling: &StepScaling, distance: f64, comparison: &Comparison) -> Option<StepAdjustment> {
    let above = matches!(comparison, Comparison::Above | Comparison::AtLeast);
    let is_within = |step: &&StepAdjustment| {
        let lower = step
            .lower
            .is_none_or(|lower| lower < distance || (above && lower == distance));
        let upper = step
            .upper
            .is_none_or(|upper| distance < upper || (!above && upper == distance));
        lower && upper
    };
    scaling.steps.iter().find(is_within).copied()
}

/// The capacity after an adjustment.
fn change(scaling: &StepScaling, adjustment: i32, capacity: &Capacity) -> Result<u32, String> {
    let current = if adjustment < 0 {
        capacity.with_leaving
    } else {
        capacity.warm
    };
    let difference = match &scaling.adjustment {
        AdjustmentType::ExactCapacity => return Ok(adjustment.max(0).unsigned_abs()),
        AdjustmentType::ChangeInCapacity => i64::from(adjustment),
        AdjustmentType::PercentChangeInCapacity => {
            let least = scaling.min_magnitude.unwrap_or(0);
            percent(current, adjustment, least)
        }
        AdjustmentType::Unknown(word) => return Err(format!("its AdjustmentType {word} is not known")),
    };
    // Bounded by zero below; a capacity beyond u32 is beyond any group's.
    Ok(u32::try_from((i64::from(current) + difference).max(0)).unwrap_or(u32::MAX))
}

/// A percentage of a capacity, in instances and with its sign: rounded towards zero, but one at least, and at least the
/// policy's magnitude ("Scaling adjustment types" of the page above).
fn percent(current: u32, percent: i32, least: u32) -> i64 {
    let exact = i64::from(current) * i64::from(percent);
    let rounded = match exact {
        1..100 => 1,
        -99..=-1 => -1,
        _ => exact / 100,
    };
    i64::from(percent.signum()) * rounded.abs().max(i64::from(least))
}
