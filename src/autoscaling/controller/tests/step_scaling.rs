use super::*;

use AdjustmentType::{ChangeInCapacity, ExactCapacity, PercentChangeInCapacity};

/// The policies of <https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scaling-simple-step.html>, "Step adjustments
/// for step scaling", at their threshold of 50.
fn example() -> [Policy; 2] {
    let out = [
        step(Some(0.0), Some(10.0), 0),
        step(Some(10.0), Some(20.0), 10),
        step(Some(20.0), None, 30),
    ];
    let r#in = [
        step(Some(-10.0), Some(0.0), 0),
        step(Some(-20.0), Some(-10.0), -10),
        step(None, Some(-20.0), -30),
    ];
    [
        steps("out", PercentChangeInCapacity, Comparison::AtLeast, 50.0, &out),
        steps("in", PercentChangeInCapacity, Comparison::AtMost, 50.0, &r#in),
    ]
}

#[test]
fn the_example_of_steps() {
    for (load, instances, expected) in [
        (50.0, 10, None),
        (59.9, 10, None),
        (60.0, 10, Some(11)),
        (69.9, 10, Some(11)),
        // 3.3 instances, rounded down.
        (70.0, 11, Some(14)),
        (40.1, 14, None),
        // 1.4 instances, rounded to 1, and 3.9, to 3.
        (40.0, 14, Some(13)),
        (30.1, 14, Some(13)),
        (30.0, 13, Some(10)),
    ] {
        assert_eq!(
            desired(&example(), load, &group(instances)),
            expected,
            "{instances} instances at {load}"
        );
    }
}

/// The same page, "Instance warm-up": one of eleven instances warms up.
#[test]
fn the_example_of_warm_up() {
    let mut warming = group(11);
    warming.instances[10] = Instance::InService(NOW * 60);
    assert_eq!(desired(&example(), 62.0, &warming), None);
    assert_eq!(desired(&example(), 70.0, &warming), Some(13));
    // And nothing scales in.
    assert_eq!(desired(&example(), 30.0, &warming), None);
}

/// The same page, "Scaling adjustment types".
#[test]
fn the_examples_of_adjustment_types() {
    let with = |adjustment, value, least, instances| {
        let mut policy = steps(
            "s",
            adjustment,
            Comparison::AtLeast,
            0.0,
            &[step(Some(0.0), None, value)],
        );
        if let Kind::StepScaling(scaling) = &mut policy.kind {
            scaling.min_magnitude = least;
        }
        desired(&[policy], 5.0, &group(instances))
    };
    assert_eq!(with(ChangeInCapacity, 5, None, 3), Some(8));
    assert_eq!(with(ExactCapacity, 5, None, 3), Some(5));
    assert_eq!(with(ExactCapacity, 5, None, 9), Some(5));
    assert_eq!(with(ExactCapacity, 5, None, 5), None);
    assert_eq!(with(PercentChangeInCapacity, 10, None, 10), Some(11));
    // 12.7, 0.67, -0.58 and -6.67 instances
    assert_eq!(with(PercentChangeInCapacity, 127, None, 10), Some(22));
    assert_eq!(with(PercentChangeInCapacity, 67, None, 1), Some(2));
    assert_eq!(with(PercentChangeInCapacity, -58, None, 1), Some(0));
    assert_eq!(with(PercentChangeInCapacity, -29, None, 23), Some(17));
    // A quarter of four is one, but two at least.
    assert_eq!(with(PercentChangeInCapacity, 25, Some(2), 4), Some(6));
    assert_eq!(with(PercentChangeInCapacity, -25, Some(2), 4), Some(2));
    assert_eq!(with(PercentChangeInCapacity, 25, None, 0), None);
    assert_eq!(with(ChangeInCapacity, -9, None, 3), Some(0));
    assert_eq!(with(ChangeInCapacity, i32::MAX, None, 3), Some(1_000));
    assert_eq!(with(ExactCapacity, -5, None, 3), Some(0));
}

#[test]
fn an_exact_capacity_below_the_desired_one_waits_for_warm_up() {
    let policy = steps(
        "s",
        ExactCapacity,
        Comparison::AtLeast,
        0.0,
        &[step(Some(0.0), None, 5)],
    );
    let mut warming = group(9);
    warming.instances[0] = Instance::Pending;
    assert_eq!(desired(std::slice::from_ref(&policy), 5.0, &warming), None);
    warming.desired = 4;
    assert_eq!(desired(&[policy], 5.0, &warming), Some(5));
}

#[test]
fn what_is_on_its_way_out_is_not_taken_away_twice() {
    let mut leaving = group(9);
    leaving.instances.push(Instance::Terminating);
    assert_eq!(desired(&[shrink_by(1)], 5.0, &leaving), None);
    assert_eq!(desired(&[shrink_by(2)], 5.0, &leaving), Some(8));
}

#[test]
fn the_aggregation_chooses_the_step() {
    let mut metrics = Metrics::default();
    for (minute, value) in [(NOW - 2, 10.0), (NOW - 1, 20.0), (NOW, 60.0)] {
        metrics.put(&metric("load"), minute, value);
    }
    let with = |aggregation: &str| {
        let out = [
            step(Some(0.0), Some(20.0), 1),
            step(Some(20.0), Some(40.0), 2),
            step(Some(40.0), None, 3),
        ];
        let mut policy = steps("s", ChangeInCapacity, Comparison::AtLeast, 10.0, &out);
        if let Kind::StepScaling(scaling) = &mut policy.kind {
            scaling.aggregation = aggregation.into();
            scaling.alarms[0].evaluation_periods = 3;
        }
        decide(&[policy], &metrics, &group(1), NOW, &Model::default())
    };
    assert_eq!(with("Minimum").desired, Some(2));
    assert_eq!(with("Average").desired, Some(3));
    assert_eq!(with("Maximum").desired, Some(4));
    assert_eq!(
        with("Median").policies[0].problem.as_deref(),
        Some("its MetricAggregationType Median is not known")
    );
}

