//! The scriptable endpoint itself: each rule of AWS's that it plays, through the real SDK.

use std::time::Duration;

use aws_sdk_cloudformation::config::retry::RetryConfig;
use aws_sdk_cloudformation::config::timeout::TimeoutConfig;
use aws_sdk_cloudformation::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_cloudformation::types::{
    Capability, ChangeSetStatus, ChangeSetType, DeletionMode, EventFilter, ExecutionStatus, OnStackFailure, Parameter,
    Replacement, Tag,
};
use aws_sdk_cloudformation::{Client, Config};
use tokio::time::{Instant, sleep};

use crate::endpoint::{DescribeEvents, Endpoint, Existing, Fault, Happening, On, Script, Verb};

/// Two queues, the second needing the first.
const TWO_QUEUES: &str = "
Parameters:
  Timeout: {Type: String, Default: '30'}
Resources:
  Dead:
    Type: AWS::SQS::Queue
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: !Ref Timeout
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 5}
Outputs:
  Url: {Value: !Ref Queue}
  Timeout: {Value: !Sub 'timeout ${Timeout}'}
";

fn config() -> aws_sdk_cloudformation::config::Builder {
    Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-2"))
        .credentials_provider(Credentials::new("AKIAEXAMPLE", "secret", None, None, "test"))
        .retry_config(RetryConfig::disabled())
}

fn client(endpoint: &Endpoint) -> Client {
    Client::from_conf(
        config()
            .http_client(endpoint.http_client())
            .endpoint_url("http://in.memory")
            .build(),
    )
}

/// The code and message of a refusal.
fn refusal<T: std::fmt::Debug, E: ProvideErrorMetadata + std::fmt::Debug, R: std::fmt::Debug>(
    result: Result<T, SdkError<E, R>>,
) -> (String, String) {
    let error = result.expect_err("a refusal");
    let error = error
        .as_service_error()
        .unwrap_or_else(|| panic!("no answer: {error:?}"));
    (
        error.code().unwrap_or_default().to_owned(),
        error.message().unwrap_or_default().to_owned(),
    )
}

/// Makes a change set and waits until it is worked out.
async fn draft(client: &Client, stack: &str, kind: ChangeSetType, body: &str, parameters: &[(&str, &str)]) -> String {
    let parameters = parameters
        .iter()
        .map(|(key, value)| Parameter::builder().parameter_key(*key).parameter_value(*value).build())
        .collect();
    let made = client
        .create_change_set()
        .stack_name(stack)
        .change_set_name("test")
        .change_set_type(kind)
        .template_body(body)
        .set_parameters(Some(parameters))
        .send()
        .await
        .expect("a change set");
    let id = made.id().unwrap_or_default().to_owned();
    sleep(Duration::from_millis(50)).await;
    id
}

async fn execute(client: &Client, change_set: &str) {
    client
        .execute_change_set()
        .change_set_name(change_set)
        .send()
        .await
        .expect("executed");
}

async fn status(client: &Client, stack: &str) -> String {
    let found = client
        .describe_stacks()
        .stack_name(stack)
        .send()
        .await
        .expect("the stack");
    found.stacks()[0].stack_status().expect("a status").as_str().to_owned()
}

async fn settled(client: &Client, stack: &str) -> String {
    loop {
        let status = status(client, stack).await;
        if !status.ends_with("_IN_PROGRESS") {
            return status;
        }
        sleep(Duration::from_millis(100)).await;
    }
}

async fn deployed(client: &Client, stack: &str, body: &str) -> String {
    let id = draft(client, stack, ChangeSetType::Create, body, &[]).await;
    execute(client, &id).await;
    assert_eq!(settled(client, stack).await, "CREATE_COMPLETE");
    let found = client
        .describe_stacks()
        .stack_name(stack)
        .send()
        .await
        .expect("the stack");
    found.stacks()[0].stack_id().unwrap_or_default().to_owned()
}

