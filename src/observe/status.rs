//! How an environment is: its stacks, its queues, its groups. One sweep of reads, or what several reads of different age
//! make together.

use std::collections::BTreeMap;

use futures_util::future::{join, join3};
use jiff::Timestamp;
use serde::Serialize;

use super::metrics::{BacklogPoint, StageMetrics};
use super::stages::Stage;
use super::{activities, live, metrics};
use crate::cloud::activities::Activity;
use crate::cloud::groups::Group;
use crate::cloud::queues::QueueDepth;
use crate::cloud::stack_status::StackStatus;
use crate::cloud::{Cloud, CloudError};
use crate::deployed::{Deployed, DeployedStack, expiry_parameter};

/// How an environment is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// Its name.
    pub environment: String,
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// When this was read.
    pub at: Timestamp,
    /// When it expires, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Expiry>,
    /// Its stacks; none when it isn't deployed.
    pub stacks: Vec<StackState>,
    /// Its stages.
    pub stages: Vec<StageState>,
    /// What could not be read, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
}

/// When an environment expires.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Expiry {
    /// When.
    pub at: Timestamp,
    /// How long it has left; negative when it is past its time.
    pub seconds_left: i64,
}

impl Expiry {
    /// As in "expires in 7h 59m (2026-01-02 10:00Z)".
    pub fn text(&self) -> String {
        let minutes = self.seconds_left.unsigned_abs() / 60;
        let at = self.at.strftime("%Y-%m-%d %H:%MZ");
        let ago = if self.seconds_left < 0 { " ago" } else { "" };
        format!("{}h {:02}m{ago} ({at})", minutes / 60, minutes % 60)
    }
}

/// How a stack is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StackState {
    /// Its part.
    pub part: String,
    /// Its name.
    pub stack: String,
    /// Its status.
    pub status: StackStatus,
    /// Why, when CloudFormation says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was last made or changed.
    pub since: Option<Timestamp>,
    /// Termination protection.
    pub termination_protection: bool,
}

/// How a stage is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StageState {
    /// Its name.
    pub stage: String,
    /// What is in its queue, in messages.
    pub queue: Option<QueueDepth>,
    /// What is in its dead-letter queue, in messages.
    pub dead_letters: Option<QueueDepth>,
    /// How long the oldest message has been in the queue, in seconds, as of the last minutes.
    pub oldest_message_age_seconds: Option<u64>,
    /// Its backlog per instance; none when it doesn't scale.
    pub backlog: Option<Backlog>,
    /// Its group.
    pub group: Option<Group>,
    /// How many instances each zone has in each lifecycle state.
    pub instances_by_zone: BTreeMap<String, BTreeMap<String, usize>>,
    /// What Auto Scaling did last, newest first.
    pub activities: Vec<Activity>,
}

/// What scaling goes by.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Backlog {
    /// Messages for each instance in service now; all of them when there is none. None when it can't be known.
    pub messages_per_instance: Option<f64>,
    /// What scaling aims at.
    pub target_messages_per_instance: f64,
    /// The last hour, a point a minute, oldest first.
    pub history: Vec<BacklogPoint>,
}

/// The stacks, as they were last read.
#[derive(Debug, Clone)]
pub struct Stacks {
    /// The stacks.
    pub deployed: Deployed,
    /// When the environment expires, if it does.
    pub expires: Option<Timestamp>,
    /// What could not be read.
    pub problems: Vec<String>,
}

impl Stacks {
    /// Reads them: a listing of all stacks, and the expiry.
    ///
    /// # Errors
    /// When the stacks can't be listed.
    pub async fn read(cloud: &Cloud, environment: &str) -> Result<Stacks, CloudError> {
        let name = expiry_parameter(environment);
        let (deployed, expires) = join(Deployed::find(cloud, environment), cloud.parameter(&name)).await;
        let mut problems = Vec::new();
        let expires = expires.unwrap_or_else(|error| {
            problems.push(error.to_string());
            None
        });
        Ok(Stacks {
            deployed: deployed?,
            expires: expires.and_then(|at| at.parse().ok()),
            problems,
        })
    }
}

