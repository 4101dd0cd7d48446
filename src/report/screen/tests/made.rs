//! States of an environment, made up for the screen.

use jiff::{SignedDuration, Timestamp};

use super::super::*;
use crate::cloud::RegionFrom;
use crate::cloud::autoscaling::activities::Activity;
use crate::cloud::autoscaling::groups::{Group, Instance};
use crate::cloud::cloudformation::stack_status::StackStatus;
use crate::cloud::cloudformation::stacks::KnownDrift;
use crate::cloud::sqs::queues::QueueDepth;
use crate::deployed::address::Address;
use crate::deployed::looked::Looked;
use crate::observe::backlog::BacklogPoint;
use crate::observe::expiry::Expiry;
use crate::observe::instances::Instances;
use crate::observe::operation::{Kind, LastOperation};
use crate::observe::status::{Backlog, Done, StackState, StageState, Status};
use crate::observe::watch::Phase;

/// So many seconds after the beginning of the test's time.
pub fn at(seconds: i64) -> Timestamp {
    let began: Timestamp = "2026-05-04T10:00:00Z".parse().expect("a time");
    began + SignedDuration::from_secs(seconds)
}

/// A stage with a group of these instances: `zone:id:state`.
pub fn stage(name: &str, instances: &[&str]) -> StageState {
    let read = |text: &&str| {
        let (zone, rest) = text.split_once(':').expect("a zone");
        let (id, state) = rest.split_once(':').expect("an id");
        Instance {
            id: id.into(),
            zone: zone.into(),
            lifecycle_state: state.into(),
            health: "Healthy".into(),
            ..Instance::default()
        }
    };
    let depth = |visible, in_flight| QueueDepth {
        visible,
        in_flight,
        delayed: 0,
    };
    StageState {
        stage: name.into(),
        queue: Some(depth(1204, 12)),
        dead_letters: Some(depth(0, 0)),
        oldest_message_age_seconds: Some(185),
        done: Some(Done {
            messages_last_minute: Some(42),
            messages_last_hour: 1800,
        }),
        backlog: Some(Backlog {
            messages_per_instance: Some(304.0),
            target_messages_per_instance: 60.0,
            trend: None,
            history: history(60),
        }),
        instances: Some(Instances {
            group: Some(Group {
                name: format!("lab-{name}-Group"),
                min: 1,
                desired: 4,
                max: 6,
                instances: instances.iter().map(read).collect(),
                ..Group::default()
            }),
            ..Instances::default()
        }),
        ..StageState::default()
    }
}

pub fn instances(stage: &mut StageState) -> &mut Instances {
    stage.instances.as_mut().expect("instances")
}

/// A flood that is worked off.
pub fn history(minutes: i64) -> Vec<BacklogPoint> {
    let point = |minute: i64| BacklogPoint {
        at: at(minute * 60 - 3600),
        messages_per_instance: match minute {
            0..20 => 0.0,
            20..30 => (minute - 19) as f64 * 31.0,
            _ => (310.0 - (minute - 30) as f64 * 10.0).max(4.0),
        },
    };
    (0..minutes).map(point).collect()
}

pub fn activity(seconds: i64, status_code: &str, description: &str, cause: &str) -> Activity {
    Activity {
        activity_id: seconds.to_string(),
        group: "lab-move-Group".into(),
        description: description.into(),
        cause: cause.into(),
        start_time: Some(at(seconds)),
        end_time: None,
        status_code: status_code.into(),
        status_message: None,
    }
}

pub fn stack(part: &str, status: &str) -> StackState {
    StackState {
        part: part.into(),
        stack: format!("lab-{part}"),
        status: StackStatus::from(status),
        reason: None,
        last_operation: LastOperation {
            kind: Kind::Create,
            started_at: Some(at(-3600)),
            ended_at: None,
            length_seconds: None,
        },
        drift: KnownDrift::default(),
        termination_protection: Some(false),
    }
}

pub fn snapshot(phase: Phase, stacks: Vec<StackState>, stages: Vec<StageState>) -> Snapshot {
    Snapshot {
        phase,
        status: Status {
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
            stands_by: false,
            local_fleet: None,
            orphans: None,
            lacks: Default::default(),
            at: at(0),
            expires: Some(Expiry {
                at: at(3 * 3600),
                seconds_left: 3 * 3600,
            }),
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
        },
    }
}

pub const ZONES: [&str; 5] = [
    "us-east-2a:i-01:InService",
    "us-east-2a:i-02:Terminating:Wait",
    "us-east-2b:i-03:InService",
    "us-east-2b:i-04:Pending",
    "us-east-2c:i-05:InService",
];

/// Three stages in the middle of a class.
pub fn busy() -> Snapshot {
    let mut first = stage("move", &ZONES);
    instances(&mut first).activities = vec![
        activity(
            -20,
            "InProgress",
            "Launching a new EC2 instance: i-04",
            "At 2026-05-04T09:59:38Z an instance was started in response to a difference between desired and actual \
             capacity, increasing the capacity from 3 to 4.",
        ),
        activity(
            -25,
            "MidLifecycleAction",
            "Terminating EC2 instance: i-02",
            "At 2026-05-04T09:59:35Z instance i-02 was taken out of service in response to a user request.",
        ),
    ];
    let mut second = stage("resize", &ZONES[..3]);
    second.dead_letters = Some(QueueDepth {
        visible: 3,
        in_flight: 0,
        delayed: 0,
    });
    let mut failed = activity(
        -300,
        "Failed",
        "Launching a new EC2 instance",
        "At 2026-05-04T09:55:00Z a monitor alarm TargetTracking-lab-resize-Group-AlarmHigh in state ALARM triggered \
         policy lab-resize-BacklogScaling changing the desired capacity from 3 to 4.",
    );
    failed.status_message = Some("We currently do not have sufficient t4g.small capacity in us-east-2c.".into());
    instances(&mut second).activities = vec![failed];
    let mut third = stage("index", &["us-east-2a:i-11:InService"]);
    third.backlog = None;
    third.oldest_message_age_seconds = None;
    let stacks = ["artifacts", "intake", "move", "resize", "index", "dashboard"];
    let mut stacks: Vec<StackState> = stacks.iter().map(|part| stack(part, "CREATE_COMPLETE")).collect();
    stacks[3].status = StackStatus::UpdateInProgress;
    snapshot(Phase::Deployed, stacks, vec![first, second, third])
}
