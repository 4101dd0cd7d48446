//! Lambda receives nothing more from a queue before the queue goes.

use std::time::Duration;

use crate::endpoint::{Endpoint, Fault, On, Script, ScriptedMapping};
use crate::scripted::destroy::{destroy, order, part, serve};

/// A stage whose queue is read by a function.
fn stage(mapping: Option<ScriptedMapping>) -> Script {
    let body = "\
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties: {QueueName: lab-work}
  Mapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties: {FunctionName: lab-work, EventSourceArn: !GetAtt Queue.Arn}
";
    let script = Script::new().existing(part("work", "", body));
    match mapping {
        Some(mapping) => script.mapping(mapping),
        None => script,
    }
}

fn enabled() -> ScriptedMapping {
    ScriptedMapping {
        state: "Enabled".into(),
        disables: Duration::from_secs(2),
        in_use: 0,
        ..ScriptedMapping::default()
    }
}

fn is_gone(endpoint: &Endpoint) {
    assert_eq!(endpoint.stacks(), [] as [&str; 0]);
}

/// From the first request to disable the mapping to the stack's deletion.
fn waited(endpoint: &Endpoint) -> Duration {
    endpoint.calls("DeleteStack")[0].at - endpoint.calls("UpdateEventSourceMapping")[0].at
}

#[test]
fn a_mapping_is_disabled_before_its_stack_goes() {
    let endpoint = serve(stage(Some(enabled())));
    destroy(&endpoint)
        .stderr_contains("✓ lab-work: Lambda receives no more messages (event source mapping")
        .stderr_lacks("warning")
        .run();
    is_gone(&endpoint);
    let updates = endpoint.calls("UpdateEventSourceMapping");
    assert_eq!(updates.len(), 1);
    assert_eq!(updates[0].body, r#"{"Enabled":false}"#);
    assert!(waited(&endpoint) >= Duration::from_secs(2), "{:?}", waited(&endpoint));
}

#[test]
fn without_draining_it_is_asked_for_and_not_waited_for() {
    let endpoint = serve(stage(Some(ScriptedMapping {
        disables: Duration::from_secs(3600),
        ..enabled()
    })));
    destroy(&endpoint)
        .args(["--no-drain"])
        .stderr_contains("is being disabled")
        .run();
    is_gone(&endpoint);
    let actions = order(
        &endpoint,
        &["UpdateEventSourceMapping", "GetEventSourceMapping", "DeleteStack"],
    );
    // The last one is asked for what is left.
    assert_eq!(
        actions,
        [
            "GetEventSourceMapping",
            "UpdateEventSourceMapping",
            "DeleteStack",
            "GetEventSourceMapping"
        ]
    );
}

#[test]
fn one_that_is_being_updated_is_disabled_after_that() {
    let endpoint = serve(stage(Some(ScriptedMapping { in_use: 2, ..enabled() })));
    destroy(&endpoint)
        .stderr_contains("Lambda receives no more messages")
        .run();
    is_gone(&endpoint);
    assert_eq!(endpoint.calls("UpdateEventSourceMapping").len(), 3);
}

#[test]
fn without_draining_one_that_is_being_updated_is_not_waited_for_either() {
    let endpoint = serve(stage(Some(ScriptedMapping {
        in_use: u32::MAX,
        ..enabled()
    })));
    destroy(&endpoint)
        .args(["--no-drain"])
        .stderr_contains("is deleted as it is: UpdateEventSourceMapping failed")
        .run();
    is_gone(&endpoint);
    assert_eq!(endpoint.calls("UpdateEventSourceMapping").len(), 1);
}

#[test]
fn one_that_is_gone_already_is_nothing_to_speak_of() {
    let endpoint = serve(stage(None));
    destroy(&endpoint).stderr_lacks("event source mapping").run();
    is_gone(&endpoint);
}

#[test]
fn one_that_may_not_be_disabled_is_warned_of_and_deleted_as_it_is() {
    let action = "UpdateEventSourceMapping";
    let script = stage(Some(enabled())).fault(On::action(action), Fault::access_denied(action));
    let endpoint = serve(script);
    destroy(&endpoint)
        .stderr_contains("is deleted as it is: UpdateEventSourceMapping failed")
        .run();
    is_gone(&endpoint);
}
