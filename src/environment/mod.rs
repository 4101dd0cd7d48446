//! The environment file: what a user writes, as types.
//!
//! Alternatives are structs of `Option` fields of which exactly one is set, never enums: that way the JSON Schema
//! stays flat, and an error names the key that is wrong instead of "none of the alternatives fits".

pub mod advice;
#[cfg(test)]
pub mod arbitrary;
mod architecture;
mod characters;
mod checks;
mod explain;
mod load;
mod mend;
mod nearest;
mod patterns;
pub mod problem;
#[cfg(test)]
mod properties;
mod run_script;
mod schema;
mod source;
pub mod units;
#[cfg(test)]
mod work;
mod yaml;
mod zones;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use advice::advise;
pub use architecture::{Architecture, architecture};
pub use load::{load, parse};
use problem::Source;
pub use schema::schema;
pub use zones::Zones;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use units::{Duration, KeptFor, Size};

/// One deployment of the whole system, as its file describes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "qfleet environment")]
pub struct Environment {
    /// Prefix of everything that is made. Short, so that every derived name fits: the longest is the artifacts
    /// bucket, `<name>-artifacts-<account>-<region>`, in S3's 63 characters.
    #[schemars(regex(pattern = patterns::NAME), length(min = 2, max = 24), example = "photo-lab")]
    pub name: String,
    /// The AWS region; without it, the one that AWS's own tools would use.
    #[schemars(regex(pattern = patterns::REGION), length(max = 15), example = "us-east-2")]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub region: Option<String>,
    /// The only account that may be touched: twelve digits, in quotes.
    #[schemars(regex(pattern = patterns::ACCOUNT), example = "111122223333")]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub account: Option<String>,
    /// Tags for every resource: at most 40, of letters, digits, spaces and `_ . : / = + - @`.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Termination protection on every stack; `destroy` refuses.
    #[serde(default)]
    pub protect: bool,
    /// An environment that isn't meant to last expires this long after its first deploy: 10m to 365d.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lifetime: Option<Duration>,
    /// Where files land and where results go. Without it there is no bucket and no topic: jobs are sent to a queue.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bucket: Option<Bucket>,
    /// Queues with their workers.
    #[schemars(length(min = 1, max = 20))]
    pub stages: Vec<Stage>,
    /// Whether a CloudWatch dashboard is made.
    #[serde(default = "yes")]
    pub dashboard: bool,
    /// What `qfleet drift` lets differ.
    #[serde(default)]
    pub drift: Drift,
    /// The file itself: paths in it are relative to its folder, and problems are shown on its lines. Not part of it.
    #[serde(skip)]
    pub source: Arc<Source>,
}

impl Environment {
    /// The folder of a program, which the file names relative to itself.
    pub fn program_folder(&self, program: &str) -> PathBuf {
        self.source.path.parent().unwrap_or(Path::new("")).join(program)
    }
}

/// What `drift` does with differences.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Drift {
    /// Properties that may differ from what was deployed; each says why.
    #[schemars(length(max = 100))]
    #[serde(default)]
    pub ignore: Vec<DriftIgnore>,
}

/// A property that may differ from what was deployed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DriftIgnore {
    /// The resource, by its name in the template (`qfleet render` shows them): `Group` of any stack, or `move.Group` of
    /// the part `move`.
    #[schemars(regex(pattern = patterns::RESOURCE), length(max = 300), example = "move.Group")]
    pub resource: String,
    /// The property, with everything in it. A resource that is gone is never ignored.
    #[schemars(regex(pattern = patterns::PROPERTY), length(max = 300), example = "RedrivePolicy/maxReceiveCount")]
    pub property: String,
    /// Why it may differ; shown wherever it does.
    #[schemars(regex(pattern = patterns::SOMETHING), length(max = 300), example = "raised by hand for the sale")]
    pub reason: String,
}

/// The bucket that files land in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    /// The watched prefix: an object created under it is a message.
    #[schemars(regex(pattern = patterns::PREFIX), length(max = 200))]
    #[serde(default = "uploads")]
    pub uploads: String,
    /// Where results go. Must not overlap `uploads`, or results would be messages again.
    #[schemars(regex(pattern = patterns::PREFIX), length(max = 200))]
    #[serde(default = "processed")]
    pub processed: String,
    /// Whether `destroy` empties and deletes the bucket and the queues, or keeps them.
    #[serde(default)]
    pub on_destroy: OnDestroy,
    /// Keeps versions of objects that are overwritten or deleted, for as long as `old_versions` says. A file that is
    /// moved leaves one, too.
    #[serde(default)]
    pub versioning: bool,
    /// How long old versions are kept, in whole days, or `forever`. Without `versioning` there are none.
    #[serde(default = "old_versions")]
    pub old_versions: KeptFor,
}

/// What `destroy` does with data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnDestroy {
    /// Data stays.
    #[default]
    Keep,
    /// Data is deleted with the rest.
    Empty,
}

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
    /// The queue.
    #[serde(default)]
    pub queue: Queue,
    /// What drains the queue.
    pub workers: Workers,
    /// How the number of workers follows the backlog. Without it the group keeps its size, and `min` must be `max`.
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

/// What drains a queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Workers {
    /// An Auto Scaling group of EC2 instances.
    pub instances: Instances,
}

