//! An instance that goes, and the one that takes its place.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::local_fleet;
use crate::cloud::Cloud;
use crate::cloud::autoscaling::groups::Group;
use crate::error::{Error, Result};
use crate::local::fleet;

/// How often a group is read: one call each time.
const ON_AWS: Duration = Duration::from_secs(3);
/// The same for a local fleet, whose state is a file.
const LOCALLY: Duration = Duration::from_millis(250);

/// An instance that came, went on or is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct InstanceChange {
    /// When it was seen.
    pub at: Timestamp,
    pub instance: String,
    /// Its lifecycle state before; none when it wasn't there.
    pub before: Option<String>,
    /// Its lifecycle state now; none when it is gone.
    pub after: Option<String>,
}

/// What is known of the instance that goes and of those that came since.
#[derive(Debug)]
pub struct Replacement {
    instance: String,
    /// The instances that were there at the beginning. None of them is a replacement.
    others: Vec<String>,
    /// The last known lifecycle states of the instance and of those that came.
    states: BTreeMap<String, String>,
}

impl Replacement {
    /// Of an instance of a group, before anything is done to it.
    pub fn begin(group: &Group, instance: &str) -> Replacement {
        let of = |wanted: bool| {
            let those = group
                .instances
                .iter()
                .filter(move |there| (there.id == instance) == wanted);
            those.map(|there| (there.id.clone(), there.lifecycle_state.clone()))
        };
        Replacement {
            instance: instance.to_owned(),
            others: of(false).map(|(id, _)| id).collect(),
            states: of(true).collect(),
        }
    }

    /// What changed since it was seen last. `now` is the wall clock.
    pub fn see(&mut self, group: &Group, now: Timestamp) -> Vec<InstanceChange> {
        let mut changes = Vec::new();
        let mut change = |instance: &str, before: Option<&String>, after: Option<&String>| {
            changes.push(InstanceChange {
                at: now,
                instance: instance.to_owned(),
                before: before.cloned(),
                after: after.cloned(),
            });
        };
        self.states.retain(|id, state| {
            let is_there = group.instances.iter().any(|there| there.id == *id);
            if !is_there {
                change(id, Some(state), None);
            }
            is_there
        });
        for there in group.instances.iter().filter(|there| !self.others.contains(&there.id)) {
            let now = &there.lifecycle_state;
            let before = self.states.insert(there.id.clone(), now.clone());
            if before.as_ref() != Some(now) {
                change(&there.id, before.as_ref(), Some(now));
            }
        }
        changes
    }

    /// The instances that came since, and are in service. One of them took the place; which one, nobody says where the
    /// group grew meanwhile.
    pub fn successors(&self) -> Vec<&str> {
        let came = self.states.iter().filter(|(id, _)| **id != self.instance);
        let in_service = came.filter(|(_, state)| *state == "InService");
        in_service.map(|(id, _)| id.as_str()).collect()
    }

    /// Whether the instance is gone and the group has again what it should. Where it should have fewer by now, that
    /// takes no successor.
    pub fn is_over(&self, group: &Group) -> bool {
        let enough = group.in_service() >= usize::try_from(group.desired).unwrap_or_default();
        !self.states.contains_key(&self.instance) && enough
    }
}

/// Tells each change until the instance is replaced. `now` reads the wall clock.
///
/// # Errors
/// When the group can't be read, or is gone.
pub async fn follow(
    cloud: &Cloud,
    environment: &str,
    group: &str,
    replacement: &mut Replacement,
    now: fn() -> Timestamp,
    mut tell: impl FnMut(&InstanceChange),
) -> Result<()> {
    loop {
        let Some(read) = read(cloud, environment, group).await? else {
            return Err(
                Error::failed(format!("the group {group} is gone: nothing replaces its instances"))
                    .with_help("`qfleet status` shows what is left of the environment"),
            );
        };
        replacement.see(&read, now()).iter().for_each(&mut tell);
        if replacement.is_over(&read) {
            return Ok(());
        }
        tokio::time::sleep(if cloud.local { LOCALLY } else { ON_AWS }).await;
    }
}

