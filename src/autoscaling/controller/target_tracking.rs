//! Target tracking
//! (<https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scaling-target-tracking.html>): Auto Scaling makes two
//! alarms for a policy, out in proportion to the metric and at once, in by and by.

use crate::autoscaling::controller::{Asked, Capacity, Scene, Wants};
use crate::autoscaling::policy::{Alarm, AlarmState, Comparison, MissingData, TargetTracking};

/// So little above or below a whole number of instances is a rounding error, and no instance.
const ROUNDING: f64 = 1e-9;

/// What a policy asks for; or why it can't be evaluated. `asked` comes with what it wants when neither alarm is on.
pub fn ask(
    name: &str,
    tracking: &TargetTracking,
    capacity: &Capacity,
    scene: &Scene,
    asked: &mut Asked,
) -> Result<(), String> {
    let target = tracking.target;
    if !(target.is_finite() && target > 0.0) {
        return Err(format!("its TargetValue is {target}, and must be above zero"));
    }
    // AWS's names end with a number of their own.
    let alarm = |end, comparison, threshold, periods| Alarm {
        name: format!("TargetTracking-{}-{end}-{name}", scene.group.name),
        metric: tracking.metric.clone(),
        comparison,
        threshold,
        evaluation_periods: periods,
        datapoints_to_alarm: None,
        missing: MissingData::Missing,
    };
    let model = scene.model;
    let high = alarm("AlarmHigh", Comparison::Above, target, model.high_periods);
    let seen = scene.look(&high, &mut asked.alarms)?;
    if let (AlarmState::Alarm, Some(metric)) = (&seen.state, seen.evaluated.last()) {
        let wanted = scene.bounded(out_to(capacity, metric / target));
        if wanted > scene.desired() {
            asked.wants = Wants::Out(wanted);
            asked.trigger = Some(high.name);
        }
    }
    if tracking.disable_scale_in {
        return Ok(());
    }
    let low = alarm(
        "AlarmLow",
        Comparison::Below,
        target * model.low_share,
        model.low_periods,
    );
    let seen = scene.look(&low, &mut asked.alarms)?;
    let pauses = scene
        .group
        .last_scale_in
        .is_some_and(|last| scene.now.saturating_sub(last) <= i64::from(model.scale_in_pause));
    if let (AlarmState::Alarm, Some(metric)) = (&seen.state, seen.evaluated.last())
        && asked.wants == Wants::Keep
        && !capacity.is_growing
        && !pauses
    {
        let wanted = scene.bounded(in_to(capacity, metric / target, model.scale_in_share));
        if wanted < scene.desired() {
            asked.wants = Wants::In(wanted);
            asked.trigger = Some(low.name);
        }
    }
    Ok(())
}

/// In proportion to the metric, rounded up. Instances that warm up don't count here, but as they are part of the desired
/// capacity, no more are asked for than are needed beside them.
fn out_to(capacity: &Capacity, ratio: f64) -> u32 {
    // AWS doesn't say what it multiplies when nothing is warm, as in a group that starts from zero. One, because a backlog
    // per instance is taken as that of one instance when there is none.
    let wanted = f64::from(capacity.warm.max(1)) * ratio;
    // `as` stops at the ends of u32.
    (wanted * (1.0 - ROUNDING)).ceil() as u32
}

/// A share of what is too much, rounded towards keeping instances: a computed -1.5 is -1, and a computed -0.5 nothing.
fn in_to(capacity: &Capacity, ratio: f64, share: f64) -> u32 {
    let surplus = f64::from(capacity.with_leaving) * (1.0 - ratio) + ROUNDING;
    let removed = if surplus < 1.0 {
        0.0
    } else {
        (surplus * share).floor().max(1.0)
    };
    capacity.with_leaving.saturating_sub(removed as u32)
}
