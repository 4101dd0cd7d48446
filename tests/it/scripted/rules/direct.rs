//! Stacks made and updated without a change set, as qfleet's peers do.

use aws_sdk_cloudformation::types::{OnFailure, Parameter};

use crate::endpoint::{Endpoint, Script, Verb};
use crate::scripted::rules::{TWO_QUEUES, client, refusal, settled};

fn timeout(seconds: &str) -> Parameter {
    Parameter::builder()
        .parameter_key("Timeout")
        .parameter_value(seconds)
        .build()
}

#[tokio::test(start_paused = true)]
async fn a_stack_is_made_once_updated_and_left_alone_when_nothing_changes() {
    let endpoint = Endpoint::in_memory(Script::new());
    let client = client(&endpoint);
    let create = || client.create_stack().stack_name("lab").template_body(TWO_QUEUES);
    let update = || client.update_stack().stack_name("lab").template_body(TWO_QUEUES);
    let (code, message) = refusal(update().send().await);
    assert_eq!(code, "ValidationError");
    assert!(message.contains("does not exist"), "{message}");

    let made = create().client_request_token("once").send().await.expect("made");
    let again = create().client_request_token("once").send().await.expect("the same");
    assert_eq!(made.stack_id(), again.stack_id());
    assert_eq!(
        refusal(update().send().await).1,
        format!(
            "Stack:{} is in CREATE_IN_PROGRESS state and can not be updated.",
            made.stack_id().unwrap_or_default()
        )
    );
    assert_eq!(settled(&client, "lab").await, "CREATE_COMPLETE");
    assert_eq!(refusal(create().send().await).0, "AlreadyExistsException");

    update().parameters(timeout("90")).send().await.expect("updated");
    assert_eq!(settled(&client, "lab").await, "UPDATE_COMPLETE");
    let (code, message) = refusal(update().parameters(timeout("90")).send().await);
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("ValidationError", "No updates are to be performed.")
    );
}

#[tokio::test(start_paused = true)]
async fn what_becomes_of_a_create_that_fails_is_what_was_asked_for() {
    for (asked, becomes) in [
        (None, "ROLLBACK_COMPLETE"),
        (Some(OnFailure::DoNothing), "CREATE_FAILED"),
        (Some(OnFailure::Delete), ""),
    ] {
        let endpoint = Endpoint::in_memory(Script::new().fails("lab", "Queue", Verb::Create, "not today"));
        let client = client(&endpoint);
        let made = client
            .create_stack()
            .stack_name("lab")
            .template_body(TWO_QUEUES)
            .set_on_failure(asked);
        let id = made
            .send()
            .await
            .expect("begun")
            .stack_id()
            .unwrap_or_default()
            .to_owned();
        let ended = settled(&client, &id).await;
        assert_eq!(endpoint.status("lab").unwrap_or_default(), becomes);
        assert_eq!(ended, if becomes.is_empty() { "DELETE_COMPLETE" } else { becomes });
    }
}

#[tokio::test(start_paused = true)]
async fn a_summary_names_the_parameters_of_a_stack_or_a_body() {
    let endpoint = Endpoint::in_memory(Script::new());
    let client = client(&endpoint);
    let of_body = client.get_template_summary().template_body(TWO_QUEUES).send().await;
    let of_body = of_body.expect("a summary");
    assert_eq!(of_body.resource_types(), ["AWS::SQS::Queue"]);
    assert_eq!(of_body.parameters()[0].parameter_key(), Some("Timeout"));
    let missing = client.get_template_summary().stack_name("lab").send().await;
    assert_eq!(refusal(missing).0, "ValidationError");
    let both = client
        .get_template_summary()
        .stack_name("lab")
        .template_body(TWO_QUEUES);
    assert_eq!(refusal(both.send().await).0, "ValidationError");
}
