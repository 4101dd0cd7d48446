//! Change sets: what they show, and what is refused.

use std::time::Duration;

use aws_sdk_cloudformation::types::{
    Capability, ChangeSetStatus, ChangeSetType, ExecutionStatus, Replacement, RequiresRecreation, Tag,
};
use tokio::time::sleep;

use crate::endpoint::{DescribeEvents, Endpoint, Existing, Script};
use crate::scripted::rules::{
    TWO_QUEUES, client, creating, delete, deleting, deployed, described_change_set, describing_change_set, discard,
    discarding, draft, events, execute, executing, made, refusal, settled, status,
};

#[tokio::test(start_paused = true)]
async fn a_replacement_is_known_and_so_is_what_follows_from_it() {
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
    let read = described_change_set(&client, &id).await;
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
            ("Subscription", Some(Replacement::True))
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

/// A group's subnets are among the properties that make it anew "only" under conditions (its resource schema,
/// `conditionalCreateOnlyProperties`): a change set says `Conditionally` of the property, and `Conditional` of the resource
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceTargetDefinition.html>, API_ResourceChange).
#[tokio::test(start_paused = true)]
async fn a_replacement_under_conditions_is_said_to_be_one() {
    let body = |subnet: &str| {
        format!(
            "Resources:\n  Group:\n    Type: AWS::AutoScaling::AutoScalingGroup\n    Properties: {{MinSize: '0', \
             MaxSize: '1', VPCZoneIdentifier: [{subnet}]}}\n"
        )
    };
    let endpoint = Endpoint::in_memory(Script::new());
    let client = client(&endpoint);
    deployed(&client, "lab", &body("subnet-1")).await;
    let id = draft(&client, "lab", ChangeSetType::Update, &body("subnet-2"), &[]).await;
    let read = described_change_set(&client, &id).await;
    let change = read.changes()[0].resource_change().expect("a resource");
    assert_eq!(change.replacement(), Some(&Replacement::Conditional));
    let target = change.details()[0].target().expect("a property");
    assert_eq!(target.name(), Some("VPCZoneIdentifier"));
    assert_eq!(target.requires_recreation(), Some(&RequiresRecreation::Conditionally));
}

/// `PolicyAction`: <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChange.html>. The
/// recordings only have `Delete` and `ReplaceAndDelete`.
#[tokio::test(start_paused = true)]
async fn what_a_policy_retains_is_said() {
    let queue = |name: &str| {
        format!(
            "Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n    UpdateReplacePolicy: Retain\n    Properties: {{QueueName: \
             {name}}}\n"
        )
    };
    let topic = "  Topic:\n    Type: AWS::SNS::Topic\n    DeletionPolicy: Retain\n    Properties: {TopicName: one}\n";
    let endpoint = Endpoint::in_memory(Script::new());
    let client = client(&endpoint);
    deployed(&client, "lab", &(queue("one") + topic)).await;
    let id = draft(&client, "lab", ChangeSetType::Update, &queue("two"), &[]).await;
    let read = described_change_set(&client, &id).await;
    let changes = read.changes().iter().filter_map(|change| change.resource_change());
    let actions: Vec<_> = changes
        .filter_map(|change| Some((change.logical_resource_id()?, change.policy_action()?.as_str())))
        .collect();
    assert_eq!(actions, [("Queue", "ReplaceAndRetain"), ("Topic", "Retain")]);
}

