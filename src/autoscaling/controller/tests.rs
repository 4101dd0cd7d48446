//! What the tests of the controller share, and what all policies have in common.

use super::*;
use crate::autoscaling::policy::{
    AdjustmentType, Aggregation, MetricStat, MissingData, Query, QueryValue, Source, StepAdjustment, StepScaling,
    TargetTracking,
};
use crate::autoscaling::series::Metric;

mod properties;
mod step_scaling;
mod target_tracking;
mod whole_run;

/// A metric of the tests: what it measures is in its name.
fn metric(name: &str) -> Metric {
    Metric::new("Test", name, &[("Group", "workers")], "Average")
}

fn stat(name: &str) -> MetricStat {
    MetricStat {
        metric: metric(name),
        period_seconds: 60,
    }
}

/// Metric math as our templates have it: an expression over metrics that are called as their Ids.
fn math(expression: &str, metrics: &[&str]) -> Source {
    let result = Query {
        id: "e".to_owned(),
        return_data: true,
        value: QueryValue::Expression(expression.to_owned()),
    };
    let metrics = metrics.iter().map(|name| Query {
        id: (*name).to_owned(),
        return_data: false,
        value: QueryValue::Stat(stat(name)),
    });
    Source::Math(std::iter::once(result).chain(metrics).collect())
}

fn backlog_per_instance() -> Source {
    let expression = "IF(running > 0, (visible + inflight) / running, visible + inflight)";
    math(expression, &["visible", "inflight", "running"])
}

fn policy(name: &str, kind: Kind) -> Policy {
    Policy {
        name: name.to_owned(),
        enabled: true,
        warmup_seconds: None,
        kind,
    }
}

fn tracking(name: &str, target: f64, metric: Source) -> Policy {
    policy(
        name,
        Kind::TargetTracking(TargetTracking {
            target,
            disable_scale_in: false,
            metric,
        }),
    )
}

/// Tracks the metric `load`.
fn load(target: f64) -> Policy {
    tracking("load", target, Source::Stat(stat("load")))
}

/// A step policy with one alarm on the metric `load`, one data point out of one.
fn steps(
    name: &str,
    adjustment: AdjustmentType,
    comparison: Comparison,
    threshold: f64,
    steps: &[StepAdjustment],
) -> Policy {
    let alarm = Alarm {
        name: format!("{name}-alarm"),
        metric: Source::Stat(stat("load")),
        comparison,
        threshold,
        evaluation_periods: 1,
        datapoints_to_alarm: None,
        missing: MissingData::Missing,
    };
    policy(
        name,
        Kind::StepScaling(StepScaling {
            adjustment,
            min_magnitude: None,
            aggregation: Aggregation::Average,
            steps: steps.to_vec(),
            alarms: vec![alarm],
        }),
    )
}

fn step(lower: Option<f64>, upper: Option<f64>, adjustment: i32) -> StepAdjustment {
    StepAdjustment {
        lower,
        upper,
        adjustment,
    }
}

/// Wakes a group from zero, as our templates do.
fn from_zero() -> Policy {
    let mut policy = steps(
        "from-zero",
        AdjustmentType::ChangeInCapacity,
        Comparison::AtLeast,
        1.0,
        &[step(Some(0.0), None, 1)],
    );
    if let Kind::StepScaling(scaling) = &mut policy.kind {
        scaling.alarms[0].metric = math("IF(running < 1, visible, 0)", &["visible", "running"]);
        scaling.alarms[0].missing = MissingData::NotBreaching;
        scaling.alarms[0].evaluation_periods = 3;
        scaling.alarms[0].datapoints_to_alarm = Some(1);
        scaling.aggregation = Aggregation::Maximum;
    }
    policy.warmup_seconds = Some(600);
    policy
}

/// The minute at whose end is decided. Instances that are in service since second 0 are long warm by then.
const NOW: Minute = 100;

