use super::*;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

fn instance() -> impl Strategy<Value = Instance> {
    prop_oneof![
        1 => Just(Instance::Pending),
        1 => (NOW * 60 - 300..=(NOW + 1) * 60).prop_map(Instance::InService),
        6 => Just(Instance::InService(0)),
        1 => Just(Instance::Terminating),
    ]
}

/// A group within its bounds, with instances that need not be as many as are desired.
fn groups() -> impl Strategy<Value = Group> {
    let bounds = (0..30_u32, 0..30_u32, 0..30_u32).prop_map(|(one, two, three)| {
        let mut sorted = [one, two, three];
        sorted.sort();
        sorted
    });
    (
        bounds,
        vec(instance(), 0..30),
        option::of(0..400_u32),
        option::of(NOW - 3..=NOW),
    )
        .prop_map(
            |([min, desired, max], instances, default_warmup_seconds, last_scale_in)| Group {
                min,
                max,
                desired,
                instances,
                default_warmup_seconds,
                last_scale_in,
                ..group(0)
            },
        )
}

/// The newest 20 values of a metric, calm or not, with gaps or without.
fn values() -> impl Strategy<Value = Vec<Option<f64>>> {
    prop_oneof![
        (0.0..300.0, vec(0.9..1.1, 20))
            .prop_map(|(level, noise)| noise.iter().map(|noise| Some(level * noise)).collect()),
        vec(option::weighted(0.8, 0.0..300.0), 20),
        vec(Just(Some(0.0)), 20),
    ]
}

fn put(metrics: &mut Metrics, name: &str, values: &[Option<f64>]) {
    for (value, minute) in values.iter().rev().zip((0..).map(|ago: i64| NOW - ago)) {
        if let Some(value) = value {
            metrics.put(&metric(name), minute, *value);
        }
    }
}

fn policies() -> impl Strategy<Value = Vec<Policy>> {
    let step_policy = (-20..20, any::<bool>(), 0..3_usize).prop_map(|(by, above, kind)| {
        let adjustment = ["ChangeInCapacity", "PercentChangeInCapacity", "ExactCapacity"][kind].into();
        let comparison = if above { Comparison::AtLeast } else { Comparison::Below };
        steps(
            "steps",
            adjustment,
            comparison,
            50.0,
            &[step(None, Some(0.0), by), step(Some(0.0), None, by)],
        )
    });
    let other = (1.0..200.0_f64).prop_map(|target| tracking("other", target, Source::Stat(stat("visible"))));
    vec(
        prop_oneof![(1.0..200.0_f64).prop_map(load), other, step_policy, Just(from_zero())],
        0..4,
    )
}

proptest! {
    #[test]
    fn never_outside_of_the_bounds_and_never_to_what_is_there(
        group in groups(), load in values(), visible in values(), policies in policies()
    ) {
        let mut metrics = Metrics::default();
        put(&mut metrics, "load", &load);
        put(&mut metrics, "visible", &visible);
        put(&mut metrics, "running", &[Some(0.0); 20]);
        let decision = decide(&policies, &metrics, &group, NOW, &Model::default());
        if let Some(desired) = decision.desired {
            prop_assert!((group.min..=group.max).contains(&desired));
            prop_assert_ne!(desired, group.desired);
        }
        prop_assert_eq!(decision.desired.is_some(), decision.cause.is_some());
        prop_assert_eq!(decision.desired.is_some(), decision.policy.is_some());
    }

    #[test]
    fn never_fewer_while_an_instance_warms_up(
        mut group in groups(), load in values(), policies in policies(), position in 0..30_usize, seconds in 0..60_i64
    ) {
        group.default_warmup_seconds = Some(60);
        let warming = if seconds == 0 { Instance::Pending } else { Instance::InService((NOW + 1) * 60 - seconds) };
        group.instances.insert(position.min(group.instances.len()), warming);
        let mut metrics = Metrics::default();
        put(&mut metrics, "load", &load);
        let decision = decide(&policies, &metrics, &group, NOW, &Model::default());
        prop_assert!(decision.desired.is_none_or(|desired| desired > group.desired), "{:?}", decision);
    }

    #[test]
    fn more_messages_never_ask_for_fewer_instances(
        group in groups(), visible in values(), more in vec(0.0..200.0, 20), running in 0..30_u32, target in 1.0..200.0_f64
    ) {
        let policies = [from_zero(), tracking("backlog", target, backlog_per_instance())];
        let with = |visible: &[Option<f64>]| {
            let mut metrics = Metrics::default();
            put(&mut metrics, "visible", visible);
            put(&mut metrics, "inflight", &[Some(3.0); 20]);
            put(&mut metrics, "running", &[Some(f64::from(running)); 20]);
            let decision = decide(&policies, &metrics, &group, NOW, &Model::default());
            decision.desired.unwrap_or(group.desired)
        };
        let larger: Vec<Option<f64>> =
            visible.iter().zip(&more).map(|(value, more)| value.map(|value| value + more)).collect();
        prop_assert!(with(&visible) <= with(&larger));
    }

    #[test]
    fn without_data_points_nothing_changes(group in groups(), policies in policies()) {
        let decision = decide(&policies, &Metrics::default(), &group, NOW, &Model::default());
        prop_assert_eq!(decision.desired, None);
    }
}
