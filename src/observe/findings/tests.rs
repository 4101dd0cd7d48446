//! Each finding, and the case beside it that is none.

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::cloud::autoscaling::activities::Activity;
use crate::cloud::autoscaling::bounds::Bounds;
use crate::cloud::autoscaling::groups::{Group, Instance};
use crate::cloud::autoscaling::refreshes::InstanceRefresh;
use crate::cloud::cloudformation::stack_status::StackStatus;
use crate::cloud::cloudformation::stacks::KnownDrift;
use crate::cloud::cloudwatch::alarms::Alarm;
use crate::cloud::sqs::queues::QueueDepth;
use crate::deployed::address::Address;
use crate::observe::details::{MISSING, ScalingPolicy, StageAlarm};
use crate::observe::expiry::Expiry;
use crate::observe::finding::{Severity, is_healthy};
use crate::observe::live::Gone;
use crate::observe::local_fleet::LocalFleet;
use crate::observe::operation::{Kind, LastOperation};
use crate::observe::status::{Backlog, StackState, StageState, SurplusStack};
use crate::observe::trend::Trend;

fn at(minutes: i64) -> Timestamp {
    let noon: Timestamp = "2026-01-02T12:00:00Z".parse().expect("a time");
    noon + SignedDuration::from_mins(minutes)
}

fn stack(part: &str, status: &str) -> StackState {
    StackState {
        part: part.into(),
        stack: format!("lab-{part}"),
        status: StackStatus::from(status),
        reason: None,
        last_operation: LastOperation {
            kind: Kind::Create,
            started_at: None,
            ended_at: None,
            length_seconds: None,
        },
        drift: KnownDrift::default(),
        termination_protection: Some(false),
    }
}

fn depth(visible: u64) -> QueueDepth {
    QueueDepth {
        visible,
        in_flight: 0,
        delayed: 0,
    }
}

fn instance(zone: &str, state: &str) -> Instance {
    Instance {
        zone: zone.into(),
        lifecycle_state: state.into(),
        launch_template_version: Some("3".into()),
        ..Instance::default()
    }
}

fn alarm(name: &str, state: &str, scales: bool) -> StageAlarm {
    StageAlarm {
        alarm: Alarm {
            name: name.into(),
            state: state.into(),
            ..Alarm::default()
        },
        scales,
    }
}

/// A stage in which everything is as it should be, and work to do.
fn stage() -> StageState {
    StageState {
        stage: "move".into(),
        gone: Vec::new(),
        queue: Some(depth(20)),
        dead_letters: Some(depth(0)),
        oldest_message_age_seconds: Some(10),
        backlog: Some(Backlog {
            messages_per_instance: Some(10.0),
            target_messages_per_instance: 30.0,
            trend: Some(Trend::Flat),
            history: Vec::new(),
        }),
        group: Some(Group {
            name: "lab-move-Group".into(),
            min: 1,
            desired: 2,
            max: 4,
            zones: vec!["a".into(), "b".into()],
            launch_template_version: Some("3".into()),
            instances: vec![instance("a", "InService"), instance("b", "InService")],
            ..Group::default()
        }),
        instances_by_zone: Default::default(),
        scaling_policies: Some(vec![ScalingPolicy {
            name: "Backlog".into(),
            enabled: true,
            alarms: vec!["High".into(), "Low".into()],
        }]),
        alarms: Some(vec![
            alarm("High", "OK", true),
            // As of any fleet that could be smaller.
            alarm("Low", "ALARM", true),
            alarm("lab-move-LatencyAlarm-1", "OK", false),
        ]),
        instance_refresh: None,
        is_subscribed: Some(true),
        activities: Vec::new(),
    }
}

fn status(stacks: Vec<StackState>, stages: Vec<StageState>) -> Status {
    Status {
        address: Address {
            environment: "lab".into(),
            account: "111122223333".into(),
            region: "us-east-2".into(),
        },
        local: false,
        local_fleet: None,
        at: at(0),
        expires: Some(Expiry::new(at(60), at(0))),
        findings: Vec::new(),
        stacks,
        stages,
        missing: Vec::new(),
        surplus: Vec::new(),
        unknown: Vec::new(),
    }
}

fn by_file() -> Words {
    Words::new(Some("lab.yaml".into()), "")
}

fn found(status: &Status) -> Vec<Finding> {
    of(status, &by_file())
}

