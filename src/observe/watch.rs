//! How an environment is, again and again. What changes from second to second is read at each refresh, what changes
//! seldom or costs more only now and then: stacks, because CloudFormation's limits hold for a whole account; metrics,
//! because they have a new point a minute and CloudWatch bills each one that is asked for.
//!
//! On AWS a refresh is two calls to SQS and one to Auto Scaling a stage, and one more to Auto Scaling for all groups; of a web
//! tier, one for its targets and one for its group.

use std::time::Duration;

use futures_util::future::{OptionFuture, join, join3, try_join_all};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::mpsc::Sender;
use tokio::time::{Instant, timeout};

use super::findings::Words;
use super::gone::Gone;
use super::reads::{Reads, Stacks, fleet};
use super::status::Status;
use super::{activities, details, live, metrics, web};
use crate::cloud::{Cloud, CloudError};
use crate::deployed::Deployed;
use crate::deployed::address::Address;
use crate::deployed::stage::Stage;

/// How often things are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Queues, groups and activities.
    pub refresh: Duration,
    /// Stacks that nothing is done to.
    pub stacks: Duration,
    /// Stacks while something is done to one of them, or none is there yet.
    pub stirring_stacks: Duration,
    pub metrics: Duration,
    /// No read is waited for longer than this: the SDK's own retries may go on for minutes, and a screen that stands still
    /// looks like a fleet that does.
    pub patience: Duration,
}

impl Pace {
    /// On AWS, or on the local emulator, which has no limits and whose minutes the local fleet may shorten. Nothing is
    /// read more often than refreshed.
    pub fn new(local: bool, refresh: Option<Duration>) -> Pace {
        let seconds = |aws: u64, emulator: u64| Duration::from_secs(if local { emulator } else { aws });
        let refresh = refresh.unwrap_or(seconds(5, 2));
        Pace {
            refresh,
            stacks: seconds(15, 4).max(refresh),
            stirring_stacks: seconds(5, 2).max(refresh),
            metrics: seconds(60, 2).max(refresh),
            // The emulator is on this machine, and answers at once or not at all.
            patience: seconds(20, 4),
        }
    }
}

/// Where an environment is in its life, as far as it was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Its stacks could not be read yet.
    Unknown,
    /// It has no stack yet.
    NotDeployed,
    Deployed,
    /// It had stacks, and has none any more.
    Gone,
}

/// An environment at a time.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Snapshot {
    /// How far it is in its life.
    pub phase: Phase,
    #[serde(flatten)]
    pub status: Status,
}

/// Reads an environment again and again.
#[derive(Debug)]
pub struct Watcher {
    cloud: Cloud,
    environment: String,
    words: Words,
    /// The stages, as the file orders them.
    order: Vec<String>,
    pace: Pace,
    stacks: Option<Stacks>,
    stacks_problem: Option<String>,
    stacks_due: Instant,
    was_deployed: bool,
    /// What the stacks name and was gone, by stage.
    gone: Vec<(String, Vec<Gone>)>,
    metrics: metrics::Read,
    metrics_due: Instant,
    /// What of the web tier changes by the minute only.
    web: web::Slow,
}

impl Watcher {
    /// Begins, and reads nothing yet.
    pub fn new(cloud: Cloud, environment: &str, words: Words, pace: Pace) -> Watcher {
        Watcher {
            cloud,
            environment: environment.to_owned(),
            words,
            order: Vec::new(),
            pace,
            stacks: None,
            stacks_problem: None,
            stacks_due: Instant::now(),
            was_deployed: false,
            gone: Vec::new(),
            metrics: metrics::Read::default(),
            metrics_due: Instant::now(),
            web: web::Slow::default(),
        }
    }

    /// The same with the stages in this order, where they are among those that are deployed.
    pub fn in_order(self, order: Vec<String>) -> Watcher {
        Watcher { order, ..self }
    }

    /// Hands over a snapshot at each refresh, until the environment is gone or nobody takes it. `now` is the wall clock.
    pub async fn run(mut self, snapshots: Sender<Snapshot>, now: fn() -> Timestamp) {
        loop {
            let next = Instant::now() + self.pace.refresh;
            let snapshot = self.refresh(now()).await;
            let gone = snapshot.phase == Phase::Gone;
            if snapshots.send(snapshot).await.is_err() || gone {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep_until(next) => {}
                () = snapshots.closed() => return,
            }
        }
    }

