//! What the stacks that change are to hold, in the words of the environment file: for who looks at a plan of what is new. From the
//! templates; pure.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::Plan;
use super::attention::{GROUP, SCHEDULED};
use super::valued::{Valued, scalar};
use crate::blueprint::{Blueprint, Stack, Value, outputs, template};
use crate::environment::units::Duration;

const QUEUE: &str = "AWS::SQS::Queue";
const LAUNCH_TEMPLATE: &str = "AWS::EC2::LaunchTemplate";

/// What the stacks hold.
#[derive(Debug, Default)]
pub struct Contents {
    stacks: BTreeMap<String, OfStack>,
}

/// What one stack holds.
#[derive(Debug, Default)]
pub struct OfStack {
    /// Its parts that matter, a line each; none of a template of the user's.
    pub lines: Vec<String>,
    /// Each resource by its name in the template. What refers to another one is written as in `Fn::Sub`: `${Queue.Arn}`.
    pub resources: BTreeMap<String, Json>,
}

impl Contents {
    /// Of the stacks of a blueprint to which a plan does something.
    pub fn of(blueprint: &Blueprint, plan: &Plan) -> Contents {
        let of_stack = |stack: &Stack| {
            let known = stack.parameters.iter().filter_map(|(name, value)| match value {
                Value::Literal(text) | Value::Ssm(text) => Some((name.clone(), text.clone())),
                _ => None,
            });
            let valued = Valued::of(&stack.body, known.collect());
            let resources = valued.resources().map(|(id, resource)| (id.to_owned(), resource));
            let resources: BTreeMap<String, Json> = resources.collect();
            let lines = match (&stack.file, stack.part.as_str()) {
                // The bucket for programs is qfleet's own.
                (Some(_), _) | (None, "artifacts") => Vec::new(),
                (None, _) => lines(blueprint, stack, &resources),
            };
            (stack.part.clone(), OfStack { lines, resources })
        };
        let changes = |stack: &&Stack| {
            let mut planned = plan.stacks.iter();
            planned.any(|planned| planned.part == stack.part && planned.changes_anything())
        };
        Contents {
            stacks: blueprint.stacks.iter().filter(changes).map(of_stack).collect(),
        }
    }

    /// Of one part.
    pub fn part(&self, part: &str) -> Option<&OfStack> {
        self.stacks.get(part)
    }
}

impl OfStack {
    /// The type that a group's launch template names itself, if it does.
    pub fn type_of_template(&self) -> Option<String> {
        type_of_template(&self.resources)
    }

    /// The types that a group chooses from; none of a group that isn't there.
    pub fn types(&self, group: &str) -> Vec<String> {
        let group = self.resources.get(group);
        group.map_or_else(Vec::new, |group| types(group, &self.resources))
    }
}

fn type_of_template(resources: &BTreeMap<String, Json>) -> Option<String> {
    let template = of_type(resources, LAUNCH_TEMPLATE).next()?;
    scalar(&template["Properties"]["LaunchTemplateData"]["InstanceType"])
}

fn types(group: &Json, resources: &BTreeMap<String, Json>) -> Vec<String> {
    match types_in(&group["Properties"]["MixedInstancesPolicy"]["LaunchTemplate"]["Overrides"]) {
        types if types.is_empty() => type_of_template(resources).into_iter().collect(),
        types => types,
    }
}

/// The types in a list of overrides.
pub fn types_in(overrides: &Json) -> Vec<String> {
    let each = overrides.as_array().map_or(&[][..], Vec::as_slice);
    each.iter().filter_map(|one| scalar(&one["InstanceType"])).collect()
}

/// How instances are bought: `on demand`, `Spot`, or some of both. `distribution`: that of a mixed group, or null.
pub fn purchase(distribution: &Json) -> String {
    let is_spot = scalar(&distribution["OnDemandPercentageAboveBaseCapacity"]).as_deref() == Some("0");
    let base = scalar(&distribution["OnDemandBaseCapacity"]).filter(|base| base != "0");
    match (is_spot, base) {
        (false, _) => "on demand".to_owned(),
        (true, None) => "Spot".to_owned(),
        (true, Some(base)) => format!("{base} on demand, the others Spot"),
    }
}

fn of_type<'a>(resources: &'a BTreeMap<String, Json>, wanted: &'a str) -> impl Iterator<Item = &'a Json> {
    resources.values().filter(move |resource| resource["Type"] == wanted)
}

