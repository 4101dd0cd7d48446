//! Each finding, and the case beside it that is none.

mod alerts;
mod files;
mod fleet;
mod function;
mod queue;
mod scaling;
mod schedule;
mod stacks;

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::cloud::RegionFrom;
use crate::cloud::autoscaling::activities::Activity;
use crate::cloud::autoscaling::bounds::Bounds;
use crate::cloud::autoscaling::groups::{Group, Instance};
use crate::cloud::autoscaling::refreshes::InstanceRefresh;
use crate::cloud::cloudformation::stack_status::StackStatus;
use crate::cloud::cloudformation::stacks::KnownDrift;
use crate::cloud::cloudwatch::alarms::Alarm;
use crate::cloud::sqs::queues::QueueDepth;
use crate::deployed::address::Address;
use crate::deployed::looked::Looked;
use crate::environment::schedule::{Entry, Schedule};
use crate::observe::alarm::{MISSING, StageAlarm};
use crate::observe::details::ScalingPolicy;
use crate::observe::expiry::Expiry;
use crate::observe::finding::{Severity, is_healthy};
use crate::observe::gone::Gone;
use crate::observe::instances::Instances;
use crate::observe::local_fleet::LocalFleet;
use crate::observe::operation::{Kind, LastOperation};
use crate::observe::pause::Pause;
use crate::observe::schedule::Scheduled;
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
        replies: None,
        schedules: Vec::new(),
        oldest_message_age_seconds: Some(10),
        done: None,
        backlog: Some(Backlog {
            messages_per_instance: Some(10.0),
            target_messages_per_instance: 30.0,
            trend: Some(Trend::Flat),
            history: Vec::new(),
        }),
        instances: Some(Instances {
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
            scaling_policies: Some(vec![ScalingPolicy {
                name: "Backlog".into(),
                enabled: true,
                alarms: vec!["High".into(), "Low".into()],
            }]),
            ..Instances::default()
        }),
        function: None,
        paused: None,
        alarms: Some(vec![
            alarm("High", "OK", true),
            // As of any fleet that could be smaller.
            alarm("Low", "ALARM", true),
            alarm("lab-move-LatencyAlarm-1", "OK", false),
        ]),
        is_subscribed: Some(true),
    }
}

fn status(stacks: Vec<StackState>, stages: Vec<StageState>) -> Status {
    Status {
        address: Address {
            environment: "lab".into(),
            account: "111122223333".into(),
            region: "us-east-2".into(),
        },
        looked: Looked {
            fleet_in: None,
            region_from: RegionFrom::File,
            local: false,
            found: true,
        },
        local: false,
        local_fleet: None,
        orphans: None,
        lacks: Default::default(),
        stands_by: false,
        at: at(0),
        expires: Some(Expiry::new(at(60), at(0))),
        findings: Vec::new(),
        stacks,
        stages,
        web: None,
        delivery: None,
        alerts: None,
        replication: None,
        unclaimed: None,
        existing_bucket: None,
        missing: Vec::new(),
        surplus: Vec::new(),
        unknown: Vec::new(),
    }
}

fn by_file() -> Words {
    Words::new(Some("lab.yaml".into()), "")
}