    /// Reads what is due. What can't be read is said in the status's `unknown`. `now` is the wall clock.
    pub async fn refresh(&mut self, now: Timestamp) -> Snapshot {
        let patience = self.pace.patience;
        if Instant::now() >= self.stacks_due {
            self.read_stacks().await;
        }
        let stages = self.stacks.as_ref().map(|stacks| Stage::all(&stacks.deployed));
        let stages = stages.unwrap_or_default();
        let (fleet, of_fleet) = fleet(&self.cloud, &self.environment);
        let metrics_are_due = Instant::now() >= self.metrics_due && !stages.is_empty();
        let metrics: OptionFuture<_> = metrics_are_due
            .then(|| timeout(patience, metrics::read(&self.cloud, fleet.as_ref(), &stages, now)))
            .into();
        let (live, activities, metrics) = join3(
            timeout(
                patience,
                live::read(&self.cloud, &self.environment, fleet.as_ref(), &stages),
            ),
            timeout(patience, activities::read(&self.cloud, &self.environment, &stages)),
            metrics,
        )
        .await;
        let mut late = Vec::new();
        let live = live.unwrap_or_else(|_| {
            late.push(self.no_answer("queues and groups"));
            live::Read::default()
        });
        let activities = activities.unwrap_or_else(|_| {
            late.push(self.no_answer("scaling activities"));
            activities::Read::default()
        });
        match metrics {
            Some(Ok(mut metrics)) => {
                // A local fleet that has ended takes its history with it; the picture stays.
                for (stage, read) in metrics.0.iter_mut().filter(|_| self.cloud.local && fleet.is_none()) {
                    if let Some(known) = self.metrics.0.get(stage) {
                        read.history.clone_from(&known.history);
                    }
                }
                self.metrics = metrics;
            }
            Some(Err(_)) => self.metrics.1 = vec![self.no_answer("metrics")],
            None => {}
        }
        let mut details = details::Read::default();
        if let Some(stacks) = &self.stacks {
            let due = Instant::now() >= self.metrics_due;
            let (cloud, deployed, known) = (&self.cloud, &stacks.deployed, &self.web);
            let slow = async {
                match due {
                    true => web::read_slow(cloud, deployed, now).await,
                    false => known.clone(),
                }
            };
            let reads = join(web::read(cloud, fleet.as_ref(), deployed), slow);
            match timeout(patience, reads).await {
                Ok((read, slow)) => {
                    self.web = slow;
                    if let Some((mut web, problems)) = read {
                        self.web.add_to(&mut web);
                        details.web = Some(web);
                        details.problems = self.web.problems.iter().cloned().chain(problems).collect();
                    }
                }
                Err(_) => late.push(self.no_answer("the web tier")),
            }
        }
        if metrics_are_due {
            self.metrics_due = Instant::now() + self.pace.metrics;
        }
        let gone = live.0.iter().filter(|(_, live)| !live.gone.is_empty());
        let gone: Vec<_> = gone.map(|(stage, live)| (stage.clone(), live.gone.clone())).collect();
        if gone != self.gone && !gone.is_empty() {
            // Perhaps its stack is being deleted, which wasn't so when it was read.
            self.read_stacks().await;
        }
        self.gone = gone;
        let nothing = Stacks {
            deployed: Deployed {
                address: Address::new(&self.cloud, &self.environment),
                stacks: Vec::new(),
            },
            expires: None,
            problems: Vec::new(),
            // Stacks come and go while somebody watches: that one isn't there yet, or any more, is no finding then.
            parts: None,
        };
        let stacks = self.stacks.as_ref().unwrap_or(&nothing);
        let reads = Reads {
            stacks,
            fleet: fleet.as_ref(),
            live: &live,
            activities: &activities,
            metrics: &self.metrics,
            // The rest is read once it is asked for, by `status` alone: a screen needn't cost that much.
            details: &details,
        };
        let mut status = reads.status(&self.cloud, &self.words, now);
        if self.cloud.local && fleet.is_none() {
            // Its history is that of a fleet that has ended.
            let backlogs = status.stages.iter_mut().filter_map(|stage| stage.backlog.as_mut());
            backlogs.for_each(|backlog| backlog.trend = None);
        }
        status.unknown.extend(of_fleet);
        status.unknown.extend(late);
        status.unknown.extend(self.stacks_problem.clone());
        let phase = match &self.stacks {
            None => Phase::Unknown,
            Some(stacks) if !stacks.deployed.stacks.is_empty() => Phase::Deployed,
            Some(_) if self.was_deployed => Phase::Gone,
            Some(_) => Phase::NotDeployed,
        };
        Snapshot { phase, status }
    }

    fn no_answer(&self, what: &str) -> String {
        let whose = self
            .cloud
            .local_endpoint()
            .map_or(String::new(), |url| format!(" from {url}"));
        format!("{what}: no answer{whose} within {} s", self.pace.patience.as_secs())
    }

    /// What was known before stays when they can't be read.
    async fn read_stacks(&mut self) {
        match timeout(self.pace.patience, self.new_stacks()).await {
            Ok(Ok(mut stacks)) => {
                stacks.deployed.put_in_order(&self.order);
                self.was_deployed |= !stacks.deployed.stacks.is_empty();
                self.stacks = Some(stacks);
                self.stacks_problem = None;
            }
            Ok(Err(error)) => self.stacks_problem = Some(error.to_string()),
            Err(_) => self.stacks_problem = Some(self.no_answer("stacks")),
        }
        let stacks = self.stacks.iter().flat_map(|stacks| &stacks.deployed.stacks);
        let idle = stacks.clone().count() > 0 && stacks.clone().all(|found| !found.stack.status.is_in_progress());
        let pause = if idle {
            self.pace.stacks
        } else {
            self.pace.stirring_stacks
        };
        self.stacks_due = Instant::now() + pause;
    }

    /// A listing may leave termination protection out: of a stack that nothing was done to, it is what it was.
    async fn new_stacks(&self) -> Result<Stacks, CloudError> {
        let mut read = Stacks::read(&self.cloud, &self.environment).await?;
        let known = self.stacks.iter().flat_map(|stacks| &stacks.deployed.stacks);
        let protections = try_join_all(read.deployed.stacks.iter().map(async |found| {
            let stack = &found.stack;
            if stack.protected.is_some() {
                return Ok(stack.protected);
            }
            let same = known
                .clone()
                .map(|known| &known.stack)
                .find(|known| known.id == stack.id && known.status == stack.status && known.updated == stack.updated);
            match same {
                Some(known) => Ok(known.protected),
                None => Ok(self.cloud.stack(&stack.id).await?.and_then(|stack| stack.protected)),
            }
        }))
        .await?;
        for (found, protected) in read.deployed.stacks.iter_mut().zip(protections) {
            found.stack.protected = protected;
        }
        Ok(read)
    }
}
