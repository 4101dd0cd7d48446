//! How creates and updates go, and what becomes of those that fail.

use std::time::Duration;

use aws_sdk_cloudformation::types::{ChangeSetType, EventFilter, OnStackFailure, Replacement};
use tokio::time::{Instant, sleep};

use crate::endpoint::{Endpoint, Script, Verb};
use crate::scripted::rules::{
    TWO_QUEUES, client, creating, delete, deployed, described, described_change_set, describing_change_set, draft,
    events, execute, execute_without_rollback, executing, first_page, made, refusal, roll_back, settled, status,
};

#[tokio::test(start_paused = true)]
async fn a_create_goes_through_its_statuses_in_the_order_of_needs_and_in_time() {
    let script =
        Script::new()
            .takes("lab", "Dead", Duration::from_secs(20))
            .takes("lab", "Queue", Duration::from_secs(40));
    let endpoint = Endpoint::in_memory(script);
    let client = client(&endpoint);
    let id = draft(&client, "lab", ChangeSetType::Create, TWO_QUEUES, &[("Timeout", "60")]).await;
    assert_eq!(status(&client, "lab").await, "REVIEW_IN_PROGRESS");
    let started = Instant::now();
    execute(&client, &id).await;
    sleep(Duration::from_secs(59)).await;
    assert_eq!(status(&client, "lab").await, "CREATE_IN_PROGRESS");
    sleep(Duration::from_millis(1020)).await;
    assert_eq!(status(&client, "lab").await, "CREATE_COMPLETE");
    assert!(started.elapsed() < Duration::from_secs(61));
    assert_eq!(
        events(&client, "lab").await,
        [
            "lab REVIEW_IN_PROGRESS User Initiated",
            "lab CREATE_IN_PROGRESS User Initiated",
            "Dead CREATE_IN_PROGRESS",
            "Dead CREATE_IN_PROGRESS Resource creation Initiated",
            "Dead CREATE_COMPLETE",
            "Queue CREATE_IN_PROGRESS",
            "Queue CREATE_IN_PROGRESS Resource creation Initiated",
            "Queue CREATE_COMPLETE",
            "lab CREATE_COMPLETE",
        ]
    );
    let found = described(&client, "lab").await;
    let outputs: Vec<_> = found
        .outputs()
        .iter()
        .map(|output| output.output_value().unwrap_or_default())
        .collect();
    assert_eq!(outputs[0], "timeout 60");
    assert!(
        outputs[1].starts_with("https://sqs.us-east-2.amazonaws.com/111122223333/lab-Queue-"),
        "{outputs:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_failed_create_cancels_the_rest_and_is_rolled_back_deleted_or_kept() {
    let body = "Resources:\n  Bad: {Type: AWS::SQS::Queue}\n  Slow: {Type: AWS::SQS::Queue}\n";
    for (on_failure, ends) in [
        (None, "ROLLBACK_COMPLETE"),
        (Some(OnStackFailure::Rollback), "ROLLBACK_COMPLETE"),
        (Some(OnStackFailure::Delete), "DELETE_COMPLETE"),
        (Some(OnStackFailure::DoNothing), "CREATE_FAILED"),
    ] {
        let script = Script::new().fails("lab", "Bad", Verb::Create, "no such thing").takes(
            "lab",
            "Slow",
            Duration::from_secs(60),
        );
        let endpoint = Endpoint::in_memory(script);
        let client = client(&endpoint);
        let create = creating(&client, "lab", ChangeSetType::Create, body);
        let id = made(create.set_on_stack_failure(on_failure)).await;
        let stack = described_change_set(&client, &id).await.stack_id.expect("a stack");
        execute(&client, &id).await;
        assert_eq!(settled(&client, &stack).await, ends);
        let events = events(&client, &stack).await;
        let first = events
            .iter()
            .position(|event| event == "Bad CREATE_FAILED no such thing")
            .expect("the cause");
        assert_eq!(
            events[first + 1],
            "Slow CREATE_FAILED Resource creation cancelled",
            "{events:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_rollback_has_an_operation_of_its_own_and_tokens_are_carried_into_events() {
    let endpoint = Endpoint::in_memory(Script::new().fails("lab", "Queue", Verb::Create, "no"));
    let client = client(&endpoint);
    let id = draft(&client, "lab", ChangeSetType::Create, TWO_QUEUES, &[]).await;
    let asked = executing(&client, &id).client_request_token("my-token");
    asked.send().await.expect("executed");
    assert_eq!(settled(&client, "lab").await, "ROLLBACK_COMPLETE");
    let page = first_page(&client, "lab").await;
    let of = |status: &str| {
        page.iter()
            .find(|event| event.resource_status().is_some_and(|known| known.as_str() == status))
    };
    let (create, rollback) = (
        of("CREATE_FAILED").expect("failed"),
        of("ROLLBACK_COMPLETE").expect("rolled back"),
    );
    assert_ne!(create.operation_id(), rollback.operation_id());
    assert_eq!(create.client_request_token(), Some("my-token"));
    // Asked for by operation, DescribeEvents gives the failures alone.
    let failed = client
        .describe_events()
        .operation_id(create.operation_id().unwrap_or_default())
        .filters(EventFilter::builder().failed_events(true).build())
        .send()
        .await
        .expect("events");
    assert_eq!(failed.operation_events().len(), 1);
    assert_eq!(failed.operation_events()[0].resource_status_reason(), Some("no"));
}

#[tokio::test(start_paused = true)]
async fn an_update_cleans_up_and_a_failed_one_goes_back() {
    let endpoint = Endpoint::in_memory(Script::new());
    let client = client(&endpoint);
    deployed(&client, "lab", TWO_QUEUES).await;
    let id = draft(&client, "lab", ChangeSetType::Update, TWO_QUEUES, &[("Timeout", "60")]).await;
    let asked = describing_change_set(&client, &id).include_property_values(true);
    let read = asked.send().await.expect("the change set");
    let change = read.changes()[0].resource_change().expect("a change");
    assert_eq!((read.changes().len(), change.logical_resource_id()), (1, Some("Queue")));
    assert_eq!(change.replacement(), Some(&Replacement::False));
    let target = change.details()[0].target().expect("a target");
    assert_eq!((target.before_value(), target.after_value()), (Some("30"), Some("60")));
    assert_eq!(target.path(), Some("/Properties/VisibilityTimeout"));
    execute(&client, &id).await;
    assert_eq!(settled(&client, "lab").await, "UPDATE_COMPLETE");
    let ended = events(&client, "lab").await;
    assert_eq!(
        ended[ended.len() - 2..],
        ["lab UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "lab UPDATE_COMPLETE"]
    );

    endpoint.rescript(|script| script.fails_times("lab", "Queue", Verb::Update, "refused", 1));
    let id = draft(&client, "lab", ChangeSetType::Update, TWO_QUEUES, &[("Timeout", "90")]).await;
    execute(&client, &id).await;
    assert_eq!(settled(&client, "lab").await, "UPDATE_ROLLBACK_COMPLETE");
    let ended = events(&client, "lab").await;
    let from = ended
        .iter()
        .position(|event| event == "Queue UPDATE_FAILED refused")
        .expect("the cause");
    assert_eq!(
        ended[from + 1..],
        [
            "lab UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to update: [Queue].",
            "Queue UPDATE_IN_PROGRESS",
            "Queue UPDATE_COMPLETE",
            "lab UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
            "lab UPDATE_ROLLBACK_COMPLETE",
        ]
    );
    let found = described(&client, "lab").await;
    assert_eq!(found.parameters()[0].parameter_value(), Some("60"));
}

#[tokio::test(start_paused = true)]
async fn what_was_preserved_is_updated_only_with_rollback_disabled() {
    let endpoint = Endpoint::in_memory(Script::new().fails_times("lab", "Queue", Verb::Update, "no", 2));
    let client = client(&endpoint);
    deployed(&client, "lab", TWO_QUEUES).await;
    let id = draft(&client, "lab", ChangeSetType::Update, TWO_QUEUES, &[("Timeout", "60")]).await;
    execute_without_rollback(&client, &id).await;
    assert_eq!(settled(&client, "lab").await, "UPDATE_FAILED");
    let id = draft(&client, "lab", ChangeSetType::Update, TWO_QUEUES, &[("Timeout", "90")]).await;
    let (_, message) = refusal(executing(&client, &id).send().await);
    assert!(
        message.contains("please use the disable-rollback parameter"),
        "{message}"
    );
    execute_without_rollback(&client, &id).await;
    assert_eq!(settled(&client, "lab").await, "UPDATE_FAILED");
    roll_back(&client, "lab").await;
    assert_eq!(settled(&client, "lab").await, "UPDATE_ROLLBACK_COMPLETE");
    let found = described(&client, "lab").await;
    assert_eq!(found.parameters()[0].parameter_value(), Some("30"));
}

#[tokio::test(start_paused = true)]
async fn data_that_is_to_be_kept_is_kept_except_after_a_failed_first_create() {
    let body = "Resources:\n  Data:\n    Type: AWS::SQS::Queue\n    DeletionPolicy: RetainExceptOnCreate\n  Late:\n    \
                Type: AWS::SQS::Queue\n    DependsOn: Data\n";
    let endpoint = Endpoint::in_memory(Script::new().fails_times("lab", "Late", Verb::Create, "no", 1));
    let client = client(&endpoint);
    let id = draft(&client, "lab", ChangeSetType::Create, body, &[]).await;
    execute(&client, &id).await;
    assert_eq!(settled(&client, "lab").await, "ROLLBACK_COMPLETE");
    assert!(
        events(&client, "lab")
            .await
            .contains(&"Data DELETE_COMPLETE".to_owned())
    );
    delete(&client, "lab").await;
    sleep(Duration::from_secs(1)).await;
    let stack = deployed(&client, "lab", body).await;
    delete(&client, "lab").await;
    assert_eq!(settled(&client, &stack).await, "DELETE_COMPLETE");
    assert!(
        events(&client, &stack)
            .await
            .contains(&"Data DELETE_SKIPPED".to_owned())
    );
}
