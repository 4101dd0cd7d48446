//! Of a stage's function, and of the mapping that invokes it.

use super::Words;
use crate::cloud::lambda::functions::Configuration;
use crate::cloud::lambda::mappings::Mapping;
use crate::observe::finding::Finding;
use crate::observe::finding::Severity::{Critical, Note, Warning};
use crate::observe::function::FunctionState;
use crate::observe::invocations::Invocations;
use crate::observe::status::StageState;

/// So many invocations that all failed are no accident.
const FAILURES: u64 = 3;

/// `in_progress`: something is done to its stack.
pub(super) fn of(stage: &StageState, in_progress: bool, words: &Words) -> Vec<Finding> {
    let Some(function) = &stage.function else {
        return Vec::new();
    };
    let mut all = vec![fails(stage, function, words), throttled(function)];
    if let Some(configuration) = &function.configuration {
        all.push(broken(configuration, words));
        if !in_progress {
            all.push(update_failed(configuration, words));
        }
    }
    if let Some(mapping) = &function.event_source_mapping {
        all.push(problem(stage, mapping, words));
        all.push(exhausted(stage, function, mapping, words));
        if !in_progress {
            all.push(disabled(stage, function, mapping, words));
        }
    }
    all.into_iter()
        .flatten()
        .map(|finding| finding.of_stage(&stage.stage))
        .collect()
}

/// Whether a destroy that disabled it goes on, nobody can see from here.
fn disabled(stage: &StageState, function: &FunctionState, mapping: &Mapping, words: &Words) -> Option<Finding> {
    if !mapping.is_disabled() {
        return None;
    }
    if !function.disabled_by_destroy {
        let meaning = format!(
            "its event source mapping is {}: the function gets no messages",
            mapping.state
        );
        let action = "enable it, unless somebody has a reason";
        let command = format!(
            "aws lambda update-event-source-mapping --enabled --uuid {}",
            mapping.uuid
        );
        return Some(Finding::new("mapping-disabled", Critical, meaning, action).command(command));
    }
    let goes_on = format!("`qfleet destroy {}` goes on with it", words.environment);
    Some(match stage.queue.map_or(0, |queue| queue.in_flight) {
        0 => {
            let meaning = "a destroy disabled its event source mapping and has not come to its end";
            let action = format!("if it was stopped, {goes_on}; or deploy, which enables the mapping");
            let command = format!("qfleet deploy {}", words.file);
            Finding::new("destroy-stopped", Critical, meaning, action).command(command)
        }
        left => {
            let messages = match left {
                1 => "1 message".to_owned(),
                n => format!("{n} messages"),
            };
            let meaning = format!("a destroy takes its function away, which may finish: {messages} in flight");
            let action =
                format!("wait for the destroy; if it was stopped, {goes_on}, and a deploy enables the mapping again");
            Finding::new("draining", Note, meaning, action)
        }
    })
}

fn broken(configuration: &Configuration, words: &Words) -> Option<Finding> {
    if configuration.state != "Failed" {
        return None;
    }
    let meaning = format!(
        "the function can't be invoked: {}",
        reason(configuration.state_reason.as_ref())
    );
    let command = format!("qfleet deploy {}", words.file);
    Some(
        Finding::new(
            "function-failed",
            Critical,
            meaning,
            "mend what the reason names, then deploy",
        )
        .command(command),
    )
}

fn update_failed(configuration: &Configuration, words: &Words) -> Option<Finding> {
    if configuration.last_update_status != "Failed" {
        return None;
    }
    let meaning = format!(
        "the function's last update failed, and it runs as it was before: {}",
        reason(configuration.last_update_reason.as_ref())
    );
    let command = format!("qfleet deploy {}", words.file);
    let action = "mend what the reason names, then deploy";
    Some(Finding::new("function-update-failed", Warning, meaning, action).command(command))
}

