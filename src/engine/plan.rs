//! A plan: what *would* change, and whether that may be done.

pub mod attention;
pub mod blocking;
mod comparison;
pub mod contents;
pub mod decide;
pub mod deleted_queues;
pub mod draft;
pub mod drafts;
pub mod draw_up;
pub mod existing_bucket;
pub mod expiry;
mod failures_kept;
mod files_at_risk;
mod foreseen;
pub mod history;
pub mod imports;
mod interrupted;
pub mod loss;
pub(in crate::engine) mod mappings;
mod order_of_changes;
mod parameters;
pub mod planner;
pub mod pruned_data;
pub mod refusal;
mod refusals;
pub(in crate::engine) mod replication;
pub mod rolling;
mod secrets;
pub(in crate::engine) mod stack;
mod stack_plan;
pub(in crate::engine) mod state;
mod subnets;
pub mod surplus;
pub mod switch;
pub mod unchanged;
mod valued;
pub mod values;
pub(in crate::engine) mod zones;

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::blueprint::{Pause, outputs};
use crate::cloud::autoscaling::bounds::Bounds;
use crate::cloud::autoscaling::groups::Group;
use crate::cloud::cloudformation::change_set::Change;
use crate::cloud::cloudformation::stack_status::StackStatus;
use crate::cloud::cloudformation::stacks::KnownDrift;
use crate::cloud::lambda::mappings::Mapping;
use crate::deployed::address::Address;
use crate::engine::plan::attention::Attention;
use crate::engine::plan::blocking::Blocking;
use crate::engine::plan::drafts::Draft;
use crate::engine::plan::existing_bucket::BucketPlan;
use crate::engine::plan::expiry::ExpiryStays;
use crate::engine::plan::imports::Existing;
pub use crate::engine::plan::parameters::{Current, resolve};
use crate::engine::plan::rolling::Rolling;
use crate::engine::plan::surplus::Surplus;
use crate::engine::plan::switch::Switch;
use crate::engine::plan::values::ValueChange;
use crate::environment::schedule::Schedule;

/// Outputs of stacks: part → key → value.
pub type Outputs = BTreeMap<String, BTreeMap<String, String>>;

#[derive(Debug, Serialize, JsonSchema)]
pub struct Plan {
    /// Which environment, and where.
    #[serde(flatten)]
    pub address: Address,
    /// In the order in which they would be deployed.
    pub stacks: Vec<StackPlan>,
    /// What would be done to the notifications of a bucket that is there already, and to those of one that was.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub existing_buckets: Vec<BucketPlan>,
    /// What is deployed and isn't in the file any more.
    #[serde(flatten)]
    pub surplus: Surplus,
    /// Whether that is destroyed.
    #[serde(skip)]
    pub prunes: bool,
    /// What the deployed stacks put out now.
    #[serde(skip)]
    pub outputs: Outputs,
    /// When the environment expires, as it is kept.
    #[serde(skip)]
    pub expires: Option<String>,
    /// When the oldest of these stacks was made.
    #[serde(skip)]
    pub first_made: Option<Timestamp>,
    /// When it expires, where the file's `lifetime` says another time by now: that counts from the first deploy alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiry_stays: Option<ExpiryStays>,
}

