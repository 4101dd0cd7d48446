//! The environment file: what a user writes, as types.
//!
//! Alternatives are structs of `Option` fields of which exactly one is set, never enums: that way the JSON Schema
//! stays flat, and an error names the key that is wrong instead of "none of the alternatives fits".

pub mod advice;
mod alerts;
#[cfg(test)]
pub mod arbitrary;
mod architecture;
mod bucket;
mod capacity;
mod characters;
mod checks;
pub mod delivery;
mod drift;
mod explain;
mod extra;
pub mod given;
pub mod given_name;
mod image;
mod instances;
mod job_schedule;
pub mod known_regions;
mod lambda;
mod load;
mod mend;
pub mod name;
mod nearest;
mod only;
mod origin;
mod patterns;
pub mod problem;
#[cfg(test)]
mod properties;
mod results;
pub mod routes;
mod run_script;
pub mod schedule;
mod schema;
mod secret;
mod source;
mod stage;
pub mod units;
mod web;
#[cfg(test)]
mod work;
mod yaml;
mod zones;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use advice::advise;
pub use alerts::Alerts;
pub use architecture::{Architecture, architecture};
pub use bucket::{Bucket, OnDestroy};
pub use capacity::Capacity;
pub use delivery::Delivery;
pub use drift::{Drift, DriftIgnore};
pub use extra::{Extra, Node, Place};
use given_name::GivenName;
pub use image::Image;
pub use instances::{Instances, Network, Settings};
pub use job_schedule::JobSchedule;
pub use lambda::{Lambda, Throughput};
pub use load::{load, load_as, parse, parse_as};
pub use nearest::nearest;
pub use only::Only;
use problem::Source;
pub use results::Results;
pub use schema::schema;
pub use secret::{KeptIn, Secret, mending_command};
pub use stage::{Active, Queue, Scaling, Stage, Workers, WorkersKind};
pub use web::Web;
pub use zones::Zones;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use units::Duration;

use crate::folders::as_a_person_says;

/// One deployment of the whole system, as its file describes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "qfleet environment")]
pub struct Environment {
    /// Prefix of everything that is made, of 2 to 24 characters. Short, so that every derived name fits: the longest is the
    /// artifacts bucket, `<name>-artifacts-<account>-<region>`, in S3's 63 characters.
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
    /// Regions in which it stands by: deployed there, nobody works on any stage, schedules send no jobs, the web tier has no
    /// instances, and `delivery` goes without its `domain`. Everything else is there and ready.
    #[schemars(length(max = 20), inner(regex(pattern = patterns::REGION), length(max = 15)), example = ["us-west-2"])]
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub standby: Vec<String>,
    /// Termination protection on every stack; `destroy` refuses.
    #[serde(default)]
    pub protect: bool,
    /// An environment that isn't meant to last expires this long after its first deploy: 1m to 365d. A deploy to
    /// AWS takes some minutes of it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lifetime: Option<Duration>,
    /// Where files land and where results go. Without it there is no bucket and no topic: jobs are sent to a queue.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bucket: Option<Bucket>,
    /// Of an environment without a `bucket`: whether `destroy` deletes the queues and the table of `results`, or keeps them.
    /// With a bucket, its own `on_destroy` says that. Without a word they are kept.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub on_destroy: Option<OnDestroy>,
    /// A table that workers write down in what became of each job. Without it only their logs say so.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub results: Option<Results>,
    /// CloudFormation templates of your own, deployed with the rest.
    #[schemars(length(max = 20))]
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub extras: Vec<Extra>,
    /// Queues with their workers.
    #[schemars(length(min = 1, max = 20))]
    pub stages: Vec<Stage>,
    /// A web tier in front of the queues: an Application Load Balancer, and instances that run a program.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub web: Option<Web>,
    /// Hands out what is under the bucket's `processed`, through CloudFront.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub delivery: Option<Delivery>,
    /// Who is told when an alarm goes off: dead letters, messages that wait too long, messages and nobody who works.
    /// Without it alarms show in `qfleet status` only.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub alerts: Option<Alerts>,
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
    /// What becomes of all data when it is destroyed, but of a bucket that was there before.
    pub fn on_destroy(&self) -> OnDestroy {
        self.said_on_destroy().unwrap_or_default()
    }

    /// The same, where the file says it: of a bucket it always does.
    pub fn said_on_destroy(&self) -> Option<OnDestroy> {
        let of_bucket = self.bucket.as_ref().map(|bucket| bucket.on_destroy);
        of_bucket.or(self.on_destroy)
    }

    /// Whether anything is to be put into the artifacts bucket.
    pub fn has_programs(&self) -> bool {
        let mut functions = self.stages.iter().filter_map(|stage| stage.workers.lambda.as_ref());
        functions.next().is_some() || self.instances().any(|(_, instances)| instances.program.is_some())
    }

    /// Every group of instances with its pointer: those of the stages, and the web tier's.
    pub fn instances(&self) -> impl Iterator<Item = (String, &Instances)> {
        let stages = self.stages.iter().enumerate();
        let of_stages = stages.filter_map(|(i, stage)| {
            Some((
                format!("/stages/{i}/workers/instances"),
                stage.workers.instances.as_ref()?,
            ))
        });
        of_stages.chain(self.web.iter().map(|web| ("/web/instances".to_owned(), &web.instances)))
    }

    /// The name that was given in place of the file's, if one was.
    pub fn given_name(&self) -> Option<&GivenName> {
        self.source.given_name.as_ref()
    }

    /// Whether it stands by where it is deployed to this region.
    pub fn stands_by(&self, region: &str) -> bool {
        self.standby.iter().any(|standby| standby == region)
    }

    /// The folder of a program, which the file names relative to itself.
    pub fn program_folder(&self, program: &str) -> PathBuf {
        self.beside_the_file(program)
    }

    fn beside_the_file(&self, path: &str) -> PathBuf {
        as_a_person_says(&self.source.path.parent().unwrap_or(Path::new("")).join(path))
    }

    /// The region of the first ARN in the file that is good in its own region only. The certificate of `delivery` says
    /// nothing: it is in us-east-1 wherever the environment is.
    pub fn region_of_arns(&self) -> Option<&str> {
        let of_web = self.web.iter().flat_map(|web| web.instances.secrets.values());
        let secrets = self
            .stages
            .iter()
            .flat_map(|stage| stage.workers.secrets())
            .chain(of_web);
        let regions = secrets.filter_map(|secret| match secret.kept_in() {
            KeptIn::SecretsManager { region, .. } => Some(region),
            KeptIn::ParameterStore(_) | KeptIn::Given(_) => None,
        });
        let of_topic = self.alerts.as_ref().and_then(|alerts| alerts.region());
        let of_certificate = self.web.as_ref().and_then(|web| web.region_of_certificate());
        of_topic.into_iter().chain(of_certificate).chain(regions).next()
    }
}

fn yes() -> bool {
    true
}
