//! Of groups and their instances.

use super::*;

#[test]
fn what_a_destroy_has_taken_down_is_said_as_such() {
    let taken_down = |max: i32, instances: &[&str], visible: u64| {
        in_stage(|stage| {
            stage.queue = Some(depth(visible));
            let group = group(stage);
            (group.min, group.desired, group.max) = (0, 0, max);
            group.before_destroy = Some(Bounds { min: 2, max: 4 });
            group.instances = instances.iter().map(|state| instance("a", state)).collect();
        })
    };
    // Whether messages wait or not.
    for visible in [0, 20] {
        let draining = taken_down(0, &["Terminating:Wait"], visible);
        only(&draining, "draining", Severity::Note);
        assert!(
            draining[0].meaning.contains("1 worker may finish, it had 2 to 4"),
            "{draining:?}"
        );
        let stopped = taken_down(0, &[], visible);
        only(&stopped, "destroy-stopped", Severity::Critical);
        let action = &stopped[0].action;
        assert!(action.contains("`qfleet destroy lab.yaml` goes on"), "{action}");
        assert_eq!(stopped[0].command.as_deref(), Some("qfleet deploy lab.yaml"));
    }
    // Somebody has given it others since: it is a fleet like any other.
    only(&taken_down(1, &[], 20), "no-workers", Severity::Warning);
    // Its stack goes.
    let mut going = stage();
    let gone = group(&mut going);
    (gone.min, gone.desired, gone.max) = (0, 0, 0);
    gone.before_destroy = Some(Bounds { min: 2, max: 4 });
    gone.instances.clear();
    let going = found(&status(vec![stack("move", "DELETE_IN_PROGRESS")], vec![going]));
    only(&going, "operation-running", Severity::Note);
}

fn activity(minutes_ago: i64, description: &str, status: &str, cause: &str) -> Activity {
    Activity {
        activity_id: String::new(),
        group: "lab-move-Group".into(),
        description: description.into(),
        cause: cause.into(),
        start_time: Some(at(-minutes_ago)),
        end_time: None,
        status_code: status.into(),
        status_message: (status == "Failed").then(|| "InsufficientInstanceCapacity".into()),
    }
}

#[test]
fn launches_that_fail() {
    let launch = |minutes_ago, status| activity(minutes_ago, "Launching a new EC2 instance: i-1", status, "");
    let failed = in_stage(|stage| instances(stage).activities = vec![launch(1, "Failed"), launch(9, "Successful")]);
    only(&failed, "launches-fail", Severity::Critical);
    assert!(
        failed[0].meaning.ends_with(": InsufficientInstanceCapacity"),
        "{}",
        failed[0].meaning
    );
    // The next one is on its way, and hasn't succeeded yet.
    let again = in_stage(|stage| instances(stage).activities = vec![launch(0, "InProgress"), launch(1, "Failed")]);
    only(&again, "launches-fail", Severity::Critical);
    nothing(&in_stage(|stage| {
        instances(stage).activities = vec![launch(1, "Successful"), launch(9, "Failed")]
    }));
    // On its way, and it says that its worker ends; or not.
    let mut coming = launch(1, "PreInService");
    nothing(&in_stage(|stage| {
        instances(stage).activities = vec![coming.clone(), launch(9, "Successful")]
    }));
    coming.status_message = Some("its worker ended (exit status: 1)".into());
    let stuck = in_stage(|stage| instances(stage).activities = vec![coming.clone(), launch(9, "Successful")]);
    only(&stuck, "launches-fail", Severity::Critical);
    assert_eq!(
        stuck[0].meaning,
        "an instance doesn't come into service: its worker ended (exit status: 1)"
    );
    coming.status_message = Some("its worker ended: ModuleNotFoundError: No module named 'boto3'".into());
    let lacking = in_stage(|stage| instances(stage).activities = vec![coming, launch(9, "Successful")]);
    assert!(lacking[0].action.contains("requirements.txt"), "{}", lacking[0].action);
    let termination = activity(1, "Terminating EC2 instance: i-1", "Failed", "");
    nothing(&in_stage(|stage| instances(stage).activities = vec![termination]));
}

