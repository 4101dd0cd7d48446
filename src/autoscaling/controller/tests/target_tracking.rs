use super::*;

/// <https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-using-sqs-queue.html>: an acceptable latency of 10 s and 0.1 s
/// a message make a target of 100; with 1,500 messages and 10 instances, that is five instances too few.
#[test]
fn the_example_of_a_queue() {
    let mut metrics = Metrics::default();
    for minute in NOW - 2..=NOW {
        metrics.put(&metric("visible"), minute, 1_500.0);
        metrics.put(&metric("inflight"), minute, 0.0);
        metrics.put(&metric("running"), minute, 10.0);
    }
    let policies = [tracking("backlog", 100.0, backlog_per_instance())];
    let decision = decide(&policies, &metrics, &group(10), NOW, &Model::default());
    assert_eq!(decision.desired, Some(15));
    assert_eq!(decision.policies[0].alarms[0].recent[4], Some(150.0));
}

/// <https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scaling-target-tracking.html>, "Considerations": adding 1.5
/// instances adds two, removing 1.5 removes one, and removing 0.5 removes none.
#[test]
fn the_examples_of_rounding() {
    assert_eq!(desired(&[load(50.0)], 75.0, &group(3)), Some(5));
    assert_eq!(desired(&[load(50.0)], 25.0, &group(3)), Some(2));
    assert_eq!(desired(&[load(50.0)], 37.5, &group(2)), None);
}

#[test]
fn out_in_proportion_and_whole_numbers_stay_whole() {
    assert_eq!(desired(&[load(100.0)], 100.1, &group(10)), Some(11));
    // In floating point, this is a little more than three times the target.
    assert_eq!(desired(&[load(0.1)], 0.1 + 0.2, &group(3)), Some(9));
    assert_eq!(desired(&[load(100.0)], 1e300, &group(3)), Some(1_000));
    assert_eq!(desired(&[load(1e-300)], 1e300, &group(3)), Some(1_000));
}

#[test]
fn in_by_half_of_what_is_too_much() {
    assert_eq!(desired(&[load(100.0)], 0.0, &group(10)), Some(5));
    assert_eq!(desired(&[load(100.0)], 0.0, &group(1)), Some(0));
    assert_eq!(desired(&[load(100.0)], -50.0, &group(1)), Some(0));
    // In floating point, this is a little less than one instance.
    assert_eq!(desired(&[load(100.0)], 80.0, &group(5)), Some(4));
    // Between the low threshold and the target, nothing happens.
    assert_eq!(desired(&[load(100.0)], 90.0, &group(100)), None);
    assert_eq!(desired(&[load(100.0)], 89.9, &group(100)), Some(95));
    let slow = Model {
        scale_in_share: 0.0,
        ..Model::default()
    };
    assert_eq!(
        decide(&[load(100.0)], &steady("load", 0.0, 30), &group(10), NOW, &slow).desired,
        Some(9)
    );
}

#[test]
fn out_after_three_data_points_and_in_after_fifteen() {
    let after = |value, minutes| {
        decide(
            &[load(100.0)],
            &steady("load", value, minutes),
            &group(10),
            NOW,
            &Model::default(),
        )
    };
    assert_eq!(after(200.0, 2).desired, None);
    assert_eq!(after(200.0, 3).desired, Some(20));
    assert_eq!(after(0.0, 14).desired, None);
    assert_eq!(after(0.0, 15).desired, Some(5));
    // The newest data point tells how much.
    let mut metrics = steady("load", 200.0, 3);
    metrics.put(&metric("load"), NOW, 150.0);
    assert_eq!(
        decide(&[load(100.0)], &metrics, &group(10), NOW, &Model::default()).desired,
        Some(15)
    );
    metrics.put(&metric("load"), NOW - 1, 100.0);
    assert_eq!(
        decide(&[load(100.0)], &metrics, &group(10), NOW, &Model::default()).desired,
        None
    );
}

