//! Of what scales a group.

use super::*;

#[test]
fn alarms_of_the_policy() {
    let lost = in_stage(|stage| stage.alarms = Some(vec![alarm("High", MISSING, true), alarm("Low", "OK", true)]));
    only(&lost, "scaling-alarms-missing", Severity::Critical);
    assert!(lost[0].meaning.ends_with(": High"), "{}", lost[0].meaning);
    let bare = in_stage(|stage| {
        stage.alarms = Some(Vec::new());
        instances(stage).scaling_policies.as_mut().expect("policies")[0]
            .alarms
            .clear();
    });
    only(&bare, "scaling-alarms-missing", Severity::Critical);
    only(
        &in_stage(|stage| instances(stage).scaling_policies = Some(Vec::new())),
        "scaling-alarms-missing",
        Severity::Critical,
    );
    // A stage that doesn't scale has no policy.
    let fixed = in_stage(|stage| {
        instances(stage).scaling_policies = Some(Vec::new());
        stage.backlog = None;
    });
    nothing(&fixed);
    nothing(&in_stage(|stage| {
        stage.alarms = Some(vec![alarm("Own", MISSING, false)])
    }));
}

#[test]
fn insufficient_data_matters_while_there_is_work() {
    let blind = |visible, scales| {
        in_stage(|stage| {
            stage.queue = Some(depth(visible));
            stage.alarms = Some(vec![alarm("High", "INSUFFICIENT_DATA", scales)]);
        })
    };
    only(&blind(1, true), "scaling-data-missing", Severity::Warning);
    only(&blind(0, true), "scaling-data-missing", Severity::Note);
    nothing(&blind(1, false));
}

#[test]
fn an_alarm_that_somebody_is_to_be_told_of() {
    let on = |name: &str, state: &str, scales| in_stage(|stage| stage.alarms = Some(vec![alarm(name, state, scales)]));
    only(
        &on("lab-move-LatencyAlarm-1", "ALARM", false),
        "latency-exceeded",
        Severity::Warning,
    );
    nothing(&on("lab-move-LatencyAlarm-1", "OK", false));
    nothing(&on("High", "ALARM", true));
    // The dead letters themselves say so.
    nothing(&on("lab-move-DeadLettersAlarm-1", "ALARM", false));
}
