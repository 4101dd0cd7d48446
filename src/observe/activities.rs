//! What Auto Scaling did last to the groups of an environment, and why.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use futures_util::future::join_all;

use super::local_fleet;
use crate::cloud::Cloud;
use crate::cloud::autoscaling::activities::Activity;
use crate::deployed::stage::Stage;

/// How many of a group are read.
pub const MOST: usize = 10;

/// By stage, and what could not be read.
pub type Read = (BTreeMap<String, Vec<Activity>>, Vec<String>);

/// Reads the last activities of all groups: a call a group on AWS, the local fleet's journal on the emulator, which knows
/// of none.
pub async fn read(cloud: &Cloud, environment: &str, stages: &[Stage]) -> Read {
    if cloud.local {
        return of_fleet(environment, stages);
    }
    let read = join_all(stages.iter().map(async |stage| match stage.group() {
        Some(group) => (stage, cloud.activities(group, MOST).await),
        None => (stage, Ok(Vec::new())),
    }));
    let mut all = BTreeMap::new();
    let mut problems = Vec::new();
    for (stage, activities) in read.await {
        let mut activities = activities.unwrap_or_else(|error| {
            problems.push(format!("{}: {error}", stage.name));
            Vec::new()
        });
        // Auto Scaling puts those that are in progress first.
        activities.sort_by_key(|activity| Reverse(activity.start_time));
        all.insert(stage.name.clone(), activities);
    }
    (all, problems)
}

fn of_fleet(environment: &str, stages: &[Stage]) -> Read {
    let (journal, problems) = match local_fleet::activities(environment) {
        Ok(journal) => (journal, Vec::new()),
        Err(error) => (Vec::new(), vec![error.to_string()]),
    };
    let of_stages = stages.iter().map(|stage| {
        let of_group = journal
            .iter()
            .filter(|activity| Some(activity.group.as_str()) == stage.group());
        (stage.name.clone(), of_group.take(MOST).cloned().collect())
    });
    (of_stages.collect(), problems)
}