#[test]
fn workers_that_launch_and_die() {
    const SICK: &str = "At 2026-01-02T11:58:00Z an instance was taken out of service in response to an EC2 health check \
                        indicating it has been terminated or stopped.";
    const MARKED: &str =
        "At 2026-01-02T11:58:00Z an instance was taken out of service in response to a user health-check.";
    const SHRINKS: &str = "a monitor alarm Low in state ALARM triggered policy Backlog changing the desired capacity";
    let ended = |minutes_ago, cause| activity(minutes_ago, "Terminating EC2 instance: i-1", "Successful", cause);
    let of = |all: Vec<Activity>| in_stage(|stage| instances(stage).activities = all);
    only(
        &of(vec![ended(1, SICK), ended(20, MARKED), ended(60, SICK)]),
        "workers-die",
        Severity::Critical,
    );
    nothing(&of(vec![ended(1, SICK), ended(20, SICK)]));
    nothing(&of(vec![ended(1, SICK), ended(20, SICK), ended(61, SICK)]));
    let found = of(vec![ended(1, SICK), ended(20, SICK), ended(30, SICK)]);
    assert_eq!(found[0].command.as_deref(), Some("qfleet logs lab.yaml --stage move"));
    let on_purpose = |minutes_ago| Activity {
        status_message: Some("its worker was killed by `qfleet kill-worker --crash`".into()),
        ..ended(minutes_ago, SICK)
    };
    nothing(&of(vec![
        ended(1, SICK),
        ended(20, SICK),
        on_purpose(30),
        on_purpose(40),
    ]));
    nothing(&of(vec![ended(1, SHRINKS), ended(20, SHRINKS), ended(30, SHRINKS)]));
}

#[test]
fn zones_that_are_not_balanced() {
    let spread = |in_zones: &[(&str, &str)], desired: i32| {
        in_stage(|stage| {
            let group = group(stage);
            group.max = 9;
            group.desired = desired;
            group.instances = in_zones.iter().map(|(zone, state)| instance(zone, state)).collect();
        })
    };
    const UP: &str = "InService";
    only(
        &spread(&[("a", UP), ("a", UP)], 2),
        "zones-unbalanced",
        Severity::Warning,
    );
    nothing(&spread(&[("a", UP), ("a", UP), ("b", UP)], 3));
    nothing(&spread(&[("a", UP)], 1));
    // One is to come, or leaves: it isn't settled yet.
    nothing(&spread(&[("a", UP), ("a", UP)], 3));
    nothing(&spread(&[("a", UP), ("a", UP), ("b", "Pending")], 3));
    nothing(&spread(&[("a", UP), ("a", UP), ("b", "Terminating")], 2));
}

#[test]
fn suspended_processes_unless_the_stacks_update_suspended_them() {
    let suspend = |stage: &mut StageState| group(stage).suspended_processes = vec!["Launch".into()];
    only(&in_stage(suspend), "processes-suspended", Severity::Warning);
    let mut rolling = stage();
    suspend(&mut rolling);
    let found = found(&status(vec![stack("move", "UPDATE_IN_PROGRESS")], vec![rolling]));
    only(&found, "operation-running", Severity::Note);
}

fn refresh(stage: &mut StageState, status: &str, minutes_ago: i64, done: i32) {
    instances(stage).instance_refresh = Some(InstanceRefresh {
        status: status.into(),
        start_time: Some(at(-minutes_ago)),
        percentage_complete: Some(done),
        ..InstanceRefresh::default()
    });
}

fn one_is_old(stage: &mut StageState) {
    group(stage).instances[0].launch_template_version = Some("2".into());
}

#[test]
fn an_instance_refresh_that_failed_or_is_stuck() {
    for word in ["Failed", "RollbackFailed"] {
        let found = in_stage(|stage| {
            refresh(stage, word, 300, 50);
            one_is_old(stage);
        });
        only(&found, "instance-refresh-failed", Severity::Warning);
    }
    nothing(&in_stage(|stage| refresh(stage, "Failed", 300, 50)));
    nothing(&in_stage(|stage| refresh(stage, "Successful", 300, 100)));
    only(
        &in_stage(|stage| refresh(stage, "InProgress", 61, 0)),
        "instance-refresh-stuck",
        Severity::Warning,
    );
    nothing(&in_stage(|stage| refresh(stage, "InProgress", 60, 0)));
    nothing(&in_stage(|stage| refresh(stage, "InProgress", 300, 10)));
}

#[test]
fn instances_of_an_older_launch_template() {
    only(&in_stage(one_is_old), "old-launch-template", Severity::Warning);
    let replaced = in_stage(|stage| {
        one_is_old(stage);
        refresh(stage, "InProgress", 5, 0);
    });
    nothing(&replaced);
    // What $Latest means now isn't said.
    let latest = in_stage(|stage| {
        one_is_old(stage);
        group(stage).launch_template_version = Some("$Latest".into());
    });
    nothing(&latest);
    let mut rolling = stage();
    one_is_old(&mut rolling);
    let found = found(&status(vec![stack("move", "UPDATE_IN_PROGRESS")], vec![rolling]));
    only(&found, "operation-running", Severity::Note);
}
