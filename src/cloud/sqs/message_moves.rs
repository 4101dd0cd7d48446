//! Message move tasks: SQS itself moves the messages of a dead-letter queue to where they came from.

use crate::cloud::sqs::queues::explain;
use crate::cloud::{Cloud, CloudError};

/// The most messages a second that SQS can be asked to keep to
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html>).
pub const FASTEST: u32 = 500;

/// A task, as SQS lists it
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListMessageMoveTasksResultEntry.html>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveTask {
    pub status: MoveStatus,
    /// How many messages it has moved, approximately.
    pub moved: u64,
    /// How many there were to move when it began; none while it hasn't been chosen to begin.
    pub to_move: Option<u64>,
    pub failure: Option<String>,
    /// When it was started, in milliseconds since 1970. Of two tasks of a queue, the later one is newer.
    pub started: i64,
}

/// How a task is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MoveStatus {
    Running,
    /// It has moved all.
    Completed,
    /// It is about to stop.
    Cancelling,
    Cancelled,
    Failed,
    /// One that isn't known yet.
    Unknown(String),
}

impl MoveStatus {
    /// Whether it has ended. A status that isn't known doesn't say so.
    pub fn has_ended(&self) -> bool {
        matches!(self, MoveStatus::Completed | MoveStatus::Cancelled | MoveStatus::Failed)
    }
}

impl From<&str> for MoveStatus {
    fn from(text: &str) -> Self {
        match text {
            "RUNNING" => MoveStatus::Running,
            "COMPLETED" => MoveStatus::Completed,
            "CANCELLING" => MoveStatus::Cancelling,
            "CANCELLED" => MoveStatus::Cancelled,
            "FAILED" => MoveStatus::Failed,
            other => MoveStatus::Unknown(other.to_owned()),
        }
    }
}

impl Cloud {
    /// The newest tasks of a dead-letter queue, newest first: SQS tells of ten at most.
    pub async fn move_tasks(&self, dead_letter_queue_arn: &str) -> Result<Vec<MoveTask>, CloudError> {
        let answer = self
            .sqs
            .list_message_move_tasks()
            .source_arn(dead_letter_queue_arn)
            .max_results(10)
            .send()
            .await
            .map_err(|error| explain("ListMessageMoveTasks", error))?;
        let tasks = answer.results().iter().map(|task| MoveTask {
            status: task.status().unwrap_or_default().into(),
            moved: task
                .approximate_number_of_messages_moved()
                .try_into()
                .unwrap_or_default(),
            to_move: task
                .approximate_number_of_messages_to_move()
                .and_then(|count| count.try_into().ok()),
            failure: task.failure_reason().map(str::to_owned),
            started: task.started_timestamp(),
        });
        let mut tasks: Vec<MoveTask> = tasks.collect();
        tasks.sort_by_key(|task| std::cmp::Reverse(task.started));
        Ok(tasks)
    }

    /// Starts a task that moves all messages of the dead-letter queue to another queue, at most so many a second
    /// ([`FASTEST`] at most; without it, as SQS sees fit). A queue can have one running task.
    pub async fn start_move_task(&self, from_arn: &str, to_arn: &str, rate: Option<u32>) -> Result<(), CloudError> {
        self.sqs
            .start_message_move_task()
            .source_arn(from_arn)
            .destination_arn(to_arn)
            .set_max_number_of_messages_per_second(rate.map(|rate| rate.min(FASTEST) as i32))
            .send()
            .await
            .map(drop)
            .map_err(|error| explain("StartMessageMoveTask", error))
    }
}

impl CloudError {
    /// Whether the service doesn't know this operation at all, as emulators and compatible services answer.
    pub fn is_unknown_operation(&self) -> bool {
        [
            "InvalidAction",
            "NotImplemented",
            "UnknownOperation",
            "UnknownOperationException",
            "UnsupportedOperation",
        ]
        .iter()
        .any(|code| self.is(code))
    }
}
