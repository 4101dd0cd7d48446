//! A stage: a queue, what drains it, and how that follows the backlog.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::instances::Instances;
use super::lambda::Lambda;
use super::units::Duration;
use super::{JobSchedule, Only, Secret, patterns, yes};

/// A queue with its dead-letter queue and the workers that drain it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Part of the names of the stage's stack and queues.
    #[schemars(regex(pattern = patterns::NAME), length(min = 1, max = 20), example = "move")]
    pub name: String,
    /// What feeds the queue: `bucket`, or the name of a stage whose workers send jobs on. Without it, jobs are sent
    /// to the queue directly.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub from: Option<String>,
    /// Which of the bucket's files the stage gets, where the bucket feeds it. Without it, all.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub only: Option<Only>,
    /// The queue.
    #[serde(default)]
    pub queue: Queue,
    /// A queue for replies beside it: workers say there what became of a job, and `qfleet send --wait` shows it to who
    /// sent the job.
    #[serde(default)]
    pub replies: bool,
    /// Jobs that are sent to the queue at set times.
    #[schemars(length(max = 20))]
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub schedules: Vec<JobSchedule>,
    /// What drains the queue: instances, or a function.
    pub workers: Workers,
    /// How the number of workers follows the backlog. Without it the group keeps its size until somebody changes it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub scaling: Option<Scaling>,
}

/// An SQS queue. The dead-letter queue beside it keeps messages for 14 days, the longest SQS allows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Queue {
    /// How long a received message stays hidden from other workers, at most 12h; workers extend it while they work.
    pub visibility_timeout: Duration,
    /// After how many receives a message goes to the dead-letter queue.
    #[schemars(range(min = 1, max = 1000))]
    pub max_receives: u32,
    /// How long a message is kept: 1m to 14d.
    pub retention: Duration,
}

impl Default for Queue {
    fn default() -> Self {
        Queue {
            visibility_timeout: Duration::minutes(5),
            max_receives: 5,
            retention: Duration::days(4),
        }
    }
}

/// What drains a queue: instances, or a function; or both, of which one is at work at a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Workers {
    /// An Auto Scaling group of EC2 instances.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub instances: Option<Instances>,
    /// A Lambda function.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lambda: Option<Lambda>,
    /// Which of them is at work. A deploy switches from one to the other, and no message is lost; `none` pauses the stage.
    /// Without it, the one that is described.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub active: Option<Active>,
}

/// Which workers drain a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Active {
    /// The group of instances.
    Instances,
    /// The function.
    Lambda,
    /// Neither: messages wait in the queue.
    None,
}

/// What drains a queue, by its kind.
#[derive(Debug, Clone, Copy)]
pub enum WorkersKind<'a> {
    /// An Auto Scaling group of EC2 instances.
    Instances(&'a Instances),
    /// A Lambda function.
    Function(&'a Lambda),
}

impl Workers {
    /// Which of those that are described is at work.
    pub fn active(&self) -> Active {
        match (self.active, &self.instances, &self.lambda) {
            (Some(active), ..) => active,
            // A file that was checked says it where there are two.
            (None, Some(_), _) => Active::Instances,
            (None, None, Some(_)) => Active::Lambda,
            (None, None, None) => Active::None,
        }
    }

    /// What is at work; nothing where the stage is paused.
    pub fn kind(&self) -> Option<WorkersKind<'_>> {
        match self.active() {
            Active::Instances => self.instances.as_ref().map(WorkersKind::Instances),
            Active::Lambda => self.lambda.as_ref().map(WorkersKind::Function),
            Active::None => None,
        }
    }

    /// Those of this kind, none of a stage that nobody works on.
    pub fn secrets_of(&self, active: Active) -> impl Iterator<Item = &Secret> {
        let instances = self.instances.iter().filter(move |_| active == Active::Instances);
        let lambda = self.lambda.iter().filter(move |_| active == Active::Lambda);
        let of_instances = instances.flat_map(|instances| instances.secrets.values());
        of_instances.chain(lambda.flat_map(|lambda| lambda.secrets.values()))
    }

    /// Those of every kind that is described.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        let instances = self.instances.iter().flat_map(|instances| instances.secrets.values());
        instances.chain(self.lambda.iter().flat_map(|lambda| lambda.secrets.values()))
    }
}

/// How the number of workers follows the backlog.
///
/// The target backlog per instance is `messages_per_instance`, or else
/// `acceptable_latency / seconds_per_message * messages_at_once`
/// (<https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-using-sqs-queue.html>).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scaling {
    /// How long a message may wait; past it, the latency alarm goes off. Below 5m, `min` instances must carry the load
    /// alone.
    #[serde(default = "acceptable_latency")]
    pub acceptable_latency: Duration,
    /// How long one message takes one worker, in seconds. With it, the target follows from the acceptable latency.
    #[schemars(range(min = 0.001, max = 43200.0), example = 10)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub seconds_per_message: Option<f64>,
    /// The target itself, instead of `seconds_per_message`: how many messages there may be for each instance.
    #[schemars(range(min = 1, max = 1_000_000), example = 10)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub messages_per_instance: Option<u32>,
    /// How many messages one instance works on at once.
    #[schemars(range(min = 1, max = 1000))]
    #[serde(default = "one")]
    pub messages_at_once: u32,
    /// Counts messages that are being worked on, too. Without it a busy fleet looks idle.
    #[serde(default = "yes")]
    pub count_in_flight: bool,
}

impl Scaling {
    /// The backlog, in messages, that each instance may have. A file that was checked says one.
    pub fn target(&self) -> Option<f64> {
        let in_time = |seconds| self.acceptable_latency.as_secs() as f64 / seconds * f64::from(self.messages_at_once);
        let said = self.messages_per_instance.map(f64::from);
        said.or_else(|| self.seconds_per_message.map(in_time))
    }
}

fn one() -> u32 {
    1
}

fn acceptable_latency() -> Duration {
    Duration::minutes(10)
}
