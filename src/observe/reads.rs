//! One sweep of reads, or what several reads of different age make together: how an environment is.

use std::collections::BTreeSet;

use futures_util::future::{join, join4};
use jiff::Timestamp;

use super::details::{self, Details};
use super::expiry::{Expiry, Recorded, unreadable};
use super::findings::{self, Words};
use super::function::FunctionState;
use super::instances::{self, Instances};
use super::local_fleet::{self, LocalFleet};
use super::metrics::StageMetrics;
use super::next_job::NextJob;
use super::pause::Pause;
use super::schedule::Scheduled;
use super::status::{Backlog, StackState, StageState, Status, SurplusStack};
use super::trend::trend;
use super::{activities, live, metrics, operation};
use crate::blueprint::{names, outputs};
use crate::cloud::autoscaling::activities::Activity;
use crate::cloud::cloudformation::events::ResourceEvent;
use crate::cloud::cloudformation::stack_status::StackStatus;
use crate::cloud::{Cloud, CloudError};
use crate::deployed::address::Address;
use crate::deployed::looked::Looked;
use crate::deployed::stage::Stage;
use crate::deployed::{Deployed, DeployedStack, expiry_parameter};
use crate::local::fleet::state::FleetState;

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
                problems.push(unreadable(environment, &cloud.cli(), &value));
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
    let environment = &stacks.deployed.address.environment;
    let (fleet, of_fleet) = fleet(cloud, environment);
    let (live, activities, metrics, details) = join4(
        live::read(cloud, environment, fleet.as_ref(), &stages),
        activities::read(cloud, environment, &stages),
        metrics::read(cloud, fleet.as_ref(), &stages, now),
        details::read(cloud, fleet.as_ref(), &stacks.deployed, &stages, now),
    )
    .await;
    for found in &mut stacks.deployed.stacks {
        let read = details.protections.get(&found.stack.id).copied();
        found.stack.protected = found.stack.protected.or(read);
    }
    let reads = Reads {
        stacks: &stacks,
        fleet: fleet.as_ref(),
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
    pub fleet: Option<&'a FleetState>,
    pub live: &'a live::Read,
    pub activities: &'a activities::Read,
    pub metrics: &'a metrics::Read,
    pub details: &'a details::Read,
}

impl Reads<'_> {
    /// The status that they make. `now` is the wall clock.
    pub fn status(&self, cloud: &Cloud, words: &Words, now: Timestamp) -> Status {
        let local_fleet = self.fleet.map(LocalFleet::from);
        let groups = self.fleet.iter().flat_map(|fleet| &fleet.groups);
        let lacks = groups.filter_map(|group| Some((group.stage.clone(), group.lacks.clone()?)));
        let environment = &self.stacks.deployed.address.environment;
        let stages = Stage::all(&self.stacks.deployed).into_iter().map(|stage| {
            let live = self.live.0.get(&stage.name).cloned().unwrap_or_default();
            let metrics = self.metrics.0.get(&stage.name).cloned().unwrap_or_default();
            let activities = self.activities.0.get(&stage.name).cloned().unwrap_or_default();
            let details = self.details.stages.get(&stage.name).cloned().unwrap_or_default();
            let clock = local_fleet.map_or(now, |fleet| fleet.clock(now));
            let schedule = stage.instances().and_then(|of| Scheduled::of(&of.schedule, clock));
            let schedules = NextJob::of(&stage, cloud.local, now);
            let state = stage_state(stage, live, metrics, activities, details, schedule);
            StageState { schedules, ..state }
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
        let stages: Vec<StageState> = stages.collect();
        let stands_by = |stage: &StageState| stage.paused.is_some_and(|pause| pause.stands_by);
        let stacks = self.stacks.deployed.stacks.iter();
        let mut status = Status {
            // Not that of `stacks`: they were read before it was known whose account it is.
            address: Address::new(cloud, &self.stacks.deployed.address.environment),
            looked: Looked {
                fleet_in: local_fleet::elsewhere(cloud, environment).ok().flatten(),
                ..Looked::new(cloud, !self.stacks.deployed.stacks.is_empty())
            },
            local: cloud.local,
            local_fleet,
            orphans: local_fleet::orphans(cloud, environment),
            lacks: lacks.collect(),
            at: now,
            expires: self.stacks.expires.map(|at| Expiry::new(at, now)),
            findings: Vec::new(),
            stacks: stacks
                .map(|found| stack_state(found, self.details.events.get(&found.stack.id), now))
                .collect(),
            stands_by: !stages.is_empty() && stages.iter().all(stands_by),
            stages,
            web: self.details.web.clone(),
            delivery: self.details.delivery.clone(),
            alerts: self.details.alerts.clone(),
            replication: self.details.replication.clone(),
            unclaimed: self.details.unclaimed.clone(),
            existing_bucket: self.details.existing_bucket.clone(),
            missing: self.stacks.missing(),
            surplus: self.stacks.surplus(),
            unknown,
        };
        status.findings = findings::of(&status, words, &cloud.cli());
        status
    }
}

fn stage_state(
    stage: Stage,
    live: live::Live,
    metrics: StageMetrics,
    activities: Vec<Activity>,
    details: Details,
    schedule: Option<Scheduled>,
) -> StageState {
    let backlog = stage.instances().and_then(|instances| {
        let target = instances.target?;
        let now = live.queue.zip(live.group.as_ref());
        Some(Backlog {
            messages_per_instance: now
                .map(|(queue, group)| instances::backlog(queue, group, instances.counts_in_flight)),
            target_messages_per_instance: target,
            trend: trend(&metrics.history, target),
            history: metrics.history,
        })
    });
    let is_empty = live.queue.is_none_or(|queue| queue.total() == 0);
    let oldest = metrics.oldest_message_age_seconds;
    StageState {
        paused: Pause::of(&stage, is_empty, oldest),
        backlog,
        instances: stage.instances().map(|_| Instances {
            instances_by_zone: instances::by_zone(live.group.as_ref()),
            group: live.group,
            schedule,
            scaling_policies: details.policies,
            instance_refresh: details.refresh,
            activities,
        }),
        function: stage.function().map(|function| {
            let live = live.function.unwrap_or_default();
            let timeout = live.configuration.as_ref().map(|known| known.timeout_seconds);
            FunctionState {
                invocations: metrics.of_function.summed(timeout),
                function: function.name.clone(),
                configuration: live.configuration,
                event_source_mapping: live.mapping,
                disabled_by_destroy: live.disabled_by_destroy,
            }
        }),
        stage: stage.name,
        gone: live.gone,
        queue: live.queue,
        dead_letters: live.dead_letters,
        replies: live.replies,
        schedules: Vec::new(),
        oldest_message_age_seconds: metrics.oldest_message_age_seconds,
        done: metrics.done,
        alarms: details.alarms,
        is_subscribed: details.is_subscribed,
    }
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
