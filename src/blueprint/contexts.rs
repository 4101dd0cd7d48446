//! What the templates are given: one type a template, nothing untyped.

use std::borrow::Cow;

use serde::Serialize;

use crate::environment::Active;
use crate::environment::schedule::Entry;

/// For `artifacts.yaml.j2`.
#[derive(Debug, Serialize)]
pub struct Artifacts<'a> {
    pub environment: &'a str,
    pub bucket_name: String,
}

/// For `network.yaml.j2`.
#[derive(Debug, Serialize)]
pub struct Network<'a> {
    pub environment: &'a str,
    /// How many public subnets, each in a zone of its own.
    pub zone_count: u32,
    /// What the zones must offer, in words.
    pub zones_wanted: String,
}

/// For `intake.yaml.j2`.
#[derive(Debug, Serialize)]
pub struct Intake<'a> {
    pub environment: &'a str,
    pub bucket_name: String,
    /// The bucket was there before and isn't in the stack: what it is to tell of, for an output.
    pub existing: Option<String>,
    pub uploads: &'a str,
    /// The one that stages subscribe to, and locally those of stages that don't get every file.
    pub topics: Vec<IntakeTopic>,
    pub processed: &'a str,
    pub versioning: bool,
    /// Days; none: for ever.
    pub old_versions_days: Option<u64>,
    /// Origins of pages that may upload.
    pub browsers: &'a [String],
    pub replication: Option<Replication<'a>>,
    pub keeps_data: bool,
    /// Whether CloudFront hands out what is done.
    pub delivery: bool,
    pub local: bool,
}

/// For `delivery.yaml.j2`.
#[derive(Debug, Serialize)]
pub struct Delivery<'a> {
    pub environment: &'a str,
    /// Of its origin access control.
    pub access_name: String,
    /// Whose it is, in words.
    pub description: String,
    /// The tag that says in which region its environment is.
    pub region_tag: &'static str,
    /// What stands before a file's name in the bucket: with its first slash, without its last.
    pub origin_path: String,
    /// A name of the user's own.
    pub domain: Option<&'a str>,
    /// Whether there is a certificate for such a name, also where another region's distribution answers for it.
    pub has_certificate: bool,
    pub key_groups: &'a [String],
}

/// What S3 copies uploads to.
#[derive(Debug, Serialize)]
pub struct Replication<'a> {
    pub arn: &'a str,
    /// The bucket's name.
    pub bucket: &'a str,
}

/// For `results.yaml.j2`.
#[derive(Debug, Serialize)]
pub struct Results<'a> {
    pub environment: &'a str,
    pub table_name: String,
    pub keeps_data: bool,
}

/// A topic that the bucket tells of files.
#[derive(Debug, Serialize)]
pub struct IntakeTopic {
    /// Behind the names of its resources; none for the first.
    pub number: Option<usize>,
    pub name: String,
    /// Which files, as the rules of notifications have them.
    pub files: Vec<ToldFiles>,
}

#[derive(Debug, Serialize)]
pub struct ToldFiles {
    pub prefix: String,
    /// None: whatever their keys end in.
    pub suffix: Option<String>,
}

/// For `alerts.yaml.j2`.
#[derive(Debug, Serialize)]
pub struct Alerts<'a> {
    pub environment: &'a str,
    pub email: &'a str,
}

/// For `stage.yaml.j2` and what it includes.
#[derive(Debug, Serialize)]
pub struct Stage<'a> {
    pub environment: &'a str,
    pub stage: &'a str,
    pub local: bool,
    pub keeps_data: bool,
    /// The environment's bucket, whether or not it feeds this stage.
    pub bucket: Option<BucketPrefixes<'a>>,
    /// The table that workers write results to.
    pub results: Option<ResultsTable>,
    /// Gets the bucket's events from the topic.
    pub subscribes: bool,
    /// Which of the events. None locally.
    pub key_filter: Option<Vec<KeyFilter>>,
    /// Which files it gets, for an output: JSON of the file's `only`.
    pub only: Option<String>,
    pub queue_name: String,
    pub dead_letter_queue_name: String,
    pub queue: Queue,
    pub replies: Option<Replies>,
    pub schedules: Vec<JobSchedule<'a>>,
    /// When they come, as text for an output.
    pub schedules_text: String,
    /// The stages that this one's workers feed, by name.
    pub next_stages: &'a [&'a str],
    /// What its workers use of extras.
    pub extra_outputs: Vec<ExtraOutput>,
    /// Whether alarms act on a topic.
    pub alerts: bool,
    pub scaling: Option<Scaling>,
    /// A schedule lets its group have no instance at some times.
    pub sleeps: bool,
    pub messages_at_once: u32,
    pub log_retention_days: u64,
    /// Which of those that are described is at work: `instances`, `lambda` or `none`.
    pub active: Active,
    /// None is, because the environment stands by in this region.
    pub stands_by: bool,
    pub has_instances: bool,
    /// Whether a program of it lies in the artifacts bucket.
    pub has_program: bool,
    #[serde(flatten)]
    pub instances: Option<Instances<'a>>,
    #[serde(flatten)]
    pub function: Option<Function<'a>>,
}