/// What is found in a stage that is otherwise as it should be.
fn in_stage(change: impl FnOnce(&mut StageState)) -> Vec<Finding> {
    let mut stage = stage();
    change(&mut stage);
    found(&status(vec![stack("move", "UPDATE_COMPLETE")], vec![stage]))
}

#[track_caller]
fn only(found: &[Finding], id: &str, severity: Severity) {
    let ids: Vec<(&str, Severity)> = found.iter().map(|finding| (finding.id, finding.severity)).collect();
    assert_eq!(ids, [(id, severity)], "{found:#?}");
    assert!(!found[0].meaning.is_empty() && !found[0].action.is_empty());
}

#[track_caller]
fn nothing(found: &[Finding]) {
    assert_eq!(found, [], "nothing was to be found");
}

fn group(stage: &mut StageState) -> &mut Group {
    stage.group.as_mut().expect("a group")
}

#[test]
fn what_is_as_it_should_be_is_no_finding_and_neither_is_what_is_not_known() {
    nothing(&in_stage(|_| ()));
    let unread = in_stage(|stage| {
        *stage = StageState {
            queue: None,
            dead_letters: None,
            oldest_message_age_seconds: None,
            group: None,
            scaling_policies: None,
            alarms: None,
            is_subscribed: None,
            ..stage.clone()
        };
    });
    nothing(&unread);
}

#[test]
fn what_is_gone() {
    let found = in_stage(|stage| {
        stage.group = None;
        stage.gone = vec![Gone::DeadLetterQueue, Gone::Group];
    });
    only(&found, "resource-gone", Severity::Critical);
    assert!(
        found[0].meaning.ends_with(": its dead-letter queue, its group"),
        "{}",
        found[0].meaning
    );
}

