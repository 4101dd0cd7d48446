//! Workers that are EC2 instances.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::units::{Duration, Size};
use super::{Capacity, Secret, Zones, patterns};

/// A multi-AZ Auto Scaling group of EC2 instances that run a program.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Instances {
    /// A folder with an executable `run` and, where needed, an executable `install`; relative to this file. Without it,
    /// the image brings the worker.
    #[schemars(regex(pattern = patterns::SOMETHING), length(max = 1000), example = "../examples/mover")]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub program: Option<String>,
    /// Environment variables for the program: single lines; with `secrets` and qfleet's own, 4096 bytes in all. No secrets, which are
    /// for `secrets`: these can be read in the launch template. In a file with `extras`, a whole value
    /// `${db.Endpoint}` is what the extra `db` gives.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Secrets for the program, each an environment variable by its name: the path of an SSM parameter (`/app/db`), the
    /// whole ARN of a Secrets Manager secret, or one that an extra gives (`${db.SecretArn}`). They are read at each start of the worker.
    #[serde(default)]
    pub secrets: BTreeMap<String, Secret>,
    /// Instance types, all of one architecture, which decides the image's. Several make a mixed-instances group.
    #[schemars(length(min = 1, max = 40), inner(regex(pattern = patterns::INSTANCE_TYPE)), example = ["t4g.small"])]
    pub types: Vec<String>,
    /// `al2023`, `ubuntu-24.04`, an AMI id, or the path of a public or own SSM parameter that holds one.
    #[schemars(regex(pattern = patterns::IMAGE))]
    #[serde(default = "al2023")]
    pub image: String,
    /// The root device of an image of one's own, such as `/dev/sda1`; without it, `/dev/xvda`.
    #[schemars(regex(pattern = patterns::DEVICE))]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub root_device: Option<String>,
    /// Where an image that brings the worker finds its settings: in `/etc/qfleet/worker.env`, or nowhere.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub settings: Option<Settings>,
    /// The fewest instances. 0 lets the group sleep while its queue is empty.
    #[schemars(range(max = 10000))]
    #[serde(default = "two")]
    pub min: u32,
    /// The most instances.
    #[schemars(range(min = 1, max = 10000))]
    #[serde(default = "ten")]
    pub max: u32,
    /// Other bounds at set times. A change of `min` or `max` holds at once, until the next of these times.
    #[schemars(length(max = 20))]
    #[serde(default)]
    pub capacity: Vec<Capacity>,
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
    /// Security groups of the instances' VPC that they get beside their own, which lets nothing in and everything out: ids,
    /// or what extras give (`db.SecurityGroupId`).
    #[schemars(length(max = 15), inner(regex(pattern = patterns::SECURITY_GROUP)))]
    #[serde(default)]
    pub security_groups: Vec<String>,
    /// Spot capacity instead of on-demand.
    #[serde(default)]
    pub spot: bool,
    /// With `spot`: so many instances are on-demand, whatever becomes of the spot capacity.
    #[schemars(range(max = 10000))]
    #[serde(default)]
    pub on_demand_base: u32,
    /// The size of each instance's encrypted gp3 root volume: 8 GiB to 16 TiB.
    #[serde(default = "eight_gib")]
    pub volume: Size,
    /// From launch until an instance counts for scaling (`DefaultInstanceWarmup`), at most 2h.
    #[serde(default = "warmup")]
    pub warmup: Duration,
    /// How long a new instance may take until its worker runs, 1m to 1h; past it, the deploy fails. Without a program:
    /// until it is in service.
    #[serde(default = "start_timeout")]
    pub start_timeout: Duration,
    /// How long a worker may take to finish what it has in hand, from its SIGTERM on, 30s to 2h; then it is killed. 5m
    /// with a program. Without one there is no such time, unless it's named: then the image says when it has finished.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub drain_timeout: Option<Duration>,
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

/// What an image that brings the worker gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Settings {
    /// No user data at all.
    #[serde(rename = "none")]
    Nowhere,
}

impl Instances {
    /// How long an instance that is to go waits for its worker; none, when it doesn't wait.
    pub fn drains_for(&self) -> Option<Duration> {
        let default = self.program.is_some().then_some(Duration::minutes(5));
        self.drain_timeout.or(default)
    }
}

fn two() -> u32 {
    2
}

fn ten() -> u32 {
    10
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

fn month() -> Duration {
    Duration::days(30)
}
