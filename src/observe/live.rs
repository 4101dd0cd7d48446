//! What changes from second to second: how much is in the queues, and which instances the groups have.

use std::collections::BTreeMap;

use futures_util::future::{join, join_all};

use super::local_fleet;
use super::stages::Stage;
use crate::cloud::groups::Group;
use crate::cloud::queues::QueueDepth;
use crate::cloud::{Cloud, CloudError};
use crate::local::fleet::state::FleetState;

/// What is in a stage's queues, and its group.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Live {
    /// What is in the queue.
    pub queue: Option<QueueDepth>,
    /// What is in the dead-letter queue.
    pub dead_letters: Option<QueueDepth>,
    /// The group.
    pub group: Option<Group>,
}

/// By stage, and what could not be read.
pub type Read = (BTreeMap<String, Live>, Vec<String>);

/// Reads it: a call a queue, and one for the first fifty groups. Of the groups that a local fleet plays, it is asked.
pub async fn read(cloud: &Cloud, fleet: Option<&FleetState>, stages: &[Stage]) -> Read {
    let played = |name: &str| fleet.and_then(|fleet| local_fleet::group_of(fleet, name));
    let names = stages.iter().filter_map(|stage| stage.group.clone());
    let names: Vec<String> = names.filter(|name| played(name).is_none()).collect();
    let (queues, groups) = join(
        join_all(stages.iter().map(|stage| queues(cloud, stage))),
        cloud.groups(&names),
    )
    .await;
    let mut problems = Vec::new();
    let groups = groups.unwrap_or_else(|error| {
        problems.push(error.to_string());
        Vec::new()
    });
    let mut all = BTreeMap::new();
    for (stage, (queue, dead_letters)) in stages.iter().zip(queues) {
        let live = Live {
            queue: known(queue, stage, &mut problems),
            dead_letters: known(dead_letters, stage, &mut problems),
            group: stage.group.as_ref().and_then(|name| match played(name) {
                Some(group) => Some(local_fleet::group(group)),
                None => groups.iter().find(|group| group.name == *name).cloned(),
            }),
        };
        all.insert(stage.name.clone(), live);
    }
    (all, problems)
}

type Depth = Result<Option<QueueDepth>, CloudError>;

async fn queues(cloud: &Cloud, stage: &Stage) -> (Depth, Depth) {
    let dead_letters = async {
        match &stage.dead_letter_queue_url {
            Some(url) => cloud.queue_depth(url).await,
            None => Ok(None),
        }
    };
    join(cloud.queue_depth(&stage.queue_url), dead_letters).await
}

/// One read that fails leaves the rest.
fn known(read: Depth, stage: &Stage, problems: &mut Vec<String>) -> Option<QueueDepth> {
    read.unwrap_or_else(|error| {
        problems.push(format!("{}: {error}", stage.name));
        None
    })
}