#[test]
fn dead_letters() {
    let found = in_stage(|stage| stage.dead_letters = Some(depth(1)));
    only(&found, "dead-letters", Severity::Critical);
    assert_eq!(found[0].stage.as_deref(), Some("move"));
    assert_eq!(found[0].command.as_deref(), Some("qfleet dlq sample lab.yaml move"));
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

#[test]
fn on_the_emulator_somebody_has_to_start_the_workers() {
    let mut waiting = stage();
    group(&mut waiting).instances.clear();
    let mut local = status(vec![stack("move", "CREATE_COMPLETE")], vec![waiting]);
    local.local = true;
    only(&found(&local), "no-workers", Severity::Warning);
    assert_eq!(found(&local)[0].command.as_deref(), Some("qfleet local up lab.yaml"));
    local.local_fleet = Some(LocalFleet { pid: 1, speed: 1 });
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
    let failed = in_stage(|stage| stage.activities = vec![launch(1, "Failed"), launch(9, "Successful")]);
    only(&failed, "launches-fail", Severity::Critical);
    assert!(
        failed[0].meaning.ends_with(": InsufficientInstanceCapacity"),
        "{}",
        failed[0].meaning
    );
    // The next one is on its way, and hasn't succeeded yet.
    let again = in_stage(|stage| stage.activities = vec![launch(0, "InProgress"), launch(1, "Failed")]);
    only(&again, "launches-fail", Severity::Critical);
    nothing(&in_stage(|stage| {
        stage.activities = vec![launch(1, "Successful"), launch(9, "Failed")]
    }));
    // On its way, and it says that its worker ends; or not.
    let mut coming = launch(1, "PreInService");
    nothing(&in_stage(|stage| {
        stage.activities = vec![coming.clone(), launch(9, "Successful")]
    }));
    coming.status_message = Some("its worker ended (exit status: 1)".into());
    let stuck = in_stage(|stage| stage.activities = vec![coming, launch(9, "Successful")]);
    only(&stuck, "launches-fail", Severity::Critical);
    assert_eq!(
        stuck[0].meaning,
        "an instance doesn't come into service: its worker ended (exit status: 1)"
    );
    let termination = activity(1, "Terminating EC2 instance: i-1", "Failed", "");
    nothing(&in_stage(|stage| stage.activities = vec![termination]));
}

#[test]
fn workers_that_launch_and_die() {
    const SICK: &str = "At 2026-01-02T11:58:00Z an instance was taken out of service in response to an EC2 health check \
                        indicating it has been terminated or stopped.";
    const MARKED: &str =
        "At 2026-01-02T11:58:00Z an instance was taken out of service in response to a user health-check.";
    const SHRINKS: &str = "a monitor alarm Low in state ALARM triggered policy Backlog changing the desired capacity";
    let ended = |minutes_ago, cause| activity(minutes_ago, "Terminating EC2 instance: i-1", "Successful", cause);
    let of = |all: Vec<Activity>| in_stage(|stage| stage.activities = all);
    only(
        &of(vec![ended(1, SICK), ended(20, MARKED), ended(60, SICK)]),
        "workers-die",
        Severity::Critical,
    );
    nothing(&of(vec![ended(1, SICK), ended(20, SICK)]));
    nothing(&of(vec![ended(1, SICK), ended(20, SICK), ended(61, SICK)]));
    nothing(&of(vec![ended(1, SHRINKS), ended(20, SHRINKS), ended(30, SHRINKS)]));
}

#[test]
fn alarms_of_the_policy() {
    let lost = in_stage(|stage| stage.alarms = Some(vec![alarm("High", MISSING, true), alarm("Low", "OK", true)]));
    only(&lost, "scaling-alarms-missing", Severity::Critical);
    assert!(lost[0].meaning.ends_with(": High"), "{}", lost[0].meaning);
    let bare = in_stage(|stage| {
        stage.alarms = Some(Vec::new());
        stage.scaling_policies.as_mut().expect("policies")[0].alarms.clear();
    });
    only(&bare, "scaling-alarms-missing", Severity::Critical);
    only(
        &in_stage(|stage| stage.scaling_policies = Some(Vec::new())),
        "scaling-alarms-missing",
        Severity::Critical,
    );
    // A stage that doesn't scale has no policy.
    let fixed = in_stage(|stage| {
        stage.scaling_policies = Some(Vec::new());
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
    stage.instance_refresh = Some(InstanceRefresh {
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

#[test]
fn every_status_of_a_stack_and_the_way_out() {
    for known in StackStatus::ALL {
        let word = known.as_str();
        let found = found(&status(vec![stack("move", word)], Vec::new()));
        let expected = match word {
            "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "IMPORT_COMPLETE" | "DELETE_COMPLETE" => None,
            "ROLLBACK_COMPLETE" | "ROLLBACK_FAILED" => Some(("stack-stuck", "qfleet deploy lab.yaml")),
            "CREATE_FAILED" | "UPDATE_FAILED" | "UPDATE_ROLLBACK_FAILED" => {
                Some(("stack-stuck", "qfleet recover lab.yaml"))
            }
            "DELETE_FAILED" => Some(("stack-stuck", "qfleet destroy lab.yaml")),
            "IMPORT_ROLLBACK_FAILED" => Some(("stack-stuck", "qfleet events --failed lab.yaml")),
            "UPDATE_ROLLBACK_COMPLETE" | "IMPORT_ROLLBACK_COMPLETE" => {
                Some(("update-rolled-back", "qfleet events --failed --since 7d lab.yaml"))
            }
            "REVIEW_IN_PROGRESS" => Some(("stack-in-review", "qfleet deploy lab.yaml")),
            _ => Some(("operation-running", "qfleet events --follow lab.yaml")),
        };
        let said = found
            .first()
            .map(|finding| (finding.id, finding.command.as_deref().unwrap_or_default()));
        assert_eq!(said, expected, "{word}");
        let severity = found.first().map(|finding| finding.severity);
        let expected = expected.map(|(id, _)| match id {
            "stack-stuck" => Severity::Critical,
            "update-rolled-back" => Severity::Warning,
            _ => Severity::Note,
        });
        assert_eq!(severity, expected, "{word}");
    }
    let unknown = found(&status(vec![stack("move", "NEW_WORD")], Vec::new()));
    only(&unknown, "stack-status-unknown", Severity::Warning);
    let mut failed = stack("move", "UPDATE_ROLLBACK_FAILED");
    failed.reason = Some("the queue is gone".into());
    let found = found(&status(vec![failed], Vec::new()));
    assert!(
        found[0].meaning.ends_with(": the queue is gone"),
        "{}",
        found[0].meaning
    );
    assert_eq!(found[0].stack.as_deref(), Some("lab-move"));
}

#[test]
fn drift_as_last_known_is_worth_a_note() {
    let of = |word: &str| {
        let mut drifted = stack("move", "CREATE_COMPLETE");
        drifted.drift = KnownDrift {
            status: word.into(),
            checked_at: Some(at(-60)),
        };
        found(&status(vec![drifted], Vec::new()))
    };
    only(&of("DRIFTED"), "stack-drifted", Severity::Note);
    nothing(&of("IN_SYNC"));
}

#[test]
fn a_lab_that_is_past_its_lifetime() {
    let of = |seconds: i64| {
        let mut status = status(vec![stack("move", "CREATE_COMPLETE")], Vec::new());
        status.expires = Some(Expiry {
            at: at(0),
            seconds_left: seconds,
        });
        found(&status)
    };
    only(&of(0), "lab-expired", Severity::Warning);
    assert_eq!(of(0)[0].command.as_deref(), Some("qfleet destroy lab.yaml"));
    nothing(&of(1));
}

#[test]
fn what_is_not_deployed() {
    only(
        &found(&status(Vec::new(), Vec::new())),
        "not-deployed",
        Severity::Warning,
    );
}

#[test]
fn the_worst_comes_first_and_notes_are_no_reason_to_worry() {
    let mut worst = stage();
    worst.dead_letters = Some(depth(1));
    let mut blind = stage();
    blind.stage = "next".into();
    group(&mut blind).suspended_processes = vec!["Launch".into()];
    let all = found(&status(vec![stack("intake", "UPDATE_IN_PROGRESS")], vec![blind, worst]));
    let ids: Vec<&str> = all.iter().map(|finding| finding.id).collect();
    assert_eq!(ids, ["dead-letters", "processes-suspended", "operation-running"]);
    assert!(!is_healthy(&all[..1]));
    assert!(!is_healthy(&all[1..2]));
    assert!(is_healthy(&all[2..]));
}

#[test]
fn without_a_file_commands_go_by_the_name_where_they_can() {
    let mut status = status(
        vec![stack("move", "DELETE_FAILED"), stack("next", "ROLLBACK_COMPLETE")],
        Vec::new(),
    );
    status.expires = None;
    let commands: Vec<String> = of(&status, &Words::new(None, "lab"))
        .into_iter()
        .filter_map(|one| one.command)
        .collect();
    assert_eq!(commands, ["qfleet destroy --name lab", "qfleet deploy ENV"]);
}

#[test]
fn commands_go_where_this_one_went() {
    let mut suspended = stage();
    group(&mut suspended).suspended_processes = vec!["Launch".into()];
    let status = status(vec![stack("move", "DELETE_FAILED")], vec![suspended]);
    let words = by_file().with("--local --region us-west-1".into());
    let commands: Vec<String> = of(&status, &words).into_iter().filter_map(|one| one.command).collect();
    assert_eq!(
        commands,
        [
            "qfleet destroy lab.yaml --local --region us-west-1",
            "aws autoscaling resume-processes --auto-scaling-group-name lab-move-Group --region us-east-2",
        ]
    );
}

#[test]
fn a_stack_that_is_missing_is_critical_unless_others_are_on_their_way() {
    let with = |state: &str| Status {
        missing: vec!["lab-dashboard".into()],
        ..status(vec![stack("move", state)], vec![stage()])
    };
    let still = found(&with("UPDATE_COMPLETE"));
    only(&still, "stack-missing", Severity::Critical);
    assert_eq!(still[0].command.as_deref(), Some("qfleet deploy lab.yaml"));
    let coming = found(&with("UPDATE_IN_PROGRESS"));
    let severities: Vec<Severity> = coming.iter().map(|finding| finding.severity).collect();
    assert!(severities.iter().all(|severity| !severity.counts()), "{coming:#?}");
}

#[test]
fn a_stack_that_left_the_file_is_a_warning_with_what_it_holds() {
    let status = Status {
        surplus: vec![
            SurplusStack {
                part: "move".into(),
                stack: "lab-move".into(),
                bucket: None,
            },
            SurplusStack {
                part: "intake".into(),
                stack: "lab-intake".into(),
                bucket: Some("lab-1".into()),
            },
        ],
        ..status(vec![stack("move", "UPDATE_COMPLETE")], vec![stage()])
    };
    let found = found(&status);
    let ids: Vec<(&str, Severity)> = found.iter().map(|finding| (finding.id, finding.severity)).collect();
    assert_eq!(ids, [("stack-not-in-file", Severity::Warning); 2]);
    assert!(
        found[0].meaning.contains("messages in its queue"),
        "{}",
        found[0].meaning
    );
    assert!(
        found[1].meaning.ends_with("with the bucket lab-1"),
        "{}",
        found[1].meaning
    );
}