/// Events of a stack, oldest first: `resource STATUS`, with the reason where there is one.
async fn events(client: &Client, stack: &str) -> Vec<String> {
    let mut pages = client.describe_stack_events().stack_name(stack).into_paginator().send();
    let mut all = Vec::new();
    while let Some(page) = pages.next().await {
        for event in page.expect("events").stack_events() {
            let status = event.resource_status().map_or("", |status| status.as_str());
            let words = [
                event.logical_resource_id().unwrap_or_default(),
                status,
                event.resource_status_reason().unwrap_or_default(),
            ];
            all.push(words.join(" ").trim().to_owned());
        }
    }
    all.reverse();
    all
}

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
    let found = client
        .describe_stacks()
        .stack_name("lab")
        .send()
        .await
        .expect("the stack");
    let outputs: Vec<_> = found.stacks()[0]
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
        let made = client
            .create_change_set()
            .stack_name("lab")
            .change_set_name("test")
            .change_set_type(ChangeSetType::Create)
            .template_body(body)
            .set_on_stack_failure(on_failure)
            .send()
            .await
            .expect("a change set");
        sleep(Duration::from_millis(50)).await;
        execute(&client, made.id().unwrap_or_default()).await;
        let stack = made.stack_id().unwrap_or_default();
        assert_eq!(settled(&client, stack).await, ends);
        let events = events(&client, stack).await;
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
    client
        .execute_change_set()
        .change_set_name(&id)
        .client_request_token("my-token")
        .send()
        .await
        .expect("executed");
    assert_eq!(settled(&client, "lab").await, "ROLLBACK_COMPLETE");
    let page = client
        .describe_stack_events()
        .stack_name("lab")
        .send()
        .await
        .expect("events");
    let of = |status: &str| {
        page.stack_events()
            .iter()
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
    let read = client
        .describe_change_set()
        .change_set_name(&id)
        .include_property_values(true)
        .send()
        .await
        .expect("read");
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
    let found = client
        .describe_stacks()
        .stack_name("lab")
        .send()
        .await
        .expect("the stack");
    assert_eq!(found.stacks()[0].parameters()[0].parameter_value(), Some("60"));
}

#[tokio::test(start_paused = true)]
async fn a_replacement_is_known_and_so_is_what_may_follow_from_it() {
    let body = |name: &str| {
        format!(
            "Resources:\n  Topic:\n    Type: AWS::SNS::Topic\n    Properties: {{TopicName: {name}}}\n  Subscription:\n    \
             Type: AWS::SNS::Subscription\n    Properties: {{TopicArn: !Ref Topic, Protocol: sqs}}\n"
        )
    };
    let endpoint = Endpoint::in_memory(Script::new());
    let client = client(&endpoint);
    deployed(&client, "lab", &body("one")).await;
    let id = draft(&client, "lab", ChangeSetType::Update, &body("two"), &[]).await;
    let read = client
        .describe_change_set()
        .change_set_name(&id)
        .send()
        .await
        .expect("read");
    let replacements: Vec<_> = read
        .changes()
        .iter()
        .filter_map(|change| change.resource_change())
        .map(|change| {
            (
                change.logical_resource_id().unwrap_or_default(),
                change.replacement().cloned(),
            )
        })
        .collect();
    assert_eq!(
        replacements,
        [
            ("Topic", Some(Replacement::True)),
            ("Subscription", Some(Replacement::Conditional))
        ]
    );
    execute(&client, &id).await;
    assert_eq!(settled(&client, "lab").await, "UPDATE_COMPLETE");
    let deleted = events(&client, "lab")
        .await
        .iter()
        .filter(|event| event.ends_with("DELETE_COMPLETE"))
        .count();
    assert_eq!(deleted, 2, "the old topic and the old subscription");
}