/// A group of this many instances, all warm, between 0 and 1,000, with a warm-up of two minutes.
fn group(desired: u32) -> Group {
    Group {
        name: "workers".to_owned(),
        min: 0,
        max: 1_000,
        desired,
        default_warmup_seconds: Some(120),
        default_cooldown_seconds: 300,
        instances: vec![Instance::InService(0); desired as usize],
        last_scale_in: None,
        alarms: BTreeMap::new(),
    }
}

/// Of the same value for so many minutes up to now.
fn steady(name: &str, value: f64, minutes: i64) -> Metrics {
    let mut metrics = Metrics::default();
    for minute in NOW - minutes + 1..=NOW {
        metrics.put(&metric(name), minute, value);
    }
    metrics
}

/// What is decided about a group when the metric `load` is at a value for long.
fn at_load(policies: &[Policy], load: f64, group: &Group) -> Decision {
    decide(policies, &steady("load", load, 30), group, NOW, &Model::default())
}

/// The new desired capacity of the same.
fn desired(policies: &[Policy], load: f64, group: &Group) -> Option<u32> {
    at_load(policies, load, group).desired
}

/// A step policy that takes so many instances away when the load is below 10.
fn shrink_by(instances: i32) -> Policy {
    let steps_down = [step(None, Some(0.0), -instances)];
    steps(
        "shrink",
        AdjustmentType::ChangeInCapacity,
        Comparison::Below,
        10.0,
        &steps_down,
    )
}

#[test]
fn out_to_the_most_that_any_policy_asks_for() {
    let policies = [
        tracking("a", 100.0, Source::Stat(stat("load"))),
        load(50.0),
        tracking("c", 75.0, Source::Stat(stat("load"))),
    ];
    let decision = at_load(&policies, 150.0, &group(2));
    assert_eq!(decision.desired, Some(6));
    assert_eq!(decision.policy.as_deref(), Some("load"));
    let wants: Vec<Wants> = decision.policies.iter().map(|said| said.wants).collect();
    assert_eq!(wants, [Wants::Out(3), Wants::Out(6), Wants::Out(4)]);
    // One that asks for more outweighs one that asks for less.
    assert_eq!(desired(&[shrink_by(1), load(1.0)], 5.0, &group(2)), Some(10));
}

#[test]
fn in_when_all_that_track_a_target_are_ready_and_to_the_most_they_ask_for() {
    let other = |target| tracking("other", target, Source::Stat(stat("other")));
    let both = |load_value, other_value, policies: &[Policy]| {
        let mut metrics = steady("load", load_value, 30);
        for minute in NOW - 30..=NOW {
            metrics.put(&metric("other"), minute, other_value);
        }
        decide(policies, &metrics, &group(10), NOW, &Model::default()).desired
    };
    assert_eq!(both(20.0, 20.0, &[load(100.0)]), Some(6));
    assert_eq!(both(20.0, 60.0, &[load(100.0), other(100.0)]), Some(8));
    assert_eq!(both(20.0, 95.0, &[load(100.0), other(100.0)]), None);
    // One that does not scale in has no say in it.
    let mut quiet = other(100.0);
    if let Kind::TargetTracking(tracking) = &mut quiet.kind {
        tracking.disable_scale_in = true;
    }
    assert_eq!(both(20.0, 95.0, &[load(100.0), quiet.clone()]), Some(6));
    assert_eq!(both(20.0, 200.0, &[load(100.0), quiet.clone()]), Some(20));
    assert_eq!(both(20.0, 20.0, &[quiet]), None);
    // Neither has one that is disabled.
    let disabled = Policy {
        enabled: false,
        ..other(100.0)
    };
    assert_eq!(both(20.0, 95.0, &[load(100.0), disabled]), Some(6));
}

