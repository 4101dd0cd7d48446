//! How an environment is: its stacks, its queues, its groups.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::alarm::StageAlarm;
use super::alerts::Alerts;
use super::backlog::BacklogPoint;
use super::delivery::DeliveryState;
use super::existing_bucket::ExistingBucket;
use super::expiry::Expiry;
use super::finding::Finding;
use super::function::FunctionState;
use super::gone::Gone;
use super::instances::Instances;
use super::local_fleet::LocalFleet;
use super::next_job::NextJob;
use super::operation::LastOperation;
use super::pause::Pause;
use super::replication::Replication;
use super::replies::Replies;
use super::trend::Trend;
use super::unclaimed::Unclaimed;
use super::web::WebState;
use crate::cloud::autoscaling::activities::Activity;
use crate::cloud::autoscaling::groups::Group;
use crate::cloud::cloudformation::stack_status::StackStatus;
use crate::cloud::cloudformation::stacks::KnownDrift;
use crate::cloud::sqs::queues::QueueDepth;
use crate::deployed::address::Address;
use crate::deployed::looked::Looked;
use crate::local::fleet::state::Lack;

/// How an environment is.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Status {
    /// Which environment it is, and where.
    #[serde(flatten)]
    pub address: Address,
    /// Where was looked for it, and whether it is there.
    #[serde(flatten)]
    pub looked: Looked,
    /// Whether this is the local emulator.
    pub local: bool,
    /// The local fleet that plays Auto Scaling there, if one runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_fleet: Option<LocalFleet>,
    /// How many workers of a local fleet go on though its supervisor was killed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orphans: Option<usize>,
    /// What the programs of the local fleet lack on this machine, by stage.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub lacks: BTreeMap<String, Lack>,
    /// Whether it stands by in this region: nobody is to work there.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stands_by: bool,
    /// When this was read.
    pub at: Timestamp,
    /// When it expires, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Expiry>,
    /// What is to be looked into, worst first.
    pub findings: Vec<Finding>,
    /// Its stacks; none when it isn't deployed.
    pub stacks: Vec<StackState>,
    pub stages: Vec<StageState>,
    /// The web tier, where the environment has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub web: Option<WebState>,
    /// The distribution that hands out what is done, where the environment has one; not with `--watch`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery: Option<DeliveryState>,
    /// The mailbox that alarms are sent to, where the environment has a topic of its own for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alerts: Option<Alerts>,
    /// Where uploads are copied to, if they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replication: Option<Replication>,
    /// Files under the watched prefix that no stage gets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unclaimed: Option<Unclaimed>,
    /// The bucket, where it isn't the environment's own; not with `--watch`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub existing_bucket: Option<ExistingBucket>,
    /// Stacks that it should have and hasn't, by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// Stacks that its file doesn't have any more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub surplus: Vec<SurplusStack>,
    /// What could not be read, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
}

/// A stack that the environment's file doesn't have any more.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SurplusStack {
    pub part: String,
    pub stack: String,
    /// The bucket that it puts out, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
}

/// How a stack is.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct StackState {
    pub part: String,
    pub stack: String,
    pub status: StackStatus,
    /// Why, when CloudFormation says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What was done to it last.
    pub last_operation: LastOperation,
    /// What the last drift detection found.
    pub drift: KnownDrift,
    /// Termination protection; none when it can't be known.
    pub termination_protection: Option<bool>,
}

/// How a stage is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct StageState {
    pub stage: String,
    /// What its stack names and is not there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<Gone>,
    /// What is in its queue, in messages.
    pub queue: Option<QueueDepth>,
    /// What is in its dead-letter queue, in messages.
    pub dead_letters: Option<QueueDepth>,
    /// What is in its queue for replies, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replies: Option<Replies>,
    /// When jobs come by the clock, where some do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub schedules: Vec<NextJob>,
    /// How long the oldest message has been in the queue, in seconds, as of the last minutes.
    pub oldest_message_age_seconds: Option<u64>,
    /// How many messages were done; none when it can't be known, as on the local emulator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub done: Option<Done>,
    /// Its backlog per instance; none when it doesn't scale.
    pub backlog: Option<Backlog>,
    /// None when no instances drain its queue. JSON has the fields all the same.
    #[serde(flatten, serialize_with = "some_or_default")]
    #[schemars(with = "Instances")]
    pub instances: Option<Instances>,
    /// Where nobody works on it on purpose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<Pause>,
    /// The Lambda function that drains its queue, where one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<FunctionState>,
    /// Its alarms, those that scale the group first; none when they weren't, or couldn't be, read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alarms: Option<Vec<StageAlarm>>,
    /// Whether the topic that feeds it sends to its queue; none when no topic does, or it can't be known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_subscribed: Option<bool>,
}

fn some_or_default<S: Serializer>(instances: &Option<Instances>, serializer: S) -> Result<S::Ok, S::Error> {
    match instances {
        Some(instances) => instances.serialize(serializer),
        None => Instances::default().serialize(serializer),
    }
}

/// Messages that were done: deleted by who had received them. One that is deleted twice counts twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Done {
    /// In the newest minute that CloudWatch knows; none when that is long ago.
    pub messages_last_minute: Option<u64>,
    pub messages_last_hour: u64,
}

/// What scaling goes by.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Backlog {
    /// Messages for each instance in service now; all of them when there is none. None when it can't be known.
    pub messages_per_instance: Option<f64>,
    /// What scaling aims at.
    pub target_messages_per_instance: f64,
    /// Which way it goes; none when too little is known.
    pub trend: Option<Trend>,
    /// The last hour, a point a minute, oldest first.
    pub history: Vec<BacklogPoint>,
}

impl StageState {
    /// None, too, when it is gone or couldn't be read.
    pub fn group(&self) -> Option<&Group> {
        self.instances.as_ref()?.group.as_ref()
    }

    pub fn activities(&self) -> &[Activity] {
        self.instances.as_ref().map_or(&[], |instances| &instances.activities)
    }

    /// Whether there is no message in its queue. Then there is no oldest one either, though CloudWatch, which is a minute
    /// behind, still tells its age.
    pub fn is_empty(&self) -> bool {
        self.queue.is_some_and(|queue| queue.total() == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_without_instances_has_their_fields_in_json() {
        let of = |stage: &StageState| serde_json::to_value(stage).expect("JSON");
        let unread = StageState {
            instances: Some(Instances::default()),
            ..StageState::default()
        };
        let none = of(&StageState::default());
        assert_eq!(none, of(&unread));
        assert_eq!(none["group"], serde_json::Value::Null);
        assert_eq!(none["activities"], serde_json::json!([]));
    }
}
