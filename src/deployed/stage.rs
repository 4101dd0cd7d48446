//! A stage as its stack's outputs and parameters tell it.

use serde::Deserialize;

use super::{Deployed, DeployedStack};
use crate::blueprint::outputs;
use crate::cloud::cloudformation::stacks::StackDescription;
pub use crate::environment::Only;
pub use crate::environment::schedule::{Change, Schedule};

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stage {
    /// Its name, which is the part that its stack holds.
    pub name: String,
    pub queue_url: String,
    pub queue_name: Option<String>,
    pub queue_arn: Option<String>,
    /// The topic that feeds it; none when no topic does.
    pub topic: Option<String>,
    /// Which of the bucket's files it gets; none: all.
    pub only: Option<Only>,
    /// Alarms of its own, by name: not those that scale.
    pub alarms: Vec<String>,
    /// The URL of its dead-letter queue.
    pub dead_letter_queue_url: Option<String>,
    /// The name of its dead-letter queue.
    pub dead_letter_queue_name: Option<String>,
    /// Where its workers reply to jobs, if they do.
    pub replies: Option<Replies>,
    /// When jobs are sent to it by the clock.
    pub schedules: Vec<JobTimes>,
    /// The log group of its workers, by name.
    pub log_group: Option<String>,
    /// None when nothing drains its queue.
    pub workers: Option<Workers>,
    /// Nobody is to work on it, as its file said when it was deployed.
    pub paused: Option<Pause>,
}

/// The queue for replies to a stage's jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replies {
    pub queue_url: String,
    pub dead_letter_queue_url: Option<String>,
}

/// When a schedule sends a job.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct JobTimes {
    pub cron: String,
    /// Its IANA name.
    pub time_zone: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pause {
    /// How long its queue keeps messages, in seconds, unless somebody has changed that.
    pub retention_seconds: Option<u64>,
    /// Because the environment stands by in this region.
    pub stands_by: bool,
}

/// What drains a queue, by its kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Workers {
    Instances(Instances),
    Function(Function),
}

/// An Auto Scaling group of EC2 instances.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Instances {
    pub group: String,
    /// `s3://bucket/key` of the program.
    pub program: Option<String>,
    /// The worker's variables, as lines of a file.
    pub worker_environment: Option<String>,
    /// The backlog per instance that scaling aims at, in messages; none when the stage doesn't scale.
    pub target: Option<f64>,
    /// Whether messages that are being worked on count as backlog.
    pub counts_in_flight: bool,
    /// When its group's bounds change, and to what.
    pub schedule: Schedule,
}

/// A Lambda function, and the event source mapping that invokes it with the queue's messages.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Function {
    pub name: String,
    /// The mapping's UUID.
    pub mapping: String,
    /// `s3://bucket/key` of the program.
    pub program: Option<String>,
    /// The function's variables, as lines of a file.
    pub worker_environment: Option<String>,
}

impl Stage {
    pub fn instances(&self) -> Option<&Instances> {
        match self.workers.as_ref()? {
            Workers::Instances(instances) => Some(instances),
            Workers::Function(_) => None,
        }
    }

    pub fn function(&self) -> Option<&Function> {
        match self.workers.as_ref()? {
            Workers::Function(function) => Some(function),
            Workers::Instances(_) => None,
        }
    }

    /// The name of its group.
    pub fn group(&self) -> Option<&str> {
        self.instances().map(|instances| instances.group.as_str())
    }

    /// Whether nobody works on it because the environment stands by in this region.
    pub fn stands_by(&self) -> bool {
        self.paused.is_some_and(|pause| pause.stands_by)
    }

    /// Whether a stack holds a stage.
    pub fn is_in(stack: &StackDescription) -> bool {
        stack.outputs.contains_key(outputs::QUEUE_URL)
    }

    /// The stage that a stack holds. A stack that is still being created has no outputs, so its stage isn't there yet.
    pub fn of(found: &DeployedStack) -> Option<Stage> {
        let output = |key: &str| found.stack.outputs.get(key).cloned();
        let alarms = [
            outputs::DEAD_LETTERS_ALARM,
            outputs::LATENCY_ALARM,
            outputs::NOBODY_WORKS_ALARM,
            outputs::FUNCTION_ERRORS_ALARM,
            outputs::FUNCTION_THROTTLES_ALARM,
        ];
        Some(Stage {
            name: found.part.clone(),
            queue_url: output(outputs::QUEUE_URL)?,
            queue_name: output(outputs::QUEUE_NAME),
            queue_arn: output(outputs::QUEUE_ARN),
            topic: found.stack.parameters.get("TopicArn").map(|topic| topic.value.clone()),
            only: output(outputs::ONLY).and_then(|text| serde_json::from_str(&text).ok()),
            alarms: alarms.into_iter().filter_map(output).collect(),
            dead_letter_queue_url: output(outputs::DEAD_LETTER_QUEUE_URL),
            dead_letter_queue_name: output(outputs::DEAD_LETTER_QUEUE_NAME),
            replies: output(outputs::REPLY_QUEUE_URL).map(|queue_url| Replies {
                queue_url,
                dead_letter_queue_url: output(outputs::REPLY_DEAD_LETTER_QUEUE_URL),
            }),
            schedules: output(outputs::SCHEDULES)
                .and_then(|text| serde_json::from_str(&text).ok())
                .unwrap_or_default(),
            log_group: output(outputs::LOG_GROUP),
            workers: group(output).or_else(|| function(output)),
            paused: output(outputs::PAUSED).map(|why| Pause {
                stands_by: why == outputs::STANDBY,
                retention_seconds: output(outputs::RETENTION).and_then(|text| text.parse().ok()),
            }),
        })
    }

    /// The stages of an environment, in the order in which their stacks were made.
    pub fn all(deployed: &Deployed) -> Vec<Stage> {
        deployed.stacks.iter().filter_map(Stage::of).collect()
    }
}

/// Which files each stage gets that the bucket feeds; none where one gets every file, or the bucket feeds none.
pub fn choices(stages: &[Stage]) -> Option<Vec<&Only>> {
    let fed = stages.iter().filter(|stage| stage.topic.is_some());
    let all: Option<Vec<&Only>> = fed.map(|stage| stage.only.as_ref()).collect();
    all.filter(|all| !all.is_empty())
}

fn group(output: impl Fn(&str) -> Option<String>) -> Option<Workers> {
    Some(Workers::Instances(Instances {
        group: output(outputs::GROUP)?,
        program: output(outputs::PROGRAM),
        worker_environment: output(outputs::WORKER_ENVIRONMENT),
        target: output(outputs::TARGET).and_then(|text| text.parse().ok()),
        counts_in_flight: output(outputs::COUNTS_IN_FLIGHT).is_none_or(|text| text != "false"),
        schedule: output(outputs::CAPACITY)
            .and_then(|text| Schedule::read(&text))
            .unwrap_or_default(),
    }))
}

fn function(output: impl Fn(&str) -> Option<String>) -> Option<Workers> {
    Some(Workers::Function(Function {
        name: output(outputs::FUNCTION)?,
        mapping: output(outputs::MAPPING)?,
        program: output(outputs::PROGRAM),
        worker_environment: output(outputs::WORKER_ENVIRONMENT),
    }))
}
