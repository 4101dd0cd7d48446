//! Dead letters back to the queue that they came from: by SQS itself where it can, else by hand.

mod by_hand;

use std::time::{Duration, Instant};

use futures_util::future::try_join;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::time::sleep;

use super::Failed;
use super::destinations::Queues;
use super::event::{Doing, Event, Events};
use crate::cloud::sqs::message_moves::{MoveStatus, MoveTask};
use crate::cloud::{Cloud, CloudError};
use crate::deployed::address::Address;
use crate::error;
use crate::interrupt::Interrupt;
use by_hand::by_hand;

/// How often a task is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How often to look for a task that was started: SQS may not list it at once.
const TRIES: u32 = 30;
/// How often to look again at a task that has ended: SQS may count only then what it has moved *(reported by users)*.
const RECOUNTS: u32 = 3;

/// Everything that it works with.
#[derive(Clone, Copy)]
pub struct Redrive<'a> {
    pub cloud: &'a Cloud,
    /// From which queue to which.
    pub queues: &'a Queues,
    /// The most messages a second.
    pub max_rate: Option<u32>,
    /// Told of what happens.
    pub tell: &'a Events,
    /// After it, nothing is begun.
    pub interrupt: &'a Interrupt,
}

/// How dead letters went back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// There were none.
    Nothing,
    /// SQS moved them, in a message move task.
    Task,
    /// SQS moved them, in a task that somebody had started before.
    RunningTask,
    /// They were received, sent and deleted.
    ByHand,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Redriven {
    #[serde(flatten)]
    pub address: Address,
    pub stage: String,
    /// The URL of the dead-letter queue.
    pub from: String,
    /// The URL of the queue.
    pub to: String,
    /// Whether all of them went back.
    pub succeeded: bool,
    pub how: How,
    /// How many went back; as SQS counts, approximately.
    pub moved: u64,
    /// How long it took.
    pub seconds: f64,
    /// What didn't, and why.
    pub failed: Vec<Failed>,
    /// How many were on their way back when it was interrupted: they may be in both queues.
    pub unknown: u64,
    /// Whether the task goes on in SQS, because waiting for it was interrupted.
    pub goes_on: bool,
}

impl Redriven {
    /// How the command ends. The reasons were shown before.
    pub fn result(&self) -> error::Result<()> {
        super::result(self.succeeded, &self.failed)
    }
}

/// What became of the dead letters.
#[derive(Debug, Default)]
pub(super) struct Moved {
    pub messages: u64,
    pub failed: Vec<Failed>,
    pub unknown: u64,
    /// It ended before all were moved, because it was interrupted.
    pub interrupted: bool,
}

impl Moved {
    /// How they went back: as it was tried, unless there was nothing to move.
    fn how(&self, tried: How) -> How {
        let nothing = self.messages == 0 && self.unknown == 0 && self.failed.is_empty() && !self.interrupted;
        if nothing { How::Nothing } else { tried }
    }
}

