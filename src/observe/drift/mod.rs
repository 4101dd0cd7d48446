//! Whether an environment still is what was deployed, and whether that matters.
//!
//! CloudFormation's drift detection says what differs of what it reads ([`detect`]); qfleet compares the deployed
//! template with what the services say where detection doesn't look ([`own`]); each difference is judged
//! ([`classify`]). Nothing here reads the environment's templates: what counts is what was deployed.

pub mod classify;
pub mod compare;
mod detect;
pub mod existing_bucket;
mod judge;
pub mod locate;
mod look;
pub mod normalise;
mod own;
pub mod policy;
pub mod resolve;

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::cloud::cloudformation::stack_status::StackStatus;
use crate::cloud::{Cloud, CloudError};
use crate::deployed::address::Address;
use crate::deployed::{Deployed, DeployedStack};
use crate::environment::DriftIgnore;
use classify::Class;

/// How many stacks are looked at at once. AWS documents no quota for detections, only that one runs on a stack at a time
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>,
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/detect-drift-stack.html>). A detection reads every
/// resource through its service, and fails for those whose "Rate exceeded"
/// (<https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/801>): all stacks of a large
/// environment at once would use up the account's limits.
const AT_ONCE: usize = 10;

/// What drift was found.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Drift {
    /// Which environment, and where.
    #[serde(flatten)]
    pub address: Address,
    /// What it comes to.
    pub verdict: Verdict,
    /// How many resources were compared, by CloudFormation or by qfleet.
    pub checked: usize,
    /// How many nobody could compare.
    pub not_checked: usize,
    pub stacks: Vec<StackDrift>,
}

/// What a check comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing that matters differs of what was checked.
    InSync,
    /// Something that matters differs.
    Drifted,
    /// Nothing that matters was found, and at least one stack could not be checked, or nothing at all was.
    Unknown,
}

/// What was found in one stack.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StackDrift {
    pub part: String,
    pub stack: String,
    #[serde(skip)]
    pub id: String,
    /// Why it could not be checked, when it couldn't.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What detection said of itself when it could not look at everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detection: Option<String>,
    /// Resources of which something differs.
    pub resources: Vec<ResourceDrift>,
    /// How many resources were compared.
    pub checked: usize,
    /// What was not compared, and why.
    pub not_checked: Vec<NotChecked>,
}

/// A resource of which something differs.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ResourceDrift {
    /// Its name in the template.
    pub logical_id: String,
    /// Its name in its service.
    pub physical_id: String,
    pub resource_type: String,
    /// Whether it is gone altogether.
    pub deleted: bool,
    pub differences: Vec<Finding>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Finding {
    /// Where in the resource's properties; empty when the resource is gone.
    pub property: String,
    /// What it was deployed as.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actual: Option<Value>,
    /// How much it matters.
    pub class: Class,
    pub why: String,
    /// Where that is known from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<&'static str>,
    pub found_by: FoundBy,
    /// The line of the deployed template that sets it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
}

/// Who found a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FoundBy {
    CloudFormation,
    /// Our own comparison of the deployed template with what the service says.
    Qfleet,
}

/// A resource, or a property of one, that wasn't compared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct NotChecked {
    /// The resource's name in the template.
    pub logical_id: String,
    pub resource_type: String,
    /// The property; none when it is the whole resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub property: Option<String>,
    pub why: String,
}

impl StackDrift {
    /// The differences that matter, or all of them.
    pub fn findings(&self, all: bool) -> impl Iterator<Item = (&ResourceDrift, &Finding)> {
        let each = self.resources.iter();
        let each = each.flat_map(|resource| resource.differences.iter().map(move |finding| (resource, finding)));
        each.filter(move |(_, finding)| all || finding.class.matters())
    }

    /// Whether something differs that matters.
    pub fn is_drifted(&self) -> bool {
        self.findings(false).next().is_some()
    }
}

impl Drift {
    /// How many differences are of this class.
    pub fn count(&self, class: Class) -> usize {
        let all = self.stacks.iter().flat_map(|stack| stack.findings(true));
        all.filter(|(_, finding)| finding.class == class).count()
    }

    /// Whether a stack could not be checked at all.
    pub fn has_failed(&self) -> bool {
        self.stacks.iter().any(|stack| stack.error.is_some())
    }
}

/// Looks at every stack of an environment, or at one part of it. Stacks that only ever had change sets hold nothing, and
/// are left out.
///
/// # Errors
/// When not even the stacks can be listed; a stack that can't be looked at says so itself.
pub async fn check(
    cloud: &Cloud,
    environment: &str,
    part: Option<&str>,
    ignores: &[DriftIgnore],
) -> Result<Drift, CloudError> {
    let deployed = Deployed::find(cloud, environment).await?;
    let wanted = deployed.stacks.iter().filter(|stack| {
        part.is_none_or(|part| stack.part == part) && stack.stack.status != StackStatus::ReviewInProgress
    });
    let looks = wanted.map(|stack| check_stack(cloud, stack, ignores));
    let mut stacks: Vec<StackDrift> = stream::iter(looks).buffer_unordered(AT_ONCE).collect().await;
    stacks.sort_by(|one, other| one.stack.cmp(&other.stack));
    let any = |test: fn(&StackDrift) -> bool| stacks.iter().any(test);
    let verdict = if any(StackDrift::is_drifted) {
        Verdict::Drifted
    } else if any(|stack| stack.error.is_some()) || !any(|stack| stack.checked > 0) {
        Verdict::Unknown
    } else {
        Verdict::InSync
    };
    let whole = |missing: &&NotChecked| missing.property.is_none();
    Ok(Drift {
        address: Address::new(cloud, environment),
        verdict,
        checked: stacks.iter().map(|stack| stack.checked).sum(),
        not_checked: stacks
            .iter()
            .map(|stack| stack.not_checked.iter().filter(whole).count())
            .sum(),
        stacks,
    })
}

async fn check_stack(cloud: &Cloud, stack: &DeployedStack, ignores: &[DriftIgnore]) -> StackDrift {
    let mut drift = StackDrift {
        part: stack.part.clone(),
        stack: stack.stack.name.clone(),
        id: stack.stack.id.clone(),
        error: None,
        detection: None,
        resources: Vec::new(),
        checked: 0,
        not_checked: Vec::new(),
    };
    if let Err(error) = look(cloud, stack, ignores, &mut drift).await {
        drift.error = Some(error.to_string());
    }
    drift
}

async fn look(
    cloud: &Cloud,
    stack: &DeployedStack,
    ignores: &[DriftIgnore],
    drift: &mut StackDrift,
) -> Result<(), CloudError> {
    let id = &stack.stack.id;
    let detected = detect::detect(cloud, id).await?;
    drift.detection = detected.incomplete;
    let resources = cloud.stack_resources(id).await?;
    let template = cloud.template(id).await?.unwrap_or_default();
    let own = own::Own::new(cloud, &stack.stack, &template, &resources);
    let looks = join_all(resources.iter().map(|resource| own.look(resource))).await;
    for (resource, own) in resources.iter().zip(looks) {
        let found = detected
            .resources
            .iter()
            .find(|found| found.logical_id == resource.logical_id);
        let judged = judge::judge(judge::Evidence {
            part: &stack.part,
            resource,
            template: &template,
            detected: found,
            own: &own,
            ignores,
        });
        drift.checked += usize::from(judged.is_checked);
        drift.not_checked.extend(judged.not_checked);
        drift.resources.extend(judged.drift);
    }
    existing_bucket::check(cloud, stack, drift).await;
    Ok(())
}
