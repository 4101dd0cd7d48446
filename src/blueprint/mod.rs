//! The blueprint: all stacks of an environment, rendered, with parameters, tags and order. What *should* exist.
//! Nothing here knows AWS's API.

pub mod as_deployed;
pub mod cfn_lint;
mod contexts;
pub mod graph;
pub mod import;
#[cfg(all(test, unix))]
mod injection;
pub mod lint;
pub mod names;
pub mod notifications;
mod order;
pub mod outputs;
pub mod own_template;
mod parts;
pub mod program;
pub mod quoting;
pub mod references;
pub mod resource_schema;
pub mod rolling_update;
mod scripts;
pub mod tags;
pub mod template;
pub mod template_folder;
mod templates;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;

use crate::environment::problem::{Problem, Problems};
use crate::environment::{Active, Delivery, Environment, Node};
use notifications::Notifications;
use own_template::OwnTemplate;
use parts::Parts;
pub use parts::image::image_of;
pub use rolling_update::RollingUpdate;
use templates::Templates;

/// The longest template that goes inline; a longer one goes by the artifacts bucket
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>).
pub const LONGEST_INLINE_TEMPLATE: usize = 51_200;

/// Where an environment is put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// The account's twelve digits.
    pub account: String,
    /// The region, e.g. `us-east-2`.
    pub region: String,
    /// For the local emulator, which refuses metric-math alarms: see `templates/` for the one substitution.
    pub local: bool,
}

/// All stacks of an environment, in an order in which each comes after what it needs.
#[derive(Debug, Clone)]
pub struct Blueprint {
    pub environment: String,
    /// All parts that the environment has, also where only some of its stacks are wanted.
    pub parts: Vec<String>,
    pub stacks: Vec<Stack>,
    /// What a bucket that is there already is to tell of, where the environment has such a one.
    pub notifications: Option<Notifications>,
    /// What must lie in the artifacts bucket before the stacks that use it are deployed.
    pub artifacts: Vec<Artifact>,
}

#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct Stack {
    /// `artifacts`, `network`, `intake`, `results`, `alerts`, an extra's or a stage's name, `web`, `delivery` or `dashboard`.
    pub part: String,
    /// `<environment>-<part>`.
    pub name: String,
    /// The template as it is sent, byte for byte.
    #[serde(skip)]
    pub body: String,
    /// Every parameter of the template.
    pub parameters: BTreeMap<String, Value>,
    /// The stack's tags, which CloudFormation hands to its resources.
    pub tags: BTreeMap<String, String>,
    /// The parts that must exist first.
    pub needs: Vec<String>,
    pub protect: bool,
    /// Whether the template makes IAM roles (`CAPABILITY_IAM`).
    pub makes_roles: bool,
    /// Whether it names them itself, or may (`CAPABILITY_NAMED_IAM`).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub names_roles: bool,
    /// Whether macros make something else of the template (`CAPABILITY_AUTO_EXPAND`).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub expands: bool,
    /// The file of the template, where it's the user's.
    #[serde(skip)]
    pub file: Option<PathBuf>,
    /// How its group of instances is replaced, when it has one.
    #[serde(skip)]
    pub rolling_update: Option<RollingUpdate>,
    /// Which workers are at work, of a stage's stack.
    #[serde(skip)]
    pub active: Option<Active>,
    /// Nobody is to work there, on purpose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pause: Option<Pause>,
    /// The same stack with its instances still at work, where a function is to take over from them: what the function is
    /// tried on first.
    #[serde(skip)]
    pub before_switch: Option<Box<Stack>>,
    /// The ARN of the bucket that its own is copied to, which must be there before it.
    #[serde(skip)]
    pub replicates_to: Option<String>,
    /// What a deploy of it waits for, where nothing signals.
    #[serde(skip)]
    pub in_service: Option<InService>,
    /// Where the secrets are kept that its workers don't start without: paths of SSM parameters, ARNs of Secrets Manager. Those
    /// that an extra gives aren't among them.
    #[serde(skip)]
    pub secrets: BTreeSet<String>,
}

/// A stage that nobody works on, or a web tier without instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Pause {
    /// Whether that is so because the environment stands by in this region.
    pub stands_by: bool,
    /// How many schedules the stage has. They go on while it is paused, and are disabled while it stands by.
    pub schedules: usize,
}

