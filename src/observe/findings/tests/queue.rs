//! Of queues.

use super::*;

#[test]
fn dead_letters() {
    let found = in_stage(|stage| stage.dead_letters = Some(depth(1)));
    only(&found, "dead-letters", Severity::Critical);
    assert_eq!(found[0].stage.as_deref(), Some("move"));
    assert_eq!(
        found[0].command.as_deref(),
        Some("qfleet dlq sample lab.yaml --stage move")
    );
    // One that somebody looks at is one.
    let in_flight = QueueDepth {
        visible: 0,
        in_flight: 1,
        delayed: 0,
    };
    only(
        &in_stage(|stage| stage.dead_letters = Some(in_flight)),
        "dead-letters",
        Severity::Critical,
    );
}

#[test]
fn a_queue_without_its_subscription() {
    only(
        &in_stage(|stage| stage.is_subscribed = Some(false)),
        "queue-unsubscribed",
        Severity::Critical,
    );
}

#[test]
fn messages_that_nobody_works_on() {
    let empty = |desired: i32, states: &[&str], visible: u64| {
        in_stage(|stage| {
            stage.queue = Some(depth(visible));
            let group = group(stage);
            group.desired = desired;
            group.instances = states.iter().map(|state| instance("a", state)).collect();
        })
    };
    only(&empty(2, &[], 1), "no-workers", Severity::Critical);
    let one = empty(1, &["Terminating:Wait"], 5);
    only(&one, "no-workers", Severity::Critical);
    assert_eq!(one[0].meaning, "5 messages wait, an instance is wanted, and none runs");
    // An alarm will start the first one.
    only(&empty(0, &[], 5), "no-workers", Severity::Warning);
    let unscaled = in_stage(|stage| {
        stage.backlog = None;
        stage.instances.as_mut().expect("instances").scaling_policies = Some(Vec::new());
        (group(stage).min, group(stage).desired) = (0, 0);
        group(stage).instances.clear();
    });
    only(&unscaled, "no-workers", Severity::Critical);
    assert!(unscaled[0].meaning.contains("nothing scales"), "{unscaled:?}");
    nothing(&empty(1, &["Pending:Wait"], 5));
    nothing(&empty(0, &[], 0));
    let never = in_stage(|stage| {
        let group = group(stage);
        (group.min, group.desired, group.max) = (0, 0, 0);
        group.instances.clear();
    });
    only(&never, "no-workers", Severity::Critical);
}

#[test]
fn on_the_emulator_somebody_has_to_start_the_workers() {
    let mut waiting = stage();
    group(&mut waiting).instances.clear();
    let mut local = status(vec![stack("move", "CREATE_COMPLETE")], vec![waiting]);
    local.local = true;
    only(&found(&local), "no-workers", Severity::Warning);
    assert_eq!(found(&local)[0].command.as_deref(), Some("qfleet local up lab.yaml"));
    let mut killed = local.clone();
    killed.stages[0].queue = Some(QueueDepth {
        in_flight: 3,
        ..depth(0)
    });
    only(&found(&killed), "no-workers", Severity::Warning);
    local.local_fleet = Some(LocalFleet {
        pid: 1,
        speed: 1,
        started: at(0),
    });
    only(&found(&local), "no-workers", Severity::Critical);
}

#[test]
fn a_backlog_that_grows_while_the_fleet_is_at_its_most() {
    let grows = |desired: i32, now: f64, trend: Trend| {
        in_stage(|stage| {
            let backlog = stage.backlog.as_mut().expect("a backlog");
            backlog.messages_per_instance = Some(now);
            backlog.trend = Some(trend);
            let group = group(stage);
            group.desired = desired;
            group.instances = vec![instance("a", "InService"); 2];
            group.instances.extend(vec![instance("b", "InService"); 2]);
            group.instances.truncate(usize::try_from(desired).expect("a number"));
            group.zones.clear();
        })
    };
    only(
        &grows(4, 31.0, Trend::Rising),
        "backlog-growing-at-max",
        Severity::Critical,
    );
    nothing(&grows(2, 31.0, Trend::Rising));
    nothing(&grows(4, 31.0, Trend::Flat));
    nothing(&grows(4, 31.0, Trend::Falling));
    nothing(&grows(4, 30.0, Trend::Rising));
}
