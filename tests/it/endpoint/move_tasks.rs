//! Message move tasks: SQS moves the messages of a dead-letter queue itself.

use serde_json::{Value, json};

use super::query::Refusal;
use super::queues::{Message, Queues, url_of};

/// A task. It moves messages each time that it is listed, so that no clock is needed.
#[derive(Debug, Clone)]
pub struct Task {
    source: String,
    destination: String,
    status: &'static str,
    reason: Option<&'static str>,
    moved: usize,
    to_move: usize,
    rate: Option<u64>,
    started: u64,
    unlisted: u32,
    uncounted: u32,
}

impl Queues {
    /// A task that somebody started.
    pub fn start(&mut self, source: &str, destination: &str) {
        self.counter += 1;
        let task = Task {
            source: source.to_owned(),
            destination: destination.to_owned(),
            status: "RUNNING",
            reason: None,
            moved: 0,
            to_move: self.queues.get(&url_of(source)).map_or(0, Vec::len),
            rate: None,
            started: 1_700_000_000_000 + self.counter,
            unlisted: self.unlisted,
            uncounted: self.uncounted,
        };
        self.tasks.push(task);
    }

    /// All tasks have ended.
    pub fn end_tasks(&mut self, status: &'static str) {
        self.tasks.iter_mut().for_each(|task| task.status = status);
    }

    /// The rate that the newest task was given.
    pub fn rate(&self) -> Option<u64> {
        self.tasks.last().and_then(|task| task.rate)
    }

    /// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html>
    pub fn start_task(&mut self, input: &Value) -> Result<Value, Refusal> {
        let arn = |name: &str| input[name].as_str().unwrap_or_default().to_owned();
        let (source, destination) = (arn("SourceArn"), arn("DestinationArn"));
        if self.tasks.iter().any(|task| task.source == source && task.is_active()) {
            return Err(Refusal::new(
                400,
                "InvalidParameterValue",
                "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
            ));
        }
        for (name, arn) in [("SourceArn", &source), ("DestinationArn", &destination)] {
            if !self.queues.contains_key(&url_of(arn)) {
                let message = format!("The resource that you specified for the {name} parameter doesn't exist.");
                return Err(Refusal::new(404, "ResourceNotFoundException", message));
            }
        }
        self.start(&source, &destination);
        if let Some(task) = self.tasks.last_mut() {
            task.rate = input["MaxNumberOfMessagesPerSecond"].as_u64();
        }
        Ok(json!({"TaskHandle": "handle"}))
    }

    /// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListMessageMoveTasks.html>, the newest
    /// first. A look is what moves messages: no clock is needed.
    pub fn list_tasks(&mut self, input: &Value) -> Value {
        let source = input["SourceArn"].as_str().unwrap_or_default();
        let most = input["MaxResults"].as_u64().unwrap_or(1) as usize;
        let mut results = Vec::new();
        let step = self.moved_a_look.max(1);
        for task in self.tasks.iter_mut().rev().filter(|task| task.source == source) {
            if task.unlisted > 0 {
                task.unlisted -= 1;
                continue;
            }
            let counted = task.is_active() || task.uncounted == 0;
            let mut described = json!({
                "Status": task.status,
                "SourceArn": task.source,
                "DestinationArn": task.destination,
                "ApproximateNumberOfMessagesMoved": if counted { task.moved } else { 0 },
                "ApproximateNumberOfMessagesToMove": task.to_move,
                "StartedTimestamp": task.started,
            });
            if let Some(rate) = task.rate {
                described["MaxNumberOfMessagesPerSecond"] = rate.into();
            }
            if let Some(reason) = task.reason {
                described["FailureReason"] = reason.into();
            }
            if task.is_active() {
                described["TaskHandle"] = "handle".into();
            } else {
                task.uncounted = task.uncounted.saturating_sub(1);
            }
            results.push(described);
            if !task.is_active() {
                continue;
            }
            let from = self.queues.entry(url_of(&task.source)).or_default();
            let moved: Vec<Message> = from.drain(..step.min(from.len())).collect();
            task.moved += moved.len();
            let done = from.is_empty();
            self.queues.entry(url_of(&task.destination)).or_default().extend(moved);
            if let Some((status, reason)) = self.tasks_end {
                task.status = status;
                task.reason = Some(reason);
            } else if done {
                task.status = "COMPLETED";
            }
        }
        results.truncate(most);
        json!({"Results": results})
    }
}

impl Task {
    fn is_active(&self) -> bool {
        matches!(self.status, "RUNNING" | "CANCELLING")
    }
}