#[test]
fn without_data_nothing_happens() {
    let decision = decide(&[load(100.0)], &Metrics::default(), &group(10), NOW, &Model::default());
    assert_eq!(decision.desired, None);
    assert!(
        decision
            .states()
            .values()
            .all(|state| *state == AlarmState::InsufficientData)
    );
    // What is too old to be looked at is no data.
    let decision = decide(
        &[load(100.0)],
        &steady("load", 200.0, 3),
        &group(10),
        NOW + 5,
        &Model::default(),
    );
    assert_eq!(decision.desired, None);
}

#[test]
fn what_warms_up_does_not_count_but_is_not_asked_for_again() {
    let mut warming = group(10);
    warming.desired = 15;
    warming.instances.extend([Instance::Pending, Instance::Pending]);
    warming.instances.extend([Instance::InService(NOW * 60); 3]);
    assert_eq!(desired(&[load(100.0)], 150.0, &warming), None);
    assert_eq!(desired(&[load(100.0)], 151.0, &warming), Some(16));
    assert_eq!(desired(&[load(100.0)], 300.0, &warming), Some(30));
}

#[test]
fn nothing_scales_in_until_all_is_warm() {
    let with = |instance| {
        let mut group = group(10);
        group.instances[3] = instance;
        desired(&[load(100.0)], 0.0, &group)
    };
    let end_of_minute = (NOW + 1) * 60;
    assert_eq!(with(Instance::Pending), None);
    assert_eq!(with(Instance::InService(end_of_minute - 119)), None);
    assert_eq!(with(Instance::InService(end_of_minute - 120)), Some(5));
}

#[test]
fn the_warm_up_is_the_policys_or_the_groups_or_the_cooldown() {
    let with = |policy, group_warmup| {
        let mut group = group(10);
        group.instances[3] = Instance::InService((NOW + 1) * 60 - 200);
        group.default_warmup_seconds = group_warmup;
        let policy = Policy {
            warmup_seconds: policy,
            ..load(100.0)
        };
        desired(&[policy], 0.0, &group).is_some()
    };
    assert!(with(None, Some(200)));
    assert!(!with(None, Some(201)));
    assert!(!with(Some(201), Some(0)));
    assert!(with(Some(200), Some(3_600)));
    // The cooldown is five minutes.
    assert!(!with(None, None));
}

#[test]
fn what_is_on_its_way_out_is_not_taken_away_twice() {
    let mut leaving = group(5);
    leaving.instances.extend([Instance::Terminating; 5]);
    assert_eq!(desired(&[load(100.0)], 0.0, &leaving), None);
    leaving.instances.truncate(7);
    assert_eq!(desired(&[load(100.0)], 0.0, &leaving), Some(4));
}

#[test]
fn after_a_scale_in_it_waits_for_data_of_the_smaller_group() {
    let after = |minutes| {
        let group = Group {
            last_scale_in: Some(NOW - minutes),
            ..group(10)
        };
        (
            desired(&[load(100.0)], 0.0, &group),
            desired(&[load(100.0)], 200.0, &group),
        )
    };
    assert_eq!(after(1), (None, Some(20)));
    assert_eq!(after(2), (Some(5), Some(20)));
}

#[test]
fn a_group_without_instances_starts_above_the_target_only() {
    let policies = [tracking("backlog", 100.0, backlog_per_instance())];
    let with = |messages| {
        let mut metrics = Metrics::default();
        for minute in NOW - 30..=NOW {
            metrics.put(&metric("visible"), minute, messages);
            metrics.put(&metric("inflight"), minute, 0.0);
            metrics.put(&metric("running"), minute, 0.0);
        }
        decide(&policies, &metrics, &group(0), NOW, &Model::default()).desired
    };
    assert_eq!(with(1.0), None);
    assert_eq!(with(100.0), None);
    assert_eq!(with(101.0), Some(2));
    assert_eq!(with(1_500.0), Some(15));
}

#[test]
fn a_target_must_be_above_zero() {
    for target in [0.0, -1.0, f64::NAN] {
        let decision = at_load(&[load(target)], 10.0, &group(2));
        assert_eq!(decision.desired, None);
        let problem = decision.policies[0].problem.clone().unwrap();
        assert_eq!(problem, format!("its TargetValue is {target}, and must be above zero"));
    }
}
