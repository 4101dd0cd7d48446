//! What status looks at once and a screen needn't look at again and again: scaling policies and their alarms, instance
//! refreshes, subscriptions; of stacks, what a listing leaves out.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::{join, join3, join5};
use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::alarm::{MISSING, StageAlarm};
use super::alerts::{self, Alerts};
use super::delivery::{self, DeliveryState};
use super::existing_bucket::{self, ExistingBucket};
use super::replication::{self, Replication};
use super::unclaimed::{self, Unclaimed};
use super::web::{self, WebState};
use crate::cloud::autoscaling::policies::PolicyOfGroup;
use crate::cloud::autoscaling::refreshes::InstanceRefresh;
use crate::cloud::cloudformation::events::ResourceEvent;
use crate::cloud::cloudwatch::alarms::Alarm;
use crate::cloud::{Cloud, CloudError};
use crate::deployed::Deployed;
use crate::deployed::stage::Stage;
use crate::local::fleet::state::FleetState;

/// How many calls of a kind are made at once: an environment of many stages must not use up an account's limits.
const AT_ONCE: usize = 8;

/// What is known of a stage. `None` is what wasn't, or couldn't be, read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Details {
    /// The scaling policies of its group.
    pub policies: Option<Vec<ScalingPolicy>>,
    /// Its alarms, those of the policies first.
    pub alarms: Option<Vec<StageAlarm>>,
    /// The last instance refresh.
    pub refresh: Option<InstanceRefresh>,
    /// Whether the topic that feeds it sends to its queue; none when no topic does.
    pub is_subscribed: Option<bool>,
}

/// A scaling policy, and what triggers it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ScalingPolicy {
    pub name: String,
    /// Whether it does anything.
    pub enabled: bool,
    /// The alarms that Auto Scaling knows it by.
    pub alarms: Vec<String>,
}

/// Of stages by name, of stacks by ARN, and what could not be read.
#[derive(Debug, Clone, Default)]
pub struct Read {
    pub stages: BTreeMap<String, Details>,
    /// The newest events of stacks.
    pub events: BTreeMap<String, Vec<ResourceEvent>>,
    /// Termination protection of stacks whose listing leaves it out.
    pub protections: BTreeMap<String, bool>,
    /// Whether whoever is to be told of alarms hears of them.
    pub alerts: Option<Alerts>,
    /// Where uploads are copied to.
    pub replication: Option<Replication>,
    /// Files that no stage gets.
    pub unclaimed: Option<Unclaimed>,
    /// A bucket that isn't the environment's own.
    pub existing_bucket: Option<ExistingBucket>,
    /// The web tier.
    pub web: Option<WebState>,
    /// The distribution that hands out what is done.
    pub delivery: Option<DeliveryState>,
    /// What could not be read.
    pub problems: Vec<String>,
}

