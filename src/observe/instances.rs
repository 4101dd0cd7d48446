//! How the instances of a stage are.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::details::ScalingPolicy;
use super::schedule::Scheduled;
use crate::cloud::autoscaling::activities::Activity;
use crate::cloud::autoscaling::groups::Group;
use crate::cloud::autoscaling::refreshes::InstanceRefresh;
use crate::cloud::sqs::queues::QueueDepth;

#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct Instances {
    pub group: Option<Group>,
    /// When its schedule changes the group's bounds; none without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Scheduled>,
    /// How many instances each zone has in each lifecycle state.
    pub instances_by_zone: BTreeMap<String, BTreeMap<String, usize>>,
    /// The scaling policies of its group; none when they weren't, or couldn't be, read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scaling_policies: Option<Vec<ScalingPolicy>>,
    /// The last instance refresh, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_refresh: Option<InstanceRefresh>,
    /// What Auto Scaling did last, newest first.
    pub activities: Vec<Activity>,
}

/// How many instances each zone has in each lifecycle state.
pub(super) fn by_zone(group: Option<&Group>) -> BTreeMap<String, BTreeMap<String, usize>> {
    let mut zones: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    for instance in group.iter().flat_map(|group| &group.instances) {
        let states = zones.entry(instance.zone.clone()).or_default();
        *states.entry(instance.lifecycle_state.clone()).or_default() += 1;
    }
    zones
}

/// The backlog as the scaling policy computes it, but for this moment instead of the last minute.
pub(super) fn backlog(queue: QueueDepth, group: &Group, counts_in_flight: bool) -> f64 {
    let in_flight = if counts_in_flight { queue.in_flight } else { 0 };
    let waiting = queue.visible.saturating_add(in_flight);
    waiting as f64 / group.in_service().max(1) as f64
}