/// The group as Auto Scaling knows it, or on the local emulator the local fleet that plays it.
async fn read(cloud: &Cloud, environment: &str, group: &str) -> Result<Option<Group>> {
    if !cloud.local {
        return Ok(cloud.group(group).await?);
    }
    let Some(fleet) = local_fleet::find(cloud, environment)? else {
        return Err(
            Error::failed(format!("the local fleet of {environment} has ended")).with_help(
                match fleet::command(environment) {
                    Some(up) => format!("start it again: {up}"),
                    None => "`qfleet local up` starts it again".to_owned(),
                },
            ),
        );
    };
    Ok(local_fleet::group_of(&fleet, group).map(local_fleet::group))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::autoscaling::groups::Instance;

    fn group(desired: i32, instances: &[(&str, &str)]) -> Group {
        let instance = |(id, state): &(&str, &str)| Instance {
            id: (*id).into(),
            zone: "us-east-2a".into(),
            lifecycle_state: (*state).into(),
            health: "Healthy".into(),
            ..Instance::default()
        };
        Group {
            name: "lab-move".into(),
            min: 1,
            desired,
            max: 4,
            instances: instances.iter().map(instance).collect(),
            ..Group::default()
        }
    }

    /// The changes as `id before>after`.
    fn see(replacement: &mut Replacement, group: &Group) -> Vec<String> {
        let changes = replacement.see(group, Timestamp::UNIX_EPOCH).into_iter();
        let text = |state: Option<String>| state.unwrap_or_default();
        changes
            .map(|change| format!("{} {}>{}", change.instance, text(change.before), text(change.after)))
            .collect()
    }

    #[test]
    fn one_goes_and_another_comes() {
        let before = group(2, &[("a", "InService"), ("b", "InService"), ("c", "Pending")]);
        let mut replacement = Replacement::begin(&before, "a");
        assert!(see(&mut replacement, &before).is_empty());
        assert!(
            !replacement.is_over(&before),
            "enough are in service, but it is still there"
        );
        let draining = group(2, &[("a", "Terminating:Wait"), ("b", "InService"), ("c", "InService")]);
        assert_eq!(see(&mut replacement, &draining), ["a InService>Terminating:Wait"]);
        assert!(replacement.successors().is_empty(), "c came up before");
        let coming = group(3, &[("b", "InService"), ("c", "InService"), ("d", "Pending")]);
        assert_eq!(see(&mut replacement, &coming), ["a Terminating:Wait>", "d >Pending"]);
        assert!(!replacement.is_over(&coming));
        let there = group(3, &[("b", "InService"), ("c", "InService"), ("d", "InService")]);
        assert_eq!(see(&mut replacement, &there), ["d Pending>InService"]);
        assert!(replacement.is_over(&there));
        assert_eq!(replacement.successors(), ["d"]);
    }

    #[test]
    fn where_the_group_grows_meanwhile_each_that_came_may_be_it() {
        let mut replacement = Replacement::begin(&group(1, &[("a", "InService")]), "a");
        let grows = group(2, &[("a", "Terminating:Wait"), ("b", "InService"), ("c", "Pending")]);
        see(&mut replacement, &grows);
        assert!(!replacement.is_over(&grows));
        let there = group(2, &[("b", "InService"), ("c", "InService")]);
        see(&mut replacement, &there);
        assert!(replacement.is_over(&there));
        assert_eq!(replacement.successors(), ["b", "c"]);
    }

    #[test]
    fn a_replacement_that_dies_is_none() {
        let mut replacement = Replacement::begin(&group(1, &[("a", "InService")]), "a");
        let one = group(1, &[("b", "Pending")]);
        assert_eq!(see(&mut replacement, &one), ["a InService>", "b >Pending"]);
        let other = group(1, &[("c", "Pending")]);
        assert_eq!(see(&mut replacement, &other), ["b Pending>", "c >Pending"]);
        assert!(!replacement.is_over(&other));
    }

    #[test]
    fn a_group_that_should_be_smaller_by_now_needs_no_replacement() {
        let mut replacement = Replacement::begin(&group(2, &[("a", "InService"), ("b", "InService")]), "a");
        let smaller = group(1, &[("b", "InService")]);
        see(&mut replacement, &smaller);
        assert!(replacement.is_over(&smaller));
        assert!(replacement.successors().is_empty());
    }
}