#[test]
fn a_step_policy_scales_in_without_waiting_for_target_tracking() {
    // Nothing is known of it, as its metric has no data.
    let unready = tracking("unready", 100.0, Source::Stat(stat("unknown")));
    assert_eq!(desired(&[unready.clone(), shrink_by(1)], 5.0, &group(10)), Some(9));
    assert_eq!(desired(&[unready, load(100.0)], 5.0, &group(10)), None);
    // When both are ready, the larger capacity counts.
    let decision = at_load(&[load(100.0), shrink_by(1)], 5.0, &group(10));
    assert_eq!(
        (decision.desired, decision.policy.as_deref()),
        (Some(9), Some("shrink"))
    );
    let decision = at_load(&[load(100.0), shrink_by(8)], 5.0, &group(10));
    assert_eq!((decision.desired, decision.policy.as_deref()), (Some(6), Some("load")));
}

#[test]
fn a_step_policy_that_has_what_it_asks_for_keeps_it() {
    let mut metrics = steady("load", 20.0, 30);
    for minute in NOW - 30..=NOW {
        metrics.put(&metric("other"), minute, 20.0);
    }
    let add_one = steps(
        "add-one",
        AdjustmentType::ChangeInCapacity,
        Comparison::AtLeast,
        10.0,
        &[step(Some(0.0), None, 1)],
    );
    let other = tracking("other", 100.0, Source::Stat(stat("other")));
    // One instance is gone, and its replacement not yet begun: nine and one more are the ten that are desired.
    let mut group = group(10);
    group.instances.pop();
    let decision = decide(&[add_one, other], &metrics, &group, NOW, &Model::default());
    let wants: Vec<Wants> = decision.policies.iter().map(|said| said.wants).collect();
    assert_eq!((decision.desired, wants), (None, vec![Wants::Keep, Wants::In(6)]));
}

#[test]
fn of_equals_the_first_one_is_named() {
    let twins = [
        tracking("one", 100.0, Source::Stat(stat("load"))),
        tracking("two", 100.0, Source::Stat(stat("load"))),
    ];
    for load in [150.0, 20.0] {
        assert_eq!(at_load(&twins, load, &group(10)).policy.as_deref(), Some("one"));
    }
}

#[test]
fn what_cannot_be_evaluated_is_said_and_keeps_target_tracking_from_scaling_in() {
    let cpu = tracking("cpu", 50.0, Source::Predefined("ASGAverageCPUUtilization".to_owned()));
    let decision = at_load(&[load(100.0), cpu.clone()], 20.0, &group(10));
    assert_eq!(decision.desired, None);
    assert_eq!(decision.policies[1].wants, Wants::Keep);
    assert_eq!(
        decision.policies[1].problem.as_deref(),
        Some("the predefined metric ASGAverageCPUUtilization can't be evaluated here, as AWS itself measures it")
    );
    assert_eq!(desired(&[load(100.0), cpu], 200.0, &group(10)), Some(20));
    // What isn't target tracking has no say.
    let predictive = policy("predictive", Kind::Other("PredictiveScaling".to_owned()));
    let decision = at_load(&[load(100.0), predictive], 20.0, &group(10));
    assert_eq!(decision.desired, Some(6));
    assert_eq!(
        decision.policies[1].problem.as_deref(),
        Some("policies of the type PredictiveScaling can't be evaluated here")
    );
}

#[test]
fn the_bounds_hold_whatever_policies_ask_for() {
    let within = |min, max, desired| Group {
        min,
        max,
        ..group(desired)
    };
    assert_eq!(desired(&[load(100.0)], 1_000.0, &within(1, 12, 10)), Some(12));
    assert_eq!(desired(&[load(100.0)], 1_000.0, &within(1, 10, 10)), None);
    assert_eq!(desired(&[load(100.0)], 0.0, &within(7, 10, 10)), Some(7));
    assert_eq!(desired(&[load(100.0)], 0.0, &within(10, 10, 10)), None);
    assert_eq!(desired(&[shrink_by(9)], 5.0, &within(7, 10, 10)), Some(7));
}