/// Reads it: three calls a stage and one a topic, then one for each hundred alarms; a call for each stack that holds a
/// stage or isn't well; one for files, where stages choose among them; four where uploads are copied. The emulator has neither refreshes nor alarms that scale.
/// `now` is the wall clock.
pub async fn read(
    cloud: &Cloud,
    fleet: Option<&FleetState>,
    deployed: &Deployed,
    stages: &[Stage],
    now: Timestamp,
) -> Read {
    let web = join(web::read(cloud, fleet, deployed), web::read_slow(cloud, deployed, now));
    let of_groups = async {
        if cloud.local {
            return Default::default();
        }
        join(policies_and_alarms(cloud, stages), refreshes(cloud, stages)).await
    };
    let ((scaling, refreshes), subscribed, ((alerts, unclaimed, bucket), replication), stacks, (web, delivery)) =
        join5(
            of_groups,
            subscribers(cloud, stages),
            join(
                join3(
                    alerts::read(cloud, deployed),
                    unclaimed::read(cloud, deployed, stages),
                    existing_bucket::read(cloud, deployed),
                ),
                replication::read(cloud, deployed),
            ),
            join(events(cloud, deployed), protections(cloud, deployed)),
            join(web, delivery::read(cloud, deployed)),
        )
        .await;
    let mut read = Read::default();
    match alerts {
        Ok(alerts) => read.alerts = alerts,
        Err(error) => read.problems.push(format!("alerts: {error}")),
    }
    match unclaimed {
        Ok(unclaimed) => read.unclaimed = unclaimed,
        Err(error) => read.problems.push(format!("files: {error}")),
    }
    match bucket {
        Ok(bucket) => read.existing_bucket = bucket,
        Err(error) => read.problems.push(format!("bucket: {error}")),
    }
    match replication {
        Ok(replication) => read.replication = replication,
        Err(error) => read.problems.push(format!("replication: {error}")),
    }
    if let (Some((mut web, unread)), slow) = web {
        slow.add_to(&mut web);
        read.web = Some(web);
        read.problems.extend(unread.into_iter().chain(slow.problems));
    }
    match delivery {
        Ok(delivery) => read.delivery = delivery,
        Err(error) => read.problems.push(format!("delivery: {error}")),
    }
    let (policies, alarms) = scaling;
    for (stage, policies) in policies {
        read.stages.entry(stage).or_default().policies = Some(policies);
    }
    for (stage, alarms) in alarms.0 {
        read.stages.entry(stage).or_default().alarms = Some(alarms);
    }
    for (stage, refresh) in refreshes.0 {
        read.stages.entry(stage).or_default().refresh = refresh;
    }
    for stage in stages {
        let queue = stage
            .topic
            .as_ref()
            .and_then(|topic| subscribed.0.get(topic))
            .zip(stage.queue_arn.as_ref());
        if let Some((endpoints, queue)) = queue {
            read.stages.entry(stage.name.clone()).or_default().is_subscribed = Some(endpoints.contains(queue));
        }
    }
    let (events, protections) = stacks;
    read.events = events.0;
    read.protections = protections.0;
    for problems in [alarms.1, refreshes.1, subscribed.1, events.1, protections.1] {
        read.problems.extend(problems);
    }
    read
}

/// What was read by name, and what could not be read.
type Found<T> = (BTreeMap<String, T>, Vec<String>);

/// Asks about each of the names, `AT_ONCE` at a time. `of` names what a problem belongs to.
async fn each<'a, T, F>(names: impl Iterator<Item = (&'a str, F)>) -> Found<T>
where
    F: Future<Output = Result<T, CloudError>>,
{
    let asked = names.map(|(name, answer)| async move { (name, answer.await) });
    let answers: Vec<(&str, Result<T, CloudError>)> = stream::iter(asked).buffered(AT_ONCE).collect().await;
    let mut found = BTreeMap::new();
    let mut problems = Vec::new();
    for (name, answer) in answers {
        match answer {
            Ok(answer) => drop(found.insert(name.to_owned(), answer)),
            Err(error) => problems.push(format!("{name}: {error}")),
        }
    }
    (found, problems)
}

fn groups(stages: &[Stage]) -> impl Iterator<Item = (&str, &str)> {
    stages
        .iter()
        .filter_map(|stage| Some((stage.name.as_str(), stage.group()?)))
}

async fn refreshes(cloud: &Cloud, stages: &[Stage]) -> Found<Option<InstanceRefresh>> {
    each(groups(stages).map(|(stage, group)| (stage, cloud.last_refresh(group)))).await
}