/// What a filter policy asks of a key: one of the two is there.
#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyFilter {
    Prefix(String),
    Suffix(String),
}

/// For `stage/function.yaml.j2`.
#[derive(Debug, Serialize)]
pub struct Function<'a> {
    pub handler: &'a str,
    pub runtime: &'a str,
    pub architecture: String,
    pub memory_mib: u64,
    pub timeout_seconds: u64,
    /// The most messages in one run.
    pub batch: u32,
    pub batch_window_seconds: u64,
    pub max_concurrency: u32,
    /// The user's environment variables.
    pub function_variables: Vec<Variable<'a>>,
    pub function_secrets: Secrets<'a>,
    pub function_policies: &'a [String],
}

/// For `stage/instances.yaml.j2`.
#[derive(Debug, Serialize)]
pub struct Instances<'a> {
    pub instance_name: String,
    pub instance_types: &'a [String],
    /// Several types or spot: a mixed-instances group.
    pub mixed: bool,
    pub spot: bool,
    pub on_demand_base: u32,
    /// Beside the stage's own.
    pub security_groups: Vec<Text<'a>>,
    pub image_from_ssm: bool,
    pub root_device: &'a str,
    /// Whether there is a program to boot; otherwise the image brings the worker.
    pub program: bool,
    /// Whether the instances are told the worker's settings.
    pub settings: bool,
    /// Runs in subnets that are given, instead of the default VPC's.
    pub own_subnets: bool,
    /// Zones of the default VPC, when any is named.
    pub zones: &'a [String],
    /// What the zones must offer, in words, when none is named.
    pub zones_wanted: Option<String>,
    pub min: u32,
    pub max: u32,
    /// When these change, and to what.
    pub capacity: Vec<Entry>,
    /// The same as text, for an output.
    pub capacity_text: String,
    /// It may have no instance at a time at which it may have some.
    pub may_be_empty: bool,
    /// How many instances of a new group a rolling update keeps in service.
    pub min_in_service: u32,
    pub batch_size: u32,
    /// How long CloudFormation waits for signals; without a program, how long it rests after each batch. ISO 8601, an hour
    /// at most: CloudFormation's limit for updates.
    pub pause: String,
    pub warmup_seconds: u64,
    /// The same for an instance that was started from zero.
    pub wake_warmup_seconds: u64,
    /// For how many minutes messages wait and nobody works, until somebody is told.
    pub nobody_works_minutes: u64,
    /// How long an instance that is to go waits for its worker, if it does.
    pub drain_seconds: Option<u64>,
    /// How long the hook waits without a heartbeat.
    pub hook_seconds: u64,
    pub volume_gib: u64,
    pub session_manager: bool,
    /// Ends the here-documents in the user data.
    pub end_mark: String,
    /// The user's environment variables.
    pub variables: Vec<Variable<'a>>,
    pub secrets: Secrets<'a>,
    pub managed_policies: &'a [String],
}

/// For `web.yaml.j2`: what it shares with a stage's instances has the same names.
#[derive(Debug, Serialize)]
pub struct WebStack<'a> {
    pub environment: &'a str,
    /// The part.
    pub stage: &'a str,
    pub local: bool,
    pub bucket: Option<BucketPrefixes<'a>>,
    /// Whether there is a table of results, which its program may read.
    pub results: bool,
    /// Whether alarms act on a topic.
    pub alerts: bool,
    /// `instances`, or `none` where it stands by.
    pub active: Active,
    pub log_retention_days: u64,
    /// What its instances use of extras.
    pub extra_outputs: Vec<ExtraOutput>,
    pub web: Web<'a>,
    #[serde(flatten)]
    pub instances: Instances<'a>,
}