#[tokio::test(start_paused = true)]
async fn change_sets_are_pending_first_and_can_be_neither_executed_nor_deleted_then() {
    let endpoint = Endpoint::in_memory(Script::new().change_sets_take(Duration::from_secs(10)));
    let client = client(&endpoint);
    let id = draft(&client, "lab", ChangeSetType::Create, TWO_QUEUES, &[]).await;
    let read = |id: String| {
        let client = client.clone();
        async move {
            let read = described_change_set(&client, &id).await;
            (read.status().cloned(), read.execution_status().cloned())
        }
    };
    assert_eq!(read(id.clone()).await.0, Some(ChangeSetStatus::CreatePending));
    sleep(Duration::from_secs(6)).await;
    assert_eq!(read(id.clone()).await.0, Some(ChangeSetStatus::CreateInProgress));
    let (code, message) = refusal(executing(&client, &id).send().await);
    assert_eq!(code, "InvalidChangeSetStatus");
    assert!(
        message.ends_with("cannot be executed in its current status of [CREATE_IN_PROGRESS]"),
        "{message}"
    );
    assert_eq!(
        refusal(discarding(&client, &id).send().await).0,
        "InvalidChangeSetStatus"
    );
    sleep(Duration::from_secs(4)).await;
    assert_eq!(
        read(id.clone()).await,
        (Some(ChangeSetStatus::CreateComplete), Some(ExecutionStatus::Available))
    );
    discard(&client, &id).await;
    discard(&client, &id).await;
    assert_eq!(status(&client, "lab").await, "REVIEW_IN_PROGRESS");
    delete(&client, "lab").await;
    sleep(Duration::from_millis(50)).await;
    assert_eq!(endpoint.stacks(), [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn nothing_to_change_is_a_failed_change_set_and_outputs_alone_are_a_change() {
    let endpoint = Endpoint::in_memory(Script::new());
    let client = client(&endpoint);
    deployed(&client, "lab", TWO_QUEUES).await;
    let id = draft(&client, "lab", ChangeSetType::Update, TWO_QUEUES, &[]).await;
    let read = described_change_set(&client, &id).await;
    assert_eq!(read.status(), Some(&ChangeSetStatus::Failed));
    assert!(
        read.status_reason()
            .unwrap_or_default()
            .starts_with("The submitted information didn't contain changes.")
    );
    assert_eq!(
        refusal(executing(&client, &id).send().await).0,
        "InvalidChangeSetStatus"
    );
    discard(&client, &id).await;

    let more = format!("{TWO_QUEUES}  More: {{Value: more}}\n");
    let id = draft(&client, "lab", ChangeSetType::Update, &more, &[]).await;
    let read = described_change_set(&client, &id).await;
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
    let id = made(creating(&client, "lab", ChangeSetType::Update, TWO_QUEUES).tags(tag)).await;
    let read = described_change_set(&client, &id).await;
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
        let update = creating(&client, "lab", ChangeSetType::Update, TWO_QUEUES);
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
        let create = creating(&client, "lab", ChangeSetType::Create, TWO_QUEUES);
        let (code, message) = refusal(create.change_set_name("new").send().await);
        assert_eq!(
            (code.as_str(), message.as_str()),
            (
                "ValidationError",
                "Stack [lab] already exists and cannot be created again with the changeSet [new]."
            )
        );
    }
    let endpoint = Endpoint::in_memory(Script::new());
    let update = creating(&client(&endpoint), "lab", ChangeSetType::Update, TWO_QUEUES);
    assert_eq!(refusal(update.send().await).1, "Stack [lab] does not exist");
}

#[tokio::test(start_paused = true)]
async fn executing_a_change_set_deletes_the_others_and_it_is_done_once() {
    let endpoint = Endpoint::in_memory(Script::new().resources_take(Duration::from_secs(5)));
    let client = client(&endpoint);
    let other = creating(&client, "lab", ChangeSetType::Create, TWO_QUEUES);
    let other = made(other.change_set_name("other")).await;
    let id = draft(&client, "lab", ChangeSetType::Create, TWO_QUEUES, &[]).await;
    let execute = || executing(&client, &id);
    execute().client_request_token("once").send().await.expect("executed");
    for again in [execute(), execute().client_request_token("once")] {
        assert_eq!(refusal(again.send().await).0, "InvalidChangeSetStatus");
    }
    let gone = describing_change_set(&client, &other).send().await;
    assert_eq!(refusal(gone).0, "ChangeSetNotFound");
    let delete = deleting(&client, "lab").client_request_token("once");
    assert_eq!(refusal(delete.send().await).0, "TokenAlreadyExistsException");
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
        let asked = creating(&client, "lab", ChangeSetType::Create, TWO_QUEUES);
        asked.client_token(token).send()
    };
    let first = make("a").await.expect("made");
    assert_eq!(make("a").await.expect("the same").id(), first.id());
    assert_eq!(refusal(make("b").await).0, "AlreadyExistsException");
    assert_eq!(endpoint.change_sets(), ["test"]);
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
        let create = creating(&client, "lab", ChangeSetType::Create, body);
        let (found, message) = refusal(create.send().await);
        assert!(found == code && message.contains(part), "{found}: {message}");
    }
    assert_eq!(endpoint.stacks(), [] as [&str; 0]);
    let create = creating(&client, "lab", ChangeSetType::Create, role);
    made(create.capabilities(Capability::CapabilityIam)).await;
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
    let read = described_change_set(&client, &id).await;
    assert_eq!(read.status(), Some(&ChangeSetStatus::Failed));
    let ask = || client.describe_events().change_set_name(&id).send();
    let events = ask().await.expect("events");
    assert_eq!(
        events.operation_events()[0].validation_path(),
        Some("/Resources/Queue/Properties/Nonsense")
    );
    endpoint.rescript(|script| script.describe_events(DescribeEvents::UnknownAction));
    assert_eq!(refusal(ask().await).0, "InvalidAction");
}