/// So many instances of a group are in service, within this time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InService {
    pub at_least: u32,
    pub within_seconds: u64,
}

/// What a parameter is set to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Value {
    Literal(String),
    /// What the template says where nobody says anything. It isn't sent: CloudFormation reads it there.
    Default(String),
    /// An output of another part's stack.
    Output {
        part: String,
        key: String,
    },
    /// The path of an SSM parameter that CloudFormation resolves at each deploy.
    Ssm(String),
    /// How many instances a rolling update keeps in service: this many in a group that isn't there yet, else what the
    /// group says when it is rolled.
    #[serde(rename = "in_service")]
    InService(u32),
    /// Zones that offer instance types, chosen when the stack is made.
    Zones(ZonesWanted),
    /// The default VPC, found when the stack is made.
    #[serde(rename = "default_vpc")]
    DefaultVpc,
    /// The default VPC's subnets in zones that offer instance types, chosen when the stack is made.
    #[serde(rename = "default_subnets")]
    DefaultSubnets(ZonesWanted),
}

/// Which zones a stack is put in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ZonesWanted {
    /// A zone must offer a type of each of these lists.
    pub offering: Vec<Vec<String>>,
    /// How many zones, for subnets of the environment's own; without it, every zone in which the default VPC has a
    /// subnet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnets: Option<u32>,
}

impl Placement {
    /// The account of documentation and of emulators: what stands where none is known.
    pub const NO_ACCOUNT: &str = "000000000000";
}

impl std::fmt::Display for ZonesWanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.subnets {
            Some(count) => write!(f, "{count} zones that offer ")?,
            None if self.offering.is_empty() => return f.write_str("zones of the default VPC"),
            None => f.write_str("zones of the default VPC that offer ")?,
        }
        let lists: Vec<String> = self.offering.iter().map(|types| types.join(" or ")).collect();
        f.write_str(&lists.join(", and "))
    }
}

/// A file for the artifacts bucket.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// The stage whose program it is, or `web`.
    pub stage: String,
    /// `programs/<stage>/<sha256>.tar.gz`, or `….zip` of a function, whose hash is what Lambda calls `CodeSha256`.
    pub key: String,
    /// The bytes: a deterministic archive.
    pub bytes: Vec<u8>,
}

/// Renders an environment. Offline and deterministic to the byte; reads the programs' folders.
///
/// # Errors
/// Problems of the file that only rendering finds, such as a program folder that isn't there.
pub fn render(environment: &Environment, placement: &Placement) -> Result<Blueprint, Problems> {
    let own = own_template::read_all(environment)?;
    all_parts(environment, placement, &own).map_err(|list| Problems::new(environment.source.clone(), list))
}

fn all_parts(environment: &Environment, placement: &Placement, own: &[OwnTemplate]) -> Result<Blueprint, Vec<Problem>> {
    let templates = Templates::new().map_err(|error| vec![parts::broken(error)])?;
    let parts = Parts {
        environment,
        placement,
        templates: &templates,
    };
    let sources = order::sources(&environment.stages)?;
    let fed = order::fed(&sources);
    let order = order::of_parts(environment)?;

    let mut problems = Vec::new();
    let mut stacks = Vec::new();
    let mut artifacts = Vec::new();
    let bucket = environment.has_programs().then(|| parts.artifacts());
    let before = [bucket, parts.network(), parts.intake(), parts.results(), parts.alerts()];
    for part in before.into_iter().flatten() {
        part.map_or_else(|problem| problems.push(problem), |stack| stacks.push(stack));
    }
    let mut failed: Vec<&str> = Vec::new();
    for node in order {
        let needs = environment.needs(node);
        if matches!(node, Node::Extra(_)) && needs.iter().any(|part| failed.contains(part)) {
            // What it would get isn't known.
            continue;
        }
        let made = match (node, &environment.web) {
            (Node::Extra(index), _) => parts
                .extra(index, &own[index], &stacks)
                .map(|stack| (stack, Vec::new())),
            (Node::Stage(index), _) => parts.stage(index, sources[index], &fed[index]),
            (Node::Web, Some(web)) => parts
                .web(web)
                .map(|(stack, program)| (stack, program.into_iter().collect())),
            (Node::Web, None) => continue,
        };
        match made {
            Ok((stack, programs)) => {
                stacks.push(stack);
                artifacts.extend(programs);
            }
            Err(found) => {
                failed.push(environment.node_name(node));
                problems.extend(found);
            }
        }
    }
    if let Some(part) = parts.delivery() {
        part.map_or_else(|problem| problems.push(problem), |stack| stacks.push(stack));
    }
    if environment.dashboard {
        parts
            .dashboard()
            .map_or_else(|problem| problems.push(problem), |stack| stacks.push(stack));
    }
    let notifications = parts.notifications().unwrap_or_else(|problem| {
        problems.push(problem);
        None
    });
    if !environment.has_programs() {
        let long = stacks.iter().filter(|stack| stack.body.len() > LONGEST_INLINE_TEMPLATE);
        problems.extend(long.map(|stack| too_long_without_a_bucket(environment, stack)));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Blueprint {
        environment: environment.name.clone(),
        parts: parts_of(environment),
        stacks,
        notifications,
        artifacts,
    })
}

