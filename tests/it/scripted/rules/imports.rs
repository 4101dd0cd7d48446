//! Resources taken in: by themselves, or by an import of their own.

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::operation::create_change_set::builders::CreateChangeSetFluentBuilder;
use aws_sdk_cloudformation::types::{ChangeSetType, ResourceToImport, Tag};

use crate::endpoint::{Endpoint, Script, Verb};
use crate::scripted::rules::{
    client, creating, delete, deployed, described_change_set, draft, events, execute, made, refusal, settled,
};

const KEPT: &str = "
Resources:
  Queue:
    Type: AWS::SQS::Queue
    DeletionPolicy: Retain
    Properties: {QueueName: work}
  Bucket:
    Type: AWS::S3::Bucket
    DeletionPolicy: Retain
    Properties: {BucketName: files}
";
const URL: &str = "https://sqs.us-east-2.amazonaws.com/111122223333/work";

/// A queue and a bucket that outlived their stack.
async fn kept(script: Script) -> (Endpoint, Client) {
    let endpoint = Endpoint::in_memory(script);
    let client = client(&endpoint);
    deployed(&client, "old", KEPT).await;
    delete(&client, "old").await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    (endpoint, client)
}

fn resource(kind: &str, id: &str, property: &str, value: &str) -> ResourceToImport {
    let resource = ResourceToImport::builder().resource_type(kind).logical_resource_id(id);
    resource.resource_identifier(property, value).build()
}

fn queue() -> ResourceToImport {
    resource("AWS::SQS::Queue", "Queue", "QueueUrl", URL)
}

/// A stack that is to be made of one resource.
fn importing(client: &Client, body: &str, resource: ResourceToImport) -> CreateChangeSetFluentBuilder {
    creating(client, "new", ChangeSetType::Import, body).resources_to_import(resource)
}

const ALONE: &str = "
Resources:
  Queue:
    Type: AWS::SQS::Queue
    DeletionPolicy: Retain
    Properties: {QueueName: work}
";

#[tokio::test(start_paused = true)]
async fn a_create_takes_in_by_itself_what_its_template_identifies_and_collides_with_the_rest() {
    let (_endpoint, client) = kept(Script::new()).await;
    let create = creating(&client, "new", ChangeSetType::Create, KEPT);
    let id = made(create.import_existing_resources(true)).await;
    let described = described_change_set(&client, &id).await;
    let changes = described.changes().iter().filter_map(|change| change.resource_change());
    let mut actions: Vec<String> = changes
        .map(|change| {
            format!(
                "{} {}",
                change.logical_resource_id().unwrap_or_default(),
                change.action().expect("one").as_str()
            )
        })
        .collect();
    actions.sort();
    assert_eq!(actions, ["Bucket Import", "Queue Add"]);
    execute(&client, &id).await;
    assert_eq!(settled(&client, "new").await, "ROLLBACK_COMPLETE");
    let told = events(&client, "new").await;
    let collides = told
        .iter()
        .any(|event| event.starts_with("Queue CREATE_FAILED") && event.contains("already exists"));
    assert!(collides, "{told:#?}");
}

#[tokio::test(start_paused = true)]
async fn an_import_makes_a_stack_of_what_it_names() {
    let (_endpoint, client) = kept(Script::new()).await;
    let id = made(importing(&client, ALONE, queue())).await;
    execute(&client, &id).await;
    assert_eq!(settled(&client, "new").await, "IMPORT_COMPLETE");
    // As in https://github.com/realestate-com-au/stackup/issues/96.
    assert_eq!(
        events(&client, "new").await,
        [
            "new REVIEW_IN_PROGRESS User Initiated",
            "new IMPORT_IN_PROGRESS User Initiated",
            "Queue IMPORT_IN_PROGRESS Resource import started.",
            "Queue IMPORT_IN_PROGRESS",
            "Queue IMPORT_COMPLETE Resource import completed.",
            "Queue UPDATE_IN_PROGRESS Apply stack-level tags to imported resource if applicable.",
            "Queue UPDATE_COMPLETE",
            "new IMPORT_COMPLETE",
        ]
    );
    // It can be changed from there, and knows the queue by its URL.
    let id = draft(
        &client,
        "new",
        ChangeSetType::Update,
        &ALONE.replace("work}", "work, DelaySeconds: 5}"),
        &[],
    )
    .await;
    execute(&client, &id).await;
    assert_eq!(settled(&client, "new").await, "UPDATE_COMPLETE");
    let resources = client
        .describe_stack_resources()
        .stack_name("new")
        .send()
        .await
        .expect("resources");
    assert_eq!(resources.stack_resources()[0].physical_resource_id(), Some(URL));
}

#[tokio::test(start_paused = true)]
async fn an_import_that_fails_lets_go_of_what_it_took() {
    let (endpoint, client) = kept(Script::new().fails("new", "Queue", Verb::Create, "no permission")).await;
    let id = made(importing(&client, ALONE, queue())).await;
    execute(&client, &id).await;
    assert_eq!(settled(&client, "new").await, "ROLLBACK_COMPLETE");
    assert!(endpoint.world(|world| world.kept.contains_key(URL)));
}

#[tokio::test(start_paused = true)]
async fn an_import_does_nothing_else_and_names_what_is_there() {
    let (_endpoint, client) = kept(Script::new()).await;
    let import = |body: &str, resource| importing(&client, body, resource);
    let tag = Tag::builder().key("a").value("b").build();
    let policy = "\nResources:\n  Queue:\n    Type: AWS::SQS::QueuePolicy\n    DeletionPolicy: Retain\n";
    for (asked, why) in [
        (import(ALONE, queue()).tags(tag), "cannot modify or add [Tags]"),
        (
            import(ALONE, queue()).role_arn("arn:aws:iam::111122223333:role/deploys"),
            "[RoleArn]",
        ),
        (
            import(&format!("{ALONE}\nOutputs: {{Url: {{Value: !Ref Queue}}}}"), queue()),
            "[Outputs]",
        ),
        (
            import(KEPT, queue()),
            "Resources [Bucket] is missing from ResourceToImport list",
        ),
        (
            import(&ALONE.replace("    DeletionPolicy: Retain\n", ""), queue()),
            "must have DeletionPolicy",
        ),
        (
            import(ALONE, resource("AWS::SQS::Queue", "Queue", "QueueName", "work")),
            "Expected [QueueUrl]",
        ),
        (
            import(policy, resource("AWS::SQS::QueuePolicy", "Queue", "Id", "x")),
            "ResourceTypes [AWS::SQS::QueuePolicy] are not supported for Import",
        ),
    ] {
        let (code, message) = refusal(asked.send().await);
        assert_eq!(code, "ValidationError");
        assert!(message.contains(why), "{message}");
    }
    let other = resource("AWS::SQS::Queue", "Queue", "QueueUrl", &URL.replace("work", "play"));
    let id = made(import(ALONE, other)).await;
    let described = described_change_set(&client, &id).await;
    assert_eq!(described.status().map(|status| status.as_str()), Some("FAILED"));
    assert!(
        described
            .status_reason()
            .is_some_and(|reason| reason.contains("was not found"))
    );
}
