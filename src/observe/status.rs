//! How an environment is: its stacks, its queues, its groups. One sweep of reads, or what several reads of different age
//! make together.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::{join, join4};
use jiff::Timestamp;
use serde::Serialize;

use super::details::{self, Details, ScalingPolicy, StageAlarm};
use super::findings::{self, Finding, Words};
use super::live::Gone;
use super::local_fleet::{self, LocalFleet};
use super::metrics::{BacklogPoint, StageMetrics};
use super::operation::{self, LastOperation};
use super::trend::{Trend, trend};
use super::{activities, live, metrics};
use crate::blueprint::{names, outputs};
use crate::cloud::autoscaling::activities::Activity;
use crate::cloud::autoscaling::groups::Group;
use crate::cloud::autoscaling::refreshes::InstanceRefresh;
use crate::cloud::cloudformation::events::ResourceEvent;
use crate::cloud::cloudformation::stack_status::StackStatus;
use crate::cloud::cloudformation::stacks::KnownDrift;
use crate::cloud::sqs::queues::QueueDepth;
use crate::cloud::{Cloud, CloudError};
use crate::deployed::address::Address;
use crate::deployed::stage::Stage;
use crate::deployed::{Deployed, DeployedStack, expiry_parameter};
use crate::local::fleet::state::FleetState;
use crate::observe::expired::{Recorded, unreadable};

/// How an environment is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// Which environment it is, and where.
    #[serde(flatten)]
    pub address: Address,
    /// Whether this is the local emulator.
    pub local: bool,
    /// The local fleet that plays Auto Scaling there, if one runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_fleet: Option<LocalFleet>,
    /// When this was read.
    pub at: Timestamp,
    /// When it expires, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Expiry>,
    /// What is to be looked into, worst first.
    pub findings: Vec<Finding>,
    /// Its stacks; none when it isn't deployed.
    pub stacks: Vec<StackState>,
    pub stages: Vec<StageState>,
    /// Stacks that it should have and hasn't, by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// Stacks that its file doesn't have any more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub surplus: Vec<SurplusStack>,
    /// What could not be read, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
}

/// A stack that the environment's file doesn't have any more.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SurplusStack {
    pub part: String,
    pub stack: String,
    /// The bucket that it puts out, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
}

/// When an environment expires.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Expiry {
    pub at: Timestamp,
    /// How long it has left; negative when it is past its time.
    pub seconds_left: i64,
}

impl Expiry {
    pub fn new(at: Timestamp, now: Timestamp) -> Expiry {
        Expiry {
            at,
            seconds_left: at.as_second() - now.as_second(),
        }
    }

    /// As in "expires in 7h 59m (2026-01-02 10:00Z)".
    pub fn text(&self) -> String {
        let at = self.at.strftime("%Y-%m-%d %H:%MZ");
        let ago = if self.seconds_left < 0 { " ago" } else { "" };
        format!("{}{ago} ({at})", self.length())
    }

    /// How long until then, or since: `7h 59m`, and from two days on `9d 03h`.
    pub fn length(&self) -> String {
        let minutes = self.seconds_left.unsigned_abs() / 60;
        let hours = minutes / 60;
        match hours {
            0..48 => format!("{hours}h {:02}m", minutes % 60),
            _ => format!("{}d {:02}h", hours / 24, hours % 24),
        }
    }
}

/// How a stack is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StackState {
    pub part: String,
    pub stack: String,
    pub status: StackStatus,
    /// Why, when CloudFormation says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What was done to it last.
    pub last_operation: LastOperation,
    /// What the last drift detection found.
    pub drift: KnownDrift,
    /// Termination protection; none when it can't be known.
    pub termination_protection: Option<bool>,
}

/// How a stage is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StageState {
    pub stage: String,
    /// What its stack names and is not there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<Gone>,
    /// What is in its queue, in messages.
    pub queue: Option<QueueDepth>,
    /// What is in its dead-letter queue, in messages.
    pub dead_letters: Option<QueueDepth>,
    /// How long the oldest message has been in the queue, in seconds, as of the last minutes.
    pub oldest_message_age_seconds: Option<u64>,
    /// Its backlog per instance; none when it doesn't scale.
    pub backlog: Option<Backlog>,
    pub group: Option<Group>,
    /// How many instances each zone has in each lifecycle state.
    pub instances_by_zone: BTreeMap<String, BTreeMap<String, usize>>,
    /// The scaling policies of its group; none when they weren't, or couldn't be, read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scaling_policies: Option<Vec<ScalingPolicy>>,
    /// Its alarms, those that scale the group first; none when they weren't, or couldn't be, read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alarms: Option<Vec<StageAlarm>>,
    /// The last instance refresh, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_refresh: Option<InstanceRefresh>,
    /// Whether the topic that feeds it sends to its queue; none when no topic does, or it can't be known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_subscribed: Option<bool>,
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
    /// Which way it goes; none when too little is known.
    pub trend: Option<Trend>,
    /// The last hour, a point a minute, oldest first.
    pub history: Vec<BacklogPoint>,
}