fn reason(reason: Option<&String>) -> &str {
    reason.map_or("Lambda gave no reason", String::as_str)
}

/// Errors are only what ends without an answer, or too late. A function that reports every message as failed has none, but
/// nothing is done either.
fn fails(stage: &StageState, function: &FunctionState, words: &Words) -> Option<Finding> {
    let invocations = function.invocations?;
    let (lately, minutes) = (invocations.lately, invocations.lately_minutes);
    let meaning = if lately.invocations >= FAILURES && lately.errors >= lately.invocations {
        format!(
            "all {} invocations of the last {minutes} minutes failed",
            lately.invocations
        )
    } else if invocations.without_effect {
        format!(
            "the function ran {} times in the last {minutes} minutes, and no message was done",
            lately.invocations
        )
    } else {
        return None;
    };
    let action = "see what it says; its messages go to the dead-letter queue after `max_receives`";
    let command = format!(
        "qfleet logs {} --stage {} --since {minutes}m",
        words.environment, stage.stage
    );
    Some(Finding::new("function-fails", Critical, meaning, action).command(command))
}

/// "PROBLEM: …" of AWS, "FAILED" of the emulator.
fn problem(stage: &StageState, mapping: &Mapping, words: &Words) -> Option<Finding> {
    let result = mapping.last_processing_result.as_deref()?;
    if !result.starts_with("PROBLEM") && result != "FAILED" {
        return None;
    }
    let meaning = format!("the last batch could not be processed: {result}");
    let action = "see what the function says; without a line of it, whether its role may receive from the queue";
    let command = format!("qfleet logs {} --stage {} --since 10m", words.environment, stage.stage);
    Some(Finding::new("mapping-problem", Warning, meaning, action).command(command))
}

fn throttled(function: &FunctionState) -> Option<Finding> {
    let name = &function.function;
    let reserved = function
        .configuration
        .as_ref()
        .and_then(|known| known.reserved_concurrency);
    if reserved == Some(0) {
        let meaning = "nothing may invoke the function: its reserved concurrency is 0";
        let action = "take the limit away, unless somebody has a reason";
        let command = format!("aws lambda delete-function-concurrency --function-name {name}");
        return Some(Finding::new("function-throttled", Critical, meaning, action).command(command));
    }
    let throttles = function.invocations?.last_ten_minutes.throttles;
    if throttles == 0 {
        return None;
    }
    let times = match throttles {
        1 => "once".to_owned(),
        n => format!("{n} times"),
    };
    let meaning = format!("in the last ten minutes Lambda had no room to run the function, {times}");
    let (action, command) = match reserved {
        Some(reserved) => (
            format!("its reserved concurrency, {reserved}, is used up: raise it, or lower `max_concurrency`"),
            format!("aws lambda get-function-concurrency --function-name {name}"),
        ),
        None => (
            "see whether the account's concurrency is used up: have its quota raised, or lower `max_concurrency`"
                .to_owned(),
            "aws lambda get-account-settings".to_owned(),
        ),
    };
    Some(Finding::new("function-throttled", Warning, meaning, action).command(command))
}

fn exhausted(stage: &StageState, function: &FunctionState, mapping: &Mapping, words: &Words) -> Option<Finding> {
    let most = u64::try_from(mapping.maximum_concurrency?).ok()?;
    let Invocations {
        at_once_for_minutes, ..
    } = function.invocations?;
    let waiting = stage.queue?.visible;
    if waiting == 0 || at_once_for_minutes? < most {
        return None;
    }
    let waiting = match waiting {
        1 => "a message waits".to_owned(),
        n => format!("{n} messages wait"),
    };
    let meaning = format!("{waiting}, and the function runs as often at once as it may ({most})");
    let action = "raise `max_concurrency` in the environment file and deploy, or make a message take less time";
    let command = format!("qfleet deploy {}", words.file);
    Some(Finding::new("concurrency-exhausted", Warning, meaning, action).command(command))
}