/// A multi-AZ Auto Scaling group of EC2 instances that run a program.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Instances {
    /// A folder with an executable `run` and, where needed, an executable `install`; relative to this file.
    #[schemars(regex(pattern = patterns::SOMETHING), length(max = 1000), example = "../examples/mover")]
    pub program: String,
    /// Environment variables for the program: single lines, 4096 bytes in all. No secrets: they can be read in the
    /// launch template.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Instance types, all of one architecture, which decides the image's. Several make a mixed-instances group.
    #[schemars(length(min = 1, max = 40), inner(regex(pattern = patterns::INSTANCE_TYPE)), example = ["t4g.small"])]
    pub types: Vec<String>,
    /// `al2023`, an AMI id, or the path of a public or own SSM parameter that holds one.
    #[schemars(regex(pattern = patterns::IMAGE))]
    #[serde(default = "al2023")]
    pub image: String,
    /// The fewest instances. 0 lets the group sleep while its queue is empty.
    #[schemars(range(max = 10000))]
    #[serde(default = "two")]
    pub min: u32,
    /// The most instances.
    #[schemars(range(min = 1, max = 10000))]
    #[serde(default = "ten")]
    pub max: u32,
    /// Zones of the default VPC: `all` that offer one of the types, or a list of names.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub zones: Option<Zones>,
    /// A VPC other than the default one; needs `subnets`.
    #[schemars(regex(pattern = patterns::VPC))]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub vpc: Option<String>,
    /// Subnets of `vpc`, in at least two zones. They need a way to S3, SQS, CloudWatch and, for `install`, the internet.
    #[schemars(length(min = 1, max = 20), inner(regex(pattern = patterns::SUBNET)))]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subnets: Option<Vec<String>>,
    /// `create`: a VPC of the environment's own.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub network: Option<Network>,
    /// Spot capacity instead of on-demand.
    #[serde(default)]
    pub spot: bool,
    /// The size of each instance's encrypted gp3 root volume: 8 GiB to 16 TiB.
    #[serde(default = "eight_gib")]
    pub volume: Size,
    /// From launch until an instance counts for scaling (`DefaultInstanceWarmup`), at most 2h.
    #[serde(default = "warmup")]
    pub warmup: Duration,
    /// How long a new instance may take until its worker runs, 1m to 1h; past it, the deploy fails.
    #[serde(default = "start_timeout")]
    pub start_timeout: Duration,
    /// How long a worker may take to finish what it has in hand, from its SIGTERM on, 30s to 2h; then it is killed.
    #[serde(default = "drain")]
    pub drain_timeout: Duration,
    /// How long logs are kept, in whole days that CloudWatch Logs knows: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, …
    #[serde(default = "month")]
    pub log_retention: Duration,
    /// Lets Session Manager open a shell on the instances.
    #[serde(default)]
    pub session_manager: bool,
    /// ARNs of managed policies that the program needs beyond its queue, its prefixes and its logs.
    #[schemars(
        length(max = 8),
        inner(regex(pattern = patterns::POLICY))
    )]
    #[serde(default)]
    pub policies: Vec<String>,
}

/// Where instances run when neither `vpc` nor zones are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Network {
    /// A VPC of the environment's own, with a public subnet in each of two zones that offer the types.
    Create,
}

/// How the number of workers follows the backlog.
///
/// The target backlog per instance is `acceptable_latency / seconds_per_message * messages_at_once`
/// (<https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-using-sqs-queue.html>).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scaling {
    /// How long a message may wait. Below 5m, `min` instances must carry the load alone.
    #[serde(default = "acceptable_latency")]
    pub acceptable_latency: Duration,
    /// How long one message takes one worker, in seconds.
    #[schemars(range(min = 0.001, max = 43200.0), example = 10)]
    pub seconds_per_message: f64,
    /// How many messages one instance works on at once.
    #[schemars(range(min = 1, max = 1000))]
    #[serde(default = "one")]
    pub messages_at_once: u32,
    /// Counts messages that are being worked on, too. Without it a busy fleet looks idle.
    #[serde(default = "yes")]
    pub count_in_flight: bool,
}

impl Scaling {
    /// The backlog, in messages, that one instance can hold and still be in time.
    pub fn target(&self) -> f64 {
        self.acceptable_latency.as_secs() as f64 / self.seconds_per_message * f64::from(self.messages_at_once)
    }
}

fn yes() -> bool {
    true
}
fn one() -> u32 {
    1
}
fn two() -> u32 {
    2
}
fn ten() -> u32 {
    10
}
fn uploads() -> String {
    "uploads/".into()
}
fn processed() -> String {
    "processed/".into()
}
fn old_versions() -> KeptFor {
    KeptFor::Time(Duration::days(30))
}
fn al2023() -> String {
    "al2023".into()
}
fn eight_gib() -> Size {
    Size::gib(8)
}
fn warmup() -> Duration {
    Duration::minutes(3)
}
fn start_timeout() -> Duration {
    Duration::minutes(15)
}
fn drain() -> Duration {
    Duration::minutes(5)
}
fn month() -> Duration {
    Duration::days(30)
}
fn acceptable_latency() -> Duration {
    Duration::minutes(10)
}
