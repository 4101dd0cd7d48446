//! Of functions and their mappings.

use super::*;
use crate::cloud::lambda::functions::Configuration;
use crate::cloud::lambda::mappings::Mapping;
use crate::observe::function::FunctionState;
use crate::observe::invocations::{Counts, Invocations};

/// Findings of a stage whose function works on messages, after a change.
fn found_in(change: impl FnOnce(&mut StageState, &mut FunctionState)) -> Vec<Finding> {
    let mut stage = StageState {
        backlog: None,
        instances: None,
        alarms: Some(vec![alarm("lab-move-DeadLettersAlarm-1", "OK", false)]),
        ..stage()
    };
    let mut function = FunctionState {
        function: "lab-move-Function-1".into(),
        configuration: Some(Configuration {
            state: "Active".into(),
            last_update_status: "Successful".into(),
            ..Configuration::default()
        }),
        event_source_mapping: Some(Mapping {
            uuid: "0f".into(),
            state: "Enabled".into(),
            maximum_concurrency: Some(20),
            ..Mapping::default()
        }),
        disabled_by_destroy: false,
        invocations: Some(Invocations {
            last_ten_minutes: counts(30, 2, 0),
            lately: counts(36, 2, 0),
            lately_minutes: 12,
            last_hour: counts(300, 2, 0),
            at_once: Some(20),
            at_once_for_minutes: Some(19),
            without_effect: false,
        }),
    };
    change(&mut stage, &mut function);
    stage.function = Some(function);
    found(&status(vec![stack("move", "CREATE_COMPLETE")], vec![stage]))
}

fn counts(invocations: u64, errors: u64, throttles: u64) -> Counts {
    Counts {
        invocations,
        errors,
        throttles,
    }
}

fn configuration(function: &mut FunctionState) -> &mut Configuration {
    function.configuration.as_mut().expect("a configuration")
}

fn mapping(function: &mut FunctionState) -> &mut Mapping {
    function.event_source_mapping.as_mut().expect("a mapping")
}

fn invocations(function: &mut FunctionState) -> &mut Invocations {
    function.invocations.as_mut().expect("invocations")
}

#[test]
fn a_function_that_works_is_nothing_to_look_into() {
    assert_eq!(found_in(|_, _| {}), []);
    // What isn't known is no finding.
    assert_eq!(found_in(|_, function| *function = FunctionState::default()), []);
}

#[test]
fn a_mapping_that_is_disabled() {
    for state in ["Disabled", "Disabling"] {
        let disabled = found_in(|_, function| mapping(function).state = state.into());
        only(&disabled, "mapping-disabled", Severity::Critical);
        let enable = "aws lambda update-event-source-mapping --enabled --uuid 0f --region us-east-2";
        assert_eq!(disabled[0].command.as_deref(), Some(enable));
    }
    assert_eq!(found_in(|_, function| mapping(function).state = "Updating".into()), []);
}

#[test]
fn a_mapping_that_a_destroy_disabled() {
    let by_destroy = |in_flight| {
        found_in(|stage, function| {
            mapping(function).state = "Disabled".into();
            function.disabled_by_destroy = true;
            stage.queue.as_mut().expect("a queue").in_flight = in_flight;
        })
    };
    let draining = by_destroy(3);
    only(&draining, "draining", Severity::Note);
    assert!(draining[0].meaning.contains("3 messages in flight"), "{draining:?}");
    let stopped = by_destroy(0);
    only(&stopped, "destroy-stopped", Severity::Critical);
    assert_eq!(stopped[0].command.as_deref(), Some("qfleet deploy lab.yaml"));
}