/// The stacks, as they were last read.
#[derive(Debug, Clone)]
pub struct Stacks {
    pub deployed: Deployed,
    /// When the environment expires, if it does.
    pub expires: Option<Timestamp>,
    /// What could not be read.
    pub problems: Vec<String>,
    /// The parts that its file has; none when it was given by its name.
    pub parts: Option<Vec<String>>,
}

impl Stacks {
    /// Judged by the parts that a file has, where there is one.
    pub fn of_file(self, parts: Option<Vec<String>>) -> Stacks {
        Stacks { parts, ..self }
    }

    /// Names of the stacks that the environment should have and hasn't: by its file, or by what the tags of its stacks say
    /// that they need. One that only has change sets holds nothing. Where there is nothing else, it isn't deployed.
    fn missing(&self) -> Vec<String> {
        let stacks = &self.deployed.stacks;
        let there = stacks
            .iter()
            .filter(|found| found.stack.status != StackStatus::ReviewInProgress);
        let there: BTreeSet<&str> = there.map(|found| found.part.as_str()).collect();
        if there.is_empty() {
            return Vec::new();
        }
        let needed = || {
            let needs = stacks.iter().flat_map(|found| found.tags.needs.iter().cloned());
            needs.collect::<BTreeSet<String>>().into_iter().collect()
        };
        let parts = self.parts.clone().unwrap_or_else(needed);
        let missing = parts.iter().filter(|part| !there.contains(part.as_str()));
        missing
            .map(|part| names::stack(&self.deployed.address.environment, part))
            .collect()
    }

    /// The stacks that its file doesn't have.
    fn surplus(&self) -> Vec<SurplusStack> {
        let Some(parts) = &self.parts else { return Vec::new() };
        let surplus = self.deployed.stacks.iter().filter(|found| !parts.contains(&found.part));
        let surplus = surplus.map(|found| SurplusStack {
            part: found.part.clone(),
            stack: found.stack.name.clone(),
            bucket: found.stack.outputs.get(outputs::BUCKET).cloned(),
        });
        surplus.collect()
    }

    /// The ARN of one of them, which says whose account it is.
    pub fn any_arn(&self) -> Option<&str> {
        self.deployed.stacks.first().map(|found| found.stack.id.as_str())
    }

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
        let expires = expires.and_then(|kept| match Recorded::read(&kept) {
            Recorded::At(at) => Some(at),
            Recorded::Unreadable(value) => {
                problems.push(unreadable(environment, &cloud.region, &value));
                None
            }
        });
        Ok(Stacks {
            deployed: deployed?,
            expires,
            problems,
            parts: None,
        })
    }
}

/// Reads how the environment of these stacks is, all at once: what can't be read is said in `unknown`. `words` is for
/// commands that findings name, `now` is the wall clock.
pub async fn status(cloud: &Cloud, mut stacks: Stacks, words: &Words, now: Timestamp) -> Status {
    let stages = Stage::all(&stacks.deployed);
    let (fleet, of_fleet) = fleet(cloud, &stacks.deployed.address.environment);
    let (live, activities, metrics, details) = join4(
        live::read(cloud, fleet.as_ref(), &stages),
        activities::read(cloud, &stacks.deployed.address.environment, &stages),
        metrics::read(cloud, fleet.as_ref(), &stages, now),
        details::read(cloud, &stacks.deployed, &stages),
    )
    .await;
    for found in &mut stacks.deployed.stacks {
        let read = details.protections.get(&found.stack.id).copied();
        found.stack.protected = found.stack.protected.or(read);
    }
    let reads = Reads {
        stacks: &stacks,
        local_fleet: fleet.as_ref().map(LocalFleet::from),
        live: &live,
        activities: &activities,
        metrics: &metrics,
        details: &details,
    };
    let mut status = reads.status(cloud, words, now);
    status.unknown.extend(of_fleet);
    status
}

/// The local fleet, and why it can't be known.
pub(super) fn fleet(cloud: &Cloud, environment: &str) -> (Option<FleetState>, Option<String>) {
    match local_fleet::find(cloud, environment) {
        Ok(found) => (found, None),
        Err(error) => (None, Some(error.to_string())),
    }
}

