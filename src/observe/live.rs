//! What changes from second to second: how much is in the queues, and which instances the groups have.

use std::collections::BTreeMap;

use futures_util::future::{join, join_all, join3};

use super::function::{self, LiveFunction};
use super::gone::Gone;
use super::local_fleet;
use super::replies::Replies;
use crate::cloud::autoscaling::groups::Group;
use crate::cloud::sqs::queues::QueueDepth;
use crate::cloud::{Cloud, CloudError};
use crate::deployed::stage::Stage;
use crate::local::fleet::state::FleetState;

/// What is in a stage's queues, and its group.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Live {
    /// What is in the queue.
    pub queue: Option<QueueDepth>,
    /// What is in the dead-letter queue.
    pub dead_letters: Option<QueueDepth>,
    /// Of a stage whose workers reply.
    pub replies: Option<Replies>,
    pub group: Option<Group>,
    /// Of a stage whose workers are a function.
    pub function: Option<LiveFunction>,
    /// What its stack names and is not there.
    pub gone: Vec<Gone>,
}

/// By stage, and what could not be read.
pub type Read = (BTreeMap<String, Live>, Vec<String>);

/// Reads it: a call a queue, those of replies included, one for the first fifty groups, two a function. Of the groups that a local fleet plays, it is
/// asked.
pub async fn read(cloud: &Cloud, environment: &str, fleet: Option<&FleetState>, stages: &[Stage]) -> Read {
    let played = |name: &str| fleet.and_then(|fleet| local_fleet::group_of(fleet, name));
    let names = stages.iter().filter_map(Stage::group);
    let names: Vec<String> = names.filter(|name| played(name).is_none()).map(str::to_owned).collect();
    let (queues, groups, functions) = join3(
        join_all(stages.iter().map(|stage| queues(cloud, stage))),
        cloud.groups(&names),
        join_all(stages.iter().map(async |stage| match stage.function() {
            Some(function) => Some(function::read(cloud, function).await),
            None => None,
        })),
    )
    .await;
    let mut problems = Vec::new();
    let groups = groups.map_err(|error| problems.push(error.to_string())).ok();
    let mut all = BTreeMap::new();
    for ((stage, (queue, dead_letters, replies)), function) in stages.iter().zip(queues).zip(functions) {
        let mut gone = Vec::new();
        if matches!(queue, Ok(None)) {
            gone.push(Gone::Queue);
        }
        if stage.dead_letter_queue_url.is_some() && matches!(dead_letters, Ok(None)) {
            gone.push(Gone::DeadLetterQueue);
        }
        let replies = replies.map(|(waiting, dead_letters)| {
            if matches!(waiting, Ok(None)) {
                gone.push(Gone::ReplyQueue);
            }
            if matches!(dead_letters, Ok(None)) {
                gone.push(Gone::ReplyDeadLetterQueue);
            }
            Replies {
                waiting: known(waiting, stage, &mut problems),
                dead_letters: known(dead_letters, stage, &mut problems),
            }
        });
        let group = stage.group().and_then(|name| match (played(name), &groups) {
            (Some(group), _) => Some(local_fleet::group(group)),
            (None, groups) => {
                let found = groups.iter().flatten().find(|group| group.name == name).cloned();
                found.map(|group| local_fleet::not_played(cloud, environment, group))
            }
        });
        if stage.group().is_some() && group.is_none() && groups.is_some() {
            gone.push(Gone::Group);
        }
        let function = function.map(|(live, of_function, unread)| {
            gone.extend(of_function);
            problems.extend(unread.iter().map(|error| format!("{}: {error}", stage.name)));
            live
        });
        let live = Live {
            queue: known(queue, stage, &mut problems),
            dead_letters: known(dead_letters, stage, &mut problems),
            replies,
            group,
            function,
            gone,
        };
        all.insert(stage.name.clone(), live);
    }
    (all, problems)
}

type Depth = Result<Option<QueueDepth>, CloudError>;

async fn queues(cloud: &Cloud, stage: &Stage) -> (Depth, Depth, Option<(Depth, Depth)>) {
    let named = async |url: &Option<String>| match url {
        Some(url) => cloud.queue_depth(url).await,
        None => Ok(None),
    };
    let replies = async {
        let replies = stage.replies.as_ref()?;
        Some(
            join(
                cloud.queue_depth(&replies.queue_url),
                named(&replies.dead_letter_queue_url),
            )
            .await,
        )
    };
    let queue = cloud.queue_depth(&stage.queue_url);
    join3(queue, named(&stage.dead_letter_queue_url), replies).await
}

/// One read that fails leaves the rest.
fn known(read: Depth, stage: &Stage, problems: &mut Vec<String>) -> Option<QueueDepth> {
    read.unwrap_or_else(|error| {
        problems.push(format!("{}: {error}", stage.name));
        None
    })
}
