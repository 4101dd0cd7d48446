//! What other commands read of a local fleet: how it is now, and what happened to it.
//!
//! ```text
//! $XDG_STATE_HOME/qfleet/fleets/<environment>/
//!   fleet.lock         locked by the supervisor for as long as it lives
//!   fleet.json         a `FleetState`, written as a whole whenever something changes
//!   activities.jsonl   an `Activity` a line; a later line of the same id replaces an earlier one
//!   command            the `qfleet local up` that it was started with last
//!   supervisor.log     what a detached supervisor says
//!   instances/<id>/    an instance: its log, its lock, its worker's state folder
//!   programs/<hash>/   programs, unpacked
//! ```

use std::path::PathBuf;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::deployed::address::Address;

/// What the clock of a fleet shows, which runs as fast as the fleet does.
pub fn clock(started: Timestamp, speed: u32, now: Timestamp) -> Timestamp {
    let passed = now.duration_since(started);
    let faster = i32::try_from(speed.max(1)).unwrap_or(i32::MAX);
    passed
        .checked_mul(faster)
        .and_then(|passed| started.checked_add(passed).ok())
        .unwrap_or(now)
}

/// A local fleet as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FleetState {
    /// Which environment, and where.
    #[serde(flatten)]
    pub address: Address,
    pub pid: i32,
    /// When the supervisor was started.
    pub started: Timestamp,
    /// How many of its minutes pass in a real one.
    pub speed: u32,
    pub endpoint: String,
    /// Where the supervisor answers as Auto Scaling: it ends instances, the emulator can't.
    pub autoscaling_endpoint: String,
    /// One a stage that has instances.
    pub groups: Vec<GroupState>,
}

/// A group as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GroupState {
    pub stage: String,
    /// The Auto Scaling group's name.
    pub group: String,
    pub min: u32,
    /// How many there should be.
    pub desired: u32,
    pub max: u32,
    /// Messages an instance that target tracking holds the backlog at; none without such a policy.
    pub target: Option<f64>,
    /// The instances that are there; one that is terminated is no longer.
    pub instances: Vec<InstanceState>,
    /// The last 60 of the fleet's minutes, oldest first.
    pub history: Vec<MinuteState>,
    /// What its program lacks on this machine, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lacks: Option<Lack>,
    /// Where its load balancer listens, of the web tier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// What a program lacks on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Lack {
    pub what: String,
    /// How it gets that.
    pub help: String,
}

impl GroupState {
    /// How many instances are in service.
    pub fn in_service(&self) -> usize {
        self.instances
            .iter()
            .filter(|instance| instance.lifecycle_state == LifecycleState::InService)
            .count()
    }
}

/// An instance as it is: a worker's process, and what is played around it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InstanceState {
    /// Its id, as EC2's are: `i-` and 17 hexadecimal digits.
    pub id: String,
    pub zone: String,
    /// Where it is in its life.
    pub lifecycle_state: LifecycleState,
    /// The worker's process, which leads a process group of its own; none while it is down.
    pub pid: Option<i32>,
    /// When the instance was launched.
    pub started: Timestamp,
    /// What stands for the program and the settings that it was launched with.
    #[serde(default)]
    pub version: String,
    pub log: PathBuf,
    /// When EC2 takes it back, once it has announced that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spot_notice: Option<Timestamp>,
}

impl InstanceState {
    /// Whether it takes messages, or is about to: it wasn't told to go.
    pub fn stays(&self) -> bool {
        matches!(
            self.lifecycle_state,
            LifecycleState::Pending | LifecycleState::InService
        )
    }
}

/// Where an instance is in its life, in Auto Scaling's words
/// (<https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-lifecycle.html>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum LifecycleState {
    Pending,
    InService,
    /// Was told to go, and finishes what it has in hand.
    #[serde(rename = "Terminating:Wait")]
    TerminatingWait,
    /// Has finished, or had its time.
    #[serde(rename = "Terminating:Proceed")]
    TerminatingProceed,
    Terminated,
    /// One that this version doesn't know.
    #[serde(other)]
    Unknown,
}

impl LifecycleState {
    /// As Auto Scaling spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            LifecycleState::Pending => "Pending",
            LifecycleState::InService => "InService",
            LifecycleState::TerminatingWait => "Terminating:Wait",
            LifecycleState::TerminatingProceed => "Terminating:Proceed",
            LifecycleState::Terminated => "Terminated",
            LifecycleState::Unknown => "Unknown",
        }
    }
}

/// What a group saw in one of the fleet's minutes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MinuteState {
    pub at: Timestamp,
    /// Messages that waited.
    pub visible: u64,
    /// Messages that were worked on.
    pub in_flight: u64,
    pub running: u32,
    /// What target tracking looked at, in messages; none without such a policy.
    pub backlog_per_instance: Option<f64>,
}

/// A scaling activity, with the fields of Auto Scaling's own
/// (<https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_Activity.html>).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Activity {
    pub activity_id: String,
    /// The Auto Scaling group's name.
    pub group: String,
    /// The instance it is about.
    pub instance: String,
    /// As in `Launching a new EC2 instance: i-…`.
    pub description: String,
    /// Why it was begun.
    pub cause: String,
    /// When it was begun.
    pub start_time: Timestamp,
    /// When it ended; none while it goes on.
    pub end_time: Option<Timestamp>,
    pub status_code: StatusCode,
    /// What else there is to say, as why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_message: Option<String>,
}

/// How an activity stands; those of Auto Scaling's codes that a local fleet uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum StatusCode {
    /// The instance comes up.
    PreInService,
    InProgress,
    /// The instance finishes what it has in hand.
    MidLifecycleAction,
    Successful,
    /// Not done, for what `status_message` says.
    Failed,
    /// Not done, because the instance was told to go before it came up.
    Cancelled,
    /// One that this version doesn't know.
    #[serde(other)]
    Unknown,
}

impl StatusCode {
    /// As Auto Scaling spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            StatusCode::PreInService => "PreInService",
            StatusCode::InProgress => "InProgress",
            StatusCode::MidLifecycleAction => "MidLifecycleAction",
            StatusCode::Successful => "Successful",
            StatusCode::Failed => "Failed",
            StatusCode::Cancelled => "Cancelled",
            StatusCode::Unknown => "Unknown",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_later_version_are_read() {
        let state: LifecycleState = serde_json::from_str("\"Warmed:Running\"").expect("reads");
        assert_eq!(state, LifecycleState::Unknown);
        let code: StatusCode = serde_json::from_str("\"WaitingForELBConnectionDraining\"").expect("reads");
        assert_eq!(code, StatusCode::Unknown);
        for state in [
            LifecycleState::Pending,
            LifecycleState::InService,
            LifecycleState::TerminatingWait,
            LifecycleState::TerminatingProceed,
            LifecycleState::Terminated,
        ] {
            assert_eq!(serde_json::to_value(state).expect("JSON"), state.as_str());
        }
    }
}