/// What only a web tier has.
#[derive(Debug, Serialize)]
pub struct Web<'a> {
    pub port: u32,
    /// The path that answers while its program is well.
    pub health: &'a str,
    pub https: bool,
    /// The networks that may reach it; none: all.
    pub clients: &'a [String],
    /// Whether its load balancer has other subnets than its instances.
    pub own_subnets: bool,
    /// A minute.
    pub requests_per_instance: u32,
    pub deregistration_seconds: u64,
    /// How long a new instance may be unhealthy.
    pub grace_seconds: u64,
    /// After how many minutes with an unhealthy instance somebody is told.
    pub unhealthy_minutes: u64,
    /// The stages that it may send jobs to, by name.
    pub feeds: &'a [&'a str],
}

/// The prefixes of the environment's bucket.
#[derive(Debug, Serialize)]
pub struct BucketPrefixes<'a> {
    pub uploads: &'a str,
    pub processed: &'a str,
}

/// The environment's table of results, as workers need to know it.
#[derive(Debug, Serialize)]
pub struct ResultsTable {
    /// How long a record is kept; none: for ever.
    pub ttl_seconds: Option<u64>,
}

#[derive(Debug, Serialize)]
pub struct Queue {
    pub visibility_timeout_seconds: u64,
    pub retention_seconds: u64,
    pub max_receives: u32,
}

/// The queue for replies to a stage's jobs.
#[derive(Debug, Serialize)]
pub struct Replies {
    pub queue_name: String,
    pub dead_letter_queue_name: String,
}

/// A job by the clock.
#[derive(Debug, Serialize)]
pub struct JobSchedule<'a> {
    /// In EventBridge's form.
    pub expression: String,
    pub time_zone: &'a str,
    pub body: &'a str,
}

/// Where the workers' secrets are kept.
#[derive(Debug, Default, Serialize)]
pub struct Secrets<'a> {
    /// As workers are told: `DB_PASSWORD=/app/db API_KEY=arn:…`. Where an extra gives an ARN, it's in pieces.
    pub text: String,
    pub pieces: Vec<Text<'a>>,
    /// Parameters by which the stack gets ARNs of Secrets Manager.
    pub given: Vec<String>,
    /// Paths in SSM's parameter store.
    pub parameters: Vec<&'a str>,
    /// ARNs of Secrets Manager.
    pub arns: Vec<&'a str>,
}

/// An environment variable of the user's.
#[derive(Debug, Serialize)]
pub struct Variable<'a> {
    pub name: &'a str,
    #[serde(flatten)]
    pub value: Text<'a>,
}

/// A text that is known, or the parameter by which the stack gets it: one of the two is there.
#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Text<'a> {
    Value(Cow<'a, str>),
    Parameter(String),
}

impl Text<'_> {
    pub fn known(&self) -> Option<&str> {
        match self {
            Text::Value(text) => Some(text),
            Text::Parameter(_) => None,
        }
    }
}

/// A parameter for what an extra gives.
#[derive(Debug, Serialize)]
pub struct ExtraOutput {
    pub parameter: String,
    pub description: String,
}

/// How a stage scales.
#[derive(Debug, Serialize)]
pub struct Scaling {
    /// Messages per instance. A function has none.
    pub target: Option<serde_json::Number>,
    /// The same as text, for an output.
    pub target_text: Option<String>,
    pub acceptable_latency_seconds: u64,
    /// None where the file says the target itself.
    pub seconds_per_message: Option<serde_json::Number>,
    pub count_in_flight: bool,
    /// The same as text, for an output.
    pub count_in_flight_text: &'static str,
}

/// For `dashboard.yaml.j2`.
#[derive(Debug, Serialize)]
pub struct Dashboard<'a> {
    pub environment: &'a str,
    pub dashboard_name: String,
    pub title_json: String,
    /// The name of the table of results, with its quotes.
    pub results_table_json: Option<String>,
    /// A stage that is paused needs none.
    pub has_parameters: bool,
    pub stages: Vec<DashboardStage<'a>>,
    /// Whether there is a web tier.
    pub web: bool,
    /// Whether CloudFront hands out what is done.
    pub delivery: bool,
}

/// A row of the dashboard. Fields in `…_json` are JSON strings with their quotes, for a JSON text made by `Fn::Sub`.
#[derive(Debug, Serialize)]
pub struct DashboardStage<'a> {
    pub name: &'a str,
    /// Of its kind of workers.
    pub template: &'static str,
    /// Of a function.
    pub max_concurrency: Option<u32>,
    pub heading_json: String,
    pub queue_name_json: String,
    pub dead_letter_queue_name_json: String,
    /// Of a stage whose workers reply.
    pub reply_queue_name_json: Option<String>,
    pub scaling: Option<Scaling>,
}