/// Reads of different ages that together make a status.
pub(super) struct Reads<'a> {
    pub stacks: &'a Stacks,
    pub local_fleet: Option<LocalFleet>,
    pub live: &'a live::Read,
    pub activities: &'a activities::Read,
    pub metrics: &'a metrics::Read,
    pub details: &'a details::Read,
}

impl Reads<'_> {
    /// The status that they make. `now` is the wall clock.
    pub fn status(&self, cloud: &Cloud, words: &Words, now: Timestamp) -> Status {
        let stages = Stage::all(&self.stacks.deployed).into_iter().map(|stage| {
            let live = self.live.0.get(&stage.name).cloned().unwrap_or_default();
            let metrics = self.metrics.0.get(&stage.name).cloned().unwrap_or_default();
            let activities = self.activities.0.get(&stage.name).cloned().unwrap_or_default();
            let details = self.details.stages.get(&stage.name).cloned().unwrap_or_default();
            StageState::new(stage, live, metrics, activities, details)
        });
        let read = [
            &self.stacks.problems,
            &self.live.1,
            &self.activities.1,
            &self.metrics.1,
            &self.details.problems,
        ];
        let mut unknown: Vec<String> = read.into_iter().flatten().cloned().collect();
        // A stage's two queues mostly fail for the same reason.
        unknown.dedup();
        let stacks = self.stacks.deployed.stacks.iter();
        let mut status = Status {
            // Not that of `stacks`: they were read before it was known whose account it is.
            address: Address::new(cloud, &self.stacks.deployed.address.environment),
            local: cloud.local,
            local_fleet: self.local_fleet,
            at: now,
            expires: self.stacks.expires.map(|at| Expiry::new(at, now)),
            findings: Vec::new(),
            stacks: stacks
                .map(|found| stack_state(found, self.details.events.get(&found.stack.id), now))
                .collect(),
            stages: stages.collect(),
            missing: self.stacks.missing(),
            surplus: self.stacks.surplus(),
            unknown,
        };
        status.findings = findings::of(&status, words);
        status
    }
}

impl StageState {
    /// Whether there is no message in its queue. Then there is no oldest one either, though CloudWatch, which is a minute
    /// behind, still tells its age.
    pub fn is_empty(&self) -> bool {
        self.queue.is_some_and(|queue| queue.total() == 0)
    }

    fn new(
        stage: Stage,
        live: live::Live,
        metrics: StageMetrics,
        activities: Vec<Activity>,
        details: Details,
    ) -> StageState {
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
                trend: trend(&metrics.history, target),
                history: metrics.history,
            }),
            stage: stage.name,
            gone: live.gone,
            queue: live.queue,
            dead_letters: live.dead_letters,
            oldest_message_age_seconds: metrics.oldest_message_age_seconds,
            group: live.group,
            instances_by_zone,
            scaling_policies: details.policies,
            alarms: details.alarms,
            instance_refresh: details.refresh,
            is_subscribed: details.is_subscribed,
            activities,
        }
    }
}

/// As the scaling policy computes it, but for this moment instead of the last minute.
fn per_instance(queue: QueueDepth, group: &Group, counts_in_flight: bool) -> f64 {
    let in_flight = if counts_in_flight { queue.in_flight } else { 0 };
    let waiting = queue.visible.saturating_add(in_flight);
    waiting as f64 / group.in_service().max(1) as f64
}

fn stack_state(deployed: &DeployedStack, events: Option<&Vec<ResourceEvent>>, now: Timestamp) -> StackState {
    let stack = &deployed.stack;
    StackState {
        part: deployed.part.clone(),
        last_operation: operation::last(stack, events.map(Vec::as_slice), now),
        drift: stack.drift.clone(),
        status: stack.status.clone(),
        reason: stack.reason.clone(),
        termination_protection: stack.protected,
        stack: stack.name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_time_is_told_in_days() {
        let minute = 60;
        let shown = [
            0,
            59 * minute,
            479 * minute,
            -90 * minute,
            2879 * minute,
            2880 * minute,
            9000 * 3600,
        ];
        let shown = shown.map(|seconds_left| {
            let at = Timestamp::UNIX_EPOCH;
            Expiry { at, seconds_left }.length()
        });
        assert_eq!(
            shown,
            ["0h 00m", "0h 59m", "7h 59m", "1h 30m", "47h 59m", "2d 00h", "375d 00h"]
        );
    }
}
