//! The stages of a deployed environment: which queues and which group, as their stacks' outputs name them.

use crate::cloud::cloudformation::stacks::StackDescription;
use crate::deployed::Deployed;

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stage {
    /// Its name, which is the part that its stack holds.
    pub name: String,
    pub queue_url: String,
    pub queue_name: Option<String>,
    pub queue_arn: Option<String>,
    /// The topic that feeds it; none when no topic does.
    pub topic: Option<String>,
    /// Alarms of its own, by name: not those that scale.
    pub alarms: Vec<String>,
    pub dead_letter_queue_url: Option<String>,
    /// Its group's name.
    pub group: Option<String>,
    /// The backlog per instance that scaling aims at, in messages; none when the stage doesn't scale.
    pub target: Option<f64>,
    /// Whether messages that are being worked on count as backlog.
    pub counts_in_flight: bool,
}

impl Stage {
    /// Whether a stack holds a stage.
    pub fn is_in(stack: &StackDescription) -> bool {
        stack.outputs.contains_key("QueueUrl")
    }

    /// The stages of an environment, in the order in which their stacks were made. A stack that is still being created has no outputs,
    /// so its stage isn't there yet.
    pub fn all(deployed: &Deployed) -> Vec<Stage> {
        let stages = deployed.stacks.iter().filter_map(|found| {
            let output = |key: &str| found.stack.outputs.get(key);
            let alarms = ["DeadLettersAlarmName", "LatencyAlarmName"];
            Some(Stage {
                name: found.part.clone(),
                queue_arn: output("QueueArn").cloned(),
                topic: found.stack.parameters.get("TopicArn").map(|topic| topic.value.clone()),
                alarms: alarms.iter().filter_map(|key| output(key)).cloned().collect(),
                queue_url: output("QueueUrl")?.clone(),
                queue_name: output("QueueName").cloned(),
                dead_letter_queue_url: output("DeadLetterQueueUrl").cloned(),
                group: output("GroupName").cloned(),
                target: output("TargetBacklogPerInstance").and_then(|text| text.parse().ok()),
                counts_in_flight: output("BacklogCountsInFlight").is_none_or(|text| text != "false"),
            })
        });
        stages.collect()
    }
}