#[test]
fn of_several_alarms_the_one_counts_that_asks_for_most() {
    let mut policy = example()[0].clone();
    if let Kind::StepScaling(scaling) = &mut policy.kind {
        let lower = Alarm {
            name: "lower".to_owned(),
            threshold: 10.0,
            ..scaling.alarms[0].clone()
        };
        let off = Alarm {
            name: "off".to_owned(),
            threshold: 1e6,
            ..scaling.alarms[0].clone()
        };
        scaling.alarms.extend([lower, off]);
    }
    let decision = at_load(&[policy], 60.0, &group(10));
    assert_eq!(decision.desired, Some(13));
    assert!(
        decision
            .cause
            .unwrap()
            .starts_with("a monitor alarm lower in state ALARM")
    );
    assert_eq!(decision.policies[0].alarms.len(), 3);
}

#[test]
fn a_step_policy_without_an_alarm_that_is_on_has_no_say() {
    let decision = at_load(&[shrink_by(1)], 50.0, &group(3));
    assert_eq!((decision.desired, decision.policies[0].wants), (None, Wants::Nothing));
    // Nor one without a step for what the alarm saw.
    let gap = steps(
        "gap",
        ChangeInCapacity,
        Comparison::AtLeast,
        10.0,
        &[step(Some(50.0), None, 1)],
    );
    let decision = at_load(&[gap], 20.0, &group(3));
    assert_eq!((decision.desired, decision.policies[0].wants), (None, Wants::Nothing));
    let unknown = steps(
        "s",
        "Doubling".into(),
        Comparison::AtLeast,
        10.0,
        &[step(Some(0.0), None, 1)],
    );
    let decision = at_load(&[unknown], 20.0, &group(3));
    assert_eq!(
        decision.policies[0].problem.as_deref(),
        Some("its AdjustmentType Doubling is not known")
    );
}

#[test]
fn one_message_wakes_a_group_from_zero_once() {
    let policies = [from_zero(), tracking("backlog", 100.0, backlog_per_instance())];
    let with = |visible, running, group: &Group| {
        let mut metrics = Metrics::default();
        for minute in NOW - 30..=NOW {
            metrics.put(&metric("visible"), minute, visible);
            metrics.put(&metric("inflight"), minute, 0.0);
            metrics.put(&metric("running"), minute, running);
        }
        decide(&policies, &metrics, group, NOW, &Model::default()).desired
    };
    assert_eq!(with(0.0, 0.0, &group(0)), None);
    assert_eq!(with(1.0, 0.0, &group(0)), Some(1));
    // On its way, warming up, and warm: the one is enough.
    let woken = |instance| Group {
        instances: vec![instance],
        ..group(1)
    };
    assert_eq!(with(1.0, 0.0, &woken(Instance::Pending)), None);
    assert_eq!(with(1.0, 1.0, &woken(Instance::InService(NOW * 60))), None);
    assert_eq!(with(50.0, 1.0, &woken(Instance::InService(0))), None);
}

#[test]
fn a_group_wakes_up_though_one_metric_is_late() {
    for late in ["visible", "running"] {
        let mut metrics = Metrics::default();
        for minute in NOW - 30..=NOW {
            for (name, value) in [("visible", if minute >= NOW - 1 { 1.0 } else { 0.0 }), ("running", 0.0)] {
                if !(name == late && minute == NOW) {
                    metrics.put(&metric(name), minute, value);
                }
            }
        }
        let desired = decide(&[from_zero()], &metrics, &group(0), NOW, &Model::default()).desired;
        assert_eq!(desired, Some(1), "{late}");
    }
}

/// One message that takes long, in a group without a warm-up: as long as its alarm stays on, the policy asks each minute.
#[test]
fn a_group_that_woke_up_does_not_climb() {
    for late in 0..3 {
        for comes_up in 1..8 {
            let mut woken = Group {
                default_warmup_seconds: Some(0),
                ..group(0)
            };
            let mut metrics = Metrics::default();
            let mut most = 0;
            for minute in NOW..NOW + 60 {
                for instance in &mut woken.instances {
                    if *instance == Instance::Pending && minute >= NOW + late + comes_up {
                        *instance = Instance::InService(minute * 60);
                    }
                }
                let running = |instance: &&Instance| matches!(instance, Instance::InService(_));
                let running = woken.instances.iter().filter(running).count();
                metrics.put(&metric("running"), minute, running as f64);
                metrics.put(&metric("visible"), minute - late, 1.0);
                let decision = decide(&[from_zero()], &metrics, &woken, minute, &Model::default());
                woken.alarms = decision.states();
                if let Some(desired) = decision.desired {
                    woken.desired = desired;
                    woken.instances.resize(desired as usize, Instance::Pending);
                }
                most = most.max(woken.desired);
            }
            assert_eq!(
                most, 1,
                "visible is {late} minutes late, an instance comes up in {comes_up}"
            );
        }
    }
}