fn found(status: &Status) -> Vec<Finding> {
    of(status, &by_file(), &AwsCli::new("us-east-2"))
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

fn instances(stage: &mut StageState) -> &mut Instances {
    stage.instances.as_mut().expect("instances")
}

/// The fleet works from 14:00 to 10:00, so it sleeps now, at noon; or it slept from 14:00 to 10:00.
fn scheduled(stage: &mut StageState, sleeps: bool) {
    let entry = |cron: &str, max: u32| Entry {
        cron: cron.to_owned(),
        time_zone: "UTC".to_owned(),
        min: max.min(1),
        max,
    };
    let (to_sleep, to_work) = if sleeps {
        ("0 10 * * *", "0 14 * * *")
    } else {
        ("0 14 * * *", "0 10 * * *")
    };
    let schedule = Schedule(vec![entry(to_sleep, 0), entry(to_work, 4)]);
    instances(stage).schedule = Scheduled::of(&schedule, at(0));
}

fn sleeps(stage: &mut StageState) {
    let group = group(stage);
    (group.min, group.desired, group.max) = (0, 0, 0);
    group.instances.clear();
}

fn group(stage: &mut StageState) -> &mut Group {
    instances(stage).group.as_mut().expect("a group")
}

#[test]
fn what_is_as_it_should_be_is_no_finding_and_neither_is_what_is_not_known() {
    nothing(&in_stage(|_| ()));
    let unread = in_stage(|stage| {
        *stage = StageState {
            queue: None,
            dead_letters: None,
            oldest_message_age_seconds: None,
            instances: Some(Instances::default()),
            alarms: None,
            is_subscribed: None,
            ..stage.clone()
        };
    });
    nothing(&unread);
    nothing(&in_stage(|stage| stage.instances = None));
}

#[test]
fn what_is_gone() {
    let found = in_stage(|stage| {
        instances(stage).group = None;
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
    let commands: Vec<String> = of(&status, &Words::new(None, "lab"), &AwsCli::new("us-east-2"))
        .into_iter()
        .filter_map(|one| one.command)
        .collect();
    assert_eq!(commands, ["qfleet destroy --name lab", "qfleet deploy ENV --name lab"]);
}

#[test]
fn commands_go_where_this_one_went() {
    let mut suspended = stage();
    group(&mut suspended).suspended_processes = vec!["Launch".into()];
    let status = status(vec![stack("move", "DELETE_FAILED")], vec![suspended]);
    let words = by_file().with("--local --region us-west-1".into());
    let cli = AwsCli {
        endpoint_url: Some("http://127.0.0.1:4566".into()),
        ..AwsCli::new("us-east-2")
    };
    let all = of(&status, &words, &cli);
    let commands: Vec<String> = all.into_iter().filter_map(|one| one.command).collect();
    assert_eq!(
        commands,
        [
            "qfleet destroy lab.yaml --local --region us-west-1",
            "aws autoscaling resume-processes --auto-scaling-group-name lab-move-Group --region us-east-2 \
             --endpoint-url http://127.0.0.1:4566",
        ]
    );
}

#[test]
fn nothing_is_put_back_on_the_emulator() {
    let mut unheard = stage();
    unheard.is_subscribed = Some(false);
    let status = status(vec![stack("move", "CREATE_COMPLETE")], vec![unheard]);
    let command = |options: &str| {
        let words = by_file().with(options.into());
        of(&status, &words, &AwsCli::new("us-east-2"))[0].command.clone()
    };
    let on_aws = Some("qfleet drift lab.yaml --part move --revert");
    assert_eq!(command("").as_deref(), on_aws);
    let local = Some("qfleet drift lab.yaml --part move --local");
    assert_eq!(command("--local").as_deref(), local);
}

#[test]
fn a_pause_is_told_and_becomes_critical_when_messages_are_about_to_be_lost() {
    let paused = |left| {
        in_stage(|stage| {
            stage.instances = None;
            stage.backlog = None;
            stage.paused = Some(Pause {
                retention_seconds: Some(345_600),
                oldest_seconds_left: left,
                oldest_is_unknown: left.is_none(),
                stands_by: false,
                of_files: true,
            });
        })
    };
    for left in [None, Some(300_000)] {
        let found = paused(left);
        only(&found, "paused", Severity::Note);
        assert!(found[0].meaning.contains("20 messages wait"), "{}", found[0].meaning);
    }
    let resting = &paused(None)[0].meaning;
    assert!(
        resting.ends_with("how old the oldest is isn't known; the queue deletes it after 4d"),
        "{resting}"
    );
    let found = paused(Some(7200));
    only(&found, "pause-loses-messages", Severity::Critical);
    assert!(
        found[0].meaning.ends_with("takes the oldest message in 2h"),
        "{}",
        found[0].meaning
    );
}

/// Most of the files that its messages tell of are worked on in the other region. Other messages are nowhere else.
#[test]
fn standing_by_is_told_and_only_messages_of_no_files_can_be_lost() {
    let stands_by = |of_files| {
        in_stage(|stage| {
            stage.instances = None;
            stage.backlog = None;
            stage.paused = Some(Pause {
                retention_seconds: Some(345_600),
                oldest_seconds_left: Some(7200),
                oldest_is_unknown: false,
                stands_by: true,
                of_files,
            });
        })
    };
    let of_files = stands_by(true);
    only(&of_files, "stands-by", Severity::Note);
    assert!(
        of_files[0].action.contains("`qfleet backfill`"),
        "{}",
        of_files[0].action
    );
    let others = stands_by(false);
    only(&others, "pause-loses-messages", Severity::Critical);
    assert!(
        others[0]
            .action
            .starts_with("take this region out of `standby` and deploy"),
        "{}",
        others[0].action
    );
}