async fn policies_and_alarms(
    cloud: &Cloud,
    stages: &[Stage],
) -> (BTreeMap<String, Vec<ScalingPolicy>>, Found<Vec<StageAlarm>>) {
    let (policies, mut problems) =
        each(groups(stages).map(|(stage, group)| (stage, cloud.scaling_policies(group)))).await;
    let policies: BTreeMap<String, Vec<ScalingPolicy>> = policies
        .into_iter()
        .map(|(stage, policies)| (stage, policies.into_iter().map(ScalingPolicy::from).collect()))
        .collect();
    let wanted: Vec<(&str, Vec<(String, bool)>)> = stages
        .iter()
        .map(|stage| (stage.name.as_str(), wanted(stage, policies.get(&stage.name))))
        .collect();
    let names: BTreeSet<&String> = wanted
        .iter()
        .flat_map(|(_, names)| names)
        .map(|(name, _)| name)
        .collect();
    let names: Vec<String> = names.into_iter().cloned().collect();
    let there = match cloud.alarms(&names).await {
        Ok(there) => there,
        Err(error) => {
            problems.push(error.to_string());
            return (policies, (BTreeMap::new(), problems));
        }
    };
    let there: BTreeMap<&str, &Alarm> = there.iter().map(|alarm| (alarm.name.as_str(), alarm)).collect();
    let of_stage = |names: &[(String, bool)]| -> Vec<StageAlarm> {
        let alarms = names.iter().map(|(name, scales)| StageAlarm {
            alarm: there.get(name.as_str()).copied().cloned().unwrap_or_else(|| Alarm {
                name: name.clone(),
                state: MISSING.to_owned(),
                ..Alarm::default()
            }),
            scales: *scales,
        });
        alarms.collect()
    };
    let alarms = wanted
        .iter()
        .map(|(stage, names)| ((*stage).to_owned(), of_stage(names)))
        .collect();
    (policies, (alarms, problems))
}

/// The alarms that a stage should have, and whether the group is scaled by them: those that Auto Scaling knows its
/// policies by, and those that its stack names.
fn wanted(stage: &Stage, policies: Option<&Vec<ScalingPolicy>>) -> Vec<(String, bool)> {
    let of_policies = policies.into_iter().flatten().flat_map(|policy| &policy.alarms);
    let mut names: Vec<(String, bool)> = of_policies.map(|name| (name.clone(), true)).collect();
    for own in &stage.alarms {
        if !names.iter().any(|(name, _)| name == own) {
            names.push((own.clone(), false));
        }
    }
    names
}

async fn subscribers(cloud: &Cloud, stages: &[Stage]) -> Found<Vec<String>> {
    let topics: BTreeSet<&str> = stages.iter().filter_map(|stage| stage.topic.as_deref()).collect();
    each(topics.into_iter().map(|topic| (topic, cloud.subscribers(topic)))).await
}

/// Of stacks that hold a stage, because fleets are rolled in them, and of those that aren't well.
async fn events(cloud: &Cloud, deployed: &Deployed) -> Found<Vec<ResourceEvent>> {
    let wanted = deployed.stacks.iter().map(|found| &found.stack);
    let wanted = wanted.filter(|stack| Stage::is_in(stack) || !stack.status.is_well());
    by_id(
        each(wanted.map(|stack| (stack.name.as_str(), cloud.recent_events(&stack.id)))).await,
        deployed,
    )
}

async fn protections(cloud: &Cloud, deployed: &Deployed) -> Found<bool> {
    let left_out = deployed.stacks.iter().map(|found| &found.stack);
    let left_out = left_out.filter(|stack| stack.protected.is_none());
    let ask = async |id: &str| {
        Ok(cloud
            .stack(id)
            .await?
            .and_then(|stack| stack.protected)
            .unwrap_or_default())
    };
    by_id(
        each(left_out.map(|stack| (stack.name.as_str(), ask(&stack.id)))).await,
        deployed,
    )
}

/// Problems name a stack, but the names of stacks are used again.
fn by_id<T>((found, problems): Found<T>, deployed: &Deployed) -> Found<T> {
    let id = |name: String| {
        let mut stacks = deployed.stacks.iter().map(|found| &found.stack);
        stacks
            .find(|stack| stack.name == name)
            .map_or(name.clone(), |stack| stack.id.clone())
    };
    (
        found.into_iter().map(|(name, value)| (id(name), value)).collect(),
        problems,
    )
}

impl From<PolicyOfGroup> for ScalingPolicy {
    fn from(found: PolicyOfGroup) -> Self {
        ScalingPolicy {
            name: found.policy.name,
            enabled: found.policy.enabled,
            alarms: found.alarms,
        }
    }
}
