//! What a local fleet says where Auto Scaling and CloudWatch would be asked: the emulator knows neither its instances
//! nor why they come and go.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::backlog::BacklogPoint;
use crate::cloud::Cloud;
use crate::cloud::autoscaling::activities::Activity;
use crate::cloud::autoscaling::groups::{Group, Instance};
use crate::deployed::address::Address;
use crate::error::Result;
use crate::local::fleet::state::{self, FleetState, GroupState};
use crate::local::fleet::{self, stop};

/// The local fleet that plays Auto Scaling for an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LocalFleet {
    pub pid: i32,
    /// How many of its minutes pass in a real one.
    pub speed: u32,
    #[serde(skip)]
    pub started: Timestamp,
}

impl LocalFleet {
    /// What its clock shows: as fast as the fleet, from when it was started.
    pub fn clock(self, now: Timestamp) -> Timestamp {
        state::clock(self.started, self.speed, now)
    }
}

impl From<&FleetState> for LocalFleet {
    fn from(fleet: &FleetState) -> Self {
        LocalFleet {
            pid: fleet.pid,
            speed: fleet.speed,
            started: fleet.started,
        }
    }
}

/// The fleet that runs for an environment of the local emulator, in this account and region; never one on AWS.
///
/// # Errors
/// When its state can't be read.
pub fn find(cloud: &Cloud, environment: &str) -> Result<Option<FleetState>> {
    if !cloud.local {
        return Ok(None);
    }
    let found = fleet::find(environment)?;
    Ok(found.filter(|fleet| fleet.address == Address::new(cloud, environment)))
}

/// The region in which the fleet of an environment of the local emulator runs, where that is another one.
///
/// # Errors
/// When its state can't be read.
pub fn elsewhere(cloud: &Cloud, environment: &str) -> Result<Option<String>> {
    if !cloud.local {
        return Ok(None);
    }
    let found = fleet::find(environment)?.map(|fleet| fleet.address);
    let found = found.filter(|there| there.account == cloud.account && there.region != cloud.region);
    Ok(found.map(|there| there.region))
}

/// How many workers of an environment of the local emulator go on without their supervisor; none where there are none, or
/// that can't be known.
pub fn orphans(cloud: &Cloud, environment: &str) -> Option<usize> {
    let found = cloud.local.then(|| stop::orphans(&Address::new(cloud, environment)))?;
    found.ok().filter(|orphans| *orphans > 0)
}

/// Its group of this name.
pub fn group_of<'a>(fleet: &'a FleetState, name: &str) -> Option<&'a GroupState> {
    fleet.groups.iter().find(|group| group.group == name)
}

/// As Auto Scaling would describe it.
pub fn group(group: &GroupState) -> Group {
    let number = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
    Group {
        name: group.group.clone(),
        min: number(group.min),
        desired: number(group.desired),
        max: number(group.max),
        instances: group
            .instances
            .iter()
            .map(|instance| Instance {
                id: instance.id.clone(),
                zone: instance.zone.clone(),
                lifecycle_state: instance.lifecycle_state.as_str().to_owned(),
                health: "Healthy".to_owned(),
                spot_notice: instance.spot_notice,
                ..Instance::default()
            })
            .collect(),
        ..Group::default()
    }
}

/// The state of an instance whose worker runs, and whose supervisor was killed: nobody knows more of it, and nobody replaces
/// it.
pub const ORPHANED: &str = "Orphaned";

/// A group that no local fleet plays. On the emulator, what is listed are records of instances that a fleet had, or of none at
/// all: only workers whose supervisor was killed are behind some of them.
pub fn not_played(cloud: &Cloud, environment: &str, found: Group) -> Group {
    if !cloud.local {
        return found;
    }
    let left = fleet::orphaned(&Address::new(cloud, environment)).ok().flatten();
    let left = left.as_ref().and_then(|fleet| group_of(fleet, &found.name));
    let orphans = left.map_or(Vec::new(), |left| group(left).instances);
    let orphaned = |instance| Instance {
        lifecycle_state: ORPHANED.to_owned(),
        ..instance
    };
    Group {
        instances: orphans.into_iter().map(orphaned).collect(),
        ..found
    }
}

/// As CloudWatch would know it; the fleet's minutes may be shorter.
pub fn history(group: &GroupState) -> Vec<BacklogPoint> {
    let points = group.history.iter().filter_map(|minute| {
        Some(BacklogPoint {
            at: minute.at,
            messages_per_instance: minute.backlog_per_instance?,
        })
    });
    points.collect()
}

/// The last activities of an environment's groups, newest first.
///
/// # Errors
/// When its journal can't be read.
pub fn activities(environment: &str) -> Result<Vec<Activity>> {
    // Of all groups together: one that is busy must not hide the others.
    let all = fleet::activities(environment)?;
    let as_auto_scaling_says = |activity: state::Activity| Activity {
        activity_id: activity.activity_id,
        group: activity.group,
        description: activity.description,
        cause: activity.cause,
        start_time: Some(activity.start_time),
        end_time: activity.end_time,
        status_code: activity.status_code.as_str().to_owned(),
        status_message: activity.status_message,
    };
    Ok(all.into_iter().map(as_auto_scaling_says).collect())
}