/// Runs the `build` of each function's program that isn't kept from before, so that rendering finds what it made. `tell`
/// hears of each before it is run: it may take minutes.
///
/// # Errors
/// Programs that can't be packed, and builds that fail.
pub fn build(environment: &Environment, local: bool, tell: impl Fn(&Path)) -> Result<(), Problems> {
    let stages = environment.stages.iter().enumerate();
    let recipes = stages.filter_map(|(index, stage)| {
        let lambda = stage.workers.lambda.as_ref()?;
        Some(program::Recipe::of(environment, index, lambda, local))
    });
    let built = recipes.filter_map(|recipe| recipe.pack(&tell).err());
    let problems: Vec<Problem> = built.flatten().collect();
    match problems.is_empty() {
        true => Ok(()),
        false => Err(Problems::new(environment.source.clone(), problems)),
    }
}

fn too_long_without_a_bucket(environment: &Environment, stack: &Stack) -> Problem {
    let (name, length) = (&stack.name, stack.body.len());
    let message = format!(
        "the template of {name} has {length} bytes; longer ones than {LONGEST_INLINE_TEMPLATE} go by the bucket for programs, \
         which an environment without any doesn't have"
    );
    if let Some(index) = environment.extras.iter().position(|extra| extra.name == stack.part) {
        return Problem::new(format!("/extras/{index}/template"), message).help("make several extras of it");
    }
    let dashboard = if stack.part == "dashboard" {
        "set `dashboard: false`, or "
    } else {
        ""
    };
    Problem::new("/stages", message).help(format!("{dashboard}make two environments of it"))
}

/// The parts that an environment has, known without rendering: its programs' folders may not be at hand.
pub fn parts_of(environment: &Environment) -> Vec<String> {
    let network = parts::network::is_wanted(environment);
    let before = [
        ("artifacts", environment.has_programs()),
        ("network", network),
        ("intake", environment.bucket.is_some()),
        ("results", environment.results.is_some()),
        ("alerts", parts::alerts::mailbox(environment).is_some()),
    ];
    let extras = environment.extras.iter().map(|extra| (extra.name.as_str(), true));
    let stages = environment.stages.iter().map(|stage| (stage.name.as_str(), true));
    let after = [
        ("web", environment.web.is_some()),
        (
            Delivery::PART,
            environment.delivery.is_some() && environment.bucket.is_some(),
        ),
        ("dashboard", environment.dashboard),
    ];
    let all = before.into_iter().chain(extras).chain(stages).chain(after);
    all.filter(|(_, is_there)| *is_there)
        .map(|(part, _)| part.to_owned())
        .collect()
}

/// The resources of a template: logical id and type, in the template's order.
pub fn resources(body: &str) -> Vec<(String, String)> {
    let Ok(template) = serde_yaml::from_str::<serde_yaml::Value>(body) else {
        return Vec::new();
    };
    let Some(resources) = template.get("Resources").and_then(serde_yaml::Value::as_mapping) else {
        return Vec::new();
    };
    resources
        .iter()
        .filter_map(|(name, resource)| Some((name.as_str()?.to_owned(), resource.get("Type")?.as_str()?.to_owned())))
        .collect()
}