impl Redrive<'_> {
    /// Sends them back.
    ///
    /// # Errors
    /// When nothing was moved, because the queues can't be read or a task can't be started.
    pub async fn run(self, address: Address) -> error::Result<Redriven> {
        let began = Instant::now();
        let (how, moved) = self.redrive().await?;
        Ok(Redriven {
            address,
            stage: self.queues.stage.clone(),
            from: self.queues.dead_letters.clone(),
            to: self.queues.queue.clone(),
            succeeded: moved.failed.is_empty() && !moved.interrupted,
            how,
            moved: moved.messages,
            seconds: began.elapsed().as_secs_f64(),
            failed: moved.failed,
            unknown: moved.unknown,
            goes_on: moved.interrupted && matches!(how, How::Task | How::RunningTask),
        })
    }

    async fn redrive(self) -> error::Result<(How, Moved)> {
        let cloud = self.cloud;
        let Queues {
            queue, dead_letters, ..
        } = self.queues;
        let (from, to) = try_join(cloud.queue_arn(dead_letters), cloud.queue_arn(queue)).await?;
        let tasks = match cloud.move_tasks(&from).await {
            Ok(tasks) => tasks,
            Err(error) if error.is_unknown_operation() => return self.by_hand().await,
            Err(error) => return Err(error.into()),
        };
        if let Some(running) = running(&tasks) {
            return self.attach(&from, running).await;
        }
        let waiting = self.waiting().await?;
        // Also where SQS counts none: its counts are late by up to a minute.
        if let Err(error) = cloud.start_move_task(&from, &to, self.max_rate).await {
            // Somebody else may have been quicker.
            let tasks = cloud.move_tasks(&from).await.unwrap_or_default();
            return match tasks.first().filter(|newest| !newest.status.has_ended()) {
                Some(newest) => self.attach(&from, newest).await,
                None if error.is_unknown_operation() => self.by_hand().await,
                None => Err(error.into()),
            };
        }
        self.begin(waiting);
        let newest = tasks.first().map(|task| task.started);
        let is_ours = |task: &MoveTask| newest.is_none_or(|newest| task.started > newest);
        let moved = self.watch(&from, is_ours).await?;
        Ok((moved.how(How::Task), moved))
    }

    async fn attach(self, from: &str, running: &MoveTask) -> error::Result<(How, Moved)> {
        let rate = self.max_rate.map_or("", |_| ", and --max-rate is not for it");
        self.tell.warn(format!(
            "a task that was started before moves these messages already; waiting for it{rate}"
        ));
        self.begin(running.to_move.unwrap_or_default());
        let started = running.started;
        let watched = self.watch(from, |task| task.started == started).await?;
        Ok((How::RunningTask, watched))
    }

    async fn by_hand(self) -> error::Result<(How, Moved)> {
        let waiting = self.waiting().await?;
        self.begin(waiting);
        let moved = by_hand(self, waiting).await;
        Ok((moved.how(How::ByHand), moved))
    }

    /// How many dead letters there are, approximately: SQS counts them within a minute
    /// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html>).
    async fn waiting(&self) -> Result<u64, CloudError> {
        let depth = self.cloud.queue_depth(&self.queues.dead_letters).await?;
        Ok(depth.map_or(0, |depth| depth.total()))
    }

    fn begin(&self, items: u64) {
        self.tell.tell(Event::JobsStarted {
            doing: Doing::Moving,
            to: self.queues.queue.clone(),
            items,
            bytes: None,
        });
    }

    /// Waits for the end of a task.
    async fn watch(self, from: &str, is_it: impl Fn(&MoveTask) -> bool) -> Result<Moved, CloudError> {
        let mut moved = Moved::default();
        let (mut tries, mut recounts) = (0, 0);
        loop {
            let tasks = self.cloud.move_tasks(from).await.inspect_err(|_| {
                self.tell
                    .warn("the task goes on in SQS; the same command waits for it again");
            })?;
            match tasks.iter().find(|task| is_it(task)) {
                Some(task) => {
                    moved.messages = moved.messages.max(task.moved);
                    self.tell.tell(Event::MessagesMoved {
                        moved: moved.messages,
                        of: task.to_move,
                    });
                    let counted = task.to_move.is_none_or(|to_move| task.moved >= to_move);
                    if task.status == MoveStatus::Completed && !counted && recounts < RECOUNTS {
                        recounts += 1;
                    } else if task.status.has_ended() {
                        moved.failed.extend(self.failure(task));
                        return Ok(moved);
                    }
                }
                None if tries == TRIES => {
                    moved.failed.push(Failed {
                        what: self.queues.dead_letters.clone(),
                        message: "the task was started, but SQS doesn't list it".into(),
                    });
                    return Ok(moved);
                }
                None => tries += 1,
            }
            tokio::select! {
                biased;
                () = self.interrupt.wait() => {
                    moved.interrupted = true;
                    return Ok(moved);
                }
                () = sleep(LOOK) => {}
            }
        }
    }

    fn failure(&self, task: &MoveTask) -> Option<Failed> {
        let why = match task.status {
            MoveStatus::Completed => return None,
            MoveStatus::Cancelled => "somebody cancelled the task",
            _ => task.failure.as_deref().unwrap_or("SQS doesn't say why the task failed"),
        };
        Some(Failed {
            what: self.queues.dead_letters.clone(),
            message: why.to_owned(),
        })
    }
}

/// The task that moves messages now: there can be one, and it is the newest.
fn running(tasks: &[MoveTask]) -> Option<&MoveTask> {
    let newest = tasks.first()?;
    matches!(newest.status, MoveStatus::Running | MoveStatus::Cancelling).then_some(newest)
}