#[tokio::test(start_paused = true)]
async fn change_sets_are_pending_first_and_can_be_neither_executed_nor_deleted_then() {
    let endpoint = Endpoint::in_memory(Script::new().change_sets_take(Duration::from_secs(10)));
    let client = client(&endpoint);
    let id = draft(&client, "lab", ChangeSetType::Create, TWO_QUEUES, &[]).await;
    let read = |id: String| {
        let client = client.clone();
        async move {
            let read = client
                .describe_change_set()
                .change_set_name(id)
                .send()
                .await
                .expect("read");
            (read.status().cloned(), read.execution_status().cloned())
        }
    };
    assert_eq!(read(id.clone()).await.0, Some(ChangeSetStatus::CreatePending));
    sleep(Duration::from_secs(6)).await;
    assert_eq!(read(id.clone()).await.0, Some(ChangeSetStatus::CreateInProgress));
    let (code, message) = refusal(client.execute_change_set().change_set_name(&id).send().await);
    assert_eq!(code, "InvalidChangeSetStatus");
    assert!(
        message.ends_with("cannot be executed in its current status of [CREATE_IN_PROGRESS]"),
        "{message}"
    );
    assert_eq!(
        refusal(client.delete_change_set().change_set_name(&id).send().await).0,
        "InvalidChangeSetStatus"
    );
    sleep(Duration::from_secs(4)).await;
    assert_eq!(
        read(id.clone()).await,
        (Some(ChangeSetStatus::CreateComplete), Some(ExecutionStatus::Available))
    );
    client
        .delete_change_set()
        .change_set_name(&id)
        .send()
        .await
        .expect("deleted");
    client
        .delete_change_set()
        .change_set_name(&id)
        .send()
        .await
        .expect("deleted again");
    assert_eq!(status(&client, "lab").await, "REVIEW_IN_PROGRESS");
    client.delete_stack().stack_name("lab").send().await.expect("deleted");
    sleep(Duration::from_millis(50)).await;
    assert_eq!(endpoint.stacks(), [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn nothing_to_change_is_a_failed_change_set_and_outputs_alone_are_a_change() {
    let endpoint = Endpoint::in_memory(Script::new());
    let client = client(&endpoint);
    deployed(&client, "lab", TWO_QUEUES).await;
    let id = draft(&client, "lab", ChangeSetType::Update, TWO_QUEUES, &[]).await;
    let read = client
        .describe_change_set()
        .change_set_name(&id)
        .send()
        .await
        .expect("read");
    assert_eq!(read.status(), Some(&ChangeSetStatus::Failed));
    assert!(
        read.status_reason()
            .unwrap_or_default()
            .starts_with("The submitted information didn't contain changes.")
    );
    assert_eq!(
        refusal(client.execute_change_set().change_set_name(&id).send().await).0,
        "InvalidChangeSetStatus"
    );
    client
        .delete_change_set()
        .change_set_name(&id)
        .send()
        .await
        .expect("deleted");

    let more = format!("{TWO_QUEUES}  More: {{Value: more}}\n");
    let id = draft(&client, "lab", ChangeSetType::Update, &more, &[]).await;
    let read = client
        .describe_change_set()
        .change_set_name(&id)
        .send()
        .await
        .expect("read");
    assert_eq!(
        (read.status(), read.changes().len()),
        (Some(&ChangeSetStatus::CreateComplete), 0)
    );
}

#[tokio::test(start_paused = true)]
async fn changed_tags_change_every_resource() {
    let endpoint = Endpoint::in_memory(Script::new());
    let client = client(&endpoint);
    deployed(&client, "lab", TWO_QUEUES).await;
    let tag = Tag::builder().key("team").value("media").build();
    let made = client
        .create_change_set()
        .stack_name("lab")
        .change_set_name("tags")
        .template_body(TWO_QUEUES)
        .tags(tag)
        .send()
        .await;
    sleep(Duration::from_millis(50)).await;
    let read = client
        .describe_change_set()
        .change_set_name(made.expect("made").id().unwrap_or_default())
        .send()
        .await
        .expect("read");
    assert_eq!(read.changes().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_a_stack_in_each_status_refuses() {
    for (status, updatable) in [
        ("CREATE_COMPLETE", true),
        ("UPDATE_COMPLETE", true),
        ("UPDATE_ROLLBACK_COMPLETE", true),
        ("IMPORT_COMPLETE", true),
        ("UPDATE_FAILED", true),
        ("CREATE_FAILED", true),
        ("ROLLBACK_COMPLETE", false),
        ("ROLLBACK_FAILED", false),
        ("DELETE_FAILED", false),
        ("UPDATE_ROLLBACK_FAILED", false),
        ("UPDATE_IN_PROGRESS", false),
        ("DELETE_IN_PROGRESS", false),
    ] {
        let endpoint = Endpoint::in_memory(Script::new().existing(Existing::new("lab", status)));
        let client = client(&endpoint);
        let update = client
            .create_change_set()
            .stack_name("lab")
            .change_set_name("test")
            .template_body(TWO_QUEUES);
        match updatable {
            true => drop(
                update
                    .send()
                    .await
                    .unwrap_or_else(|error| panic!("{status}: {error:?}")),
            ),
            false => {
                let (code, message) = refusal(update.send().await);
                assert_eq!(code, "ValidationError");
                assert!(
                    message.ends_with(&format!("is in {status} state and can not be updated.")),
                    "{message}"
                );
            }
        }
        let create = client
            .create_change_set()
            .stack_name("lab")
            .change_set_name("new")
            .change_set_type(ChangeSetType::Create);
        let (code, message) = refusal(create.template_body(TWO_QUEUES).send().await);
        assert_eq!(
            (code.as_str(), message.as_str()),
            (
                "ValidationError",
                "Stack [lab] already exists and cannot be created again with the changeSet [new]."
            )
        );
    }
    let endpoint = Endpoint::in_memory(Script::new());
    let update = client(&endpoint)
        .create_change_set()
        .stack_name("lab")
        .change_set_name("test")
        .template_body(TWO_QUEUES);
    assert_eq!(refusal(update.send().await).1, "Stack [lab] does not exist");
}

#[tokio::test(start_paused = true)]
async fn what_was_preserved_is_updated_only_with_rollback_disabled() {
    let endpoint = Endpoint::in_memory(Script::new().fails_times("lab", "Queue", Verb::Update, "no", 2));
    let client = client(&endpoint);
    deployed(&client, "lab", TWO_QUEUES).await;
    let id = draft(&client, "lab", ChangeSetType::Update, TWO_QUEUES, &[("Timeout", "60")]).await;
    client
        .execute_change_set()
        .change_set_name(&id)
        .disable_rollback(true)
        .send()
        .await
        .expect("executed");
    assert_eq!(settled(&client, "lab").await, "UPDATE_FAILED");
    let id = draft(&client, "lab", ChangeSetType::Update, TWO_QUEUES, &[("Timeout", "90")]).await;
    let (_, message) = refusal(client.execute_change_set().change_set_name(&id).send().await);
    assert!(
        message.contains("please use the disable-rollback parameter"),
        "{message}"
    );
    client
        .execute_change_set()
        .change_set_name(&id)
        .disable_rollback(true)
        .send()
        .await
        .expect("executed");
    assert_eq!(settled(&client, "lab").await, "UPDATE_FAILED");
    client
        .rollback_stack()
        .stack_name("lab")
        .send()
        .await
        .expect("rolled back");
    assert_eq!(settled(&client, "lab").await, "UPDATE_ROLLBACK_COMPLETE");
    let found = client
        .describe_stacks()
        .stack_name("lab")
        .send()
        .await
        .expect("the stack");
    assert_eq!(found.stacks()[0].parameters()[0].parameter_value(), Some("30"));
}

#[tokio::test(start_paused = true)]
async fn executing_a_change_set_deletes_the_others_and_a_token_makes_it_once() {
    let endpoint = Endpoint::in_memory(Script::new().resources_take(Duration::from_secs(5)));
    let client = client(&endpoint);
    let other = client
        .create_change_set()
        .stack_name("lab")
        .change_set_name("other")
        .change_set_type(ChangeSetType::Create);
    let other = other.template_body(TWO_QUEUES).send().await.expect("made");
    let id = draft(&client, "lab", ChangeSetType::Create, TWO_QUEUES, &[]).await;
    for _ in 0..2 {
        client
            .execute_change_set()
            .change_set_name(&id)
            .client_request_token("once")
            .send()
            .await
            .expect("executed");
    }
    assert_eq!(
        refusal(client.execute_change_set().change_set_name(&id).send().await).0,
        "InvalidChangeSetStatus"
    );
    assert_eq!(
        refusal(
            client
                .describe_change_set()
                .change_set_name(other.id().unwrap_or_default())
                .send()
                .await
        )
        .0,
        "ChangeSetNotFound"
    );
    assert_eq!(
        refusal(
            client
                .delete_stack()
                .stack_name("lab")
                .client_request_token("once")
                .send()
                .await
        )
        .0,
        "TokenAlreadyExistsException"
    );
    assert_eq!(settled(&client, "lab").await, "CREATE_COMPLETE");
    let creates = events(&client, "lab")
        .await
        .iter()
        .filter(|event| event.starts_with("lab CREATE_IN_PROGRESS"))
        .count();
    assert_eq!(creates, 1);
}

#[tokio::test(start_paused = true)]
async fn a_change_set_that_is_made_again_is_the_same_only_with_the_same_token() {
    let endpoint = Endpoint::in_memory(Script::new());
    let client = client(&endpoint);
    let make = |token: &str| {
        let make = client
            .create_change_set()
            .stack_name("lab")
            .change_set_name("one")
            .change_set_type(ChangeSetType::Create);
        make.template_body(TWO_QUEUES).client_token(token).send()
    };
    let first = make("a").await.expect("made");
    assert_eq!(make("a").await.expect("the same").id(), first.id());
    assert_eq!(refusal(make("b").await).0, "AlreadyExistsException");
    assert_eq!(endpoint.change_sets(), ["one"]);
}

#[tokio::test(start_paused = true)]
async fn deletes() {
    let script = Script::new().fails_times("lab", "Dead", Verb::Delete, "in use", 2);
    let endpoint = Endpoint::in_memory(script);
    let client = client(&endpoint);
    let stack = deployed(&client, "lab", TWO_QUEUES).await;
    client
        .update_termination_protection()
        .stack_name("lab")
        .enable_termination_protection(true)
        .send()
        .await
        .expect("protected");
    let (_, message) = refusal(client.delete_stack().stack_name("lab").send().await);
    assert_eq!(
        message,
        "Stack [lab] cannot be deleted while TerminationProtection is enabled"
    );
    client
        .update_termination_protection()
        .stack_name("lab")
        .enable_termination_protection(false)
        .send()
        .await
        .expect("not protected");
    assert_eq!(
        refusal(
            client
                .delete_stack()
                .stack_name("lab")
                .retain_resources("Dead")
                .send()
                .await
        )
        .0,
        "ValidationError"
    );
    let forced = client
        .delete_stack()
        .stack_name("lab")
        .deletion_mode(DeletionMode::ForceDeleteStack);
    assert_eq!(refusal(forced.send().await).0, "ValidationError");

    client.delete_stack().stack_name("lab").send().await.expect("accepted");
    assert_eq!(settled(&client, "lab").await, "DELETE_FAILED");
    let ended = events(&client, "lab").await;
    assert!(ended.contains(&"Dead DELETE_FAILED in use".to_owned()), "{ended:?}");
    assert_eq!(
        ended.last().map(String::as_str),
        Some("lab DELETE_FAILED The following resource(s) failed to delete: [Dead].")
    );

    client
        .delete_stack()
        .stack_name("lab")
        .retain_resources("Dead")
        .send()
        .await
        .expect("accepted");
    assert_eq!(settled(&client, &stack).await, "DELETE_COMPLETE");
    let (code, message) = refusal(client.describe_stacks().stack_name("lab").send().await);
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("ValidationError", "Stack with id lab does not exist")
    );
    assert!(client.describe_stacks().send().await.expect("all").stacks().is_empty());
    client
        .delete_stack()
        .stack_name("lab")
        .send()
        .await
        .expect("what isn't there is deleted");
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
    client.delete_stack().stack_name("lab").send().await.expect("accepted");
    sleep(Duration::from_secs(1)).await;
    let stack = deployed(&client, "lab", body).await;
    client.delete_stack().stack_name("lab").send().await.expect("accepted");
    assert_eq!(settled(&client, &stack).await, "DELETE_COMPLETE");
    assert!(
        events(&client, &stack)
            .await
            .contains(&"Data DELETE_SKIPPED".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_update_goes_back() {
    let endpoint = Endpoint::in_memory(Script::new());
    let client = client(&endpoint);
    deployed(&client, "lab", TWO_QUEUES).await;
    let (_, message) = refusal(client.cancel_update_stack().stack_name("lab").send().await);
    assert_eq!(message, "CancelUpdateStack cannot be called from current stack status");
    endpoint.rescript(|script| script.takes("lab", "Queue", Duration::from_secs(60)));
    let id = draft(&client, "lab", ChangeSetType::Update, TWO_QUEUES, &[("Timeout", "60")]).await;
    execute(&client, &id).await;
    sleep(Duration::from_secs(5)).await;
    client
        .cancel_update_stack()
        .stack_name("lab")
        .send()
        .await
        .expect("cancelled");
    assert_eq!(status(&client, "lab").await, "UPDATE_ROLLBACK_IN_PROGRESS");
    assert_eq!(
        refusal(client.delete_stack().stack_name("lab").send().await).0,
        "ValidationError"
    );
    assert_eq!(settled(&client, "lab").await, "UPDATE_ROLLBACK_COMPLETE");
    assert!(
        events(&client, "lab")
            .await
            .contains(&"Queue UPDATE_FAILED Resource update cancelled".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn a_failed_rollback_goes_on_or_skips() {
    let script =
        Script::new()
            .fails_times("lab", "Queue", Verb::Update, "no", 1)
            .fails("lab", "Queue", Verb::Restore, "gone");
    let endpoint = Endpoint::in_memory(script);
    let client = client(&endpoint);
    deployed(&client, "lab", TWO_QUEUES).await;
    let id = draft(&client, "lab", ChangeSetType::Update, TWO_QUEUES, &[("Timeout", "60")]).await;
    execute(&client, &id).await;
    assert_eq!(settled(&client, "lab").await, "UPDATE_ROLLBACK_FAILED");
    client
        .continue_update_rollback()
        .stack_name("lab")
        .send()
        .await
        .expect("accepted");
    assert_eq!(settled(&client, "lab").await, "UPDATE_ROLLBACK_FAILED");
    let other = client
        .continue_update_rollback()
        .stack_name("lab")
        .resources_to_skip("Dead")
        .send()
        .await;
    assert_eq!(refusal(other).0, "ValidationError");
    client
        .continue_update_rollback()
        .stack_name("lab")
        .resources_to_skip("Queue")
        .send()
        .await
        .expect("accepted");
    assert_eq!(settled(&client, "lab").await, "UPDATE_ROLLBACK_COMPLETE");
    // The same for a stack that was found like this.
    let existing = Existing::new("old", "UPDATE_ROLLBACK_FAILED").resource("Queue", "UPDATE_FAILED", "gone");
    let endpoint = Endpoint::in_memory(Script::new().existing(existing));
    let client = self::client(&endpoint);
    client
        .continue_update_rollback()
        .stack_name("old")
        .send()
        .await
        .expect("accepted");
    assert_eq!(settled(&client, "old").await, "UPDATE_ROLLBACK_COMPLETE");
}

#[tokio::test(start_paused = true)]
async fn a_stack_that_never_was_complete_is_deleted_by_its_rollback() {
    let endpoint = Endpoint::in_memory(Script::new().fails("lab", "Queue", Verb::Create, "no"));
    let client = client(&endpoint);
    let id = draft(&client, "lab", ChangeSetType::Create, TWO_QUEUES, &[]).await;
    client
        .execute_change_set()
        .change_set_name(&id)
        .disable_rollback(true)
        .send()
        .await
        .expect("executed");
    assert_eq!(settled(&client, "lab").await, "CREATE_FAILED");
    let stack = client
        .rollback_stack()
        .stack_name("lab")
        .send()
        .await
        .expect("accepted")
        .stack_id
        .unwrap_or_default();
    assert_eq!(settled(&client, &stack).await, "DELETE_COMPLETE");
}

#[tokio::test(start_paused = true)]
async fn reads_after_an_order_may_be_stale() {
    let endpoint = Endpoint::in_memory(Script::new().stale_reads(3));
    let client = client(&endpoint);
    let id = draft(&client, "lab", ChangeSetType::Create, TWO_QUEUES, &[]).await;
    execute(&client, &id).await;
    sleep(Duration::from_secs(5)).await;
    assert_eq!(status(&client, "lab").await, "REVIEW_IN_PROGRESS");
    assert_eq!(events(&client, "lab").await.len(), 1);
    assert_eq!(status(&client, "lab").await, "REVIEW_IN_PROGRESS");
    assert_eq!(status(&client, "lab").await, "CREATE_COMPLETE");
}

#[tokio::test(start_paused = true)]
async fn lists_are_paged_and_events_come_newest_first() {
    let script = Script::new()
        .page(10)
        .chatter("lab", "Queue", 42)
        .existing(Existing::new("a", "CREATE_COMPLETE").events(25));
    let endpoint = Endpoint::in_memory(script);
    let client = client(&endpoint);
    deployed(&client, "lab", TWO_QUEUES).await;
    assert_eq!(events(&client, "lab").await.len(), 9 + 42);
    assert_eq!(endpoint.calls("DescribeStackEvents").len(), 6);
    let page = client
        .describe_stack_events()
        .stack_name("a")
        .send()
        .await
        .expect("events");
    assert_eq!(
        page.stack_events()[0].resource_status().map(|status| status.as_str()),
        Some("CREATE_COMPLETE")
    );
    assert_eq!(page.stack_events().len(), 10);
    let wrong = client
        .describe_stack_events()
        .stack_name("a")
        .next_token("made-up")
        .send()
        .await;
    assert_eq!(refusal(wrong).0, "ValidationError");
    let all = client.describe_stacks().send().await.expect("all");
    assert_eq!(
        all.stacks()
            .iter()
            .map(|stack| stack.stack_name().unwrap_or_default())
            .collect::<Vec<_>>(),
        ["lab", "a"]
    );
    assert_eq!(
        all.stacks()[0].enable_termination_protection(),
        None,
        "a listing leaves it out"
    );
    let resources = client
        .list_stack_resources()
        .stack_name("lab")
        .send()
        .await
        .expect("resources");
    assert_eq!(resources.stack_resource_summaries().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn templates_and_parameters_that_aws_refuses() {
    let endpoint = Endpoint::in_memory(Script::new());
    let client = client(&endpoint);
    let role = "Resources:\n  Role: {Type: AWS::IAM::Role}\n";
    let ssm = "Parameters:\n  Image: {Type: 'AWS::SSM::Parameter::Value<String>', Default: /mine}\nResources:\n  Q: {Type: AWS::SQS::Queue}\n";
    let must = "Parameters:\n  Must: {Type: String}\nResources:\n  Q: {Type: AWS::SQS::Queue}\n";
    let long = format!("{TWO_QUEUES}#{}", " ".repeat(51_200));
    for (body, code, part) in [
        ("Resources: {}", "ValidationError", "At least one Resources member"),
        ("Resources: [", "ValidationError", "Template format error"),
        (
            "Resources:\n  A: {Type: AWS::SQS::Queue, Properties: {QueueName: !Ref B}}\n",
            "ValidationError",
            "Unresolved resource dependencies [B]",
        ),
        (
            role,
            "InsufficientCapabilitiesException",
            "Requires capabilities : [CAPABILITY_IAM]",
        ),
        (ssm, "ValidationError", "Unable to fetch parameters [/mine]"),
        (must, "ValidationError", "Parameters: [Must] must have values"),
        (&long, "ValidationError", "less than or equal to 51200"),
    ] {
        let make = client
            .create_change_set()
            .stack_name("lab")
            .change_set_name("test")
            .change_set_type(ChangeSetType::Create);
        let (found, message) = refusal(make.template_body(body).send().await);
        assert!(found == code && message.contains(part), "{found}: {message}");
    }
    assert_eq!(endpoint.stacks(), [] as [&str; 0]);
    let make = client
        .create_change_set()
        .stack_name("lab")
        .change_set_name("test")
        .change_set_type(ChangeSetType::Create);
    make.template_body(role)
        .capabilities(Capability::CapabilityIam)
        .send()
        .await
        .expect("with the capability");
}

#[tokio::test(start_paused = true)]
async fn early_validation_fails_the_change_set_and_says_where() {
    let endpoint = Endpoint::in_memory(Script::new().invalid(
        "lab",
        "Queue",
        "/Resources/Queue/Properties/Nonsense",
        "Unsupported property",
    ));
    let client = client(&endpoint);
    let id = draft(&client, "lab", ChangeSetType::Create, TWO_QUEUES, &[]).await;
    let read = client
        .describe_change_set()
        .change_set_name(&id)
        .send()
        .await
        .expect("read");
    assert_eq!(read.status(), Some(&ChangeSetStatus::Failed));
    let events = client
        .describe_events()
        .change_set_name(&id)
        .send()
        .await
        .expect("events");
    assert_eq!(
        events.operation_events()[0].validation_path(),
        Some("/Resources/Queue/Properties/Nonsense")
    );
    endpoint.rescript(|script| script.describe_events(DescribeEvents::UnknownAction));
    assert_eq!(
        refusal(client.describe_events().change_set_name(&id).send().await).0,
        "InvalidAction"
    );
}

#[tokio::test(start_paused = true)]
async fn the_service_model_disagrees_and_the_test_is_told() {
    let endpoint = Endpoint::in_memory(Script::new().expects_complaints());
    let client = client(&endpoint);
    let (code, message) = refusal(client.describe_stacks().stack_name("no spaces!").send().await);
    assert_eq!(code, "ValidationError");
    // DescribeStacks' own pattern; and lengths, required members and enums of CreateChangeSet.
    let named = client
        .create_change_set()
        .stack_name("lab")
        .change_set_name("1-digit-first")
        .template_body(TWO_QUEUES);
    let (_, pattern) = refusal(named.send().await);
    assert!(
        pattern
            .contains("'changeSetName' failed to satisfy constraint: Member must satisfy regular expression pattern"),
        "{pattern}"
    );
    let (_, missing) = refusal(
        client
            .create_change_set()
            .change_set_name("one")
            .template_body(TWO_QUEUES)
            .send()
            .await,
    );
    assert!(
        missing.contains("Value null at 'stackName' failed to satisfy constraint: Member must not be null"),
        "{missing}"
    );
    let unknown = client
        .create_change_set()
        .stack_name("lab")
        .change_set_name("one")
        .change_set_type(ChangeSetType::from("CHANGE"));
    let (_, words) = refusal(unknown.send().await);
    assert!(
        words.contains("Member must satisfy enum value set: [CREATE, UPDATE, IMPORT]"),
        "{words}"
    );
    assert_eq!(
        endpoint.complaints().len(),
        3 + usize::from(message.contains("pattern"))
    );
}

#[tokio::test(start_paused = true)]
async fn what_others_do_happens_in_its_time() {
    let script = Script::new()
        .existing(Existing::new("lab", "CREATE_COMPLETE"))
        .existing(Existing::new("busy", "UPDATE_IN_PROGRESS").ends(Duration::from_secs(20), "UPDATE_COMPLETE"))
        .at(
            Duration::from_secs(10),
            Happening::Operation {
                stack: "lab".into(),
                during: "UPDATE_IN_PROGRESS".into(),
                takes: Duration::from_secs(30),
                then: "UPDATE_ROLLBACK_COMPLETE".into(),
            },
        )
        .at(Duration::from_secs(60), Happening::Delete { stack: "lab".into() });
    let endpoint = Endpoint::in_memory(script);
    let client = client(&endpoint);
    let seen = async |seconds: u64, stack: &str| {
        sleep(Duration::from_secs(seconds)).await;
        status(&client, stack).await
    };
    assert_eq!(seen(9, "lab").await, "CREATE_COMPLETE");
    assert_eq!(seen(2, "lab").await, "UPDATE_IN_PROGRESS");
    assert_eq!(seen(8, "busy").await, "UPDATE_IN_PROGRESS");
    assert_eq!(seen(2, "busy").await, "UPDATE_COMPLETE");
    assert_eq!(seen(20, "lab").await, "UPDATE_ROLLBACK_COMPLETE");
    sleep(Duration::from_secs(20)).await;
    assert_eq!(endpoint.stacks(), ["busy"]);
}

#[tokio::test(start_paused = true)]
async fn calls_go_wrong_as_scripted_and_are_counted() {
    let script = Script::new()
        .existing(Existing::new("lab", "CREATE_COMPLETE"))
        .fault(On::action("DescribeStacks").numbers(1..=1), Fault::throttling())
        .fault(On::action("DescribeStacks").numbers(2..=2), Fault::internal_failure())
        .fault(On::action("DescribeStacks").numbers(3..=3), Fault::Cut)
        .fault(On::action("DescribeStacks").numbers(4..=4), Fault::Stall)
        .fault(On::action("DescribeStacks").numbers(5..=5), Fault::expired_token())
        .fault(
            On::action("DescribeStacks").numbers(6..=6),
            Fault::access_denied("DescribeStacks"),
        )
        .fault(On::action("DeleteStack").stack("lab"), Fault::CutAfterEffect)
        .fault(
            On::action("DescribeStacks").after(Duration::from_secs(3000)),
            Fault::unavailable(),
        )
        .at_most("ListChangeSets", 2);
    let endpoint = Endpoint::in_memory(script);
    let timeouts = TimeoutConfig::builder().read_timeout(Duration::from_secs(60)).build();
    let client = Client::from_conf(
        config()
            .http_client(endpoint.http_client())
            .endpoint_url("http://in.memory")
            .timeout_config(timeouts)
            .build(),
    );
    let ask = || client.describe_stacks().stack_name("lab").send();
    assert_eq!(
        refusal(ask().await),
        ("Throttling".to_owned(), "Rate exceeded".to_owned())
    );
    assert_eq!(refusal(ask().await).0, "InternalFailure");
    assert!(matches!(ask().await, Err(SdkError::DispatchFailure(failure)) if failure.is_io()));
    let started = Instant::now();
    assert!(matches!(ask().await, Err(SdkError::DispatchFailure(failure)) if failure.is_timeout()));
    assert!(started.elapsed() >= Duration::from_secs(60));
    assert_eq!(refusal(ask().await).0, "ExpiredToken");
    assert_eq!(refusal(ask().await).0, "AccessDenied");
    ask().await.expect("after that, it answers");
    for _ in 0..2 {
        client
            .list_change_sets()
            .stack_name("lab")
            .send()
            .await
            .expect("two a second");
    }
    assert_eq!(
        refusal(client.list_change_sets().stack_name("lab").send().await).0,
        "Throttling"
    );
    assert!(client.delete_stack().stack_name("lab").send().await.is_err());
    sleep(Duration::from_secs(1)).await;
    assert_eq!(endpoint.stacks(), [] as [&str; 0], "the request took effect");
    sleep(Duration::from_secs(3000)).await;
    assert_eq!(refusal(ask().await).0, "ServiceUnavailable");
    assert_eq!(endpoint.calls("DescribeStacks").len(), 8);
    assert_eq!(endpoint.calls_a_second("DescribeStacks")[0], 4);
    assert!(
        endpoint
            .calls("DescribeStacks")
            .iter()
            .all(|call| call.stack.as_deref() == Some("lab"))
    );
}

#[tokio::test(start_paused = true)]
async fn the_sdk_repeats_what_was_lost_and_nothing_is_done_twice() {
    let script = Script::new()
        .fault(On::action("CreateChangeSet").numbers(1..=1), Fault::CutAfterEffect)
        .fault(On::action("ExecuteChangeSet").numbers(1..=1), Fault::CutAfterEffect);
    let endpoint = Endpoint::in_memory(script);
    let retries = RetryConfig::standard().with_max_attempts(3);
    let client = Client::from_conf(
        config()
            .http_client(endpoint.http_client())
            .endpoint_url("http://in.memory")
            .retry_config(retries)
            .build(),
    );
    let make = client
        .create_change_set()
        .stack_name("lab")
        .change_set_name("one")
        .change_set_type(ChangeSetType::Create);
    let made = make
        .template_body(TWO_QUEUES)
        .client_token("one")
        .send()
        .await
        .expect("made");
    sleep(Duration::from_millis(50)).await;
    let execute = client
        .execute_change_set()
        .change_set_name(made.id().unwrap_or_default());
    execute.client_request_token("two").send().await.expect("executed");
    assert_eq!(settled(&client, "lab").await, "CREATE_COMPLETE");
    assert_eq!(
        (
            endpoint.calls("CreateChangeSet").len(),
            endpoint.calls("ExecuteChangeSet").len()
        ),
        (2, 2)
    );
    assert_eq!(
        events(&client, "lab")
            .await
            .iter()
            .filter(|event| event.starts_with("lab CREATE_IN_PROGRESS"))
            .count(),
        1
    );
}

#[tokio::test]
async fn over_tcp_it_is_the_same_and_connections_are_cut_and_stalled() {
    let script = Script::new()
        .fault(On::action("DescribeStacks").numbers(1..=1), Fault::Cut)
        .fault(On::action("DescribeStacks").numbers(2..=2), Fault::Stall);
    let endpoint = Endpoint::serve(script);
    let timeouts = TimeoutConfig::builder()
        .read_timeout(Duration::from_millis(300))
        .build();
    let client = Client::from_conf(config().endpoint_url(endpoint.url()).timeout_config(timeouts).build());
    match client.describe_stacks().send().await {
        Err(SdkError::DispatchFailure(failure)) => assert!(!failure.is_timeout() && !failure.is_user(), "{failure:?}"),
        other => panic!("an answer: {other:?}"),
    }
    assert!(
        matches!(client.describe_stacks().send().await, Err(SdkError::DispatchFailure(failure)) if failure.is_timeout())
    );
    let stack = deployed(&client, "lab", TWO_QUEUES).await;
    client.delete_stack().stack_name("lab").send().await.expect("accepted");
    assert_eq!(settled(&client, &stack).await, "DELETE_COMPLETE");
}
