//! Of the environment and its stacks.

use super::Words;
use crate::cloud::cloudformation::stack_status::StackStatus;
use crate::cloud::sqs::queues::QueueDepth;
use crate::observe::finding::Finding;
use crate::observe::finding::Severity::{Critical, Note, Warning};
use crate::observe::status::{StackState, Status};

pub(super) fn of(status: &Status, words: &Words) -> Vec<Finding> {
    let mut all = Vec::new();
    if status.stacks.is_empty() {
        let meaning = format!("it is not deployed in {}", status.address.place());
        let action = match status.looked.elsewhere(&status.address.region) {
            Some(elsewhere) => format!("deploy it; or look where it runs: {elsewhere}"),
            None => "deploy it, or look at the account and --region".to_owned(),
        };
        let command = format!("qfleet deploy {}", words.file);
        all.push(Finding::new("not-deployed", Warning, meaning, action).command(command));
    }
    if let Some(expires) = status.expires.as_ref().filter(|expires| expires.seconds_left <= 0) {
        let meaning = format!(
            "its lifetime ended {} ago, and it still runs and costs",
            expires.length()
        );
        let command = format!("qfleet destroy {}", words.environment);
        all.push(Finding::new("lab-expired", Warning, meaning, "destroy it").command(command));
    }
    all.extend(missing(status, words));
    all.extend(surplus(status, words));
    for stack in &status.stacks {
        let is_surplus = status.surplus.iter().any(|one| one.stack == stack.stack);
        let of_stack = [state(stack, is_surplus, words), drift(stack, words)];
        all.extend(
            of_stack
                .into_iter()
                .flatten()
                .map(|finding| finding.of_stack(&stack.stack)),
        );
    }
    all
}

/// While something is done to its stacks, others may be about to come.
fn missing(status: &Status, words: &Words) -> Vec<Finding> {
    let is_worked_on = status.stacks.iter().any(|stack| stack.status.is_in_progress());
    let (severity, meaning) = match is_worked_on {
        true => (Note, "it isn't there yet"),
        false => (Critical, "the environment should have it, and it isn't there"),
    };
    let missing = status.missing.iter().map(|stack| {
        let command = format!("qfleet deploy {}", words.file);
        let action = match is_worked_on {
            true => "deploy the environment".to_owned(),
            // CloudFormation may have deleted it again.
            false => format!(
                "deploy the environment; if it couldn't be made, {} says why",
                words.failed_events()
            ),
        };
        let finding = Finding::new("stack-missing", severity, meaning, action);
        finding.command(command).of_stack(stack)
    });
    missing.collect()
}

fn surplus(status: &Status, words: &Words) -> Vec<Finding> {
    let surplus = status.surplus.iter().map(|stack| {
        let stage = status.stages.iter().find(|stage| stage.stage == stack.part);
        let messages = |depth: Option<QueueDepth>, queue: &str| match depth {
            Some(depth) => format!("about {} messages in its {queue}", depth.total()),
            None => format!("an unknown number of messages in its {queue}"),
        };
        let of_stage = stage.map(|stage| {
            let dead = messages(stage.dead_letters, "dead-letter queue");
            format!(", with {} and {dead}", messages(stage.queue, "queue"))
        });
        let of_bucket = stack
            .bucket
            .as_ref()
            .map(|bucket| format!(", with the bucket {bucket}"));
        let holds = [of_stage, of_bucket].into_iter().flatten().collect::<String>();
        let meaning = format!("the file doesn't have `{}` any more, and it runs on{holds}", stack.part);
        let action = "put it back into the file, or destroy it";
        let finding = Finding::new("stack-not-in-file", Warning, meaning, action);
        let of_stack = status.stacks.iter().find(|found| found.stack == stack.stack);
        let lifts = match of_stack.and_then(|found| found.termination_protection) {
            Some(true) => " --disable-protection",
            Some(false) | None => "",
        };
        finding
            .command(format!("qfleet deploy {} --prune{lifts}", words.file))
            .of_stack(&stack.stack)
    });
    surplus.collect()
}

/// What `decide` knows to do about each status. `is_surplus`: the file doesn't have it any more.
fn state(stack: &StackState, is_surplus: bool, words: &Words) -> Option<Finding> {
    use StackStatus::*;

    let word = &stack.status;
    let reason = stack
        .reason
        .as_ref()
        .map_or(String::new(), |reason| format!(": {reason}"));
    let stuck = |meaning: &str, action: &str, verb: &str, env: &str| {
        let meaning = format!("{word}: {meaning}{reason}");
        Finding::new("stack-stuck", Critical, meaning, action).command(format!("qfleet {verb} {env}"))
    };
    Some(match word {
        CreateComplete | UpdateComplete | ImportComplete | DeleteComplete => return None,
        RollbackComplete | RollbackFailed => stuck(
            "its first create failed, and it can't be changed any more",
            &format!(
                "{} says why: mend that and deploy, which deletes it and makes it anew",
                words.failed_events()
            ),
            "deploy",
            &words.file,
        ),
        CreateFailed | UpdateFailed => stuck(
            "it was left as it failed",
            "roll it back, or mend what failed and deploy",
            "recover",
            &words.file,
        ),
        UpdateRollbackFailed => stuck(
            "its last update failed, and so did the way back",
            "repair what blocks it, then let the rollback go on",
            "recover",
            &words.file,
        ),
        DeleteFailed if is_surplus => stuck(
            "it is half deleted, and the file doesn't have it any more",
            "finish that; the rest stays",
            "deploy",
            &format!("{} --prune", words.file),
        ),
        DeleteFailed => stuck("it is half deleted", "finish that", "destroy", &words.environment),
        ImportRollbackFailed => stuck(
            "taking resources into it failed, and so did the way back",
            "repair it in CloudFormation",
            "events --failed",
            &words.environment,
        ),
        UpdateRollbackComplete | ImportRollbackComplete => Finding::new(
            "update-rolled-back",
            Warning,
            format!("{word}: its last update failed; it is what it was before{reason}"),
            "see why, then deploy again",
        )
        .command(format!("qfleet events --failed --since 7d {}", words.environment)),
        ReviewInProgress => Finding::new(
            "stack-in-review",
            Note,
            format!("{word}: it only has change sets, and holds nothing"),
            "deploy goes on with it, destroy takes it away",
        )
        .command(format!("qfleet deploy {}", words.file)),
        Unknown(_) => Finding::new(
            "stack-status-unknown",
            Warning,
            format!("{word}: this version of qfleet doesn't know that status{reason}"),
            "look at the stack in CloudFormation, and for a newer qfleet",
        ),
        _ => Finding::new(
            "operation-running",
            Note,
            format!("{word}: something is done to it now"),
            "wait, or follow it",
        )
        .command(format!("qfleet events --follow {}", words.environment)),
    })
}

fn drift(stack: &StackState, words: &Words) -> Option<Finding> {
    if !stack.drift.is_drifted() {
        return None;
    }
    let checked = stack
        .drift
        .checked_at
        .map_or(String::new(), |at| format!(" of {}", at.strftime("%Y-%m-%d %H:%MZ")));
    let meaning = format!("the last drift detection{checked} found resources that differ from their template");
    let command = format!("qfleet drift {} --part {}", words.environment, stack.part);
    let action = "see whether it matters, and whether it still holds";
    Some(Finding::new("stack-drifted", Note, meaning, action).command(command))
}
