//! Of what a stage scales by.

use super::Words;
use crate::observe::alarm::MISSING;
use crate::observe::finding::Finding;
use crate::observe::finding::Severity::{Critical, Note, Warning};
use crate::observe::status::StageState;

pub(super) fn of(stage: &StageState, words: &Words) -> Vec<Finding> {
    let all = [alarms_missing(stage, words), blind(stage)];
    all.into_iter()
        .flatten()
        .map(|finding| finding.of_stage(&stage.stage))
        .collect()
}

/// A stage that should scale, without a policy; a policy without its alarms; an alarm that isn't there.
fn alarms_missing(stage: &StageState, words: &Words) -> Option<Finding> {
    let policies = stage.instances.as_ref()?.scaling_policies.as_ref()?;
    let gone = stage
        .alarms
        .iter()
        .flatten()
        .filter(|alarm| alarm.alarm.state == MISSING);
    let gone: Vec<&str> = gone
        .filter(|alarm| alarm.scales)
        .map(|alarm| alarm.alarm.name.as_str())
        .collect();
    let without = policies.iter().find(|policy| policy.alarms.is_empty());
    let meaning = match (stage.backlog.is_some() && policies.is_empty(), without) {
        (true, _) => "its scaling policy is gone: the fleet doesn't scale".to_owned(),
        (_, Some(policy)) => format!("the scaling policy {} has no alarms: it never acts", policy.name),
        (_, None) if gone.is_empty() => return None,
        _ => format!("alarms of its scaling policy are gone: {}", gone.join(", ")),
    };
    let action = "put the policy back, which makes its alarms anew";
    let command = words.put_back(&stage.stage);
    Some(Finding::new("scaling-alarms-missing", Critical, meaning, action).command(command))
}

/// A queue that nobody uses publishes nothing after six hours, and then there is nothing to scale for
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-monitoring-using-cloudwatch.html>).
fn blind(stage: &StageState) -> Option<Finding> {
    let mut scaling = stage.alarms.iter().flatten().filter(|alarm| alarm.scales);
    let alarm = scaling.find(|alarm| alarm.alarm.state == "INSUFFICIENT_DATA")?;
    let idle = stage.queue.is_some_and(|queue| queue.total() == 0);
    let meaning = format!(
        "the alarm {} has insufficient data: the fleet doesn't scale by it",
        alarm.alarm.name
    );
    let (severity, action) = match idle {
        true => (
            Note,
            "nothing, while the queue is empty: it stops publishing metrics after six hours",
        ),
        false => (
            Warning,
            "wait some minutes after a deploy or a long idle time; then see which metric is missing in CloudWatch",
        ),
    };
    Some(Finding::new("scaling-data-missing", severity, meaning, action))
}
