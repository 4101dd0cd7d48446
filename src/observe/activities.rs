//! What Auto Scaling did last to the groups of an environment, and why.

use std::collections::BTreeMap;

use futures_util::future::join_all;

use super::stages::Stage;
use crate::cloud::Cloud;
use crate::cloud::activities::Activity;

/// How many of a group are read.
pub const MOST: usize = 10;

/// By stage, and what could not be read.
pub type Read = (BTreeMap<String, Vec<Activity>>, Vec<String>);

/// Reads the last activities of all groups: a call a group.
pub async fn read(cloud: &Cloud, stages: &[Stage]) -> Read {
    let read = join_all(stages.iter().map(async |stage| match &stage.group {
        Some(group) => (stage, cloud.activities(group, MOST).await),
        None => (stage, Ok(Vec::new())),
    }));
    let mut all = BTreeMap::new();
    let mut problems = Vec::new();
    for (stage, activities) in read.await {
        let activities = activities.unwrap_or_else(|error| {
            problems.push(format!("{}: {error}", stage.name));
            Vec::new()
        });
        all.insert(stage.name.clone(), activities);
    }
    (all, problems)
}
