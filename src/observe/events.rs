//! What happens to an environment's stacks, past and to come, whoever does it.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::try_join_all;
use jiff::Timestamp;
use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::cloud::cloudformation::events::ResourceEvent;
use crate::cloud::cloudformation::stack_status::StackStatus;
use crate::cloud::cloudformation::stacks::StackDescription;
use crate::cloud::{Cloud, CloudError};
use crate::deployed::{Deployed, ours};

/// An event of one of the stacks, as `deploy` tells it, too.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(tag = "event", rename = "resource")]
#[schemars(transform = tagged)]
pub struct Happened {
    pub stack: String,
    #[serde(flatten)]
    pub resource: ResourceEvent,
}

/// Says of the tag, which schemars knows only of enums.
fn tagged(schema: &mut Schema) {
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert("event".into(), json!({ "const": "resource" }));
    }
    if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
        required.push("event".into());
    }
}

/// How often all stacks are listed, which is one call for up to a hundred: an operation that others start is seen so
/// much later at most.
const LISTING: Duration = Duration::from_secs(4);
/// How often the events of a stack are read while something is done to it.
const WATCHING: Duration = Duration::from_millis(1500);
/// A listing may be ahead of the events that explain it. This is how often to look for them.
const TRIES: u32 = 10;

/// Follows the events of an environment. Idle stacks cost nothing but a share of the listing: only those whose status
/// or time of change is another one are read.
#[derive(Debug)]
pub struct Follower<'a> {
    cloud: &'a Cloud,
    environment: &'a str,
    since: Timestamp,
    /// By ARN, so that a stack that is deleted and made anew is another one.
    stacks: BTreeMap<String, Followed>,
    listed: Instant,
}

#[derive(Debug)]
struct Followed {
    name: String,
    status: StackStatus,
    changed: Option<Timestamp>,
    /// The newest event that was read.
    last: Option<String>,
    /// The stack's own status in the newest event about itself.
    told: Option<StackStatus>,
    /// How many more times to read its events although none says that something runs.
    tries: u32,
    gone: bool,
}

impl Followed {
    fn new(stack: &StackDescription) -> Self {
        Followed {
            name: stack.name.clone(),
            status: stack.status.clone(),
            changed: stack.updated.or(stack.created),
            last: None,
            told: None,
            tries: TRIES,
            gone: false,
        }
    }

    fn runs(&self) -> bool {
        !self.gone && self.told.as_ref().is_some_and(StackStatus::is_in_progress)
    }

    /// What a listing says now.
    fn list(&mut self, stack: &StackDescription) {
        let changed = stack.updated.or(stack.created);
        if self.status != stack.status || self.changed != changed {
            self.status = stack.status.clone();
            self.changed = changed;
            self.tries = TRIES;
        }
    }

    /// What its events say now.
    fn read(&mut self, events: &[ResourceEvent], since: Timestamp) {
        if let Some(newest) = events.last() {
            self.last = Some(newest.id.clone());
        }
        if let Some(of_stack) = events.iter().rev().find(|event| event.is_stack) {
            self.told = Some(StackStatus::from(of_stack.status.as_str()));
        }
        let explained = match &self.told {
            Some(told) if self.gone => *told == StackStatus::DeleteComplete,
            Some(told) => *told == self.status,
            // It became what it is before the time that was asked for.
            None => !self.status.is_in_progress() && self.changed.is_none_or(|changed| changed < since),
        };
        self.tries = if explained { 0 } else { self.tries.saturating_sub(1) };
    }
}

impl<'a> Follower<'a> {
    /// Follows the environment of this name from `since` on.
    pub fn new(cloud: &'a Cloud, environment: &'a str, since: Timestamp) -> Self {
        Follower {
            cloud,
            environment,
            since,
            stacks: BTreeMap::new(),
            listed: Instant::now(),
        }
    }

    /// All events of the past, oldest first; those of stacks that were deleted meanwhile, too.
    ///
    /// # Errors
    /// When AWS can't be asked.
    pub async fn past(&mut self) -> Result<Vec<Happened>, CloudError> {
        self.list().await?;
        self.list_deleted().await?;
        self.read().await
    }

    /// Whether there is a stack to follow.
    pub fn follows_any(&self) -> bool {
        !self.stacks.is_empty()
    }

    /// Waits for the next events, oldest first. None at all: the environment was there, and is gone.
    ///
    /// # Errors
    /// When AWS can't be asked.
    pub async fn next(&mut self) -> Result<Vec<Happened>, CloudError> {
        let had_any = self.follows_any();
        loop {
            let eager = self.stacks.values().any(|stack| stack.runs() || stack.tries > 0);
            tokio::time::sleep(if eager { WATCHING } else { LISTING }).await;
            if self.listed.elapsed() >= LISTING {
                self.list().await?;
            }
            let news = self.read().await?;
            if !news.is_empty() || (had_any && !self.follows_any()) {
                return Ok(news);
            }
        }
    }

    async fn list(&mut self) -> Result<(), CloudError> {
        let deployed = Deployed::find(self.cloud, self.environment).await?;
        self.listed = Instant::now();
        for (id, followed) in &mut self.stacks {
            let is_there = deployed.stacks.iter().any(|found| found.stack.id == *id);
            if !is_there && !followed.gone {
                followed.gone = true;
                followed.tries = TRIES;
            }
        }
        for found in &deployed.stacks {
            let stack = &found.stack;
            let new = || Followed::new(stack);
            self.stacks.entry(stack.id.clone()).or_insert_with(new).list(stack);
        }
        Ok(())
    }

    /// A stack whose first create failed is deleted on the way back, and its events say why. They are there for 90 days, by
    /// its ARN (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackEvents.html>).
    async fn list_deleted(&mut self) -> Result<(), CloudError> {
        let (cloud, prefix) = (self.cloud, format!("{}-", self.environment));
        let deleted = cloud.deleted_since(&prefix, self.since).await?;
        let unknown = deleted.iter().filter(|id| !self.stacks.contains_key(*id));
        let found = try_join_all(unknown.map(|id| cloud.stack(id))).await?;
        for stack in found.into_iter().flatten() {
            // The name alone may be that of another environment's.
            if ours(&stack).is_some_and(|tags| tags.environment == self.environment) {
                let followed = Followed {
                    gone: true,
                    // Nothing comes any more.
                    tries: 1,
                    ..Followed::new(&stack)
                };
                self.stacks.insert(stack.id, followed);
            }
        }
        Ok(())
    }

    /// Reads the stacks that something may have happened to, and forgets those that are gone.
    async fn read(&mut self) -> Result<Vec<Happened>, CloudError> {
        let (cloud, since) = (self.cloud, self.since);
        let stirred = self
            .stacks
            .iter_mut()
            .filter(|(_, stack)| stack.runs() || stack.tries > 0);
        let read = try_join_all(stirred.map(async |(id, stack)| {
            let events = match &stack.last {
                Some(last) => cloud.events_after(id, Some(last)).await?,
                None => cloud.events_since(id, since).await?,
            };
            stack.read(&events, since);
            let name = stack.name.clone();
            Ok::<_, CloudError>(events.into_iter().map(move |resource| Happened {
                stack: name.clone(),
                resource,
            }))
        }))
        .await?;
        self.stacks.retain(|_, stack| !stack.gone || stack.tries > 0);
        let mut all: Vec<Happened> = read.into_iter().flatten().collect();
        // Stable: events of one stack stay in CloudFormation's order.
        all.sort_by_key(|happened| happened.resource.at);
        Ok(all)
    }
}