#[test]
fn a_function_that_fails_everything() {
    let lately = |counts| found_in(|_, function| invocations(function).lately = counts);
    let fails = lately(counts(3, 3, 0));
    only(&fails, "function-fails", Severity::Critical);
    assert_eq!(
        fails[0].command.as_deref(),
        Some("qfleet logs lab.yaml --stage move --since 12m")
    );
    assert_eq!(fails[0].meaning, "all 3 invocations of the last 12 minutes failed");
    assert_eq!(lately(counts(2, 2, 0)), [], "too few to say so");
    assert_eq!(lately(counts(30, 29, 0)), [], "one went well");
    // It answers, and every message comes back.
    let idle = found_in(|_, function| invocations(function).without_effect = true);
    only(&idle, "function-fails", Severity::Critical);
    assert!(
        idle[0].meaning.contains("ran 36 times in the last 12 minutes"),
        "{idle:?}"
    );
}

#[test]
fn a_function_that_is_throttled() {
    let throttled = |reserved| {
        found_in(|_, function| {
            configuration(function).reserved_concurrency = reserved;
            invocations(function).last_ten_minutes.throttles = 4;
        })
    };
    let by_account = throttled(None);
    only(&by_account, "function-throttled", Severity::Warning);
    assert!(
        by_account[0].action.contains("the account's concurrency"),
        "{by_account:?}"
    );
    let by_reserved = throttled(Some(2));
    only(&by_reserved, "function-throttled", Severity::Warning);
    assert!(
        by_reserved[0].action.contains("its reserved concurrency, 2"),
        "{by_reserved:?}"
    );
    // Whether it was tried or not: nothing can run.
    let off = found_in(|_, function| {
        configuration(function).reserved_concurrency = Some(0);
        function.invocations = None;
    });
    only(&off, "function-throttled", Severity::Critical);
    assert_eq!(
        off[0].command.as_deref(),
        Some("aws lambda delete-function-concurrency --function-name lab-move-Function-1 --region us-east-2")
    );
}

#[test]
fn a_function_that_failed_or_whose_update_failed() {
    let failed = found_in(|_, function| {
        configuration(function).state = "Failed".into();
        configuration(function).state_reason = Some("the role cannot be assumed".into());
    });
    only(&failed, "function-failed", Severity::Critical);
    assert!(
        failed[0].meaning.ends_with(": the role cannot be assumed"),
        "{failed:?}"
    );
    let update = found_in(|_, function| configuration(function).last_update_status = "Failed".into());
    only(&update, "function-update-failed", Severity::Warning);
    assert!(update[0].meaning.ends_with(": Lambda gave no reason"), "{update:?}");
    for state in ["Pending", "Inactive"] {
        assert_eq!(found_in(|_, function| configuration(function).state = state.into()), []);
    }
}

#[test]
fn a_batch_that_could_not_be_processed() {
    let result = |text: &str| found_in(|_, function| mapping(function).last_processing_result = Some(text.into()));
    only(
        &result("PROBLEM: Function call failed"),
        "mapping-problem",
        Severity::Warning,
    );
    assert_eq!(result("OK"), []);
    assert_eq!(result("No records processed"), []);
}

#[test]
fn a_function_that_runs_as_often_at_once_as_it_may() {
    let full = |visible: u64, at_once: u64| {
        found_in(|stage, function| {
            stage.queue = Some(depth(visible));
            invocations(function).at_once_for_minutes = Some(at_once);
        })
    };
    let exhausted = full(500, 20);
    only(&exhausted, "concurrency-exhausted", Severity::Warning);
    assert!(exhausted[0].meaning.contains("(20)"), "{exhausted:?}");
    assert_eq!(full(0, 20), [], "nothing waits");
    assert_eq!(full(500, 19), []);
}

#[test]
fn what_an_update_does_on_purpose_is_not_looked_into() {
    let mut stage = StageState {
        instances: None,
        backlog: None,
        ..stage()
    };
    stage.function = Some(FunctionState {
        event_source_mapping: Some(Mapping {
            state: "Disabled".into(),
            ..Mapping::default()
        }),
        ..FunctionState::default()
    });
    let updating = found(&status(vec![stack("move", "UPDATE_IN_PROGRESS")], vec![stage]));
    only(&updating, "operation-running", Severity::Note);
}