fn lines(blueprint: &Blueprint, stack: &Stack, resources: &BTreeMap<String, Json>) -> Vec<String> {
    let mut lines = Vec::new();
    let first = |wanted: &'static str| of_type(resources, wanted).next();
    let becomes = |resource: &Json, kept: &str, lost: &str| match template::retains(resource) {
        true => format!("a destroy keeps {kept}"),
        false => format!("a destroy deletes {lost}"),
    };
    if let Some(bucket) = first("AWS::S3::Bucket") {
        let properties = &bucket["Properties"];
        let name = scalar(&properties["BucketName"]).unwrap_or_default();
        let versions = match scalar(&properties["VersioningConfiguration"]["Status"]).as_deref() {
            Some("Enabled") => "; old versions are kept",
            _ => "",
        };
        let rules = properties["LifecycleConfiguration"]["Rules"].as_array();
        let days = rules
            .into_iter()
            .flatten()
            .find_map(|rule| scalar(&rule["NoncurrentVersionExpiration"]["NoncurrentDays"]));
        let days = days.map_or_else(String::new, |days| format!(" for {days}d"));
        let becomes = becomes(bucket, "it with its files", "it with every file");
        lines.push(format!("bucket {name}: {becomes}{versions}{days}"));
    }
    if let Some(table) = first("AWS::DynamoDB::Table") {
        lines.push(format!(
            "table of results: {}",
            becomes(table, "it", "it with all in it")
        ));
    }
    if let Some(mailbox) = first("AWS::SNS::Subscription").filter(|one| one["Properties"]["Protocol"] == "email") {
        let mailbox = scalar(&mailbox["Properties"]["Endpoint"]).unwrap_or_default();
        lines.push(format!("alerts go to {mailbox}, once that is confirmed from there"));
    }
    lines.extend(instances(stack, resources));
    lines.extend(first("AWS::Lambda::Function").map(|function| {
        let mapping = first("AWS::Lambda::EventSourceMapping");
        self::function(&function["Properties"], mapping)
    }));
    // The queue that others are told the address of: the one with somewhere else to put what fails.
    let is_of_stage = |queue: &&Json| !queue["Properties"]["RedrivePolicy"].is_null();
    let mut queues = of_type(resources, QUEUE);
    let by_name = resources.get("Queue").filter(|queue| queue["Type"] == QUEUE);
    if let Some(queue) = by_name.or_else(|| queues.find(is_of_stage)) {
        let properties = &queue["Properties"];
        let length = |name: &str| {
            scalar(&properties[name])
                .and_then(|text| text.parse().ok())
                .map(Duration::seconds)
        };
        let visibility = length("VisibilityTimeout").map(|length| format!("visibility_timeout {length}"));
        let receives = scalar(&properties["RedrivePolicy"]["maxReceiveCount"]);
        let receives = receives.map(|most| format!("max_receives {most}"));
        let retention = length("MessageRetentionPeriod").map(|length| format!("retention {length}"));
        let said: Vec<String> = [visibility, receives, retention].into_iter().flatten().collect();
        let becomes = becomes(queue, "it with what waits", "it with what waits");
        lines.push(format!("queue: {}; {becomes}", said.join(", ")));
        lines.push(format!("fed by {}", fed_by(blueprint, stack, resources)));
    }
    lines
}

/// Of a group of instances: how many, of which types, bought how, with which image and disk.
fn instances(stack: &Stack, resources: &BTreeMap<String, Json>) -> Option<String> {
    let group = of_type(resources, GROUP).next()?;
    let properties = &group["Properties"];
    let bound = |name: &str| scalar(&properties[name]).unwrap_or_default();
    let (min, max) = (bound("MinSize"), bound("MaxSize"));
    let many = match min == max {
        true => min,
        false => format!("{min} to {max}"),
    };
    let purchase = purchase(&properties["MixedInstancesPolicy"]["InstancesDistribution"]);
    let mut line = format!(
        "{many} instances of {}, {purchase}",
        types(group, resources).join(" or ")
    );
    if of_type(resources, SCHEDULED).next().is_some() {
        line += ", at times as its schedule says";
    }
    let launched = of_type(resources, LAUNCH_TEMPLATE).next()?;
    let data = &launched["Properties"]["LaunchTemplateData"];
    if let Some(size) = scalar(&data["BlockDeviceMappings"][0]["Ebs"]["VolumeSize"]) {
        line += &format!("; disk {size} GiB");
    }
    let image = match stack.parameters.get("ImageId") {
        Some(Value::Literal(id)) => Some(id.as_str()),
        Some(Value::Ssm(path)) => path
            .rsplit('/')
            .find(|word| !["image_id", "latest", "current"].contains(word)),
        _ => None,
    };
    Some(line + &image.map_or_else(String::new, |image| format!("; image {image}")))
}

fn function(properties: &Json, mapping: Option<&Json>) -> String {
    let of = |name: &str| scalar(&properties[name]);
    let mut said = vec![of("Runtime").unwrap_or_else(|| "an image of its own".to_owned())];
    said.extend(of("MemorySize").map(|memory| format!("{memory} MiB")));
    let timeout = of("Timeout").and_then(|text| text.parse().ok()).map(Duration::seconds);
    said.extend(timeout.map(|timeout| format!("timeout {timeout}")));
    let most = mapping.and_then(|mapping| scalar(&mapping["Properties"]["ScalingConfig"]["MaximumConcurrency"]));
    said.extend(most.map(|most| format!("at most {most} at once")));
    format!("a function: {}", said.join(", "))
}

/// What sends to a stage's queue.
fn fed_by(blueprint: &Blueprint, stack: &Stack, resources: &BTreeMap<String, Json>) -> String {
    let mut feeds = Vec::new();
    let mut subscriptions = of_type(resources, "AWS::SNS::Subscription");
    if subscriptions.any(|one| one["Properties"]["Protocol"] == "sqs") {
        feeds.push("new files".to_owned());
    }
    match of_type(resources, "AWS::Scheduler::Schedule").count() {
        0 => {}
        1 => feeds.push("a schedule".to_owned()),
        several => feeds.push(format!("{several} schedules")),
    }
    let is_told = |other: &&Stack| {
        let of_queue = |value: &Value| matches!(value, Value::Output { part, key } if *part == stack.part && key == outputs::QUEUE_URL);
        other.part != stack.part && other.file.is_none() && other.parameters.values().any(of_queue)
    };
    let tellers = blueprint.stacks.iter().filter(is_told);
    feeds.extend(tellers.map(|other| format!("`{}`", other.part)));
    match feeds.is_empty() {
        true => "whoever sends to it".to_owned(),
        false => feeds.join(", "),
    }
}