/// Reads how an environment is. `now` is the wall clock.
///
/// # Errors
/// When the stacks can't be read; everything else that can't is said in `unknown`.
pub async fn status(cloud: &Cloud, environment: &str, now: Timestamp) -> Result<Status, CloudError> {
    let mut stacks = Stacks::read(cloud, environment).await?;
    stacks.deployed = stacks.deployed.with_protection(cloud).await?;
    let stages = Stage::all(&stacks.deployed);
    let (live, activities, metrics) = join3(
        live::read(cloud, &stages),
        activities::read(cloud, &stages),
        metrics::read(cloud, &stages, now),
    )
    .await;
    let metrics = metrics.unwrap_or_else(|error| (BTreeMap::new(), vec![error.to_string()]));
    Ok(Status::new(cloud, now, &stacks, &live, &activities, &metrics))
}

impl Status {
    /// What these reads say together. `now` is the wall clock.
    pub fn new(
        cloud: &Cloud,
        now: Timestamp,
        stacks: &Stacks,
        (live, of_live): &live::Read,
        (activities, of_activities): &activities::Read,
        (metrics, of_metrics): &metrics::Read,
    ) -> Status {
        let stages = Stage::all(&stacks.deployed).into_iter().map(|stage| {
            let live = live.get(&stage.name).cloned().unwrap_or_default();
            let metrics = metrics.get(&stage.name).cloned().unwrap_or_default();
            let activities = activities.get(&stage.name).cloned().unwrap_or_default();
            StageState::new(stage, live, metrics, activities)
        });
        let unknown = [&stacks.problems, of_live, of_activities, of_metrics];
        Status {
            environment: stacks.deployed.environment.clone(),
            account: cloud.account.clone(),
            region: cloud.region.clone(),
            at: now,
            expires: stacks.expires.map(|at| Expiry {
                at,
                seconds_left: at.as_second() - now.as_second(),
            }),
            stacks: stacks.deployed.stacks.iter().map(stack_state).collect(),
            stages: stages.collect(),
            unknown: unknown.into_iter().flatten().cloned().collect(),
        }
    }
}

impl StageState {
    fn new(stage: Stage, live: live::Live, metrics: StageMetrics, activities: Vec<Activity>) -> StageState {
        let mut instances_by_zone: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
        for instance in live.group.iter().flat_map(|group| &group.instances) {
            let states = instances_by_zone.entry(instance.zone.clone()).or_default();
            *states.entry(instance.lifecycle_state.clone()).or_default() += 1;
        }
        let counts_in_flight = stage.counts_in_flight;
        let now = live.queue.zip(live.group.as_ref());
        StageState {
            backlog: stage.target.map(|target| Backlog {
                messages_per_instance: now.map(|(queue, group)| per_instance(queue, group, counts_in_flight)),
                target_messages_per_instance: target,
                history: metrics.history,
            }),
            stage: stage.name,
            queue: live.queue,
            dead_letters: live.dead_letters,
            oldest_message_age_seconds: metrics.oldest_message_age_seconds,
            group: live.group,
            instances_by_zone,
            activities,
        }
    }
}

/// As the scaling policy computes it, of this moment instead of the last minute.
fn per_instance(queue: QueueDepth, group: &Group, counts_in_flight: bool) -> f64 {
    let in_flight = if counts_in_flight { queue.in_flight } else { 0 };
    let waiting = queue.visible.saturating_add(in_flight);
    waiting as f64 / group.in_service().max(1) as f64
}

fn stack_state(deployed: &DeployedStack) -> StackState {
    let stack = &deployed.stack;
    StackState {
        part: deployed.part.clone(),
        since: stack.updated.or(stack.created),
        status: stack.status.clone(),
        reason: stack.reason.clone(),
        termination_protection: stack.protected,
        stack: stack.name.clone(),
    }
}