/// What would happen to one stack.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StackPlan {
    pub part: String,
    pub stack: String,
    /// What would be done.
    pub action: StackAction,
    /// Its status now; none when it isn't there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<StackStatus>,
    /// Who says what would change.
    pub source: Source,
    pub changes: Vec<Change>,
    /// Which of its parameters get other values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changed_parameters: Vec<ValueChange>,
    /// Which of its tags get other values. CloudFormation hands them to its resources.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changed_tags: Vec<ValueChange>,
    /// Others than now are to work on its messages, or nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub switch: Option<Switch>,
    /// Nobody is to work there, on purpose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pause: Option<Pause>,
    /// How many running instances the change replaces, one batch after the other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rolls_instances: Option<usize>,
    /// How it does that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rolling_update: Option<Rolling>,
    /// How many instances are in service when it is done: nothing signals, because the image brings the worker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub awaits_instances: Option<u32>,
    /// Termination protection would become this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub termination_protection: Option<bool>,
    /// Somebody switched its termination protection on, though the file doesn't ask for it: it stays.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub protected_by_hand: bool,
    /// What is to be looked at although nothing is lost with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attention: Vec<Attention>,
    /// Bounds of its group that a destroy lowered before it was stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lowered: Option<LoweredGroup>,
    /// Event source mappings, by UUID, that a destroy disabled before it was stopped: they are enabled again.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "uuids")]
    #[schemars(with = "Vec<String>")]
    pub disabled: Vec<Mapping>,
    /// It makes roles or policies, or may, and its template is one of your own.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub acknowledges_roles: bool,
    /// What else is to be known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What can't be said of the changes, and why: by CloudFormation, or by EC2 of zones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
    /// Set when its resources were changed behind CloudFormation's back. What is planned here doesn't put that back: a
    /// change set compares templates, so it sets a drifted property only where the template changes it, too
    /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/drift-aware-change-sets.html>).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift: Option<KnownDrift>,
    /// What a stack is stuck on that nothing can be done with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub blocking: Vec<Blocking>,
    /// What is there already, and is taken in.
    #[serde(skip)]
    pub existing: Vec<Existing>,
    /// Whether it took in data that was kept and was never complete since.
    #[serde(skip)]
    pub took_in: bool,
    /// The change set that says so.
    #[serde(skip)]
    pub draft: Option<Draft>,
    /// The parameters that it was planned with, when all are known.
    #[serde(skip)]
    pub parameters: Option<BTreeMap<String, String>>,
    /// What of its parameters no file knows.
    #[serde(skip)]
    pub current: Current,
    /// What the parameter store says of its parameters, by their names in the template.
    #[serde(skip)]
    pub resolved: BTreeMap<String, String>,
    /// A hash of the stack as it is, when it is there.
    #[serde(skip)]
    pub from: Option<String>,
    /// The stack's ARN, when it is there.
    #[serde(skip)]
    pub id: Option<String>,
    /// Whether its template is the user's.
    #[serde(skip)]
    pub own_template: bool,
    /// The parts that it needs as it is deployed.
    #[serde(skip)]
    pub needs_now: Vec<String>,
}

/// What would be done to a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StackAction {
    Create,
    Update,
    /// A failed first create is deleted and made anew.
    Recreate,
    /// It is as it should be.
    Unchanged,
    /// Another operation is running on it.
    Busy,
    /// Nothing is done; the note says why.
    Refused,
}

/// A group whose bounds a destroy lowered before it was stopped. They are put back, unless somebody else has changed them
/// since.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct LoweredGroup {
    pub group: String,
    /// The fewest instances, as before.
    pub min: i32,
    /// The most instances, as before.
    pub max: i32,
    /// Its schedule, which the destroy suspended, would have changed them since: they are what it says now.
    pub by_schedule: bool,
    /// Whether they are put back.
    pub put_back: bool,
}

impl LoweredGroup {
    /// `None` of a group that no destroy lowered. With its deployed schedule, and the time.
    fn of(group: &Group, schedule: &Schedule, now: Timestamp) -> Option<Self> {
        let before = group.before_destroy?;
        let missed = group.schedule_stopped.and_then(|stopped| {
            let last = schedule.last(now).filter(|last| last.at > stopped)?;
            let (min, max) = (i32::try_from(last.min).ok()?, i32::try_from(last.max).ok()?);
            Some(Bounds { min, max })
        });
        let bounds = missed.unwrap_or(before);
        Some(LoweredGroup {
            group: group.name.clone(),
            min: bounds.min,
            max: bounds.max,
            by_schedule: missed.is_some(),
            // A deploy that was stopped may have put them back already.
            put_back: [Bounds::NONE, bounds].contains(&group.bounds()),
        })
    }
}

fn uuids<S: serde::Serializer>(mappings: &[Mapping], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(mappings.iter().map(|mapping| &mapping.uuid))
}

/// Who says what would change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// CloudFormation, in a change set.
    ChangeSet,
    /// The deployed stack is the same: template, parameters, tags.
    Comparison,
    /// The template, and the deployed one if there is one: CloudFormation can't be asked yet.
    Template,
}

impl StackPlan {
    pub fn changes_anything(&self) -> bool {
        self.action != StackAction::Unchanged
            || self.termination_protection.is_some()
            || self.lowered.is_some()
            || !self.disabled.is_empty()
    }
}

impl Plan {
    /// Whether a deploy would do anything.
    pub fn changes_anything(&self) -> bool {
        self.stacks.iter().any(StackPlan::changes_anything)
            || self.existing_buckets.iter().any(BucketPlan::changes_anything)
            || (self.prunes && !self.surplus.stacks.is_empty())
    }

    /// Whether operations are running that must be over before a deploy.
    pub fn is_busy(&self) -> bool {
        self.stacks.iter().any(|stack| stack.action == StackAction::Busy)
    }
}

/// The bucket for programs and long templates, once it is there.
pub fn artifacts_bucket(outputs: &Outputs) -> Option<&str> {
    outputs.get("artifacts")?.get(outputs::BUCKET).map(String::as_str)
}