#[test]
fn bounds_that_changed_change_the_desired_capacity() {
    let decision = at_load(
        &[],
        0.0,
        &Group {
            min: 3,
            max: 4,
            ..group(2)
        },
    );
    assert_eq!((decision.desired, decision.policy), (Some(3), None));
    assert_eq!(
        decision.cause.as_deref(),
        Some(
            "a user request update of AutoScalingGroup constraints to min: 3, max: 4, desired: 3 changing the desired \
             capacity from 2 to 3."
        )
    );
    assert_eq!(desired(&[], 0.0, &Group { max: 4, ..group(9) }), Some(4));
    // A policy may ask for more than that at once.
    assert_eq!(
        desired(
            &[load(100.0)],
            300.0,
            &Group {
                min: 3,
                max: 9,
                ..group(2)
            }
        ),
        Some(6)
    );
}

#[test]
fn the_cause_is_told_as_auto_scaling_tells_it() {
    let decision = at_load(&[load(100.0)], 150.0, &group(2));
    assert_eq!(
        decision.cause.as_deref(),
        Some(
            "a monitor alarm TargetTracking-workers-AlarmHigh-load in state ALARM triggered policy load changing the \
             desired capacity from 2 to 3."
        )
    );
    let decision = at_load(&[shrink_by(1)], 5.0, &group(2));
    assert_eq!(
        decision.cause.as_deref(),
        Some(
            "a monitor alarm shrink-alarm in state ALARM triggered policy shrink changing the desired capacity from 2 to 1."
        )
    );
    let decision = at_load(&[load(100.0)], 100.0, &group(2));
    assert_eq!((decision.desired, decision.cause), (None, None));
}

#[test]
fn what_each_alarm_saw_is_told() {
    let decision = decide(
        &[load(100.0)],
        &steady("load", 150.0, 3),
        &group(2),
        NOW,
        &Model::default(),
    );
    let alarms = &decision.policies[0].alarms;
    assert_eq!(alarms.len(), 2);
    assert_eq!(alarms[0].name, "TargetTracking-workers-AlarmHigh-load");
    assert_eq!(
        (&alarms[0].comparison, alarms[0].threshold),
        (&Comparison::Above, 100.0)
    );
    assert_eq!(alarms[0].recent, [None, None, Some(150.0), Some(150.0), Some(150.0)]);
    assert_eq!((&alarms[1].comparison, alarms[1].threshold), (&Comparison::Below, 90.0));
    assert_eq!(alarms[1].recent.len(), 17);
    assert_eq!(
        decision.states(),
        BTreeMap::from([
            ("TargetTracking-workers-AlarmHigh-load".to_owned(), AlarmState::Alarm),
            ("TargetTracking-workers-AlarmLow-load".to_owned(), AlarmState::Ok),
        ])
    );
}

#[test]
fn an_alarm_that_ignores_missing_data_keeps_the_state_it_is_given() {
    let mut policy = shrink_by(1);
    if let Kind::StepScaling(scaling) = &mut policy.kind {
        scaling.alarms[0].missing = MissingData::Ignore;
    }
    let policies = [policy];
    let state = |before: Option<AlarmState>| {
        let mut group = group(2);
        group
            .alarms
            .extend(before.map(|state| ("shrink-alarm".to_owned(), state)));
        let decision = decide(&policies, &Metrics::default(), &group, NOW, &Model::default());
        // Without a data point, it asks for nothing even in ALARM.
        assert_eq!(decision.desired, None);
        decision.states()["shrink-alarm"].clone()
    };
    assert_eq!(state(Some(AlarmState::Alarm)), AlarmState::Alarm);
    assert_eq!(state(Some(AlarmState::Ok)), AlarmState::Ok);
    assert_eq!(state(None), AlarmState::InsufficientData);
}

#[test]
fn a_decision_is_read_back_as_it_was_written() {
    let mut decision = at_load(&[load(100.0), shrink_by(1)], 150.0, &group(2));
    decision.policies[0].alarms[0].state = AlarmState::from("SOMETHING_NEW");
    let text = serde_json::to_string(&decision).unwrap();
    assert!(
        text.contains(r#""wants":{"out":3}"#) && text.contains(r#""comparison":"LessThanThreshold""#),
        "{text}"
    );
    assert_eq!(serde_json::from_str::<Decision>(&text).unwrap(), decision);
}
